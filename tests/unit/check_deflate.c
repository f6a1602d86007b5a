/*
 * check_deflate - compressed messages both ways: the examples of RFC 7692, every window with and without context takeover,
 * data that is cut, corrupt, too large or no text.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <zlib.h>

#include "player.h"
#include "runner.h"
#include "server/ws/deflate.h"

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct inflater_limits usual = {.max_size = 1 << 20, .max_ratio = 0};

/* An inflater and what comes out of it. */
struct sink {
    struct inflater *inflater;
    struct deflate_buffer out;
    size_t size;
};

static struct sink sink_make(unsigned bits)
{
    struct sink sink = {.inflater = inflater_create(bits)};
    ck_assert_ptr_nonnull(sink.inflater);
    return sink;
}

static void sink_free(struct sink *sink)
{
    inflater_destroy(&sink->inflater);
    ck_assert_ptr_null(sink->inflater);
    deflate_buffer_free(&sink->out);
}

/* The payload is given in memory of exactly its size. */
static enum inflater_status pour(struct sink *sink, bool takeover, const void *bytes, size_t size, bool text,
                                 const struct inflater_limits *limits)
{
    uint8_t *payload = malloc(size > 0 ? size : 1);
    ck_assert_ptr_nonnull(payload);
    memcpy(payload, bytes, size);
    enum inflater_status status =
        inflater_message(sink->inflater, takeover, payload, size, text, limits, &sink->out, &sink->size);
    free(payload);
    return status;
}

struct row {
    const char *name;
    const char *payload;
    size_t size;
    const char *expect; /* NULL: corrupt */
};

#define HELLO "\xf2\x48\xcd\xc9\xc9\x07\x00"

static const struct row rows[] = {
    {"RFC 7692 §7.2.3.1: one block", PAYLOAD(HELLO), "Hello"},
    {"RFC 7692 §7.2.3.3: no compression", PAYLOAD("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), "Hello"},
    {"RFC 7692 §7.2.3.4: a final block", PAYLOAD("\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), "Hello"},
    {"RFC 7692 §7.2.3.5: two blocks", PAYLOAD("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), "Hello"},
    {"RFC 7692 §7.2.3.6: an empty message", PAYLOAD("\x00"), ""},
    {"an empty fixed block", PAYLOAD("\x02\x00"), ""},
    {"nothing at all", PAYLOAD(""), ""},
    {"two empty blocks", PAYLOAD("\x00\x00\x00\xff\xff\x00"), ""},
    {"a final stored block, then more", PAYLOAD("\x01\x02\x00\xfd\xffHi" HELLO), "HiHello"},
    {"final blocks in a row", PAYLOAD("\x03\x00\x03\x00\x03\x00\x00"), ""},
    {"ends with a final block", PAYLOAD("\xf3\x48\xcd\xc9\xc9\x07\x00"), "Hello"},
    {"ends with a final stored block", PAYLOAD("\x01\x02\x00\xfd\xffHi"), "Hi"},
    {"the empty block at the end is final", PAYLOAD("\x01"), ""},
    {"set bits in the padding of a stored header", PAYLOAD("\xf8"), ""},
    {"cut before the empty block", PAYLOAD("\xf2\x48\xcd\xc9\xc9\x07"), NULL},
    {"cut in a fixed block", PAYLOAD("\xf2\x48\xcd\xc9"), NULL},
    {"cut in a stored block by as much as is put back", PAYLOAD("\x00\x05\x00\xfa\xffH"), NULL},
    {"cut in a stored block", PAYLOAD("\x00\x05\x00\xfa\xff\x48\x65"), NULL},
    {"cut in a stored length", PAYLOAD("\x00\x05\x00"), NULL},
    {"the length of the empty block is there", PAYLOAD(HELLO "\x00"), NULL},
    {"the empty block is there", PAYLOAD(HELLO "\x00\x00\xff\xff"), NULL},
    {"a stored length that does not match", PAYLOAD("\x00\x05\x00\xfa\xfeHello\x00"), NULL},
    {"a reserved block type", PAYLOAD("\x07\x00"), NULL},
    {"a distance before the beginning", PAYLOAD("\x02\x03\x02\x00"), NULL},
    {"garbage behind a final block", PAYLOAD("\xf3\x48\xcd\xc9\xc9\x07\x00\xff\xff"), NULL},
    {"an empty block cut behind a final one", PAYLOAD("\xf3\x48\xcd\xc9\xc9\x07\x00\x00\x00"), NULL},
    {"a zlib header", PAYLOAD("\x78\x9c\xf2\x48\xcd\xc9\xc9\x07\x00"), NULL},
    {"text that is not compressed", PAYLOAD("Hello"), NULL},
    {"all ones", PAYLOAD("\xff\xff\xff\xff\xff\xff"), NULL},
};

START_TEST(core_rows)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        for (int takeover = 0; takeover < 2; takeover++) {
            struct sink sink = sink_make(15);
            enum inflater_status status = pour(&sink, takeover != 0, rows[i].payload, rows[i].size, true, &usual);
            if (rows[i].expect == NULL) {
                ck_assert_msg(status == INFLATER_CORRUPT, "%s: %s", rows[i].name, inflater_status_text(status));
            } else {
                ck_assert_msg(status == INFLATER_OK, "%s: %s", rows[i].name, inflater_status_text(status));
                ck_assert_msg(sink.size == strlen(rows[i].expect) &&
                                  (sink.size == 0 || memcmp(sink.out.bytes, rows[i].expect, sink.size) == 0),
                              "%s: %.*s", rows[i].name, (int)sink.size, (const char *)sink.out.bytes);
            }
            sink_free(&sink);
        }
    }
}
END_TEST

/* RFC 7692 §7.2.3.2: the second message refers to the first. */
START_TEST(core_takeover_of_the_rfc)
{
    struct sink sink = sink_make(15);
    static const char second[] = "\xf2\x00\x11\x00\x00";
    ck_assert_int_eq(pour(&sink, true, HELLO, 7, true, &usual), INFLATER_OK);
    ck_assert_int_eq(pour(&sink, true, "", 0, true, &usual), INFLATER_OK);
    ck_assert_int_eq(pour(&sink, true, second, 5, true, &usual), INFLATER_OK);
    ck_assert_uint_eq(sink.size, 5);
    ck_assert_mem_eq(sink.out.bytes, "Hello", 5);
    ck_assert_int_eq(pour(&sink, false, second, 5, true, &usual), INFLATER_CORRUPT);
    ck_assert_int_eq(pour(&sink, false, HELLO, 7, true, &usual), INFLATER_OK);
    sink_free(&sink);
}
END_TEST

/* A final block ends its stream, also for the messages behind it. */
START_TEST(core_messages_behind_a_final_block)
{
    struct sink sink = sink_make(15);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(pour(&sink, true, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8, true, &usual), INFLATER_OK);
        ck_assert_uint_eq(sink.size, 5);
        ck_assert_int_eq(pour(&sink, true, HELLO, 7, true, &usual), INFLATER_OK);
        ck_assert_uint_eq(sink.size, 5);
    }
    sink_free(&sink);
}
END_TEST

/* ---- there and back ---- */

enum kind { RUNS, JSON, RANDOM, MULTI_BYTE, KINDS };

static uint32_t seed = 1;

static uint8_t *make_message(enum kind kind, size_t size)
{
    static const char json[] = "{\"id\":123456,\"name\":\"somebody\",\"tags\":[\"a\",\"b\"],\"price\":12.5},";
    static const char multi[] = "µ€\U0001f600 ";
    uint8_t *bytes = malloc(size + 1);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < size; i++) {
        switch (kind) {
        case RUNS:
            bytes[i] = 'x';
            break;
        case JSON:
            bytes[i] = (uint8_t)json[(i + i / 997) % (sizeof(json) - 1)];
            break;
        case RANDOM:
            bytes[i] = (uint8_t)(next_random(&seed) >> 11);
            break;
        case MULTI_BYTE:
            bytes[i] = (uint8_t)multi[i % (sizeof(multi) - 1)];
            break;
        case KINDS:
            break;
        }
    }
    return bytes;
}

/* Inflates with zlib's own window, byte by byte into a buffer of one, so that no reference beyond it goes through. */
static void check_window(z_stream *stream, bool takeover, const uint8_t *payload, size_t packed_size,
                         const uint8_t *expect, size_t size)
{
    uint8_t *whole = malloc(packed_size + 4);
    ck_assert_ptr_nonnull(whole);
    memcpy(whole, payload, packed_size);
    memcpy(whole + packed_size, "\x00\x00\xff\xff", 4);
    ck_assert(takeover || inflateReset(stream) == Z_OK);
    stream->next_in = whole;
    stream->avail_in = (uInt)(packed_size + 4);
    for (size_t i = 0; i < size; i++) {
        uint8_t byte;
        stream->next_out = &byte;
        stream->avail_out = 1;
        int code = inflate(stream, Z_SYNC_FLUSH);
        if (code != Z_OK || stream->avail_out != 0 ||
            byte != expect[i]) { /* Check's own asserts cost a system call each */
            ck_abort_msg("byte %zu: %d, %s", i, code, stream->msg);
        }
    }
    uint8_t none;
    stream->next_out = &none;
    stream->avail_out = 1;
    (void)inflate(stream, Z_SYNC_FLUSH);
    ck_assert_uint_eq(stream->avail_out, 1);
    ck_assert_uint_eq(stream->avail_in, 0);
    free(whole);
}

static void check_there_and_back(const struct deflater_options *options, bool takeover)
{
    static const size_t sizes[] = {1, 16, 255, 257, 1024, 5000, 40000};
    struct deflater *deflater = deflater_create(options);
    ck_assert_ptr_nonnull(deflater);
    ck_assert_mem_eq(deflater_options(deflater), options, sizeof(*options));
    struct sink sink = sink_make(options->window_bits);
    z_stream stream = {0};
    ck_assert_int_eq(inflateInit2(&stream, -options->window_bits), Z_OK);
    struct deflate_buffer out = {0};
    for (size_t i = 0; i < ARRAY_COUNT(sizes) * KINDS; i++) {
        size_t size = sizes[i / KINDS];
        enum kind kind = (enum kind)(i % KINDS);
        uint8_t *bytes = make_message(kind, size);
        size_t cut = next_random(&seed) % (size + 1);
        const struct deflater_message message = {bytes, cut, bytes + cut, size - cut};
        size_t packed_size = 0;
        enum deflater_status status = deflater_message(deflater, takeover, &message, &out, &packed_size);
        if (status == DEFLATER_OK) {
            ck_assert(takeover || packed_size < size);
            check_window(&stream, takeover, out.bytes, packed_size, bytes, size);
            ck_assert_int_eq(pour(&sink, takeover, out.bytes, packed_size, false, &usual), INFLATER_OK);
            ck_assert_uint_eq(sink.size, size);
            ck_assert_mem_eq(sink.out.bytes, bytes, size);
        } else {
            ck_assert_int_eq(status, DEFLATER_SKIPPED);
            ck_assert_msg(!takeover && (kind == RANDOM || size < 257), "kind %d, %zu bytes: skipped", kind, size);
        }
        free(bytes);
    }
    deflate_buffer_free(&out);
    (void)inflateEnd(&stream);
    sink_free(&sink);
    deflater_destroy(&deflater);
    ck_assert_ptr_null(deflater);
}

START_TEST(core_there_and_back)
{
    const struct deflater_options options = {.window_bits = (uint8_t)_i, .level = 6, .memory_level = 8};
    check_there_and_back(&options, false);
    check_there_and_back(&options, true);
}
END_TEST

START_TEST(limits_levels)
{
    for (uint8_t memory_level = 1; memory_level <= 9; memory_level += 4) {
        const struct deflater_options options = {.window_bits = 12, .level = (uint8_t)_i, .memory_level = memory_level};
        check_there_and_back(&options, false);
        check_there_and_back(&options, true);
    }
}
END_TEST

START_TEST(limits_windows_for_sizes)
{
    ck_assert_uint_eq(deflater_window_for(0, 15), 9);
    ck_assert_uint_eq(deflater_window_for(250, 15), 9);
    ck_assert_uint_eq(deflater_window_for(251, 15), 10);
    ck_assert_uint_eq(deflater_window_for(32768 - 262, 15), 15);
    ck_assert_uint_eq(deflater_window_for(32768, 15), 0);
    ck_assert_uint_eq(deflater_window_for(1024, 10), 0);
    ck_assert_uint_eq(deflater_window_for(1, 8), 0);
    ck_assert_uint_eq(deflater_window_for(SIZE_MAX, 15), 0);
}
END_TEST

START_TEST(limits_bound)
{
    ck_assert_uint_eq(deflate_bound(0), 64);
    ck_assert_uint_ge(deflate_bound(65536), compressBound(65536));
    ck_assert_uint_eq(deflate_bound(UINT64_MAX), UINT64_MAX);
    ck_assert_uint_eq(deflate_bound(UINT64_MAX - 1000), UINT64_MAX);
}
END_TEST

START_TEST(limits_nothing_to_compress)
{
    const struct deflater_options options = {.window_bits = 15, .level = 1, .memory_level = 8};
    struct deflater *deflater = deflater_create(&options);
    struct deflate_buffer out = {0};
    size_t size = 0;
    const struct deflater_message empty = {.head = NULL};
    ck_assert_int_eq(deflater_message(deflater, false, &empty, &out, &size), DEFLATER_SKIPPED);
    ck_assert_int_eq(deflater_message(deflater, true, &empty, &out, &size), DEFLATER_SKIPPED);
    ck_assert_uint_eq(out.capacity, 0);
    deflate_buffer_free(&out);
    deflater_destroy(&deflater);
}
END_TEST

/* ---- caps ---- */

/* `size` zeros compressed 1,000 : 1. Owned by the caller. */
static uint8_t *make_bomb(size_t size, size_t *payload_size_r)
{
    uint8_t *zeros = calloc(1, size);
    ck_assert_ptr_nonnull(zeros);
    const struct deflater_options options = {.window_bits = 15, .level = 9, .memory_level = 9};
    struct deflater *deflater = deflater_create(&options);
    struct deflate_buffer out = {0};
    const struct deflater_message message = {.body = zeros, .body_size = size};
    ck_assert_int_eq(deflater_message(deflater, false, &message, &out, payload_size_r), DEFLATER_OK);
    deflater_destroy(&deflater);
    free(zeros);
    return out.bytes;
}

START_TEST(limits_of_size)
{
    struct sink sink = sink_make(15);
    for (size_t max = 0; max <= 6; max++) {
        const struct inflater_limits limits = {.max_size = max};
        enum inflater_status expect = max < 5 ? INFLATER_TOO_BIG : INFLATER_OK;
        ck_assert_int_eq(pour(&sink, false, HELLO, 7, true, &limits), expect);
        ck_assert_uint_le(sink.out.capacity, 4096);
    }
    ck_assert_int_eq(pour(&sink, false, HELLO, 7, true, &(struct inflater_limits){.max_size = UINT64_MAX}),
                     INFLATER_OK);
    sink_free(&sink);
}
END_TEST

START_TEST(hostile_bomb)
{
    size_t size = 0;
    uint8_t *bomb = make_bomb(32 << 20, &size);
    ck_assert_uint_lt(size, (32 << 20) / 1000);
    const struct {
        struct inflater_limits limits;
        enum inflater_status expect;
        size_t capacity; /* the most memory it may get */
    } cases[] = {
        {{.max_size = 65536}, INFLATER_TOO_BIG, 65537},
        {{.max_size = 64 << 20}, INFLATER_OK, 64 << 20},
        {{.max_size = 64 << 20, .max_ratio = 1032}, INFLATER_OK, 64 << 20},
        {{.max_size = 64 << 20, .max_ratio = 200}, INFLATER_RATIO, 200 * size + 1},
        {{.max_size = 64 << 20, .max_ratio = 1}, INFLATER_RATIO, (1 << 20) + 1},
        {{.max_size = 1 << 20, .max_ratio = 1}, INFLATER_TOO_BIG, (1 << 20) + 1},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct sink sink = sink_make(15);
        ck_assert_int_eq(pour(&sink, false, bomb, size, true, &cases[i].limits), cases[i].expect);
        ck_assert_uint_le(sink.out.capacity, cases[i].capacity);
        sink_free(&sink);
    }
    free(bomb);
}
END_TEST

START_TEST(core_small_bomb_is_a_message)
{
    size_t size = 0;
    uint8_t *bomb = make_bomb(1 << 20, &size);
    const struct inflater_limits limits = {.max_size = 1 << 20, .max_ratio = 1};
    struct sink sink = sink_make(15);
    ck_assert_int_eq(pour(&sink, false, bomb, size, true, &limits), INFLATER_OK);
    ck_assert_uint_eq(sink.size, 1 << 20);
    sink_free(&sink);
    free(bomb);
}
END_TEST

START_TEST(hostile_text)
{
    static const struct {
        const char *text;
        size_t size;
        bool good;
    } texts[] = {
        {PAYLOAD("plain"), true},    {PAYLOAD("\xc2\xb5\xe2\x82\xac"), true}, {PAYLOAD("\xff"), false},
        {PAYLOAD("cut\xc2"), false}, {PAYLOAD("\xed\xa0\x80"), false},        {PAYLOAD("\xf4\x90\x80\x80"), false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        uint8_t payload[64] = {0, (uint8_t)texts[i].size, 0, (uint8_t)~texts[i].size, 0xFF};
        memcpy(payload + 5, texts[i].text, texts[i].size);
        payload[5 + texts[i].size] = 0;
        struct sink sink = sink_make(15);
        ck_assert_int_eq(pour(&sink, false, payload, texts[i].size + 6, true, &usual),
                         texts[i].good ? INFLATER_OK : INFLATER_UTF8);
        ck_assert_int_eq(pour(&sink, false, payload, texts[i].size + 6, false, &usual), INFLATER_OK);
        sink_free(&sink);
    }
}
END_TEST

/* Cut anywhere or with any octet changed, a message is refused or comes out within its bounds; never anything else. */
START_TEST(hostile_cut_and_changed)
{
    uint8_t *bytes = make_message(JSON, 3000);
    const struct deflater_options options = {.window_bits = 15, .level = 6, .memory_level = 8};
    struct deflater *deflater = deflater_create(&options);
    struct deflate_buffer out = {0};
    const struct deflater_message message = {.body = bytes, .body_size = 3000};
    size_t size = 0;
    ck_assert_int_eq(deflater_message(deflater, false, &message, &out, &size), DEFLATER_OK);
    struct sink sink = sink_make(15);
    for (size_t cut = 1; cut < size; cut++) {
        ck_assert_int_eq(pour(&sink, false, out.bytes, cut, false, &usual), INFLATER_CORRUPT);
    }
    for (size_t at = 0; at < size; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            out.bytes[at] ^= (uint8_t)(1u << bit);
            enum inflater_status status = pour(&sink, false, out.bytes, size, true, &usual);
            ck_assert(status == INFLATER_OK || status == INFLATER_CORRUPT || status == INFLATER_UTF8);
            out.bytes[at] ^= (uint8_t)(1u << bit);
        }
    }
    ck_assert_int_eq(pour(&sink, false, out.bytes, size, true, &usual), INFLATER_OK);
    ck_assert_uint_eq(sink.size, 3000);
    sink_free(&sink);
    deflate_buffer_free(&out);
    deflater_destroy(&deflater);
    free(bytes);
}
END_TEST

START_TEST(core_texts)
{
    for (int status = INFLATER_OK; status <= INFLATER_MEMORY; status++) {
        const char *text = inflater_status_text((enum inflater_status)status);
        ck_assert_str_ne(text, "");
        ck_assert_str_ne(text, "unknown status");
    }
}
END_TEST

/* A stream whose level has been changed makes what one of that level makes. */
START_TEST(core_level_is_changed_in_passing)
{
    static char text[20000];
    struct deflate_buffer out = {0};
    struct deflate_buffer expected = {0};
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = "the quick brown fox"[(i * i / 7 + i) % 19];
    }
    const struct deflater_message message = {.body = text, .body_size = sizeof(text)};
    struct deflater_options options = {.window_bits = (uint8_t)_i, .level = 1, .memory_level = 8};
    struct deflater *changed = deflater_create(&options);
    for (uint8_t round = 0; round < 18; round++) {
        size_t size = 0;
        size_t expected_size = 0;
        options.level = round % 2 == 0 ? (uint8_t)(9 - round / 2) : 1;
        struct deflater *fresh = deflater_create(&options);
        ck_assert_int_eq(deflater_message(fresh, false, &message, &expected, &expected_size), DEFLATER_OK);
        deflater_set_level(changed, options.level);
        ck_assert_uint_eq(deflater_options(changed)->level, options.level);
        ck_assert_int_eq(deflater_message(changed, false, &message, &out, &size), DEFLATER_OK);
        ck_assert_uint_eq(size, expected_size);
        ck_assert_mem_eq(out.bytes, expected.bytes, size);
        deflater_destroy(&fresh);
    }
    deflater_destroy(&changed);
    deflate_buffer_free(&out);
    deflate_buffer_free(&expected);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("deflate");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_rows);
    tcase_add_test(core, core_takeover_of_the_rfc);
    tcase_add_test(core, core_messages_behind_a_final_block);
    tcase_add_loop_test(core, core_there_and_back, 8, 16);
    tcase_add_loop_test(core, core_level_is_changed_in_passing, 8, 16);
    tcase_add_test(core, core_small_bomb_is_a_message);
    tcase_add_test(core, core_texts);
    tcase_set_timeout(core, 60);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_loop_test(limits, limits_levels, 1, 10);
    tcase_add_test(limits, limits_windows_for_sizes);
    tcase_add_test(limits, limits_bound);
    tcase_add_test(limits, limits_nothing_to_compress);
    tcase_add_test(limits, limits_of_size);
    tcase_set_timeout(limits, 60);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_bomb);
    tcase_add_test(hostile, hostile_text);
    tcase_add_test(hostile, hostile_cut_and_changed);
    tcase_set_timeout(hostile, 60);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
