/*
 * check_uri - the syntax of URIs, IRIs and URI templates; references resolved against a base.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "runner.h"
#include "validate/uri.h"
#include "validate/uri_template.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

START_TEST(core_syntax)
{
    static const struct {
        const char *text;
        bool uri;
        bool reference;
        bool iri;
        bool iri_reference;
    } cases[] = {
        {"http://user@example.com:80/a/b;c?d=e#f", true, true, true, true},
        {"urn:a:b", true, true, true, true},
        {"a:", true, true, true, true},
        {"http://[::1]:80/", true, true, true, true},
        {"http://[v1.a:b]/", true, true, true, true},
        {"http://[::1", false, false, false, false},
        {"http://[::1]x", false, false, false, false},
        {"http://[v.a]/", false, false, false, false},
        {"http://a:b/", false, false, false, false},
        {"http://a@b@c/", false, false, false, false},
        {"", false, true, false, true},
        {"//a/b", false, true, false, true},
        {"a/b:c", false, true, false, true},
        {"1a:b", false, false, false, false}, /* no scheme, and so a colon in the first segment */
        {"?a", false, true, false, true},
        {"#a", false, true, false, true},
        {"#a#b", false, false, false, false},
        {"a%2Fb", false, true, false, true},
        {"a%2", false, false, false, false},
        {"a%2g", false, false, false, false},
        {"a b", false, false, false, false},
        {"a\\b", false, false, false, false},
        {"a\n", false, false, false, false},
        {"a:\xC3\xBC", false, false, true, true},
        {"\xC3\xBC", false, false, false, true},
        {"a:\xC2\x9F", false, false, false, false},         /* a C1 control */
        {"a:\xEF\xB7\x90", false, false, false, false},     /* U+FDD0, no character */
        {"a:\xF0\x9F\xBF\xBF", false, false, false, false}, /* U+1FFFF, none either */
        {"a:\xF0\x90\x8C\x80", false, false, true, true},   /* U+10300 */
        {"a:\xEE\x80\x80", false, false, false, false},     /* U+E000, private, */
        {"a:?\xEE\x80\x80", false, false, true, true},      /* in a query only */
        {"a:?\xF3\xB0\x80\x80", false, false, true, true},  /* U+F0000 */
        {"a:#\xF3\xB0\x80\x80", false, false, false, false},
        {"a:\xF3\xA0\x80\x81", false, false, false, false}, /* U+E0001, a tag */
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *text = cases[i].text;
        const size_t size = strlen(text);
        ck_assert_msg(uri_valid(text, size, true) == cases[i].uri, "URI: %s", text);
        ck_assert_msg(uri_valid(text, size, false) == cases[i].reference, "URI reference: %s", text);
        ck_assert_msg(uri_valid_iri(text, size, true) == cases[i].iri, "IRI: %s", text);
        ck_assert_msg(uri_valid_iri(text, size, false) == cases[i].iri_reference, "IRI reference: %s", text);
    }
    ck_assert(!uri_valid("a\0b", 3, false));
    ck_assert(!uri_valid_iri("a:\xC3", 3, false)); /* ends within a character */
}
END_TEST

/* RFC 3986 §5.4, and what a document without a URI of its own meets. */
START_TEST(core_resolution)
{
    static const char *const base = "http://a/b/c/d;p?q";
    static const struct {
        const char *reference;
        const char *resolved;
    } cases[] = {
        {"g:h", "g:h"},
        {"g", "http://a/b/c/g"},
        {"./g", "http://a/b/c/g"},
        {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"},
        {"//g", "http://g"},
        {"?y", "http://a/b/c/d;p?y"},
        {"g?y#s", "http://a/b/c/g?y#s"},
        {"#s", "http://a/b/c/d;p?q#s"},
        {";x", "http://a/b/c/;x"},
        {"", "http://a/b/c/d;p?q"},
        {".", "http://a/b/c/"},
        {"..", "http://a/b/"},
        {"../g", "http://a/b/g"},
        {"../../g", "http://a/g"},
        {"../../../g", "http://a/g"},
        {"/./g", "http://a/g"},
        {"/../g", "http://a/g"},
        {"g.", "http://a/b/c/g."},
        {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"},
        {"g;x=1/../y", "http://a/b/c/y"},
        {"g?y/../x", "http://a/b/c/g?y/../x"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *resolved = uri_resolve(base, cases[i].reference);
        ck_assert_str_eq(resolved, cases[i].resolved);
        free(resolved);
    }
    static const char *const relative[][3] = {
        {"", "a.json#b", "a.json#b"},    {"", "#b", "#b"},
        {"a.json", "#b", "a.json#b"},    {"a/b", "c", "a/c"},
        {"http://a", "b", "http://a/b"}, {"urn:a:b", "#c", "urn:a:b#c"},
    };
    for (size_t i = 0; i < COUNT_OF(relative); i++) {
        char *resolved = uri_resolve(relative[i][0], relative[i][1]);
        ck_assert_str_eq(resolved, relative[i][2]);
        free(resolved);
    }
}
END_TEST

START_TEST(core_templates)
{
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"", true},
        {"http://a/{b}", true},
        {"{a,b*,c:3}{+d}{#e}{.f}{/g}{;h}{?i}{&j}", true},
        {"{a.b}{%41}{_}{a:9999}", true},
        {"\xC3\xBC'%20", true},
        {"{=a}{|a}", true}, /* reserved operators */
        {"{}", false},
        {"{a", false},
        {"a}", false},
        {"{{a}}", false},
        {"{a,}", false},
        {"{,}", false},
        {"{a..b}", false},
        {"{.a.}", false},
        {"{a:0}", false},
        {"{a:10000}", false},
        {"{a:}", false},
        {"{a*:3}", false},
        {"{a-b}", false},
        {"{%4}", false},
        {"%4", false},
        {"a b", false},
        {"a\x7F", false},
        {"\xC2\x80", false},
        {"a\"", false},
        {"a|b", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ck_assert_msg(uri_template_valid(cases[i].text, strlen(cases[i].text)) == cases[i].valid, "%s", cases[i].text);
    }
    ck_assert(!uri_template_valid("a\0", 2));
    ck_assert(!uri_template_valid("{\0}", 3));
}
END_TEST

/* A million segments, up and down: with a look at what went before each of them, minutes. */
START_TEST(hostile_dots)
{
    const size_t count = 1000000;
    char *reference = malloc(count * 5 + 2);
    ck_assert_ptr_nonnull(reference);
    for (size_t i = 0; i < count; i++) {
        memcpy(reference + i * 2, "a/", 2);
        memcpy(reference + count * 2 + i * 3, "../", 3);
    }
    memcpy(reference + count * 5, "b", 2);
    char *resolved = uri_resolve("http://x/", reference);
    ck_assert_str_eq(resolved, "http://x/b");
    ck_assert(uri_valid(reference, count * 5 + 1, false));
    free(resolved);
    free(reference);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("uri");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_syntax);
    tcase_add_test(core, core_resolution);
    tcase_add_test(core, core_templates);
    suite_add_tcase(suite, core);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_dots);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
