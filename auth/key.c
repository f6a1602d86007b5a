/*
 * key - how keys are made, judged and given back. Called at start, on reload and when key sets have been fetched; references
 * are taken and given back by any thread.
 */
#include "auth/key.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "auth/key_evp.h"
#include "auth/key_private.h"
#include "auth/pem.h"

/* OpenSSL bounds longer moduli itself; with an exponent as long as the modulus one verification would take 50 times as long. */
#define RSA_EXPONENT_BITS_MAX 64
#define RSA_EXPONENT_MIN      3
#define EDDSA_POINT_MAX       57 /* bytes; of Ed448 */
#define EDDSA_FORGERIES       32 /* messages: enough for each of the few points that there are */

static struct key *create(const struct key_setup *setup)
{
    const size_t id_size = strlen(setup->id) + 1;
    const size_t issuer_size = strlen(setup->issuer) + 1;
    const size_t audience_size = strlen(setup->audience) + 1;
    struct key *key = calloc(1, sizeof(*key) + id_size + issuer_size + audience_size);
    if (key == NULL) {
        return NULL;
    }
    atomic_init(&key->references, 1);
    key->algorithm = setup->algorithm;
    memcpy(key->id, setup->id, id_size);
    key->issuer = memcpy(key->id + id_size, setup->issuer, issuer_size);
    key->audience = memcpy(key->id + id_size + issuer_size, setup->audience, audience_size);
    return key;
}

static void destroy(struct key *key)
{
    EVP_MAC_CTX_free(key->mac); /* wipes the secret */
    EVP_MD_CTX_free(key->verifier);
    EVP_PKEY_free(key->pkey);
    free(key);
}

struct key *key_ref(struct key *key)
{
    atomic_fetch_add_explicit(&key->references, 1, memory_order_relaxed);
    return key;
}

void key_unref(struct key **key)
{
    struct key *gone = *key;
    *key = NULL;
    if (gone != NULL && atomic_fetch_sub_explicit(&gone->references, 1, memory_order_acq_rel) == 1) {
        destroy(gone);
    }
}

/* -- HMAC -------------------------------------------------------------------------------------------------------- */

size_t key_secret_size(const uint8_t *bytes, size_t size)
{
    if (size > 0 && bytes[size - 1] == '\n') {
        size--;
        if (size > 0 && bytes[size - 1] == '\r') {
            size--;
        }
    }
    return size;
}

/* A public key that is taken for a secret is what an attacker has, too. */
static bool looks_like_pem(const uint8_t *bytes, size_t size)
{
    static const char mark[] = "-----BEGIN ";
    const size_t mark_size = sizeof(mark) - 1;
    for (size_t i = 0; size >= mark_size && i <= size - mark_size; i++) {
        if (memcmp(bytes + i, mark, mark_size) == 0) {
            return true;
        }
    }
    return false;
}

static enum key_status judge_secret(const struct key_setup *setup, const uint8_t *bytes, size_t size)
{
    if (algorithm_family(setup->algorithm) != ALGORITHM_HMAC) {
        return KEY_WRONG_KIND;
    }
    if (size == 0) {
        return KEY_EMPTY;
    }
    if (size > KEY_SECRET_MAX) {
        return KEY_TOO_LARGE;
    }
    if (looks_like_pem(bytes, size)) {
        return KEY_WRONG_KIND;
    }
    return size < algorithm_hash_bits(setup->algorithm) / 8 && !setup->weak ? KEY_TOO_SHORT : KEY_OK;
}

static EVP_MAC_CTX *create_mac(enum algorithm algorithm, const uint8_t *secret, size_t size)
{
    char hash[] = "SHA-000"; /* the parameter is not const */
    memcpy(hash, key_hash_name(algorithm), sizeof(hash));
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, hash, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
    EVP_MAC_CTX *mac = hmac == NULL ? NULL : EVP_MAC_CTX_new(hmac);
    EVP_MAC_free(hmac);
    if (mac != NULL && EVP_MAC_init(mac, secret, size, parameters) != 1) {
        EVP_MAC_CTX_free(mac);
        return NULL;
    }
    return mac;
}

enum key_status key_from_secret(const struct key_setup *setup, const uint8_t *bytes, size_t size, struct key **key_r)
{
    size = key_secret_size(bytes, size);
    const enum key_status status = judge_secret(setup, bytes, size);
    if (status != KEY_OK) {
        return status;
    }
    struct key *key = create(setup);
    if (key == NULL) {
        return KEY_NO_MEMORY;
    }
    key->mac = create_mac(setup->algorithm, bytes, size);
    if (key->mac == NULL) {
        ERR_clear_error();
        key_unref(&key);
        return KEY_NO_MEMORY;
    }
    key->signature_size = algorithm_hash_bits(setup->algorithm) / 8;
    key->can_sign = true;
    *key_r = key;
    return KEY_OK;
}

/* -- public keys ------------------------------------------------------------------------------------------------- */

/* OpenSSL takes any exponent; with 1 everything is its own signature. */
static bool rsa_is_sound(const EVP_PKEY *pkey)
{
    const int bits = EVP_PKEY_get_bits(pkey);
    BIGNUM *exponent = NULL;
    BIGNUM *modulus = NULL;
    const bool sound = bits >= KEY_RSA_BITS_MIN && bits <= KEY_RSA_BITS_MAX &&
                       EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 &&
                       EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &modulus) == 1 && BN_is_odd(modulus) &&
                       BN_is_odd(exponent) && BN_num_bits(exponent) <= RSA_EXPONENT_BITS_MAX &&
                       BN_get_word(exponent) >= RSA_EXPONENT_MIN;
    BN_free(exponent);
    BN_free(modulus);
    return sound;
}

static enum key_status judge_rsa(const EVP_PKEY *pkey, bool pss)
{
    if (EVP_PKEY_is_a(pkey, "RSA") != 1 && !(pss && EVP_PKEY_is_a(pkey, "RSA-PSS") == 1)) {
        return KEY_WRONG_KIND;
    }
    return rsa_is_sound(pkey) ? KEY_OK : KEY_WEAK;
}

/* RFC 7518 §3.4: each hash has its curve. */
static const char *curve_name(enum algorithm algorithm)
{
    switch (algorithm_hash_bits(algorithm)) {
    case 256:
        return "prime256v1";
    case 384:
        return "secp384r1";
    default:
        return "secp521r1";
    }
}

static enum key_status judge_ecdsa(EVP_PKEY *pkey, enum algorithm algorithm)
{
    char curve[64];
    if (EVP_PKEY_is_a(pkey, "EC") != 1 || EVP_PKEY_get_group_name(pkey, curve, sizeof(curve), NULL) != 1 ||
        strcmp(curve, curve_name(algorithm)) != 0) {
        return KEY_WRONG_KIND;
    }
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    if (context == NULL) {
        return KEY_NO_MEMORY;
    }
    const bool on_curve = EVP_PKEY_public_check(context) == 1; /* and not the point at infinity */
    EVP_PKEY_CTX_free(context);
    return on_curve ? KEY_OK : KEY_WEAK;
}

/* Whether that R, with zero for S, is a signature of one of some messages. */
static bool is_signed_by(EVP_PKEY *pkey, const uint8_t *r, size_t r_size)
{
    uint8_t signature[2 * EDDSA_POINT_MAX] = {0};
    memcpy(signature, r, r_size);
    bool good = false;
    for (uint8_t message = 0; message < EDDSA_FORGERIES && !good; message++) {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        good = context != NULL && key_prepare(context, pkey, ALGORITHM_EdDSA, false) &&
               EVP_DigestVerify(context, signature, 2 * r_size, &message, 1) == 1;
        EVP_MD_CTX_free(context);
    }
    return good;
}

/*
 * OpenSSL takes any point A. With one of small order, S B = R + h A (RFC 8032 §5.1.7) holds for S = 0 and an R out of a handful,
 * whenever h is the right one of as few: signatures that take no private key. The neutral R and A itself are tried.
 */
static bool is_forgeable(EVP_PKEY *pkey)
{
    static const uint8_t neutral[EDDSA_POINT_MAX] = {1};
    uint8_t point[EDDSA_POINT_MAX];
    size_t size = sizeof(point);
    return EVP_PKEY_get_raw_public_key(pkey, point, &size) != 1 || is_signed_by(pkey, neutral, size) ||
           is_signed_by(pkey, point, size);
}

static enum key_status judge_eddsa(EVP_PKEY *pkey)
{
    if (EVP_PKEY_is_a(pkey, "ED25519") != 1 && EVP_PKEY_is_a(pkey, "ED448") != 1) {
        return KEY_WRONG_KIND;
    }
    return is_forgeable(pkey) ? KEY_WEAK : KEY_OK;
}

static enum key_status judge(EVP_PKEY *pkey, enum algorithm algorithm)
{
    switch (algorithm_family(algorithm)) {
    case ALGORITHM_HMAC:
        return KEY_WRONG_KIND;
    case ALGORITHM_RSA:
        return judge_rsa(pkey, false);
    case ALGORITHM_RSA_PSS:
        return judge_rsa(pkey, true);
    case ALGORITHM_ECDSA:
        return judge_ecdsa(pkey, algorithm);
    case ALGORITHM_EDDSA:
        break;
    }
    return judge_eddsa(pkey);
}

static size_t signature_size(const EVP_PKEY *pkey, enum algorithm algorithm)
{
    if (algorithm_family(algorithm) == ALGORITHM_ECDSA) {
        return 2 * (((size_t)EVP_PKEY_get_bits(pkey) + 7) / 8);
    }
    return (size_t)EVP_PKEY_get_size(pkey);
}

static enum key_status wrap(const struct key_setup *setup, EVP_PKEY *pkey, bool can_sign, struct key **key_r)
{
    const enum key_status status = judge(pkey, setup->algorithm);
    if (status != KEY_OK) {
        return status;
    }
    struct key *key = create(setup);
    if (key == NULL || (key->verifier = EVP_MD_CTX_new()) == NULL || EVP_PKEY_up_ref(pkey) != 1) {
        key_unref(&key);
        return KEY_NO_MEMORY;
    }
    key->pkey = pkey;
    key->signature_size = signature_size(pkey, setup->algorithm);
    key->can_sign = can_sign;
    /* An RSA-PSS key may be restricted to other parameters than its algorithm has (RFC 4055 §3.1). */
    if (!key_prepare(key->verifier, pkey, setup->algorithm, false)) {
        key_unref(&key);
        return KEY_WRONG_KIND;
    }
    *key_r = key;
    return KEY_OK;
}

enum key_status key_from_evp(const struct key_setup *setup, EVP_PKEY *pkey, bool can_sign, struct key **key_r)
{
    ERR_clear_error();
    const enum key_status status = wrap(setup, pkey, can_sign, key_r);
    ERR_clear_error();
    return status;
}

enum key_status key_from_pem(const struct key_setup *setup, const uint8_t *bytes, size_t size, struct key **key_r)
{
    EVP_PKEY *pkey = NULL;
    bool can_sign = false;
    enum key_status status = KEY_WRONG_KIND;
    ERR_clear_error();
    if (size == 0) {
        status = KEY_EMPTY;
    } else if (algorithm_family(setup->algorithm) != ALGORITHM_HMAC) {
        status = pem_read(bytes, size, &pkey, &can_sign);
    }
    if (status == KEY_OK) {
        status = wrap(setup, pkey, can_sign, key_r);
    }
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return status;
}

/* -- what is known of a key -------------------------------------------------------------------------------------- */

const char *key_id(const struct key *key)
{
    return key->id;
}

enum algorithm key_algorithm(const struct key *key)
{
    return key->algorithm;
}

const char *key_issuer(const struct key *key)
{
    return key->issuer;
}

const char *key_audience(const struct key *key)
{
    return key->audience;
}

bool key_can_sign(const struct key *key)
{
    return key->can_sign;
}

const char *key_status_text(enum key_status status)
{
    switch (status) {
    case KEY_OK:
        return "is good";
    case KEY_EMPTY:
        return "is empty";
    case KEY_TOO_SHORT:
        return "is shorter than the hash of its algorithm";
    case KEY_TOO_LARGE:
        return "is too large";
    case KEY_SYNTAX:
        return "has no key that can be read";
    case KEY_ENCRYPTED:
        return "is protected by a pass phrase, which cannot be asked for";
    case KEY_WRONG_KIND:
        return "is of another kind than its algorithm takes";
    case KEY_WEAK:
        return "is not safe: RSA keys have 2048 to 8192 bits and an odd exponent from 3 to 64 bits, others a point of "
               "their curve, not of small order";
    case KEY_NOT_PRIVATE:
        return "is no private key";
    case KEY_UNUSABLE:
        return "is meant for something else";
    case KEY_NO_MEMORY:
        return "could not be loaded: no memory";
    }
    return "is not known";
}
