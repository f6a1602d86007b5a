/*
 * tls_guard - counts in OpenSSL's message callback and stops in its BIO callback; see tls_guard.h. Runs on whichever thread owns the
 * connection.
 */
#include "server/loop/tls_guard.h"

#include <stdint.h>

#include <openssl/bio.h>
#include <openssl/ssl.h>

/* The count is kept in place of a pointer in the connection's application data: no memory, nothing to free. */
static uintptr_t count_of(const SSL *ssl)
{
    return (uintptr_t)SSL_get_app_data(ssl);
}

static void on_message(int is_write, int version, int content_type, const void *bytes, size_t size, SSL *ssl,
                       void *context)
{
    (void)version;
    (void)bytes;
    (void)size;
    (void)context;
    /* The few of the handshake itself count, too: whether it is over cannot be asked here, since OpenSSL is back in its handshake
     * while it deals with one of the others. */
    if (is_write == 0 && content_type == SSL3_RT_HANDSHAKE) {
        SSL_set_app_data(ssl, (void *)(count_of(ssl) + 1));
    }
}

/* Called around every operation on the socket; a result of 0 before a read makes it fail for good. */
static long on_bio(BIO *bio, int operation, const char *bytes, size_t size, int argi, long argl, int result,
                   size_t *processed)
{
    (void)bytes;
    (void)size;
    (void)argi;
    (void)argl;
    (void)processed;
    if (operation == BIO_CB_READ && tls_guard_tripped((const SSL *)(void *)BIO_get_callback_arg(bio))) {
        BIO_clear_retry_flags(bio);
        return 0;
    }
    return result;
}

void tls_guard_watch(SSL_CTX *context)
{
    SSL_CTX_set_msg_callback(context, on_message);
}

void tls_guard_attach(SSL *ssl)
{
    BIO *bio = SSL_get_rbio(ssl);
    BIO_set_callback_ex(bio, on_bio);
    BIO_set_callback_arg(bio, (char *)ssl);
}

bool tls_guard_tripped(const SSL *ssl)
{
    return count_of(ssl) > TLS_GUARD_MESSAGES;
}
