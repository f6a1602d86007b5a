/*
 * handshake - the opening handshake of RFC 6455 §4 on header values. Pure functions: any thread.
 */
#ifndef PORTCULLIS_WS_HANDSHAKE_H
#define PORTCULLIS_WS_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>

#define HANDSHAKE_ACCEPT_SIZE  29 /* 28 characters of base64 and a NUL */
#define HANDSHAKE_PROTOCOL_MAX 32 /* elements of Sec-WebSocket-Protocol, empty ones counted */

/* Header values as NUL-terminated strings, NULL when absent. Repeated Connection fields are joined with ", ". White
 * space around a value is ignored (RFC 9110 §5.5). */
struct handshake_request {
    const char *method; /* "GET" */
    const char *upgrade;
    const char *connection;
    const char *key;       /* Sec-WebSocket-Key */
    const char *version;   /* Sec-WebSocket-Version */
    const char *protocols; /* Sec-WebSocket-Protocol */
};

enum handshake_status {
    HANDSHAKE_OK,
    HANDSHAKE_NOT_UPGRADE,     /* not GET, no "websocket" in Upgrade or no "upgrade" in Connection: 426 */
    HANDSHAKE_VERSION,         /* absent or not 13: 426 with Sec-WebSocket-Version: 13 (§4.2.2, §4.4) */
    HANDSHAKE_KEY,             /* absent, or not the base64 of exactly 16 bytes: 400 (§4.1, §4.2.1) */
    HANDSHAKE_PROTOCOL_SYNTAX, /* not a list of 1 to HANDSHAKE_PROTOCOL_MAX distinct tokens (§4.1 point 10): 400 */
};

/* A short phrase for logs and answers. Static. */
const char *handshake_status_text(enum handshake_status status);

/*
 * Judges the request; the first status of the enum that fits is returned.
 *
 * Upgrade and Connection are lists compared without case (RFC 9110 §7.6.1, §7.8); "websocket" counts without a version
 * only. The key is 22 base64 characters and "=="; the four bits of the last one that are not data are ignored (RFC 4648
 * §3.5 leaves that open, and §4.2.1 asks for no more than a decoded length of 16). In Sec-WebSocket-Protocol empty
 * elements are skipped, as RFC 9110 §5.6.1.2 wants of a recipient, but a list of nothing else is refused.
 */
enum handshake_status __attribute__((warn_unused_result)) handshake_check(const struct handshake_request *request);

/* Sec-WebSocket-Accept for a checked key (§4.2.2 point 5.4), NUL-terminated. False, with `out` untouched, when OpenSSL
 * cannot hash (no memory, or a provider without SHA-1): the answer is then a 503. */
bool __attribute__((warn_unused_result)) handshake_accept(const char *key, char out[HANDSHAKE_ACCEPT_SIZE]);

/* The first protocol of the client's list (its order is its preference) that the server supports; compared with case.
 * Returns an element of `supported`, or NULL. `protocols` may be NULL and has passed handshake_check(). */
const char *handshake_select_protocol(const char *protocols, const char *const *supported, size_t count);

#endif
