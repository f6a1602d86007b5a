/*
 * check_rate - a session's token buckets: what passes at once, what passes in the long run, and what a clock can do to them.
 */
#include <stdlib.h>

#include <check.h>

#include "runner.h"
#include "server/session/rate.h"

START_TEST(core_one_second_at_once_then_the_rate)
{
    const struct rate_limit limit = {.messages = 10};
    struct rate rate = {0};
    unsigned passed = 0;
    for (int i = 0; i < 100; i++) {
        passed += rate_take(&rate, &limit, 0, 5000) == RATE_OK;
    }
    ck_assert_uint_eq(passed, 10);
    for (uint64_t now_ms = 5001; now_ms <= 15000; now_ms++) {
        passed += rate_take(&rate, &limit, 0, now_ms) == RATE_OK;
    }
    ck_assert_uint_ge(passed, 10 + 99);
    ck_assert_uint_le(passed, 10 + 101);
}
END_TEST

START_TEST(core_a_large_message_passes_and_is_paid_off)
{
    const struct rate_limit limit = {.bytes = 1000};
    struct rate rate = {0};
    ck_assert_int_eq(rate_take(&rate, &limit, 5000, 1), RATE_OK); /* five seconds' worth: four are owed */
    ck_assert_int_eq(rate_take(&rate, &limit, 1, 4000), RATE_BYTES);
    ck_assert_int_eq(rate_take(&rate, &limit, 1, 4001), RATE_BYTES);
    ck_assert_int_eq(rate_take(&rate, &limit, 1, 4002), RATE_OK);
}
END_TEST

START_TEST(core_both_limits_hold)
{
    const struct rate_limit limit = {.messages = 5, .bytes = 100};
    struct rate rate = {0};
    ck_assert_int_eq(rate_take(&rate, &limit, 100, 1), RATE_OK);
    ck_assert_int_eq(rate_take(&rate, &limit, 1, 1), RATE_BYTES);
    struct rate other = {0};
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(rate_take(&other, &limit, 1, 1), RATE_OK);
    }
    ck_assert_int_eq(rate_take(&other, &limit, 1, 1), RATE_MESSAGES);
}
END_TEST

START_TEST(limits_none)
{
    const struct rate_limit limit = {0};
    struct rate rate = {0};
    for (int i = 0; i < 1000; i++) {
        ck_assert_int_eq(rate_take(&rate, &limit, SIZE_MAX / 4, 1), RATE_OK);
    }
}
END_TEST

START_TEST(limits_largest_values_and_long_pauses)
{
    const struct rate_limit limit = {.messages = 1000000, .bytes = UINT64_C(1) << 40};
    struct rate rate = {0};
    uint64_t now_ms = 1;
    for (int i = 0; i < 64; i++) {
        ck_assert_int_eq(rate_take(&rate, &limit, 64 * 1024 * 1024, now_ms), RATE_OK);
        now_ms += UINT64_C(1) << (i < 50 ? i : 50);
        ck_assert_int_le(rate.messages, INT64_C(1000000) * 1000);
        ck_assert_int_le(rate.bytes, (INT64_C(1) << 40) * 1000);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rate");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_one_second_at_once_then_the_rate);
    tcase_add_test(core, core_a_large_message_passes_and_is_paid_off);
    tcase_add_test(core, core_both_limits_hold);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_none);
    tcase_add_test(limits, limits_largest_values_and_long_pauses);
    suite_add_tcase(suite, limits);
    return runner_run(suite);
}
