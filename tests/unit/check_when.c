/*
 * check_when - times as people write them, held against the calendar of the C library.
 */
#define _DEFAULT_SOURCE /* timegm */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <check.h>

#include "server/admin/when.h"

START_TEST(core_read)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = {
        {"0", 0},
        {"1700000000", 1700000000},
        {"253402300799", WHEN_MAX},
        {"1970-01-01T00:00:00Z", 0},
        {"1985-04-12T23:20:50.52Z", 482196050},   /* RFC 3339 §5.8 */
        {"1996-12-19T16:39:57-08:00", 851042397}, /* likewise */
        {"1990-12-31T23:59:60Z", 662688000},      /* likewise: a leap second */
        {"1937-01-01T12:00:27.87+00:20", -1},     /* likewise: before 1970 */
        {"2000-02-29t12:00:00z", 951825600},
        {"2026-11-22 08:15:00+01:00", 1795331700},
        {"9999-12-31T23:59:59Z", WHEN_MAX},
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t seconds = -1;
        ck_assert_msg(when_parse(good[i].text, &seconds) == (good[i].seconds >= 0), "%s", good[i].text);
        ck_assert_msg(seconds == good[i].seconds, "%s: %lld", good[i].text, (long long)seconds);
    }
}
END_TEST

/* Each day of four centuries and more, which is what the calendar repeats itself in, and odd seconds of it. */
START_TEST(core_calendar)
{
    for (int64_t seconds = 0; seconds < INT64_C(16000000000); seconds += 86400 + 61) {
        char ours[WHEN_TEXT_SIZE];
        char theirs[64];
        time_t at = (time_t)seconds;
        struct tm parts;
        int64_t back = -1;
        ck_assert_ptr_nonnull(gmtime_r(&at, &parts));
        strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%SZ", &parts);
        ck_assert_str_eq(when_format(seconds, ours), theirs);
        ck_assert(when_parse(ours, &back) && back == seconds);
    }
}
END_TEST

START_TEST(limits_outside)
{
    char text[WHEN_TEXT_SIZE];
    ck_assert_str_eq(when_format(-1, text), "-");
    ck_assert_str_eq(when_format(WHEN_MAX, text), "9999-12-31T23:59:59Z");
    ck_assert_str_eq(when_format(WHEN_MAX + 1, text), "-");
    ck_assert_str_eq(when_format(INT64_MIN, text), "-");
    ck_assert_str_eq(when_format(INT64_MAX, text), "-");
}
END_TEST

START_TEST(hostile_texts)
{
    static const char *const bad[] = {
        "",
        " ",
        "-1",
        "+1",
        "1.5",
        "1e9",
        "0x10",
        "253402300800",
        "99999999999999999999999999",
        "now",
        "2026-11-22",
        "2026-11-22T08:15Z",
        "2026-11-22T08:15:00",
        "2026-11-22T08:15:00Zx",
        "2026-11-22T08:15:00.Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T08:60:00Z",
        "2026-11-22T08:15:61Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-11-31T00:00:00Z",
        "2026-11-22T08:15:00+24:00",
        "2026-11-22T08:15:00+1:00",
        "2026-11-22T08:15:00+0100",
        "1970-01-01T00:00:00+00:01",
        "10000-01-01T00:00:00Z",
        "9999-12-31T23:59:60Z",
        "9999-12-31T23:59:59-00:01",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t seconds = 42;
        ck_assert_msg(!when_parse(bad[i], &seconds), "%s", bad[i]);
        ck_assert_int_eq(seconds, 42);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("when");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_read);
    tcase_add_test(core, core_calendar);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_outside);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_texts);
    suite_add_tcase(suite, hostile);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
