/*
 * tls_wire - a BIO method of our own on a non-blocking socket; see tls_wire.h. Runs on whichever thread owns the connection.
 */
#include "server/loop/tls_wire.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <openssl/bio.h>
#include <openssl/ssl.h>

/* What did not go. */
struct unsent {
    size_t start;
    size_t end;
    uint8_t bytes[];
};

/* Between events only what did not go at once is held here: nothing else of a connection stays with a thread. Kept small: every
 * connection has one. */
struct tls_wire {
    int fd;
    int fetched;   /* what was lent and is not read yet: bytes or a negative errno; of value while has_fetched */
    uint32_t owed; /* at most TRANSPORT_SEAL_MAX */
    uint16_t steps;
    bool has_fetched;
    bool cut;
    bool ended;                 /* the peer's FIN was read */
    const uint8_t *input;       /* what was fetched: lent, or kept */
    uint8_t *kept;              /* owned; NULL: the input is lent */
    struct tls_wire_sink *sink; /* borrowed from tls_wire_collect() to tls_wire_collected(); NULL: output is sent */
    struct unsent *unsent;      /* owned, or NULL */
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

static void forget_input(struct tls_wire *wire)
{
    free(wire->kept);
    wire->kept = NULL;
    wire->input = NULL;
    wire->has_fetched = false;
}

/* As recv(), of what was fetched. */
static ssize_t take_fetched(struct tls_wire *wire, void *bytes, size_t size)
{
    ssize_t count = wire->fetched;
    if (count > 0) {
        count = (size_t)count < size ? count : (ssize_t)size;
        memcpy(bytes, wire->input, (size_t)count);
        wire->input += count;
        wire->fetched -= (int)count;
        if (wire->fetched > 0) {
            return count;
        }
    } else if (count < 0) {
        errno = -wire->fetched;
        count = -1;
    }
    forget_input(wire);
    return count;
}

static ssize_t receive(int fd, void *bytes, size_t size)
{
    ssize_t count;
    do {
        count = recv(fd, bytes, size, 0);
    } while (count < 0 && errno == EINTR);
    return count;
}

static ssize_t transmit(int fd, const void *bytes, size_t size)
{
    ssize_t count;
    do {
        count = send(fd, bytes, size, MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    return count;
}

/* 1 or 0, as BIO_read_ex(). */
static int on_read(BIO *bio, char *bytes, size_t size, size_t *size_r)
{
    struct tls_wire *wire = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (wire->cut) {
        return 0;
    }
    ssize_t count = wire->has_fetched ? take_fetched(wire, bytes, size) : receive(wire->fd, bytes, size);
    if (count < 0) {
        return failure(bio, retry_read);
    }
    wire->ended = count == 0;
    *size_r = (size_t)count;
    return count > 0;
}

static int collect(struct tls_wire_sink *sink, const char *bytes, size_t size, size_t *size_r)
{
    if (size > sink->room - sink->size) {
        return 0;
    }
    memcpy(sink->bytes + sink->size, bytes, size);
    sink->size += size;
    *size_r = size;
    return 1;
}

/* Sends what was left before. */
static bool flush(struct tls_wire *wire)
{
    struct unsent *unsent;
    while ((unsent = wire->unsent) != NULL) {
        ssize_t count = transmit(wire->fd, unsent->bytes + unsent->start, unsent->end - unsent->start);
        if (count < 0) {
            return false;
        }
        unsent->start += (size_t)count;
        if (unsent->start == unsent->end) {
            free(unsent);
            wire->unsent = NULL;
        }
    }
    return true;
}

static int on_write(BIO *bio, const char *bytes, size_t size, size_t *size_r)
{
    struct tls_wire *wire = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (wire->sink != NULL) {
        return collect(wire->sink, bytes, size, size_r);
    }
    ssize_t count = flush(wire) ? transmit(wire->fd, bytes, size) : -1;
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
    case BIO_CTRL_FLUSH: /* what is held back is what the socket does not take */
        return 1;
    case BIO_CTRL_EOF:
        return wire->ended;
    default:
        return 0;
    }
}

static int on_destroy(BIO *bio)
{
    struct tls_wire *wire = BIO_get_data(bio);
    if (wire != NULL) {
        forget_input(wire);
        free(wire->unsent);
        free(wire);
    }
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

unsigned tls_wire_step(const SSL *ssl)
{
    struct tls_wire *wire = wire_of(ssl);
    if (wire->steps < UINT16_MAX) {
        wire->steps++;
    }
    return wire->steps;
}

void tls_wire_lend(const SSL *ssl, const uint8_t *bytes, int result)
{
    struct tls_wire *wire = wire_of(ssl);
    assert(!wire->has_fetched);
    wire->has_fetched = result != -EAGAIN; /* the socket will say so itself */
    wire->fetched = result;
    wire->input = bytes;
}

void tls_wire_keep(const SSL *ssl)
{
    struct tls_wire *wire = wire_of(ssl);
    if (!wire->has_fetched || wire->fetched <= 0 || wire->kept != NULL) {
        return;
    }
    wire->kept = malloc((size_t)wire->fetched);
    if (wire->kept == NULL) {
        forget_input(wire);
        wire->cut = true;
        return;
    }
    memcpy(wire->kept, wire->input, (size_t)wire->fetched);
    wire->input = wire->kept;
}

bool tls_wire_has_input(const SSL *ssl)
{
    return wire_of(ssl)->has_fetched;
}

void tls_wire_collect(const SSL *ssl, struct tls_wire_sink *sink)
{
    struct tls_wire *wire = wire_of(ssl);
    assert(wire->sink == NULL && wire->unsent == NULL);
    sink->size = 0;
    wire->sink = sink;
}

void tls_wire_collected(const SSL *ssl)
{
    struct tls_wire *wire = wire_of(ssl);
    assert(wire->sink != NULL);
    wire->sink = NULL;
}

bool tls_wire_leave(const SSL *ssl, const uint8_t *bytes, size_t size, size_t owed)
{
    struct tls_wire *wire = wire_of(ssl);
    assert(wire->unsent == NULL && size > 0 && owed <= UINT32_MAX);
    struct unsent *unsent = malloc(sizeof(*unsent) + size);
    if (unsent == NULL) {
        return false;
    }
    memcpy(unsent->bytes, bytes, size);
    unsent->start = 0;
    unsent->end = size;
    wire->unsent = unsent;
    wire->owed = (uint32_t)owed;
    return true;
}

bool tls_wire_flush(const SSL *ssl, size_t *owed_r)
{
    struct tls_wire *wire = wire_of(ssl);
    if (!flush(wire)) {
        return false;
    }
    *owed_r = wire->owed;
    wire->owed = 0;
    return true;
}
