/*
 * check_reader_compression - RSV1 where it may be and where it may not (RFC 7692 §6), and compressed messages, which the
 * reader gathers without looking at them.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "player.h"
#include "runner.h"
#include "server/ws/deflate.h"

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct reader_limits agreed = {.max_message = 100, .max_fragments = 4, .compression = true};
static const struct reader_limits not_agreed = {.max_message = 100, .max_fragments = 4};

enum { RSV1 = 0x40, RSV2 = 0x20, RSV3 = 0x10 };

#define FRAMES_MAX 6

struct row {
    const char *name;
    struct frame frames[FRAMES_MAX];
    const char *expect;
};

static const struct row rows[] = {
    {"compressed text", {{TEXT | RSV1, PAYLOAD("abc")}}, "compressed text[abc] "},
    {"compressed binary", {{BINARY | RSV1, PAYLOAD("abc")}}, "compressed binary[abc] "},
    {"empty", {{TEXT | RSV1, PAYLOAD("")}}, "compressed text[] "},
    {"no UTF-8 is looked for", {{TEXT | RSV1, PAYLOAD("\xff\xc3")}}, "compressed text[\\ff\\c3] "},
    {"nor in fragments",
     {{TEXT_FIRST | RSV1, PAYLOAD("\xff")}, {MIDDLE, PAYLOAD("\xc3")}, {LAST, PAYLOAD("\xed")}},
     "compressed text[\\ff\\c3\\ed] "},
    {"in between others",
     {{TEXT, PAYLOAD("a")}, {TEXT | RSV1, PAYLOAD("\xff")}, {TEXT, PAYLOAD("c")}},
     "text[a] compressed text[\\ff] text[c] "},
    {"UTF-8 is looked for again behind it",
     {{TEXT_FIRST | RSV1, PAYLOAD("\xff")}, {LAST, PAYLOAD("")}, {TEXT_FIRST, PAYLOAD("\xff")}},
     "compressed text[\\ff] error(text is not UTF-8) "},
    {"control frames in between",
     {{BINARY_FIRST | RSV1, PAYLOAD("ab")},
      {PING, PAYLOAD("p")},
      {MIDDLE, PAYLOAD("c")},
      {PONG, PAYLOAD("")},
      {LAST, PAYLOAD("d")}},
     "ping[p] pong[] compressed binary[abcd] "},
    {"RSV1 on a continuation",
     {{TEXT_FIRST | RSV1, PAYLOAD("a")}, {LAST | RSV1, PAYLOAD("b")}},
     "error(reserved bit is set) "},
    {"RSV1 on a continuation of what is not compressed",
     {{TEXT_FIRST, PAYLOAD("a")}, {LAST | RSV1, PAYLOAD("b")}},
     "error(reserved bit is set) "},
    {"RSV1 on a ping", {{PING | RSV1, PAYLOAD("a")}}, "error(reserved bit is set) "},
    {"RSV1 on a pong", {{PONG | RSV1, PAYLOAD("a")}}, "error(reserved bit is set) "},
    {"RSV1 on a close", {{CLOSE | RSV1, PAYLOAD("\x03\xe8")}}, "error(reserved bit is set) "},
    {"RSV1 on a ping inside a message",
     {{TEXT_FIRST | RSV1, PAYLOAD("a")}, {PING | RSV1, PAYLOAD("")}},
     "error(reserved bit is set) "},
    {"RSV1 on a reserved opcode", {{0x83 | RSV1, PAYLOAD("a")}}, "error(reserved bit is set) "},
    {"RSV2", {{TEXT | RSV2, PAYLOAD("a")}}, "error(reserved bit is set) "},
    {"RSV3", {{TEXT | RSV3, PAYLOAD("a")}}, "error(reserved bit is set) "},
    {"RSV1 and RSV2", {{TEXT | RSV1 | RSV2, PAYLOAD("a")}}, "error(reserved bit is set) "},
    {"RSV1 and RSV3", {{BINARY | RSV1 | RSV3, PAYLOAD("a")}}, "error(reserved bit is set) "},
    {"a new message inside",
     {{TEXT_FIRST | RSV1, PAYLOAD("a")}, {TEXT | RSV1, PAYLOAD("b")}},
     "error(new message inside a fragmented one) "},
    {"too many fragments",
     {{TEXT_FIRST | RSV1, PAYLOAD("a")},
      {MIDDLE, PAYLOAD("")},
      {MIDDLE, PAYLOAD("")},
      {MIDDLE, PAYLOAD("")},
      {LAST, PAYLOAD("")}},
     "error(message has too many fragments) "},
};

START_TEST(core_frames)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct stream stream = stream_of(rows[i].frames, FRAMES_MAX);
        check_stream(rows[i].name, &agreed, stream.bytes, stream.size, rows[i].expect, 0);
        free(stream.bytes);
    }
}
END_TEST

START_TEST(hostile_not_agreed)
{
    static const uint8_t firsts[] = {TEXT | RSV1, BINARY | RSV1, TEXT_FIRST | RSV1, PING | RSV1, LAST | RSV1};
    for (size_t i = 0; i < ARRAY_COUNT(firsts); i++) {
        struct stream stream = {0};
        stream_add_frame(&stream, firsts[i], (const uint8_t *)"abc", 3);
        check_stream("not agreed", &not_agreed, stream.bytes, stream.size, "error(reserved bit is set) ", 1);
        free(stream.bytes);
    }
}
END_TEST

/* A message of `size` bytes in one frame and in two. */
static void check_size(uint8_t rsv, size_t size, const char *kind, bool fits)
{
    uint8_t *payload = malloc(size);
    ck_assert_ptr_nonnull(payload);
    memset(payload, 'x', size);
    char *expect = letters_text(kind, size);
    struct stream whole = {0};
    stream_add_frame(&whole, BINARY | rsv, payload, size);
    check_stream(kind, &agreed, whole.bytes, whole.size, fits ? expect : "error(message is too big) ", 0);
    struct stream halves = {0};
    stream_add_frame(&halves, BINARY_FIRST | rsv, payload, size / 2);
    stream_add_frame(&halves, LAST, payload, size - size / 2);
    check_stream(kind, &agreed, halves.bytes, halves.size, fits ? expect : "error(message is too big) ", 0);
    free(whole.bytes);
    free(halves.bytes);
    free(expect);
    free(payload);
}

START_TEST(limits_size)
{
    size_t most = (size_t)deflate_bound(agreed.max_message);
    ck_assert_uint_eq(most, 177);
    check_size(0, 100, "binary", true);
    check_size(0, 101, "binary", false);
    check_size(RSV1, most, "compressed binary", true);
    check_size(RSV1, most + 1, "compressed binary", false);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reader_compression");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_frames);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_size);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_not_agreed);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
