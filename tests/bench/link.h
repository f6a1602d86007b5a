/*
 * link - one non-blocking TCP connection, with or without TLS. A link belongs to one thread; the target is shared and
 * immutable. Certificates are not verified.
 */
#ifndef PORTCULLIS_BENCH_LINK_H
#define PORTCULLIS_BENCH_LINK_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "tests/bench/options.h"

struct link_target {
    struct sockaddr_storage address;
    socklen_t address_size;
    SSL_CTX *tls; /* NULL: plain */
    BIO_METHOD *bio;
    unsigned source_addresses;
};

/* Stays where it is while it is open: OpenSSL knows its address. */
struct link {
    int fd; /* -1: not open */
    SSL *ssl;
    bool is_drained; /* the last read of the socket found less than it asked for */
};

enum link_status {
    LINK_OK,
    LINK_WAIT, /* for the socket to become readable or writable */
    LINK_END,  /* of the stream */
    LINK_ERROR,
};

/* Main thread. Complains on stderr when it fails. */
bool __attribute__((warn_unused_result)) link_target_make(const struct options *options, struct link_target *target);
void link_target_free(struct link_target *target);

/* Starts to connect. `number` chooses the source address. */
bool __attribute__((warn_unused_result))
link_open(struct link *link, const struct link_target *target, unsigned number);

/* Once the socket is writable: whether the connection stands. Prepares TLS; *session, if not NULL, is resumed, and what
 * the server grants for later replaces it. `session` must outlive the link; NULL: no resumption. */
enum link_status __attribute__((warn_unused_result))
link_connected(struct link *link, const struct link_target *target, SSL_SESSION **session);
/* Call until it is not LINK_WAIT. LINK_OK at once without TLS. */
enum link_status __attribute__((warn_unused_result)) link_handshake(struct link *link);
bool link_is_resumed(const struct link *link);
/* What a handshake agreed on, as constant strings; NULL without TLS. */
const char *link_tls_version(const struct link *link);
const char *link_tls_cipher(const struct link *link);

enum link_status __attribute__((warn_unused_result))
link_read(struct link *link, uint8_t *bytes, size_t size, size_t *got_r);
enum link_status __attribute__((warn_unused_result))
link_write(struct link *link, const uint8_t *bytes, size_t size, size_t *put_r);

/* Whether OpenSSL holds bytes that were read from the socket and not yet by link_read(). */
bool link_has_pending(const struct link *link);

/* With a reset: an orderly end would leave the local port in TIME_WAIT and soon no port free. */
void link_close(struct link *link);

#endif
