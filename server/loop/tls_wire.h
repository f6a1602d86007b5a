/*
 * tls_wire - what OpenSSL reads from and writes to: the socket of one connection.
 *
 * In place of OpenSSL's own socket BIO, which goes by way of read(), write() and a callback before and after each operation.
 * Belongs to its SSL object, is freed with it, and goes along with it from thread to thread.
 */
#ifndef PORTCULLIS_LOOP_TLS_WIRE_H
#define PORTCULLIS_LOOP_TLS_WIRE_H

#include <stdbool.h>

typedef struct ssl_st SSL;

/* Gives `ssl` a wire on `fd`, which stays the caller's. False without memory. Any thread. */
bool __attribute__((warn_unused_result)) tls_wire_attach(SSL *ssl, int fd);

/* Nothing more is read: all reads from now on fail, though not as those at the end of the input do. */
void tls_wire_cut(const SSL *ssl);
bool tls_wire_is_cut(const SSL *ssl);

#endif
