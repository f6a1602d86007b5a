/*
 * check_crowd - the estimate of how many take turns: in order, at random, and when the one that is watched stays away.
 */
#include <stdint.h>
#include <stdlib.h>

#include <check.h>

#include "server/loop/crowd.h"
#include "tests/unit/runner.h"

enum { ROUNDS = 64, PEOPLE = 1000, ROUNDING = 3 };

static char people[PEOPLE];

static void take_turns(struct crowd *crowd, unsigned size, unsigned rounds)
{
    for (unsigned i = 0; i < size * rounds; i++) {
        crowd_see(crowd, &people[i % size]);
    }
}

static const unsigned sizes[] = {1, 2, 10, 63, 64, 200, PEOPLE};

START_TEST(core_turns_in_order)
{
    struct crowd crowd = {0};
    ck_assert_uint_eq(crowd.size, 0);
    take_turns(&crowd, sizes[_i], ROUNDS);
    ck_assert_uint_le(crowd.size, sizes[_i]);
    ck_assert_uint_ge(crowd.size + ROUNDING, sizes[_i]);
}
END_TEST

START_TEST(core_turns_at_random)
{
    struct crowd crowd = {0};
    const unsigned size = 200;
    unsigned long long sum = 0;
    uint32_t dice = 1;
    const unsigned events = size * 1000;
    for (unsigned i = 0; i < events; i++) {
        dice = dice * 1664525U + 1013904223U;
        crowd_see(&crowd, &people[(dice >> 16) % size]);
        sum += crowd.size;
    }
    ck_assert_uint_ge(sum / events, size / 2);
    ck_assert_uint_le(sum / events, size * 2);
}
END_TEST

START_TEST(core_one_that_talks_is_no_crowd)
{
    struct crowd crowd = {0};
    for (unsigned i = 0; i < 100000; i++) {
        crowd_see(&crowd, i % 10 == 0 ? &people[1 + i / 10 % (PEOPLE - 1)] : &people[0]);
    }
    take_turns(&crowd, 1, CROWD_MAX + ROUNDS); /* whoever was watched is forgotten */
    ck_assert_uint_le(crowd.size, ROUNDING + 1);
}
END_TEST

START_TEST(limits_watched_one_that_stays_away)
{
    struct crowd crowd = {0};
    static const char gone;
    crowd_see(&crowd, &gone);
    take_turns(&crowd, 1, CROWD_MAX - 1);
    ck_assert_uint_eq(crowd.size, 0);
    take_turns(&crowd, 1, 1);
    ck_assert_uint_eq(crowd.size, CROWD_MAX / 4);
    take_turns(&crowd, 1, ROUNDS);
    ck_assert_uint_le(crowd.size, ROUNDING + 1);
}
END_TEST

START_TEST(hostile_nobody_comes_twice)
{
    struct crowd crowd = {0};
    char *many = malloc((size_t)CROWD_MAX * ROUNDS);
    ck_assert_ptr_nonnull(many);
    for (size_t i = 0; i < (size_t)CROWD_MAX * ROUNDS; i++) {
        crowd_see(&crowd, &many[i]);
        ck_assert_uint_le(crowd.size, CROWD_MAX);
    }
    ck_assert_uint_ge(crowd.size + ROUNDING, CROWD_MAX);
    free(many);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("crowd");
    TCase *core = tcase_create("core");
    tcase_add_loop_test(core, core_turns_in_order, 0, (int)(sizeof(sizes) / sizeof(sizes[0])));
    tcase_add_test(core, core_turns_at_random);
    tcase_add_test(core, core_one_that_talks_is_no_crowd);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_watched_one_that_stays_away);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_nobody_comes_twice);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
