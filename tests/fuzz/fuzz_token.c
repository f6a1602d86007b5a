/*
 * fuzz_token - the whole decision about a token, behind a signature that is right.
 *
 * An input is one byte, whose bits choose the policy, and a payload, which is signed with a fixed key; or, with the highest bit, a token
 * as it stands. Aborts when the steps told do not fit the verdict, when the same token is judged in two ways, or when an identity
 * holds what identity.h promises that it does not.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/jws.h"
#include "auth/token.h"
#include "validate/utf8.h"

#define NOW_S    INT64_C(1700000000)
#define LEEWAY_S 10

#define require(condition)                                                          \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                \
        }                                                                           \
    } while (0)

enum choice { CHOICE_ISSUER = 1, CHOICE_AUDIENCE = 2, CHOICE_NO_EXPIRY = 4, CHOICE_LEEWAY = 8, CHOICE_AS_IS = 128 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct key *make_key(void)
{
    static const uint8_t secret[] = "a secret that everybody may know";
    const struct key_setup setup = {.id = "k", .algorithm = ALGORITHM_HS256, .issuer = "", .audience = ""};
    struct key *key = NULL;
    require(key_from_secret(&setup, secret, sizeof(secret) - 1, &key) == KEY_OK);
    return key;
}

struct steps {
    unsigned passed;
    unsigned failed;
};

static void count(void *steps_pointer, const char *check, bool passed, const char *detail)
{
    struct steps *steps = steps_pointer;
    require(check[0] != '\0' && strlen(detail) < SIZE_MAX);
    require(steps->failed == 0); /* the one that fails is the last */
    steps->passed += passed;
    steps->failed += !passed;
}

static bool has_control(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return true;
        }
    }
    return false;
}

static void check_permissions(const struct permissions *permissions)
{
    static const char *const channels[] = {"", "a", "news", "chat:1", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"};
    for (size_t i = 0; i < sizeof(channels) / sizeof(channels[0]); i++) {
        const size_t size = strlen(channels[i]);
        const bool may = permissions_allow(permissions, NULL, PERMISSION_SUBSCRIBE, channels[i], size);
        require(!may || permissions->rule_count > 0);
    }
    for (size_t i = 0; i < permissions->rule_count; i++) {
        const struct permission_rule *rule = &permissions->rules[i];
        const size_t size = strlen(rule->pattern);
        require(size > 0 && utf8_valid((const uint8_t *)rule->pattern, size) && !has_control(rule->pattern));
        require((rule->allowed & ~15u) == 0);
        /* Each pattern is for the channel of its own name. */
        require((rule->allowed & PERMISSION_PUBLISH) == 0 ||
                permissions_allow(permissions, NULL, PERMISSION_PUBLISH, rule->pattern, size));
    }
    for (size_t i = 0; i < permissions->endpoint_count; i++) {
        require(permissions->endpoints[i][0] == '/');
        require(permissions_allow_endpoint(permissions, permissions->endpoints[i]));
    }
    require(permissions->endpoints != NULL || permissions_allow_endpoint(permissions, "/any"));
}

static void check_identity(const struct identity *identity, const struct token_policy *policy)
{
    const size_t user = strlen(identity->user);
    require(user > 0 && user <= IDENTITY_USER_MAX && utf8_valid((const uint8_t *)identity->user, user));
    require(!has_control(identity->user));
    require(strcmp(identity->key_id, "k") == 0);
    require(identity->expires_at_s > NOW_S);
    require(identity->expires_at_s == IDENTITY_FOREVER
                ? !policy->require_expiry
                : identity->expires_at_s <= NOW_S + policy->max_lifetime_s + policy->leeway_s);
    require(identity->issued_at_s == IDENTITY_NO_TIME ||
            (identity->issued_at_s >= 0 && identity->issued_at_s <= NOW_S + policy->leeway_s));
    require(policy->issuer_count == 0 || strcmp(identity->issuer, "issuer") == 0);
    require(strlen(identity->token_id) <= REVOCATION_SUBJECT_MAX);
    check_permissions(&identity->permissions);
}

static void check(const struct token_policy *policy, const char *token, size_t size)
{
    const struct token_context context = {0};
    struct identity *identity = NULL;
    struct identity *again = NULL;
    struct steps steps = {0};
    const enum token_verdict verdict = token_check(policy, &context, token, size, NOW_S, &identity);
    require(token_explain(policy, &context, token, size, NOW_S, count, &steps, &again) == verdict);
    require(steps.failed == (verdict != TOKEN_OK_VERDICT));
    require((identity != NULL) == (verdict == TOKEN_OK_VERDICT) && (again != NULL) == (identity != NULL));
    if (identity != NULL) {
        check_identity(identity, policy);
        require(identity->claims_size == again->claims_size);
        require(memcmp(identity->claims, again->claims, identity->claims_size) == 0);
    }
    identity_free(&identity);
    identity_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const issuers[] = {"issuer"};
    static const char *const audiences[] = {"audience"};
    static const char *const user_claims[] = {"sub", "user_id"};
    static struct key *key;
    static struct keyring *ring;
    if (ring == NULL) {
        key = make_key();
        ring = keyring_create(&key, 1);
        require(ring != NULL);
    }
    const unsigned choice = size > 0 ? data[0] : 0;
    const struct token_policy policy = {
        .keys = ring,
        .issuers = issuers,
        .issuer_count = (choice & CHOICE_ISSUER) != 0,
        .audiences = audiences,
        .audience_count = (choice & CHOICE_AUDIENCE) != 0,
        .user_claims = user_claims,
        .user_claim_count = 2,
        .require_expiry = (choice & CHOICE_NO_EXPIRY) == 0,
        .leeway_s = (choice & CHOICE_LEEWAY) != 0 ? LEEWAY_S : 0,
        .max_lifetime_s = 1000000,
        .max_size = JWS_TOKEN_MAX,
    };
    if (size == 0 || (choice & CHOICE_AS_IS) != 0) {
        check(&policy, (const char *)data + (size > 0), size - (size > 0));
        return 0;
    }
    char *token = jws_sign(key, data + 1, size - 1);
    if (token != NULL) { /* NULL: too large */
        check(&policy, token, strlen(token));
    }
    free(token);
    return 0;
}
