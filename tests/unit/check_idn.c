/*
 * check_idn - names of hosts, ASCII and internationalized.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "runner.h"
#include "validate/idn.h"

struct name_case {
    const char *name;
    enum idn_status unicode; /* with U-labels allowed */
    enum idn_status ascii;   /* without */
};

/* Code points are written as UTF-8 octets. */
static const struct name_case core_cases[] = {
    {"localhost", IDN_VALID, IDN_VALID},
    {"www.Example.COM", IDN_VALID, IDN_VALID},
    {"3com.example", IDN_VALID, IDN_VALID},
    {"a--b", IDN_VALID, IDN_VALID},
    {"", IDN_EMPTY, IDN_EMPTY},
    {".", IDN_EMPTY, IDN_EMPTY},
    {".a", IDN_EMPTY, IDN_EMPTY},
    {"a.", IDN_EMPTY, IDN_EMPTY},
    {"a..b", IDN_EMPTY, IDN_EMPTY},
    {"-a", IDN_HYPHEN, IDN_HYPHEN},
    {"a-", IDN_HYPHEN, IDN_HYPHEN},
    {"-", IDN_HYPHEN, IDN_HYPHEN},
    {"ab--c", IDN_HYPHEN, IDN_HYPHEN},
    {"a_b", IDN_CHARACTER, IDN_CHARACTER},
    {"a b", IDN_CHARACTER, IDN_CHARACTER},
    {"a.b\n", IDN_CHARACTER, IDN_CHARACTER},
    {"b\xC3\xBC"
     "cher.example",
     IDN_VALID, IDN_CHARACTER},
    {"xn--bcher-kva.example", IDN_VALID, IDN_VALID},
    {"XN--BCHER-KVA.example", IDN_VALID, IDN_VALID},
    {"stra\xC3\x9F"
     "e",
     IDN_VALID, IDN_CHARACTER}, /* sharp s is one of IDNA 2008 */
    {"B\xC3\x9C"
     "CHER",
     IDN_U_LABEL, IDN_CHARACTER}, /* what has capitals is no U-label */
    {"a\xE3\x80\x82"
     "b",
     IDN_VALID, IDN_CHARACTER},
    {"a\xEF\xBC\x8E"
     "b",
     IDN_VALID, IDN_CHARACTER},
    {"a\xEF\xBD\xA1"
     "b",
     IDN_VALID, IDN_CHARACTER},
    {"\xE3\x80\x82", IDN_EMPTY, IDN_CHARACTER},
};

static const struct name_case label_cases[] = {
    {"xn--", IDN_HYPHEN, IDN_HYPHEN},
    {"xn--X", IDN_A_LABEL, IDN_A_LABEL},
    {"xn--a-", IDN_A_LABEL, IDN_A_LABEL},                     /* ASCII in disguise */
    {"xn---9uc", IDN_A_LABEL, IDN_A_LABEL},                   /* not as its U-label is encoded */
    {"xn--99999999", IDN_A_LABEL, IDN_A_LABEL},               /* beyond Unicode */
    {"xn--07jt112bpxg", IDN_U_LABEL, IDN_U_LABEL},            /* U+302E */
    {"xn--hello-zed", IDN_U_LABEL, IDN_U_LABEL},              /* starts with a combining mark */
    {"\xCC\x80hello", IDN_U_LABEL, IDN_CHARACTER},            /* so does this */
    {"l\xC2\xB7l", IDN_VALID, IDN_CHARACTER},                 /* RFC 5892 A.3: the middle dot between two l */
    {"a\xC2\xB7l", IDN_U_LABEL, IDN_CHARACTER},               /* and nowhere else */
    {"\xE2\x80\x8D\xE0\xA4\xB7", IDN_U_LABEL, IDN_CHARACTER}, /* A.2: ZWJ without a virama */
    {"-\xC3\xBC", IDN_HYPHEN, IDN_CHARACTER},
    {"\xC3\xBC-", IDN_HYPHEN, IDN_CHARACTER},
    {"\xC3\xBC"
     "b--a",
     IDN_HYPHEN, IDN_CHARACTER},
};

/* U+05D0 is a Hebrew letter, U+0660 an Arabic-Indic digit (AN), U+06F0 one that counts as European (EN). */
static const struct name_case direction_cases[] = {
    {"\xD7\x90", IDN_VALID, IDN_CHARACTER},
    {"a.\xD7\x90", IDN_VALID, IDN_CHARACTER},
    {"0a.\xD7\x90", IDN_BIDI, IDN_CHARACTER},
    {"\xD7\x90.0a", IDN_BIDI, IDN_CHARACTER},
    {"0a.xn--4db", IDN_BIDI, IDN_BIDI},
    {"a\xD7\x90", IDN_BIDI, IDN_CHARACTER},
    {"\xD7\x90\x30\xD9\xA0", IDN_BIDI, IDN_CHARACTER}, /* both kinds of digits */
    {"\xDB\xB0\x30", IDN_VALID, IDN_CHARACTER},
    {"\xDB\xB0\x30.\xD7\x90", IDN_BIDI, IDN_CHARACTER},
};

static void run_cases(const struct name_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const size_t size = strlen(cases[i].name);
        ck_assert_msg(idn_check(cases[i].name, size, true) == cases[i].unicode, "%s: %d", cases[i].name,
                      (int)idn_check(cases[i].name, size, true));
        ck_assert_msg(idn_check(cases[i].name, size, false) == cases[i].ascii, "%s, ASCII: %d", cases[i].name,
                      (int)idn_check(cases[i].name, size, false));
    }
}

START_TEST(names_are_judged)
{
    run_cases(core_cases, sizeof(core_cases) / sizeof(core_cases[0]));
}
END_TEST

START_TEST(labels_are_judged)
{
    run_cases(label_cases, sizeof(label_cases) / sizeof(label_cases[0]));
}
END_TEST

START_TEST(directions_are_judged)
{
    run_cases(direction_cases, sizeof(direction_cases) / sizeof(direction_cases[0]));
}
END_TEST

/* `count` times the piece. Returns owned. */
static char *repeated(const char *piece, size_t count)
{
    const size_t size = strlen(piece);
    char *text = malloc(size * count + 1);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < count; i++) {
        memcpy(text + i * size, piece, size);
    }
    text[size * count] = '\0';
    return text;
}

static enum idn_status check_repeated(const char *piece, size_t count, const char *end)
{
    char *text = repeated(piece, count);
    const size_t size = strlen(text);
    char *whole = malloc(size + strlen(end) + 1);
    ck_assert_ptr_nonnull(whole);
    memcpy(whole, text, size);
    memcpy(whole + size, end, strlen(end) + 1);
    const enum idn_status status = idn_check(whole, strlen(whole), true);
    free(whole);
    free(text);
    return status;
}

START_TEST(lengths_are_bounded)
{
    ck_assert_int_eq(check_repeated("a", IDN_LABEL_MAX, ""), IDN_VALID);
    ck_assert_int_eq(check_repeated("a", IDN_LABEL_MAX + 1, ""), IDN_LABEL_TOO_LONG);
    ck_assert_int_eq(check_repeated("a.", IDN_NAME_MAX / 2, "a"), IDN_VALID); /* 253 octets */
    ck_assert_int_eq(check_repeated("a.", IDN_NAME_MAX / 2, "ab"), IDN_NAME_TOO_LONG);
    ck_assert_int_eq(check_repeated("\xC3\xBC", 59, ""), IDN_LABEL_TOO_LONG); /* as an A-label */
    ck_assert_int_eq(check_repeated("\xC3\xBC.", 31, "a"), IDN_VALID);        /* "xn--tda.": 8 octets each */
    ck_assert_int_eq(check_repeated("\xC3\xBC.", 32, "a"), IDN_NAME_TOO_LONG);
    ck_assert_int_eq(check_repeated("a.", 1000000, "a"), IDN_NAME_TOO_LONG);
    ck_assert_int_eq(check_repeated("\xF0\x90\x80\x80", 55, ""), IDN_VALID);
    ck_assert_int_eq(check_repeated("\xF0\x90\x80\x80", 60, ""), IDN_LABEL_TOO_LONG);
}
END_TEST

START_TEST(any_octets_are_taken)
{
    static const struct {
        const char *text;
        size_t size;
    } cases[] = {
        {"a\0b", 3},         {"\xC3\xBC\0", 3}, {"\xC3", 1},      {"\xFF\xFE", 2},
        {"\xED\xA0\x80", 3}, {"\xC0\xAE", 2},   {"a\xE3\x80", 3},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert_int_eq(idn_check(cases[i].text, cases[i].size, true), IDN_CHARACTER);
        ck_assert_int_eq(idn_check(cases[i].text, cases[i].size, false), IDN_CHARACTER);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("idn");
    TCase *core = tcase_create("core");
    tcase_add_test(core, names_are_judged);
    tcase_add_test(core, labels_are_judged);
    tcase_add_test(core, directions_are_judged);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, lengths_are_bounded);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, any_octets_are_taken);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
