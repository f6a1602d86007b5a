/*
 * tls_guard - counts the steps of OpenSSL's state machine in its information callback; see tls_guard.h. Runs on whichever thread owns
 * the connection.
 *
 * The message callback would count messages, but it is called several times for each record of data, too; this one is not called
 * for data at all.
 */
#include "server/loop/tls_guard.h"

#include <openssl/ssl.h>

#include "server/loop/tls_wire.h"

static void on_step(const SSL *ssl, int where, int result)
{
    (void)result;
    if ((where & SSL_CB_LOOP) == 0) {
        return;
    }
    /* The few of the handshake itself count, too: whether it is over cannot be asked here, since OpenSSL is back in its handshake
     * while it deals with one of the others. The count is kept in the wire: OpenSSL's application data would cost two blocks. */
    if (tls_wire_step(ssl) > TLS_GUARD_STEPS) {
        tls_wire_cut(ssl);
    }
}

void tls_guard_watch(SSL_CTX *context)
{
    SSL_CTX_set_info_callback(context, on_step);
}
