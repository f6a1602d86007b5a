/*
 * tls_wire - a BIO method of our own on a non-blocking socket; see tls_wire.h. Runs on whichever thread owns the connection.
 */
#include "server/loop/tls_wire.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <openssl/bio.h>
#include <openssl/ssl.h>

struct tls_wire {
    int fd;
    bool cut;
    bool ended; /* the peer's FIN was read */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method; /* NULL: no memory */

/* What OpenSSL makes of a failure: to be tried again, or the end. */
static int failure(BIO *bio, void (*retry)(BIO *bio))
{
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
        retry(bio);
    }
    return 0;
}

static void retry_read(BIO *bio)
{
    BIO_set_retry_read(bio);
}

static void retry_write(BIO *bio)
{
    BIO_set_retry_write(bio);
}

/* 1 or 0, as BIO_read_ex(). */
static int on_read(BIO *bio, char *bytes, size_t size, size_t *size_r)
{
    struct tls_wire *wire = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (wire->cut) {
        return 0;
    }
    ssize_t count;
    do {
        count = recv(wire->fd, bytes, size, 0);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return failure(bio, retry_read);
    }
    wire->ended = count == 0;
    *size_r = (size_t)count;
    return count > 0;
}

static int on_write(BIO *bio, const char *bytes, size_t size, size_t *size_r)
{
    const struct tls_wire *wire = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t count;
    do {
        count = send(wire->fd, bytes, size, MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    if (count < 0) {
        return failure(bio, retry_write);
    }
    *size_r = (size_t)count;
    return 1;
}

static long on_control(BIO *bio, int command, long number, void *pointer)
{
    const struct tls_wire *wire = BIO_get_data(bio);
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH: /* nothing is held back */
        return 1;
    case BIO_CTRL_EOF:
        return wire->ended;
    default:
        return 0;
    }
}

static int on_destroy(BIO *bio)
{
    free(BIO_get_data(bio));
    return 1;
}

static void make_method(void)
{
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tls_wire");
    if (made != NULL && BIO_meth_set_read_ex(made, on_read) == 1 && BIO_meth_set_write_ex(made, on_write) == 1 &&
        BIO_meth_set_ctrl(made, on_control) == 1 && BIO_meth_set_destroy(made, on_destroy) == 1) {
        method = made;
    } else {
        BIO_meth_free(made);
    }
}

bool tls_wire_attach(SSL *ssl, int fd)
{
    (void)pthread_once(&once, make_method);
    struct tls_wire *wire = method == NULL ? NULL : calloc(1, sizeof(*wire));
    BIO *bio = wire == NULL ? NULL : BIO_new(method);
    if (bio == NULL) {
        free(wire);
        return false;
    }
    wire->fd = fd;
    BIO_set_data(bio, wire);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    return true;
}

/* OpenSSL puts a buffer of its own before the BIO that is written to, not before this one. */
static struct tls_wire *wire_of(const SSL *ssl)
{
    return BIO_get_data(SSL_get_rbio(ssl));
}

void tls_wire_cut(const SSL *ssl)
{
    wire_of(ssl)->cut = true;
}

bool tls_wire_is_cut(const SSL *ssl)
{
    return wire_of(ssl)->cut;
}
