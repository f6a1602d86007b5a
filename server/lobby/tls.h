/*
 * tls - the server's side of TLS: one OpenSSL context from the config, and the whole first record before any memory is spent.
 */
#ifndef PORTCULLIS_LOBBY_TLS_H
#define PORTCULLIS_LOBBY_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/config/config.h"

typedef struct ssl_ctx_st SSL_CTX;

/* TLS 1.2 or 1.3 with forward-secret AEAD ciphers, no renegotiation, no compression, ALPN http/1.1. NULL when the certificate or key
 * cannot be used; `error` then says which and why. The caller owns one reference (SSL_CTX_free). Main thread. */
SSL_CTX *tls_context_create(const struct config *config, char *error, size_t error_size);

/* A TLS record as RFC 8446 §5.1 lays it out: 5 bytes of header, then at most this many of payload. */
#define TLS_RECORD_HEADER 5
#define TLS_RECORD_MAX    16384

enum tls_hello {
    TLS_HELLO_WHOLE,   /* the first record is all there */
    TLS_HELLO_MORE,    /* *need_r bytes are needed */
    TLS_HELLO_HTTP,    /* it looks like a plain HTTP request */
    TLS_HELLO_GARBAGE, /* it is no TLS handshake record */
};

/* Judges the first bytes of a connection on a TLS listener, peeked. Pure. */
enum tls_hello tls_hello_check(const uint8_t *bytes, size_t size, size_t *need_r);

/* Why the last OpenSSL call of this thread failed, e.g. "no shared cipher"; takes it off OpenSSL's queue. Static text. */
const char *tls_error_text(void);

#endif
