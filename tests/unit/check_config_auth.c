/*
 * Tests of config: keys and their files, key sets, and what endpoints say of tokens, origins and permissions.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "auth/key.h"
#include "auth/keyring.h"
#include "server/config/parse.h"
#include "server/config/report.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SECRET_32    "0123456789abcdef0123456789abcdef"
#define LOOPBACK     "listeners = ( { address = \"127.0.0.1:0\"; } ); "
#define KEYS(text) \
    "state_dir = \"@\"; auth = { keys = ( { id = \"k\"; " text " } ); }; endpoints = ( { path = \"/\"; } );"

static char seen[4 * REPORT_LINE_SIZE];
static char folder[] = "/tmp/check_config_auth_XXXXXX";

static void show(void *context, bool is_error, const char *line)
{
    (void)context;
    size_t used = strlen(seen);
    (void)snprintf(seen + used, sizeof(seen) - used, "%s%s\n", is_error ? "" : "warning: ", line);
}

static const char *in_folder(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_text(const char *name, mode_t mode, const char *text)
{
    FILE *file = fopen(in_folder(name), "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(in_folder(name), mode), 0);
}

static void write_key(const char *name, mode_t mode, EVP_PKEY *key, bool private)
{
    FILE *file = fopen(in_folder(name), "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(
        private ? PEM_write_PKCS8PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) : PEM_write_PUBKEY(file, key), 1);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(in_folder(name), mode), 0);
}

static const char *const names[] = {"good", "short", "open", "empty", "line", "ec.pub", "ec.key", "ec.open", "junk"};

static void make_folder(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/check_config_auth_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    write_text("good", 0600, SECRET_32);
    write_text("line", 0600, SECRET_32 "\n");
    write_text("short", 0600, "secret");
    write_text("open", 0640, SECRET_32);
    write_text("empty", 0600, "");
    write_text("junk", 0644, "no key");
    EVP_PKEY *key = EVP_EC_gen("P-256");
    ck_assert_ptr_nonnull(key);
    write_key("ec.pub", 0644, key, false);
    write_key("ec.key", 0600, key, true);
    write_key("ec.open", 0644, key, true);
    EVP_PKEY_free(key);
}

static void remove_folder(void)
{
    for (size_t i = 0; i < COUNT(names); i++) {
        (void)remove(in_folder(names[i]));
    }
    ck_assert_int_eq(rmdir(folder), 0);
}

/* Parses `text`, in which "@" stands for the folder that everything is in, with files. */
static const struct config *parse(const char *text)
{
    char expanded[4096];
    size_t used = 0;
    for (; *text != '\0'; text++) {
        used += (size_t)snprintf(expanded + used, sizeof(expanded) - used, *text == '@' ? "%s" : "%.1s",
                                 *text == '@' ? folder : text);
        ck_assert_uint_lt(used, sizeof(expanded));
    }
    seen[0] = '\0';
    return config_parse(expanded, used, in_folder("p.conf"), true, show, NULL);
}

static const struct {
    const char *text;
    const char *reported; /* a part of it; "" when nothing is */
    size_t keys;          /* in the policy, where nothing is */
} key_cases[] = {
    {KEYS("algorithm = \"HS256\"; secret_file = \"good\";"), "", 1},
    {KEYS("algorithm = \"HS256\"; secret_file = \"line\";"), "", 1},
    {KEYS("algorithm = \"HS256\"; secret_file = \"made_later\";"), "", 0},
    {KEYS("algorithm = \"HS256\"; secret_file = \"short\"; weak = true;"), "", 1},
    {KEYS("algorithm = \"HS256\"; secret_file = \"short\";"), "auth.keys[0].secret_file: @/short ", 0},
    {KEYS("algorithm = \"HS512\"; secret_file = \"good\";"), "auth.keys[0].secret_file: @/good ", 0},
    {KEYS("algorithm = \"HS256\"; secret_file = \"empty\"; weak = true;"), "auth.keys[0].secret_file: @/empty ", 0},
    {KEYS("algorithm = \"HS256\"; secret_file = \"open\";"),
     "auth.keys[0].secret_file: @/open is open to group or others (chmod 600); its mode is 0640", 0},
    {KEYS("algorithm = \"HS256\";"), "auth.keys[0].secret_file: missing; HS256 wants one", 0},
    {KEYS("algorithm = \"HS256\"; secret_file = \"good\"; public_key_file = \"ec.pub\";"),
     "auth.keys[0].public_key_file: not for HS256", 0},
    {KEYS("algorithm = \"HS256\"; secret_file = \"good\"; private_key_file = \"ec.key\";"),
     "auth.keys[0].private_key_file: not for HS256", 0},
    {KEYS("algorithm = \"ES256\"; public_key_file = \"ec.pub\";"), "", 1},
    {KEYS("algorithm = \"ES256\"; private_key_file = \"ec.key\";"), "", 1},
    /* Where there is a public key, nobody needs to be able to read the private one. */
    {KEYS("algorithm = \"ES256\"; public_key_file = \"ec.pub\"; private_key_file = \"absent\";"), "", 1},
    {KEYS("algorithm = \"ES256\"; private_key_file = \"ec.open\";"),
     "auth.keys[0].private_key_file: @/ec.open is open to group or others", 0},
    {KEYS("algorithm = \"ES256\"; private_key_file = \"absent\";"),
     "auth.keys[0].private_key_file: @/absent does not exist", 0},
    {KEYS("algorithm = \"ES256\"; public_key_file = \"absent\";"),
     "auth.keys[0].public_key_file: @/absent cannot be read: No such file or directory", 0},
    {KEYS("algorithm = \"ES256\"; public_key_file = \"ec.open\";"),
     "auth.keys[0].public_key_file: @/ec.open holds a private key: name it private_key_file", 0},
    {KEYS("algorithm = \"ES256\"; public_key_file = \"junk\";"), "auth.keys[0].public_key_file: @/junk ", 0},
    {KEYS("algorithm = \"ES384\"; public_key_file = \"ec.pub\";"), "auth.keys[0].public_key_file: @/ec.pub ", 0},
    {KEYS("algorithm = \"RS256\"; public_key_file = \"ec.pub\";"), "auth.keys[0].public_key_file: @/ec.pub ", 0},
    {KEYS("algorithm = \"ES256\";"), "auth.keys[0].public_key_file: missing; ES256 wants it, or private_key_file", 0},
    {KEYS("algorithm = \"ES256\"; secret_file = \"good\"; public_key_file = \"ec.pub\";"),
     "auth.keys[0].secret_file: not for ES256", 0},
    {KEYS("algorithm = \"ES256\"; public_key_file = \"ec.pub\"; weak = true;"),
     "auth.keys[0].weak: not for ES256: it is about secrets", 0},
    {"endpoints = ( { path = \"/\"; } ); auth = { jwks = ( { url = \"https://a.example/\"; }, "
     "{ url = \"https://a.example/\"; } ); };",
     "auth.jwks[1].url: \"https://a.example/\" is taken by element 0 already", 0},
    {"endpoints = ( { path = \"/\"; } ); auth = { jwks = ( { url = \"https://a.example/\"; ca_file = \"absent\"; } ); "
     "};",
     "auth.jwks[0].ca_file: @/absent cannot be read: No such file or directory", 0},
    {"endpoints = ( { path = \"/\"; } ); auth = { jwks = ( { url = \"https://a.example/\"; ttl = 60; max_age = 59; } "
     "); };",
     "auth.jwks[0].max_age: less than ttl", 0},
};

START_TEST(test_keys)
{
    const char *wanted = key_cases[_i].reported;
    const struct config *config = parse(key_cases[_i].text);
    if (wanted[0] == '\0') {
        ck_assert_str_eq(seen, "");
        ck_assert_ptr_nonnull(config);
        ck_assert_uint_eq(keyring_count(config->auth.policy.keys), key_cases[_i].keys);
    } else {
        char expanded[REPORT_LINE_SIZE];
        const char *at = strchr(wanted, '@');
        (void)snprintf(expanded, sizeof(expanded), "%.*s%s%s", at != NULL ? (int)(at - wanted) : (int)strlen(wanted),
                       wanted, at != NULL ? folder : "", at != NULL ? at + 1 : "");
        ck_assert_ptr_null(config);
        ck_assert_msg(strstr(seen, expanded) != NULL, "%s in %s", expanded, seen);
        ck_assert_ptr_eq(strchr(seen, '\n'), seen + strlen(seen) - 1); /* one line */
        ck_assert_ptr_null(strstr(seen, SECRET_32));
    }
    config_unref(&config);
}
END_TEST

START_TEST(test_policy)
{
    const struct config *config = parse(
        LOOPBACK "state_dir = \"@\"; endpoints = ( { path = \"/\"; } ); auth = { keys = (\n"
                 " { id = \"a\"; algorithm = \"HS256\"; secret_file = \"good\"; issuer = \"i\"; audience = \"u\"; },\n"
                 " { id = \"b\"; algorithm = \"ES256\"; public_key_file = \"ec.pub\"; } );\n"
                 " issuers = [ \"x\", \"y\" ]; audiences = [ \"z\" ]; user_claims = [ \"email\" ];\n"
                 " require_expiry = false; leeway = \"1500ms\"; max_token_lifetime = \"1h\"; max_token = 1024; };");
    ck_assert_str_eq(seen, "");
    const struct token_policy *policy = &config->auth.policy;
    ck_assert_uint_eq(keyring_count(policy->keys), 2);
    const struct key *key = keyring_key(policy->keys, 0);
    ck_assert_str_eq(key_id(key), "a");
    ck_assert_int_eq(key_algorithm(key), ALGORITHM_HS256);
    ck_assert_str_eq(key_issuer(key), "i");
    ck_assert_str_eq(key_audience(key), "u");
    ck_assert_int_eq(key_algorithm(keyring_key(policy->keys, 1)), ALGORITHM_ES256);
    ck_assert_uint_eq(policy->issuer_count, 2);
    ck_assert_str_eq(policy->issuers[1], "y");
    ck_assert_uint_eq(policy->audience_count, 1);
    ck_assert_str_eq(policy->audiences[0], "z");
    ck_assert_uint_eq(policy->user_claim_count, 1);
    ck_assert_str_eq(policy->user_claims[0], "email");
    ck_assert(!policy->require_expiry);
    ck_assert_int_eq(policy->leeway_s, 2); /* rather more than less */
    ck_assert_int_eq(policy->max_lifetime_s, 3600);
    ck_assert_uint_eq(policy->max_size, 1024);
    config_unref(&config);
}
END_TEST

START_TEST(test_policy_defaults)
{
    const struct config *config = parse("endpoints = ( { path = \"/\"; } );");
    ck_assert_str_eq(seen, "");
    const struct token_policy *policy = &config->auth.policy;
    ck_assert_uint_eq(keyring_count(policy->keys), 0);
    ck_assert_uint_eq(policy->issuer_count + policy->audience_count, 0);
    ck_assert_uint_eq(policy->user_claim_count, 2);
    ck_assert_str_eq(policy->user_claims[0], "sub");
    ck_assert_str_eq(policy->user_claims[1], "user_id");
    ck_assert(policy->require_expiry);
    ck_assert_int_eq(policy->leeway_s, 0);
    ck_assert_int_eq(policy->max_lifetime_s, 30 * 24 * 3600);
    ck_assert_uint_eq(policy->max_size, 8192);
    const struct config_endpoint *endpoint = &config->endpoints[0];
    ck_assert_uint_eq(endpoint->token_sources, CONFIG_TOKEN_HEADER | CONFIG_TOKEN_SUBPROTOCOL | CONFIG_TOKEN_MESSAGE);
    ck_assert_uint_eq(endpoint->defaults.rule_count, 0);
    ck_assert_uint_eq(endpoint->origin_count, 0);
    config_unref(&config);
}
END_TEST

START_TEST(test_endpoint)
{
    const struct config *config =
        parse(LOOPBACK
              "endpoints = ( { path = \"/\"; token_sources = [ \"query\", \"header\" ]; query_parameter = \"t\";\n"
              " origins = [ \"https://app.example\", \"https://*.example:8443\", \"null\" ];\n"
              " permissions = { subscribe = [ \"news\", \"chat:*\" ]; publish = [ \"chat:*\" ]; presence = [ \"p\" ];\n"
              " history = [ \"h\" ]; }; } );");
    ck_assert_str_eq(seen, "");
    const struct config_endpoint *endpoint = &config->endpoints[0];
    ck_assert_uint_eq(endpoint->token_sources, CONFIG_TOKEN_QUERY | CONFIG_TOKEN_HEADER);
    ck_assert_str_eq(endpoint->query_parameter, "t");
    ck_assert_uint_eq(endpoint->origin_count, 3);
    ck_assert_ptr_null(endpoint->defaults.endpoints);
    static const struct permission_rule rules[] = {
        {"news", false, PERMISSION_SUBSCRIBE}, {"chat:*", true, PERMISSION_SUBSCRIBE},
        {"chat:*", true, PERMISSION_PUBLISH},  {"p", false, PERMISSION_PRESENCE},
        {"h", false, PERMISSION_HISTORY},
    };
    ck_assert_uint_eq(endpoint->defaults.rule_count, COUNT(rules));
    for (size_t i = 0; i < COUNT(rules); i++) {
        ck_assert_str_eq(endpoint->defaults.rules[i].pattern, rules[i].pattern);
        ck_assert(endpoint->defaults.rules[i].wildcard == rules[i].wildcard);
        ck_assert_uint_eq(endpoint->defaults.rules[i].allowed, rules[i].allowed);
    }
    config_unref(&config);
}
END_TEST

static const struct {
    const char *text;
    const char *reported; /* parts of it; NULL where there are fewer */
    const char *more;
} endpoint_cases[] = {
    {LOOPBACK "endpoints = ( { path = \"/\"; token_sources = [ \"header\", \"cookie\" ]; } );",
     "endpoints[0].token_sources[1]: expected \"header\", \"subprotocol\", \"message\" or \"query\"", NULL},
    {LOOPBACK "endpoints = ( { path = \"/\"; token_sources = [ \"header\", \"header\" ]; } );",
     "endpoints[0].token_sources[1]: \"header\" is taken by element 0 already", NULL},
    {LOOPBACK "endpoints = ( { path = \"/\"; token_sources = [ ]; } );",
     "endpoints[0].token_sources: expected 1 elements at least, found 0", NULL},
    {LOOPBACK "endpoints = ( { path = \"/\"; origins = [ \"null\", \"null\" ]; } );",
     "endpoints[0].origins[1]: \"null\" is taken by element 0 already", NULL},
    {LOOPBACK "endpoints = ( { path = \"/\"; origins = [ \"https://a.example/\" ]; } );",
     "endpoints[0].origins[0]: expected", NULL},
    {LOOPBACK "endpoints = ( { path = \"/\"; auth = \"token\"; } );",
     "warning: @/p.conf:1: endpoints[0].auth: auth.keys and auth.jwks are empty", NULL},
    {"endpoints = ( { path = \"/\"; auth = \"token\"; } ); auth = { jwks = ( { url = \"https://a.example/\"; } ); };",
     "warning: @/p.conf:1: endpoints[0].auth: tokens cross the network unencrypted: listeners[0]", NULL},
    {LOOPBACK "endpoints = ( { path = \"/\"; auth = \"token\"; token_sources = [ \"query\" ]; } );\n"
              "auth = { jwks = ( { url = \"https://a.example/\"; } ); };",
     "warning: @/p.conf:1: endpoints[0].token_sources: \"query\": URLs are kept", NULL},
    {"listeners = ( { address = \"[::1]:0\"; }, { address = \"192.0.2.1:0\"; } );\n"
     "endpoints = ( { path = \"/\"; auth = \"token\"; token_sources = [ \"query\" ]; } );",
     "listeners[1] is neither TLS nor loopback", "endpoints[0].token_sources: \"query\""},
};

START_TEST(test_endpoint_reports)
{
    const char *const parts[] = {endpoint_cases[_i].reported, endpoint_cases[_i].more};
    const struct config *config = parse(endpoint_cases[_i].text);
    for (size_t i = 0; i < COUNT(parts) && parts[i] != NULL; i++) {
        const char *at = strchr(parts[i], '@');
        const char *tail = at != NULL ? at + 1 : parts[i];
        ck_assert_msg(strstr(seen, tail) != NULL, "%s in %s", tail, seen);
    }
    ck_assert((config == NULL) == (strstr(seen, "warning: ") == NULL));
    config_unref(&config);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_auth");
    TCase *core = tcase_create("core");
    TCase *hostile = tcase_create("hostile");
    tcase_add_checked_fixture(core, make_folder, remove_folder);
    tcase_add_checked_fixture(hostile, make_folder, remove_folder);
    tcase_add_test(core, test_policy);
    tcase_add_test(core, test_policy_defaults);
    tcase_add_test(core, test_endpoint);
    tcase_add_loop_test(hostile, test_keys, 0, (int)COUNT(key_cases));
    tcase_add_loop_test(hostile, test_endpoint_reports, 0, (int)COUNT(endpoint_cases));
    suite_add_tcase(suite, core);
    suite_add_tcase(suite, hostile);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
