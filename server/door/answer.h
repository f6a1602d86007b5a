/*
 * answer - the few HTTP/1.1 answers a WebSocket server gives, formatted into a caller's buffer.
 *
 * Every answer but the 101 ends the connection and says so (RFC 9112 §9.6). There is no Server field: it would only
 * tell a scanner what to try. Pure functions: any thread.
 */
#ifndef PORTCULLIS_DOOR_ANSWER_H
#define PORTCULLIS_DOOR_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define ANSWER_SIZE_MAX 1024 /* bytes; enough for any status with text and challenge of up to 256 bytes each */

struct answer {
    unsigned status;        /* 400 401 403 404 405 408 413 414 417 426 429 431 500 501 503 505 */
    const char *text;       /* the body: one sentence, printable ASCII, no newline; never bytes from the peer */
    unsigned retry_after_s; /* for 429 and 503; 0: no Retry-After field (RFC 9110 §10.2.3) */
    const char *challenge;  /* WWW-Authenticate of a 401 (RFC 9110 §11.6.1); NULL: a plain Bearer challenge */
    bool without_body;      /* the request was HEAD: the fields alone (RFC 9110 §9.3.2) */
};

/*
 * Writes the whole answer and returns its size in bytes; no NUL is added. Returns 0, which is a mistake of the caller,
 * for a status not listed above, a text or challenge that is not printable ASCII, or a buffer too small (ANSWER_SIZE_MAX
 * is enough). `now` is the Date; a clock outside the years 1 to 9999 leaves it out (RFC 9110 §6.6.1).
 */
size_t __attribute__((warn_unused_result))
answer_format(const struct answer *answer, time_t now, char *out, size_t out_size);

/*
 * The 101 that opens a WebSocket (RFC 6455 §4.2.2 point 5): `accept` is the Sec-WebSocket-Accept value, `protocol` the
 * subprotocol and `extensions` the extensions agreed upon, or NULL for none. Returns as answer_format().
 */
size_t __attribute__((warn_unused_result))
answer_upgrade(const char *accept, const char *protocol, const char *extensions, char *out, size_t out_size);

#endif
