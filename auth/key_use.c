/*
 * key_use - signing and verifying. Called for each token, on upgrade workers and session loops; any thread.
 */
#include "auth/key.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "auth/ecdsa.h"
#include "auth/key_private.h"

const char *key_hash_name(enum algorithm algorithm)
{
    switch (algorithm_hash_bits(algorithm)) {
    case 256:
        return "SHA-256";
    case 384:
        return "SHA-384";
    case 512:
        return "SHA-512";
    default:
        return NULL;
    }
}

bool key_prepare(EVP_MD_CTX *context, EVP_PKEY *pkey, enum algorithm algorithm, bool sign)
{
    const char *hash = key_hash_name(algorithm);
    EVP_PKEY_CTX *parameters = NULL; /* the context's */
    const int started = sign ? EVP_DigestSignInit_ex(context, &parameters, hash, NULL, NULL, pkey, NULL)
                             : EVP_DigestVerifyInit_ex(context, &parameters, hash, NULL, NULL, pkey, NULL);
    if (started != 1) {
        return false;
    }
    /* RFC 7518 §3.5: as much salt as hash; OpenSSL's mask is made with the same hash unless it is told otherwise. */
    return algorithm_family(algorithm) != ALGORITHM_RSA_PSS ||
           (EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1);
}

/* -- HMAC -------------------------------------------------------------------------------------------------------- */

/* Writes signature_size bytes. */
static bool compute_mac(const struct key *key, const uint8_t *input, size_t input_size, uint8_t mac[EVP_MAX_MD_SIZE])
{
    EVP_MAC_CTX *context = EVP_MAC_CTX_dup(key->mac);
    size_t size = 0;
    const bool done = context != NULL && EVP_MAC_update(context, input, input_size) == 1 &&
                      EVP_MAC_final(context, mac, &size, EVP_MAX_MD_SIZE) == 1 && size == key->signature_size;
    EVP_MAC_CTX_free(context);
    return done;
}

static bool verify_mac(const struct key *key, const uint8_t *input, size_t input_size, const uint8_t *signature)
{
    uint8_t mac[EVP_MAX_MD_SIZE];
    const bool good =
        compute_mac(key, input, input_size, mac) && CRYPTO_memcmp(mac, signature, key->signature_size) == 0;
    OPENSSL_cleanse(mac, sizeof(mac)); /* of a bad token it is the right signature */
    return good;
}

/* -- public keys ------------------------------------------------------------------------------------------------- */

static bool verify_public(const struct key *key, const uint8_t *input, size_t input_size, const uint8_t *signature)
{
    uint8_t der[ECDSA_DER_MAX];
    size_t size = key->signature_size;
    if (algorithm_family(key->algorithm) == ALGORITHM_ECDSA) {
        if (!ecdsa_to_der(signature, size / 2, der, &size)) {
            return false;
        }
        signature = der;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const bool good = context != NULL && EVP_MD_CTX_copy_ex(context, key->verifier) == 1 &&
                      EVP_DigestVerify(context, signature, size, input, input_size) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

bool key_verify(const struct key *key, const uint8_t *input, size_t input_size, const uint8_t *signature,
                size_t signature_size)
{
    /* OpenSSL takes an RSA signature without its leading zeros: one signature would have several texts. */
    if (signature_size != key->signature_size) {
        return false;
    }
    ERR_clear_error();
    const bool good = key->mac != NULL ? verify_mac(key, input, input_size, signature)
                                       : verify_public(key, input, input_size, signature);
    if (!good) {
        ERR_clear_error(); /* nor does this leave errors to those who use OpenSSL next on this thread */
    }
    return good;
}

static bool sign_private(const struct key *key, const uint8_t *input, size_t input_size,
                         uint8_t signature[KEY_SIGNATURE_MAX])
{
    uint8_t made[KEY_SIGNATURE_MAX];
    size_t size = sizeof(made);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = context != NULL && key_prepare(context, key->pkey, key->algorithm, true) &&
                EVP_DigestSign(context, made, &size, input, input_size) == 1;
    EVP_MD_CTX_free(context);
    if (done && algorithm_family(key->algorithm) == ALGORITHM_ECDSA) {
        return ecdsa_from_der(made, size, signature, key->signature_size / 2);
    }
    done = done && size == key->signature_size;
    if (done) {
        memcpy(signature, made, size);
    }
    return done;
}

enum key_status key_sign(const struct key *key, const uint8_t *input, size_t input_size,
                         uint8_t signature[KEY_SIGNATURE_MAX], size_t *size_r)
{
    if (!key->can_sign) {
        return KEY_NOT_PRIVATE;
    }
    ERR_clear_error();
    const bool done = key->mac != NULL ? compute_mac(key, input, input_size, signature)
                                       : sign_private(key, input, input_size, signature);
    ERR_clear_error();
    if (!done) {
        return KEY_NO_MEMORY;
    }
    *size_r = key->signature_size;
    return KEY_OK;
}
