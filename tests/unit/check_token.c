/*
 * Tests of token: tables of tokens and of what is decided about them, and who their bearer is.
 *
 * Key sets that are fetched are played by the fake of jwks.h below.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/base64url.h"
#include "auth/jws.h"
#include "auth/token.h"
#include "tests/unit/token_cases.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NOW_S        INT64_C(1700000000)
#define TOKEN_SIZE   20000
#define SECRET_A     "0123456789abcdef0123456789abcdef"
#define SECRET_B     "fedcba9876543210fedcba9876543210"

/* ---- a fake of auth/jwks.h ---- */

struct jwks {
    struct keyring *keys;
    bool fetches;
    char missed[64];
};

struct keyring *jwks_keys(struct jwks *jwks)
{
    return keyring_ref(jwks->keys);
}

bool jwks_miss(struct jwks *jwks, const char *key_id)
{
    (void)snprintf(jwks->missed, sizeof(jwks->missed), "%s", key_id);
    return jwks->fetches;
}

/* ---- keys and tokens ---- */

static struct key *keys[KEY_COUNT];
static struct key *stranger; /* in no ring, with the id of KEY_A */
static struct keyring *ring;
static struct token_policy policy;
static struct token_context context;
static char long_text[10000];

static struct key *make_key(const char *id, enum algorithm algorithm, const char *secret, const char *issuer,
                            const char *audience)
{
    const struct key_setup setup = {
        .id = id, .algorithm = algorithm, .issuer = issuer, .audience = audience, .weak = true};
    struct key *key = NULL;
    ck_assert_int_eq(key_from_secret(&setup, (const uint8_t *)secret, strlen(secret), &key), KEY_OK);
    return key;
}

static void set_up(void)
{
    static const char *const user_claims[] = {"sub", "user_id"};
    keys[KEY_A] = make_key("a", ALGORITHM_HS256, SECRET_A, "", "");
    keys[KEY_B] = make_key("b", ALGORITHM_HS256, SECRET_B, "", "");
    keys[KEY_BOUND] = make_key("bound", ALGORITHM_HS256, "bound" SECRET_A, "issuer", "audience");
    keys[KEY_384] = make_key("c", ALGORITHM_HS384, SECRET_A, "", "");
    stranger = make_key("a", ALGORITHM_HS256, "stranger" SECRET_A, "", "");
    ring = keyring_create(keys, KEY_COUNT);
    ck_assert_ptr_nonnull(ring);
    policy = (struct token_policy){
        .keys = ring,
        .user_claims = user_claims,
        .user_claim_count = COUNT(user_claims),
        .require_expiry = true,
        .max_lifetime_s = 3600,
        .max_size = 8192,
    };
    context = (struct token_context){0};
    memset(long_text, 'x', sizeof(long_text) - 1);
}

static void tear_down(void)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        key_unref(&keys[i]);
    }
    key_unref(&stranger);
    keyring_unref(&ring);
    revocations_destroy(&context.revocations);
}

static size_t put_part(char *out, const char *text)
{
    const size_t size = strlen(text);
    base64url_encode((const uint8_t *)text, size, out);
    return base64url_encoded_size(size);
}

/* A token with that header and payload, signed with `key`; with a NUL. */
static size_t make_token(char out[TOKEN_SIZE], const char *header, const char *payload, const struct key *key)
{
    uint8_t signature[KEY_SIGNATURE_MAX];
    size_t signature_size = 0;
    size_t used = put_part(out, header);
    out[used++] = '.';
    used += put_part(out + used, payload);
    ck_assert_int_eq(key_sign(key, (const uint8_t *)out, used, signature, &signature_size), KEY_OK);
    out[used++] = '.';
    base64url_encode(signature, signature_size, out + used);
    used += base64url_encoded_size(signature_size);
    out[used] = '\0';
    return used;
}

/* What "@N" and "~N" stand for in token_cases.h. */
static void expand(char out[TOKEN_SIZE], const char *text)
{
    size_t used = 0;
    while (*text != '\0') {
        if (*text == '@' || *text == '~') {
            char *end = NULL;
            const long number = strtol(text + 1, &end, 10);
            used += (size_t)(*text == '@' ? snprintf(out + used, TOKEN_SIZE - used, "%lld", (long long)(NOW_S + number))
                                          : snprintf(out + used, TOKEN_SIZE - used, "%.*s", (int)number, long_text));
            text = end;
        } else {
            out[used++] = *text++;
        }
    }
    out[used] = '\0';
}

static enum token_verdict check(const char *token, struct identity **identity)
{
    *identity = NULL;
    const enum token_verdict verdict = token_check(&policy, &context, token, strlen(token), NOW_S, identity);
    ck_assert((*identity != NULL) == (verdict == TOKEN_OK_VERDICT));
    return verdict;
}

static enum token_verdict check_payload(const char *payload)
{
    char text[TOKEN_SIZE];
    char token[TOKEN_SIZE];
    struct identity *identity = NULL;
    expand(text, payload);
    (void)make_token(token, "{\"alg\":\"HS256\",\"kid\":\"a\"}", text, keys[KEY_A]);
    const enum token_verdict verdict = check(token, &identity);
    identity_free(&identity);
    return verdict;
}

/* ---- tables ---- */

static enum token_verdict check_header(const struct header_case *row)
{
    char text[TOKEN_SIZE];
    char token[TOKEN_SIZE];
    struct identity *identity = NULL;
    expand(text, GOOD);
    (void)make_token(token, row->header, text, row->key == KEY_COUNT ? stranger : keys[row->key]);
    const enum token_verdict verdict = check(token, &identity);
    identity_free(&identity);
    return verdict;
}

START_TEST(test_headers)
{
    ck_assert_str_eq(token_verdict_label(check_header(&header_cases[_i])),
                     token_verdict_label(header_cases[_i].verdict));
}
END_TEST

START_TEST(test_payloads)
{
    ck_assert_msg(check_payload(payload_cases[_i].payload) == payload_cases[_i].verdict, "%s: %s, not %s",
                  payload_cases[_i].payload, token_verdict_label(check_payload(payload_cases[_i].payload)),
                  token_verdict_label(payload_cases[_i].verdict));
}
END_TEST

static enum token_verdict check_policy(const struct policy_case *row)
{
    char header[64];
    char text[TOKEN_SIZE];
    char token[TOKEN_SIZE];
    struct identity *identity = NULL;
    policy.issuers = two;
    policy.issuer_count = row->issuer_count;
    policy.audiences = two;
    policy.audience_count = row->audience_count;
    policy.leeway_s = row->leeway_s;
    policy.require_expiry = !row->no_expiry;
    (void)snprintf(header, sizeof(header), "{\"alg\":\"HS256\",\"kid\":\"%s\"}", key_id(keys[row->key]));
    expand(text, row->payload);
    (void)make_token(token, header, text, keys[row->key]);
    const enum token_verdict verdict = check(token, &identity);
    identity_free(&identity);
    return verdict;
}

START_TEST(test_policies)
{
    ck_assert_str_eq(token_verdict_label(check_policy(&policy_cases[_i])),
                     token_verdict_label(policy_cases[_i].verdict));
}
END_TEST

START_TEST(test_syntax)
{
    struct identity *identity = NULL;
    ck_assert_str_eq(token_verdict_label(check(syntax_cases[_i].token, &identity)),
                     token_verdict_label(syntax_cases[_i].verdict));
}
END_TEST

START_TEST(test_size)
{
    char text[TOKEN_SIZE];
    char token[TOKEN_SIZE];
    struct identity *identity = NULL;
    expand(text, GOOD);
    policy.max_size = make_token(token, "{\"alg\":\"HS256\",\"kid\":\"a\"}", text, keys[KEY_A]);
    ck_assert_int_eq(check(token, &identity), TOKEN_OK_VERDICT);
    identity_free(&identity);
    policy.max_size--;
    ck_assert_int_eq(check(token, &identity), TOKEN_TOO_LARGE_VERDICT);
    /* Each change of a single byte, dots and all, is refused. */
    policy.max_size = TOKEN_SIZE;
    for (size_t i = 0; token[i] != '\0'; i++) {
        const char kept = token[i];
        token[i] = kept == 'A' ? 'B' : 'A';
        ck_assert_int_ne(check(token, &identity), TOKEN_OK_VERDICT);
        token[i] = kept;
    }
}
END_TEST

/* ---- key sets ---- */

START_TEST(test_key_sets)
{
    char text[TOKEN_SIZE];
    char token[TOKEN_SIZE];
    struct identity *identity = NULL;
    struct key *fetched = make_key("fetched", ALGORITHM_HS256, "fetched" SECRET_A, "provider", "");
    struct jwks jwks = {.keys = keyring_create(&fetched, 1), .fetches = true};
    context.jwks = &jwks;
    expand(text, "{\"sub\":\"u\",\"exp\":@60,\"iss\":\"provider\"}");
    (void)make_token(token, "{\"alg\":\"HS256\",\"kid\":\"fetched\"}", text, fetched);
    ck_assert_int_eq(check(token, &identity), TOKEN_OK_VERDICT);
    ck_assert_str_eq(identity->key_id, "fetched");
    ck_assert_str_eq(jwks.missed, "");
    identity_free(&identity);
    (void)make_token(token, "{\"alg\":\"HS256\",\"kid\":\"later\"}", text, fetched);
    ck_assert_int_eq(check(token, &identity), TOKEN_KEY_FETCHING_VERDICT);
    ck_assert_int_eq(token_verdict_answer(TOKEN_KEY_FETCHING_VERDICT), TOKEN_RETRY);
    ck_assert_str_eq(jwks.missed, "later");
    jwks.fetches = false;
    ck_assert_int_eq(check(token, &identity), TOKEN_KEY_UNKNOWN_VERDICT);
    /* A key that is there is missed by nobody. */
    jwks.missed[0] = '\0';
    (void)make_token(token, "{\"alg\":\"HS384\",\"kid\":\"fetched\"}", text, fetched);
    ck_assert_int_eq(check(token, &identity), TOKEN_KEY_ALGORITHM_VERDICT);
    ck_assert_str_eq(jwks.missed, "");
    keyring_unref(&jwks.keys);
    key_unref(&fetched);
}
END_TEST

/* Two providers that both call a key "1": each of them is heard, and is bound to its own issuer. */
START_TEST(test_shared_key_id)
{
    char text[TOKEN_SIZE];
    char token[TOKEN_SIZE];
    struct identity *identity = NULL;
    struct key *both[] = {make_key("1", ALGORITHM_HS256, "1" SECRET_A, "x", ""),
                          make_key("1", ALGORITHM_HS256, "2" SECRET_A, "y", "")};
    struct jwks jwks = {.keys = keyring_create(both, COUNT(both))};
    context.jwks = &jwks;
    for (size_t i = 0; i < COUNT(both); i++) {
        expand(text, "{\"sub\":\"u\",\"exp\":@60,\"iss\":\"y\"}");
        (void)make_token(token, "{\"alg\":\"HS256\",\"kid\":\"1\"}", text, both[i]);
        ck_assert_int_eq(check(token, &identity), i == 1 ? TOKEN_OK_VERDICT : TOKEN_ISSUER_VERDICT);
        identity_free(&identity);
    }
    keyring_unref(&jwks.keys);
    for (size_t i = 0; i < COUNT(both); i++) {
        key_unref(&both[i]);
    }
}
END_TEST

/* Without "kid", as many keys as are stated and no more. */
START_TEST(test_keys_tried)
{
    char text[TOKEN_SIZE];
    char token[TOKEN_SIZE];
    struct identity *identity = NULL;
    struct key *many[TOKEN_KEYS_TRIED + 1];
    for (size_t i = 0; i < COUNT(many); i++) {
        char secret[64];
        (void)snprintf(secret, sizeof(secret), "%zu" SECRET_B, i);
        many[i] = make_key("", ALGORITHM_HS256, secret, "", "");
    }
    policy.keys = keyring_create(many, COUNT(many));
    expand(text, GOOD);
    for (size_t i = 0; i < COUNT(many); i++) {
        (void)make_token(token, "{\"alg\":\"HS256\"}", text, many[i]);
        ck_assert_int_eq(check(token, &identity), i < TOKEN_KEYS_TRIED ? TOKEN_OK_VERDICT : TOKEN_SIGNATURE_VERDICT);
        identity_free(&identity);
        key_unref(&many[i]);
    }
    keyring_unref(&policy.keys);
}
END_TEST

/* ---- revocation ---- */

static enum token_verdict check_revoked(enum revocation_kind kind, const char *subject, int64_t before_s,
                                        const char *payload)
{
    const struct revocation revocation = {
        .id = 1,
        .kind = kind,
        .subject = subject,
        .before_s = before_s,
        .until_s = NOW_S + 3600,
        .by = "t",
        .reason = "",
    };
    context.revocations = revocations_create();
    ck_assert_ptr_nonnull(context.revocations);
    ck_assert_int_eq(revocations_add(context.revocations, &revocation), REVOCATION_OK);
    const enum token_verdict verdict = check_payload(payload);
    revocations_destroy(&context.revocations);
    return verdict;
}

START_TEST(test_revocations)
{
    static const char token[] = "{\"sub\":\"u\",\"exp\":@60,\"iat\":@-5,\"jti\":\"j\"}";
    ck_assert_int_eq(check_revoked(REVOCATION_USER, "u", NOW_S - 5, token), TOKEN_REVOKED_VERDICT);
    ck_assert_int_eq(check_revoked(REVOCATION_USER, "u", NOW_S - 6, token), TOKEN_OK_VERDICT);
    ck_assert_int_eq(check_revoked(REVOCATION_USER, "v", NOW_S, token), TOKEN_OK_VERDICT);
    /* One that has expired, too, does not tell that it has been revoked. */
    ck_assert_int_eq(check_revoked(REVOCATION_USER, "u", NOW_S, "{\"sub\":\"u\",\"exp\":@0}"), TOKEN_EXPIRED_VERDICT);
    ck_assert_int_eq(check_revoked(REVOCATION_USER, "u", NOW_S - 9999, GOOD), TOKEN_REVOKED_VERDICT); /* no iat */
    ck_assert_int_eq(check_revoked(REVOCATION_TOKEN, "j", 0, token), TOKEN_REVOKED_VERDICT);
    ck_assert_int_eq(check_revoked(REVOCATION_TOKEN, "", 0, GOOD), TOKEN_OK_VERDICT);
    ck_assert_int_eq(check_revoked(REVOCATION_ISSUED_BEFORE, "", NOW_S - 4, token), TOKEN_REVOKED_VERDICT);
    ck_assert_int_eq(check_revoked(REVOCATION_ISSUED_BEFORE, "", NOW_S - 5, token), TOKEN_OK_VERDICT);
    ck_assert_int_eq(check_revoked(REVOCATION_ISSUED_BEFORE, "", NOW_S - 5, GOOD), TOKEN_REVOKED_VERDICT);
}
END_TEST

/* ---- identity ---- */

START_TEST(test_identity)
{
    char text[TOKEN_SIZE];
    char token[TOKEN_SIZE];
    struct identity *identity = NULL;
    policy.leeway_s = 5;
    expand(text,
           "{\"sub\":\"\xc3\xbc\",\"exp\":@60.9,\"iat\":@-1,\"iss\":\"i\",\"jti\":\"j\",\"endpoints\":[\"/a\",\"/b\"],"
           "\"channels\":[\"news\",\"a*\"],\"caps\":[{\"channels\":[\"chat:*\",\"x\"],\"match\":\"wildcard\","
           "\"allow\":[\"pub\",\"sub\"]},{\"channels\":[\"y*\"],\"allow\":[\"hst\",\"prs\"]}]}");
    (void)make_token(token, "{\"alg\":\"HS256\"}", text, keys[KEY_B]);
    ck_assert_int_eq(check(token, &identity), TOKEN_OK_VERDICT);
    memset(token, 'x', sizeof(token)); /* nothing of it is borrowed */
    ck_assert_str_eq(identity->user, "\xc3\xbc");
    ck_assert_str_eq(identity->token_id, "j");
    ck_assert_str_eq(identity->issuer, "i");
    ck_assert_str_eq(identity->key_id, "b");
    ck_assert_int_eq(identity->issued_at_s, NOW_S - 1);
    ck_assert_int_eq(identity->expires_at_s, NOW_S + 65);
    ck_assert_uint_eq(identity->claims_size, strlen(text));
    ck_assert_str_eq(identity->claims, text);
    const struct permissions *permissions = &identity->permissions;
    ck_assert_uint_gt(identity->memory_size,
                      sizeof(*identity) + strlen(text) + permissions->rule_count * sizeof(struct permission_rule));
    ck_assert(permissions_allow_endpoint(permissions, "/a") && permissions_allow_endpoint(permissions, "/b"));
    ck_assert(!permissions_allow_endpoint(permissions, "/") && !permissions_allow_endpoint(permissions, "/a/"));
    static const struct {
        const char *channel;
        unsigned allowed;
    } channels[] = {
        {"news", PERMISSION_SUBSCRIBE},
        {"a*", PERMISSION_SUBSCRIBE}, /* a channel of that very name */
        {"ab", 0},
        {"chat:", PERMISSION_SUBSCRIBE | PERMISSION_PUBLISH},
        {"chat:1", PERMISSION_SUBSCRIBE | PERMISSION_PUBLISH},
        {"x", PERMISSION_SUBSCRIBE | PERMISSION_PUBLISH},
        {"y*", PERMISSION_HISTORY | PERMISSION_PRESENCE},
        {"yz", 0},
    };
    static const enum permission all[] = {PERMISSION_SUBSCRIBE, PERMISSION_PUBLISH, PERMISSION_PRESENCE,
                                          PERMISSION_HISTORY};
    for (size_t i = 0; i < COUNT(channels); i++) {
        unsigned allowed = 0;
        for (size_t j = 0; j < COUNT(all); j++) {
            if (permissions_allow(permissions, NULL, all[j], channels[i].channel, strlen(channels[i].channel))) {
                allowed |= all[j];
            }
        }
        ck_assert_msg(allowed == channels[i].allowed, "%s: %u", channels[i].channel, allowed);
    }
    identity_free(&identity);
    ck_assert_ptr_null(identity);
    identity_free(&identity);
}
END_TEST

START_TEST(test_plain_identity)
{
    char token[TOKEN_SIZE];
    struct identity *identity = NULL;
    policy.require_expiry = false;
    (void)make_token(token, "{\"alg\":\"HS256\"}", "{\"user_id\":-9223372036854775808}", keys[KEY_A]);
    ck_assert_int_eq(check(token, &identity), TOKEN_OK_VERDICT);
    ck_assert_str_eq(identity->user, "-9223372036854775808");
    ck_assert_str_eq(identity->token_id, "");
    ck_assert_str_eq(identity->issuer, "");
    ck_assert_int_eq(identity->issued_at_s, IDENTITY_NO_TIME);
    ck_assert_int_eq(identity->expires_at_s, IDENTITY_FOREVER);
    ck_assert(permissions_allow_endpoint(&identity->permissions, "/any"));
    ck_assert(!permissions_allow(&identity->permissions, NULL, PERMISSION_SUBSCRIBE, "x", 1));
    identity_free(&identity);
}
END_TEST

/* No endpoint is something else than any. */
START_TEST(test_no_endpoint)
{
    char token[TOKEN_SIZE];
    struct identity *identity = NULL;
    policy.require_expiry = false;
    (void)make_token(token, "{\"alg\":\"HS256\"}", "{\"sub\":\"u\",\"endpoints\":[]}", keys[KEY_A]);
    ck_assert_int_eq(check(token, &identity), TOKEN_OK_VERDICT);
    ck_assert(!permissions_allow_endpoint(&identity->permissions, "/"));
    identity_free(&identity);
}
END_TEST

/* ---- explaining ---- */

struct steps {
    char names[256];
    unsigned failed;
    bool told_last;
};

static void note(void *steps_pointer, const char *check_name, bool passed, const char *detail)
{
    struct steps *steps = steps_pointer;
    const size_t used = strlen(steps->names);
    (void)snprintf(steps->names + used, sizeof(steps->names) - used, "%s ", check_name);
    steps->failed += !passed;
    steps->told_last = !passed;
    ck_assert_ptr_null(strstr(detail, SECRET_A));
}

START_TEST(test_explain)
{
    char text[TOKEN_SIZE];
    char token[TOKEN_SIZE];
    struct identity *identity = NULL;
    struct steps steps = {0};
    expand(text, GOOD);
    size_t size = make_token(token, "{\"alg\":\"HS256\"}", text, keys[KEY_A]);
    ck_assert_int_eq(token_explain(&policy, &context, token, size, NOW_S, note, &steps, &identity), TOKEN_OK_VERDICT);
    ck_assert_str_eq(steps.names, "size form key signature payload exp nbf iat lifetime iss aud user permissions "
                                  "revocation ");
    ck_assert_uint_eq(steps.failed, 0);
    identity_free(&identity);
    /* Whatever is refused, the last step says so, and only that one. */
    for (size_t i = 0; i < COUNT(payload_cases); i++) {
        steps = (struct steps){0};
        expand(text, payload_cases[i].payload);
        size = make_token(token, "{\"alg\":\"HS256\"}", text, keys[KEY_A]);
        ck_assert_int_eq(token_explain(&policy, &context, token, size, NOW_S, note, &steps, &identity),
                         payload_cases[i].verdict);
        ck_assert_uint_eq(steps.failed, payload_cases[i].verdict != TOKEN_OK_VERDICT);
        ck_assert(steps.told_last == (payload_cases[i].verdict != TOKEN_OK_VERDICT));
        identity_free(&identity);
    }
}
END_TEST

/* ---- memory ---- */

static unsigned failing; /* which allocation from now on fails, from 1 on; 0: none does */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return failing > 0 && --failing == 0 ? NULL : __real_malloc(size);
}

/* Whichever allocation of ours fails: a clean answer, and the next token is looked at as ever. */
START_TEST(test_no_memory)
{
    char text[TOKEN_SIZE];
    char token[TOKEN_SIZE];
    struct identity *identity = NULL;
    unsigned refused = 0;
    expand(text, GOOD);
    (void)make_token(token, "{\"alg\":\"HS256\"}", text, keys[KEY_A]);
    for (unsigned i = 1; identity == NULL; i++) {
        failing = i;
        const enum token_verdict verdict = token_check(&policy, &context, token, strlen(token), NOW_S, &identity);
        failing = 0; /* what judges it takes memory, too */
        refused += verdict == TOKEN_NO_MEMORY_VERDICT;
        ck_assert(verdict == TOKEN_NO_MEMORY_VERDICT || verdict == TOKEN_OK_VERDICT);
    }
    ck_assert_uint_ge(refused, 2); /* the token's parts, the identity */
    identity_free(&identity);
    ck_assert_int_eq(check(token, &identity), TOKEN_OK_VERDICT);
    identity_free(&identity);
}
END_TEST

/* ---- the tables ---- */

/* A verdict that no row reaches would be one that no token gets, or that nobody has tried. */
START_TEST(test_every_verdict)
{
    bool reached[TOKEN_VERDICT_COUNT] = {
        [TOKEN_TOO_LARGE_VERDICT] = true,    /* test_size */
        [TOKEN_KEY_FETCHING_VERDICT] = true, /* test_key_sets */
        [TOKEN_REVOKED_VERDICT] = true,      /* test_revocations */
        [TOKEN_NO_MEMORY_VERDICT] = true,    /* test_no_memory */
    };
    for (size_t i = 0; i < COUNT(header_cases); i++) {
        reached[header_cases[i].verdict] = true;
    }
    for (size_t i = 0; i < COUNT(payload_cases); i++) {
        reached[payload_cases[i].verdict] = true;
    }
    for (size_t i = 0; i < COUNT(policy_cases); i++) {
        reached[policy_cases[i].verdict] = true;
    }
    for (size_t i = 0; i < COUNT(syntax_cases); i++) {
        reached[syntax_cases[i].verdict] = true;
    }
    for (size_t i = 0; i < TOKEN_VERDICT_COUNT; i++) {
        ck_assert_msg(reached[i], "%s", token_verdict_label((enum token_verdict)i));
    }
}
END_TEST

START_TEST(test_verdicts)
{
    for (size_t i = 0; i < TOKEN_VERDICT_COUNT; i++) {
        const enum token_verdict verdict = (enum token_verdict)i;
        const char *sentence = token_verdict_sentence(verdict);
        ck_assert_int_eq(sentence[strlen(sentence) - 1], '.');
        ck_assert_uint_gt(strlen(token_verdict_label(verdict)), 0);
        for (size_t j = 0; j < i; j++) {
            ck_assert_str_ne(token_verdict_label(verdict), token_verdict_label((enum token_verdict)j));
        }
        /* Who has no genuine token is not told anything about it. */
        ck_assert((token_verdict_answer(verdict) == TOKEN_EXPIRED) == (verdict == TOKEN_EXPIRED_VERDICT));
        ck_assert((token_verdict_answer(verdict) == TOKEN_ACCEPTED) == (verdict == TOKEN_OK_VERDICT));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("token");
    TCase *core = tcase_create("core");
    TCase *limits = tcase_create("limits");
    TCase *hostile = tcase_create("hostile");
    tcase_add_checked_fixture(core, set_up, tear_down);
    tcase_add_checked_fixture(limits, set_up, tear_down);
    tcase_add_checked_fixture(hostile, set_up, tear_down);
    tcase_add_test(core, test_key_sets);
    tcase_add_test(core, test_shared_key_id);
    tcase_add_test(core, test_revocations);
    tcase_add_test(core, test_identity);
    tcase_add_test(core, test_plain_identity);
    tcase_add_test(core, test_no_endpoint);
    tcase_add_test(core, test_explain);
    tcase_add_test(core, test_every_verdict);
    tcase_add_test(core, test_verdicts);
    tcase_add_loop_test(core, test_policies, 0, (int)COUNT(policy_cases));
    tcase_add_test(limits, test_size);
    tcase_add_test(limits, test_keys_tried);
    tcase_add_test(limits, test_no_memory);
    tcase_add_loop_test(hostile, test_headers, 0, (int)COUNT(header_cases));
    tcase_add_loop_test(hostile, test_payloads, 0, (int)COUNT(payload_cases));
    tcase_add_loop_test(hostile, test_syntax, 0, (int)COUNT(syntax_cases));
    suite_add_tcase(suite, core);
    suite_add_tcase(suite, limits);
    suite_add_tcase(suite, hostile);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
