/*
 * check_jws_oracle - the layer against libjwt on the algorithms that both have: each takes what the other signed, and what
 * the layer takes of tokens with random changes, libjwt takes, too. Not the other way round: libjwt is lenient on purpose.
 */
#include "auth/jws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <jwt.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define CHANGES         400

static const char secret[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static const struct pair {
    enum algorithm ours;
    jwt_alg_t theirs;
    const char *curve; /* NULL: RSA; "": HMAC */
} pairs[] = {
    {ALGORITHM_HS256, JWT_ALG_HS256, ""},      {ALGORITHM_HS384, JWT_ALG_HS384, ""},
    {ALGORITHM_HS512, JWT_ALG_HS512, ""},      {ALGORITHM_RS256, JWT_ALG_RS256, NULL},
    {ALGORITHM_RS384, JWT_ALG_RS384, NULL},    {ALGORITHM_RS512, JWT_ALG_RS512, NULL},
    {ALGORITHM_ES256, JWT_ALG_ES256, "P-256"}, {ALGORITHM_ES384, JWT_ALG_ES384, "P-384"},
    {ALGORITHM_ES512, JWT_ALG_ES512, "P-521"},
};

/* The same key for both. */
struct keys {
    struct key *ours;
    char private[4096]; /* text for libjwt: to sign with, and to verify with */
    char public[4096];
};

static void read_file(BIO *file, char *text, size_t max)
{
    const int size = BIO_read(file, text, (int)max - 1);
    ck_assert_int_gt(size, 0);
    text[size] = '\0';
    BIO_free(file);
}

static void make_keys(const struct pair *pair, struct keys *keys)
{
    const struct key_setup setup = {"", pair->ours, "", "", false};
    memset(keys, 0, sizeof(*keys));
    if (pair->curve != NULL && pair->curve[0] == '\0') {
        memcpy(keys->private, secret, sizeof(secret));
        memcpy(keys->public, secret, sizeof(secret));
        ck_assert_int_eq(key_from_secret(&setup, (const uint8_t *)secret, strlen(secret), &keys->ours), KEY_OK);
        return;
    }
    EVP_PKEY *pkey = pair->curve == NULL ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
                                         : EVP_PKEY_Q_keygen(NULL, NULL, "EC", pair->curve);
    BIO *file = BIO_new(BIO_s_mem());
    ck_assert_int_eq(PEM_write_bio_PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL), 1);
    read_file(file, keys->private, sizeof(keys->private));
    file = BIO_new(BIO_s_mem());
    ck_assert_int_eq(PEM_write_bio_PUBKEY(file, pkey), 1);
    read_file(file, keys->public, sizeof(keys->public));
    ck_assert_int_eq(key_from_pem(&setup, (const uint8_t *)keys->private, strlen(keys->private), &keys->ours), KEY_OK);
    EVP_PKEY_free(pkey);
}

static bool we_take(const struct keys *keys, const char *token)
{
    struct jws jws;
    if (jws_parse(token, strlen(token), &jws) != JWS_OK) {
        return false;
    }
    const bool good = jws_verify(&jws, keys->ours);
    jws_free(&jws);
    return good;
}

static bool they_take(const struct pair *pair, const struct keys *keys, const char *token)
{
    jwt_t *jwt = NULL;
    if (jwt_decode(&jwt, token, (const unsigned char *)keys->public, (int)strlen(keys->public)) != 0) {
        return false;
    }
    const bool good = jwt_get_alg(jwt) == pair->theirs;
    jwt_free(jwt);
    return good;
}

static char *they_sign(const struct pair *pair, const struct keys *keys, unsigned number)
{
    char user[32];
    jwt_t *jwt = NULL;
    snprintf(user, sizeof(user), "user %u", number);
    ck_assert_int_eq(jwt_new(&jwt), 0);
    ck_assert_int_eq(jwt_add_grant(jwt, "sub", user), 0);
    ck_assert_int_eq(jwt_add_grant_int(jwt, "exp", 1700000000L + (long)number), 0);
    ck_assert_int_eq(jwt_set_alg(jwt, pair->theirs, (const unsigned char *)keys->private, (int)strlen(keys->private)),
                     0);
    char *token = jwt_encode_str(jwt);
    ck_assert_ptr_nonnull(token);
    jwt_free(jwt);
    return token;
}

START_TEST(core_each_takes_the_others)
{
    const struct pair *pair = &pairs[_i];
    static struct keys keys;
    make_keys(pair, &keys);
    for (unsigned i = 0; i < 20; i++) {
        char *token = they_sign(pair, &keys, i);
        ck_assert_msg(we_take(&keys, token), "%s", token);
        free(token);
        char payload[64];
        snprintf(payload, sizeof(payload), "{\"sub\":\"user %u\"}", i);
        token = jws_sign(keys.ours, (const uint8_t *)payload, strlen(payload));
        ck_assert_msg(they_take(pair, &keys, token), "%s", token);
        free(token);
    }
    key_unref(&keys.ours);
}
END_TEST

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* Changes, removes or doubles a character. `token` has room for one more. */
static void change(char *token, uint32_t *seed)
{
    static const char characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ";
    const size_t size = strlen(token);
    const size_t at = next_random(seed) % size;
    switch (next_random(seed) % 4) {
    case 0:
        memmove(token + at, token + at + 1, size - at);
        break;
    case 1:
        memmove(token + at + 1, token + at, size - at + 1);
        break;
    default:
        token[at] = characters[next_random(seed) % (sizeof(characters) - 1)];
        break;
    }
}

START_TEST(hostile_changes)
{
    const struct pair *pair = &pairs[_i];
    static struct keys keys;
    uint32_t seed = 1 + (uint32_t)_i;
    unsigned refused = 0;
    make_keys(pair, &keys);
    char *token = they_sign(pair, &keys, 1);
    const size_t size = strlen(token);
    char *changed = malloc(size + 2);
    ck_assert_ptr_nonnull(changed);
    for (unsigned i = 0; i < CHANGES; i++) {
        memcpy(changed, token, size + 1);
        change(changed, &seed);
        const bool taken = we_take(&keys, changed);
        ck_assert_msg(!taken || strcmp(changed, token) == 0, "a second text for the same token: %s", changed);
        ck_assert_msg(!taken || they_take(pair, &keys, changed), "%s", changed);
        refused += !taken;
    }
    ck_assert_uint_gt(refused, CHANGES / 2);
    free(changed);
    free(token);
    key_unref(&keys.ours);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jws_oracle");
    TCase *core = tcase_create("core");
    tcase_add_loop_test(core, core_each_takes_the_others, 0, COUNT_OF(pairs));
    suite_add_tcase(suite, core);
    TCase *hostile = tcase_create("hostile");
    tcase_add_loop_test(hostile, hostile_changes, 0, COUNT_OF(pairs));
    suite_add_tcase(suite, hostile);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
