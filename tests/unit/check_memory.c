/*
 * check_memory - what a session holds is counted block by block, and past a cap it ends in the way that frees it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "server/session/session_private.h"

enum { SESSION_CAP = 1024 * 1024, POOL_CAP = 2 * SESSION_CAP };

/* One session on one loop, without a socket: nothing is written before session_output_end(). */
static struct session_pool *pool;
static const struct config *config;
static struct session session;

static void report(void *context, bool is_error, const char *line)
{
    (void)context;
    (void)is_error;
    puts(line);
}

static const struct config *load(const char *text)
{
    char path[] = "/tmp/check_memory.XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    const struct config *loaded = config_load(path, report, NULL);
    unlink(path);
    ck_assert_ptr_nonnull(loaded);
    return loaded;
}

static void set_up(void)
{
    config = load("limits = { send_queue = \"64K\"; session_memory = \"1M\"; memory = \"2M\"; };\n");
    pool = session_pool_create(&(struct session_pool_setup){.threads = 1}, NULL, NULL);
    ck_assert_ptr_nonnull(pool);
    session = (struct session){.home = &pool->loops[0], .config = config, .transport = {.fd = -1}};
    reader_init(&session.reader);
    queue_init(&session.queue);
    session_output_begin(&session);
}

static void tear_down(void)
{
    timer_cancel(loop_timers(session.home->loop), &session.timer);
    reader_deinit(&session.reader);
    queue_deinit(&session.queue);
    session_uncount_memory(&session);
    ck_assert_uint_eq(pool->loops[0].memory, 0);
    session_pool_destroy(&pool);
    config_unref(&config);
}

/* Half of a message of `size` bytes that is longer than the session may hold. */
static void receive(size_t size)
{
    static uint8_t bytes[2 * SESSION_CAP];
    static const uint8_t header[] = {0x82, 0xFF, 0, 0, 0, 0, 0x01, 0, 0, 0, 0, 0, 0, 0}; /* 16 MiB, key 0 */
    const struct reader_limits limits = {.max_message = 32 << 20, .max_fragments = 1};
    ck_assert_uint_le(size, sizeof(bytes) - sizeof(header));
    memcpy(bytes, header, sizeof(header));
    uint8_t *at = bytes;
    size += sizeof(header);
    struct reader_output output;
    ck_assert_int_eq(reader_next(&session.reader, &limits, &at, &size, &output), READER_MORE);
}

static void fill_queue(size_t size)
{
    static const uint8_t bytes[2 * SESSION_CAP];
    ck_assert_uint_le(size, sizeof(bytes));
    ck_assert(queue_append(&session.queue, bytes, size, session_queue_capacity_max(&session)));
}

START_TEST(core_blocks_are_counted)
{
    session_count_memory(&session);
    ck_assert_uint_eq(session.memory, 0);
    fill_queue(3000);
    session_count_memory(&session);
    ck_assert_uint_eq(session.memory, queue_capacity(&session.queue));
    ck_assert_uint_eq(pool->loops[0].memory, session.memory);
    ck_assert_uint_eq(session_pool_memory(pool), 0); /* too little to tell */
    receive(100000);
    session_count_memory(&session);
    ck_assert_uint_eq(session.memory, queue_capacity(&session.queue) + reader_memory(&session.reader));
    ck_assert_uint_eq(session_pool_memory(pool), session.memory);
    reader_deinit(&session.reader);
    session_count_memory(&session);
    ck_assert_uint_eq(session.memory, queue_capacity(&session.queue));
    ck_assert_uint_eq(session_pool_memory(pool), session.memory);
    ck_assert_int_eq(session.state, SESSION_OPEN);
}
END_TEST

START_TEST(core_the_pool_is_short_by_less_than_a_step)
{
    uint32_t seed = 1;
    for (int i = 0; i < 2000; i++) {
        seed = seed * 1664525 + 1013904223;
        queue_deinit(&session.queue);
        fill_queue(1 + seed % 60000);
        session_count_memory(&session);
        size_t told = session_pool_memory(pool);
        size_t held = pool->loops[0].memory;
        ck_assert_uint_lt(held > told ? held - told : told - held, 64 * 1024);
    }
}
END_TEST

START_TEST(limits_queue_grows_no_further_than_need_be)
{
    fill_queue(SESSION_CAP / 2 + 1);
    ck_assert_uint_eq(queue_capacity(&session.queue), SESSION_CAP);
    queue_deinit(&session.queue);
    receive(SESSION_CAP / 4);
    fill_queue(SESSION_CAP / 2 + 1);
    ck_assert_uint_lt(queue_capacity(&session.queue), SESSION_CAP);
    session_count_memory(&session);
    ck_assert_uint_eq(session.memory, SESSION_CAP);
    ck_assert_int_eq(session.state, SESSION_OPEN);
}
END_TEST

START_TEST(hostile_one_that_reads_is_told)
{
    receive(SESSION_CAP);
    session_count_memory(&session);
    ck_assert_int_eq(session.state, SESSION_LEAVING);
    ck_assert_int_eq(session.cause, CAUSE_SESSION_MEMORY);
    ck_assert_uint_eq(session.code_sent, 1009);
    ck_assert_uint_gt(pool->loops[0].output_size, 0);
    ck_assert_uint_eq(session.memory, 0);
    ck_assert_uint_eq(session_pool_memory(pool), 0);
}
END_TEST

START_TEST(hostile_one_that_does_not_is_cut_off)
{
    fill_queue(SESSION_CAP + 1);
    session_count_memory(&session);
    ck_assert_int_eq(session.state, SESSION_DEAD);
    ck_assert_int_eq(session.cause, CAUSE_SESSION_MEMORY);
    ck_assert_uint_eq(session.code_sent, 0);
}
END_TEST

/* The others hold all but a little. Who gives back or needs little is left alone. */
START_TEST(hostile_everybody_together)
{
    atomic_fetch_add(&pool->memory, POOL_CAP);
    fill_queue(3000);
    session_count_memory(&session);
    ck_assert_int_eq(session.state, SESSION_OPEN);
    receive(5000);
    session_count_memory(&session);
    ck_assert_int_eq(session.state, SESSION_DEAD);
    ck_assert_int_eq(session.cause, CAUSE_SERVER_MEMORY);

    session.state = SESSION_OPEN;
    queue_consume(&session.queue, 3000);
    session_count_memory(&session);
    ck_assert_int_eq(session.state, SESSION_OPEN);
    receive(100000);
    session_count_memory(&session);
    ck_assert_int_eq(session.state, SESSION_LEAVING);
    ck_assert_uint_eq(session.code_sent, 1013);
    ck_assert_uint_eq(session_pool_memory(pool), POOL_CAP);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tests = tcase_create(name);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    suite_add_tcase(suite, tests);
    return tests;
}

int main(void)
{
    Suite *suite = suite_create("memory");
    TCase *core = add_case(suite, "core");
    tcase_add_test(core, core_blocks_are_counted);
    tcase_add_test(core, core_the_pool_is_short_by_less_than_a_step);
    TCase *limits = add_case(suite, "limits");
    tcase_add_test(limits, limits_queue_grows_no_further_than_need_be);
    TCase *hostile = add_case(suite, "hostile");
    tcase_add_test(hostile, hostile_one_that_reads_is_told);
    tcase_add_test(hostile, hostile_one_that_does_not_is_cut_off);
    tcase_add_test(hostile, hostile_everybody_together);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
