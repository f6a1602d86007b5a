/*
 * check_reader - streams of frames and the events that they must give, however they are cut into buffers.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "player.h"
#include "runner.h"

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct frames_row {
    const char *name;
    const char *expect;
    struct frame frames[8];
};

static const struct frames_row core_rows[] = {
    {"one message", "text[Hello] ", {{TEXT, PAYLOAD("Hello")}}},
    {"empty messages", "text[] binary[] ", {{TEXT, PAYLOAD("")}, {BINARY, PAYLOAD("")}}},
    {"bytes of all kinds", "binary[\\00\\ff\\c3(] ", {{BINARY, PAYLOAD("\0\xFF\xC3(")}}},
    {"several in a row",
     "text[a] text[b] binary[c] ",
     {{TEXT, PAYLOAD("a")}, {TEXT, PAYLOAD("b")}, {BINARY, PAYLOAD("c")}}},
    {"UTF-8", "text[\\e2\\82\\ac\\f0\\9f\\98\\80] ", {{TEXT, PAYLOAD("\xE2\x82\xAC\xF0\x9F\x98\x80")}}},
    {"two fragments", "text[Hello] ", {{TEXT_FIRST, PAYLOAD("Hel")}, {LAST, PAYLOAD("lo")}}},
    {"characters cut by fragments",
     "text[\\e2\\82\\ac\\f0\\9f\\98\\80] ",
     {{TEXT_FIRST, PAYLOAD("\xE2")},
      {MIDDLE, PAYLOAD("\x82\xAC\xF0\x9F")},
      {MIDDLE, PAYLOAD("\x98")},
      {LAST, PAYLOAD("\x80")}}},
    {"binary fragments are no text",
     "binary[\\ff\\fe\\80] ",
     {{BINARY_FIRST, PAYLOAD("\xFF")}, {MIDDLE, PAYLOAD("\xFE")}, {LAST, PAYLOAD("\x80")}}},
    {"empty fragments",
     "text[] text[x] ",
     {{TEXT_FIRST, PAYLOAD("")},
      {MIDDLE, PAYLOAD("")},
      {LAST, PAYLOAD("")},
      {TEXT_FIRST, PAYLOAD("")},
      {MIDDLE, PAYLOAD("x")},
      {LAST, PAYLOAD("")}}},
    {"control frames between fragments",
     "ping[in] pong[] text[Hello] ping[after] ",
     {{TEXT_FIRST, PAYLOAD("Hel")},
      {PING, PAYLOAD("in")},
      {MIDDLE, PAYLOAD("")},
      {PONG, PAYLOAD("")},
      {LAST, PAYLOAD("lo")},
      {PING, PAYLOAD("after")}}},
    {"control frames inside a character",
     "ping[\\ff] text[\\c3\\a4] ",
     {{TEXT_FIRST, PAYLOAD("\xC3")}, {PING, PAYLOAD("\xFF")}, {LAST, PAYLOAD("\xA4")}}},
    {"close without a code", "close 1005[] ", {{CLOSE, PAYLOAD("")}}},
    {"close with a code", "close 1000[] ", {{CLOSE, PAYLOAD("\x03\xE8")}}},
    {"close with a reason",
     "close 4999[b\\c3\\a4] ",
     {{CLOSE, PAYLOAD("\x13\x87"
                      "b\xC3\xA4")}}},
    {"close inside a message",
     "ping[x] close 1001[away] ",
     {{TEXT_FIRST, PAYLOAD("Hel")},
      {PING, PAYLOAD("x")},
      {CLOSE, PAYLOAD("\x03\xE9"
                      "away")},
      {LAST, PAYLOAD("lo")}}},
    {"nothing counts after a close",
     "close 1000[] ",
     {{CLOSE, PAYLOAD("\x03\xE8")}, {TEXT, PAYLOAD("x")}, {0xFF, PAYLOAD("bad")}, {CLOSE, PAYLOAD("\x03\xE8")}}},
    {"as many fragments as may be",
     "text[0123456789] ",
     {{TEXT_FIRST, PAYLOAD("01")},
      {MIDDLE, PAYLOAD("23")},
      {MIDDLE, PAYLOAD("45")},
      {MIDDLE, PAYLOAD("6")},
      {MIDDLE, PAYLOAD("7")},
      {MIDDLE, PAYLOAD("8")},
      {LAST, PAYLOAD("9")}}},
};

static const struct frames_row hostile_rows[] = {
    {"continuation of nothing", "error(continuation without a message) ", {{LAST, PAYLOAD("x")}}},
    {"continuation of a whole message",
     "text[a] error(continuation without a message) ",
     {{TEXT, PAYLOAD("a")}, {MIDDLE, PAYLOAD("x")}}},
    {"continuation of what has ended",
     "text[ab] error(continuation without a message) ",
     {{TEXT_FIRST, PAYLOAD("a")}, {LAST, PAYLOAD("b")}, {LAST, PAYLOAD("c")}}},
    {"message inside a message",
     "error(new message inside a fragmented one) ",
     {{TEXT_FIRST, PAYLOAD("a")}, {TEXT, PAYLOAD("b")}}},
    {"fragmented message inside a message",
     "ping[] error(new message inside a fragmented one) ",
     {{BINARY_FIRST, PAYLOAD("a")}, {PING, PAYLOAD("")}, {BINARY_FIRST, PAYLOAD("b")}}},
    {"nothing counts after an error",
     "error(reserved bit is set) ",
     {{0xC1, PAYLOAD("a")}, {TEXT, PAYLOAD("b")}, {CLOSE, PAYLOAD("\x03\xE8")}}},
    {"text that is not UTF-8",
     "error(text is not UTF-8) ",
     {{TEXT, PAYLOAD("ab\xFF"
                     "cd")}}},
    {"text that ends in a character", "error(text is not UTF-8) ", {{TEXT, PAYLOAD("ab\xE2\x82")}}},
    {"surrogate cut by fragments",
     "error(text is not UTF-8) ",
     {{TEXT_FIRST, PAYLOAD("\xED")}, {LAST, PAYLOAD("\xA0\x80")}}},
    {"fragments that end in a character",
     "error(text is not UTF-8) ",
     {{TEXT_FIRST, PAYLOAD("\xE2\x82\xAC\xE2")}, {MIDDLE, PAYLOAD("\x82")}, {LAST, PAYLOAD("")}}},
    {"a message does not lend its bytes to the next",
     "error(text is not UTF-8) ",
     {{TEXT, PAYLOAD("\xE2\x82")}, {TEXT, PAYLOAD("\xAC")}}},
    {"bad text in a first fragment",
     "error(text is not UTF-8) ",
     {{TEXT_FIRST, PAYLOAD("\xC0\xAF")}, {PING, PAYLOAD("never seen")}}},
    {"close that may not be sent", "error(close code may not be sent) ", {{CLOSE, PAYLOAD("\x03\xED")}}},
    {"close with a low code", "error(close code may not be sent) ", {{CLOSE, PAYLOAD("\x00\x00")}}},
    {"close with a bad code and a bad reason",
     "error(close code may not be sent) ",
     {{CLOSE, PAYLOAD("\x00\x01\xFF")}}},
    {"close with a bad reason",
     "error(close reason is not UTF-8) ",
     {{CLOSE, PAYLOAD("\x03\xE8"
                      "a\xFF")}}},
    {"close with a cut reason", "error(close reason is not UTF-8) ", {{CLOSE, PAYLOAD("\x03\xE8\xE2\x82")}}},
    {"bad close inside a message",
     "error(close reason is not UTF-8) ",
     {{TEXT_FIRST, PAYLOAD("a")}, {CLOSE, PAYLOAD("\x03\xE8\xFF")}, {LAST, PAYLOAD("b")}}},
};

static void check_rows(const struct frames_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct stream stream = stream_of(rows[i].frames, ARRAY_COUNT(rows[i].frames));
        check_stream(rows[i].name, &usual_limits, stream.bytes, stream.size, rows[i].expect, 0);
        free(stream.bytes);
    }
}

START_TEST(core_frames)
{
    check_rows(core_rows, ARRAY_COUNT(core_rows));
}
END_TEST

START_TEST(hostile_frames)
{
    check_rows(hostile_rows, ARRAY_COUNT(hostile_rows));
}
END_TEST

/* ---- raw bytes, and where the verdict falls ---- */

struct bytes_row {
    const char *name;
    const char *bytes;
    size_t size;
    const char *expect;
    size_t error_at; /* 0: none */
};

#define KEY "\x37\xfa\x21\x3d"

static const struct bytes_row bytes_rows[] = {
    {"RFC 6455 §5.7: masked text", PAYLOAD("\x81\x85" KEY "\x7f\x9f\x4d\x51\x58"), "text[Hello] ", 0},
    {"RFC 6455 §5.7: masked pong", PAYLOAD("\x8a\x85" KEY "\x7f\x9f\x4d\x51\x58"), "pong[Hello] ", 0},
    {"RFC 6455 §5.7: unmasked text", PAYLOAD("\x81\x05Hello"), "error(frame is not masked) ", 2},
    {"RFC 6455 §5.7: unmasked fragment", PAYLOAD("\x01\x03Hel\x80\x02lo"), "error(frame is not masked) ", 2},
    {"RFC 6455 §5.7: unmasked ping", PAYLOAD("\x89\x05Hello"), "error(frame is not masked) ", 2},
    {"another protocol", PAYLOAD("GET / HTTP/1.1\r\n"), "error(reserved bit is set) ", 1},
    {"RSV1", PAYLOAD("\xc1\x80" KEY), "error(reserved bit is set) ", 1},
    {"RSV2 on a control frame", PAYLOAD("\xa9\x80" KEY), "error(reserved bit is set) ", 1},
    {"RSV3 before a reserved opcode", PAYLOAD("\x1f\x00"), "error(reserved bit is set) ", 1},
    {"reserved opcode before a missing mask", PAYLOAD("\x83\x00"), "error(opcode is reserved) ", 1},
    {"reserved control opcode without FIN", PAYLOAD("\x0b\x80" KEY), "error(opcode is reserved) ", 1},
    {"fragmented ping", PAYLOAD("\x09\x80" KEY), "error(control frame is fragmented) ", 1},
    {"continuation of nothing", PAYLOAD("\x00\x80" KEY), "error(continuation without a message) ", 1},
    {"unmasked before too long", PAYLOAD("\x89\x7e\x00\x7e"), "error(frame is not masked) ", 2},
    {"ping of 126 bytes", PAYLOAD("\x89\xfe\x00\x7e" KEY), "error(control frame is longer than 125 bytes) ", 2},
    {"pong with 64 bits of length", PAYLOAD("\x8a\xff\x80"), "error(control frame is longer than 125 bytes) ", 2},
    {"close of one byte", PAYLOAD("\x88\x81" KEY "\x00"), "error(close body is a single byte) ", 2},
    {"16 bits for 125", PAYLOAD("\x81\xfe\x00\x7d" KEY),
     "error(frame length is not in its shortest form or too large) ", 4},
    {"64 bits for 65535", PAYLOAD("\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff" KEY),
     "error(frame length is not in its shortest form or too large) ", 8},
    {"top bit of the length", PAYLOAD("\x81\xff\x80\x00"),
     "error(frame length is not in its shortest form or too large) ", 3},
    {"length form inside a message", PAYLOAD("\x01\x80" KEY "\x80\xfe\x00\x00"),
     "error(frame length is not in its shortest form or too large) ", 10},
    {"1001 bytes", PAYLOAD("\x82\xfe\x03\xe9" KEY "payload"), "error(message is too big) ", 8},
    {"2 GiB", PAYLOAD("\x82\xff\x00\x00\x00\x00\x80\x00\x00\x00" KEY), "error(message is too big) ", 14},
    {"2^63 - 1 bytes", PAYLOAD("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff" KEY), "error(message is too big) ", 14},
    {"2^63 - 1 bytes behind a fragment", PAYLOAD("\x02\x81" KEY "x\x80\xff\x7f\xff\xff\xff\xff\xff\xff\xff" KEY),
     "error(message is too big) ", 21},
    {"1000 bytes behind one", PAYLOAD("\x02\x81" KEY "x\x80\xfe\x03\xe8" KEY), "error(message is too big) ", 15},
    {"bad text in a frame that goes on",
     PAYLOAD("\x81\xfd\x00\x00\x00\x00"
             "abc\xc3(and so on"),
     "error(text is not UTF-8) ", 11},
    {"bad text across frames", PAYLOAD("\x01\x81\x00\x00\x00\x00\xf4\x80\xfd\x00\x00\x00\x00\x90"),
     "error(text is not UTF-8) ", 14},
    {"text ends inside a character", PAYLOAD("\x81\x81\x00\x00\x00\x00\xc3"), "error(text is not UTF-8) ", 7},
    {"eleventh fragment",
     PAYLOAD("\x01\x80" KEY "\x00\x80" KEY "\x00\x80" KEY "\x00\x80" KEY "\x00\x80" KEY "\x00\x80" KEY "\x00\x80" KEY
             "\x00\x80" KEY "\x00\x80" KEY "\x89\x80" KEY "\x00\x80" KEY "\x80\x80" KEY),
     "ping[] error(message has too many fragments) ", 67},
};

START_TEST(hostile_bytes)
{
    for (size_t i = 0; i < ARRAY_COUNT(bytes_rows); i++) {
        const struct bytes_row *row = &bytes_rows[i];
        check_stream(row->name, &usual_limits, (const uint8_t *)row->bytes, row->size, row->expect, row->error_at);
    }
}
END_TEST

/* What the first byte of a frame alone decides, by the words of RFC 6455 §5.2, §5.4 and §5.5. */
static enum reader_error first_byte_error(unsigned byte, bool in_message)
{
    bool fin = byte >= 0x80;
    unsigned rsv = byte / 16 % 8;
    unsigned opcode = byte % 16;
    if (rsv != 0) {
        return READER_ERROR_RESERVED_BIT;
    }
    if ((opcode >= 3 && opcode <= 7) || opcode >= 11) {
        return READER_ERROR_RESERVED_OPCODE;
    }
    if (opcode >= 8) {
        return fin ? READER_ERROR_NONE : READER_ERROR_CONTROL_FRAGMENTED;
    }
    if (opcode == 0) {
        return in_message ? READER_ERROR_NONE : READER_ERROR_CONTINUATION_ALONE;
    }
    return in_message ? READER_ERROR_MESSAGE_INTERRUPTED : READER_ERROR_NONE;
}

static enum reader_error second_byte_error(unsigned first, unsigned byte)
{
    unsigned opcode = first % 16;
    if (byte < 128) {
        return READER_ERROR_UNMASKED;
    }
    if (opcode >= 8 && byte - 128 > 125) {
        return READER_ERROR_CONTROL_TOO_LONG;
    }
    return opcode == 8 && byte - 128 == 1 ? READER_ERROR_CLOSE_LENGTH : READER_ERROR_NONE;
}

/* All 65,536 beginnings of a frame, alone and inside a message. */
START_TEST(limits_each_beginning)
{
    for (unsigned i = 0; i < 2 * 65536; i++) {
        bool in_message = i >= 65536;
        uint8_t stream[] = {0x01, 0x80, 1, 2, 3, 4, (uint8_t)(i >> 8), (uint8_t)i};
        uint8_t *bytes = in_message ? stream : stream + 6;
        size_t size = in_message ? 8 : 2;
        enum reader_error expect = first_byte_error(stream[6], in_message);
        if (expect == READER_ERROR_NONE) {
            expect = second_byte_error(stream[6], stream[7]);
        }
        struct reader reader;
        reader_init(&reader);
        struct reader_output output = {.error = READER_ERROR_NONE};
        enum reader_event event = reader_next(&reader, &usual_limits, &bytes, &size, &output);
        if (event != (expect == READER_ERROR_NONE ? READER_MORE : READER_ERROR) || output.error != expect) {
            ck_abort_msg("%02x %02x: event %d, error %d, expected %d", stream[6], stream[7], (int)event,
                         (int)output.error, (int)expect);
        }
        reader_deinit(&reader);
    }
}
END_TEST

/* Every code a Close can carry, whole and cut. */
START_TEST(limits_each_close_code)
{
    for (unsigned code = 0; code <= UINT16_MAX; code++) {
        const uint8_t body[] = {(uint8_t)(code >> 8), (uint8_t)code};
        struct stream stream = {0};
        stream_add_frame(&stream, CLOSE, body, sizeof(body));
        uint8_t *bytes = stream.bytes;
        size_t size = code % 2 == 0 ? stream.size : stream.size - 1;
        struct reader reader;
        reader_init(&reader);
        struct reader_output output = {0};
        enum reader_event event = reader_next(&reader, &usual_limits, &bytes, &size, &output);
        if (code % 2 != 0) {
            size = 1;
            event = reader_next(&reader, &usual_limits, &bytes, &size, &output);
        }
        bool good = ws_close_code_valid(code);
        if (event != (good ? READER_CLOSE : READER_ERROR) || output.code != (good ? code : 0) ||
            output.error != (good ? READER_ERROR_NONE : READER_ERROR_CLOSE_CODE)) {
            ck_abort_msg("code %u", code);
        }
        reader_deinit(&reader);
        free(stream.bytes);
    }
}
END_TEST

/* A reloaded config may allow less than what is already here. */
START_TEST(hostile_limit_lowered_midway)
{
    struct player player;
    struct stream stream = {0};
    player_init(&player, &usual_limits);
    stream_add_frame(&stream, TEXT_FIRST, (const uint8_t *)"0123456789", 10);
    player_feed(&player, stream.bytes, stream.size);
    player.limits.max_message = 5;
    stream.size = 0;
    stream_add_frame(&stream, PING, (const uint8_t *)"longer than 5", 13);
    stream_add_frame(&stream, LAST, (const uint8_t *)"", 0);
    player_feed(&player, stream.bytes, stream.size);
    ck_assert_str_eq(player_text(&player), "ping[longer than 5] error(message is too big) ");
    player_deinit(&player);
    free(stream.bytes);
}
END_TEST

/* The views lie where the bytes came in. */
START_TEST(core_message_is_a_view)
{
    struct stream stream = {0};
    stream_add_frame(&stream, TEXT, (const uint8_t *)"Hello", 5);
    stream_add_frame(&stream, CLOSE, (const uint8_t *)"\x03\xE8why", 5);
    struct reader reader;
    reader_init(&reader);
    uint8_t *bytes = stream.bytes;
    size_t size = stream.size;
    struct reader_output output;
    ck_assert_int_eq(reader_next(&reader, &usual_limits, &bytes, &size, &output), READER_MESSAGE);
    ck_assert_ptr_eq(output.data, stream.bytes + 6);
    ck_assert_ptr_eq(bytes, stream.bytes + 11);
    ck_assert_int_eq(reader_next(&reader, &usual_limits, &bytes, &size, &output), READER_CLOSE);
    ck_assert_ptr_eq(output.data, stream.bytes + 19);
    ck_assert_int_eq(reader_next(&reader, &usual_limits, &bytes, &size, &output), READER_MORE);
    reader_deinit(&reader);
    free(stream.bytes);
}
END_TEST

/* ---- sizes ---- */

START_TEST(limits_each_length_form)
{
    static const size_t sizes[] = {0, 1, 124, 125, 126, 127, 128, 255, 256, 1000};
    uint8_t letters[1000];
    memset(letters, 'x', sizeof(letters));
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        struct stream stream = {0};
        stream_add_frame(&stream, TEXT, letters, sizes[i]);
        char *expect = letters_text("text", sizes[i]);
        check_stream("one frame", &usual_limits, stream.bytes, stream.size, expect, 0);
        stream.size = 0;
        stream_add_frame(&stream, BINARY_FIRST, letters, sizes[i] / 2);
        stream_add_frame(&stream, LAST, letters, sizes[i] - sizes[i] / 2);
        free(expect);
        expect = letters_text("binary", sizes[i]);
        check_stream("two frames", &usual_limits, stream.bytes, stream.size, expect, 0);
        free(expect);
        free(stream.bytes);
    }
}
END_TEST

START_TEST(limits_64_bit_length)
{
    enum { SIZE = 70000 };
    const struct reader_limits limits = {.max_message = SIZE, .max_fragments = 1};
    static const size_t cuts[] = {0, 1, 2, 9, 10, 13, 14, 15, 20, 4096, 65536, SIZE + 13, SIZE + 14};
    uint8_t *letters = malloc(SIZE);
    ck_assert_ptr_nonnull(letters);
    memset(letters, 'x', SIZE);
    struct stream stream = {0};
    stream_add_frame(&stream, TEXT, letters, SIZE);
    char *expect = letters_text("text", SIZE);
    for (size_t i = 0; i < ARRAY_COUNT(cuts); i++) {
        check_cut("70,000 bytes", &limits, stream.bytes, stream.size, cuts[i], stream.size, expect, 0);
    }
    check_cut("70,000 bytes", &limits, stream.bytes, stream.size, 0, 1460, expect, 0);
    free(expect);
    free(stream.bytes);
    free(letters);
}
END_TEST

/* ---- random conversations ---- */

/* Adds a message of random kind and size in random fragments, with control frames in between, and what is to come of
 * it. */
static void add_random_message(struct stream *stream, FILE *expect, uint32_t *seed)
{
    bool text = next_random(seed) % 2 == 0;
    uint32_t fragments = 1 + next_random(seed) % 6;
    uint8_t whole[6 * 200];
    size_t whole_size = 0;
    for (uint32_t i = 0; i < fragments; i++) {
        uint8_t payload[200];
        size_t size = next_random(seed) % (next_random(seed) % 4 == 0 ? sizeof(payload) : 8);
        for (size_t j = 0; j < size; j++) {
            payload[j] = text ? (uint8_t)(0x20 + next_random(seed) % 0x5F) : (uint8_t)next_random(seed);
        }
        uint8_t opcode = i > 0 ? WS_CONTINUATION : text ? WS_TEXT : WS_BINARY;
        uint8_t fin = i == fragments - 1 ? FRAME_FIN_BIT : 0;
        stream_add_frame(stream, fin | opcode, payload, size);
        memcpy(whole + whole_size, payload, size);
        whole_size += size;
        if (fin == 0 && next_random(seed) % 3 == 0) {
            size = size > FRAME_CONTROL_MAX ? FRAME_CONTROL_MAX : size;
            stream_add_frame(stream, PING, payload, size);
            struct reader_output output = {.opcode = WS_PING, .data = payload, .size = size};
            player_record(expect, READER_PING, &output);
        }
    }
    struct reader_output output = {.opcode = text ? WS_TEXT : WS_BINARY, .data = whole, .size = whole_size};
    player_record(expect, READER_MESSAGE, &output);
}

START_TEST(limits_random_conversations)
{
    enum { ROUNDS = 300, MESSAGES = 8, CUTS = 5 };
    const struct reader_limits limits = {.max_message = 1200, .max_fragments = 6};
    uint32_t seed = 362436069;
    for (size_t round = 0; round < ROUNDS; round++) {
        struct stream stream = {0};
        char *expect = NULL;
        size_t expect_size = 0;
        FILE *writer = open_memstream(&expect, &expect_size);
        ck_assert_ptr_nonnull(writer);
        for (size_t i = 0; i < MESSAGES; i++) {
            add_random_message(&stream, writer, &seed);
        }
        fclose(writer);
        for (size_t i = 0; i < CUTS; i++) {
            size_t first = next_random(&seed) % (stream.size + 1);
            size_t step = 1 + next_random(&seed) % (i == 0 ? stream.size : 100);
            check_cut("random", &limits, stream.bytes, stream.size, first, step, expect, 0);
        }
        free(expect);
        free(stream.bytes);
    }
}
END_TEST

/* ---- errors ---- */

START_TEST(core_error_codes_and_texts)
{
    static const struct {
        enum reader_error error;
        enum ws_close_code code;
    } rows[] = {
        {READER_ERROR_UNMASKED, WS_CLOSE_PROTOCOL_ERROR},
        {READER_ERROR_RESERVED_BIT, WS_CLOSE_PROTOCOL_ERROR},
        {READER_ERROR_RESERVED_OPCODE, WS_CLOSE_PROTOCOL_ERROR},
        {READER_ERROR_LENGTH_FORM, WS_CLOSE_PROTOCOL_ERROR},
        {READER_ERROR_CONTROL_FRAGMENTED, WS_CLOSE_PROTOCOL_ERROR},
        {READER_ERROR_CONTROL_TOO_LONG, WS_CLOSE_PROTOCOL_ERROR},
        {READER_ERROR_CONTINUATION_ALONE, WS_CLOSE_PROTOCOL_ERROR},
        {READER_ERROR_MESSAGE_INTERRUPTED, WS_CLOSE_PROTOCOL_ERROR},
        {READER_ERROR_CLOSE_LENGTH, WS_CLOSE_PROTOCOL_ERROR},
        {READER_ERROR_CLOSE_CODE, WS_CLOSE_PROTOCOL_ERROR},
        {READER_ERROR_CLOSE_UTF8, WS_CLOSE_INVALID_DATA},
        {READER_ERROR_TEXT_UTF8, WS_CLOSE_INVALID_DATA},
        {READER_ERROR_MESSAGE_TOO_BIG, WS_CLOSE_TOO_BIG},
        {READER_ERROR_TOO_MANY_FRAGMENTS, WS_CLOSE_POLICY},
        {READER_ERROR_MEMORY, WS_CLOSE_INTERNAL},
    };
    ck_assert_uint_eq(ARRAY_COUNT(rows), READER_ERROR_MEMORY); /* every error but NONE */
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        ck_assert_int_eq(reader_error_code(rows[i].error), rows[i].code);
        ck_assert_uint_le(strlen(reader_error_text(rows[i].error)), WS_CLOSE_REASON_MAX);
        for (size_t j = 0; j < i; j++) {
            ck_assert_str_ne(reader_error_text(rows[i].error), reader_error_text(rows[j].error));
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("reader");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_frames);
    tcase_add_test(core, core_message_is_a_view);
    tcase_add_test(core, core_error_codes_and_texts);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_set_timeout(limits, 60);
    tcase_add_test(limits, limits_each_beginning);
    tcase_add_test(limits, limits_each_close_code);
    tcase_add_test(limits, limits_each_length_form);
    tcase_add_test(limits, limits_64_bit_length);
    tcase_add_test(limits, limits_random_conversations);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_set_timeout(hostile, 60);
    tcase_add_test(hostile, hostile_frames);
    tcase_add_test(hostile, hostile_bytes);
    tcase_add_test(hostile, hostile_limit_lowered_midway);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
