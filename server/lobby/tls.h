/*
 * tls - the server's side of TLS: OpenSSL's context from the config, and the whole first record before any memory is spent.
 */
#ifndef PORTCULLIS_LOBBY_TLS_H
#define PORTCULLIS_LOBBY_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/config/config.h"

struct certificate_set;
struct ticket_keys;
typedef struct ssl_st SSL;
typedef struct ssl_ctx_st SSL_CTX;

/* TLS 1.2 or 1.3 with forward-secret AEAD ciphers, no renegotiation, no compression, ALPN http/1.1; a certificate by the name that the
 * client asks for, session tickets by `tickets` (borrowed; outlives all handshakes), client certificates as the config wants them. NULL
 * when something cannot be used; every such file has been reported then. The caller owns one reference (SSL_CTX_free). Main thread or that
 * of a reload. */
SSL_CTX *tls_context_create(const struct config *config, struct ticket_keys *tickets, config_report_fn *report,
                            void *context);

/* Whether another context by this config would be the same: neither settings nor files have changed since it was made. Reads the files.
 * Main thread or that of a reload. */
bool tls_context_is_current(const SSL_CTX *context, const struct config *config);

/* The certificates of a context, which lives as long. */
const struct certificate_set *tls_certificates(const SSL_CTX *context);

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

/* After the handshake: wipes and frees the key exchange's keys, which OpenSSL would hold as long as the connection. */
void tls_forget_exchange(SSL *ssl);

/* Why the last OpenSSL call of this thread failed, e.g. "no shared cipher"; takes it off OpenSSL's queue. Static text. */
const char *tls_error_text(void);

#define TLS_FAILURE_SIZE 384

/* Why the handshake of `ssl` failed, with what is known of it beyond that: which name was not found, what is wrong with the client's
 * certificate. Holds bytes of the peer's choice, but no NUL. Takes OpenSSL's errors off its queue. Returns `text`. */
const char *tls_failure_text(const SSL *ssl, char text[TLS_FAILURE_SIZE]);

/* A callback for OpenSSL: a daemon has nobody to ask, so an encrypted key is an error, not a prompt that waits on a terminal. */
int tls_no_passphrase(char *buffer, int size, int is_write, void *context);

#endif
