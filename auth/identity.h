/*
 * identity - who a token says its bearer is, until when, and what he may do. Made by token_check(); one block of memory,
 * immutable, owned by whoever holds it: a session, mostly. Any thread.
 */
#ifndef PORTCULLIS_AUTH_IDENTITY_H
#define PORTCULLIS_AUTH_IDENTITY_H

#include <stddef.h>
#include <stdint.h>

#include "auth/permissions.h"

#define IDENTITY_USER_MAX 256 /* bytes */
#define IDENTITY_NO_TIME  INT64_MIN
#define IDENTITY_FOREVER  INT64_MAX

struct identity {
    const char *user;     /* UTF-8 without control characters; 1 to IDENTITY_USER_MAX bytes */
    const char *token_id; /* "jti", or "" */
    const char *issuer;   /* "iss", or "" */
    const char *key_id;   /* of the key that proved it */
    int64_t issued_at_s;  /* "iat", seconds since the epoch, or IDENTITY_NO_TIME */
    int64_t expires_at_s; /* when the session ends: "exp" and the leeway, or IDENTITY_FOREVER */
    struct permissions permissions;
    const char *claims; /* the payload as it was signed, JSON */
    size_t claims_size;
    size_t memory_size; /* bytes of the block: permissions take several times what a token has of them */
};

/* NULL is fine. */
void identity_free(struct identity **identity);

#endif
