/*
 * check_frame - frame headers in all forms and at all cuts; the fast unmasking against its plain twin.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "runner.h"
#include "server/ws/frame.h"

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* xorshift32: the same numbers on every run. */
static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

struct good_header {
    const char *name;
    const char *bytes;
    size_t size;
    struct frame_header expect;
};

#define BYTES(literal) (literal), sizeof(literal) - 1

static const struct good_header good_headers[] = {
    {"RFC 6455 §5.7: unmasked text", BYTES("\x81\x05"), {.length = 5, .opcode = 1, .size = 2, .fin = true}},
    {"RFC 6455 §5.7: masked text",
     BYTES("\x81\x85\x37\xfa\x21\x3d"),
     {.length = 5, .key = {0x37, 0xfa, 0x21, 0x3d}, .opcode = 1, .size = 6, .fin = true, .masked = true}},
    {"RFC 6455 §5.7: first fragment", BYTES("\x01\x03"), {.length = 3, .opcode = 1, .size = 2}},
    {"RFC 6455 §5.7: last fragment", BYTES("\x80\x02"), {.length = 2, .size = 2, .fin = true}},
    {"RFC 6455 §5.7: ping", BYTES("\x89\x05"), {.length = 5, .opcode = 9, .size = 2, .fin = true}},
    {"RFC 6455 §5.7: 256 bytes", BYTES("\x82\x7e\x01\x00"), {.length = 256, .opcode = 2, .size = 4, .fin = true}},
    {"RFC 6455 §5.7: 64 KiB",
     BYTES("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
     {.length = 65536, .opcode = 2, .size = 10, .fin = true}},
    {"all bits",
     BYTES("\xff\xfd\x01\x02\x03\x04"),
     {.length = 125, .key = {1, 2, 3, 4}, .opcode = 15, .rsv = 7, .size = 6, .fin = true, .masked = true}},
    {"RSV1 alone", BYTES("\x40\x00"), {.rsv = 4, .size = 2}},
    {"RSV3 alone", BYTES("\x10\x00"), {.rsv = 1, .size = 2}},
    {"least 16-bit length", BYTES("\x82\x7e\x00\x7e"), {.length = 126, .opcode = 2, .size = 4, .fin = true}},
    {"largest 16-bit length", BYTES("\x82\x7e\xff\xff"), {.length = 65535, .opcode = 2, .size = 4, .fin = true}},
    {"largest length of all, masked",
     BYTES("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x09\x08\x07\x06"),
     {.length = INT64_MAX, .key = {9, 8, 7, 6}, .opcode = 2, .size = 14, .fin = true, .masked = true}},
};

static bool same_header(const struct frame_header *a, const struct frame_header *b)
{
    return a->length == b->length && memcmp(a->key, b->key, sizeof(a->key)) == 0 && a->opcode == b->opcode &&
           a->rsv == b->rsv && a->size == b->size && a->fin == b->fin && a->masked == b->masked;
}

START_TEST(core_good_headers)
{
    for (size_t i = 0; i < ARRAY_COUNT(good_headers); i++) {
        const struct good_header *row = &good_headers[i];
        const uint8_t *bytes = (const uint8_t *)row->bytes;
        struct frame_header header;
        for (size_t size = 0; size < row->size; size++) {
            ck_assert_msg(frame_parse(bytes, size, &header) == FRAME_SHORT, "%s: %zu bytes", row->name, size);
        }
        ck_assert_msg(frame_parse(bytes, row->size, &header) == FRAME_OK, "%s", row->name);
        ck_assert_msg(same_header(&header, &row->expect), "%s", row->name);
    }
}
END_TEST

START_TEST(limits_each_16_bit_length)
{
    for (unsigned length = 0; length <= UINT16_MAX; length++) {
        const uint8_t bytes[] = {0x82, 126, (uint8_t)(length >> 8), (uint8_t)length};
        struct frame_header header = {0};
        enum frame_status status = frame_parse(bytes, sizeof(bytes), &header);
        if (status != (length < 126 ? FRAME_LENGTH_FORM : FRAME_OK) ||
            (status == FRAME_OK && header.length != length)) {
            ck_abort_msg("length %u", length);
        }
    }
}
END_TEST

struct bad_length {
    const char *name;
    const char *bytes;
    size_t size; /* at the last of these bytes, and not before, the verdict is due */
};

static const struct bad_length bad_lengths[] = {
    {"16 bits for 0", BYTES("\x82\xfe\x00\x00")},
    {"16 bits for 125", BYTES("\x82\xfe\x00\x7d")},
    {"64 bits for what fits into 16", BYTES("\x82\xff\x00\x00\x00\x00\x00\x00")},
    {"top bit", BYTES("\x82\xff\x80")},
    {"all ones", BYTES("\x82\xff\xff")},
};

START_TEST(hostile_length_forms)
{
    for (size_t i = 0; i < ARRAY_COUNT(bad_lengths); i++) {
        const struct bad_length *row = &bad_lengths[i];
        struct frame_header header;
        uint8_t bytes[FRAME_HEADER_MAX];
        memset(bytes, 0xff, sizeof(bytes));
        memcpy(bytes, row->bytes, row->size);
        for (size_t size = 0; size <= sizeof(bytes); size++) {
            enum frame_status expect = size < row->size ? FRAME_SHORT : FRAME_LENGTH_FORM;
            ck_assert_msg(frame_parse(bytes, size, &header) == expect, "%s: %zu bytes", row->name, size);
        }
    }
}
END_TEST

START_TEST(limits_least_64_bit_length)
{
    const uint8_t good[] = {0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0};
    const uint8_t bad[] = {0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    struct frame_header header;
    ck_assert(frame_parse(good, sizeof(good), &header) == FRAME_OK);
    ck_assert_uint_eq(header.length, 65536);
    ck_assert(frame_parse(bad, sizeof(bad), &header) == FRAME_LENGTH_FORM);
}
END_TEST

/* *header_r belongs to the caller unless all is well. */
START_TEST(core_output_on_success_only)
{
    struct frame_header header;
    memset(&header, 0x5a, sizeof(header));
    struct frame_header before = header;
    ck_assert(frame_parse((const uint8_t *)"\x82\xfe\x01", 3, &header) == FRAME_SHORT);
    ck_assert(frame_parse((const uint8_t *)"\x82\xfe\x01\x00\x01\x02\x03", 7, &header) == FRAME_SHORT);
    ck_assert(frame_parse((const uint8_t *)"\x82\xfe\x00\x01", 4, &header) == FRAME_LENGTH_FORM);
    ck_assert_mem_eq(&header, &before, sizeof(header));
}
END_TEST

START_TEST(core_written_headers_parse)
{
    static const uint64_t lengths[] = {0, 1, 125, 126, 127, 255, 256, 65535, 65536, UINT32_MAX, INT64_MAX};
    static const enum ws_opcode opcodes[] = {WS_CONTINUATION, WS_TEXT, WS_BINARY, WS_CLOSE, WS_PING, WS_PONG};
    for (size_t i = 0; i < ARRAY_COUNT(lengths) * ARRAY_COUNT(opcodes) * 16; i++) {
        bool fin = (i & 1) != 0;
        uint8_t rsv = i >> 1 & 7;
        uint64_t length = lengths[i / 16 % ARRAY_COUNT(lengths)];
        enum ws_opcode opcode = opcodes[i / 16 / ARRAY_COUNT(lengths)];
        uint8_t bytes[FRAME_SERVER_HEADER_MAX];
        size_t size = frame_write_header(bytes, fin, rsv, opcode, length);
        struct frame_header header;
        ck_assert_uint_eq(size, length < 126 ? 2 : length < 65536 ? 4 : 10);
        ck_assert(frame_parse(bytes, size, &header) == FRAME_OK);
        struct frame_header expect = {
            .length = length, .opcode = (uint8_t)opcode, .rsv = rsv, .size = (uint8_t)size, .fin = fin};
        ck_assert(same_header(&header, &expect));
    }
}
END_TEST

START_TEST(core_written_headers_of_the_rfc)
{
    uint8_t bytes[FRAME_SERVER_HEADER_MAX];
    ck_assert_uint_eq(frame_write_header(bytes, true, 0, WS_TEXT, 5), 2);
    ck_assert_mem_eq(bytes, "\x81\x05", 2);
    ck_assert_uint_eq(frame_write_header(bytes, false, 0, WS_TEXT, 3), 2);
    ck_assert_mem_eq(bytes, "\x01\x03", 2);
    ck_assert_uint_eq(frame_write_header(bytes, true, 0, WS_BINARY, 256), 4);
    ck_assert_mem_eq(bytes, "\x82\x7e\x01\x00", 4);
    ck_assert_uint_eq(frame_write_header(bytes, true, 0, WS_BINARY, 65536), 10);
    ck_assert_mem_eq(bytes, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", 10);
}
END_TEST

START_TEST(core_unmask_of_the_rfc)
{
    static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};
    uint8_t bytes[] = {0x7f, 0x9f, 0x4d, 0x51, 0x58};
    frame_unmask(bytes, sizeof(bytes), key, 0);
    ck_assert_mem_eq(bytes, "Hello", 5);
}
END_TEST

/* All sizes around the steps of the fast twin, all alignments, all turns of the key; nothing beyond the bytes
 * changes. */
START_TEST(limits_unmask_twins_agree)
{
    enum { MOST = 200, AROUND = 16 };
    static const uint64_t far_offsets[] = {
        0, 1, 2, 3, 4, 5, 6, 7, UINT32_MAX, UINT64_C(1) << 32, INT64_MAX, UINT64_MAX - 3};
    uint32_t seed = 2463534242;
    for (size_t size = 0; size <= MOST; size++) {
        for (size_t i = 0; i < ARRAY_COUNT(far_offsets) * 8; i++) {
            size_t start = AROUND + i % 8;
            uint64_t offset = far_offsets[i / 8];
            uint8_t key[4];
            uint8_t fast[AROUND + MOST + 2 * AROUND];
            uint8_t plain[sizeof(fast)];
            for (size_t j = 0; j < sizeof(key); j++) {
                key[j] = (uint8_t)next_random(&seed);
            }
            for (size_t j = 0; j < sizeof(fast); j++) {
                fast[j] = (uint8_t)next_random(&seed);
            }
            memcpy(plain, fast, sizeof(fast));
            frame_unmask(fast + start, size, key, offset);
            frame_unmask_scalar(plain + start, size, key, offset);
            if (memcmp(fast, plain, sizeof(fast)) != 0) {
                ck_abort_msg("size %zu, start %zu, offset %llu", size, start, (unsigned long long)offset);
            }
        }
    }
}
END_TEST

START_TEST(core_unmask_in_pieces)
{
    enum { SIZE = 97 };
    static const uint8_t key[4] = {0xa1, 0xb2, 0xc3, 0xd4};
    uint8_t whole[SIZE] = {0};
    frame_unmask_scalar(whole, SIZE, key, 0);
    for (size_t first = 0; first <= SIZE; first++) {
        for (size_t second = first; second <= SIZE; second++) {
            uint8_t pieces[SIZE] = {0};
            frame_unmask(pieces, first, key, 0);
            frame_unmask(pieces + first, second - first, key, first);
            frame_unmask(pieces + second, SIZE - second, key, second);
            if (memcmp(pieces, whole, SIZE) != 0) {
                ck_abort_msg("cut at %zu and %zu", first, second);
            }
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("frame");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_good_headers);
    tcase_add_test(core, core_output_on_success_only);
    tcase_add_test(core, core_written_headers_parse);
    tcase_add_test(core, core_written_headers_of_the_rfc);
    tcase_add_test(core, core_unmask_of_the_rfc);
    tcase_add_test(core, core_unmask_in_pieces);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_each_16_bit_length);
    tcase_add_test(limits, limits_least_64_bit_length);
    tcase_add_test(limits, limits_unmask_twins_agree);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_length_forms);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
