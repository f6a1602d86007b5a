/*
 * transport - a connected non-blocking socket, with or without TLS on it.
 *
 * One thread at a time, the owner of the connection; handed over whole from the lobby to a session loop.
 */
#ifndef PORTCULLIS_LOOP_TRANSPORT_H
#define PORTCULLIS_LOOP_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

typedef struct ssl_st SSL;

struct transport {
    int fd;   /* -1: none */
    SSL *ssl; /* NULL: plain */
};

enum transport_status {
    TRANSPORT_OK,
    TRANSPORT_WANT_READ,  /* nothing more before the socket is readable */
    TRANSPORT_WANT_WRITE, /* nothing more before the socket is writable */
    TRANSPORT_END,        /* the peer ended its direction; over TLS with or without close_notify */
    TRANSPORT_LOST,       /* reset or timed out */
    TRANSPORT_TLS_ERROR,  /* the peer broke TLS; nothing may be written any more */
};

/* Reads up to `size` bytes; *size_r > 0 on TRANSPORT_OK. */
enum transport_status __attribute__((warn_unused_result))
transport_read(struct transport *transport, void *bytes, size_t size, size_t *size_r);

/* Whether transport_read() would give bytes that the kernel no longer holds, so that epoll would not tell of them. */
bool transport_has_pending(const struct transport *transport);

/* Writes the pieces in order, as much as goes; *written_r is the bytes taken, also when the status is not OK.
 * TRANSPORT_OK: all of them. After a WANT status the next write must begin with the bytes that were not taken. */
enum transport_status __attribute__((warn_unused_result))
transport_write(struct transport *transport, struct iovec *pieces, int count, size_t *written_r);

/* What a receive or a send of `size` bytes came to that was made elsewhere, on the socket of a plain connection; `result` is its
 * bytes or a negative errno. As of transport_read() and transport_write(). */
enum transport_status transport_received(ssize_t result, size_t *size_r);
enum transport_status transport_sent(ssize_t result, size_t size, size_t *written_r);

/* transport_read() over TLS, of what a receive came to that was made elsewhere on its socket. To be done only when
 * transport_has_pending() says no. */
enum transport_status __attribute__((warn_unused_result))
transport_read_fetched(struct transport *transport, const uint8_t *fetched, int result, void *bytes, size_t size,
                       size_t *size_r);
/* Leaves that for a later transport_read(). */
void transport_keep_fetched(struct transport *transport, const uint8_t *fetched, int result);

/* What a plaintext grows by at most when it is sealed, a message of the protocol's own that has waited for it included. */
#define TRANSPORT_SEAL_ROOM 1024
/* What is sealed at a time: one record (RFC 8446 §5.1). */
#define TRANSPORT_SEAL_MAX 16384

/* Encrypts `size` bytes into `sealed`, which has TRANSPORT_SEAL_ROOM more, to be sent elsewhere or with transport_send_sealed().
 * False when that cannot be done now: transport_write() is to be called, as if this had not been. */
bool __attribute__((warn_unused_result))
transport_seal(struct transport *transport, const void *bytes, size_t size, uint8_t *sealed, size_t *sealed_size_r);
/* What sending it came to, as of transport_write() with the `size` bytes in it: what the socket did not take is kept, and the next
 * transport_write() must begin with those bytes. */
enum transport_status __attribute__((warn_unused_result))
transport_sealed_sent(struct transport *transport, const uint8_t *sealed, size_t sealed_size, int result, size_t size,
                      size_t *written_r);
enum transport_status __attribute__((warn_unused_result))
transport_send_sealed(struct transport *transport, const uint8_t *sealed, size_t sealed_size, size_t size,
                      size_t *written_r);

/* Bytes that the kernel still holds for the peer: not sent, or not acknowledged. 0 when that cannot be told. */
size_t transport_unacknowledged(const struct transport *transport);

/* Tells the peer that nothing more comes: TLS close_notify, then FIN. Reading goes on. */
void transport_shutdown(struct transport *transport);

/* Frees and closes; with `reset` the peer gets a RST and unsent bytes are dropped. Afterwards fd is -1. */
void transport_close(struct transport *transport, bool reset);

#endif
