/*
 * credential - finds the token in a request, in the places where the endpoint looks for one. Whether it is any good is for
 * auth/token.h to say. Pure functions: any thread.
 */
#ifndef PORTCULLIS_DOOR_CREDENTIAL_H
#define PORTCULLIS_DOOR_CREDENTIAL_H

#include <stddef.h>

#include "server/config/config.h"

/* Field values as NUL-terminated strings, NULL when absent. */
struct credential_places {
    unsigned sources;          /* of enum config_token_source: the others are not looked at */
    const char *authorization; /* of another scheme than Bearer, it holds no token */
    const char *protocols;     /* Sec-WebSocket-Protocol, which has passed handshake_check() */
    const char *query;         /* of the target, as sent */
    const char *parameter;     /* its name there */
};

enum credential_status {
    CREDENTIAL_FOUND,
    CREDENTIAL_NONE,
    CREDENTIAL_SEVERAL,      /* more than one token, which of them is meant? (RFC 6750 §2): 400 */
    CREDENTIAL_BAD_HEADER,   /* not "Bearer" and one b64token (RFC 6750 §2.1): 400 */
    CREDENTIAL_BAD_PROTOCOL, /* "bearer." with nothing behind it: 400 */
    CREDENTIAL_BAD_QUERY,    /* an empty parameter, or percent-encoding that is none: 400 */
    CREDENTIAL_NO_MEMORY,    /* 503 */
};

struct credential {
    const char *token; /* in one of the places, or `decoded` */
    size_t size;       /* bytes, at least one */
    enum config_token_source source;
    char *decoded; /* owned, or NULL */
    size_t decoded_size;
};

/* On CREDENTIAL_FOUND give the result back with credential_free(). */
enum credential_status __attribute__((warn_unused_result))
credential_find(const struct credential_places *places, struct credential *credential_r);
/* Wipes what it owns. An empty one (all zero) is fine. */
void credential_free(struct credential *credential);

/* A sentence for answers and logs. Static. */
const char *credential_status_text(enum credential_status status);

#endif
