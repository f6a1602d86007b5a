/*
 * transport - reading and writing a connection, plain or TLS; called by its owner's loop, see transport.h.
 */
#include "server/loop/transport.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "server/loop/tls_wire.h"

static enum transport_status plain_error(int error, enum transport_status want)
{
    return error == EAGAIN || error == EWOULDBLOCK ? want : TRANSPORT_LOST;
}

static enum transport_status tls_error(SSL *ssl, int result)
{
    if (tls_wire_is_cut(ssl)) {
        return TRANSPORT_TLS_ERROR;
    }
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return TRANSPORT_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return TRANSPORT_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return TRANSPORT_END;
    case SSL_ERROR_SYSCALL:
        return TRANSPORT_LOST;
    default:
        return TRANSPORT_TLS_ERROR;
    }
}

enum transport_status transport_received(ssize_t result, size_t *size_r)
{
    if (result < 0) {
        return plain_error((int)-result, TRANSPORT_WANT_READ);
    }
    *size_r = (size_t)result;
    return result == 0 ? TRANSPORT_END : TRANSPORT_OK;
}

enum transport_status transport_sent(ssize_t result, size_t size, size_t *written_r)
{
    *written_r = result < 0 ? 0 : (size_t)result;
    if (result < 0) {
        return plain_error((int)-result, TRANSPORT_WANT_WRITE);
    }
    return *written_r == size ? TRANSPORT_OK : TRANSPORT_WANT_WRITE;
}

/* Libraries leave errors on the thread's queue, and OpenSSL would take them for its own. Looking is cheaper than clearing. */
static void forget_errors(void)
{
    if (ERR_peek_error() != 0) {
        ERR_clear_error();
    }
}

enum transport_status transport_read(struct transport *transport, void *bytes, size_t size, size_t *size_r)
{
    if (transport->ssl != NULL) {
        forget_errors();
        int result = SSL_read_ex(transport->ssl, bytes, size, size_r);
        return result == 1 ? TRANSPORT_OK : tls_error(transport->ssl, result);
    }
    ssize_t count;
    do {
        count = recv(transport->fd, bytes, size, 0);
    } while (count < 0 && errno == EINTR);
    return transport_received(count < 0 ? -errno : count, size_r);
}

bool transport_has_pending(const struct transport *transport)
{
    return transport->ssl != NULL && (SSL_has_pending(transport->ssl) == 1 || tls_wire_has_input(transport->ssl));
}

enum transport_status transport_read_fetched(struct transport *transport, const uint8_t *fetched, int result,
                                             void *bytes, size_t size, size_t *size_r)
{
    tls_wire_lend(transport->ssl, fetched, result);
    enum transport_status status = transport_read(transport, bytes, size, size_r);
    tls_wire_keep(transport->ssl); /* OpenSSL may have had something else to do first */
    return status;
}

void transport_keep_fetched(struct transport *transport, const uint8_t *fetched, int result)
{
    tls_wire_lend(transport->ssl, fetched, result);
    tls_wire_keep(transport->ssl);
}

static enum transport_status tls_write(SSL *ssl, struct iovec *pieces, int count, size_t *written_r)
{
    size_t owed = 0; /* is in what was sealed before, and now sent */
    *written_r = 0;
    if (!tls_wire_flush(ssl, &owed)) {
        return plain_error(errno, TRANSPORT_WANT_WRITE);
    }
    for (int i = 0; i < count; i++) {
        size_t skipped = owed < pieces[i].iov_len ? owed : pieces[i].iov_len;
        const char *bytes = (const char *)pieces[i].iov_base + skipped;
        size_t left = pieces[i].iov_len - skipped;
        owed -= skipped;
        *written_r += skipped;
        while (left > 0) {
            size_t written = 0;
            forget_errors();
            int result = SSL_write_ex(ssl, bytes, left, &written);
            if (result != 1) {
                return tls_error(ssl, result);
            }
            bytes += written;
            left -= written;
            *written_r += written;
        }
    }
    assert(owed == 0);
    return TRANSPORT_OK;
}

bool transport_seal(struct transport *transport, const void *bytes, size_t size, uint8_t *sealed, size_t *sealed_size_r)
{
    assert(size > 0 && size <= TRANSPORT_SEAL_MAX);
    size_t written = 0;
    forget_errors();
    struct tls_wire_sink sink = {.bytes = sealed, .room = size + TRANSPORT_SEAL_ROOM};
    tls_wire_collect(transport->ssl, &sink);
    int result = SSL_write_ex(transport->ssl, bytes, size, &written);
    tls_wire_collected(transport->ssl);
    if (result == 1 && written == size) {
        *sealed_size_r = sink.size;
        return true;
    }
    /* Whatever was written goes out before the rest. */
    if (sink.size > 0 && !tls_wire_leave(transport->ssl, sealed, sink.size, written)) {
        (void)shutdown(transport->fd, SHUT_RDWR); /* a gap would be worse */
    }
    return false;
}

enum transport_status transport_sealed_sent(struct transport *transport, const uint8_t *sealed, size_t sealed_size,
                                            int result, size_t size, size_t *written_r)
{
    *written_r = 0;
    if (result == (int)sealed_size) {
        *written_r = size;
        return TRANSPORT_OK;
    }
    size_t sent = 0;
    enum transport_status status = transport_sent(result, sealed_size, &sent);
    if (status == TRANSPORT_WANT_WRITE && !tls_wire_leave(transport->ssl, sealed + sent, sealed_size - sent, size)) {
        return TRANSPORT_LOST;
    }
    return status;
}

enum transport_status transport_send_sealed(struct transport *transport, const uint8_t *sealed, size_t sealed_size,
                                            size_t size, size_t *written_r)
{
    ssize_t count;
    do {
        count = send(transport->fd, sealed, sealed_size, MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    return transport_sealed_sent(transport, sealed, sealed_size, count < 0 ? -errno : (int)count, size, written_r);
}

static enum transport_status plain_write(int fd, struct iovec *pieces, int count, size_t *written_r)
{
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        total += pieces[i].iov_len;
    }
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = (size_t)count};
    ssize_t written;
    do {
        written = count == 1 ? send(fd, pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL)
                             : sendmsg(fd, &message, MSG_NOSIGNAL);
    } while (written < 0 && errno == EINTR);
    return transport_sent(written < 0 ? -errno : written, total, written_r);
}

enum transport_status transport_write(struct transport *transport, struct iovec *pieces, int count, size_t *written_r)
{
    assert(count > 0);
    return transport->ssl != NULL ? tls_write(transport->ssl, pieces, count, written_r)
                                  : plain_write(transport->fd, pieces, count, written_r);
}

size_t transport_unacknowledged(const struct transport *transport)
{
    int bytes = 0;
    return ioctl(transport->fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

void transport_shutdown(struct transport *transport)
{
    if (transport->ssl != NULL && SSL_is_init_finished(transport->ssl)) {
        forget_errors();
        (void)SSL_shutdown(transport->ssl); /* sends close_notify once; the peer's is not waited for */
    }
    (void)shutdown(transport->fd, SHUT_WR); /* ENOTCONN when the peer is gone already */
}

void transport_close(struct transport *transport, bool reset)
{
    if (transport->fd < 0) {
        return;
    }
    if (transport->ssl != NULL) {
        SSL_free(transport->ssl);
        transport->ssl = NULL;
    }
    if (reset) {
        struct linger linger = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(transport->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    }
    (void)close(transport->fd);
    transport->fd = -1;
}
