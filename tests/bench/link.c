/*
 * Sockets and OpenSSL for connections; each link is used by the worker thread that owns it.
 */
#include "tests/bench/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Takes what the server grants for later connections into the slot of the worker that owns the link. */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    SSL_SESSION **slot = SSL_get_app_data(ssl);

    if (slot == NULL) {
        return 0;
    }
    SSL_SESSION_free(*slot);
    *slot = session;
    return 1;
}

/* OpenSSL's socket BIO would do, but for is_drained: it saves the read that finds nothing, after each message. */
static int bio_read(BIO *bio, char *bytes, int size)
{
    struct link *link = BIO_get_data(bio);
    ssize_t got = recv(link->fd, bytes, (size_t)size, 0);

    BIO_clear_retry_flags(bio);
    if (got < 0 && errno == EAGAIN) {
        BIO_set_retry_read(bio);
    }
    link->is_drained = got < size;
    return (int)got;
}

static int bio_write(BIO *bio, const char *bytes, int size)
{
    const struct link *link = BIO_get_data(bio);
    ssize_t put = send(link->fd, bytes, (size_t)size, MSG_NOSIGNAL);

    BIO_clear_retry_flags(bio);
    if (put < 0 && errno == EAGAIN) {
        BIO_set_retry_write(bio);
    }
    return (int)put;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static bool make_bio(struct link_target *target)
{
    target->bio = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wsload link");
    return target->bio != NULL && BIO_meth_set_read(target->bio, bio_read) == 1 &&
           BIO_meth_set_write(target->bio, bio_write) == 1 && BIO_meth_set_ctrl(target->bio, bio_control) == 1;
}

static bool make_tls(const struct options *options, struct link_target *target)
{
    target->tls = SSL_CTX_new(TLS_client_method());
    if (target->tls == NULL || !make_bio(target)) {
        return false;
    }
    SSL_CTX_set_verify(target->tls, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_mode(target->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (options->mode == LOAD_IDLE) {
        SSL_CTX_set_mode(target->tls, SSL_MODE_RELEASE_BUFFERS);
    }
    SSL_CTX_set_session_cache_mode(target->tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(target->tls, keep_session);
    SSL_CTX_set_quiet_shutdown(target->tls, 1);
    /* One read a record instead of two. */
    SSL_CTX_set_read_ahead(target->tls, 1);
    return true;
}

bool link_target_make(const struct options *options, struct link_target *target)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int error = getaddrinfo(options->host, options->port, &hints, &found);

    if (error != 0) {
        fprintf(stderr, "wsload: %s: %s\n", options->host, gai_strerror(error));
        return false;
    }
    *target = (struct link_target){.address_size = found->ai_addrlen, .source_addresses = options->source_addresses};
    memcpy(&target->address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    if (target->source_addresses > 0 && target->address.ss_family != AF_INET) {
        fprintf(stderr, "wsload: --source-addresses needs an IPv4 target\n");
        return false;
    }
    if (options->tls && !make_tls(options, target)) {
        fprintf(stderr, "wsload: no TLS\n");
        return false;
    }
    return true;
}

void link_target_free(struct link_target *target)
{
    SSL_CTX_free(target->tls);
    BIO_meth_free(target->bio);
    target->tls = NULL;
    target->bio = NULL;
}

/* 127.0.0.2 and onwards: 127.0.0.1 is what other programs use. The port is chosen by connect(), so that it need be free
 * for this target alone. */
static bool bind_source(int fd, unsigned number)
{
    const int on = 1;
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_addr.s_addr = htonl((uint32_t)INADDR_LOOPBACK + 1 + number)};

    return setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0 &&
           bind(fd, (const struct sockaddr *)&address, sizeof address) == 0;
}

bool link_open(struct link *link, const struct link_target *target, unsigned number)
{
    /* The cheapest there is; a system's default may pace with a timer for each message. Ours alone: the server's sockets
     * keep the default. */
    static const char congestion[] = "reno";
    const int on = 1;
    int fd = socket(target->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return false;
    }
    *link = (struct link){.fd = fd};
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, sizeof congestion - 1);
    if (target->source_addresses > 0 && !bind_source(fd, number % target->source_addresses)) {
        goto fail;
    }
    if (connect(fd, (const struct sockaddr *)&target->address, target->address_size) < 0 && errno != EINPROGRESS) {
        goto fail;
    }
    return true;

fail:
    link_close(link);
    return false;
}

enum link_status link_connected(struct link *link, const struct link_target *target, SSL_SESSION **session)
{
    int error = 0;
    socklen_t size = sizeof error;

    if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
        return LINK_ERROR;
    }
    if (target->tls == NULL) {
        return LINK_OK;
    }
    link->ssl = SSL_new(target->tls);
    BIO *bio = link->ssl != NULL ? BIO_new(target->bio) : NULL;
    if (bio == NULL) {
        return LINK_ERROR;
    }
    BIO_set_data(bio, link);
    BIO_set_init(bio, 1);
    SSL_set_bio(link->ssl, bio, bio);
    if (SSL_set_app_data(link->ssl, session) != 1) {
        return LINK_ERROR;
    }
    if (session != NULL && *session != NULL && SSL_set_session(link->ssl, *session) != 1) {
        return LINK_ERROR;
    }
    SSL_set_connect_state(link->ssl);
    return LINK_OK;
}

static enum link_status tls_status(const SSL *ssl, int result)
{
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return LINK_WAIT;
    case SSL_ERROR_ZERO_RETURN:
        return LINK_END;
    default:
        return LINK_ERROR;
    }
}

enum link_status link_handshake(struct link *link)
{
    if (link->ssl == NULL) {
        return LINK_OK;
    }
    ERR_clear_error();
    int result = SSL_do_handshake(link->ssl);
    return result == 1 ? LINK_OK : tls_status(link->ssl, result);
}

bool link_is_resumed(const struct link *link)
{
    return link->ssl != NULL && SSL_session_reused(link->ssl) == 1;
}

const char *link_tls_version(const struct link *link)
{
    return link->ssl != NULL ? SSL_get_version(link->ssl) : NULL;
}

const char *link_tls_cipher(const struct link *link)
{
    return link->ssl != NULL ? SSL_get_cipher_name(link->ssl) : NULL;
}

static enum link_status plain_status(ssize_t result)
{
    if (result == 0) {
        return LINK_END;
    }
    return errno == EAGAIN ? LINK_WAIT : LINK_ERROR;
}

enum link_status link_read(struct link *link, uint8_t *bytes, size_t size, size_t *got_r)
{
    if (link->ssl != NULL) {
        ERR_clear_error();
        int result = SSL_read_ex(link->ssl, bytes, size, got_r);
        return result == 1 ? LINK_OK : tls_status(link->ssl, result);
    }
    ssize_t got = recv(link->fd, bytes, size, 0);
    if (got <= 0) {
        return plain_status(got);
    }
    link->is_drained = (size_t)got < size;
    *got_r = (size_t)got;
    return LINK_OK;
}

bool link_has_pending(const struct link *link)
{
    return link->ssl != NULL && SSL_has_pending(link->ssl) == 1;
}

enum link_status link_write(struct link *link, const uint8_t *bytes, size_t size, size_t *put_r)
{
    if (link->ssl != NULL) {
        ERR_clear_error();
        int result = SSL_write_ex(link->ssl, bytes, size, put_r);
        return result == 1 ? LINK_OK : tls_status(link->ssl, result);
    }
    ssize_t put = send(link->fd, bytes, size, MSG_NOSIGNAL);
    if (put <= 0) {
        return plain_status(put);
    }
    *put_r = (size_t)put;
    return LINK_OK;
}

void link_close(struct link *link)
{
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};

    if (link->ssl != NULL) {
        /* Sends nothing; without it, OpenSSL would take the session for broken and never resume it. */
        (void)SSL_shutdown(link->ssl);
        SSL_free(link->ssl);
    }
    if (link->fd >= 0) {
        (void)setsockopt(link->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(link->fd);
    }
    *link = (struct link){.fd = -1};
}
