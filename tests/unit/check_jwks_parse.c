/*
 * check_jwks_parse - which keys of a set are taken, for which algorithm, and which sets are none.
 */
#include "auth/jwks.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT_MAX        (2 * 1024 * 1024)

#define P256_X    "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"
#define P256_Y    "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
#define P521_X    "AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt"
#define P521_Y    "AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1"
#define ED25519_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define ED448_X   "X9dEm1m0Yf0s54fsYWrUah2hNCSFpw4fig6nXYDpZ3jt8SR2m0bHBhvWeD3x5Q9s0foavq_oJWGA"

#define RSA(members) "{\"kty\":\"RSA\",\"n\":\"$2048$\",\"e\":\"AQAB\"" members "}"
#define EC(members)  "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y "\"" members "}"

static char text[TEXT_MAX];
static char error[256];
static size_t skipped;

/* `size` bits of a number whose last is `odd`, in base64url. */
static size_t put_modulus(char *out, unsigned bits, bool odd)
{
    const size_t bytes = bits / 8;
    const size_t size = (bytes * 8 + 5) / 6;
    memset(out, 'v', size); /* begins with a one */
    switch (bytes % 3) {
    case 0:
        out[size - 1] = odd ? 'B' : 'A';
        break;
    case 1:
        out[size - 1] = odd ? 'Q' : 'A';
        break;
    default:
        out[size - 1] = odd ? 'E' : 'A';
        break;
    }
    return size;
}

/* $BITS$ and $BITS-$ in a template are an odd and an even modulus. */
static size_t expand(const char *template)
{
    size_t size = 0;
    for (const char *at = template; *at != '\0'; at++) {
        if (*at != '$') {
            text[size++] = *at;
            continue;
        }
        char *end;
        const unsigned long bits = strtoul(at + 1, &end, 10);
        size += put_modulus(text + size, (unsigned)bits, *end == '$');
        at = strchr(end, '$');
    }
    return size;
}

static struct keyring *parse_bytes(const char *bytes, size_t size)
{
    error[0] = '\0';
    skipped = 4711;
    return jwks_parse((const uint8_t *)bytes, size, "issuer", "audience", &skipped, error, sizeof(error));
}

static struct keyring *parse_keys(const char *keys)
{
    static char set[TEXT_MAX];
    const size_t size = expand(keys);
    const int length = snprintf(set, sizeof(set), "{\"keys\":[%.*s]}", (int)size, text);
    return parse_bytes(set, (size_t)length);
}

/* -- core -------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *key;
    enum algorithm algorithm;
} good[] = {
    {RSA(""), ALGORITHM_RS256},
    {RSA(",\"alg\":\"RS384\""), ALGORITHM_RS384},
    {RSA(",\"alg\":\"RS512\",\"use\":\"sig\""), ALGORITHM_RS512},
    {RSA(",\"alg\":\"PS256\",\"key_ops\":[\"verify\"]"), ALGORITHM_PS256},
    {RSA(",\"alg\":\"PS512\",\"key_ops\":[\"sign\",\"verify\"]"), ALGORITHM_PS512},
    {"{\"kty\":\"RSA\",\"n\":\"$8192$\",\"e\":\"Aw\"}", ALGORITHM_RS256},
    {"{\"kty\":\"RSA\",\"n\":\"$2056$\",\"e\":\"__________8\"}", ALGORITHM_RS256},
    {EC(""), ALGORITHM_ES256},
    {EC(",\"alg\":\"ES256\",\"x5t\":[1,2],\"unknown\":{\"a\":[]}"), ALGORITHM_ES256},
    {"{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"" P521_X "\",\"y\":\"" P521_Y "\"}", ALGORITHM_ES512},
    {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED25519_X "\"}", ALGORITHM_EdDSA},
    {"{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" ED448_X "\",\"alg\":\"EdDSA\"}", ALGORITHM_EdDSA},
};

START_TEST(taken)
{
    struct keyring *ring = parse_keys(good[_i].key);
    ck_assert_msg(ring != NULL, "%s", error);
    ck_assert_uint_eq(keyring_count(ring), 1);
    ck_assert_uint_eq(skipped, 0);
    ck_assert_str_eq(error, "");
    const struct key *key = keyring_key(ring, 0);
    ck_assert_int_eq(key_algorithm(key), good[_i].algorithm);
    ck_assert_str_eq(key_id(key), "");
    ck_assert_str_eq(key_issuer(key), "issuer");
    ck_assert_str_eq(key_audience(key), "audience");
    keyring_unref(&ring);
}
END_TEST

/* RFC 7517 appendix A.1: of its two keys one is for encryption. */
START_TEST(of_the_standard)
{
    static const char set[] =
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y
        "\",\"use\":\"enc\",\"kid\":\"1\"},{\"kty\":\"RSA\",\"n\":"
        "\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4"
        "cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_"
        "RN5w6Cf0h4QyQ5v-"
        "65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-"
        "bFTWhAI4vMQFh6WeZu0fM4lFd"
        "2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw\",\"e\":\"AQAB\",\"alg\":\"RS256\",\"kid\":"
        "\"2011-04-29\"}]}";
    struct keyring *ring = parse_bytes(set, sizeof(set) - 1);
    ck_assert_msg(ring != NULL, "%s", error);
    ck_assert_uint_eq(keyring_count(ring), 1);
    ck_assert_uint_eq(skipped, 1);
    ck_assert_str_eq(key_id(keyring_key(ring, 0)), "2011-04-29");
    keyring_unref(&ring);
}
END_TEST

/* The first of the same name and algorithm is the one; without a name all are. */
START_TEST(twice)
{
    struct keyring *ring = parse_keys(RSA(",\"kid\":\"a\"") "," RSA(",\"kid\":\"a\"") "," RSA(
        ",\"kid\":\"a\",\"alg\":\"PS256\"") "," EC(",\"kid\":\"a\"") "," RSA("") "," RSA(""));
    ck_assert_ptr_nonnull(ring);
    ck_assert_uint_eq(keyring_count(ring), 5);
    ck_assert_uint_eq(skipped, 1);
    keyring_unref(&ring);
}
END_TEST

START_TEST(private_members)
{
    struct keyring *ring = parse_keys(EC(",\"kid\":\"a\",\"d\":\"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE\""));
    ck_assert_ptr_nonnull(ring);
    ck_assert_ptr_nonnull(strstr(error, "private"));
    ck_assert_ptr_null(strstr(error, "870MB6"));
    uint8_t signature[KEY_SIGNATURE_MAX];
    size_t size;
    ck_assert_int_eq(key_sign(keyring_key(ring, 0), (const uint8_t *)"", 0, signature, &size), KEY_NOT_PRIVATE);
    keyring_unref(&ring);
}
END_TEST

/* -- limits ------------------------------------------------------------------------------------------------------ */

START_TEST(more_keys_than_are_used)
{
    static char many[TEXT_MAX / 4];
    size_t size = 0;
    for (int i = 0; i < 100; i++) {
        size += (size_t)snprintf(many + size, sizeof(many) - size,
                                 "%s{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED25519_X "\",\"kid\":\"%d\"}",
                                 i == 0 ? "" : ",", i);
    }
    struct keyring *ring = parse_keys(many);
    ck_assert_ptr_nonnull(ring);
    ck_assert_uint_eq(keyring_count(ring), JWKS_KEYS_MAX);
    ck_assert_uint_eq(skipped, 100 - JWKS_KEYS_MAX);
    keyring_unref(&ring);
}
END_TEST

START_TEST(key_id_sizes)
{
    static char key[2048];
    for (int size = 255; size <= 257; size++) {
        (void)snprintf(key, sizeof(key), EC(",\"kid\":\"%0*d\""), size, 1);
        struct keyring *ring = parse_keys(key);
        ck_assert_int_eq(ring != NULL, size <= 256);
        keyring_unref(&ring);
    }
}
END_TEST

/* To the byte. */
START_TEST(set_sizes)
{
    static char set[JWKS_SIZE_MAX + 2];
    const int used = snprintf(set, sizeof(set), "{\"keys\":[%s]}", EC(""));
    memset(set + used, ' ', sizeof(set) - (size_t)used);
    struct keyring *ring = parse_bytes(set, JWKS_SIZE_MAX);
    ck_assert_ptr_nonnull(ring);
    keyring_unref(&ring);
    ck_assert_ptr_null(parse_bytes(set, JWKS_SIZE_MAX + 1));
    ck_assert_ptr_nonnull(strstr(error, "larger"));
}
END_TEST

/* -- hostile ----------------------------------------------------------------------------------------------------- */

static const struct {
    const char *key;
    const char *reason;
} bad[] = {
    {"{}", "no key that can be read"},
    {"1", "no key that can be read"},
    {"[]", "no key that can be read"},
    {"{\"kty\":1}", "no key that can be read"},
    {"{\"kty\":\"rsa\"}", "another kind"},
    {"{\"kty\":\"RSA\\u0041\"}", "another kind"},
    {"{\"kty\":\"oct\",\"k\":\"GawgguFyGrWKav7AX4VKUg\",\"alg\":\"HS256\"}", "another kind"},
    {RSA(",\"alg\":\"HS256\""), "another kind"},
    {RSA(",\"alg\":\"ES256\""), "another kind"},
    {RSA(",\"alg\":\"none\""), "something else"},
    {RSA(",\"alg\":\"RSA-OAEP\""), "something else"},
    {RSA(",\"alg\":null"), "no key that can be read"},
    {RSA(",\"use\":\"enc\""), "something else"},
    {RSA(",\"use\":7"), "no key that can be read"},
    {RSA(",\"key_ops\":[]"), "something else"},
    {RSA(",\"key_ops\":[\"encrypt\"]"), "something else"},
    {RSA(",\"key_ops\":[\"verify\",\"verify\"]"), "no key that can be read"},
    {RSA(",\"key_ops\":\"verify\""), "no key that can be read"},
    {RSA(",\"key_ops\":[1]"), "no key that can be read"},
    {RSA(",\"kid\":1"), "no key that can be read"},
    {RSA(",\"kid\":null"), "no key that can be read"},
    {RSA(",\"kid\":\"a\\u001b[2J\""), "no key that can be read"},
    {"{\"kty\":\"RSA\",\"n\":\"$1024$\",\"e\":\"AQAB\"}", "not safe"},
    {"{\"kty\":\"RSA\",\"n\":\"$2040$\",\"e\":\"AQAB\"}", "not safe"},
    {"{\"kty\":\"RSA\",\"n\":\"$8200$\",\"e\":\"AQAB\"}", "not safe"},
    {"{\"kty\":\"RSA\",\"n\":\"$65536$\",\"e\":\"AQAB\"}", "not safe"},
    {"{\"kty\":\"RSA\",\"n\":\"$2048-$\",\"e\":\"AQAB\"}", "not safe"},
    {"{\"kty\":\"RSA\",\"n\":\"$2048$\",\"e\":\"AQ\"}", "not safe"},
    {"{\"kty\":\"RSA\",\"n\":\"$2048$\",\"e\":\"Ag\"}", "not safe"},
    {"{\"kty\":\"RSA\",\"n\":\"$2048$\",\"e\":\"AQAC\"}", "not safe"},
    {"{\"kty\":\"RSA\",\"n\":\"$2048$\",\"e\":\"AQAAAAAAAAAB\"}", "not safe"},
    {"{\"kty\":\"RSA\",\"n\":\"$2048$\",\"e\":\"AA\"}", "no key that can be read"},
    {"{\"kty\":\"RSA\",\"n\":\"$2048$\",\"e\":\"AAEAAQ\"}", "no key that can be read"}, /* a zero in front */
    {"{\"kty\":\"RSA\",\"n\":\"$2048$\",\"e\":\"AQAB=\"}", "no key that can be read"},
    {"{\"kty\":\"RSA\",\"n\":\"$2048$\",\"e\":\"\"}", "no key that can be read"},
    {"{\"kty\":\"RSA\",\"n\":\"$2048$\",\"e\":65537}", "no key that can be read"},
    {"{\"kty\":\"RSA\",\"n\":\"$2048$\"}", "no key that can be read"},
    {"{\"kty\":\"RSA\",\"n\":\"+$2048$\",\"e\":\"AQAB\"}", "no key that can be read"},
    {EC(",\"alg\":\"ES384\""), "another kind"},
    {"{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y "\"}", "another kind"},
    {"{\"kty\":\"EC\",\"crv\":1,\"x\":\"" P256_X "\",\"y\":\"" P256_Y "\"}", "another kind"},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "\",\"y\":\"" P256_X "\"}", "not safe"}, /* off the curve */
    {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
     "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
     "not safe"},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"__________________________________________8\",\"y\":\"" P256_Y "\"}",
     "not safe"}, /* larger than the field */
    {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AQ\",\"y\":\"" P256_Y "\"}", "no key that can be read"},
    {"{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" P256_X "\",\"y\":\"" P256_Y "\"}", "no key that can be read"},
    {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" P256_X "\"}", "no key that can be read"},
    {"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" ED25519_X "\"}", "another kind"},
    {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQ\"}", "no key that can be read"},
    {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED448_X "\"}", "no key that can be read"},
    {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" ED25519_X "\",\"alg\":\"RS256\"}", "another kind"},
};

START_TEST(left_out)
{
    static char keys[TEXT_MAX / 2];
    ck_assert_ptr_null(parse_keys(bad[_i].key));
    ck_assert_msg(strstr(error, bad[_i].reason) != NULL, "%s: %s", bad[_i].key, error);
    ck_assert_uint_eq(skipped, 4711); /* written on success only */
    (void)snprintf(keys, sizeof(keys), "%s,%s", bad[_i].key, EC(",\"kid\":\"good\""));
    struct keyring *ring = parse_keys(keys);
    ck_assert_ptr_nonnull(ring);
    ck_assert_uint_eq(keyring_count(ring), 1);
    ck_assert_str_eq(key_id(keyring_key(ring, 0)), "good");
    ck_assert_uint_eq(skipped, 1);
    keyring_unref(&ring);
}
END_TEST

static const char *const no_sets[] = {
    "",
    "{}",
    "[]",
    "null",
    "\"keys\"",
    "{\"keys\":{}}",
    "{\"keys\":null}",
    "{\"keys\":[]}",
    "{\"Keys\":[" EC("") "]}",
    "[" EC("") "]",
    EC(""),
    "{\"keys\":[" EC("") "]",
    "{\"keys\":[" EC("") "]}x",
    "{\"keys\":[" EC("") "],\"keys\":[]}",
    "{\"keys\":[" EC(",\"x\":\"" P256_X "\"") "]}",
    "{\"keys\":[" EC("") "],\"n\":1e400}",
    "{\"keys\":[" EC("") "],\"t\":\"\xff\"}",
    "<html><body>Service unavailable</body></html>",
};

START_TEST(not_a_set)
{
    ck_assert_ptr_null(parse_bytes(no_sets[_i], strlen(no_sets[_i])));
    ck_assert_str_ne(error, "");
}
END_TEST

START_TEST(nested_and_huge)
{
    memset(text, '[', sizeof(text));
    ck_assert_ptr_null(parse_bytes(text, 1024 * 1024));
    ck_assert_ptr_nonnull(strstr(error, "larger"));
    ck_assert_ptr_null(parse_bytes(text, 4096));
    ck_assert_ptr_nonnull(strstr(error, "nested"));
    memset(text, '\0', 64);
    ck_assert_ptr_null(parse_bytes(text, 64));
    ck_assert_ptr_nonnull(strstr(error, "NUL"));
}
END_TEST

static Suite *jwks_parse_suite(void)
{
    Suite *suite = suite_create("jwks_parse");

    TCase *core = tcase_create("core");
    tcase_add_loop_test(core, taken, 0, COUNT_OF(good));
    tcase_add_test(core, of_the_standard);
    tcase_add_test(core, twice);
    tcase_add_test(core, private_members);
    suite_add_tcase(suite, core);

    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, more_keys_than_are_used);
    tcase_add_test(limits, key_id_sizes);
    tcase_add_test(limits, set_sizes);
    suite_add_tcase(suite, limits);

    TCase *hostile = tcase_create("hostile");
    tcase_add_loop_test(hostile, left_out, 0, COUNT_OF(bad));
    tcase_add_loop_test(hostile, not_a_set, 0, COUNT_OF(no_sets));
    tcase_add_test(hostile, nested_and_huge);
    suite_add_tcase(suite, hostile);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(jwks_parse_suite());
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
