/*
 * Tests of permissions: which channels a pattern is for, and how two sets of rules are taken together.
 */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/permissions.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool matches(const char *pattern, bool wildcard, const char *channel, size_t size)
{
    const struct permission_rule rule = {.pattern = pattern, .wildcard = wildcard, .allowed = PERMISSION_SUBSCRIBE};
    const struct permissions permissions = {.rules = &rule, .rule_count = 1};
    return permissions_allow(&permissions, NULL, PERMISSION_SUBSCRIBE, channel, size);
}

static const struct {
    const char *pattern;
    const char *channel;
    bool wildcard; /* whether it matches as a pattern */
    bool exact;    /* and as a name */
} cases[] = {
    {"a", "a", true, true},
    {"a", "b", false, false},
    {"a", "ab", false, false},
    {"ab", "a", false, false},
    {"a", "", false, false},
    {"*", "", true, false},
    {"*", "anything", true, false},
    {"*", "*", true, true},
    {"**", "", true, false},
    {"a*", "a", true, false},
    {"a*", "abc", true, false},
    {"a*", "ba", false, false},
    {"*a", "a", true, false},
    {"*a", "cba", true, false},
    {"*a", "ab", false, false},
    {"a*a", "a", false, false}, /* one letter is not two */
    {"a*a", "aa", true, false},
    {"ab*ba", "aba", false, false},
    {"ab*ba", "abba", true, false},
    {"chat:*", "chat:", true, false},
    {"chat:*", "chat:1", true, false},
    {"chat:*", "chat", false, false},
    {"chat:*", "Chat:1", false, false},
    {"*:news:*", "a:news:b", true, false},
    {"*:news:*", ":news:", true, false},
    {"*:news:*", "a:new:s:b", false, false},
    {"a*b*c", "abc", true, false},
    {"a*b*c", "acb", false, false},
    {"a*b*c", "aXbXbXc", true, false},
    {"*ab*ab*", "abab", true, false},
    {"*ab*ab*", "aab", false, false},
    {"*aab", "aaaab", true, false},
    {"a?", "ab", false, false},
    {"[ab]", "a", false, false},
    {"\xc3\xbc*",
     "\xc3\xbc"
     "ber",
     true, false},
};

START_TEST(test_patterns)
{
    const char *channel = cases[_i].channel;
    ck_assert(matches(cases[_i].pattern, true, channel, strlen(channel)) == cases[_i].wildcard);
    ck_assert(matches(cases[_i].pattern, false, channel, strlen(channel)) == cases[_i].exact);
}
END_TEST

/* By the book, and exponential: the twin that the real one is compared with. */
static bool twin(const char *pattern, const char *channel, size_t size) /* NOLINT(misc-no-recursion) */
{
    if (*pattern == '\0') {
        return size == 0;
    }
    if (*pattern == '*') {
        for (size_t skipped = 0; skipped <= size; skipped++) {
            if (twin(pattern + 1, channel + skipped, size - skipped)) {
                return true;
            }
        }
        return false;
    }
    return size > 0 && *pattern == *channel && twin(pattern + 1, channel + 1, size - 1);
}

static uint64_t state = 1;

static unsigned draw(unsigned bound)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(state >> 33) % bound;
}

START_TEST(test_twin)
{
    unsigned matched = 0;
    for (unsigned i = 0; i < 200000; i++) {
        char pattern[9];
        char channel[13];
        const size_t pattern_size = draw(sizeof(pattern));
        const size_t channel_size = draw(sizeof(channel));
        for (size_t j = 0; j < pattern_size; j++) {
            pattern[j] = "ab*"[draw(3)];
        }
        pattern[pattern_size] = '\0';
        for (size_t j = 0; j < channel_size; j++) {
            channel[j] = "ab"[draw(2)];
        }
        const bool wanted = twin(pattern, channel, channel_size);
        ck_assert_msg(matches(pattern, true, channel, channel_size) == wanted, "%s for %.*s", pattern,
                      (int)channel_size, channel);
        matched += wanted;
    }
    ck_assert_uint_gt(matched, 1000);
}
END_TEST

/* What takes a matcher that backtracks longer than there is time: the test's own limit of time holds it to that. */
START_TEST(test_long)
{
    static char pattern[65536];
    static char channel[65536];
    memset(channel, 'a', sizeof(channel));
    for (size_t i = 0; i + 2 < sizeof(pattern); i += 2) {
        pattern[i] = '*';
        pattern[i + 1] = 'a';
    }
    pattern[sizeof(pattern) - 2] = 'b';
    ck_assert(!matches(pattern, true, channel, sizeof(channel)));
    channel[sizeof(channel) - 1] = 'b';
    ck_assert(matches(pattern, true, channel, sizeof(channel)));
    /* A part that almost matches everywhere. */
    memset(pattern, 'a', sizeof(pattern));
    pattern[0] = '*';
    pattern[32768] = 'b';
    pattern[32769] = '*';
    pattern[32770] = '\0';
    memset(channel, 'a', sizeof(channel));
    ck_assert(!matches(pattern, true, channel, sizeof(channel)));
}
END_TEST

/* A channel has a size, not a NUL at its end. */
START_TEST(test_bytes)
{
    ck_assert(matches("a*", true, "a\0b", 3));
    ck_assert(!matches("a", true, "a\0b", 3));
    ck_assert(!matches("a", false, "a\0", 2));
    ck_assert(matches("*b", true, "a\0b", 3));
    ck_assert(matches("a", false, "ab", 1));
}
END_TEST

START_TEST(test_merge)
{
    static const struct permission_rule own[] = {{"a", false, PERMISSION_SUBSCRIBE},
                                                 {"c*", true, PERMISSION_PUBLISH | PERMISSION_HISTORY}};
    static const struct permission_rule general[] = {{"b", false, PERMISSION_SUBSCRIBE},
                                                     {"a", false, PERMISSION_PRESENCE}};
    const struct permissions token = {.rules = own, .rule_count = COUNT(own)};
    const struct permissions endpoint = {.rules = general, .rule_count = COUNT(general)};
    ck_assert(permissions_allow(&token, &endpoint, PERMISSION_SUBSCRIBE, "a", 1));
    ck_assert(permissions_allow(&token, &endpoint, PERMISSION_SUBSCRIBE, "b", 1));
    ck_assert(permissions_allow(&token, &endpoint, PERMISSION_PRESENCE, "a", 1));
    ck_assert(permissions_allow(&token, &endpoint, PERMISSION_HISTORY, "cc", 2));
    ck_assert(!permissions_allow(&token, &endpoint, PERMISSION_PUBLISH, "a", 1));
    ck_assert(!permissions_allow(&token, &endpoint, PERMISSION_PRESENCE, "b", 1));
    ck_assert(!permissions_allow(&token, &endpoint, PERMISSION_SUBSCRIBE, "cc", 2));
    ck_assert(permissions_allow(NULL, &endpoint, PERMISSION_SUBSCRIBE, "b", 1));
    ck_assert(!permissions_allow(NULL, &endpoint, PERMISSION_SUBSCRIBE, "a", 1));
    ck_assert(!permissions_allow(NULL, NULL, PERMISSION_SUBSCRIBE, "a", 1));
}
END_TEST

START_TEST(test_endpoints)
{
    static const char *const paths[] = {"/", "/a"};
    const struct permissions any = {0};
    const struct permissions some = {.endpoints = paths, .endpoint_count = COUNT(paths)};
    const struct permissions none = {.endpoints = paths, .endpoint_count = 0};
    ck_assert(permissions_allow_endpoint(&any, "/x"));
    ck_assert(permissions_allow_endpoint(&some, "/"));
    ck_assert(permissions_allow_endpoint(&some, "/a"));
    ck_assert(!permissions_allow_endpoint(&some, "/A"));
    ck_assert(!permissions_allow_endpoint(&some, "/a/"));
    ck_assert(!permissions_allow_endpoint(&none, "/"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("permissions");
    TCase *core = tcase_create("core");
    TCase *hostile = tcase_create("hostile");
    tcase_add_loop_test(core, test_patterns, 0, (int)COUNT(cases));
    tcase_add_test(core, test_twin);
    tcase_add_test(core, test_merge);
    tcase_add_test(core, test_endpoints);
    tcase_add_test(hostile, test_long);
    tcase_add_test(hostile, test_bytes);
    suite_add_tcase(suite, core);
    suite_add_tcase(suite, hostile);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
