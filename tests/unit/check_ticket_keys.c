/*
 * check_ticket_keys - keys of session tickets by a clock that the test moves: which seals, which still opens, which is gone.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "runner.h"
#include "server/lobby/ticket_keys.h"

#define HOUR UINT64_C(3600000)

static struct ticket_keys *make(uint64_t rotation_ms, uint64_t now_ms)
{
    struct ticket_keys *keys = ticket_keys_create(rotation_ms, now_ms);
    ck_assert_ptr_nonnull(keys);
    return keys;
}

static enum ticket_age find(struct ticket_keys *keys, const struct ticket_key *wanted)
{
    struct ticket_key found;
    memset(&found, 0xa5, sizeof(found));
    enum ticket_age age = ticket_keys_find(keys, wanted->name, &found);
    if (age != TICKET_UNKNOWN) {
        ck_assert_mem_eq(&found, wanted, sizeof(found));
    }
    return age;
}

START_TEST(core_rotation)
{
    struct ticket_key key[5];
    struct ticket_keys *keys = make(HOUR, 1000);
    ticket_keys_current(keys, &key[0]);
    ck_assert_uint_eq(ticket_keys_rotate(keys, 1000), 1000 + HOUR);
    ck_assert_uint_eq(ticket_keys_rotate(keys, 999 + HOUR), 1000 + HOUR);
    ck_assert_int_eq(find(keys, &key[0]), TICKET_CURRENT);
    for (uint64_t i = 1; i < 5; i++) {
        ck_assert_uint_eq(ticket_keys_rotate(keys, 1000 + i * HOUR), 1000 + (i + 1) * HOUR);
        ticket_keys_current(keys, &key[i]);
        ck_assert_int_eq(find(keys, &key[i]), TICKET_CURRENT);
        /* The last ticket it sealed is from the end of its hour, and valid for two more. */
        for (uint64_t j = 0; j < i; j++) {
            ck_assert_int_eq(find(keys, &key[j]), i - j <= TICKET_LIFE_ROTATIONS ? TICKET_OLD : TICKET_UNKNOWN);
        }
    }
    ticket_keys_destroy(&keys);
    ck_assert_ptr_null(keys);
}
END_TEST

START_TEST(core_keys_differ)
{
    struct ticket_key first;
    struct ticket_key second;
    struct ticket_keys *keys = make(HOUR, 0);
    ticket_keys_current(keys, &first);
    ticket_keys_rotate(keys, HOUR);
    ticket_keys_current(keys, &second);
    ck_assert_mem_ne(first.name, second.name, sizeof(first.name));
    ck_assert_mem_ne(first.cipher, second.cipher, sizeof(first.cipher));
    ck_assert_mem_ne(first.mac, second.mac, sizeof(first.mac));
    ck_assert_mem_ne(first.mac, first.cipher, sizeof(first.mac));
    ticket_keys_destroy(&keys);
}
END_TEST

START_TEST(limits_late_rotation)
{
    struct ticket_key first;
    struct ticket_keys *keys = make(HOUR, 0);
    ticket_keys_current(keys, &first);
    /* Nobody called for long: what is too old by now goes at once. */
    ck_assert_uint_eq(ticket_keys_rotate(keys, 10 * HOUR), 11 * HOUR);
    ck_assert_int_eq(find(keys, &first), TICKET_UNKNOWN);
    ticket_keys_destroy(&keys);
}
END_TEST

START_TEST(limits_changed_rotation)
{
    struct ticket_key first;
    struct ticket_key second;
    struct ticket_keys *keys = make(0, 0);
    ticket_keys_current(keys, &first);
    ck_assert_uint_eq(ticket_keys_rotate(keys, 100 * HOUR), UINT64_MAX);
    ck_assert_int_eq(find(keys, &first), TICKET_CURRENT);
    ticket_keys_set_rotation(keys, HOUR);
    ck_assert_uint_eq(ticket_keys_rotate(keys, 101 * HOUR), 102 * HOUR);
    ck_assert_int_eq(find(keys, &first), TICKET_UNKNOWN);
    ticket_keys_current(keys, &second);
    ticket_keys_rotate(keys, 102 * HOUR);
    ck_assert_int_eq(find(keys, &second), TICKET_OLD);
    /* Off: the old ones are wiped, the current one stands still. */
    ticket_keys_set_rotation(keys, 0);
    ck_assert_uint_eq(ticket_keys_rotate(keys, 102 * HOUR), UINT64_MAX);
    ck_assert_int_eq(find(keys, &second), TICKET_UNKNOWN);
    ticket_keys_destroy(&keys);
}
END_TEST

START_TEST(hostile_names)
{
    struct ticket_key key;
    struct ticket_keys *keys = make(HOUR, 0);
    ticket_keys_current(keys, &key);
    for (size_t i = 0; i < sizeof(key.name); i++) {
        struct ticket_key other = key;
        other.name[i] ^= 1;
        ck_assert_int_eq(find(keys, &other), TICKET_UNKNOWN);
    }
    struct ticket_key nothing;
    memset(&nothing, 0, sizeof(nothing));
    ck_assert_int_eq(find(keys, &nothing), TICKET_UNKNOWN);
    ticket_keys_destroy(&keys);
}
END_TEST

static atomic_bool stop;

/* A key is seen whole: what the current one is called, it is found by, with the same secrets, as long as it is in the ring. */
static void *look(void *context)
{
    struct ticket_keys *keys = context;
    struct ticket_key key;
    struct ticket_key found;
    uintptr_t wrong = 0;
    while (!atomic_load(&stop)) {
        ticket_keys_current(keys, &key);
        if (ticket_keys_find(keys, key.name, &found) != TICKET_UNKNOWN && memcmp(&key, &found, sizeof(key)) != 0) {
            wrong++;
        }
    }
    return (void *)wrong;
}

START_TEST(hostile_threads)
{
    pthread_t threads[2];
    struct ticket_keys *keys = make(1, 0);
    atomic_store(&stop, false);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, look, keys), 0);
    }
    for (uint64_t now = 1; now < 5000; now++) {
        ck_assert_uint_eq(ticket_keys_rotate(keys, now), now + 1);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 2; i++) {
        void *wrong = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
        ck_assert_ptr_null(wrong);
    }
    ticket_keys_destroy(&keys);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ticket_keys");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_rotation);
    tcase_add_test(core, core_keys_differ);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_late_rotation);
    tcase_add_test(limits, limits_changed_rotation);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_names);
    tcase_add_test(hostile, hostile_threads);
    tcase_set_timeout(hostile, 60);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
