/*
 * check_reader_memory - what a reader costs: nothing while it is idle or messages come whole, and otherwise what has
 * arrived, whatever was declared.
 *
 * Linked with --wrap=realloc: the reader's requests for memory are counted, and can be made to fail.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "player.h"
#include "runner.h"

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);

static size_t allocations;      /* of the reader so far */
static size_t allocations_most; /* from this one on they fail */
static size_t allocation_largest;

/* Stands for the realloc() of all that is linked statically, the test framework included. */
void *__wrap_realloc(void *old, size_t size)
{
    if (!player_in_reader) {
        return __real_realloc(old, size);
    }
    if (allocations == allocations_most) {
        return NULL;
    }
    allocations++;
    allocation_largest = size > allocation_largest ? size : allocation_largest;
    return __real_realloc(old, size);
}

static void setup(void)
{
    allocations = 0;
    allocations_most = SIZE_MAX;
    allocation_largest = 0;
}

START_TEST(core_whole_messages_cost_no_memory)
{
    struct player player;
    struct stream stream = {0};
    player_init(&player, &usual_limits);
    for (size_t i = 0; i < 10; i++) {
        stream_add_frame(&stream, TEXT, (const uint8_t *)"Hello", 5);
        stream_add_frame(&stream, PING, (const uint8_t *)"x", 1);
        stream_add_frame(&stream, BINARY, (const uint8_t *)"", 0);
    }
    player_feed(&player, stream.bytes, stream.size);
    ck_assert_uint_eq(allocations, 0);
    ck_assert(!reader_is_midway(&player.reader));
    player_deinit(&player);
    free(stream.bytes);
}
END_TEST

/* An idle session carries a reader for hours. */
START_TEST(core_reader_is_small)
{
    ck_assert_uint_le(sizeof(struct reader), 16);
}
END_TEST

/* A peer that declares 2 GiB, where that is allowed, and sends a little. */
START_TEST(hostile_declared_length_costs_nothing)
{
    enum { ARRIVING = 100000 };
    const struct reader_limits limits = {.max_message = UINT64_C(1) << 32, .max_fragments = 2};
    const uint8_t header[] = {0x82, 0xFF, 0, 0, 0, 0, 0x80, 0, 0, 0, 1, 2, 3, 4};
    struct player player;
    player_init(&player, &limits);
    player_feed(&player, header, sizeof(header));
    for (size_t arrived = 0; arrived < ARRIVING; arrived++) {
        size_t memory = reader_memory(&player.reader);
        if (memory > 2 * arrived + 512 || memory < arrived) {
            ck_abort_msg("%zu bytes for %zu", memory, arrived);
        }
        player_feed(&player, header, 1);
    }
    ck_assert_uint_le(allocations, 20);
    ck_assert_uint_le(allocation_largest, 2 * ARRIVING + 512);
    ck_assert_str_eq(player_text(&player), "");
    player_deinit(&player);
}
END_TEST

/* A message that ends with its frame gets no more room than that frame. */
START_TEST(limits_memory_ends_with_the_frame)
{
    struct player player;
    struct stream stream = {0};
    uint8_t letters[1000];
    memset(letters, 'x', sizeof(letters));
    stream_add_frame(&stream, BINARY, letters, 600);
    player_init(&player, &usual_limits);
    for (size_t i = 0; i < stream.size; i++) {
        player_feed(&player, stream.bytes + i, 1);
    }
    ck_assert_uint_le(allocation_largest, 600 + 256);
    ck_assert_uint_eq(reader_memory(&player.reader), 0);
    player_deinit(&player);
    free(stream.bytes);
}
END_TEST

static void check_many_fragments(size_t count, size_t payload_size)
{
    const struct reader_limits limits = {.max_message = count, .max_fragments = (uint32_t)count};
    struct player player;
    struct stream stream = {0};
    for (size_t i = 0; i < count; i++) {
        uint8_t first = i == 0 ? TEXT_FIRST : i == count - 1 ? LAST : 0;
        stream_add_frame(&stream, first, (const uint8_t *)"x", payload_size);
    }
    char *expect = letters_text("text", count * payload_size);
    setup();
    player_init(&player, &limits);
    player_feed(&player, stream.bytes, stream.size);
    ck_assert(strcmp(player_text(&player), expect) == 0);
    ck_assert_uint_le(allocations, 20); /* the copying that growth costs is linear in all */
    ck_assert_uint_eq(reader_memory(&player.reader), 0);
    player_deinit(&player);
    free(expect);
    free(stream.bytes);
}

START_TEST(hostile_many_fragments)
{
    check_many_fragments(100000, 0);
    check_many_fragments(100000, 1);
}
END_TEST

/* Wherever memory runs out, the stream ends with an error of its own, and nothing is kept. */
START_TEST(hostile_no_memory)
{
    static const struct frame frames[] = {
        {TEXT_FIRST, PAYLOAD("0123456789012345678901234567890123456789012345678901234567890123456789")},
        {PING, PAYLOAD("in between")},
        {MIDDLE, PAYLOAD("0123456789012345678901234567890123456789012345678901234567890123456789")},
        {LAST, PAYLOAD("0123456789012345678901234567890123456789012345678901234567890123456789")},
    };
    struct stream stream = stream_of(frames, ARRAY_COUNT(frames));
    size_t failures = 0;
    for (size_t most = 0; most < 10; most++) {
        setup();
        allocations_most = most;
        struct player player;
        player_init(&player, &usual_limits);
        for (size_t i = 0; i < stream.size; i++) {
            player_feed(&player, stream.bytes + i, 1);
        }
        const char *text = player_text(&player);
        bool failed = strstr(text, "error(out of memory) ") != NULL;
        ck_assert(failed == (strstr(text, "text[") == NULL));
        ck_assert_uint_eq(reader_memory(&player.reader), 0);
        failures += failed;
        player_deinit(&player);
    }
    setup();
    allocations_most = 0;
    struct player player;
    player_init(&player, &usual_limits);
    player_feed(&player, stream.bytes, stream.size);
    ck_assert_str_eq(player_text(&player), "error(out of memory) ");
    player_deinit(&player);
    ck_assert_uint_ge(failures, 2);
    ck_assert_uint_lt(failures, 10);
    free(stream.bytes);
}
END_TEST

/* What a Close cuts off will never be whole. */
START_TEST(core_nothing_kept_after_close)
{
    static const struct frame frames[] = {{TEXT_FIRST, PAYLOAD("Hel")}, {CLOSE, PAYLOAD("\x03\xE8why")}};
    struct stream stream = stream_of(frames, ARRAY_COUNT(frames));
    for (size_t cut = 0; cut < stream.size; cut++) {
        struct player player;
        player_init(&player, &usual_limits);
        player_feed(&player, stream.bytes, cut);
        player_feed(&player, stream.bytes + cut, stream.size - cut);
        ck_assert_str_eq(player_text(&player), "close 1000[why] ");
        ck_assert_uint_eq(reader_memory(&player.reader), 0);
        ck_assert(!reader_is_midway(&player.reader));
        player_deinit(&player);
    }
    free(stream.bytes);
}
END_TEST

START_TEST(core_deinit_midway)
{
    struct reader reader;
    reader_init(&reader);
    uint8_t stream[] = {0x01, 0x82, 0, 0, 0, 0, 'a'};
    uint8_t *bytes = stream;
    size_t size = sizeof(stream);
    struct reader_output output;
    ck_assert_int_eq(reader_next(&reader, &usual_limits, &bytes, &size, &output), READER_MORE);
    ck_assert(reader_is_midway(&reader));
    ck_assert_uint_gt(reader_memory(&reader), 0);
    reader_deinit(&reader);
    ck_assert_uint_eq(reader_memory(&reader), 0);
    ck_assert(!reader_is_midway(&reader));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reader_memory");
    TCase *core = tcase_create("core");
    tcase_add_checked_fixture(core, setup, NULL);
    tcase_add_test(core, core_whole_messages_cost_no_memory);
    tcase_add_test(core, core_reader_is_small);
    tcase_add_test(core, core_nothing_kept_after_close);
    tcase_add_test(core, core_deinit_midway);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_checked_fixture(limits, setup, NULL);
    tcase_set_timeout(limits, 60);
    tcase_add_test(limits, limits_memory_ends_with_the_frame);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_checked_fixture(hostile, setup, NULL);
    tcase_set_timeout(hostile, 60);
    tcase_add_test(hostile, hostile_declared_length_costs_nothing);
    tcase_add_test(hostile, hostile_many_fragments);
    tcase_add_test(hostile, hostile_no_memory);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
