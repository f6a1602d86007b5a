/*
 * tls_guard - a bound on handshake messages after the handshake.
 *
 * OpenSSL handles KeyUpdate (RFC 8446 §4.6.3) and refused renegotiations inside SSL_read(), which does not return as long as
 * more of them arrive: one peer that sends nothing else would hold the loop's thread for as long as it likes. Past
 * TLS_GUARD_STEPS over the life of a connection, its wire is cut: its next read fails.
 */
#ifndef PORTCULLIS_LOOP_TLS_GUARD_H
#define PORTCULLIS_LOOP_TLS_GUARD_H

typedef struct ssl_ctx_st SSL_CTX;

/* A message takes OpenSSL's state machine three steps, one that asks for an answer five: so this is 1,200 messages at least, and
 * some 20 ms of work in all. A peer that changes its key as often as AES-GCM asks (every 2^24 records) needs weeks to get there
 * at 10,000 messages a second. */
#define TLS_GUARD_STEPS 6000

/* Guards all connections of the context, which must have a tls_wire each. Main thread, before the first of them. */
void tls_guard_watch(SSL_CTX *context);

#endif
