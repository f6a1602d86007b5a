/*
 * digest - see digest.h. Called with each line of the audit file that has a digest: by session loops, lobby and upgrade workers and the
 * admin API's.
 */
#include "auth/digest.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define SHA256_SIZE 32

/* One of the two. To find an algorithm and to set a key up takes longer than to digest a short message: that is done once, and each use
 * begins with a copy. */
struct digest {
    EVP_MD *hash;
    EVP_MAC_CTX *mac;
};

static const char hash_prefix[] = "sha256:";
static const char mac_prefix[] = "hmac-sha256:";
_Static_assert(sizeof(mac_prefix) + 2 * SHA256_SIZE == DIGEST_TEXT_SIZE, "the longest text");

static EVP_MAC_CTX *prepare_mac(const void *key, size_t key_size)
{
    char hash[] = "SHA-256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, hash, 0),
                                     OSSL_PARAM_construct_end()};
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = mac == NULL ? NULL : EVP_MAC_CTX_new(mac);
    if (context != NULL && EVP_MAC_init(context, key, key_size, parameters) != 1) {
        EVP_MAC_CTX_free(context);
        context = NULL;
    }
    EVP_MAC_free(mac);
    return context;
}

struct digest *digest_create(const void *key, size_t key_size)
{
    assert(key_size <= DIGEST_KEY_MAX);
    struct digest *digest = calloc(1, sizeof(*digest));
    if (digest == NULL) {
        return NULL;
    }
    ERR_clear_error();
    if (key == NULL) {
        digest->hash = EVP_MD_fetch(NULL, "SHA-256", NULL);
    } else {
        digest->mac = prepare_mac(key, key_size);
    }
    if (digest->hash == NULL && digest->mac == NULL) {
        ERR_clear_error();
        digest_destroy(&digest);
    }
    return digest;
}

struct digest *digest_create_labelled(const char *label, const void *key, size_t key_size)
{
    assert(key_size >= DIGEST_KEY_MIN && key_size <= DIGEST_KEY_MAX);
    uint8_t derived[SHA256_SIZE];
    struct digest *digest = NULL;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
        EVP_DigestUpdate(context, label, strlen(label)) == 1 && EVP_DigestUpdate(context, key, key_size) == 1 &&
        EVP_DigestFinal_ex(context, derived, NULL) == 1) {
        digest = digest_create(derived, sizeof(derived));
    }
    EVP_MD_CTX_free(context);
    OPENSSL_cleanse(derived, sizeof(derived));
    return digest;
}

void digest_destroy(struct digest **digest)
{
    if (*digest != NULL) {
        EVP_MD_free((*digest)->hash);
        EVP_MAC_CTX_free((*digest)->mac);
        free(*digest);
        *digest = NULL;
    }
}

static bool compute(const struct digest *digest, const void *bytes, size_t size, uint8_t result[SHA256_SIZE])
{
    if (digest->hash != NULL) {
        return EVP_Digest(bytes, size, result, NULL, digest->hash, NULL) == 1;
    }
    EVP_MAC_CTX *context = EVP_MAC_CTX_dup(digest->mac);
    const bool done = context != NULL && EVP_MAC_update(context, bytes, size) == 1 &&
                      EVP_MAC_final(context, result, NULL, SHA256_SIZE) == 1;
    EVP_MAC_CTX_free(context);
    return done;
}

bool digest_of(const struct digest *digest, const void *bytes, size_t size, char text_r[DIGEST_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t result[SHA256_SIZE];
    ERR_clear_error();
    /* Of nothing, there may be no address either. */
    if (!compute(digest, size > 0 ? bytes : "", size, result)) {
        ERR_clear_error();
        return false;
    }
    const char *prefix = digest->hash != NULL ? hash_prefix : mac_prefix;
    size_t at = strlen(prefix);
    memcpy(text_r, prefix, at);
    for (size_t i = 0; i < sizeof(result); i++) {
        text_r[at++] = digits[result[i] >> 4];
        text_r[at++] = digits[result[i] & 15];
    }
    text_r[at] = '\0';
    return true;
}
