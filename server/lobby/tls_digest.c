/*
 * tls_digest - hashes settings and files; see tls_digest.h. Called by tls.c.
 */
#include "server/lobby/tls_digest.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "auth/secret.h"
#include "server/config/file.h"
#include "server/lobby/certificate.h"

/* With its size, so that no two lists of pieces are the same bytes. */
static bool add(EVP_MD_CTX *hash, const void *bytes, size_t size)
{
    uint64_t count = size;
    return EVP_DigestUpdate(hash, &count, sizeof(count)) == 1 && EVP_DigestUpdate(hash, bytes, size) == 1;
}

/* Its name as well: it is in the log. */
static bool add_file(EVP_MD_CTX *hash, const char *file)
{
    char *bytes = NULL;
    size_t size = 0;
    bool good = add(hash, file, strlen(file)) && file_read(file, CERTIFICATE_FILE_MAX, &bytes, &size) == NULL &&
                add(hash, bytes, size);
    free(bytes);
    return good;
}

/* A key that others can read by now is to be refused, however well-known its bytes are. */
static bool add_key(EVP_MD_CTX *hash, const char *file)
{
    struct secret secret = {NULL, 0};
    bool good = secret_load(file, CERTIFICATE_FILE_MAX, &secret) == SECRET_OK && add(hash, file, strlen(file)) &&
                add(hash, secret.bytes, secret.size);
    secret_free(&secret);
    return good;
}

static bool add_settings(EVP_MD_CTX *hash, const struct config *config)
{
    const uint64_t settings[] = {config->tls.strict_sni, config->tls.min_version, config->tls.ticket_rotation_ms,
                                 config->tls.client_verify, config->tls.certificate_count};
    return add(hash, settings, sizeof(settings));
}

bool tls_digest(const struct config *config, unsigned char digest_r[TLS_DIGEST_SIZE])
{
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    bool good = hash != NULL && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1 && add_settings(hash, config) &&
                add_file(hash, config->tls.certificate) && add_key(hash, config->tls.key) &&
                (config->tls.client_verify == CONFIG_VERIFY_NONE || add_file(hash, config->tls.client_ca));
    for (size_t i = 0; good && i < config->tls.certificate_count; i++) {
        const struct config_certificate *more = &config->tls.certificates[i];
        good = add_file(hash, more->certificate) && add_key(hash, more->key);
    }
    unsigned int size = 0;
    good = good && EVP_DigestFinal_ex(hash, digest_r, &size) == 1 && size == TLS_DIGEST_SIZE;
    EVP_MD_CTX_free(hash);
    return good;
}
