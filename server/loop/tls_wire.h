/*
 * tls_wire - what OpenSSL reads from and writes to: the socket of one connection.
 *
 * In place of OpenSSL's own socket BIO, which goes by way of read(), write() and a callback before and after each operation.
 * Belongs to its SSL object, is freed with it, and goes along with it from thread to thread.
 */
#ifndef PORTCULLIS_LOOP_TLS_WIRE_H
#define PORTCULLIS_LOOP_TLS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ssl_st SSL;

/* Gives `ssl` a wire on `fd`, which stays the caller's. False without memory. Any thread. */
bool __attribute__((warn_unused_result)) tls_wire_attach(SSL *ssl, int fd);

/* Nothing more is read: all reads from now on fail, though not as those at the end of the input do. */
void tls_wire_cut(const SSL *ssl);
bool tls_wire_is_cut(const SSL *ssl);

/* Counts one step of OpenSSL's state machine, for tls_guard; how many there were, or UINT16_MAX for more than that. */
unsigned tls_wire_step(const SSL *ssl);

/* What a receive came to that was made elsewhere, `result` being its bytes or a negative errno: the next reads get that before the
 * socket is asked again. `bytes` is borrowed until tls_wire_keep(), which copies what has not been read by then; without memory
 * for it, the wire is cut. */
void tls_wire_lend(const SSL *ssl, const uint8_t *bytes, int result);
void tls_wire_keep(const SSL *ssl);
/* Whether there is something that was lent or kept. */
bool tls_wire_has_input(const SSL *ssl);

struct tls_wire_sink {
    uint8_t *bytes;
    size_t room;
    size_t size; /* of what was written */
};

/* Until tls_wire_collected(), what is written goes into `sink`, which is borrowed, to be sent by somebody else. The wire must have
 * nothing unsent. More than there is room for is an error of the connection. */
void tls_wire_collect(const SSL *ssl, struct tls_wire_sink *sink);
void tls_wire_collected(const SSL *ssl);

/* What was collected and did not go: it is sent before anything else. `owed` is the plaintext in it, which its writer will
 * come with again. False without memory. */
bool __attribute__((warn_unused_result)) tls_wire_leave(const SSL *ssl, const uint8_t *bytes, size_t size, size_t owed);

/* Sends what was left. True when all of it is gone, and then *owed_r need not be written again; false with errno of the socket. */
bool __attribute__((warn_unused_result)) tls_wire_flush(const SSL *ssl, size_t *owed_r);

#endif
