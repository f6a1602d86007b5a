/*
 * check_key - which keys are taken for which algorithm, and that each one taken signs and verifies, from threads with small
 * stacks, too. The forms that they come in are check_pem.c's.
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
#include <openssl/rsa.h>

#include "auth/key_evp.h"
#include "auth/keyring.h"
#include "tests/unit/sample_keys.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define STACK_SIZE      (100 * 1024) /* of the server's threads */

/* -- core -------------------------------------------------------------------------------------------------------- */

START_TEST(core_each_algorithm)
{
    struct key *key = sample_key((enum algorithm)_i);
    ck_assert_int_eq(key_algorithm(key), _i);
    ck_assert_str_eq(key_id(key), "id");
    ck_assert_str_eq(key_issuer(key), "issuer");
    ck_assert_str_eq(key_audience(key), "audience");
    sample_signs(key);
    key_unref(&key);
    ck_assert_ptr_null(key);
    key_unref(&key); /* none is fine */
}
END_TEST

START_TEST(core_signature_sizes)
{
    static const size_t sizes[ALGORITHM_COUNT] = {32, 48, 64, 256, 256, 256, 256, 256, 256, 64, 96, 132, 64};
    for (int algorithm = 0; algorithm < ALGORITHM_COUNT; algorithm++) {
        struct key *key = sample_key((enum algorithm)algorithm);
        uint8_t signature[KEY_SIGNATURE_MAX];
        size_t size = 0;
        ck_assert_int_eq(key_sign(key, sample_input, sizeof(sample_input), signature, &size), KEY_OK);
        ck_assert_uint_eq(size, sizes[algorithm]);
        key_unref(&key);
    }
}
END_TEST

START_TEST(core_kinds)
{
    const enum kind kind = (enum kind)_i;
    EVP_PKEY *pkey = sample_generate(kind);
    for (int algorithm = 0; algorithm < ALGORITHM_COUNT; algorithm++) {
        const bool fits = sample_goes_with((enum algorithm)algorithm, kind);
        struct key *key = NULL;
        ck_assert_int_eq(sample_load((enum algorithm)algorithm, sample_private_file(pkey), &key),
                         fits ? KEY_OK : KEY_WRONG_KIND);
        if (fits) {
            sample_signs(key);
        }
        key_unref(&key);
    }
    EVP_PKEY_free(pkey);
}
END_TEST

START_TEST(core_keyring)
{
    struct key *keys[2] = {sample_key(ALGORITHM_HS256), sample_key(ALGORITHM_EdDSA)};
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
            bad += !key_verify(key, sample_input, sizeof(sample_input), work->signatures[i], work->sizes[i]);
            bad += key_verify(key, sample_input, sizeof(sample_input) - 1, work->signatures[i], work->sizes[i]);
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
        work.keys[i] = sample_key((enum algorithm)i);
        ck_assert_int_eq(key_sign(work.keys[i], sample_input, sizeof(sample_input), work.signatures[i], &work.sizes[i]),
                         KEY_OK);
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
    ck_assert_int_eq(key_sign(signer, sample_input, sizeof(sample_input), signature, &size), KEY_OK);
    const bool same = key_verify(verifier, sample_input, sizeof(sample_input), signature, size);
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
            const struct key_setup setup = sample_setup((enum algorithm)algorithm);
            EVP_PKEY *pkey = rsa_of(examples[i].bits, examples[i].exponent, examples[i].even);
            struct key *key = NULL;
            const enum key_status status = key_from_evp(&setup, pkey, false, &key);
            ck_assert_msg(status == examples[i].expected, "example %zu: %d", i, status);
            if (status == KEY_OK) {
                uint8_t signature[KEY_SIGNATURE_MAX] = {1};
                ck_assert(
                    !key_verify(key, sample_input, sizeof(sample_input), signature, (size_t)examples[i].bits / 8));
                ck_assert_int_eq(key_sign(key, sample_input, sizeof(sample_input), signature, &(size_t){0}),
                                 KEY_NOT_PRIVATE);
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
    struct key *key = sample_key(ALGORITHM_HS512);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        keys[i] = key;
    }
    ck_assert_ptr_null(keyring_create(keys, KEYRING_KEYS_MAX + 1));
    struct keyring *ring = keyring_create(keys, KEYRING_KEYS_MAX);
    ck_assert_ptr_nonnull(ring);
    keyring_unref(&ring);
    sample_signs(key);
    key_unref(&key);
}
END_TEST

/* -- hostile ----------------------------------------------------------------------------------------------------- */

/* The classic confusion starts with a public key that somebody gives as the secret. */
START_TEST(hostile_pem_as_secret)
{
    EVP_PKEY *pkey = sample_generate(RSA_2048);
    BIO *file = sample_public_file(pkey);
    char *bytes = NULL;
    const long size = BIO_get_mem_data(file, &bytes);
    ck_assert_int_eq(try_secret(ALGORITHM_HS256, false, bytes, (size_t)size), KEY_WRONG_KIND);
    ck_assert_int_eq(try_secret(ALGORITHM_HS256, true, bytes, (size_t)size), KEY_WRONG_KIND);
    ck_assert_int_eq(try_secret(ALGORITHM_RS256, false, bytes, (size_t)size), KEY_WRONG_KIND);
    const struct key_setup setup = sample_setup(ALGORITHM_HS256);
    struct key *key = NULL;
    ck_assert_int_eq(sample_load_with(&setup, file, &key), KEY_WRONG_KIND);
    BIO_free(file);
    EVP_PKEY_free(pkey);
}
END_TEST

/* r and s as they must not be: zero, the order of the group, beyond it, in DER. */
START_TEST(hostile_ecdsa)
{
    static const char *const order = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"; /* of P-256 */
    struct key *key = sample_key(ALGORITHM_ES256);
    uint8_t good[KEY_SIGNATURE_MAX];
    uint8_t bad[KEY_SIGNATURE_MAX];
    uint8_t orders[32];
    size_t size = 0;
    ck_assert_int_eq(OPENSSL_hexstr2buf_ex(orders, sizeof(orders), &size, order, '\0'), 1);
    ck_assert_int_eq(key_sign(key, sample_input, sizeof(sample_input), good, &size), KEY_OK);
    ck_assert_uint_eq(size, 64);

    memset(bad, 0, sizeof(bad));
    ck_assert(!key_verify(key, sample_input, sizeof(sample_input), bad, 64));
    for (size_t half = 0; half < 2; half++) {
        memcpy(bad, good, 64);
        memset(bad + 32 * half, 0, 32);
        ck_assert(!key_verify(key, sample_input, sizeof(sample_input), bad, 64));
        memcpy(bad + 32 * half, orders, 32);
        ck_assert(!key_verify(key, sample_input, sizeof(sample_input), bad, 64));
        memset(bad + 32 * half, 0xFF, 32);
        ck_assert(!key_verify(key, sample_input, sizeof(sample_input), bad, 64));
    }
    memcpy(bad, orders, 32);
    memcpy(bad + 32, orders, 32);
    ck_assert(!key_verify(key, sample_input, sizeof(sample_input), bad, 64));

    memset(bad, 0, sizeof(bad)); /* the right numbers with a leading zero each */
    memcpy(bad + 1, good, 32);
    memcpy(bad + 34, good + 32, 32);
    ck_assert(!key_verify(key, sample_input, sizeof(sample_input), bad, 66));
    ck_assert(key_verify(key, sample_input, sizeof(sample_input), good, 64));
    key_unref(&key);
}
END_TEST

/* Points of Edwards curves whose signatures anybody can make, in all their encodings: y is 0, 1, -1, or that of order 8, and what is the
 * same modulo p; of Ed448, OpenSSL decodes y = 0 alone. */
START_TEST(hostile_small_order)
{
    static const struct {
        const char *kind;
        const char *y; /* little-endian */
    } points[] = {
        {"ED25519", "0000000000000000000000000000000000000000000000000000000000000000"},
        {"ED25519", "0000000000000000000000000000000000000000000000000000000000000080"},
        {"ED25519", "0100000000000000000000000000000000000000000000000000000000000000"},
        {"ED25519", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"},
        {"ED25519", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"},
        {"ED25519", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"},
        {"ED25519", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"},
        {"ED25519", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
        {"ED25519", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
        {"ED25519", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"},
        {"ED25519", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
        {"ED448", "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
                  "00000000000000"},
        {"ED448", "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
                  "00000000000080"},
    };
    for (size_t i = 0; i < COUNT_OF(points); i++) {
        uint8_t y[57];
        size_t size = 0;
        ck_assert_int_eq(OPENSSL_hexstr2buf_ex(y, sizeof(y), &size, points[i].y, '\0'), 1);
        EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key_ex(NULL, points[i].kind, NULL, y, size);
        ck_assert_ptr_nonnull(pkey);
        const struct key_setup setup = sample_setup(ALGORITHM_EdDSA);
        struct key *key = NULL;
        ck_assert_msg(key_from_evp(&setup, pkey, false, &key) == KEY_WEAK, "%s", points[i].y);
        ck_assert_uint_eq(ERR_peek_error(), 0);
        EVP_PKEY_free(pkey);
    }
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
    ck_assert_int_eq(EVP_DigestSign(context, signature, &size, sample_input, sizeof(sample_input)), 1);
    EVP_MD_CTX_free(context);
    return size;
}

/* RFC 7518 §3.5 leaves no choice of salt and mask. */
START_TEST(hostile_pss)
{
    EVP_PKEY *pkey = sample_generate(RSA_2048);
    struct key *key = NULL;
    uint8_t signature[KEY_SIGNATURE_MAX];
    ck_assert_int_eq(sample_load(ALGORITHM_PS256, sample_public_file(pkey), &key), KEY_OK);
    static const int salts[] = {0, 20, 31, 33, RSA_PSS_SALTLEN_MAX};
    for (size_t i = 0; i < COUNT_OF(salts); i++) {
        const size_t size = sign_pss(pkey, salts[i], EVP_sha256(), signature);
        ck_assert(!key_verify(key, sample_input, sizeof(sample_input), signature, size));
    }
    size_t size = sign_pss(pkey, 32, EVP_sha1(), signature);
    ck_assert(!key_verify(key, sample_input, sizeof(sample_input), signature, size));
    size = sign_pss(pkey, 32, EVP_sha256(), signature);
    ck_assert(key_verify(key, sample_input, sizeof(sample_input), signature, size));
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
    sample_refused(ALGORITHM_PS256, sample_public_file(pkey), KEY_WRONG_KIND);
    sample_refused(ALGORITHM_PS512, sample_public_file(pkey), KEY_WRONG_KIND);
    struct key *key = NULL;
    ck_assert_int_eq(sample_load(ALGORITHM_PS384, sample_private_file(pkey), &key), KEY_OK);
    sample_signs(key);
    key_unref(&key);
    EVP_PKEY_free(pkey);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("key");
    TCase *core = tcase_create("core");
    tcase_add_unchecked_fixture(core, sample_generate_all, NULL);
    tcase_add_loop_test(core, core_each_algorithm, 0, ALGORITHM_COUNT);
    tcase_add_test(core, core_signature_sizes);
    tcase_add_loop_test(core, core_kinds, RSA_2048, KIND_COUNT);
    tcase_add_test(core, core_keyring);
    tcase_add_test(core, core_threads);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_unchecked_fixture(limits, sample_generate_all, NULL);
    tcase_add_test(limits, limits_secret_size);
    tcase_add_test(limits, limits_newline);
    tcase_add_test(limits, limits_rsa);
    tcase_add_test(limits, limits_keyring);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_unchecked_fixture(hostile, sample_generate_all, NULL);
    tcase_add_test(hostile, hostile_pem_as_secret);
    tcase_add_test(hostile, hostile_ecdsa);
    tcase_add_test(hostile, hostile_small_order);
    tcase_add_test(hostile, hostile_pss);
    tcase_add_test(hostile, hostile_restricted_pss);
    suite_add_tcase(suite, hostile);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
