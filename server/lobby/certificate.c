/*
 * certificate - reads and judges a certificate and its key; see certificate.h. Main thread.
 */
#define _DEFAULT_SOURCE /* strdup, timegm */
#include "server/lobby/certificate.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "auth/secret.h"
#include "server/config/file.h"
#include "server/lobby/server_name.h"
#include "server/lobby/tls.h"

#define SECONDS_A_DAY   86400
#define NAMES_MAX_FIRST 8

__attribute__((format(printf, 3, 4))) static bool failed(char error[CERTIFICATE_ERROR_SIZE], const char *file,
                                                         const char *format, ...)
{
    char why[CERTIFICATE_ERROR_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    /* The reason is short, the name may be long: cut, if need be, is the name. */
    (void)snprintf(error, CERTIFICATE_ERROR_SIZE, "%.350s: %.150s", file, why);
    ERR_clear_error();
    return false;
}

/* ---- files ---- */

static bool is_end_of_pem(void)
{
    unsigned long error = ERR_peek_last_error();
    return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

static bool read_all(BIO *bio, STACK_OF(X509) * chain, const char *file, char error[CERTIFICATE_ERROR_SIZE])
{
    X509 *x509;
    while ((x509 = PEM_read_bio_X509(bio, NULL, tls_no_passphrase, NULL)) != NULL) {
        if (sk_X509_push(chain, x509) == 0) {
            X509_free(x509);
            return failed(error, file, "no memory");
        }
    }
    if (!is_end_of_pem()) {
        return failed(error, file, "certificate %d is broken: %s", sk_X509_num(chain) + 1, tls_error_text());
    }
    if (sk_X509_num(chain) == 0) {
        return failed(error, file, "there is no certificate in it (PEM)");
    }
    ERR_clear_error();
    return true;
}

STACK_OF(X509) * certificate_read_chain(const char *file, char error[CERTIFICATE_ERROR_SIZE])
{
    char *bytes = NULL;
    size_t size = 0;
    const char *why = file_read(file, CERTIFICATE_FILE_MAX, &bytes, &size);
    if (why != NULL) {
        (void)failed(error, file, "cannot be read: %s", why);
        return NULL;
    }
    ERR_clear_error();
    BIO *bio = BIO_new_mem_buf(bytes, (int)size);
    STACK_OF(X509) *chain = sk_X509_new_null();
    bool good = bio != NULL && chain != NULL ? read_all(bio, chain, file, error) : failed(error, file, "no memory");
    if (!good) {
        sk_X509_pop_free(chain, X509_free);
        chain = NULL;
    }
    BIO_free(bio);
    free(bytes);
    return chain;
}

static EVP_PKEY *read_key(const char *file, char error[CERTIFICATE_ERROR_SIZE])
{
    struct secret secret = {NULL, 0};
    enum secret_status status = secret_load(file, CERTIFICATE_FILE_MAX, &secret);
    if (status != SECRET_OK) {
        (void)failed(error, file, "%s%s%s", secret_status_text(status), status == SECRET_UNREADABLE ? ": " : "",
                     status == SECRET_UNREADABLE ? strerror(errno) : "");
        return NULL;
    }
    ERR_clear_error();
    BIO *bio = BIO_new_mem_buf(secret.bytes, (int)secret.size);
    EVP_PKEY *key = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, tls_no_passphrase, NULL) : NULL;
    if (key == NULL) {
        (void)failed(error, file, "there is no private key in it (PEM), or an encrypted one");
    }
    BIO_free(bio);
    secret_free(&secret);
    return key;
}

/* ---- what a certificate says ---- */

static bool add_name(struct certificate *certificate, const ASN1_STRING *text, char error[CERTIFICATE_ERROR_SIZE])
{
    char name[SERVER_NAME_SIZE];
    int size = ASN1_STRING_length(text);
    if (size <= 0 || !server_name_parse_pattern(ASN1_STRING_get0_data(text), (size_t)size, name)) {
        return true; /* no client can ask for it */
    }
    if (certificate->name_count == CERTIFICATE_NAMES_MAX) {
        return failed(error, certificate->file, "it is for more than %d names", CERTIFICATE_NAMES_MAX);
    }
    if (certificate->name_count == certificate->name_max) {
        size_t max = certificate->name_max > 0 ? 2 * certificate->name_max : NAMES_MAX_FIRST;
        char **grown = realloc(certificate->names, max * sizeof(*grown));
        if (grown == NULL) {
            return failed(error, certificate->file, "no memory");
        }
        certificate->names = grown;
        certificate->name_max = max;
    }
    char *copy = strdup(name);
    if (copy == NULL) {
        return failed(error, certificate->file, "no memory");
    }
    certificate->names[certificate->name_count++] = copy;
    return true;
}

static bool add_common_name(struct certificate *certificate, char error[CERTIFICATE_ERROR_SIZE])
{
    X509_NAME *subject = X509_get_subject_name(certificate->leaf);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    return at < 0 || add_name(certificate, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)), error);
}

static bool take_names(struct certificate *certificate, char error[CERTIFICATE_ERROR_SIZE])
{
    int found = -1;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate->leaf, NID_subject_alt_name, &found, NULL);
    if (names == NULL) {
        return found == -1 ? add_common_name(certificate, error)
                           : failed(error, certificate->file, "its subjectAltName is broken");
    }
    bool good = true;
    for (int i = 0; good && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        good = name->type != GEN_DNS || add_name(certificate, name->d.dNSName, error);
    }
    GENERAL_NAMES_free(names);
    return good;
}

static bool to_seconds(const ASN1_TIME *time, int64_t *seconds_r)
{
    struct tm parts;
    if (ASN1_TIME_to_tm(time, &parts) != 1) {
        return false;
    }
    *seconds_r = timegm(&parts);
    return true;
}

static bool read_times(struct certificate *certificate)
{
    return to_seconds(X509_get0_notBefore(certificate->leaf), &certificate->not_before_s) &&
           to_seconds(X509_get0_notAfter(certificate->leaf), &certificate->not_after_s);
}

/* Those of the chain are only tried: certificate_chain_at() can rely on them. */
static bool take_times(struct certificate *certificate, char error[CERTIFICATE_ERROR_SIZE])
{
    bool good = read_times(certificate);
    for (int i = 0; good && i < sk_X509_num(certificate->chain); i++) {
        struct certificate link = {.leaf = sk_X509_value(certificate->chain, i)};
        good = read_times(&link);
    }
    return good || failed(error, certificate->file, "its dates are broken");
}

size_t certificate_chain_count(const struct certificate *certificate)
{
    return (size_t)sk_X509_num(certificate->chain);
}

struct certificate certificate_chain_at(const struct certificate *certificate, size_t index)
{
    struct certificate link = {.file = certificate->file, .leaf = sk_X509_value(certificate->chain, (int)index)};
    bool good = read_times(&link);
    assert(good);
    (void)good;
    return link;
}

const char *certificate_subject(const struct certificate *certificate, char *text, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int got = -1;
    if (bio != NULL && X509_NAME_print_ex(bio, X509_get_subject_name(certificate->leaf), 0, XN_FLAG_RFC2253) >= 0) {
        got = BIO_read(bio, text, (int)size - 1);
    }
    text[got > 0 ? got : 0] = '\0';
    BIO_free(bio);
    ERR_clear_error();
    return text;
}

static bool take_kind(struct certificate *certificate, const char *key_file, char error[CERTIFICATE_ERROR_SIZE])
{
    static const int types[CERTIFICATE_KINDS] = {EVP_PKEY_RSA, EVP_PKEY_RSA_PSS, EVP_PKEY_EC, EVP_PKEY_ED25519,
                                                 EVP_PKEY_ED448};
    int type = EVP_PKEY_get_base_id(certificate->key);
    for (int i = 0; i < CERTIFICATE_KINDS; i++) {
        if (types[i] == type) {
            certificate->kind = (enum certificate_kind)i;
            return true;
        }
    }
    return failed(error, key_file, "keys of its kind are not used in TLS");
}

/* What OpenSSL thinks of it, asked once and of a context of its own: too weak a key or signature, above all. */
static bool is_usable(const struct certificate *certificate, char error[CERTIFICATE_ERROR_SIZE])
{
    SSL_CTX *judge = SSL_CTX_new(TLS_server_method());
    bool good = judge != NULL &&
                SSL_CTX_use_cert_and_key(judge, certificate->leaf, certificate->key, certificate->chain, 1) == 1;
    if (!good) {
        (void)failed(error, certificate->file, "OpenSSL refuses it: %s", tls_error_text());
    }
    SSL_CTX_free(judge);
    return good;
}

bool certificate_load(const char *certificate_file, const char *key_file, struct certificate *certificate_r,
                      char error[CERTIFICATE_ERROR_SIZE])
{
    struct certificate certificate = {.file = strdup(certificate_file)};
    bool good = false;
    if (certificate.file == NULL) {
        return failed(error, certificate_file, "no memory");
    }
    certificate.chain = certificate_read_chain(certificate_file, error);
    if (certificate.chain == NULL) {
        goto done;
    }
    certificate.leaf = sk_X509_shift(certificate.chain);
    if (sk_X509_num(certificate.chain) > CERTIFICATE_CHAIN_MAX) {
        (void)failed(error, certificate_file, "%d certificates behind the first; a chain has %d at most",
                     sk_X509_num(certificate.chain), CERTIFICATE_CHAIN_MAX);
        goto done;
    }
    certificate.key = read_key(key_file, error);
    if (certificate.key == NULL) {
        goto done;
    }
    if (X509_check_private_key(certificate.leaf, certificate.key) != 1) {
        (void)failed(error, key_file, "this key does not belong to the certificate %s", certificate_file);
        goto done;
    }
    good = take_kind(&certificate, key_file, error) && take_names(&certificate, error) &&
           take_times(&certificate, error) && is_usable(&certificate, error);
done:
    if (good) {
        *certificate_r = certificate;
    } else {
        certificate_deinit(&certificate);
    }
    return good;
}

void certificate_deinit(struct certificate *certificate)
{
    for (size_t i = 0; i < certificate->name_count; i++) {
        free(certificate->names[i]);
    }
    free(certificate->names);
    sk_X509_pop_free(certificate->chain, X509_free);
    X509_free(certificate->leaf);
    EVP_PKEY_free(certificate->key);
    free(certificate->file);
    *certificate = (struct certificate){0};
}

int64_t certificate_days_left(const struct certificate *certificate, int64_t now_s)
{
    int64_t left_s = certificate->not_after_s - now_s;
    return left_s >= 0 ? left_s / SECONDS_A_DAY : -((-left_s + SECONDS_A_DAY - 1) / SECONDS_A_DAY);
}
