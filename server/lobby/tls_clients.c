/*
 * tls_clients - authorities for client certificates; see tls_clients.h. Main thread; OpenSSL verifies on the lobby threads.
 */
#include "server/lobby/tls_clients.h"

#include <stdio.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "server/lobby/certificate.h"
#include "server/lobby/tls.h"

/* Intermediate certificates between the client's and an authority's: each is a signature to be checked at a stranger's bidding. */
#define VERIFY_DEPTH_MAX 4
/* Bytes of a chain that a client may send; OpenSSL's own bound is 100 KB. */
#define CLIENT_CHAIN_MAX 32768

/* Bytes of the authorities' names in the request for a certificate, each with two of size: 65,535 at most by RFC 5246 §7.4.4 and
 * RFC 8446 §4.2.4, and in TLS 1.3 other extensions share them. Past it OpenSSL would break off each handshake. */
#define AUTHORITY_NAMES_MAX 65000

static bool fit_request(const STACK_OF(X509) * authorities)
{
    size_t size = 0;
    for (int i = 0; i < sk_X509_num(authorities); i++) {
        int name_size = i2d_X509_NAME(X509_get_subject_name(sk_X509_value(authorities, i)), NULL);
        size += name_size > 0 ? 2 + (size_t)name_size : 0;
    }
    return size <= AUTHORITY_NAMES_MAX;
}

static STACK_OF(X509) * read_authorities(const char *file, char error[CERTIFICATE_ERROR_SIZE])
{
    STACK_OF(X509) *authorities = certificate_read_chain(file, error);
    if (authorities != NULL && !fit_request(authorities)) {
        (void)snprintf(error, CERTIFICATE_ERROR_SIZE, "%.400s: the names of its %d authorities are too much to send",
                       file, sk_X509_num(authorities));
        sk_X509_pop_free(authorities, X509_free);
        authorities = NULL;
    }
    return authorities;
}

/* Of one authority: into the store, and into the list that clients are sent to choose by. */
static bool add_authority(SSL_CTX *tls, X509_STORE *store, X509 *authority)
{
    return X509_STORE_add_cert(store, authority) == 1 && SSL_CTX_add_client_CA(tls, authority) == 1;
}

/* Each certificate of the file is trusted as it is, an intermediate one too: who names it there wants just those below it. */
static bool add_authorities(SSL_CTX *tls, STACK_OF(X509) * authorities)
{
    X509_STORE *store = SSL_CTX_get_cert_store(tls);
    bool good = X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1;
    for (int i = 0; good && i < sk_X509_num(authorities); i++) {
        good = add_authority(tls, store, sk_X509_value(authorities, i));
    }
    return good;
}

/* The mode and the fingerprints of the authorities, in their order. */
static bool digest_policy(enum config_verify verify, const STACK_OF(X509) * authorities,
                          unsigned char policy_r[SHA256_DIGEST_LENGTH])
{
    static const char label[] = "portcullis";
    const unsigned char mode = (unsigned char)verify;
    unsigned char print[EVP_MAX_MD_SIZE];
    unsigned print_size = 0;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    bool good = digest != NULL && EVP_DigestInit_ex2(digest, EVP_sha256(), NULL) == 1 &&
                EVP_DigestUpdate(digest, label, sizeof(label)) == 1 && EVP_DigestUpdate(digest, &mode, 1) == 1;
    for (int i = 0; good && authorities != NULL && i < sk_X509_num(authorities); i++) {
        good = X509_digest(sk_X509_value(authorities, i), EVP_sha256(), print, &print_size) == 1 &&
               EVP_DigestUpdate(digest, print, print_size) == 1;
    }
    good = good && EVP_DigestFinal_ex(digest, policy_r, NULL) == 1;
    EVP_MD_CTX_free(digest);
    return good;
}

bool tls_clients_verify(SSL_CTX *tls, const struct config *config, unsigned char policy_r[SHA256_DIGEST_LENGTH],
                        config_report_fn *report, void *context)
{
    char error[CERTIFICATE_ERROR_SIZE];
    const enum config_verify verify = config->tls.client_verify;
    STACK_OF(X509) *authorities = NULL;
    if (verify != CONFIG_VERIFY_NONE) {
        authorities = read_authorities(config->tls.client_ca, error);
        if (authorities == NULL) {
            report(context, true, error);
            return false;
        }
        SSL_CTX_set_verify(
            tls, SSL_VERIFY_PEER | (verify == CONFIG_VERIFY_REQUIRED ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
        SSL_CTX_set_verify_depth(tls, VERIFY_DEPTH_MAX);
        SSL_CTX_set_max_cert_list(tls, CLIENT_CHAIN_MAX);
    }
    bool good =
        (authorities == NULL || add_authorities(tls, authorities)) && digest_policy(verify, authorities, policy_r);
    if (!good) {
        (void)snprintf(error, sizeof(error), "%.400s: %s", config->tls.client_ca, tls_error_text());
        report(context, true, error);
    }
    sk_X509_pop_free(authorities, X509_free);
    return good;
}
