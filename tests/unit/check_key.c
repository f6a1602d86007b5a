/*
 * check_key - which keys are taken for which algorithm, in which forms, and that each one taken signs and verifies, from
 * threads with small stacks, too.
 */
#include "auth/key.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "auth/key_evp.h"
#include "auth/keyring.h"
#include "tests/unit/issue.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define ALGORITHM_COUNT (ALGORITHM_EdDSA + 1)
#define STACK_SIZE      (100 * 1024) /* of the server's threads */

/* Kinds of keys that algorithms are tried with. */
enum kind { SECRET, RSA_2048, RSA_PSS_2048, P_256, P_384, P_521, SECP256K1, ED25519, ED448, X25519, KIND_COUNT };

static const uint8_t secret[65] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n";
static const uint8_t input[] = "what is signed";

static struct key_setup setup_of(enum algorithm algorithm)
{
    return (struct key_setup){"id", algorithm, "issuer", "audience", false};
}

/* A text file in memory. */
static BIO *open_file(void)
{
    BIO *file = BIO_new(BIO_s_mem());
    ck_assert_ptr_nonnull(file);
    return file;
}

static enum key_status load_with(const struct key_setup *setup, BIO *file, struct key **key_r)
{
    char *bytes = NULL;
    const long size = BIO_get_mem_data(file, &bytes);
    const enum key_status status = key_from_pem(setup, (const uint8_t *)bytes, (size_t)size, key_r);
    ck_assert_uint_eq(ERR_peek_error(), 0); /* nothing is left to whoever uses OpenSSL next */
    return status;
}

/* Takes `file`. */
static enum key_status load(enum algorithm algorithm, BIO *file, struct key **key_r)
{
    const struct key_setup setup = setup_of(algorithm);
    const enum key_status status = load_with(&setup, file, key_r);
    BIO_free(file);
    return status;
}

static void assert_refused(enum algorithm algorithm, BIO *file, enum key_status expected)
{
    struct key *key = NULL;
    ck_assert_int_eq(load(algorithm, file, &key), expected);
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
static EVP_PKEY *generate(enum kind kind)
{
    static EVP_PKEY *kept[KIND_COUNT];
    if (kept[kind] == NULL) {
        kept[kind] = generate_new(kind);
    }
    ck_assert_int_eq(EVP_PKEY_up_ref(kept[kind]), 1);
    return kept[kind];
}

/* Runs before the tests' processes part. */
static void generate_all(void)
{
    for (int kind = RSA_2048; kind < KIND_COUNT; kind++) {
        EVP_PKEY_free(generate((enum kind)kind));
    }
}

static BIO *private_file(EVP_PKEY *pkey)
{
    BIO *file = open_file();
    ck_assert_int_eq(PEM_write_bio_PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL), 1);
    return file;
}

static BIO *public_file(EVP_PKEY *pkey)
{
    BIO *file = open_file();
    ck_assert_int_eq(PEM_write_bio_PUBKEY(file, pkey), 1);
    return file;
}

/* What each algorithm takes, and no other. */
static bool goes_with(enum algorithm algorithm, enum kind kind)
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
    while (!goes_with(algorithm, (enum kind)kind)) {
        kind++;
    }
    return (enum kind)kind;
}

/* One that can sign. */
static struct key *make_key(enum algorithm algorithm)
{
    const struct key_setup setup = setup_of(algorithm);
    struct key *key = NULL;
    if (algorithm_family(algorithm) == ALGORITHM_HMAC) {
        ck_assert_int_eq(key_from_secret(&setup, secret, sizeof(secret), &key), KEY_OK);
        return key;
    }
    EVP_PKEY *pkey = generate(first_kind(algorithm));
    ck_assert_int_eq(load(algorithm, private_file(pkey), &key), KEY_OK);
    EVP_PKEY_free(pkey);
    return key;
}

/* -- core -------------------------------------------------------------------------------------------------------- */

static void assert_signs(const struct key *key)
{
    uint8_t signature[KEY_SIGNATURE_MAX + 1] = {0};
    size_t size = 0;
    ck_assert_int_eq(key_sign(key, input, sizeof(input), signature, &size), KEY_OK);
    ck_assert(size > 0 && size <= KEY_SIGNATURE_MAX);
    ck_assert(key_verify(key, input, sizeof(input), signature, size));
    ck_assert(!key_verify(key, input, sizeof(input) - 1, signature, size));
    ck_assert(!key_verify(key, input, sizeof(input), signature, size - 1));
    ck_assert(!key_verify(key, input, sizeof(input), signature, size + 1));
    ck_assert(!key_verify(key, input, sizeof(input), signature, 0));
    for (size_t i = 0; i < size; i += size / 8) {
        signature[i] ^= 1;
        ck_assert(!key_verify(key, input, sizeof(input), signature, size));
        signature[i] ^= 1;
    }
    ck_assert(key_verify(key, input, sizeof(input), signature, size));
    ck_assert_uint_eq(ERR_peek_error(), 0);
}

START_TEST(core_each_algorithm)
{
    struct key *key = make_key((enum algorithm)_i);
    ck_assert_int_eq(key_algorithm(key), _i);
    ck_assert_str_eq(key_id(key), "id");
    ck_assert_str_eq(key_issuer(key), "issuer");
    ck_assert_str_eq(key_audience(key), "audience");
    assert_signs(key);
    key_unref(&key);
    ck_assert_ptr_null(key);
    key_unref(&key); /* none is fine */
}
END_TEST

START_TEST(core_signature_sizes)
{
    static const size_t sizes[ALGORITHM_COUNT] = {32, 48, 64, 256, 256, 256, 256, 256, 256, 64, 96, 132, 64};
    for (int algorithm = 0; algorithm < ALGORITHM_COUNT; algorithm++) {
        struct key *key = make_key((enum algorithm)algorithm);
        uint8_t signature[KEY_SIGNATURE_MAX];
        size_t size = 0;
        ck_assert_int_eq(key_sign(key, input, sizeof(input), signature, &size), KEY_OK);
        ck_assert_uint_eq(size, sizes[algorithm]);
        key_unref(&key);
    }
}
END_TEST

/* A signature of one key, for another that has the same public part in `file`, which is taken. */
static void assert_same_key(const struct key *signer, enum algorithm algorithm, BIO *file, bool private)
{
    uint8_t signature[KEY_SIGNATURE_MAX];
    size_t size = 0;
    struct key *key = NULL;
    ck_assert_int_eq(load(algorithm, file, &key), KEY_OK);
    ck_assert_int_eq(key_sign(signer, input, sizeof(input), signature, &size), KEY_OK);
    ck_assert(key_verify(key, input, sizeof(input), signature, size));
    ck_assert_int_eq(key_sign(key, input, sizeof(input), signature, &size), private ? KEY_OK : KEY_NOT_PRIVATE);
    key_unref(&key);
}

static void name_it(char *name, size_t size, size_t index, void *context)
{
    (void)index;
    (void)context;
    snprintf(name, size, "name.example");
}

START_TEST(core_forms)
{
    EVP_PKEY *pkey = issue_key();
    struct key *signer = NULL;
    ck_assert_int_eq(load(ALGORITHM_ES256, private_file(pkey), &signer), KEY_OK);
    assert_same_key(signer, ALGORITHM_ES256, public_file(pkey), false);

    BIO *file = open_file(); /* as RFC 5915 has it, behind what "openssl ecparam -genkey" writes in front */
    BIO_puts(file, "Some words.\n-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n");
    ck_assert_int_eq(PEM_write_bio_PrivateKey_traditional(file, pkey, NULL, NULL, 0, NULL, NULL), 1);
    assert_same_key(signer, ALGORITHM_ES256, file, true);

    X509 *certificate = issue_certificate(pkey, 1, name_it, NULL);
    file = open_file();
    ck_assert_int_eq(PEM_write_bio_X509(file, certificate), 1);
    assert_same_key(signer, ALGORITHM_ES256, file, false);
    X509_free(certificate);
    key_unref(&signer);
    EVP_PKEY_free(pkey);

    pkey = generate(RSA_2048);
    ck_assert_int_eq(load(ALGORITHM_PS384, private_file(pkey), &signer), KEY_OK);
    file = open_file();
    ck_assert_int_eq(PEM_write_bio_PrivateKey_traditional(file, pkey, NULL, NULL, 0, NULL, NULL), 1);
    assert_same_key(signer, ALGORITHM_PS384, file, true);
    assert_same_key(signer, ALGORITHM_PS384, public_file(pkey), false);
    key_unref(&signer);
    EVP_PKEY_free(pkey);
}
END_TEST

START_TEST(core_kinds)
{
    const enum kind kind = (enum kind)_i;
    EVP_PKEY *pkey = generate(kind);
    for (int algorithm = 0; algorithm < ALGORITHM_COUNT; algorithm++) {
        const bool fits = goes_with((enum algorithm)algorithm, kind);
        struct key *key = NULL;
        ck_assert_int_eq(load((enum algorithm)algorithm, private_file(pkey), &key), fits ? KEY_OK : KEY_WRONG_KIND);
        if (fits) {
            assert_signs(key);
        }
        key_unref(&key);
    }
    EVP_PKEY_free(pkey);
}
END_TEST

START_TEST(core_keyring)
{
    struct key *keys[2] = {make_key(ALGORITHM_HS256), make_key(ALGORITHM_EdDSA)};
    struct keyring *ring = keyring_create(keys, 2);
    ck_assert_ptr_nonnull(ring);
    struct keyring *other = keyring_ref(ring);
    ck_assert_uint_eq(keyring_count(ring), 2);
    ck_assert_ptr_eq(keyring_key(ring, 1), keys[1]);
    key_unref(&keys[0]);
    key_unref(&keys[1]);
    keyring_unref(&ring);
    ck_assert_ptr_null(ring);
    ck_assert_int_eq(key_algorithm(keyring_key(other, 0)), ALGORITHM_HS256); /* the ring's own reference */
    keyring_unref(&other);
    keyring_unref(&other);

    ring = keyring_create(NULL, 0);
    ck_assert_ptr_nonnull(ring);
    ck_assert_uint_eq(keyring_count(ring), 0);
    keyring_unref(&ring);
}
END_TEST

struct work {
    struct key *keys[ALGORITHM_COUNT];
    uint8_t signatures[ALGORITHM_COUNT][KEY_SIGNATURE_MAX];
    size_t sizes[ALGORITHM_COUNT];
};

static void *verify_all(void *context)
{
    const struct work *work = context;
    size_t bad = 0;
    for (unsigned round = 0; round < 8; round++) {
        for (int i = 0; i < ALGORITHM_COUNT; i++) {
            struct key *key = key_ref(work->keys[i]);
            bad += !key_verify(key, input, sizeof(input), work->signatures[i], work->sizes[i]);
            bad += key_verify(key, input, sizeof(input) - 1, work->signatures[i], work->sizes[i]);
            key_unref(&key);
        }
    }
    return (void *)(uintptr_t)bad;
}

START_TEST(core_threads)
{
    static struct work work;
    pthread_t threads[4];
    pthread_attr_t small;
    ck_assert_int_eq(pthread_attr_init(&small), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&small, STACK_SIZE), 0);
    for (int i = 0; i < ALGORITHM_COUNT; i++) {
        work.keys[i] = make_key((enum algorithm)i);
        ck_assert_int_eq(key_sign(work.keys[i], input, sizeof(input), work.signatures[i], &work.sizes[i]), KEY_OK);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        ck_assert_int_eq(pthread_create(&threads[i], &small, verify_all, &work), 0);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        void *bad = &work;
        ck_assert_int_eq(pthread_join(threads[i], &bad), 0);
        ck_assert_ptr_null(bad);
    }
    for (int i = 0; i < ALGORITHM_COUNT; i++) {
        key_unref(&work.keys[i]);
    }
    pthread_attr_destroy(&small);
}
END_TEST

/* -- limits ------------------------------------------------------------------------------------------------------ */

static enum key_status try_secret(enum algorithm algorithm, bool weak, const void *bytes, size_t size)
{
    const struct key_setup setup = {"", algorithm, "", "", weak};
    struct key *key = NULL;
    const enum key_status status = key_from_secret(&setup, bytes, size, &key);
    ck_assert((key != NULL) == (status == KEY_OK));
    key_unref(&key);
    return status;
}

START_TEST(limits_secret_size)
{
    static uint8_t bytes[KEY_SECRET_MAX + 2];
    memset(bytes, 'x', sizeof(bytes));
    for (int algorithm = ALGORITHM_HS256; algorithm <= ALGORITHM_HS512; algorithm++) {
        const size_t least = algorithm_hash_bits((enum algorithm)algorithm) / 8;
        ck_assert_int_eq(try_secret((enum algorithm)algorithm, false, bytes, least), KEY_OK);
        ck_assert_int_eq(try_secret((enum algorithm)algorithm, false, bytes, least - 1), KEY_TOO_SHORT);
        ck_assert_int_eq(try_secret((enum algorithm)algorithm, true, bytes, least - 1), KEY_OK);
        ck_assert_int_eq(try_secret((enum algorithm)algorithm, true, bytes, 1), KEY_OK);
        ck_assert_int_eq(try_secret((enum algorithm)algorithm, true, bytes, 0), KEY_EMPTY); /* never meant */
        ck_assert_int_eq(try_secret((enum algorithm)algorithm, false, bytes, KEY_SECRET_MAX), KEY_OK);
        ck_assert_int_eq(try_secret((enum algorithm)algorithm, false, bytes, KEY_SECRET_MAX + 1), KEY_TOO_LARGE);
    }
    bytes[KEY_SECRET_MAX] = '\n';
    ck_assert_int_eq(try_secret(ALGORITHM_HS256, false, bytes, KEY_SECRET_MAX + 1), KEY_OK);
}
END_TEST

static bool same_secret(const char *left, size_t left_size, const char *right, size_t right_size)
{
    const struct key_setup setup = {"", ALGORITHM_HS256, "", "", true};
    struct key *signer = NULL;
    struct key *verifier = NULL;
    uint8_t signature[KEY_SIGNATURE_MAX];
    size_t size = 0;
    ck_assert_int_eq(key_from_secret(&setup, (const uint8_t *)left, left_size, &signer), KEY_OK);
    ck_assert_int_eq(key_from_secret(&setup, (const uint8_t *)right, right_size, &verifier), KEY_OK);
    ck_assert_int_eq(key_sign(signer, input, sizeof(input), signature, &size), KEY_OK);
    const bool same = key_verify(verifier, input, sizeof(input), signature, size);
    key_unref(&signer);
    key_unref(&verifier);
    return same;
}

START_TEST(limits_newline)
{
    ck_assert(same_secret("abc", 3, "abc\n", 4));
    ck_assert(same_secret("abc", 3, "abc\r\n", 5));
    ck_assert(!same_secret("abc", 3, "abc\n", 5));   /* with the NUL: not at the end */
    ck_assert(!same_secret("abc", 3, "abc\n\n", 5)); /* one newline, not all of them */
    ck_assert(!same_secret("abc", 3, "abc\r", 4));
    ck_assert(!same_secret("abc", 3, "abc ", 4));
    ck_assert_int_eq(try_secret(ALGORITHM_HS256, true, "\n", 1), KEY_EMPTY);
    ck_assert_int_eq(try_secret(ALGORITHM_HS256, true, "\r\n", 2), KEY_EMPTY);
    ck_assert_int_eq(try_secret(ALGORITHM_HS256, true, "\n\n", 2), KEY_OK);
}
END_TEST

/* An RSA public key with so many bits and this exponent; not one that anybody has the private part of. */
static EVP_PKEY *rsa_of(int bits, const char *exponent_hex, bool even)
{
    EVP_PKEY *pkey = NULL;
    BIGNUM *modulus = BN_new();
    BIGNUM *exponent = NULL;
    ck_assert_int_eq(BN_rand(modulus, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
    if (even) {
        ck_assert_int_eq(BN_clear_bit(modulus, 0), 1);
    }
    ck_assert_int_gt(BN_hex2bn(&exponent, exponent_hex), 0);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    ck_assert_int_eq(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus), 1);
    ck_assert_int_eq(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent), 1);
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    ck_assert_int_eq(EVP_PKEY_fromdata_init(context), 1);
    ck_assert_int_eq(EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, parameters), 1);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    OSSL_PARAM_BLD_free(builder);
    BN_free(exponent);
    BN_free(modulus);
    return pkey;
}

START_TEST(limits_rsa)
{
    static const struct {
        int bits;
        const char *exponent;
        bool even;
        enum key_status expected;
    } examples[] = {
        {2048, "010001", false, KEY_OK},    {8192, "010001", false, KEY_OK},
        {2048, "03", false, KEY_OK},        {2048, "FFFFFFFFFFFFFFFF", false, KEY_OK},
        {2047, "010001", false, KEY_WEAK},  {1024, "010001", false, KEY_WEAK},
        {512, "010001", false, KEY_WEAK},   {8193, "010001", false, KEY_WEAK},
        {16384, "010001", false, KEY_WEAK}, {2048, "01", false, KEY_WEAK}, /* every message is its own signature */
        {2048, "00", false, KEY_WEAK},      {2048, "02", false, KEY_WEAK},
        {2048, "010000", false, KEY_WEAK},  {2048, "010000000000000001", false, KEY_WEAK},
        {2048, "010001", true, KEY_WEAK},
    };
    for (size_t i = 0; i < COUNT_OF(examples); i++) {
        for (int algorithm = ALGORITHM_RS256; algorithm <= ALGORITHM_PS512; algorithm++) {
            const struct key_setup setup = setup_of((enum algorithm)algorithm);
            EVP_PKEY *pkey = rsa_of(examples[i].bits, examples[i].exponent, examples[i].even);
            struct key *key = NULL;
            const enum key_status status = key_from_evp(&setup, pkey, false, &key);
            ck_assert_msg(status == examples[i].expected, "example %zu: %d", i, status);
            if (status == KEY_OK) {
                uint8_t signature[KEY_SIGNATURE_MAX] = {1};
                ck_assert(!key_verify(key, input, sizeof(input), signature, (size_t)examples[i].bits / 8));
                ck_assert_int_eq(key_sign(key, input, sizeof(input), signature, &(size_t){0}), KEY_NOT_PRIVATE);
            }
            key_unref(&key);
            EVP_PKEY_free(pkey);
        }
    }
}
END_TEST

START_TEST(limits_keyring)
{
    static struct key *keys[KEYRING_KEYS_MAX + 1];
    struct key *key = make_key(ALGORITHM_HS512);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        keys[i] = key;
    }
    ck_assert_ptr_null(keyring_create(keys, KEYRING_KEYS_MAX + 1));
    struct keyring *ring = keyring_create(keys, KEYRING_KEYS_MAX);
    ck_assert_ptr_nonnull(ring);
    keyring_unref(&ring);
    assert_signs(key);
    key_unref(&key);
}
END_TEST

/* -- hostile ----------------------------------------------------------------------------------------------------- */

START_TEST(hostile_pass_phrases)
{
    EVP_PKEY *pkey = generate(P_256);
    char phrase[] = "open sesame";
    BIO *file = open_file();
    ck_assert_int_eq(PEM_write_bio_PKCS8PrivateKey(file, pkey, EVP_aes_128_cbc(), phrase, 11, NULL, NULL), 1);
    assert_refused(ALGORITHM_ES256, file,
                   KEY_ENCRYPTED); /* and nobody was asked: there is no terminal to answer here */

    file = open_file();
    ck_assert_int_eq(
        PEM_write_bio_PrivateKey_traditional(file, pkey, EVP_aes_128_cbc(), (unsigned char *)phrase, 11, NULL, NULL),
        1);
    assert_refused(ALGORITHM_ES256, file, KEY_ENCRYPTED);

    /* The label of a plain key on an encrypted one. */
    BIO *der = open_file();
    ck_assert_int_eq(i2d_PKCS8PrivateKey_bio(der, pkey, EVP_aes_128_cbc(), phrase, 11, NULL, NULL), 1);
    unsigned char *bytes = NULL;
    const long size = BIO_get_mem_data(der, &bytes);
    file = open_file();
    ck_assert_int_gt(PEM_write_bio(file, "PRIVATE KEY", "", bytes, size), 0);
    assert_refused(ALGORITHM_ES256, file, KEY_SYNTAX);
    BIO_free(der);
    EVP_PKEY_free(pkey);
}
END_TEST

START_TEST(hostile_files)
{
    static const struct {
        const char *text;
        enum key_status expected;
    } examples[] = {
        {"", KEY_EMPTY},
        {"\n", KEY_SYNTAX},
        {"a secret of thirty-two characters", KEY_SYNTAX},
        {"-----BEGIN PUBLIC KEY-----\n", KEY_SYNTAX},
        {"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n", KEY_SYNTAX},
        {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", KEY_SYNTAX},
        {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", KEY_SYNTAX},
        {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", KEY_SYNTAX},
        {"-----BEGIN SOMETHING ELSE-----\nAAAA\n-----END SOMETHING ELSE-----\n", KEY_SYNTAX},
        {"{\"kty\":\"RSA\"}", KEY_SYNTAX},
    };
    for (size_t i = 0; i < COUNT_OF(examples); i++) {
        BIO *file = open_file();
        BIO_puts(file, examples[i].text);
        assert_refused(ALGORITHM_RS256, file, examples[i].expected);
    }
    static uint8_t large[64 * 1024 + 1];
    const struct key_setup setup = setup_of(ALGORITHM_RS256);
    struct key *key = NULL;
    ck_assert_int_eq(key_from_pem(&setup, large, sizeof(large), &key), KEY_TOO_LARGE);
    ck_assert_int_eq(key_from_pem(&setup, large, sizeof(large) - 1, &key), KEY_SYNTAX);
}
END_TEST

/* A public key's DER with its last byte changed, cut, or followed by another. */
START_TEST(hostile_der)
{
    EVP_PKEY *pkey = generate(P_256);
    unsigned char der[256] = {0};
    unsigned char *end = der;
    const int size = i2d_PUBKEY(pkey, &end);
    ck_assert(size > 65 && (size_t)size < sizeof(der));
    BIO *file = open_file();
    PEM_write_bio(file, "PUBLIC KEY", "", der, size);
    struct key *key = NULL;
    ck_assert_int_eq(load(ALGORITHM_ES256, file, &key), KEY_OK);
    key_unref(&key);

    file = open_file();
    PEM_write_bio(file, "PUBLIC KEY", "", der, size + 1);
    assert_refused(ALGORITHM_ES256, file, KEY_SYNTAX);
    file = open_file();
    PEM_write_bio(file, "PUBLIC KEY", "", der, size - 1);
    assert_refused(ALGORITHM_ES256, file, KEY_SYNTAX);
    der[size - 1] ^= 1; /* not on the curve */
    file = open_file();
    PEM_write_bio(file, "PUBLIC KEY", "", der, size);
    assert_refused(ALGORITHM_ES256, file, KEY_SYNTAX);
    EVP_PKEY_free(pkey);
}
END_TEST

/* The classic confusion starts with a public key that somebody gives as the secret. */
START_TEST(hostile_pem_as_secret)
{
    EVP_PKEY *pkey = generate(RSA_2048);
    BIO *file = public_file(pkey);
    char *bytes = NULL;
    const long size = BIO_get_mem_data(file, &bytes);
    ck_assert_int_eq(try_secret(ALGORITHM_HS256, false, bytes, (size_t)size), KEY_WRONG_KIND);
    ck_assert_int_eq(try_secret(ALGORITHM_HS256, true, bytes, (size_t)size), KEY_WRONG_KIND);
    ck_assert_int_eq(try_secret(ALGORITHM_RS256, false, bytes, (size_t)size), KEY_WRONG_KIND);
    const struct key_setup setup = setup_of(ALGORITHM_HS256);
    struct key *key = NULL;
    ck_assert_int_eq(load_with(&setup, file, &key), KEY_WRONG_KIND);
    BIO_free(file);
    EVP_PKEY_free(pkey);
}
END_TEST

/* r and s as they must not be: zero, the order of the group, beyond it, in DER. */
START_TEST(hostile_ecdsa)
{
    static const char *const order = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"; /* of P-256 */
    struct key *key = make_key(ALGORITHM_ES256);
    uint8_t good[KEY_SIGNATURE_MAX];
    uint8_t bad[KEY_SIGNATURE_MAX];
    uint8_t orders[32];
    size_t size = 0;
    ck_assert_int_eq(OPENSSL_hexstr2buf_ex(orders, sizeof(orders), &size, order, '\0'), 1);
    ck_assert_int_eq(key_sign(key, input, sizeof(input), good, &size), KEY_OK);
    ck_assert_uint_eq(size, 64);

    memset(bad, 0, sizeof(bad));
    ck_assert(!key_verify(key, input, sizeof(input), bad, 64));
    for (size_t half = 0; half < 2; half++) {
        memcpy(bad, good, 64);
        memset(bad + 32 * half, 0, 32);
        ck_assert(!key_verify(key, input, sizeof(input), bad, 64));
        memcpy(bad + 32 * half, orders, 32);
        ck_assert(!key_verify(key, input, sizeof(input), bad, 64));
        memset(bad + 32 * half, 0xFF, 32);
        ck_assert(!key_verify(key, input, sizeof(input), bad, 64));
    }
    memcpy(bad, orders, 32);
    memcpy(bad + 32, orders, 32);
    ck_assert(!key_verify(key, input, sizeof(input), bad, 64));

    memset(bad, 0, sizeof(bad)); /* the right numbers with a leading zero each */
    memcpy(bad + 1, good, 32);
    memcpy(bad + 34, good + 32, 32);
    ck_assert(!key_verify(key, input, sizeof(input), bad, 66));
    ck_assert(key_verify(key, input, sizeof(input), good, 64));
    key_unref(&key);
}
END_TEST

/* Signs as PS256 does but for salt and mask. */
static size_t sign_pss(EVP_PKEY *pkey, int salt, const EVP_MD *mask, uint8_t signature[KEY_SIGNATURE_MAX])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *parameters = NULL;
    size_t size = KEY_SIGNATURE_MAX;
    ck_assert_int_eq(EVP_DigestSignInit(context, &parameters, EVP_sha256(), NULL, pkey), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, salt), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_mgf1_md(parameters, mask), 1);
    ck_assert_int_eq(EVP_DigestSign(context, signature, &size, input, sizeof(input)), 1);
    EVP_MD_CTX_free(context);
    return size;
}

/* RFC 7518 §3.5 leaves no choice of salt and mask. */
START_TEST(hostile_pss)
{
    EVP_PKEY *pkey = generate(RSA_2048);
    struct key *key = NULL;
    uint8_t signature[KEY_SIGNATURE_MAX];
    ck_assert_int_eq(load(ALGORITHM_PS256, public_file(pkey), &key), KEY_OK);
    static const int salts[] = {0, 20, 31, 33, RSA_PSS_SALTLEN_MAX};
    for (size_t i = 0; i < COUNT_OF(salts); i++) {
        const size_t size = sign_pss(pkey, salts[i], EVP_sha256(), signature);
        ck_assert(!key_verify(key, input, sizeof(input), signature, size));
    }
    size_t size = sign_pss(pkey, 32, EVP_sha1(), signature);
    ck_assert(!key_verify(key, input, sizeof(input), signature, size));
    size = sign_pss(pkey, 32, EVP_sha256(), signature);
    ck_assert(key_verify(key, input, sizeof(input), signature, size));
    key_unref(&key);
    EVP_PKEY_free(pkey);
}
END_TEST

START_TEST(hostile_restricted_pss)
{
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
    ck_assert_int_eq(EVP_PKEY_keygen_init(context), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_pss_keygen_md(context, EVP_sha384()), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_pss_keygen_mgf1_md(context, EVP_sha384()), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(context, 48), 1);
    ck_assert_int_eq(EVP_PKEY_generate(context, &pkey), 1);
    EVP_PKEY_CTX_free(context);
    assert_refused(ALGORITHM_PS256, public_file(pkey), KEY_WRONG_KIND);
    assert_refused(ALGORITHM_PS512, public_file(pkey), KEY_WRONG_KIND);
    struct key *key = NULL;
    ck_assert_int_eq(load(ALGORITHM_PS384, private_file(pkey), &key), KEY_OK);
    assert_signs(key);
    key_unref(&key);
    EVP_PKEY_free(pkey);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("key");
    TCase *core = tcase_create("core");
    tcase_add_unchecked_fixture(core, generate_all, NULL);
    tcase_add_loop_test(core, core_each_algorithm, 0, ALGORITHM_COUNT);
    tcase_add_test(core, core_signature_sizes);
    tcase_add_test(core, core_forms);
    tcase_add_loop_test(core, core_kinds, RSA_2048, KIND_COUNT);
    tcase_add_test(core, core_keyring);
    tcase_add_test(core, core_threads);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_unchecked_fixture(limits, generate_all, NULL);
    tcase_add_test(limits, limits_secret_size);
    tcase_add_test(limits, limits_newline);
    tcase_add_test(limits, limits_rsa);
    tcase_add_test(limits, limits_keyring);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_unchecked_fixture(hostile, generate_all, NULL);
    tcase_add_test(hostile, hostile_pass_phrases);
    tcase_add_test(hostile, hostile_files);
    tcase_add_test(hostile, hostile_der);
    tcase_add_test(hostile, hostile_pem_as_secret);
    tcase_add_test(hostile, hostile_ecdsa);
    tcase_add_test(hostile, hostile_pss);
    tcase_add_test(hostile, hostile_restricted_pss);
    suite_add_tcase(suite, hostile);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
