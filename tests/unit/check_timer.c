/*
 * check_timer - the timing wheel against a naive list of timers, and the awkward moments: callbacks that set, cancel and free.
 */
#include <stdlib.h>

#include <check.h>

#include "runner.h"
#include "server/loop/list.h"
#include "server/loop/timer.h"

struct probe {
    struct timer timer;
    unsigned fired;
    uint64_t fired_ms;
    uint64_t again_ms; /* set again for that long after now, once */
    struct probe *cancels;
};

static struct timer_wheel wheel;

static void on_due(struct timer *timer, uint64_t now_ms)
{
    struct probe *probe = CONTAINER_OF(timer, struct probe, timer);
    probe->fired++;
    probe->fired_ms = now_ms;
    if (probe->cancels != NULL) {
        timer_cancel(&wheel, &probe->cancels->timer);
    }
    if (probe->again_ms != 0) {
        timer_set(&wheel, timer, now_ms + probe->again_ms);
        probe->again_ms = 0;
    }
}

static void probe_init(struct probe *probe)
{
    *probe = (struct probe){.fired = 0};
    timer_init(&probe->timer, on_due);
}

START_TEST(core_fires_once_and_never_early)
{
    static const uint64_t delays[] = {0, 1, 7, 8, 9, 100, 16383, 16384, 16385, 20000, 100000, 3600000};
    for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        struct probe probe;
        uint64_t start_ms = 1000003;
        timer_wheel_init(&wheel, start_ms);
        probe_init(&probe);
        timer_set(&wheel, &probe.timer, start_ms + delays[i]);
        ck_assert(timer_is_set(&probe.timer));
        uint64_t now_ms = start_ms;
        while (probe.fired == 0) {
            int wait_ms = timer_wheel_wait_ms(&wheel, now_ms);
            ck_assert_int_ge(wait_ms, 0);
            now_ms += wait_ms == 0 ? 1 : (uint64_t)wait_ms;
            timer_wheel_run(&wheel, now_ms);
            ck_assert_msg(now_ms <= start_ms + delays[i] + 2 * TIMER_TICK_MS, "delay %d is late", (int)delays[i]);
        }
        ck_assert_uint_ge(probe.fired_ms, start_ms + delays[i]);
        ck_assert(!timer_is_set(&probe.timer));
        timer_wheel_run(&wheel, now_ms + 10000000);
        ck_assert_uint_eq(probe.fired, 1);
    }
}
END_TEST

START_TEST(core_empty_wheel_waits_for_ever)
{
    timer_wheel_init(&wheel, 5);
    ck_assert_int_eq(timer_wheel_wait_ms(&wheel, 5), -1);
    struct probe probe;
    probe_init(&probe);
    timer_set(&wheel, &probe.timer, 1000);
    timer_cancel(&wheel, &probe.timer);
    timer_cancel(&wheel, &probe.timer);
    ck_assert(!timer_is_set(&probe.timer));
    timer_wheel_run(&wheel, 100000);
    ck_assert_uint_eq(probe.fired, 0);
    ck_assert_int_eq(timer_wheel_wait_ms(&wheel, 100000), -1);
}
END_TEST

START_TEST(core_set_earlier_moves_only_forward)
{
    struct probe probe;
    timer_wheel_init(&wheel, 0);
    probe_init(&probe);
    timer_set_earlier(&wheel, &probe.timer, 500);
    timer_set_earlier(&wheel, &probe.timer, 900);
    ck_assert_uint_eq(probe.timer.due_ms, 500);
    timer_set_earlier(&wheel, &probe.timer, 100);
    ck_assert_uint_eq(probe.timer.due_ms, 100);
}
END_TEST

START_TEST(limits_callback_sets_itself_and_cancels_another)
{
    struct probe first;
    struct probe second;
    timer_wheel_init(&wheel, 0);
    probe_init(&first);
    probe_init(&second);
    first.cancels = &second;
    first.again_ms = 50;
    timer_set(&wheel, &first.timer, 40);
    timer_set(&wheel, &second.timer, 40);
    timer_wheel_run(&wheel, 48);
    ck_assert_uint_eq(first.fired, 1);
    ck_assert_uint_eq(second.fired, 0);
    ck_assert(timer_is_set(&first.timer));
    timer_wheel_run(&wheel, 120);
    ck_assert_uint_eq(first.fired, 2);
}
END_TEST

START_TEST(limits_set_again_at_once_does_not_spin)
{
    struct probe probe;
    timer_wheel_init(&wheel, 0);
    probe_init(&probe);
    probe.again_ms = 1;
    timer_set(&wheel, &probe.timer, 8);
    timer_wheel_run(&wheel, 8);
    ck_assert_uint_eq(probe.fired, 1);
    timer_wheel_run(&wheel, 24);
    ck_assert_uint_eq(probe.fired, 2);
}
END_TEST

START_TEST(hostile_long_pause_and_many_timers)
{
    enum { COUNT = 5000 };
    static struct probe probes[COUNT];
    uint32_t seed = 12345;
    uint64_t start_ms = 77;
    timer_wheel_init(&wheel, start_ms);
    uint64_t due[COUNT];
    for (int i = 0; i < COUNT; i++) {
        probe_init(&probes[i]);
        seed = seed * 1664525 + 1013904223;
        due[i] = start_ms + seed % 200000;
        timer_set(&wheel, &probes[i].timer, due[i]);
    }
    uint64_t now_ms = start_ms;
    while (now_ms < start_ms + 300000) {
        seed = seed * 1664525 + 1013904223;
        now_ms += seed % 30000; /* now and then more than a whole turn of the wheel */
        timer_wheel_run(&wheel, now_ms);
        for (int i = 0; i < COUNT; i++) {
            bool must = due[i] + TIMER_TICK_MS <= now_ms;
            bool may = due[i] <= now_ms;
            ck_assert(!must || probes[i].fired == 1);
            ck_assert(may || probes[i].fired == 0);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("timer");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_fires_once_and_never_early);
    tcase_add_test(core, core_empty_wheel_waits_for_ever);
    tcase_add_test(core, core_set_earlier_moves_only_forward);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_callback_sets_itself_and_cancels_another);
    tcase_add_test(limits, limits_set_again_at_once_does_not_spin);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_long_pause_and_many_timers);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
