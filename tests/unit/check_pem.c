/*
 * check_pem - the forms of files that keys are read from, and files that are none. Through key_from_pem(), which every file of a key
 * goes through.
 */
#include "auth/pem.h"

#include <stdio.h>
#include <stdlib.h>

#include <check.h>
#include <openssl/pem.h>

#include "tests/unit/issue.h"
#include "tests/unit/sample_keys.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A signature of one key, for another that has the same public part in `file`, which is taken. */
static void assert_same_key(const struct key *signer, enum algorithm algorithm, BIO *file, bool private)
{
    uint8_t signature[KEY_SIGNATURE_MAX];
    size_t size = 0;
    struct key *key = NULL;
    ck_assert_int_eq(sample_load(algorithm, file, &key), KEY_OK);
    ck_assert_int_eq(key_sign(signer, sample_input, sizeof(sample_input), signature, &size), KEY_OK);
    ck_assert(key_verify(key, sample_input, sizeof(sample_input), signature, size));
    ck_assert_int_eq(key_sign(key, sample_input, sizeof(sample_input), signature, &size),
                     private ? KEY_OK : KEY_NOT_PRIVATE);
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
    ck_assert_int_eq(sample_load(ALGORITHM_ES256, sample_private_file(pkey), &signer), KEY_OK);
    assert_same_key(signer, ALGORITHM_ES256, sample_public_file(pkey), false);

    BIO *file = sample_file(); /* as RFC 5915 has it, behind what "openssl ecparam -genkey" writes in front */
    BIO_puts(file, "Some words.\n-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n");
    ck_assert_int_eq(PEM_write_bio_PrivateKey_traditional(file, pkey, NULL, NULL, 0, NULL, NULL), 1);
    assert_same_key(signer, ALGORITHM_ES256, file, true);

    X509 *certificate = issue_certificate(pkey, 1, name_it, NULL);
    file = sample_file();
    ck_assert_int_eq(PEM_write_bio_X509(file, certificate), 1);
    assert_same_key(signer, ALGORITHM_ES256, file, false);
    X509_free(certificate);
    key_unref(&signer);
    EVP_PKEY_free(pkey);

    pkey = sample_generate(RSA_2048);
    ck_assert_int_eq(sample_load(ALGORITHM_PS384, sample_private_file(pkey), &signer), KEY_OK);
    file = sample_file();
    ck_assert_int_eq(PEM_write_bio_PrivateKey_traditional(file, pkey, NULL, NULL, 0, NULL, NULL), 1);
    assert_same_key(signer, ALGORITHM_PS384, file, true);
    assert_same_key(signer, ALGORITHM_PS384, sample_public_file(pkey), false);
    key_unref(&signer);
    EVP_PKEY_free(pkey);
}
END_TEST

START_TEST(hostile_pass_phrases)
{
    EVP_PKEY *pkey = sample_generate(P_256);
    char phrase[] = "open sesame";
    BIO *file = sample_file();
    ck_assert_int_eq(PEM_write_bio_PKCS8PrivateKey(file, pkey, EVP_aes_128_cbc(), phrase, 11, NULL, NULL), 1);
    sample_refused(ALGORITHM_ES256, file,
                   KEY_ENCRYPTED); /* and nobody was asked: there is no terminal to answer here */

    file = sample_file();
    ck_assert_int_eq(
        PEM_write_bio_PrivateKey_traditional(file, pkey, EVP_aes_128_cbc(), (unsigned char *)phrase, 11, NULL, NULL),
        1);
    sample_refused(ALGORITHM_ES256, file, KEY_ENCRYPTED);

    /* The label of a plain key on an encrypted one. */
    BIO *der = sample_file();
    ck_assert_int_eq(i2d_PKCS8PrivateKey_bio(der, pkey, EVP_aes_128_cbc(), phrase, 11, NULL, NULL), 1);
    unsigned char *bytes = NULL;
    const long size = BIO_get_mem_data(der, &bytes);
    file = sample_file();
    ck_assert_int_gt(PEM_write_bio(file, "PRIVATE KEY", "", bytes, size), 0);
    sample_refused(ALGORITHM_ES256, file, KEY_SYNTAX);
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
        BIO *file = sample_file();
        BIO_puts(file, examples[i].text);
        sample_refused(ALGORITHM_RS256, file, examples[i].expected);
    }
    static uint8_t large[64 * 1024 + 1];
    const struct key_setup setup = sample_setup(ALGORITHM_RS256);
    struct key *key = NULL;
    ck_assert_int_eq(key_from_pem(&setup, large, sizeof(large), &key), KEY_TOO_LARGE);
    ck_assert_int_eq(key_from_pem(&setup, large, sizeof(large) - 1, &key), KEY_SYNTAX);
}
END_TEST

/* A public key's DER with its last byte changed, cut, or followed by another. */
START_TEST(hostile_der)
{
    EVP_PKEY *pkey = sample_generate(P_256);
    unsigned char der[256] = {0};
    unsigned char *end = der;
    const int size = i2d_PUBKEY(pkey, &end);
    ck_assert(size > 65 && (size_t)size < sizeof(der));
    BIO *file = sample_file();
    PEM_write_bio(file, "PUBLIC KEY", "", der, size);
    struct key *key = NULL;
    ck_assert_int_eq(sample_load(ALGORITHM_ES256, file, &key), KEY_OK);
    key_unref(&key);

    file = sample_file();
    PEM_write_bio(file, "PUBLIC KEY", "", der, size + 1);
    sample_refused(ALGORITHM_ES256, file, KEY_SYNTAX);
    file = sample_file();
    PEM_write_bio(file, "PUBLIC KEY", "", der, size - 1);
    sample_refused(ALGORITHM_ES256, file, KEY_SYNTAX);
    der[size - 1] ^= 1; /* not on the curve */
    file = sample_file();
    PEM_write_bio(file, "PUBLIC KEY", "", der, size);
    sample_refused(ALGORITHM_ES256, file, KEY_SYNTAX);
    EVP_PKEY_free(pkey);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pem");
    TCase *core = tcase_create("core");
    tcase_add_unchecked_fixture(core, sample_generate_all, NULL);
    tcase_add_test(core, core_forms);
    suite_add_tcase(suite, core);
    TCase *hostile = tcase_create("hostile");
    tcase_add_unchecked_fixture(hostile, sample_generate_all, NULL);
    tcase_add_test(hostile, hostile_pass_phrases);
    tcase_add_test(hostile, hostile_files);
    tcase_add_test(hostile, hostile_der);
    suite_add_tcase(suite, hostile);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
