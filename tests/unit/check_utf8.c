/*
 * check_utf8 - the automaton against two other definitions of UTF-8: an encoder run over every Unicode scalar value,
 * and a decoder that computes with code points. Then the fast twins against the plain one.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "runner.h"
#include "validate/utf8.h"
#include "validate/utf8_wide.h"

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* xorshift32: the same numbers on every run. */
static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* RFC 3629 §3; returns the number of octets. `value` is a Unicode scalar value. */
static size_t encode(uint32_t value, uint8_t out[4])
{
    if (value < 0x80) {
        out[0] = (uint8_t)value;
        return 1;
    }
    size_t size = value < 0x800 ? 2 : value < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (value & 0x3F));
        value >>= 6;
    }
    out[0] = (uint8_t)((0xF00U >> size & 0xFF) | value);
    return size;
}

static bool is_scalar_value(uint32_t value)
{
    return value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
}

/* Decodes one code point the slow way; returns its octets, 0 when there is none at the start of `bytes`. */
static size_t decode(const uint8_t *bytes, size_t size)
{
    size_t octets = 0;
    while (octets < 8 && (bytes[0] & 0x80U >> octets) != 0) {
        octets++;
    }
    if (octets == 0) {
        return 1;
    }
    if (octets == 1 || octets > 4 || octets > size) {
        return 0;
    }
    uint32_t value = bytes[0] & (0x7FU >> octets);
    for (size_t i = 1; i < octets; i++) {
        if (bytes[i] >> 6 != 2) {
            return 0;
        }
        value = value << 6 | (bytes[i] & 0x3F);
    }
    uint8_t shortest[4];
    return is_scalar_value(value) && encode(value, shortest) == octets ? octets : 0;
}

static bool slow_valid(const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        size_t octets = decode(bytes, size);
        if (octets == 0) {
            return false;
        }
        bytes += octets;
        size -= octets;
    }
    return true;
}

/* The octet sequences of up to three octets that begin some character, as bit sets. */
struct prefixes {
    uint8_t one[256 / 8];
    uint8_t two[65536 / 8];
    uint8_t three[16777216 / 8];
};

static void set_bit(uint8_t *set, uint32_t index)
{
    set[index / 8] |= (uint8_t)(1U << index % 8);
}

static bool has_bit(const uint8_t *set, uint32_t index)
{
    return (set[index / 8] >> index % 8 & 1) != 0;
}

static struct prefixes *prefixes_create(void)
{
    struct prefixes *prefixes = calloc(1, sizeof(*prefixes));
    ck_assert_ptr_nonnull(prefixes);
    for (uint32_t value = 0; value <= 0x10FFFF; value++) {
        uint8_t octets[4] = {0};
        if (!is_scalar_value(value)) {
            continue;
        }
        size_t size = encode(value, octets);
        uint32_t index = octets[0];
        set_bit(prefixes->one, index);
        if (size >= 2) {
            index = index << 8 | octets[1];
            set_bit(prefixes->two, index);
        }
        if (size >= 3) {
            index = index << 8 | octets[2];
            set_bit(prefixes->three, index);
        }
    }
    return prefixes;
}

/* Whether `octets` can be continued to well-formed text: full characters, then possibly the beginning of one. */
static bool viable(const struct prefixes *prefixes, const uint8_t *octets, size_t size)
{
    while (size > 0) {
        size_t used = decode(octets, size);
        if (used == 0) {
            break;
        }
        octets += used;
        size -= used;
    }
    switch (size) {
    case 0:
        return true;
    case 1:
        return has_bit(prefixes->one, octets[0]);
    case 2:
        return has_bit(prefixes->two, (uint32_t)octets[0] << 8 | octets[1]);
    case 3:
        return has_bit(prefixes->three, (uint32_t)octets[0] << 16 | (uint32_t)octets[1] << 8 | octets[2]);
    default:
        return false;
    }
}

static void check_sequence(const struct prefixes *prefixes, const uint8_t *octets, size_t size)
{
    utf8_state plain = utf8_feed_scalar(UTF8_START, octets, size);
    utf8_state fast = utf8_feed(UTF8_START, octets, size);
    bool valid = slow_valid(octets, size);
    if (fast != plain || utf8_feed_words(UTF8_START, octets, size) != plain || (plain == UTF8_START) != valid ||
        (plain != UTF8_REJECT) != viable(prefixes, octets, size)) {
        ck_abort_msg("%02x %02x %02x %02x, %zu octets: fast %u, plain %u, valid %d", octets[0], octets[1], octets[2],
                     octets[3], size, fast, plain, valid);
    }
}

START_TEST(core_each_scalar_value)
{
    for (uint32_t value = 0; value <= 0x10FFFF; value++) {
        uint8_t octets[4];
        if (is_scalar_value(value)) {
            size_t size = encode(value, octets);
            if (!utf8_valid(octets, size) || utf8_feed_scalar(UTF8_START, octets, size) != UTF8_START) {
                ck_abort_msg("U+%04X", (unsigned)value);
            }
        }
    }
}
END_TEST

static void check_place(uint8_t *text, size_t size, size_t place, const uint8_t *octets, size_t count)
{
    uint8_t kept[4];
    memcpy(kept, text + place, count);
    memcpy(text + place, octets, count);
    const utf8_state plain = utf8_feed_scalar(UTF8_START, text, size);
    if (utf8_feed(UTF8_START, text, size) != plain || utf8_feed_words(UTF8_START, text, size) != plain) {
        ck_abort_msg("%02x %02x %02x %02x, %zu octets at %zu of %zu", octets[0], octets[1], octets[2], octets[3], count,
                     place, size);
    }
    memcpy(text + place, kept, count);
}

/* At one of the places where something starts or ends: windows, blocks of them, the text. Another one with each `turn`. */
static void check_places(uint8_t *text, size_t size, size_t turn, const uint8_t *octets, size_t count)
{
    static const size_t places[] = {0, 1, 2, 28, 29, 30, 31, 60, 61, 62, 63, 252, 253, 254, 255, 256, 260};
    const size_t place = places[turn % ARRAY_COUNT(places)];
    check_place(text, size, place, octets, count);
    check_place(text, size, size - count - place, octets, count);
}

/* In ASCII, and in text that is all vectors. */
START_TEST(limits_each_pair_in_a_long_text)
{
    static const char *const fillings[] = {"x", "\xC3\xB6", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    enum { MOST = 300 };
    uint8_t text[MOST];
    const size_t filling_size = strlen(fillings[_i]);
    const size_t size = MOST / filling_size * filling_size;
    for (size_t at = 0; at < size; at += filling_size) {
        memcpy(text + at, fillings[_i], filling_size);
    }
    if (utf8_wide_is_there()) { /* not left to the automaton */
        ck_assert_uint_eq(utf8_wide_skip(text, size, 12), size);
        ck_assert_uint_eq(utf8_wide_skip_ascii(text, size), _i == 0 ? size : 0);
    }
    for (uint32_t index = 0; index < 65536; index++) {
        const uint8_t octets[4] = {(uint8_t)(index >> 8), (uint8_t)index};
        if (octets[0] >= 0x80 || octets[1] >= 0x80) {
            check_places(text, size, index / 256 + index, octets, 2);
        }
    }
}
END_TEST

/* All leads of three and four octets, with both ends of each range behind them. */
START_TEST(limits_each_lead_in_a_long_text)
{
    static const uint8_t edges[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
                                    0xC0, 0xC2, 0xDF, 0xE0, 0xED, 0xF0, 0xF4, 0xFF};
    uint8_t text[333];
    memset(text, 'x', sizeof(text));
    for (uint32_t lead = 0xE0; lead <= 0xFF; lead++) {
        for (size_t i = 0; i < ARRAY_COUNT(edges) * ARRAY_COUNT(edges) * ARRAY_COUNT(edges); i++) {
            const uint8_t octets[4] = {(uint8_t)lead, edges[i % ARRAY_COUNT(edges)],
                                       edges[i / ARRAY_COUNT(edges) % ARRAY_COUNT(edges)],
                                       edges[i / ARRAY_COUNT(edges) / ARRAY_COUNT(edges)]};
            check_places(text, sizeof(text), lead + i / 2, octets, 3 + i % 2);
        }
    }
}
END_TEST

START_TEST(limits_each_short_sequence)
{
    struct prefixes *prefixes = prefixes_create();
    for (uint32_t index = 0; index < 65536; index++) {
        const uint8_t octets[4] = {(uint8_t)(index >> 8), (uint8_t)index};
        check_sequence(prefixes, octets, 1);
        check_sequence(prefixes, octets, 2);
    }
    free(prefixes);
}
END_TEST

/* All leads and second octets; for the third and fourth, both ends of each range that table 3-7 has, and some in
 * between. */
START_TEST(limits_longer_sequences)
{
    static const uint8_t edges[] = {0x00, 0x20, 0x7F, 0x80, 0x81, 0x8F, 0x90, 0x9F, 0xA0, 0xA5,
                                    0xBF, 0xC0, 0xC2, 0xDF, 0xE0, 0xED, 0xF0, 0xF4, 0xF5, 0xFF};
    struct prefixes *prefixes = prefixes_create();
    for (uint32_t index = 0; index < 65536; index++) {
        for (size_t i = 0; i < ARRAY_COUNT(edges); i++) {
            uint8_t octets[4] = {(uint8_t)(index >> 8), (uint8_t)index, edges[i]};
            check_sequence(prefixes, octets, 3);
            if (octets[0] < 0xE0) {
                continue; /* the fourth octet is then a character of its own */
            }
            for (size_t j = 0; j < ARRAY_COUNT(edges); j++) {
                octets[3] = edges[j];
                check_sequence(prefixes, octets, 4);
            }
        }
    }
    free(prefixes);
}
END_TEST

struct text {
    const char *name;
    const char *bytes;
    size_t size;
    size_t rejected_at; /* octets up to and including the one that cannot be; 0: none */
};

#define BYTES(literal) (literal), sizeof(literal) - 1

static const struct text texts[] = {
    {"empty", BYTES(""), 0},
    {"NUL is a character", BYTES("a\0b"), 0},
    {"U+10FFFF", BYTES("\xF4\x8F\xBF\xBF"), 0},
    {"noncharacter U+FFFF", BYTES("\xEF\xBF\xBF"), 0},
    {"byte order mark", BYTES("\xEF\xBB\xBF"), 0},
    {"mixed", BYTES("k\xC3\xB6sz \xE2\x82\xAC \xF0\x9F\x98\x80."), 0},
    {"tail alone", BYTES("ab\x80"), 3},
    {"overlong slash, two octets", BYTES("\xC0\xAF"), 1},
    {"overlong slash, three octets", BYTES("\xE0\x80\xAF"), 2},
    {"overlong slash, four octets", BYTES("\xF0\x80\x80\xAF"), 2},
    {"overlong NUL (\"modified UTF-8\")", BYTES("\xC0\x80"), 1},
    {"high surrogate", BYTES("\xED\xA0\x80"), 2},
    {"surrogate pair (CESU-8)", BYTES("\xED\xA1\x8C\xED\xBE\xB4"), 2},
    {"past U+10FFFF", BYTES("\xF4\x90\x80\x80"), 2},
    {"F5", BYTES("\xF5\x80\x80\x80"), 1},
    {"five octets", BYTES("\xF8\x88\x80\x80\x80"), 1},
    {"FE FF", BYTES("\xFE\xFF"), 1},
    {"character cut by another", BYTES("\xE2\x82\x41"), 3},
    {"character cut by a block of ASCII",
     BYTES("0123456789012345678901234567890\xC3"
           "0123456789012345678901234567890123456789"),
     33},
    {"ASCII for a long while, then bad", BYTES("0123456789012345678901234567890123456789012345678901234567890123\xFF"),
     65},
};

START_TEST(hostile_texts)
{
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        const struct text *row = &texts[i];
        const uint8_t *bytes = (const uint8_t *)row->bytes;
        ck_assert_msg(utf8_valid(bytes, row->size) == (row->rejected_at == 0), "%s", row->name);
        for (size_t size = 0; size <= row->size; size++) {
            bool rejected = row->rejected_at != 0 && size >= row->rejected_at;
            ck_assert_msg((utf8_feed(UTF8_START, bytes, size) == UTF8_REJECT) == rejected, "%s: %zu", row->name, size);
        }
    }
}
END_TEST

/* Some way behind a character, so that vectors look at what is between them. */
START_TEST(hostile_character_cut_by_much_ascii)
{
    static const char *const cuts[] = {"\xC3", "\xE2", "\xE2\x82", "\xF0", "\xF0\x9F", "\xF0\x9F\x98"};
    const size_t cut_size = strlen(cuts[_i]);
    uint8_t text[700];
    for (size_t place = 230; place < sizeof(text) - cut_size; place++) {
        memset(text, 'x', sizeof(text));
        memcpy(text + place - 220, "\xC3\xB6", 2);
        ck_assert(utf8_valid(text, sizeof(text)));
        memcpy(text + place, cuts[_i], cut_size);
        ck_assert_msg(!utf8_valid(text, sizeof(text)), "at %zu", place);
    }
}
END_TEST

START_TEST(hostile_rejection_is_final)
{
    static const uint8_t fine[] = "text without a fault, long enough for the block-wise path and for what is left";
    ck_assert_uint_eq(utf8_feed(UTF8_REJECT, fine, sizeof(fine)), UTF8_REJECT);
    ck_assert_uint_eq(utf8_feed(UTF8_REJECT, fine, 1), UTF8_REJECT);
    ck_assert_uint_eq(utf8_feed(UTF8_REJECT, fine, 0), UTF8_REJECT);
    ck_assert_uint_eq(utf8_feed_scalar(UTF8_REJECT, fine, sizeof(fine)), UTF8_REJECT);
}
END_TEST

/* Text of random character lengths, mostly ASCII when `dense` is 0; possibly with one octet spoilt. */
static size_t random_text(uint8_t *out, size_t most, uint32_t *seed)
{
    uint32_t dense = next_random(seed) % 3;
    size_t size = 0;
    while (most - size >= 4) {
        uint32_t limit = next_random(seed) % 16 < dense * 7 ? 0x110000 : 0x80;
        uint32_t value = next_random(seed) % limit >> next_random(seed) % 12;
        if (is_scalar_value(value)) {
            size += encode(value, out + size);
        }
        if (next_random(seed) % 64 == 0) {
            break;
        }
    }
    if (size > 0 && next_random(seed) % 2 == 0) {
        out[next_random(seed) % size] = (uint8_t)next_random(seed);
    }
    return size;
}

START_TEST(limits_twins_agree)
{
    enum { ROUNDS = 20000, MOST = 700 };
    uint32_t seed = 88172645;
    size_t valid_count = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        uint8_t bytes[MOST + 8];
        uint8_t *text = bytes + round % 8;
        size_t size = random_text(text, MOST, &seed);
        size_t cut = next_random(&seed) % (size + 1);
        utf8_state plain = utf8_feed_scalar(UTF8_START, text, size);
        utf8_state fast = utf8_feed(UTF8_START, text, size);
        utf8_state words = utf8_feed_words(UTF8_START, text, size);
        utf8_state pieces = utf8_feed(utf8_feed(UTF8_START, text, cut), text + cut, size - cut);
        bool valid = slow_valid(text, size);
        if (fast != plain || words != plain || pieces != plain || (plain == UTF8_START) != valid) {
            ck_abort_msg("round %zu, %zu bytes cut at %zu: %u %u %u %u", round, size, cut, plain, fast, words, pieces);
        }
        valid_count += valid;
    }
    ck_assert_uint_gt(valid_count, ROUNDS / 4); /* both answers are among what was compared */
    ck_assert_uint_lt(valid_count, ROUNDS * 3 / 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("utf8");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_each_scalar_value);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_set_timeout(limits, 60);
    tcase_add_test(limits, limits_each_short_sequence);
    tcase_add_test(limits, limits_longer_sequences);
    tcase_add_loop_test(limits, limits_each_pair_in_a_long_text, 0, 4);
    tcase_add_test(limits, limits_each_lead_in_a_long_text);
    tcase_add_test(limits, limits_twins_agree);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_texts);
    tcase_add_loop_test(hostile, hostile_character_cut_by_much_ascii, 0, 6);
    tcase_add_test(hostile, hostile_rejection_is_final);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
