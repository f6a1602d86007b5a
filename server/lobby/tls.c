/*
 * tls - makes the OpenSSL context and judges first records; see tls.h. The context is made on the main thread and used by
 * the lobby threads; SSL objects belong to one connection and go along with it.
 */
#include "server/lobby/tls.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "server/loop/tls_guard.h"

/* TLS 1.2: ephemeral elliptic-curve key exchange and AEAD only (RFC 9325 §4.2). TLS 1.3's suites are all of that kind. */
#define CIPHERS_TLS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL"

static const unsigned char session_id_context[] = "portcullis";

const char *tls_error_text(void)
{
    unsigned long error = ERR_peek_error();
    const char *text = error == 0 ? NULL : ERR_reason_error_string(error);
    ERR_clear_error();
    return text != NULL ? text : "unknown error";
}

/* http/1.1 or nothing: a client that insists on another protocol is told so (RFC 7301 §3.2). */
static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_size, const unsigned char *in,
                       unsigned int in_size, void *context)
{
    static const unsigned char http_1_1[] = "\x08http/1.1";
    (void)ssl;
    (void)context;
    unsigned char *selected;
    if (SSL_select_next_proto(&selected, out_size, http_1_1, sizeof(http_1_1) - 1, in, in_size) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = selected;
    return SSL_TLSEXT_ERR_OK;
}

/* A daemon has nobody to ask: an encrypted key is an error, not a prompt that waits on a terminal. */
static int no_passphrase(char *buffer, int size, int is_write, void *context)
{
    (void)buffer;
    (void)size;
    (void)is_write;
    (void)context;
    return 0;
}

/* A FIN without close_notify counts as the end: WebSocket says itself whether a message is whole and a session closed. */
static void set_options(SSL_CTX *context, enum config_tls_version min_version)
{
    SSL_CTX_set_min_proto_version(context, min_version == CONFIG_TLS_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(context,
                     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context, 1);                          /* one read a record instead of two */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* resumption is by tickets: no memory here */
    SSL_CTX_set_num_tickets(context, 1);
    SSL_CTX_set_alpn_select_cb(context, select_alpn, NULL);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    tls_guard_watch(context);
}

static int load_failed(const char *what, const char *file, char *error, size_t error_size)
{
    snprintf(error, error_size, "%s %s: %s", what, file, tls_error_text());
    return 0;
}

static int load(SSL_CTX *context, const struct config *config, char *error, size_t error_size)
{
    if (SSL_CTX_set_cipher_list(context, CIPHERS_TLS_1_2) != 1 ||
        SSL_CTX_set_session_id_context(context, session_id_context, sizeof(session_id_context) - 1) != 1) {
        return load_failed("TLS", "set-up", error, error_size);
    }
    if (SSL_CTX_use_certificate_chain_file(context, config->tls.certificate) != 1) {
        return load_failed("certificate", config->tls.certificate, error, error_size);
    }
    if (SSL_CTX_use_PrivateKey_file(context, config->tls.key, SSL_FILETYPE_PEM) != 1) {
        return load_failed("key", config->tls.key, error, error_size);
    }
    if (SSL_CTX_check_private_key(context) != 1) {
        return load_failed("the certificate does not belong to the key", config->tls.key, error, error_size);
    }
    return 1;
}

SSL_CTX *tls_context_create(const struct config *config, char *error, size_t error_size)
{
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL) {
        (void)load_failed("TLS", "context", error, error_size);
        return NULL;
    }
    set_options(context, config->tls.min_version);
    if (!load(context, config, error, error_size)) {
        SSL_CTX_free(context);
        return NULL;
    }
    return context;
}

enum tls_hello tls_hello_check(const uint8_t *bytes, size_t size, size_t *need_r)
{
    *need_r = TLS_RECORD_HEADER;
    if (size == 0) {
        return TLS_HELLO_MORE;
    }
    if (bytes[0] != SSL3_RT_HANDSHAKE) {
        return bytes[0] >= 'A' && bytes[0] <= 'Z' ? TLS_HELLO_HTTP : TLS_HELLO_GARBAGE;
    }
    if (size >= 2 && bytes[1] != SSL3_VERSION_MAJOR) {
        return TLS_HELLO_GARBAGE;
    }
    if (size < TLS_RECORD_HEADER) {
        return TLS_HELLO_MORE;
    }
    size_t length = (size_t)bytes[3] << 8 | bytes[4];
    if (length < 4 || length > TLS_RECORD_MAX) {
        return TLS_HELLO_GARBAGE;
    }
    *need_r = TLS_RECORD_HEADER + length;
    return size >= *need_r ? TLS_HELLO_WHOLE : TLS_HELLO_MORE;
}
