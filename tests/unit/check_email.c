/*
 * check_email - addresses against the verdicts that the standards give them, exact sizes, and texts of hostile sizes.
 */
#include "validate/email.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "email_cases.h"
#include "runner.h"

#define HOSTILE_SIZE (100 * 1024)

static struct email_options options_of(const char *letters)
{
    return (struct email_options){
        .comments = strchr(letters, 'c') != NULL,
        .obsolete = strchr(letters, 'o') != NULL,
        .international = strchr(letters, 'i') != NULL,
        .general_literals = strchr(letters, 'g') != NULL,
        .require_tld = strchr(letters, 't') != NULL,
        .legible = strchr(letters, 'l') != NULL,
    };
}

/* From memory of its own, so that a sanitizer sees a read past either end. */
static enum email_status check_copy(const char *text, size_t size, const struct email_options *options)
{
    char *copy = malloc(size > 0 ? size : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, text, size);
    const enum email_status status = email_check(copy, size, options);
    free(copy);
    return status;
}

static void assert_case(const char *category, const struct email_case *one)
{
    const struct email_options options = options_of(one->options);
    const enum email_status status = check_copy(one->text, one->size, &options);
    ck_assert_msg(status == one->expected, "%s (%s): %s: %s, not %s", category, one->options, one->text,
                  email_status_label(status), email_status_label(one->expected));
}

START_TEST(core_cases)
{
    size_t count = 0;
    for (const struct email_category *category = email_categories; category->name != NULL; category++) {
        for (size_t i = 0; i < category->count; i++) {
            assert_case(category->name, &category->cases[i]);
            count++;
        }
    }
    ck_assert_uint_gt(count, 300);
}
END_TEST

START_TEST(core_no_options_are_the_defaults)
{
    static const struct email_options defaults = {0};
    for (const struct email_category *category = email_categories; category->name != NULL; category++) {
        for (size_t i = 0; i < category->count; i++) {
            const struct email_case *one = &category->cases[i];
            ck_assert_int_eq(email_check(one->text, one->size, NULL), email_check(one->text, one->size, &defaults));
        }
    }
}
END_TEST

/* An option lets more pass, and require_tld and legible less: what is valid stays so. */
START_TEST(core_options_only_add)
{
    static const char *const added[] = {"c", "o", "i", "g", "coig"};
    for (const struct email_category *category = email_categories; category->name != NULL; category++) {
        for (size_t i = 0; i < category->count; i++) {
            const struct email_case *one = &category->cases[i];
            if (email_check(one->text, one->size, NULL) != EMAIL_VALID) {
                continue;
            }
            for (size_t j = 0; j < sizeof(added) / sizeof(added[0]); j++) {
                const struct email_options options = options_of(added[j]);
                ck_assert_msg(email_check(one->text, one->size, &options) == EMAIL_VALID, "%s (%s)", one->text,
                              added[j]);
            }
        }
    }
}
END_TEST

START_TEST(core_each_status_has_words)
{
#define COUNT_ONE(name, label, sentence) +1
    const int count = 0 EMAIL_STATUS_TABLE(COUNT_ONE);
#undef COUNT_ONE
    for (int i = 0; i < count; i++) {
        const char *label = email_status_label((enum email_status)i);
        const char *sentence = email_status_sentence((enum email_status)i);
        ck_assert_uint_eq(strspn(label, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(label));
        ck_assert_int_eq(sentence[strlen(sentence) - 1], '.');
        for (int j = 0; j < i; j++) {
            ck_assert_str_ne(label, email_status_label((enum email_status)j));
        }
    }
}
END_TEST

/* Every verdict that is not about what a text says before all else is given by some case, so that none is dead. */
START_TEST(core_each_status_occurs)
{
#define MARK(name, label, sentence) false,
    bool seen[] = {EMAIL_STATUS_TABLE(MARK)};
#undef MARK
    for (const struct email_category *category = email_categories; category->name != NULL; category++) {
        for (size_t i = 0; i < category->count; i++) {
            seen[category->cases[i].expected] = true;
        }
    }
    seen[EMAIL_TOO_LONG] = true; /* the limits below */
    seen[EMAIL_LOCAL_TOO_LONG] = true;
    seen[EMAIL_DOMAIN_TOO_LONG] = true;
    seen[EMAIL_LABEL_TOO_LONG] = true;
    seen[EMAIL_NO_MEMORY] = true; /* not by a text */
    for (size_t i = 0; i < sizeof(seen); i++) {
        ck_assert_msg(seen[i], "%s", email_status_label((enum email_status)i));
    }
}
END_TEST

/* A local part of one letter repeated, an @, and a domain whose labels have at most label_max letters. */
static size_t make(char *text, size_t local, size_t domain, size_t label_max)
{
    memset(text, 'a', local);
    text[local] = '@';
    char *name = text + local + 1;
    for (size_t i = 0; i < domain; i++) {
        name[i] = i % (label_max + 1) == label_max && i + 1 < domain ? '.' : 'b';
    }
    return local + 1 + domain;
}

START_TEST(limits_sizes)
{
    static const struct {
        size_t local, domain, label_max;
        enum email_status expected;
    } cases[] = {
        {64, 1, 63, EMAIL_VALID},
        {65, 1, 63, EMAIL_LOCAL_TOO_LONG},
        {1, 63, 63, EMAIL_VALID},
        {1, 64, 64, EMAIL_LABEL_TOO_LONG},
        {64, 189, 63, EMAIL_VALID}, /* 254 */
        {64, 190, 62, EMAIL_TOO_LONG},
        {1, 252, 62, EMAIL_VALID}, /* 254 */
        {1, 253, 62, EMAIL_TOO_LONG},
        {1, 255, 63, EMAIL_TOO_LONG},
        {1, 256, 62, EMAIL_DOMAIN_TOO_LONG},
        {65, 256, 62, EMAIL_LOCAL_TOO_LONG},
        {65, 64, 64, EMAIL_LOCAL_TOO_LONG},
    };
    char text[512];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const size_t size = make(text, cases[i].local, cases[i].domain, cases[i].label_max);
        const enum email_status status = check_copy(text, size, NULL);
        ck_assert_msg(status == cases[i].expected, "%zu@%zu: %s", cases[i].local, cases[i].domain,
                      email_status_label(status));
    }
}
END_TEST

/* Quotes and backslashes count: they are sent. */
START_TEST(limits_quoted)
{
    char text[128];
    for (size_t inner = 60; inner <= 66; inner++) {
        const int size = snprintf(text, sizeof(text), "\"%0*d\"@example.org", (int)inner, 0);
        ck_assert_int_eq(check_copy(text, (size_t)size, NULL), inner + 2 <= 64 ? EMAIL_VALID : EMAIL_LOCAL_TOO_LONG);
    }
}
END_TEST

/* Octets of UTF-8 are counted, not characters. */
START_TEST(limits_international)
{
    const struct email_options options = {.international = true};
    char text[128];
    for (size_t count = 30; count <= 34; count++) {
        size_t size = 0;
        for (size_t i = 0; i < count; i++) {
            memcpy(text + size, "\xC3\xA4", 2);
            size += 2;
        }
        memcpy(text + size, "@b", 2);
        ck_assert_int_eq(check_copy(text, size + 2, &options), count <= 32 ? EMAIL_VALID : EMAIL_LOCAL_TOO_LONG);
    }
}
END_TEST

/* The size of a U-label is that of its A-label: it may have more octets as it is, or fewer. */
START_TEST(limits_u_labels)
{
    static const struct {
        const char *letter;
        size_t fits; /* how many of it, behind "xn--" and in Punycode, make 63 octets at most */
    } cases[] = {{"\xE4\xBE\x8B", 57}, {"\xC3\xA4", 57}};
    const struct email_options options = {.international = true};
    char text[EMAIL_DOMAIN_MAX];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const size_t step = strlen(cases[i].letter);
        memcpy(text, "a@", 2);
        for (size_t count = 1; count < 70; count++) {
            memcpy(text + 2 + (count - 1) * step, cases[i].letter, step);
            const enum email_status status = check_copy(text, 2 + count * step, &options);
            ck_assert_msg(status == (count <= cases[i].fits ? EMAIL_VALID : EMAIL_LABEL_TOO_LONG), "%zu: %s", count,
                          email_status_label(status));
        }
    }
}
END_TEST

/* What is around an address counts against the text's bound alone. */
START_TEST(limits_comments)
{
    const struct email_options options = {.comments = true};
    char text[EMAIL_TEXT_MAX + 1];
    for (size_t size = EMAIL_TEXT_MAX - 1; size <= EMAIL_TEXT_MAX + 1; size++) {
        memset(text, 'c', size);
        text[0] = '(';
        memcpy(text + size - 4, ")a@b", 4);
        ck_assert_int_eq(check_copy(text, size, &options), size <= EMAIL_TEXT_MAX ? EMAIL_VALID : EMAIL_TOO_LONG);
    }
}
END_TEST

START_TEST(limits_general_literal)
{
    const struct email_options options = {.general_literals = true};
    char text[300];
    for (size_t domain = 250; domain <= 257; domain++) {
        memcpy(text, "a@[t:", 5);
        memset(text + 5, 'x', domain - 4);
        text[2 + domain - 1] = ']';
        ck_assert_int_eq(check_copy(text, 2 + domain, &options), domain <= 252   ? EMAIL_VALID
                                                                 : domain <= 255 ? EMAIL_TOO_LONG
                                                                                 : EMAIL_DOMAIN_TOO_LONG);
    }
}
END_TEST

/* Whatever is repeated, and whatever options say. */
START_TEST(hostile_sizes)
{
    static const char *const pieces[] = {"a",   ".",    "@",     "\"",  "\\", "(",       ")",  "[",
                                         "]",   ":",    " ",     "\t",  "\0", "\r\n ",   "()", "a.",
                                         "a@b", "(\\)", "\"\".", "a-.", "1",  "\xC3\xA4"};
    const struct email_options all = options_of("coig");
    char *text = malloc(HOSTILE_SIZE);
    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        const size_t piece = strlen(pieces[i]) > 0 ? strlen(pieces[i]) : 1;
        for (size_t size = 0; size < HOSTILE_SIZE; size++) {
            text[size] = pieces[i][size % piece];
        }
        ck_assert_int_eq(email_check(text, HOSTILE_SIZE, NULL), EMAIL_TOO_LONG);
        ck_assert_int_eq(email_check(text, HOSTILE_SIZE, &all), EMAIL_TOO_LONG);
        ck_assert_int_ne(email_check(text, EMAIL_TEXT_MAX, NULL), EMAIL_VALID);
        ck_assert_int_ne(email_check(text, EMAIL_TEXT_MAX, &all), EMAIL_VALID);
    }
    free(text);
    ck_assert_int_eq(email_check(pieces[0], SIZE_MAX, &all), EMAIL_TOO_LONG); /* without a look */
}
END_TEST

/* Comments nest as deep as the text is long. */
START_TEST(hostile_nesting)
{
    const struct email_options options = {.comments = true};
    char text[EMAIL_TEXT_MAX];
    const size_t depth = (sizeof(text) - 3) / 2;
    memset(text, '(', depth);
    memset(text + depth, ')', depth);
    memcpy(text + 2 * depth, "a@b", 3);
    ck_assert_int_eq(check_copy(text, 2 * depth + 3, &options), EMAIL_VALID);
    ck_assert_int_eq(check_copy(text, 2 * depth - 1, &options), EMAIL_COMMENT_OPEN);
}
END_TEST

/* Each text cut at each place, and with each byte in each place: a sanitizer judges. No control character passes without options. */
START_TEST(hostile_mutations)
{
    static const char seed[] = "\"a\\b c\".d(e)@f-g.[IPv6:1::2.3.4.5]";
    const struct email_options all = options_of("coig");
    char text[sizeof(seed) - 1];
    for (size_t size = 0; size <= sizeof(text); size++) {
        (void)check_copy(seed, size, &all);
        (void)check_copy(seed + size, sizeof(text) - size, &all);
    }
    for (size_t i = 0; i < sizeof(text); i++) {
        for (int byte = 0; byte < 256; byte++) {
            memcpy(text, seed, sizeof(text));
            text[i] = (char)byte;
            (void)check_copy(text, sizeof(text), &all);
        }
    }
    for (int byte = 0; byte < 256; byte++) {
        const char short_text[] = {'a', (char)byte, '@', 'b'};
        const bool valid = check_copy(short_text, sizeof(short_text), NULL) == EMAIL_VALID;
        ck_assert(!valid || (byte > ' ' && byte < 0x7F));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("email");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_cases);
    tcase_add_test(core, core_no_options_are_the_defaults);
    tcase_add_test(core, core_options_only_add);
    tcase_add_test(core, core_each_status_has_words);
    tcase_add_test(core, core_each_status_occurs);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_sizes);
    tcase_add_test(limits, limits_quoted);
    tcase_add_test(limits, limits_international);
    tcase_add_test(limits, limits_u_labels);
    tcase_add_test(limits, limits_comments);
    tcase_add_test(limits, limits_general_literal);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_sizes);
    tcase_add_test(hostile, hostile_nesting);
    tcase_add_test(hostile, hostile_mutations);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
