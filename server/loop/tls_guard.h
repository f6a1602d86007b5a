/*
 * tls_guard - a bound on handshake messages after the handshake.
 *
 * OpenSSL handles KeyUpdate (RFC 8446 §4.6.3) and refused renegotiations inside SSL_read(), which does not return as long as
 * more of them arrive: one peer that sends nothing else would hold the loop's thread for as long as it likes. Past
 * TLS_GUARD_MESSAGES over the life of a connection, its next read fails.
 */
#ifndef PORTCULLIS_LOOP_TLS_GUARD_H
#define PORTCULLIS_LOOP_TLS_GUARD_H

#include <stdbool.h>

typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;

/* Some 15 ms of work in all. A peer that changes its key as often as AES-GCM asks (every 2^24 records) needs weeks to get
 * there at 10,000 messages a second. */
#define TLS_GUARD_MESSAGES 1000

/* Makes all connections of the context count. Main thread, before the first of them. */
void tls_guard_watch(SSL_CTX *context);

/* Puts the bound on a connection whose socket is set (SSL_set_fd). */
void tls_guard_attach(SSL *ssl);

/* Whether the bound was passed. */
bool tls_guard_tripped(const SSL *ssl);

#endif
