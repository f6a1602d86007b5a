/*
 * check_memory - what a session holds is counted block by block, and past a cap it ends in the way that frees it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "runner.h"
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
    ck_assert_uint_eq(pool->loops[0].memory, pool->loops[0].compression_memory);
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

/* A message whose compressed form needs a large buffer of the loop's, as if sent. */
static void compress_large(void)
{
    static const uint8_t bytes[SESSION_CAP / 2];
    struct compression *compression = &session.home->compression;
    const struct extension_agreed agreed = {.deflate = true, .server_window_bits = 15};
    const struct codec_terms terms = {.agreed = &agreed, .config = config, .max_message = config->limits.max_message};
    const struct deflater_message message = {.body = bytes, .body_size = sizeof(bytes)};
    size_t size = 0;
    ck_assert_int_eq(compression_deflate(compression, &session.codec, &terms, &message, &size), DEFLATER_OK);
    ck_assert_uint_gt(compression->deflated.capacity, sizeof(bytes));
    session_settle_compression(&session, &compression->deflated);
}

static void run_timers_s(unsigned seconds)
{
    static uint64_t later_ms;
    later_ms += seconds * UINT64_C(1000);
    timer_wheel_run(loop_timers(session.home->loop), loop_now_ms(session.home->loop) + later_ms);
}

/* Counted, kept while there are more such messages, and given back then; the streams stay. */
START_TEST(core_large_buffers_of_the_loop)
{
    const struct compression *compression = &session.home->compression;
    compress_large();
    ck_assert_uint_eq(session_pool_memory(pool), compression_memory(compression));
    ck_assert_uint_gt(session_pool_memory(pool), compression->deflated.capacity);
    const uint8_t *kept = compression->deflated.bytes;
    run_timers_s(2);
    ck_assert_ptr_eq(compression->deflated.bytes, kept); /* used in the time before */
    compress_large();
    ck_assert_ptr_eq(compression->deflated.bytes, kept);
    run_timers_s(2);
    ck_assert_ptr_eq(compression->deflated.bytes, kept);
    run_timers_s(2);
    ck_assert_ptr_null(compression->deflated.bytes);
    ck_assert_uint_eq(pool->loops[0].memory, compression->streams_memory);
    ck_assert_uint_eq(session_pool_memory(pool), compression->streams_memory);
    ck_assert_uint_gt(compression->streams_memory, 0);
}
END_TEST

START_TEST(limits_large_buffers_go_when_memory_is_short)
{
    atomic_fetch_add(&pool->memory, POOL_CAP - SESSION_CAP / 2);
    compress_large();
    ck_assert_ptr_null(session.home->compression.deflated.bytes);
    ck_assert_uint_eq(pool->loops[0].memory, session.home->compression.streams_memory);
    ck_assert_int_eq(session.state, SESSION_OPEN);
}
END_TEST

/* After a reload: sessions of two levels send in turn, and one with more memory. */
START_TEST(core_streams_are_shared_by_levels)
{
    const struct config *configs[2] = {load("compression = { level = 1; };"), load("compression = { level = 9; };")};
    const struct config *more = load("compression = { memory_level = 9; };");
    struct compression *compression = &session.home->compression;
    const struct extension_agreed agreed = {.deflate = true, .server_window_bits = 15};
    static const uint8_t bytes[100 * 1024];
    struct deflater_message message = {.body = bytes, .body_size = sizeof(bytes)};
    const struct deflater *first = NULL;
    size_t size = 0;
    for (int i = 0; i < 10; i++) {
        const struct codec_terms terms = {.agreed = &agreed, .config = configs[i % 2]};
        ck_assert_int_eq(compression_deflate(compression, &session.codec, &terms, &message, &size), DEFLATER_OK);
        first = i == 0 ? compression->full[15] : first;
        ck_assert_ptr_eq(compression->full[15], first);
        ck_assert_uint_eq(deflater_options(first)->level, i % 2 == 0 ? 1 : 9);
    }
    size_t before = compression->streams_memory;
    const struct codec_terms most = {.agreed = &agreed, .config = more};
    ck_assert_int_eq(compression_deflate(compression, &session.codec, &most, &message, &size), DEFLATER_OK);
    ck_assert_uint_eq(compression->streams_memory - before, 128 * 1024); /* 2^(9 + 9) instead of 2^(8 + 9) */
    first = compression->full[15];
    const struct codec_terms less = {.agreed = &agreed, .config = configs[0]};
    ck_assert_int_eq(compression_deflate(compression, &session.codec, &less, &message, &size), DEFLATER_OK);
    ck_assert_ptr_eq(compression->full[15], first);
    config_unref(&configs[0]);
    config_unref(&configs[1]);
    config_unref(&more);
}
END_TEST

/* The inflated message takes what is left. */
START_TEST(hostile_inflated_past_the_cap)
{
    static const uint8_t hello[] = {0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00}; /* RFC 7692 section 7.2.3.1 */
    const struct extension_agreed agreed = {.deflate = true};
    const struct codec_terms terms = {.agreed = &agreed, .config = config, .max_message = config->limits.max_message};
    const struct reader_output message = {
        .opcode = WS_TEXT, .data = (uint8_t *)(uintptr_t)hello, .size = sizeof(hello)};
    size_t size = 0;
    atomic_fetch_add(&pool->memory, POOL_CAP);
    ck_assert_int_eq(compression_inflate(&session.home->compression, &session.codec, &terms, &message, &size),
                     INFLATER_OK);
    session_count_inflated(&session);
    ck_assert_int_eq(session.state, SESSION_LEAVING);
    ck_assert_int_eq(session.cause, CAUSE_SERVER_MEMORY);
    ck_assert_uint_eq(session.code_sent, 1013);
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
    tcase_add_test(core, core_large_buffers_of_the_loop);
    tcase_add_test(core, core_streams_are_shared_by_levels);
    TCase *limits = add_case(suite, "limits");
    tcase_add_test(limits, limits_large_buffers_go_when_memory_is_short);
    tcase_add_test(limits, limits_queue_grows_no_further_than_need_be);
    TCase *hostile = add_case(suite, "hostile");
    tcase_add_test(hostile, hostile_one_that_reads_is_told);
    tcase_add_test(hostile, hostile_one_that_does_not_is_cut_off);
    tcase_add_test(hostile, hostile_everybody_together);
    tcase_add_test(hostile, hostile_inflated_past_the_cap);
    return runner_run(suite);
}
