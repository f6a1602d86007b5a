/*
 * check_users - no user has more seats than he may, the oldest goes first and only once, and threads do not lose count.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "server/session/users.h"

#define SEATS 8

static struct users *users;
static struct users_seat seats[SEATS];

static void set_up(void)
{
    users = users_create();
    ck_assert_ptr_nonnull(users);
    for (int i = 0; i < SEATS; i++) {
        users_seat_init(&seats[i]);
    }
}

static void tear_down(void)
{
    for (int i = 0; i < SEATS; i++) {
        users_leave(users, &seats[i]);
    }
    users_destroy(&users);
    ck_assert_ptr_null(users);
}

static enum users_status take(int seat, const char *user, size_t max, bool replace, struct users_seat **oldest)
{
    return users_take(users, &seats[seat], user, max, replace, oldest);
}

static void take_freely(int seat, const char *user)
{
    struct users_seat *oldest = &seats[0];
    ck_assert_int_eq(take(seat, user, 0, false, &oldest), USERS_OK);
    ck_assert_ptr_null(oldest);
}

START_TEST(core_refuses_past_the_limit)
{
    struct users_seat *oldest = NULL;
    ck_assert_int_eq(take(0, "ann", 2, false, &oldest), USERS_OK);
    ck_assert_int_eq(take(1, "ann", 2, false, &oldest), USERS_OK);
    ck_assert_int_eq(take(2, "ann", 2, false, &oldest), USERS_FULL);
    ck_assert_uint_eq(users_count(users, "ann"), 2);
    ck_assert_int_eq(take(2, "anna", 2, false, &oldest), USERS_OK);
    users_leave(users, &seats[0]);
    users_leave(users, &seats[0]); /* once more makes no difference */
    ck_assert_uint_eq(users_count(users, "ann"), 1);
    ck_assert_int_eq(take(3, "ann", 2, false, &oldest), USERS_OK);
    ck_assert_int_eq(take(4, "ann", 2, false, &oldest), USERS_FULL);
    ck_assert_ptr_null(oldest);
    ck_assert_uint_eq(users_count(users, "nobody"), 0);
}
END_TEST

START_TEST(core_oldest_makes_room)
{
    struct users_seat *oldest = NULL;
    take_freely(0, "ann");
    take_freely(1, "ann");
    ck_assert_int_eq(take(2, "ann", 2, true, &oldest), USERS_OK);
    ck_assert_ptr_eq(oldest, &seats[0]);
    ck_assert(!users_seat_release(oldest)); /* its owner has one, too */
    ck_assert_int_eq(take(3, "ann", 2, true, &oldest), USERS_OK);
    ck_assert_ptr_eq(oldest, &seats[1]); /* the first has been told already */
    ck_assert(!users_seat_release(oldest));
    ck_assert_uint_eq(users_count(users, "ann"), 2);
    users_leave(users, &seats[0]);
    users_leave(users, &seats[1]);
    ck_assert_uint_eq(users_count(users, "ann"), 2);
    ck_assert(users_seat_release(&seats[0]));
}
END_TEST

START_TEST(limits_lowered_meanwhile)
{
    struct users_seat *oldest = NULL;
    for (int i = 0; i < 4; i++) {
        take_freely(i, "ann");
    }
    ck_assert_int_eq(take(4, "ann", 2, false, &oldest), USERS_FULL);
    ck_assert_int_eq(take(4, "ann", 2, true, &oldest), USERS_OK);
    ck_assert_ptr_eq(oldest, &seats[0]);
    ck_assert_uint_eq(users_count(users, "ann"), 4);
}
END_TEST

/* Far more users than there were buckets at first. */
START_TEST(limits_many_users)
{
    enum { COUNT = 20000 };
    static struct users_seat many[COUNT];
    char name[32];
    struct users_seat *oldest = NULL;
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(name, sizeof(name), "user-%d", i / 2);
        users_seat_init(&many[i]);
        ck_assert_int_eq(users_take(users, &many[i], name, 2, false, &oldest), USERS_OK);
    }
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(name, sizeof(name), "user-%d", i / 2);
        ck_assert_uint_eq(users_count(users, name), i % 2 == 0 ? 2 : 1);
        users_leave(users, &many[i]);
    }
}
END_TEST

/* ---- many threads ---- */

enum { THREADS = 4, ROUNDS = 20000, NAMES = 3 };

static void *come_and_go(void *argument)
{
    uint32_t seed = (uint32_t)(uintptr_t)argument;
    static const char *const names[NAMES] = {"ann", "bob", "eve"};
    for (int i = 0; i < ROUNDS; i++) {
        struct users_seat *own = malloc(sizeof(*own));
        struct users_seat *oldest = NULL;
        seed = seed * 1664525 + 1013904223;
        ck_assert_ptr_nonnull(own);
        users_seat_init(own);
        bool replace = (seed >> 20) % 2 == 0;
        if (users_take(users, own, names[(seed >> 8) % NAMES], 2, replace, &oldest) == USERS_OK) {
            if (oldest != NULL && users_seat_release(oldest)) {
                free(oldest);
            }
            users_leave(users, own);
        }
        if (users_seat_release(own)) {
            free(own);
        }
    }
    return NULL;
}

START_TEST(hostile_threads)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, come_and_go, (void *)(i + 1)), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    ck_assert_uint_eq(users_count(users, "ann"), 0);
    ck_assert_uint_eq(users_count(users, "bob"), 0);
    ck_assert_uint_eq(users_count(users, "eve"), 0);
}
END_TEST

static void add(Suite *suite, const char *name, const TTest *const *tests, size_t count)
{
    TCase *tests_case = tcase_create(name);
    tcase_add_checked_fixture(tests_case, set_up, tear_down);
    for (size_t i = 0; i < count; i++) {
        tcase_add_test(tests_case, tests[i]);
    }
    suite_add_tcase(suite, tests_case);
}

int main(void)
{
    Suite *suite = suite_create("users");
    const TTest *const core[] = {core_refuses_past_the_limit, core_oldest_makes_room};
    const TTest *const limits[] = {limits_lowered_meanwhile, limits_many_users};
    const TTest *const hostile[] = {hostile_threads};
    add(suite, "core", core, 2);
    add(suite, "limits", limits, 2);
    add(suite, "hostile", hostile, 1);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
