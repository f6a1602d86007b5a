/*
 * check_hatch - records through pairs of sockets that are used again, as civetweb takes them: by a duplicate that it shuts down and
 * closes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "server/lobby/hatch.h"

static struct loop *loop;
static struct hatch_set set;

static void set_up(void)
{
    loop = loop_create(1);
    ck_assert_ptr_nonnull(loop);
    hatch_set_init(&set, loop);
}

static void tear_down(void)
{
    hatch_set_deinit(&set);
    loop_destroy(&loop);
}

static struct hatch take(void)
{
    struct hatch hatch;
    ck_assert(hatch_take(&set, &hatch));
    return hatch;
}

static int pass(const struct hatch *hatch, const char *first, const char *second)
{
    struct iovec pieces[] = {{(void *)(uintptr_t)first, strlen(first)}, {(void *)(uintptr_t)second, strlen(second)}};
    return hatch_pass(hatch, pieces, 2);
}

static void assert_reads(int fd, const char *expected)
{
    char bytes[64];
    ssize_t size = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    ck_assert_int_eq(size, (ssize_t)strlen(expected));
    ck_assert_mem_eq(bytes, expected, strlen(expected));
}

START_TEST(core_a_hatch_works_again_and_again)
{
    int first = -1;
    for (int i = 0; i < 3; i++) {
        struct hatch hatch = take();
        ck_assert(first < 0 || hatch.in == first);
        first = hatch.in;
        int fd = pass(&hatch, "GET / ", "HTTP/1.1");
        ck_assert_int_ge(fd, 0);
        assert_reads(fd, "GET / HTTP/1.1");
        ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
        ck_assert_int_eq(close(fd), 0);
        hatch_return(&set, &hatch);
    }
    ck_assert_uint_eq(set.count, 1);
}
END_TEST

START_TEST(limits_so_many_are_kept)
{
    struct hatch hatches[HATCHES_KEPT + 2];
    for (size_t i = 0; i < HATCHES_KEPT + 2; i++) {
        hatches[i] = take();
    }
    for (size_t i = 0; i < HATCHES_KEPT + 2; i++) {
        hatch_return(&set, &hatches[i]);
        ck_assert_int_eq(hatches[i].in, -1);
    }
    ck_assert_uint_eq(set.count, HATCHES_KEPT);
}
END_TEST

START_TEST(limits_what_is_not_needed_is_closed)
{
    struct hatch one = take();
    struct hatch other = take();
    hatch_return(&set, &one);
    hatch_return(&set, &other);
    struct hatch used = take(); /* one of the two is needed */
    hatch_return(&set, &used);
    ck_assert(timer_is_set(&set.timer));
    set.timer.on_due(&set.timer, 0);
    ck_assert_uint_eq(set.count, 1);
    ck_assert(timer_is_set(&set.timer));
    used = take();
    hatch_return(&set, &used);
    set.timer.on_due(&set.timer, 0);
    ck_assert_uint_eq(set.count, 1);
    set.timer.on_due(&set.timer, 0);
    ck_assert_uint_eq(set.count, 0);
}
END_TEST

START_TEST(hostile_what_was_not_read_is_not_mixed_with_the_next)
{
    struct hatch hatch = take();
    int fd = pass(&hatch, "one", "");
    int next = pass(&hatch, "two", "");
    assert_reads(fd, "one");
    assert_reads(next, "two");
    close(fd);
    close(next);
    hatch_close(&hatch);
}
END_TEST

START_TEST(hostile_nothing_comes_back)
{
    struct hatch hatch = take();
    int fd = pass(&hatch, "one", "");
    ck_assert_int_eq(send(fd, "x", 1, MSG_NOSIGNAL), -1);
    ck_assert_int_eq(close(fd), 0);
    hatch_close(&hatch);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hatch");
    TCase *core = tcase_create("core");
    tcase_add_checked_fixture(core, set_up, tear_down);
    tcase_add_test(core, core_a_hatch_works_again_and_again);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_checked_fixture(limits, set_up, tear_down);
    tcase_add_test(limits, limits_so_many_are_kept);
    tcase_add_test(limits, limits_what_is_not_needed_is_closed);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_checked_fixture(hostile, set_up, tear_down);
    tcase_add_test(hostile, hostile_what_was_not_read_is_not_mixed_with_the_next);
    tcase_add_test(hostile, hostile_nothing_comes_back);
    suite_add_tcase(suite, hostile);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
