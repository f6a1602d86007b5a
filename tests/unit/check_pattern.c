/*
 * check_pattern - patterns of ECMA-262: what matches, what is none, and what they may cost. The rows are what a JavaScript engine
 * says in its Unicode mode.
 */
#include "validate/pattern.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/unit/runner.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define STEPS_MANY      UINT64_C(1000000)

START_TEST(core_matches)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool matches;
    } rows[] = {
        {"", "", true},
        {"a", "cab", true},
        {"^a$", "a\n", false},
        {"^.$", "\xF0\x9F\x98\x80", true},
        {".", "\xE2\x80\xA8", false},
        {".", "\r", false},
        {"\\d", "\xD9\xA3", false},
        {"\\w", "\xC3\xA9", false},
        {"\\s", "\xEF\xBB\xBF", true},
        {"\\s", "\xE1\xA0\x8E", false},
        {"\\s", "\xC2\x85", false},
        {"[^\\s]", "\xC2\xA0", false},
        {"[\\S]", "\xE3\x80\x80", false},
        {"\\v", "\x0B", true},
        {"\\cJ", "\n", true},
        {"[\\b]", "\b", true},
        {"[]", "a", false},
        {"^[]?[]*[]{0,2}a", "a", true},
        {"[]+", "a", false},
        {"^\\p{Assigned}[^\\P{Assigned}]$", "ab", true},
        {"\\P{Assigned}", "\xF3\xA1\x80\x80", true},
        {"[^]", "\n", true},
        {"\\u{1F600}", "\xF0\x9F\x98\x80", true},
        {"\\uD83D\\uDE00", "\xF0\x9F\x98\x80", true},
        {"[\\uD83D\\uDE00-\\uD83D\\uDE02]", "\xF0\x9F\x98\x81", true},
        {"\\p{Letter}", "\xC3\xA9", true},
        {"\\p{Lu}", "a", false},
        {"\\p{Script=Greek}", "\xCE\xA9", true},
        {"[a&&b]", "&", true},
        {"(a)|\\1b", "b", true},
        {"(?<n>a)\\k<n>", "aa", true},
        {"(?<=a)b", "ab", true},
        {"(?<!a)b", "ab", false},
        {"a{,2}", "aa", false},
        {"^[^\\uD800-\\uDFFF]+$", "\xF0\x9F\x98\x80", true},
        {"\\uD83D|\\u{DE00}", "\xF0\x9F\x98\x80", false},
        {"\\u{D83D}\\u{DE00}", "\xF0\x9F\x98\x80", false},
    };
    struct pattern_scratch *scratch = pattern_scratch_create();
    ck_assert_ptr_nonnull(scratch);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint64_t steps = STEPS_MANY;
        struct pattern *pattern = pattern_compile(rows[i].pattern, strlen(rows[i].pattern), NULL, 0);
        ck_assert_msg(pattern != NULL, "%s", rows[i].pattern);
        const enum pattern_match match = pattern_match(pattern, rows[i].text, strlen(rows[i].text), scratch, &steps);
        ck_assert_msg(match == (rows[i].matches ? PATTERN_MATCHES : PATTERN_DIFFERS), "%s %s", rows[i].pattern,
                      rows[i].text);
        ck_assert(steps < STEPS_MANY);
        pattern_free(pattern);
    }
    pattern_scratch_free(scratch);
}
END_TEST

START_TEST(core_refused)
{
    static const char *const patterns[] = {
        "(",           ")",       "[",
        "*",           "a**",     "a++",
        "(?i)a",       "(?>a)",   "(?#x)",
        "(*ACCEPT)",   "\\a",     "\\Z",
        "\\A",         "\\K",     "\\Q",
        "\\R",         "\\X",     "\\h",
        "\\C",         "\\u",     "\\x1",
        "\\c1",        "\\08",    "\\u{}",
        "[z-a]",       "[\\B]",   "\\p{Nothing}",
        "\\p{^L}",     "\\k<n>",  "(?P<x>a)",
        "\\u{110000}", "\\",      "(?<a>x)(?<a>y)",
        "a{2,1}",      "(?<=a)*", "(?<!(a))?",
    };
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        char reason[128] = "";
        ck_assert_msg(pattern_compile(patterns[i], strlen(patterns[i]), reason, sizeof(reason)) == NULL, "%s",
                      patterns[i]);
        ck_assert_msg(reason[0] != '\0', "%s", patterns[i]);
    }
}
END_TEST

/* What it takes is paid for: with few steps, none of these gets to an end. */
START_TEST(hostile_patterns)
{
    static const char *const patterns[] = {
        "^(a+)+$",         "(a*)*[bc]",      "(a|a)*[bc]",           "a*[bc]",
        ".*.*.*[xy]",      "(a+)\\1[cd]",    "(?:(?!a*[bc])a)*[12]", "^(?:a{0,200}){0,100}[cd]",
        "[\\S]*[\\S]*\\s", "(?<=a{60000})a", "(?<=[^x]{49000}y)a",   "(?<!b|.{40000})$",
    };
    const size_t size = 50000;
    char *text = malloc(size);
    struct pattern_scratch *scratch = pattern_scratch_create();
    ck_assert(text != NULL && scratch != NULL);
    memset(text, 'a', size);
    text[size - 1] = '!';
    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        uint64_t steps = STEPS_MANY;
        struct pattern *pattern = pattern_compile(patterns[i], strlen(patterns[i]), NULL, 0);
        ck_assert_msg(pattern != NULL, "%s", patterns[i]);
        ck_assert_msg(pattern_match(pattern, text, size, scratch, &steps) == PATTERN_LIMIT, "%s", patterns[i]);
        steps = 0;
        ck_assert_int_eq(pattern_match(pattern, "a", 1, scratch, &steps), PATTERN_LIMIT);
        pattern_free(pattern);
    }
    pattern_scratch_free(scratch);
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pattern");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_matches);
    tcase_add_test(core, core_refused);
    suite_add_tcase(suite, core);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_patterns);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
