/*
 * check_extension - what comes of a client's offers, by RFC 6455 §9.1 and RFC 7692 §5 and §7.1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "runner.h"
#include "server/ws/extension.h"

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define PMD    "permessage-deflate"
#define S_NO   "; server_no_context_takeover"
#define C_NO   "; client_no_context_takeover"
#define S_W(w) "; server_max_window_bits=" w
#define C_W(w) "; client_max_window_bits=" w
#define C_ANY  "; client_max_window_bits"

static const struct extension_policy with_takeover = {true, true, true, 15, 15};
static const struct extension_policy by_default = {true, false, false, 15, 15};
static const struct extension_policy small_windows = {true, true, true, 10, 9};
static const struct extension_policy disabled = {.server_window_bits = 15, .client_window_bits = 15};

struct row {
    const char *offers;
    const char *answer; /* NULL: 400 */
};

static void check_row(const struct extension_policy *policy, const char *offers, const char *answer)
{
    char got[EXTENSION_ANSWER_SIZE];
    struct extension_agreed agreed;
    memset(&agreed, 0xEE, sizeof(agreed));
    const struct extension_agreed untouched = agreed;
    bool good = extension_negotiate(offers, policy, &agreed, got);
    ck_assert_msg(good == (answer != NULL), "%s: %s", offers, good ? "taken" : "refused");
    if (!good) {
        ck_assert_mem_eq(&agreed, &untouched, sizeof(agreed));
        return;
    }
    ck_assert_msg(strcmp(got, answer) == 0, "%s: answered with \"%s\" instead of \"%s\"", offers, got, answer);
    ck_assert_int_eq(agreed.deflate, got[0] != '\0');
    if (!agreed.deflate) {
        return;
    }
    /* What is agreed is what is answered. */
    ck_assert_int_eq(agreed.server_takeover, strstr(got, "server_no") == NULL);
    ck_assert_int_eq(agreed.client_takeover, strstr(got, "client_no") == NULL);
    const char *window = strstr(got, "server_max_window_bits=");
    ck_assert_int_eq(agreed.server_window_bits, window != NULL ? strtol(strchr(window, '=') + 1, NULL, 10) : 15);
    window = strstr(got, "client_max_window_bits=");
    ck_assert_int_eq(agreed.client_window_bits, window != NULL ? strtol(strchr(window, '=') + 1, NULL, 10) : 15);
}

static void check_rows(const struct extension_policy *policy, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_row(policy, rows[i].offers, rows[i].answer);
    }
}

static const struct row takeover_rows[] = {
    {NULL, ""},
    {PMD, PMD},
    {PMD S_NO, PMD S_NO},
    {PMD C_NO, PMD C_NO},
    {PMD S_NO C_NO, PMD S_NO C_NO},
    {PMD C_ANY, PMD},
    {PMD C_W("15"), PMD},
    {PMD C_W("8"), PMD C_W("8")},
    {PMD C_W("12"), PMD C_W("12")},
    {PMD S_W("8"), PMD S_W("8")},
    {PMD S_W("9"), PMD S_W("9")},
    {PMD S_W("15"), PMD S_W("15")},
    {PMD C_W("10") C_NO S_W("11") S_NO, PMD S_NO C_NO S_W("11") C_W("10")},
    /* RFC 7692 §7.1's own examples of offers. */
    {PMD "; client_max_window_bits; server_max_window_bits=10", PMD S_W("10")},
    {PMD "; client_max_window_bits; server_max_window_bits=10, " PMD "; client_max_window_bits", PMD S_W("10")},
    /* RFC 6455 §9.1: a quoted value stands for the token in it; white space between all parts. */
    {PMD "; server_max_window_bits=\"10\"", PMD S_W("10")},
    {PMD "; server_max_window_bits=\"1\\0\"", PMD S_W("10")},
    {PMD "; server_max_window_bits=\"\\1\\0\"", PMD S_W("10")},
    {" \t" PMD "\t;\tserver_max_window_bits = \"10\" \t", PMD S_W("10")},
    {PMD ";server_no_context_takeover;client_max_window_bits=9", PMD S_NO C_W("9")},
    {",," PMD " ,", PMD},
};

static const struct row fallback_rows[] = {
    {"x-other", ""},
    {"x-other; a; b=c; d=\"e\", y", ""},
    {"x-other; client_max_window_bits=9, " PMD S_NO, PMD S_NO},
    {PMD S_W("7") ", " PMD S_W("9"), PMD S_W("9")},
    {PMD "; unknown, " PMD C_NO, PMD C_NO},
    {PMD "; unknown=1, " PMD S_W("99") ", " PMD, PMD},
    {PMD C_NO ", " PMD S_NO, PMD C_NO},
    {PMD ", broken offer behind it", NULL},
    {"Permessage-Deflate", ""},
    {PMD "; SERVER_NO_CONTEXT_TAKEOVER", ""},
    {"permessage-deflat", ""},
    {PMD "e", ""},
    {"x-webkit-deflate-frame", ""},
};

/* Offers that are declined, each alone and with a good one behind it. */
static const char *const declined[] = {
    PMD S_W("0"),
    PMD S_W("7"),
    PMD S_W("16"),
    PMD S_W("08"),
    PMD S_W("010"),
    PMD S_W("1"),
    PMD S_W("150"),
    PMD S_W("4294967306"),
    PMD S_W("18446744073709551626"),
    PMD S_W("1o"),
    PMD S_W("+9"),
    PMD S_W("-9"),
    PMD S_W("9.0"),
    PMD "; server_max_window_bits",
    PMD "; server_max_window_bits=\"08\"",
    PMD "; server_max_window_bits=\"\\08\"",
    PMD C_W("0"),
    PMD C_W("7"),
    PMD C_W("16"),
    PMD C_W("08"),
    PMD C_W("x"),
    PMD "; server_no_context_takeover=1",
    PMD "; server_no_context_takeover=true",
    PMD "; client_no_context_takeover=\"a\"",
    PMD S_NO S_NO,
    PMD C_NO C_NO,
    PMD C_ANY C_ANY,
    PMD C_W("9") C_W("9"),
    PMD C_ANY C_W("9"),
    PMD S_W("9") S_W("10"),
    PMD S_W("9") "; unknown",
    PMD "; foo=bar",
    PMD "; server_max_window_bit=9",
    PMD "; server_max_window_bitss=9",
    "permessage-bzip2",
};

static const char *const malformed[] = {
    "",
    " \t",
    ",",
    ",,,",
    PMD ";",
    PMD " ;",
    PMD ";;client_max_window_bits",
    PMD "; ,",
    PMD "; client_max_window_bits=",
    PMD "; client_max_window_bits=, x",
    PMD "; client_max_window_bits=;",
    PMD "; =9",
    PMD "=9",
    "; client_max_window_bits",
    PMD "; client_max_window_bits==9",
    PMD "; client_max_window_bits=9=9",
    PMD "; client_max_window_bits=9 9",
    PMD "; client max window bits",
    PMD " x",
    PMD "; client_max_window_bits=\"",
    PMD "; client_max_window_bits=\"9",
    PMD "; client_max_window_bits=9\"",
    PMD "; client_max_window_bits=\"\"",
    PMD "; client_max_window_bits=\"9 \"",
    PMD "; client_max_window_bits=\"9\"9",
    PMD "; client_max_window_bits=\"9\\",
    PMD "; client_max_window_bits=\"9\\\"",
    PMD "; client_max_window_bits=\"9\\\"\"",
    PMD "; client_max_window_bits=\"\\\\\"",
    PMD "; client_max_window_bits='9\"",
    PMD "; client_max_window_bits=(9)",
    PMD "; a=\"b,c\"",
    "\"" PMD "\"",
    PMD "/1",
    "x, @",
    "x, y; z=\x7f",
    "caf\xc3\xa9",
    PMD "\r\n",
    PMD "\x01",
};

START_TEST(core_takeover_allowed)
{
    check_rows(&with_takeover, takeover_rows, ARRAY_COUNT(takeover_rows));
}
END_TEST

START_TEST(core_fallbacks)
{
    check_rows(&with_takeover, fallback_rows, ARRAY_COUNT(fallback_rows));
}
END_TEST

START_TEST(core_by_default)
{
    static const struct row rows[] = {
        {PMD, PMD S_NO C_NO},
        {PMD C_ANY, PMD S_NO C_NO},
        {PMD S_NO C_NO, PMD S_NO C_NO},
        {PMD C_W("9") S_W("9"), PMD S_NO C_NO S_W("9") C_W("9")},
    };
    check_rows(&by_default, rows, ARRAY_COUNT(rows));
}
END_TEST

START_TEST(core_small_windows)
{
    static const struct row rows[] = {
        {PMD C_ANY, PMD S_W("10") C_W("9")},
        {PMD C_W("15") S_W("15"), PMD S_W("10") C_W("9")},
        {PMD C_W("9") S_W("10"), PMD S_W("10") C_W("9")},
        {PMD C_W("8") S_W("8"), PMD S_W("8") C_W("8")},
        {PMD, PMD C_NO S_W("10")}, /* this client cannot be told its window */
    };
    check_rows(&small_windows, rows, ARRAY_COUNT(rows));
}
END_TEST

START_TEST(core_disabled)
{
    for (size_t i = 0; i < ARRAY_COUNT(takeover_rows); i++) {
        check_row(&disabled, takeover_rows[i].offers, "");
    }
    for (size_t i = 0; i < ARRAY_COUNT(malformed); i++) {
        check_row(&disabled, malformed[i], NULL);
    }
}
END_TEST

START_TEST(limits_every_window)
{
    for (int bits = 0; bits <= 20; bits++) {
        char offer[128];
        char answer[128];
        (void)snprintf(offer, sizeof(offer), PMD "; server_max_window_bits=%d", bits);
        (void)snprintf(answer, sizeof(answer), PMD "; server_max_window_bits=%d", bits);
        check_row(&with_takeover, offer, bits >= 8 && bits <= 15 ? answer : "");
        (void)snprintf(offer, sizeof(offer), PMD "; client_max_window_bits=%d", bits);
        (void)snprintf(answer, sizeof(answer), bits == 15 ? PMD : PMD "; client_max_window_bits=%d", bits);
        check_row(&with_takeover, offer, bits >= 8 && bits <= 15 ? answer : "");
    }
}
END_TEST

/* "part" so many times behind `start`. Owned by the caller. */
static char *repeat(const char *start, const char *part, size_t count)
{
    size_t size = strlen(start) + count * strlen(part) + 1;
    char *text = malloc(size);
    ck_assert_ptr_nonnull(text);
    size_t used = (size_t)snprintf(text, size, "%s", start);
    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s", part);
    }
    return text;
}

START_TEST(limits_counts)
{
    const struct {
        const char *start;
        const char *part;
        size_t count;
        const char *answer;
    } rows[] = {
        {PMD, ", x", EXTENSION_OFFER_MAX - 1, PMD},
        {PMD, ", x", EXTENSION_OFFER_MAX, NULL},
        {PMD, ", x", 100000, NULL},
        {"x", ",", 100000, NULL},
        {"x", "; a=b", EXTENSION_PARAMETER_MAX, ""},
        {"x", "; a=b", EXTENSION_PARAMETER_MAX + 1, NULL},
        {PMD "; ", "a", 100000, ""},
        {PMD "; server_max_window_bits=", "9", 100000, ""},
        {PMD "; server_max_window_bits=\"", "\\", 99999, NULL},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        char *offers = repeat(rows[i].start, rows[i].part, rows[i].count);
        check_row(&with_takeover, offers, rows[i].answer);
        free(offers);
    }
}
END_TEST

START_TEST(hostile_declined)
{
    for (size_t i = 0; i < ARRAY_COUNT(declined); i++) {
        char offers[256];
        check_row(&with_takeover, declined[i], "");
        (void)snprintf(offers, sizeof(offers), "%s, " PMD S_W("12"), declined[i]);
        check_row(&with_takeover, offers, PMD S_W("12"));
        (void)snprintf(offers, sizeof(offers), PMD S_W("12") ",%s", declined[i]);
        check_row(&with_takeover, offers, PMD S_W("12"));
    }
}
END_TEST

START_TEST(hostile_malformed)
{
    for (size_t i = 0; i < ARRAY_COUNT(malformed); i++) {
        check_row(&with_takeover, malformed[i], NULL);
    }
}
END_TEST

/* Each octet in each place of an offer: what is no token, separator, quote or white space is refused. */
START_TEST(hostile_octets)
{
    static const char good[] = "a;b=\"c\",d";
    for (size_t at = 0; at < sizeof(good) - 1; at++) {
        for (unsigned octet = 1; octet < 256; octet++) {
            char offers[sizeof(good)];
            memcpy(offers, good, sizeof(good));
            offers[at] = (char)octet;
            bool token = octet > 0x20 && octet < 0x7F && strchr("()<>@,;:\\\"/[]?={}", (int)octet) == NULL;
            bool known = strchr(" \t,;=\"\\", (int)octet) != NULL;
            if (!token && !known) {
                check_row(&with_takeover, offers, NULL);
            }
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("extension");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_takeover_allowed);
    tcase_add_test(core, core_fallbacks);
    tcase_add_test(core, core_by_default);
    tcase_add_test(core, core_small_windows);
    tcase_add_test(core, core_disabled);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_every_window);
    tcase_add_test(limits, limits_counts);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_declined);
    tcase_add_test(hostile, hostile_malformed);
    tcase_add_test(hostile, hostile_octets);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
