/*
 * check_tally - what is counted in a sliding window, for how long, and what a clock can do to it.
 */
#include "server/session/tally.h"

#include <check.h>

#include "runner.h"

START_TEST(core_counts_within_the_window)
{
    struct tally tally = {0};
    for (uint64_t i = 1; i <= 10; i++) {
        ck_assert_uint_eq(tally_add(&tally, 8000, 100000 + i), i);
    }
    ck_assert_uint_eq(tally_add(&tally, 8000, 107999), 11); /* in the window's last slice */
    ck_assert_uint_eq(tally_add(&tally, 8000, 108000), 2);  /* the first ten are forgotten */
    ck_assert_uint_eq(tally_add(&tally, 8000, 114999), 3);
    ck_assert_uint_eq(tally_add(&tally, 8000, 115000), 3); /* and the eleventh */
}
END_TEST

/* One at a time, evenly: never more than fit into the window, never fewer than fit into it less a slice. */
START_TEST(core_slides)
{
    struct tally tally = {0};
    for (uint64_t now_ms = 1; now_ms < 50000; now_ms += 10) {
        const uint64_t count = tally_add(&tally, 1000, now_ms);
        ck_assert_uint_le(count, 100);
        if (now_ms > 1000) {
            ck_assert_uint_ge(count, 1000 / 10 * (TALLY_SLICES - 1) / TALLY_SLICES);
        }
    }
}
END_TEST

START_TEST(limits_short_windows)
{
    struct tally tally = {0};
    ck_assert_uint_eq(tally_add(&tally, 1, 5), 1);
    ck_assert_uint_eq(tally_add(&tally, 1, 5), 2);
    ck_assert_uint_eq(tally_add(&tally, 1, 5 + TALLY_SLICES), 1);
}
END_TEST

START_TEST(limits_long_windows_and_times)
{
    struct tally tally = {0};
    ck_assert_uint_eq(tally_add(&tally, UINT32_MAX, 1), 1);
    ck_assert_uint_eq(tally_add(&tally, UINT32_MAX, 2), 2);
    ck_assert_uint_eq(tally_add(&tally, UINT32_MAX, UINT64_MAX), 1);
    ck_assert_uint_eq(tally_add(&tally, UINT32_MAX, UINT64_MAX), 2);
    tally.counts[tally.slice % TALLY_SLICES] = UINT32_MAX;
    ck_assert_uint_eq(tally_add(&tally, UINT32_MAX, UINT64_MAX), UINT32_MAX); /* it stays there */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tally");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_counts_within_the_window);
    tcase_add_test(core, core_slides);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_short_windows);
    tcase_add_test(limits, limits_long_windows_and_times);
    suite_add_tcase(suite, limits);
    return runner_run(suite);
}
