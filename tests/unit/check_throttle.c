/*
 * check_throttle - how many events of a kind pass in a period, what a kind is, and that peers cannot make kinds at will.
 */
#include "logging/throttle.h"
#include "runner.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

START_TEST(throttle_is_bounded)
{
    struct throttle *throttle = throttle_new();
    char key[32];
    unsigned admitted = 0;
    for (unsigned i = 0; i < 100 * THROTTLE_KINDS; i++) {
        (void)snprintf(key, sizeof key, "%u", i);
        admitted += throttle_admit(throttle, i == 5000 ? LOG_ERROR : LOG_INFO, "event", key);
    }
    ck_assert_uint_eq(admitted, THROTTLE_KINDS + THROTTLE_FULL);
    size_t count = 0;
    const struct throttle_entry *entries = throttle_turn(throttle, &count);
    ck_assert_uint_eq(count, THROTTLE_KINDS + 1);
    ck_assert_uint_eq(entries[0].count, 1);
    ck_assert_str_eq(entries[0].key, "0");
    ck_assert_uint_eq(entries[THROTTLE_KINDS].count, 99 * THROTTLE_KINDS);
    ck_assert_str_eq(entries[THROTTLE_KINDS].event, "other_events");
    ck_assert_int_eq(entries[THROTTLE_KINDS].level, LOG_ERROR);
    ck_assert(throttle_admit(throttle, LOG_INFO, "event", key));
    ck_assert_uint_eq(throttle_turn(throttle, &count)->count, 1);
    ck_assert_uint_eq(count, 1);
    (void)throttle_turn(throttle, &count);
    ck_assert_uint_eq(count, 0);
    throttle_free(&throttle);
}
END_TEST

START_TEST(throttle_tells_kinds_apart)
{
    static const struct {
        const char *event;
        const char *key;
    } kinds[] = {{"ab", "c"}, {"a", "bc"}, {"abc", ""}, {"abc", NULL}};
    struct throttle *throttle = throttle_new();
    for (size_t i = 0; i < THROTTLE_FULL * COUNT_OF(kinds); i++) {
        ck_assert(throttle_admit(throttle, LOG_INFO, kinds[i % COUNT_OF(kinds)].event, kinds[i % COUNT_OF(kinds)].key));
    }
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        ck_assert(!throttle_admit(throttle, LOG_INFO, kinds[i].event, kinds[i].key));
    }
    char huge[4 * THROTTLE_KEY_MAX];
    memset(huge, 'k', sizeof huge);
    huge[sizeof huge - 1] = '\0';
    ck_assert(throttle_admit(throttle, LOG_INFO, huge, huge));
    throttle_free(&throttle);
}
END_TEST

static Suite *throttle_suite(void)
{
    Suite *suite = suite_create("throttle");

    TCase *core = tcase_create("core");
    tcase_add_test(core, throttle_tells_kinds_apart);
    suite_add_tcase(suite, core);

    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, throttle_is_bounded);
    suite_add_tcase(suite, limits);
    return suite;
}

int main(void)
{
    return runner_run(throttle_suite());
}
