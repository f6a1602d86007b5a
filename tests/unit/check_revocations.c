/*
 * Tests of revocations: against a list that is looked through from end to end, and with threads that read while others write.
 */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/revocations.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define STEPS        20000
#define LIST_MAX     STEPS

static uint64_t state = 1;

static unsigned draw(unsigned bound)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(state >> 33) % bound;
}

static struct revocation make(uint64_t id, enum revocation_kind kind, const char *subject, int64_t before_s)
{
    return (struct revocation){
        .id = id, .kind = kind, .subject = subject, .before_s = before_s, .until_s = 100, .by = "x", .reason = ""};
}

static void add(struct revocations *revocations, uint64_t id, enum revocation_kind kind, const char *subject,
                int64_t before_s)
{
    const struct revocation revocation = make(id, kind, subject, before_s);
    ck_assert_int_eq(revocations_add(revocations, &revocation), REVOCATION_OK);
}

static bool match(struct revocations *revocations, const char *user, const char *token_id, int64_t issued_at_s)
{
    const struct identity identity = {.user = user, .token_id = token_id, .issued_at_s = issued_at_s};
    return revocations_match(revocations, &identity);
}

START_TEST(test_kinds)
{
    struct revocations *revocations = revocations_create();
    ck_assert(!match(revocations, "u", "j", IDENTITY_NO_TIME));
    add(revocations, 1, REVOCATION_USER, "u", 50);
    ck_assert(match(revocations, "u", "", 50));
    ck_assert(match(revocations, "u", "", IDENTITY_NO_TIME));
    ck_assert(!match(revocations, "u", "", 51));
    ck_assert(!match(revocations, "v", "u", 50));
    add(revocations, 2, REVOCATION_TOKEN, "j", 0);
    ck_assert(match(revocations, "v", "j", 51));
    ck_assert(!match(revocations, "j", "", 51));
    ck_assert(revocations_remove(revocations, 1));
    ck_assert(!revocations_remove(revocations, 1));
    ck_assert(!match(revocations, "u", "", 50));
    add(revocations, 3, REVOCATION_ISSUED_BEFORE, "", 50);
    ck_assert(match(revocations, "u", "", 49));
    ck_assert(!match(revocations, "u", "", 50));
    ck_assert(match(revocations, "u", "", IDENTITY_NO_TIME));
    ck_assert_uint_eq(revocations_count(revocations), 2);
    ck_assert_uint_eq(revocations_expire(revocations, 99), 0);
    ck_assert_uint_eq(revocations_expire(revocations, 100), 2);
    ck_assert_uint_eq(revocations_count(revocations), 0);
    ck_assert(!match(revocations, "u", "j", IDENTITY_NO_TIME));
    revocations_destroy(&revocations);
    ck_assert_ptr_null(revocations);
    revocations_destroy(&revocations);
}
END_TEST

START_TEST(test_same)
{
    struct revocations *revocations = revocations_create();
    add(revocations, 1, REVOCATION_USER, "u", 50);
    add(revocations, 2, REVOCATION_USER, "u", 60);
    add(revocations, 3, REVOCATION_USER, "u", 50); /* in the place of 1 */
    ck_assert_uint_eq(revocations_count(revocations), 2);
    ck_assert(!revocations_remove(revocations, 1));
    ck_assert(revocations_remove(revocations, 2));
    ck_assert(match(revocations, "u", "", 50));
    ck_assert(!match(revocations, "u", "", 51)); /* the later one has gone */
    add(revocations, 4, REVOCATION_TOKEN, "j", 7);
    add(revocations, 5, REVOCATION_TOKEN, "j", 8); /* one, for its time means nothing */
    ck_assert_uint_eq(revocations_count(revocations), 2);
    add(revocations, 3, REVOCATION_USER, "v", 70); /* an id that is taken: the new one has it */
    ck_assert_uint_eq(revocations_count(revocations), 2);
    ck_assert(!match(revocations, "u", "", 50));
    ck_assert(match(revocations, "v", "", 70));
    revocations_destroy(&revocations);
}
END_TEST

/* Said again, it is kept until the later end, whichever of the two has it. */
START_TEST(test_later_end)
{
    static const int64_t ends[][2] = {{100, 200}, {200, 100}, {IDENTITY_FOREVER, 100}};
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct revocations *revocations = revocations_create();
        for (size_t j = 0; j < 2; j++) {
            struct revocation revocation = make(j + 1, REVOCATION_TOKEN, "j", 0);
            revocation.until_s = ends[i][j];
            ck_assert_int_eq(revocations_add(revocations, &revocation), REVOCATION_OK);
        }
        ck_assert_uint_eq(revocations_expire(revocations, 199), 0);
        ck_assert(match(revocations, "u", "j", 0));
        revocations_destroy(&revocations);
    }
}
END_TEST

/* Copies: what it was told of may go. */
START_TEST(test_copies)
{
    struct revocations *revocations = revocations_create();
    char subject[] = "user";
    add(revocations, 1, REVOCATION_USER, subject, 50);
    memset(subject, 'x', sizeof(subject) - 1);
    ck_assert(match(revocations, "user", "", 1));
    ck_assert(!match(revocations, "xxxx", "", 1));
    revocations_destroy(&revocations);
}
END_TEST

/* ---- the list ---- */

static struct revocation list[LIST_MAX];
static size_t list_count;
static const char *const subjects[] = {"", "a", "b", "c", "aa"};

static void list_drop(size_t index)
{
    list[index] = list[--list_count];
}

static void list_add(const struct revocation *revocation)
{
    struct revocation added = *revocation;
    for (size_t i = list_count; i-- > 0;) {
        const bool same_time = revocation->kind == REVOCATION_TOKEN || list[i].before_s == revocation->before_s;
        const bool same =
            list[i].kind == revocation->kind && same_time && strcmp(list[i].subject, revocation->subject) == 0;
        if (same && list[i].until_s > added.until_s) {
            added.until_s = list[i].until_s;
        }
        if (same || list[i].id == revocation->id) {
            list_drop(i);
        }
    }
    list[list_count++] = added;
}

static bool list_remove(uint64_t id)
{
    for (size_t i = 0; i < list_count; i++) {
        if (list[i].id == id) {
            list_drop(i);
            return true;
        }
    }
    return false;
}

static size_t list_expire(int64_t now_s)
{
    size_t dropped = 0;
    for (size_t i = list_count; i-- > 0;) {
        if (list[i].until_s <= now_s) {
            list_drop(i);
            dropped++;
        }
    }
    return dropped;
}

static bool list_match(const struct identity *identity)
{
    for (size_t i = 0; i < list_count; i++) {
        const bool none = identity->issued_at_s == IDENTITY_NO_TIME;
        switch (list[i].kind) {
        case REVOCATION_USER:
            if (strcmp(list[i].subject, identity->user) == 0 && (none || identity->issued_at_s <= list[i].before_s)) {
                return true;
            }
            break;
        case REVOCATION_TOKEN:
            if (identity->token_id[0] != '\0' && strcmp(list[i].subject, identity->token_id) == 0) {
                return true;
            }
            break;
        case REVOCATION_ISSUED_BEFORE:
            if (none || identity->issued_at_s < list[i].before_s) {
                return true;
            }
            break;
        }
    }
    return false;
}

static void change(struct revocations *revocations)
{
    const unsigned what = draw(100);
    if (what < 30) {
        /* Rarely one about all: it would leave little to be seen of the others. */
        const enum revocation_kind kind = draw(20) == 0  ? REVOCATION_ISSUED_BEFORE
                                          : draw(2) == 0 ? REVOCATION_USER
                                                         : REVOCATION_TOKEN;
        struct revocation revocation =
            make(1 + draw(200), kind, kind == REVOCATION_ISSUED_BEFORE ? "" : subjects[1 + draw(COUNT(subjects) - 1)],
                 kind == REVOCATION_ISSUED_BEFORE ? draw(4) : draw(20));
        revocation.until_s = draw(1000);
        ck_assert_int_eq(revocations_add(revocations, &revocation), REVOCATION_OK);
        list_add(&revocation);
    } else if (what < 99) {
        const uint64_t id = 1 + draw(200);
        ck_assert(revocations_remove(revocations, id) == list_remove(id));
    } else {
        const int64_t now_s = draw(500);
        ck_assert_uint_eq(revocations_expire(revocations, now_s), list_expire(now_s));
    }
}

START_TEST(test_list)
{
    struct revocations *revocations = revocations_create();
    unsigned matched = 0;
    for (unsigned i = 0; i < STEPS; i++) {
        change(revocations);
        ck_assert_uint_eq(revocations_count(revocations), list_count);
        for (unsigned j = 0; j < 8; j++) {
            const struct identity identity = {
                .user = subjects[1 + draw(COUNT(subjects) - 1)],
                .token_id = subjects[draw(COUNT(subjects))],
                .issued_at_s = draw(10) == 0 ? IDENTITY_NO_TIME : draw(45),
            };
            const bool wanted = list_match(&identity);
            ck_assert(revocations_match(revocations, &identity) == wanted);
            matched += wanted;
        }
    }
    ck_assert_uint_gt(matched, STEPS);
    ck_assert_uint_lt(matched, 7 * STEPS); /* of eight */
    revocations_destroy(&revocations);
}
END_TEST

/* ---- limits ---- */

/* As many as may be, all of one user, which a list would take hours for; then one more. */
START_TEST(test_full)
{
    struct revocations *revocations = revocations_create();
    for (unsigned i = 0; i < REVOCATIONS_MAX; i++) {
        add(revocations, i + 1, REVOCATION_USER, "u", i);
    }
    const struct revocation more = make(REVOCATIONS_MAX + 1, REVOCATION_USER, "v", 1);
    ck_assert_int_eq(revocations_add(revocations, &more), REVOCATION_FULL);
    ck_assert(!match(revocations, "v", "", 0));
    add(revocations, 5, REVOCATION_USER, "u", 4); /* one that is there already may come again */
    ck_assert_uint_eq(revocations_count(revocations), REVOCATIONS_MAX);
    ck_assert(match(revocations, "u", "", REVOCATIONS_MAX - 1));
    ck_assert(!match(revocations, "u", "", REVOCATIONS_MAX));
    ck_assert_uint_eq(revocations_expire(revocations, 100), REVOCATIONS_MAX);
    ck_assert_int_eq(revocations_add(revocations, &more), REVOCATION_OK);
    revocations_destroy(&revocations);
}
END_TEST

/* ---- threads ---- */

struct readers {
    struct revocations *revocations;
    atomic_bool stop;
    atomic_uint looked;
};

/* "always" is revoked all the time, "never" at no time, whatever else comes and goes. */
static void *read_all(void *readers_pointer)
{
    struct readers *readers = readers_pointer;
    unsigned wrong = 0;
    do {
        wrong += !match(readers->revocations, "always", "", 1);
        wrong += match(readers->revocations, "never", "j", 1000);
        atomic_fetch_add(&readers->looked, 1);
    } while (!atomic_load(&readers->stop));
    return wrong == 0 ? NULL : readers;
}

START_TEST(test_threads)
{
    struct readers readers = {.revocations = revocations_create()};
    pthread_t threads[2];
    add(readers.revocations, 1, REVOCATION_USER, "always", 10);
    for (size_t i = 0; i < COUNT(threads); i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_all, &readers), 0);
    }
    for (unsigned i = 0; i < 2000 || atomic_load(&readers.looked) < 100; i++) {
        char subject[16];
        (void)snprintf(subject, sizeof(subject), "%u", draw(50));
        add(readers.revocations, 2 + draw(100), draw(2) == 0 ? REVOCATION_USER : REVOCATION_TOKEN, subject, draw(20));
        (void)revocations_remove(readers.revocations, 2 + draw(100));
    }
    atomic_store(&readers.stop, true);
    for (size_t i = 0; i < COUNT(threads); i++) {
        void *wrong = NULL;
        ck_assert_int_eq(pthread_join(threads[i], &wrong), 0);
        ck_assert_ptr_null(wrong);
    }
    revocations_destroy(&readers.revocations);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("revocations");
    TCase *core = tcase_create("core");
    TCase *limits = tcase_create("limits");
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(core, test_kinds);
    tcase_add_test(core, test_same);
    tcase_add_test(core, test_later_end);
    tcase_add_test(core, test_copies);
    tcase_add_test(core, test_list);
    tcase_set_timeout(limits, 240); /* a million allocations and more, under a sanitizer on a busy machine */
    tcase_add_test(limits, test_full);
    tcase_add_test(hostile, test_threads);
    suite_add_tcase(suite, core);
    suite_add_tcase(suite, limits);
    suite_add_tcase(suite, hostile);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
