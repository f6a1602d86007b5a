/*
 * tls - makes the OpenSSL context and judges first records; see tls.h. The context is made on the main thread and used by
 * the lobby threads; SSL objects belong to one connection and go along with it.
 */
#include "server/lobby/tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>

#include "server/lobby/certificate_set.h"
#include "server/lobby/server_name.h"
#include "server/lobby/tickets.h"
#include "server/lobby/tls_clients.h"
#include "server/lobby/tls_digest.h"
#include "server/loop/tls_guard.h"

/* TLS 1.2: ephemeral elliptic-curve key exchange and AEAD only (RFC 9325 §4.2). TLS 1.3's suites are all of that kind. */
#define CIPHERS_TLS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL"

/* Reasons of our own on OpenSSL's error queue; the first has the name that was asked for. */
#define ERROR_UNKNOWN_NAME 1
#define ERROR_CHANGED_NAME 2
#define SHOWN_NAME_MAX     256

const char *tls_error_text(void)
{
    unsigned long error = ERR_peek_error();
    const char *text = error == 0 ? NULL : ERR_reason_error_string(error);
    ERR_clear_error();
    return text != NULL ? text : "unknown error";
}

const char *tls_failure_text(const SSL *ssl, char text[TLS_FAILURE_SIZE])
{
    const char *data = NULL;
    int flags = 0;
    unsigned long error = ERR_peek_error_data(&data, &flags);
    long verified = SSL_get_verify_result(ssl);
    if (ERR_GET_LIB(error) == ERR_LIB_USER && ERR_GET_REASON(error) == ERROR_UNKNOWN_NAME) {
        (void)snprintf(text, TLS_FAILURE_SIZE, "no certificate for the name %s",
                       (flags & ERR_TXT_STRING) != 0 ? data : "");
        ERR_clear_error();
    } else if (ERR_GET_LIB(error) == ERR_LIB_USER && ERR_GET_REASON(error) == ERROR_CHANGED_NAME) {
        (void)snprintf(text, TLS_FAILURE_SIZE, "the second ClientHello asks for another name");
        ERR_clear_error();
    } else if (verified != X509_V_OK) {
        (void)snprintf(text, TLS_FAILURE_SIZE, "client certificate: %s", X509_verify_cert_error_string(verified));
        ERR_clear_error();
    } else {
        (void)snprintf(text, TLS_FAILURE_SIZE, "%s", tls_error_text());
    }
    return text;
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

int tls_no_passphrase(char *buffer, int size, int is_write, void *context)
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
    SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_RELEASE_BUFFERS |
                                  SSL_MODE_NO_AUTO_CHAIN); /* what is sent is what the file holds, not what is found */
    SSL_CTX_set_read_ahead(context, 1);                    /* one read a record instead of two */
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* resumption is by tickets: no memory here */
    SSL_CTX_set_alpn_select_cb(context, select_alpn, NULL);
    tls_guard_watch(context);
}

/* ---- by name ---- */

static int contexts_index = -1; /* where an SSL_CTX has its struct names; main thread writes it */
static int hellos_index = -1;   /* where an SSL has the name it was first asked for, see is_first_name(); likewise */

/* What a context knows beyond OpenSSL: it is freed with it. */
struct names {
    struct certificate_set *set;
    bool strict;
    unsigned char policy[SHA256_DIGEST_LENGTH]; /* how clients are verified, and against what */
    bool digested;
    unsigned char digest[TLS_DIGEST_SIZE]; /* of what the context was made of */
};

static void free_names(void *parent, void *pointer, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    struct names *names = pointer;
    (void)parent;
    (void)data;
    (void)index;
    (void)argl;
    (void)argp;
    if (names != NULL) {
        certificate_set_destroy(&names->set);
        free(names);
    }
}

static const struct names *names_of(const SSL_CTX *context)
{
    return SSL_CTX_get_ex_data(context, contexts_index);
}

/* Errors in it show when it is used: a name without a certificate of a kind that the client can verify ends in "no shared cipher". */
static bool use_choice(SSL *ssl, const struct certificate_choice *choice)
{
    SSL_certs_clear(ssl);
    for (int i = 0; i < CERTIFICATE_KINDS; i++) {
        const struct certificate *one = choice->of[i];
        if (one != NULL && SSL_use_cert_and_key(ssl, one->leaf, one->key, one->chain, 1) != 1) {
            return false;
        }
    }
    return true;
}

/* A ticket resumes under the name and the rules it was given under and no other (RFC 6066 §3): a session id context each. */
static bool bind_tickets(SSL *ssl, const struct names *names, const char *name)
{
    unsigned char bytes[sizeof(names->policy) + SERVER_NAME_SIZE];
    unsigned char digest[SHA256_DIGEST_LENGTH];
    size_t size = strlen(name);
    memcpy(bytes, names->policy, sizeof(names->policy));
    memcpy(bytes + sizeof(names->policy), name, size);
    return SHA256(bytes, sizeof(names->policy) + size, digest) != NULL &&
           SSL_set_session_id_context(ssl, digest, sizeof(digest)) == 1;
}

/* For tls_failure_text(). */
static int refuse_name(const uint8_t *name, size_t size, int *alert)
{
    ERR_new();
    ERR_set_error(ERR_LIB_USER, ERROR_UNKNOWN_NAME, "%.*s", (int)(size < SHOWN_NAME_MAX ? size : SHOWN_NAME_MAX),
                  (const char *)name);
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_CLIENT_HELLO_ERROR;
}

/*
 * After a HelloRetryRequest there is a second ClientHello, in which all but a few extensions must be as in the first (RFC 8446
 * section 4.1.2); the certificate was chosen by then. Kept in place of a pointer is a part of the digest of the extension: no
 * memory, and whoever finds two names that share it has gained the wrong certificate.
 */
static bool is_first_name(SSL *ssl, const unsigned char *data, size_t size)
{
    unsigned char digest[SHA256_DIGEST_LENGTH] = {0};
    uintptr_t asked = 0;
    if (data != NULL && SHA256(data, size, digest) == NULL) {
        return false;
    }
    memcpy(&asked, digest, sizeof(asked));
    asked |= 1; /* never NULL, which is what the first finds */
    const void *first = SSL_get_ex_data(ssl, hellos_index);
    return first != NULL ? (uintptr_t)first == asked : SSL_set_ex_data(ssl, hellos_index, (void *)asked) == 1;
}

static int refuse_change(int *alert)
{
    ERR_new();
    ERR_set_error(ERR_LIB_USER, ERROR_CHANGED_NAME, NULL);
    *alert = SSL_AD_ILLEGAL_PARAMETER;
    return SSL_CLIENT_HELLO_ERROR;
}

/* Before OpenSSL looks at tickets, so that it sees the right session id context. */
static int on_client_hello(SSL *ssl, int *alert, void *context)
{
    const struct names *names = names_of(SSL_get_SSL_CTX(ssl));
    const unsigned char *data = NULL;
    const uint8_t *asked = NULL;
    size_t size = 0;
    char name[SERVER_NAME_SIZE];
    (void)context;
    bool named = SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &data, &size) == 1;
    if (!is_first_name(ssl, named ? data : NULL, size)) {
        return refuse_change(alert);
    }
    if (!named || !server_name_of_extension(data, size, &asked, &size)) {
        return SSL_CLIENT_HELLO_SUCCESS;
    }
    bool is_name = server_name_parse(asked, size, name);
    const struct certificate_choice *choice = is_name ? certificate_set_find(names->set, name) : NULL;
    if (choice == NULL && names->strict) {
        return refuse_name(asked, size, alert);
    }
    /* The context's own certificates are the default ones. */
    bool other = choice != NULL && memcmp(choice, certificate_set_default(names->set), sizeof(*choice)) != 0;
    if ((is_name && !bind_tickets(ssl, names, name)) || (other && !use_choice(ssl, choice))) {
        *alert = SSL_AD_INTERNAL_ERROR;
        return SSL_CLIENT_HELLO_ERROR;
    }
    return SSL_CLIENT_HELLO_SUCCESS;
}

bool tls_context_is_current(const SSL_CTX *context, const struct config *config)
{
    unsigned char digest[TLS_DIGEST_SIZE];
    const struct names *names = names_of(context);
    return names->digested && tls_digest(config, digest) && memcmp(digest, names->digest, sizeof(digest)) == 0;
}

const struct certificate_set *tls_certificates(const SSL_CTX *context)
{
    return names_of(context)->set;
}

/* ---- making a context ---- */

static bool failed(config_report_fn *report, void *context, const char *what)
{
    char line[256];
    (void)snprintf(line, sizeof(line), "tls: %s: %s", what, tls_error_text());
    report(context, true, line);
    return false;
}

/* Gives the context its struct names, without certificates as yet. */
static struct names *attach_names(SSL_CTX *tls, const struct config *config)
{
    if (contexts_index < 0) {
        contexts_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_names);
    }
    if (hellos_index < 0) {
        hellos_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    }
    struct names *names = contexts_index < 0 || hellos_index < 0 ? NULL : calloc(1, sizeof(*names));
    if (names != NULL && SSL_CTX_set_ex_data(tls, contexts_index, names) != 1) {
        free(names);
        return NULL;
    }
    if (names != NULL) {
        names->strict = config->tls.strict_sni;
        names->digested =
            tls_digest(config, names->digest); /* first, so that it is of no later content than what is loaded */
        SSL_CTX_set_client_hello_cb(tls, on_client_hello, NULL);
    }
    return names;
}

static bool use_default(SSL_CTX *tls, const struct certificate_choice *choice)
{
    for (int i = 0; i < CERTIFICATE_KINDS; i++) {
        const struct certificate *one = choice->of[i];
        if (one != NULL && SSL_CTX_use_cert_and_key(tls, one->leaf, one->key, one->chain, 1) != 1) {
            return false;
        }
    }
    return true;
}

static bool set_up(SSL_CTX *tls, const struct config *config, struct ticket_keys *tickets, config_report_fn *report,
                   void *context)
{
    set_options(tls, config->tls.min_version);
    struct names *names = attach_names(tls, config);
    if (names == NULL || SSL_CTX_set_cipher_list(tls, CIPHERS_TLS_1_2) != 1 ||
        !tickets_use(tls, tickets, config->tls.ticket_rotation_ms)) {
        return failed(report, context, "set-up");
    }
    /* Both, so that all broken files are told of at once. */
    bool clients = tls_clients_verify(tls, config, names->policy, report, context);
    names->set = certificate_set_load(config, report, context);
    if (names->set == NULL || !clients) {
        return false;
    }
    return (SSL_CTX_set_session_id_context(tls, names->policy, sizeof(names->policy)) == 1 &&
            use_default(tls, certificate_set_default(names->set))) ||
           failed(report, context, "set-up");
}

SSL_CTX *tls_context_create(const struct config *config, struct ticket_keys *tickets, config_report_fn *report,
                            void *context)
{
    ERR_clear_error();
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (tls == NULL) {
        (void)failed(report, context, "context");
        return NULL;
    }
    if (!set_up(tls, config, tickets, report, context)) {
        SSL_CTX_free(tls);
        return NULL;
    }
    return tls;
}

/* To make it an empty key of another type is the one way to empty a key that somebody else has, too. `key` may be NULL. */
static void empty_key(EVP_PKEY *key)
{
    if (key != NULL && EVP_PKEY_set_type(key, EVP_PKEY_EC) != 1) {
        ERR_clear_error(); /* its content is gone all the same */
    }
    EVP_PKEY_free(key);
}

void tls_forget_exchange(SSL *ssl)
{
    EVP_PKEY *ours = NULL;
    EVP_PKEY *theirs = NULL;
    (void)SSL_get_tmp_key(ssl, &ours);
    (void)SSL_get_peer_tmp_key(ssl, &theirs);
    empty_key(ours);
    empty_key(theirs);
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
