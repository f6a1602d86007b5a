/*
 * sample_keys - see sample_keys.h. Called by tests.
 */
#include "tests/unit/sample_keys.h"

#include <check.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

static const uint8_t secret[65] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n";
const uint8_t sample_input[SAMPLE_INPUT_SIZE] = "what is signed";

struct key_setup sample_setup(enum algorithm algorithm)
{
    return (struct key_setup){"id", algorithm, "issuer", "audience", false};
}

/* A text file in memory. */
BIO *sample_file(void)
{
    BIO *file = BIO_new(BIO_s_mem());
    ck_assert_ptr_nonnull(file);
    return file;
}

enum key_status sample_load_with(const struct key_setup *setup, BIO *file, struct key **key_r)
{
    char *bytes = NULL;
    const long size = BIO_get_mem_data(file, &bytes);
    const enum key_status status = key_from_pem(setup, (const uint8_t *)bytes, (size_t)size, key_r);
    ck_assert_uint_eq(ERR_peek_error(), 0); /* nothing is left to whoever uses OpenSSL next */
    return status;
}

/* Takes `file`. */
enum key_status sample_load(enum algorithm algorithm, BIO *file, struct key **key_r)
{
    const struct key_setup setup = sample_setup(algorithm);
    const enum key_status status = sample_load_with(&setup, file, key_r);
    BIO_free(file);
    return status;
}

void sample_refused(enum algorithm algorithm, BIO *file, enum key_status expected)
{
    struct key *key = NULL;
    ck_assert_int_eq(sample_load(algorithm, file, &key), expected);
    ck_assert_ptr_null(key);
}

static EVP_PKEY *generate_new(enum kind kind)
{
    static const char *const curves[KIND_COUNT] = {
        [P_256] = "P-256", [P_384] = "P-384", [P_521] = "P-521", [SECP256K1] = "secp256k1"};
    static const char *const names[KIND_COUNT] = {[ED25519] = "ED25519", [ED448] = "ED448", [X25519] = "X25519"};
    EVP_PKEY *pkey = NULL;
    if (kind == RSA_2048) {
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    } else if (kind == RSA_PSS_2048) {
        EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
        ck_assert_int_eq(EVP_PKEY_keygen_init(context), 1);
        ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048), 1);
        ck_assert_int_eq(EVP_PKEY_generate(context, &pkey), 1);
        EVP_PKEY_CTX_free(context);
    } else if (curves[kind] != NULL) {
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curves[kind]);
    } else {
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, names[kind]);
    }
    ck_assert_ptr_nonnull(pkey);
    return pkey;
}

/* One of each kind for all tests: it takes a while to find an RSA key. */
EVP_PKEY *sample_generate(enum kind kind)
{
    static EVP_PKEY *kept[KIND_COUNT];
    if (kept[kind] == NULL) {
        kept[kind] = generate_new(kind);
    }
    ck_assert_int_eq(EVP_PKEY_up_ref(kept[kind]), 1);
    return kept[kind];
}

/* Runs before the tests' processes part. */
void sample_generate_all(void)
{
    for (int kind = RSA_2048; kind < KIND_COUNT; kind++) {
        EVP_PKEY_free(sample_generate((enum kind)kind));
    }
}

BIO *sample_private_file(EVP_PKEY *pkey)
{
    BIO *file = sample_file();
    ck_assert_int_eq(PEM_write_bio_PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL), 1);
    return file;
}

BIO *sample_public_file(EVP_PKEY *pkey)
{
    BIO *file = sample_file();
    ck_assert_int_eq(PEM_write_bio_PUBKEY(file, pkey), 1);
    return file;
}

/* What each algorithm takes, and no other. */
bool sample_goes_with(enum algorithm algorithm, enum kind kind)
{
    switch (algorithm_family(algorithm)) {
    case ALGORITHM_HMAC:
        return kind == SECRET;
    case ALGORITHM_RSA:
        return kind == RSA_2048;
    case ALGORITHM_RSA_PSS:
        return kind == RSA_2048 || kind == RSA_PSS_2048;
    case ALGORITHM_ECDSA:
        return kind == (algorithm == ALGORITHM_ES256 ? P_256 : algorithm == ALGORITHM_ES384 ? P_384 : P_521);
    case ALGORITHM_EDDSA:
        break;
    }
    return kind == ED25519 || kind == ED448;
}

static enum kind first_kind(enum algorithm algorithm)
{
    int kind = SECRET;
    while (!sample_goes_with(algorithm, (enum kind)kind)) {
        kind++;
    }
    return (enum kind)kind;
}

/* One that can sign. */
struct key *sample_key(enum algorithm algorithm)
{
    const struct key_setup setup = sample_setup(algorithm);
    struct key *key = NULL;
    if (algorithm_family(algorithm) == ALGORITHM_HMAC) {
        ck_assert_int_eq(key_from_secret(&setup, secret, sizeof(secret), &key), KEY_OK);
        return key;
    }
    EVP_PKEY *pkey = sample_generate(first_kind(algorithm));
    ck_assert_int_eq(sample_load(algorithm, sample_private_file(pkey), &key), KEY_OK);
    EVP_PKEY_free(pkey);
    return key;
}

void sample_signs(const struct key *key)
{
    uint8_t signature[KEY_SIGNATURE_MAX + 1] = {0};
    size_t size = 0;
    ck_assert_int_eq(key_sign(key, sample_input, sizeof(sample_input), signature, &size), KEY_OK);
    ck_assert(size > 0 && size <= KEY_SIGNATURE_MAX);
    ck_assert(key_verify(key, sample_input, sizeof(sample_input), signature, size));
    ck_assert(!key_verify(key, sample_input, sizeof(sample_input) - 1, signature, size));
    ck_assert(!key_verify(key, sample_input, sizeof(sample_input), signature, size - 1));
    ck_assert(!key_verify(key, sample_input, sizeof(sample_input), signature, size + 1));
    ck_assert(!key_verify(key, sample_input, sizeof(sample_input), signature, 0));
    for (size_t i = 0; i < size; i += size / 8) {
        signature[i] ^= 1;
        ck_assert(!key_verify(key, sample_input, sizeof(sample_input), signature, size));
        signature[i] ^= 1;
    }
    ck_assert(key_verify(key, sample_input, sizeof(sample_input), signature, size));
    ck_assert_uint_eq(ERR_peek_error(), 0);
}
