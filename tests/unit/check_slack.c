/*
 * check_slack - memory is given back after a burst, once, and not while connections come and go.
 */
#include <stdlib.h>

#include <check.h>

#include "server/slack.h"

START_TEST(core_after_a_burst_once)
{
    struct slack slack = {0};
    uint64_t now_ms = 1000;
    for (uint64_t turnover = 0; turnover <= 3000; turnover += 300) {
        ck_assert(!slack_look(&slack, turnover, now_ms));
        ck_assert_uint_eq(slack.look_ms, now_ms + (turnover == 0 ? SLACK_QUIET_MS : SLACK_BURST_MS));
        now_ms = slack.look_ms;
    }
    ck_assert(slack_look(&slack, 3000, now_ms));
    ck_assert_uint_eq(slack.look_ms, now_ms + SLACK_QUIET_MS);
    for (int i = 0; i < 10; i++) {
        now_ms = slack.look_ms;
        ck_assert(!slack_look(&slack, 3000, now_ms));
    }
    /* They leave. */
    ck_assert(!slack_look(&slack, 6000, slack.look_ms));
    ck_assert(slack_look(&slack, 6000, slack.look_ms));
}
END_TEST

START_TEST(core_not_before_its_time)
{
    struct slack slack = {0};
    ck_assert(!slack_look(&slack, 3000, 1000));
    ck_assert(!slack_look(&slack, 3000, slack.look_ms - 1));
    ck_assert(slack_look(&slack, 3000, slack.look_ms));
}
END_TEST

START_TEST(limits_a_few_sessions_are_rest)
{
    static const struct {
        uint64_t each; /* look */
        uint64_t looks;
        bool given;
    } rows[] = {
        {0, 1000, false},
        {SLACK_REST_MAX, SLACK_TURNOVER_MIN / SLACK_REST_MAX - 1, false},
        {SLACK_REST_MAX, SLACK_TURNOVER_MIN / SLACK_REST_MAX, true},
        {SLACK_REST_MAX + 1, 1000, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slack slack = {0};
        bool given = false;
        for (uint64_t look = 1; look <= rows[i].looks; look++) {
            given = slack_look(&slack, look * rows[i].each, slack.look_ms) || given;
        }
        ck_assert_msg(given == rows[i].given, "row %zu", i);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("slack");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_after_a_burst_once);
    tcase_add_test(core, core_not_before_its_time);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_a_few_sessions_are_rest);
    suite_add_tcase(suite, limits);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
