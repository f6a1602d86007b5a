/*
 * check_batch - many receives and sends at once: every result comes to its place, nothing waits, and a bad one harms no other. Where
 * the kernel refuses io_uring, as it does in many containers, there is nothing to be tested but that it says so.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "runner.h"
#include "server/loop/batch.h"

enum { MANY = 64, ROUNDS = 100 };

static struct batch *batch;
static int pairs[MANY][2];

static void set_up(void)
{
    batch = batch_create(MANY);
    if (batch == NULL) {
        ck_assert(errno == EPERM || errno == EACCES || errno == ENOSYS || errno == EINVAL);
        (void)fprintf(stderr, "no io_uring here: %s\n", strerror(errno));
    }
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pairs[i]), 0);
    }
}

static void tear_down(void)
{
    batch_destroy(&batch);
    batch_destroy(&batch); /* twice is nothing */
    for (int i = 0; i < MANY; i++) {
        close(pairs[i][0]);
        close(pairs[i][1]);
    }
}

START_TEST(core_all_arrive_where_they_belong)
{
    if (batch == NULL) {
        return;
    }
    for (int round = 0; round < ROUNDS; round++) {
        unsigned char sent[MANY];
        unsigned char received[MANY][8] = {{0}};
        int results[MANY];
        for (int i = 0; i < MANY; i++) {
            sent[i] = (unsigned char)(i + round);
            batch_send(batch, pairs[i][0], &sent[i], 1, &results[i]);
        }
        ck_assert(batch_run(batch));
        for (int i = 0; i < MANY; i++) {
            ck_assert_int_eq(results[i], 1);
            batch_receive(batch, pairs[i][1], received[i], sizeof(received[i]), &results[i]);
        }
        ck_assert(batch_run(batch));
        for (int i = 0; i < MANY; i++) {
            ck_assert_int_eq(results[i], 1);
            ck_assert_uint_eq(received[i][0], sent[i]);
        }
    }
}
END_TEST

START_TEST(core_nothing_to_do)
{
    ck_assert(batch == NULL || batch_run(batch));
}
END_TEST

START_TEST(limits_nothing_waits)
{
    if (batch == NULL) {
        return;
    }
    char byte;
    int empty;
    batch_receive(batch, pairs[0][1], &byte, 1, &empty);
    ck_assert(batch_run(batch));
    ck_assert_int_eq(empty, -EAGAIN);

    /* What a socket does not take is not waited for either, and what it takes is told. */
    size_t size = (size_t)8 << 20;
    char *much = calloc(1, size);
    int full;
    batch_send(batch, pairs[0][0], much, size, &full);
    ck_assert(batch_run(batch));
    ck_assert_int_gt(full, 0);
    ck_assert_int_lt(full, (int)size);
    batch_send(batch, pairs[0][0], much, size, &full);
    ck_assert(batch_run(batch));
    ck_assert_int_eq(full, -EAGAIN);
    free(much);
}
END_TEST

START_TEST(limits_no_places)
{
    ck_assert_ptr_null(batch_create(0));
}
END_TEST

/* SIGPIPE would end the process; the descriptor that is none stands first, where it could stop those behind it. */
START_TEST(hostile_one_that_fails_harms_no_other)
{
    if (batch == NULL) {
        return;
    }
    int gone[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gone), 0);
    close(gone[1]);
    char byte = 'x';
    char received = 0;
    int results[4];
    batch_send(batch, -1, &byte, 1, &results[0]);
    batch_send(batch, gone[0], &byte, 1, &results[1]);
    batch_receive(batch, gone[0], &received, 1, &results[2]);
    batch_send(batch, pairs[0][0], &byte, 1, &results[3]);
    ck_assert(batch_run(batch));
    ck_assert_int_eq(results[0], -EBADF);
    ck_assert_int_eq(results[1], -EPIPE);
    ck_assert_int_eq(results[2], 0);
    ck_assert_int_eq(results[3], 1);
    close(gone[0]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("batch");
    TCase *core = tcase_create("core");
    tcase_add_checked_fixture(core, set_up, tear_down);
    tcase_add_test(core, core_all_arrive_where_they_belong);
    tcase_add_test(core, core_nothing_to_do);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_checked_fixture(limits, set_up, tear_down);
    tcase_add_test(limits, limits_nothing_waits);
    tcase_add_test(limits, limits_no_places);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_checked_fixture(hostile, set_up, tear_down);
    tcase_add_test(hostile, hostile_one_that_fails_harms_no_other);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
