/*
 * check_spread - things spread over a window: the first at once, the rest evenly, none forgotten, none early.
 */
#include <stdlib.h>

#include <check.h>

#include "runner.h"
#include "server/session/spread.h"

static const struct spread spreads[] = {
    {1, 0}, {1, 5000}, {2, 5000}, {3, 1}, {50, 5000}, {500, 5000}, {7919, 100}, {20000, 3600000}, {1000, 1000},
};

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* As a loop does it: look what is due, sleep until the next. */
START_TEST(core_each_in_its_time)
{
    const struct spread *spread = &spreads[_i];
    size_t done = 0;
    uint64_t now_ms = 0;
    for (size_t rounds = 0; done < spread->count; rounds++) {
        ck_assert_uint_le(rounds, spread->count);
        size_t due = spread_due(spread, now_ms);
        ck_assert_uint_gt(due, done); /* it was not woken for nothing */
        ck_assert_uint_le(due, spread->count);
        for (; done < due; done++) {
            ck_assert_uint_le(done * spread->window_ms, now_ms * spread->count); /* not early */
        }
        uint64_t next_ms = spread_next_ms(spread, done);
        if (done < spread->count) {
            ck_assert_uint_gt(next_ms, now_ms);
            ck_assert_uint_eq(spread_due(spread, next_ms - 1), done); /* nothing in between is late */
        }
        now_ms = next_ms;
    }
    ck_assert_uint_le(now_ms, spread->window_ms);
}
END_TEST

START_TEST(core_the_first_is_due_at_once)
{
    const struct spread many = {.count = 500, .window_ms = 5000};
    ck_assert_uint_eq(spread_due(&many, 0), 1);
    ck_assert_uint_eq(spread_due(&many, 9), 1);
    ck_assert_uint_eq(spread_due(&many, 10), 2);
    ck_assert_uint_eq(spread_due(&many, 2500), 251);
    ck_assert_uint_eq(spread_due(&many, 4990), 500);
}
END_TEST

START_TEST(core_few_take_their_part_of_the_window)
{
    ck_assert_uint_eq(spread_window_ms(0, 5000), 0);
    ck_assert_uint_eq(spread_window_ms(1, 5000), 100);
    ck_assert_uint_eq(spread_window_ms(49, 5000), 4900);
    ck_assert_uint_eq(spread_window_ms(50, 5000), 5000);
    ck_assert_uint_eq(spread_window_ms(1000000, 5000), 5000);
    ck_assert_uint_eq(spread_window_ms(10, 0), 0);
}
END_TEST

START_TEST(limits_none_and_late)
{
    const struct spread none = {.count = 0, .window_ms = 5000};
    ck_assert_uint_eq(spread_due(&none, 0), 0);
    ck_assert_uint_eq(spread_next_ms(&none, 0), 5000);
    const struct spread most = {.count = UINT32_MAX, .window_ms = UINT32_MAX};
    ck_assert_uint_eq(spread_due(&most, UINT32_MAX - 1), UINT32_MAX);
    ck_assert_uint_eq(spread_due(&most, UINT64_MAX), UINT32_MAX);
    ck_assert_uint_eq(spread_next_ms(&most, UINT32_MAX - 1), UINT32_MAX - 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spread");
    TCase *core = tcase_create("core");
    tcase_add_loop_test(core, core_each_in_its_time, 0, COUNT(spreads));
    tcase_add_test(core, core_the_first_is_due_at_once);
    tcase_add_test(core, core_few_take_their_part_of_the_window);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_none_and_late);
    suite_add_tcase(suite, limits);
    return runner_run(suite);
}
