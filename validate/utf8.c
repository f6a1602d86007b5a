/*
 * utf8 - a finite automaton over Unicode table 3-7. Called by the WebSocket reader on every text message and by whoever
 * checks text from outside; any thread.
 *
 * The fast twin keeps all transitions of one octet in one 64-bit word: a state is the shift that brings its
 * successor down to the low bits, so that a step costs one load and one shift, without a branch.
 */
#include "validate/utf8.h"

#include <string.h>

#include "validate/utf8_wide.h"

/* States are multiples of 6: nine of them fit into 54 bits. */
enum {
    START = UTF8_START,
    REJECT = UTF8_REJECT,
    TAIL_1 = 12,   /* one octet 80..BF is missing */
    TAIL_2 = 18,   /* two */
    TAIL_3 = 24,   /* three */
    AFTER_E0 = 30, /* A0..BF (below: overlong), then one more */
    AFTER_ED = 36, /* 80..9F (above: surrogates), then one more */
    AFTER_F0 = 42, /* 90..BF (below: overlong), then two more */
    AFTER_F4 = 48, /* 80..8F (above: past U+10FFFF), then two more */
    STATE_MASK = 63,
};

/* Octets looked at together: a run of them that is ASCII is skipped at once. */
#define BLOCK 32

static utf8_state lead_scalar(uint8_t octet)
{
    if (octet <= 0x7F) {
        return START;
    }
    if (octet < 0xC2 || octet > 0xF4) {
        return REJECT; /* a tail octet, C0 or C1 (overlong), F5..FF (past U+10FFFF) */
    }
    if (octet <= 0xDF) {
        return TAIL_1;
    }
    if (octet <= 0xEF) {
        return octet == 0xE0 ? AFTER_E0 : octet == 0xED ? AFTER_ED : TAIL_2;
    }
    return octet == 0xF0 ? AFTER_F0 : octet == 0xF4 ? AFTER_F4 : TAIL_3;
}

static utf8_state tail_scalar(uint8_t octet, uint8_t low, uint8_t high, utf8_state next)
{
    return octet >= low && octet <= high ? next : UTF8_REJECT;
}

static utf8_state step_scalar(utf8_state state, uint8_t octet)
{
    switch (state) {
    case START:
        return lead_scalar(octet);
    case TAIL_1:
        return tail_scalar(octet, 0x80, 0xBF, START);
    case TAIL_2:
        return tail_scalar(octet, 0x80, 0xBF, TAIL_1);
    case TAIL_3:
        return tail_scalar(octet, 0x80, 0xBF, TAIL_2);
    case AFTER_E0:
        return tail_scalar(octet, 0xA0, 0xBF, TAIL_1);
    case AFTER_ED:
        return tail_scalar(octet, 0x80, 0x9F, TAIL_1);
    case AFTER_F0:
        return tail_scalar(octet, 0x90, 0xBF, TAIL_2);
    case AFTER_F4:
        return tail_scalar(octet, 0x80, 0x8F, TAIL_2);
    default:
        return UTF8_REJECT;
    }
}

utf8_state utf8_feed_scalar(utf8_state state, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size && state != UTF8_REJECT; i++) {
        state = step_scalar(state, bytes[i]);
    }
    return state;
}

/* Successors of each state for one class of octets. */
#define TO(state, next) ((uint64_t)(next) << (state))
#define LEAD(next)                                                                                         \
    (TO(START, next) | TO(REJECT, REJECT) | TO(TAIL_1, REJECT) | TO(TAIL_2, REJECT) | TO(TAIL_3, REJECT) | \
     TO(AFTER_E0, REJECT) | TO(AFTER_ED, REJECT) | TO(AFTER_F0, REJECT) | TO(AFTER_F4, REJECT))
#define TAIL(e0, ed, f0, f4)                                                                                \
    (TO(START, REJECT) | TO(REJECT, REJECT) | TO(TAIL_1, START) | TO(TAIL_2, TAIL_1) | TO(TAIL_3, TAIL_2) | \
     TO(AFTER_E0, e0) | TO(AFTER_ED, ed) | TO(AFTER_F0, f0) | TO(AFTER_F4, f4))

#define TIMES_2(row)  row, row
#define TIMES_3(row)  row, row, row
#define TIMES_4(row)  TIMES_2(row), TIMES_2(row)
#define TIMES_8(row)  TIMES_4(row), TIMES_4(row)
#define TIMES_11(row) TIMES_8(row), TIMES_3(row)
#define TIMES_12(row) TIMES_8(row), TIMES_4(row)
#define TIMES_16(row) TIMES_8(row), TIMES_8(row)
#define TIMES_30(row) TIMES_16(row), TIMES_12(row), TIMES_2(row)
#define TIMES_32(row) TIMES_16(row), TIMES_16(row)
#define TIMES_64(row) TIMES_32(row), TIMES_32(row)

static const uint64_t rows[256] = {
    TIMES_64(LEAD(START)),                          /* 00..3F */
    TIMES_64(LEAD(START)),                          /* 40..7F */
    TIMES_16(TAIL(REJECT, TAIL_1, REJECT, TAIL_2)), /* 80..8F */
    TIMES_16(TAIL(REJECT, TAIL_1, TAIL_2, REJECT)), /* 90..9F */
    TIMES_32(TAIL(TAIL_1, REJECT, TAIL_2, REJECT)), /* A0..BF */
    TIMES_2(LEAD(REJECT)),                          /* C0..C1 */
    TIMES_30(LEAD(TAIL_1)),                         /* C2..DF */
    LEAD(AFTER_E0),                                 /* E0 */
    TIMES_12(LEAD(TAIL_2)),                         /* E1..EC */
    LEAD(AFTER_ED),                                 /* ED */
    TIMES_2(LEAD(TAIL_2)),                          /* EE..EF */
    LEAD(AFTER_F0),                                 /* F0 */
    TIMES_3(LEAD(TAIL_3)),                          /* F1..F3 */
    LEAD(AFTER_F4),                                 /* F4 */
    TIMES_11(LEAD(REJECT)),                         /* F5..FF */
};

#define HIGH_BITS UINT64_C(0x8080808080808080)

static bool word_is_ascii(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return (word & HIGH_BITS) == 0;
}

static bool block_is_ascii(const uint8_t *bytes)
{
    uint64_t words[BLOCK / sizeof(uint64_t)];
    memcpy(words, bytes, BLOCK);
    return ((words[0] | words[1] | words[2] | words[3]) & HIGH_BITS) == 0;
}

/* The upper bits of `shift` hold what the other states would have led to; they are cut off when it is used. */
static uint64_t steps(uint64_t shift, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        shift = rows[bytes[i]] >> (shift & STATE_MASK);
    }
    return shift & STATE_MASK;
}

utf8_state utf8_feed_words(utf8_state state, const uint8_t *bytes, size_t size)
{
    uint64_t shift = state;
    while (size >= BLOCK) {
        if (shift != START || !block_is_ascii(bytes)) {
            shift = steps(shift, bytes, BLOCK);
            if (shift == REJECT) {
                return UTF8_REJECT;
            }
        }
        bytes += BLOCK;
        size -= BLOCK;
    }
    while (shift == START && size >= sizeof(uint64_t) && word_is_ascii(bytes)) {
        bytes += sizeof(uint64_t);
        size -= sizeof(uint64_t);
    }
    return (utf8_state)steps(shift, bytes, size);
}

/* The automaton takes what comes before there is enough in front of a window; what is cut at the end; and where there is a
 * fault, what leads up to it. */
static utf8_state feed_wide(utf8_state state, const uint8_t *bytes, size_t size)
{
    uint64_t shift = state;
    size_t at = shift == START ? utf8_wide_skip_ascii(bytes, size) : 0;
    if (at == size) {
        return UTF8_START;
    }
    while (at < size && (at < UTF8_WIDE_BEFORE || shift != START)) {
        shift = steps(shift, bytes + at++, 1);
        if (shift == REJECT) {
            return UTF8_REJECT;
        }
    }
    const size_t end = utf8_wide_skip(bytes, size, at);
    const size_t rest = utf8_wide_boundary(bytes, end);
    return utf8_feed_words(UTF8_START, bytes + rest, size - rest);
}

utf8_state utf8_feed(utf8_state state, const uint8_t *bytes, size_t size)
{
    return size >= UTF8_WIDE_LEAST && utf8_wide_is_there() ? feed_wide(state, bytes, size)
                                                           : utf8_feed_words(state, bytes, size);
}

bool utf8_valid(const uint8_t *bytes, size_t size)
{
    return utf8_feed(UTF8_START, bytes, size) == UTF8_START;
}
