/*
 * check_audit - what the main log and the audit file get of each kind of field, by the policy. Keys, labels and the text that is
 * digested are held against digest.h; an independent program recomputes all of it in tests/integration/test_audit.py.
 */
#include "server/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "runner.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char key[] = "0123456789abcdef0123456789abcdef";
static char folder[] = "/tmp/check_audit_XXXXXX";
static struct log *audit_log;
static struct audit_policy policy;

static void enter(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/check_audit_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    policy = (struct audit_policy){.users = AUDIT_NAMES_PLAIN};
}

static void leave(void)
{
    audit_release(&policy);
    (void)remove("main");
    (void)remove("audit");
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void open_log(enum log_level level, const char *audit_name)
{
    const struct log_config config = {.level = level, .format = LOG_JSON, .file = "main", .audit_file = audit_name};
    char error[256];
    audit_log = log_open(&config, error, sizeof(error));
    ck_assert_msg(audit_log != NULL, "%s", error);
}

/* Closes the log first. The whole file; "" when there is none. Valid until the next call. */
static const char *content_of(const char *name)
{
    static char content[64 * 1024];
    log_close(&audit_log, 5000);
    FILE *file = fopen(name, "r");
    size_t size = file == NULL ? 0 : fread(content, 1, sizeof(content) - 1, file);
    content[size] = '\0';
    if (file != NULL) {
        ck_assert_int_eq(fclose(file), 0);
    }
    return content;
}

static void ck_has(const char *name, const char *part)
{
    const char *content = content_of(name);
    ck_assert_msg(strstr(content, part) != NULL, "%s lacks %s: %s", name, part, content);
}

static void ck_lacks(const char *name, const char *part)
{
    const char *content = content_of(name);
    ck_assert_msg(strstr(content, part) == NULL, "%s has %s: %s", name, part, content);
}

static struct address address_of(const char *text)
{
    struct address address;
    ck_assert_int_eq(address_parse(text, strlen(text), &address), ADDRESS_OK);
    return address;
}

static void write_line(const struct address *address)
{
    audit_event(audit_log, &policy, LOG_INFO, "line", audit_plain(log_u64("session", 7)), audit_peer(address, 4711),
                audit_user("user", "alice"), audit_user("nobody", NULL), audit_user("empty", ""),
                audit_free(log_str("path", "/what/ever")));
}

static void prepare(enum audit_names users, enum audit_names addresses, bool keyed)
{
    policy.users = users;
    policy.addresses = addresses;
    ck_assert(audit_prepare(&policy, keyed ? key : NULL, keyed ? strlen(key) : 0));
}

START_TEST(plain)
{
    const struct address address = address_of("2001:db8::1");
    prepare(AUDIT_NAMES_PLAIN, AUDIT_NAMES_PLAIN, true);
    ck_assert_ptr_null(policy.user_digest);
    open_log(LOG_INFO, "audit");
    write_line(&address);
    static const char fields[] = "\"event\":\"line\",\"session\":7,\"peer\":\"[2001:db8::1]:4711\",\"user\":\"alice\","
                                 "\"nobody\":null,\"empty\":\"\",\"path\":\"/what/ever\"}";
    ck_has("main", fields);
    ck_has("audit", fields);
}
END_TEST

/* An IPv4 address is the same as itself mapped into IPv6, and no port is with it. */
START_TEST(digests)
{
    static const char *const texts[] = {"192.0.2.1", "::ffff:192.0.2.1"};
    const struct address address = address_of(texts[_i]);
    struct digest *users = digest_create_labelled("portcullis audit user\n", key, strlen(key));
    struct digest *addresses = digest_create_labelled("portcullis audit address\n", key, strlen(key));
    char user[DIGEST_TEXT_SIZE];
    char peer[DIGEST_TEXT_SIZE];
    char expected[512];
    ck_assert(users != NULL && digest_of(users, "alice", 5, user));
    ck_assert(addresses != NULL && digest_of(addresses, "192.0.2.1", 9, peer));
    (void)snprintf(expected, sizeof(expected),
                   "\"session\":7,\"peer\":\"%s\",\"user\":\"%s\",\"nobody\":null,\"empty\":\"\"}", peer, user);
    prepare(AUDIT_NAMES_DIGEST, AUDIT_NAMES_DIGEST, true);
    open_log(LOG_INFO, "audit");
    write_line(&address);
    ck_has("audit", expected);
    ck_has("main", "\"peer\":\"192.0.2.1:4711\",\"user\":\"alice\"");
    digest_destroy(&users);
    digest_destroy(&addresses);
}
END_TEST

/* One of the two alone: the other is as it is, but free text goes. */
START_TEST(one_of_two)
{
    const struct address address = address_of("192.0.2.1");
    prepare(_i == 0 ? AUDIT_NAMES_DIGEST : AUDIT_NAMES_PLAIN, _i == 0 ? AUDIT_NAMES_PLAIN : AUDIT_NAMES_DIGEST, false);
    open_log(LOG_INFO, "audit");
    write_line(&address);
    ck_has("audit", _i == 0 ? "\"peer\":\"192.0.2.1:4711\",\"user\":\"sha256:2bd806c97f0e00af1a1fc3328fa763a9269723c8"
                              "db8fac4f93af71db186d6e90\""
                            : "\"peer\":\"sha256:37fcff24bf62035b2b08020afc08b4fecd4fcffce57ab23518e3561ff0fe76b9\","
                              "\"user\":\"alice\"");
    ck_lacks("audit", "/what/ever");
}
END_TEST

START_TEST(parts_of_text)
{
    static const struct {
        const char *text;
        const char *plain;
    } prefixes[] = {{"192.0.2.1", "192.0.2.1"}, {"10.0.0.0/8", "10.0.0.0/8"}, {"2001:db8::/32", "2001:db8::/32"}};
    char text[AUDIT_TEXT_SIZE];
    char expected[DIGEST_TEXT_SIZE];
    struct digest *sha256 = digest_create(NULL, 0);
    for (size_t i = 0; i < COUNT(prefixes); i++) {
        struct prefix prefix;
        policy = (struct audit_policy){.users = AUDIT_NAMES_PLAIN};
        ck_assert_int_eq(prefix_parse(prefixes[i].text, strlen(prefixes[i].text), &prefix), ADDRESS_OK);
        ck_assert_str_eq(audit_prefix_text(&policy, &prefix, text), prefixes[i].plain);
        ck_assert_str_eq(audit_user_text(&policy, "alice", text), "alice");
        prepare(AUDIT_NAMES_DIGEST, AUDIT_NAMES_DIGEST, false);
        ck_assert(digest_of(sha256, prefixes[i].plain, strlen(prefixes[i].plain), expected));
        ck_assert_str_eq(audit_prefix_text(&policy, &prefix, text), expected);
        ck_assert(digest_of(sha256, "alice", 5, expected));
        ck_assert_str_eq(audit_user_text(&policy, "alice", text), expected);
        audit_release(&policy);
    }
    digest_destroy(&sha256);
}
END_TEST

START_TEST(messages)
{
    static const char none[] = "";
    policy.messages = (enum audit_messages)_i;
    prepare(AUDIT_NAMES_PLAIN, AUDIT_NAMES_PLAIN, false);
    open_log(LOG_INFO, "audit");
    const bool digested = policy.messages == AUDIT_MESSAGES_DIGEST;
    ck_assert_uint_eq(audit_message(audit_log, &policy, 9, true, true, "abc", 3), digested ? 3 : 0);
    ck_assert_uint_eq(audit_message(audit_log, &policy, 9, false, false, none, 0), 0);
    if (policy.messages == AUDIT_MESSAGES_NONE) {
        ck_lacks("audit", "message");
    } else if (!digested) {
        ck_has("audit", "\"event\":\"message\",\"session\":9,\"direction\":\"in\",\"type\":\"text\",\"delivered\":true,"
                        "\"size\":3}");
    } else {
        ck_has("audit", "\"type\":\"text\",\"delivered\":true,\"size\":3,\"digest\":\"sha256:"
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a"
                        "9cb410ff61f20015ad\"}");
        ck_has("audit", "\"type\":\"binary\",\"delivered\":false,\"size\":0,\"digest\":\"sha256:"
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b"
                        "934ca495991b7852b855\"}");
    }
    ck_lacks("main", "message");
}
END_TEST

/* ---- limits ---- */

/* The audit file is not concerned with the level of the main log, but events for debugging are not for it. */
START_TEST(levels)
{
    open_log(LOG_WARNING, "audit");
    audit_event(audit_log, &policy, LOG_INFO, "one", audit_user("user", "alice"));
    audit_event(audit_log, &policy, LOG_DEBUG, "two", audit_user("user", "alice"));
    audit_event_limited(audit_log, &policy, LOG_DEBUG, "three", NULL, audit_user("user", "alice"));
    audit_file(audit_log, &policy, "four", audit_user("user", "alice"));
    ck_has("audit", "\"one\"");
    ck_has("audit", "\"four\"");
    ck_lacks("audit", "\"two\"");
    ck_lacks("audit", "\"three\"");
    ck_lacks("main", "alice");
}
END_TEST

START_TEST(limited)
{
    open_log(_i == 0 ? LOG_INFO : LOG_ERROR, "audit");
    for (int i = 0; i < 1000; i++) {
        audit_event_limited(audit_log, &policy, LOG_INFO, "often", "cause", audit_plain(log_i64("n", i)));
    }
    ck_has("audit", "\"often\",\"n\":4}");
    ck_lacks("audit", "\"often\",\"n\":5}");
}
END_TEST

START_TEST(no_log)
{
    const struct address address = address_of("192.0.2.1");
    policy.messages = AUDIT_MESSAGES_DIGEST;
    prepare(AUDIT_NAMES_DIGEST, AUDIT_NAMES_DIGEST, true);
    audit_event(NULL, &policy, LOG_INFO, "line", audit_peer(&address, 1));
    audit_event_limited(NULL, &policy, LOG_INFO, "line", "key", audit_peer(&address, 1));
    ck_assert_uint_eq(audit_message(NULL, &policy, 1, true, true, "abc", 3), 0);
    open_log(LOG_INFO, "");
    ck_assert_uint_eq(audit_message(audit_log, &policy, 1, true, true, "abc", 3),
                      0); /* nothing is digested for nobody */
    ck_assert_str_eq(content_of("audit"), "");
}
END_TEST

/* ---- hostile ---- */

/* A key that is not there yet: null, never the text. */
START_TEST(no_digest_to_be_had)
{
    const struct address address = address_of("192.0.2.1");
    struct prefix prefix = prefix_of(&address, 128);
    char text[AUDIT_TEXT_SIZE];
    policy = (struct audit_policy){
        .messages = AUDIT_MESSAGES_DIGEST, .users = AUDIT_NAMES_DIGEST, .addresses = AUDIT_NAMES_DIGEST};
    open_log(LOG_ERROR, "audit");
    write_line(&address);
    (void)audit_message(audit_log, &policy, 1, true, true, "abc", 3);
    ck_assert_str_eq(audit_user_text(&policy, "alice", text), "-");
    ck_assert_str_eq(audit_prefix_text(&policy, &prefix, text), "-");
    ck_has("audit", "\"session\":7,\"peer\":null,\"user\":null,\"nobody\":null,\"empty\":\"\"}");
    ck_has("audit", "\"size\":3,\"digest\":null}");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("audit");
    TCase *core = tcase_create("core");
    tcase_add_checked_fixture(core, enter, leave);
    tcase_add_test(core, plain);
    tcase_add_loop_test(core, digests, 0, 2);
    tcase_add_loop_test(core, one_of_two, 0, 2);
    tcase_add_test(core, parts_of_text);
    tcase_add_loop_test(core, messages, AUDIT_MESSAGES_NONE, AUDIT_MESSAGES_DIGEST + 1);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_checked_fixture(limits, enter, leave);
    tcase_add_test(limits, levels);
    tcase_add_loop_test(limits, limited, 0, 2);
    tcase_add_test(limits, no_log);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_checked_fixture(hostile, enter, leave);
    tcase_add_test(hostile, no_digest_to_be_had);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
