/*
 * check_snapshot - values that are replaced while others read them. Worth most under ThreadSanitizer and
 * AddressSanitizer, which see a value that is freed too early.
 */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "runner.h"
#include "server/gate/snapshot.h"

enum {
    READERS = 6,
    WRITERS = 2,
    REPLACEMENTS = 1000, /* by each writer */
};

/* Both halves are equal while the value may be read. */
struct value {
    uint64_t number;
    uint64_t inverse;
};

static struct value *value_new(uint64_t number)
{
    struct value *value = malloc(sizeof(*value));
    ck_assert_ptr_nonnull(value);
    *value = (struct value){.number = number, .inverse = ~number};
    return value;
}

static void value_free(struct value *value)
{
    value->inverse = value->number; /* whoever still reads it sees that */
    free(value);
}

START_TEST(core_replace)
{
    int values[3] = {0, 1, 2};
    struct snapshot *snapshot = snapshot_create(&values[0]);
    ck_assert_ptr_nonnull(snapshot);
    struct snapshot_reader outer = snapshot_enter(snapshot);
    struct snapshot_reader inner = snapshot_enter(snapshot);
    ck_assert_ptr_eq(outer.value, &values[0]);
    ck_assert_ptr_eq(inner.value, &values[0]);
    snapshot_leave(snapshot, outer);
    snapshot_leave(snapshot, inner);
    ck_assert_ptr_eq(snapshot_replace(snapshot, &values[1]), &values[0]);
    ck_assert_ptr_eq(snapshot_replace(snapshot, &values[2]), &values[1]);
    struct snapshot_reader last = snapshot_enter(snapshot);
    ck_assert_ptr_eq(last.value, &values[2]);
    snapshot_leave(snapshot, last);
    ck_assert_ptr_eq(snapshot_destroy(&snapshot), &values[2]);
    ck_assert_ptr_null(snapshot);
    ck_assert_ptr_null(snapshot_destroy(&snapshot));
}
END_TEST

struct replacement {
    struct snapshot *snapshot;
    int *value;
    atomic_bool done;
};

static void *replace_once(void *argument)
{
    struct replacement *replacement = argument;
    snapshot_replace(replacement->snapshot, replacement->value);
    atomic_store(&replacement->done, true);
    return NULL;
}

/* The old value is handed back only when its last reader has left; newcomers meanwhile read the new one. */
START_TEST(core_waits_for_readers)
{
    int values[8] = {0};
    struct snapshot *snapshot = snapshot_create(&values[0]);
    ck_assert_ptr_nonnull(snapshot);
    for (size_t round = 1; round < sizeof(values) / sizeof(values[0]); round++) {
        struct replacement replacement = {.snapshot = snapshot, .value = &values[round]};
        struct snapshot_reader old = snapshot_enter(snapshot);
        ck_assert_ptr_eq(old.value, &values[round - 1]);

        pthread_t writer;
        ck_assert_int_eq(pthread_create(&writer, NULL, replace_once, &replacement), 0);
        const void *seen;
        do {
            struct snapshot_reader probe = snapshot_enter(snapshot);
            seen = probe.value;
            snapshot_leave(snapshot, probe);
        } while (seen != &values[round]);
        for (int i = 0; i < 1000; i++) { /* chances for a writer that does not wait */
            ck_assert(!atomic_load(&replacement.done));
            sched_yield();
        }
        struct snapshot_reader newcomer = snapshot_enter(snapshot);
        ck_assert_ptr_eq(newcomer.value, &values[round]);
        snapshot_leave(snapshot, newcomer);

        snapshot_leave(snapshot, old);
        ck_assert_int_eq(pthread_join(writer, NULL), 0);
        ck_assert(atomic_load(&replacement.done));
    }
    snapshot_destroy(&snapshot);
}
END_TEST

struct crowd {
    struct snapshot *snapshot;
    pthread_barrier_t start;
    atomic_uint numbers;
    atomic_uint bad_readings;
    atomic_bool stop;
};

static void *read_always(void *argument)
{
    struct crowd *crowd = argument;
    pthread_barrier_wait(&crowd->start);
    while (!atomic_load_explicit(&crowd->stop, memory_order_relaxed)) {
        struct snapshot_reader reader = snapshot_enter(crowd->snapshot);
        const struct value *value = reader.value;
        if (value->inverse != ~value->number) {
            atomic_fetch_add(&crowd->bad_readings, 1);
        }
        snapshot_leave(crowd->snapshot, reader);
    }
    return NULL;
}

static void *replace_often(void *argument)
{
    struct crowd *crowd = argument;
    pthread_barrier_wait(&crowd->start);
    for (int i = 0; i < REPLACEMENTS; i++) {
        struct value *value = value_new(atomic_fetch_add(&crowd->numbers, 1));
        value_free(snapshot_replace(crowd->snapshot, value));
    }
    return NULL;
}

/* The readers never pause: that the writers come to an end at all shows that they cannot be starved. */
START_TEST(hostile_steady_readers)
{
    struct crowd crowd = {.snapshot = snapshot_create(value_new(0))};
    ck_assert_ptr_nonnull(crowd.snapshot);
    ck_assert_int_eq(pthread_barrier_init(&crowd.start, NULL, READERS + WRITERS), 0);
    pthread_t readers[READERS];
    pthread_t writers[WRITERS];
    for (size_t i = 0; i < READERS; i++) {
        ck_assert_int_eq(pthread_create(&readers[i], NULL, read_always, &crowd), 0);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        ck_assert_int_eq(pthread_create(&writers[i], NULL, replace_often, &crowd), 0);
    }
    for (size_t i = 0; i < WRITERS; i++) {
        ck_assert_int_eq(pthread_join(writers[i], NULL), 0);
    }
    atomic_store(&crowd.stop, true);
    for (size_t i = 0; i < READERS; i++) {
        ck_assert_int_eq(pthread_join(readers[i], NULL), 0);
    }
    pthread_barrier_destroy(&crowd.start);
    ck_assert_uint_eq(atomic_load(&crowd.bad_readings), 0);
    value_free(snapshot_destroy(&crowd.snapshot));
}
END_TEST

static void *read_once(void *argument)
{
    struct snapshot *snapshot = argument;
    struct snapshot_reader reader = snapshot_enter(snapshot);
    snapshot_leave(snapshot, reader);
    return NULL;
}

/* More threads than there are counters: they share. */
START_TEST(limits_many_threads)
{
    int values[2] = {0, 1};
    struct snapshot *snapshot = snapshot_create(&values[0]);
    ck_assert_ptr_nonnull(snapshot);
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, read_once, snapshot), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
    }
    ck_assert_ptr_eq(snapshot_replace(snapshot, &values[1]), &values[0]);
    snapshot_destroy(&snapshot);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot");
    TCase *core = tcase_create("core");
    tcase_set_timeout(core, 60);
    tcase_add_test(core, core_replace);
    tcase_add_test(core, core_waits_for_readers);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_set_timeout(limits, 60);
    tcase_add_test(limits, limits_many_threads);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_set_timeout(hostile, 100);
    tcase_add_test(hostile, hostile_steady_readers);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
