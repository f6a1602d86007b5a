/*
 * json_keys - keys as sequences of code points, however they are written. Called by json_bounds for each object; any thread.
 */
#include "validate/json_keys.h"

#include <string.h>

#define END        UINT32_MAX                   /* of a key; no code point */
#define HASH_START UINT64_C(0xcbf29ce484222325) /* FNV-1a */
#define HASH_PRIME UINT64_C(0x100000001b3)

struct cursor {
    const struct json_text *text;
    size_t at;
};

static int hexadecimal_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    if (byte >= 'a' && byte <= 'f') {
        return byte - 'a' + 10;
    }
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

int32_t json_hexadecimal(const struct json_text *text, size_t offset)
{
    int32_t value = 0;
    if (offset > text->size || text->size - offset < 4) {
        return -1;
    }
    for (size_t i = 0; i < 4; i++) {
        const int digit = hexadecimal_digit(text->bytes[offset + i]);
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

/* The place is at a "u" behind a backslash. */
static uint32_t take_unicode_escape(struct cursor *cursor)
{
    const int32_t high = json_hexadecimal(cursor->text, cursor->at + 1);
    if (high < 0) {
        cursor->at++;
        return 'u'; /* not JSON: any value does */
    }
    cursor->at += 5;
    if (high < 0xD800 || high > 0xDBFF || cursor->text->size - cursor->at < 6 ||
        memcmp(cursor->text->bytes + cursor->at, "\\u", 2) != 0) {
        return (uint32_t)high;
    }
    const int32_t low = json_hexadecimal(cursor->text, cursor->at + 2);
    if (low < 0xDC00 || low > 0xDFFF) {
        return (uint32_t)high;
    }
    cursor->at += 6;
    return 0x10000 + ((uint32_t)(high - 0xD800) << 10) + (uint32_t)(low - 0xDC00);
}

/* RFC 8259 §7 */
static uint32_t take_escape(struct cursor *cursor)
{
    if (cursor->at == cursor->text->size) {
        return END;
    }
    const uint8_t letter = cursor->text->bytes[cursor->at];
    if (letter == 'u') {
        return take_unicode_escape(cursor);
    }
    cursor->at++;
    switch (letter) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return letter; /* a quote, a backslash, a slash; else not JSON */
    }
}

static uint32_t take_beyond_ascii(struct cursor *cursor, uint8_t lead)
{
    const unsigned tails = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    uint32_t point = lead & (0x3Fu >> tails);
    for (unsigned i = 0; i < tails && cursor->at < cursor->text->size; i++) {
        point = point << 6 | (cursor->text->bytes[cursor->at++] & 0x3F);
    }
    return point;
}

/* The next code point of the key, or END, after which the cursor is not used any more. */
static uint32_t take(struct cursor *cursor)
{
    if (cursor->at == cursor->text->size) {
        return END;
    }
    const uint8_t byte = cursor->text->bytes[cursor->at++];
    if (byte == '"') {
        return END;
    }
    return byte == '\\' ? take_escape(cursor) : byte < 0x80 ? byte : take_beyond_ascii(cursor, byte);
}

static bool is_plain_ascii(uint8_t byte)
{
    return byte < 0x80 && byte != '"' && byte != '\\';
}

struct json_key json_key_make(const struct json_text *text, size_t offset)
{
    struct cursor cursor = {text, offset + 1};
    struct json_key key = {HASH_START, offset};
    /* Most keys are nothing but ASCII, each of whose bytes is a code point. */
    while (cursor.at < text->size && is_plain_ascii(text->bytes[cursor.at])) {
        key.hash = (key.hash ^ text->bytes[cursor.at++]) * HASH_PRIME;
    }
    for (uint32_t point = take(&cursor); point != END; point = take(&cursor)) {
        key.hash = (key.hash ^ point) * HASH_PRIME;
    }
    return key;
}

/* Negative, 0 or positive, as the key at one offset is before, the same as or behind that at the other. */
static int compare_texts(const struct json_text *text, size_t left_offset, size_t right_offset)
{
    struct cursor left = {text, left_offset + 1};
    struct cursor right = {text, right_offset + 1};
    for (;;) {
        const uint32_t left_point = take(&left);
        const uint32_t right_point = take(&right);
        if (left_point != right_point) {
            return left_point < right_point ? -1 : 1;
        }
        if (left_point == END) {
            return 0;
        }
    }
}

static bool is_before(const struct json_text *text, const struct json_key *left, const struct json_key *right)
{
    if (left->hash != right->hash) {
        return left->hash < right->hash;
    }
    const int order = compare_texts(text, left->offset, right->offset);
    return order != 0 ? order < 0 : left->offset < right->offset;
}

static void insertion_sort(const struct json_text *text, struct json_key *keys, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const struct json_key key = keys[i];
        size_t to = i;
        for (; to > 0 && is_before(text, &key, &keys[to - 1]); to--) {
            keys[to] = keys[to - 1];
        }
        keys[to] = key;
    }
}

/* Puts two sorted runs that lie one behind the other into one. A comparison costs no more than the key that it moves is long, so
 * all of them cost no more than the text is, each round. */
static void merge(const struct json_text *text, const struct json_key *from, size_t middle, size_t count,
                  struct json_key *to)
{
    size_t left = 0;
    size_t right = middle;
    for (size_t i = 0; i < count; i++) {
        if (left < middle && (right == count || !is_before(text, &from[right], &from[left]))) {
            to[i] = from[left++];
        } else {
            to[i] = from[right++];
        }
    }
}

static size_t least(size_t one, size_t other)
{
    return one < other ? one : other;
}

/* Without recursion. Returns where they are in the end: in `keys` or in `spare`. */
static const struct json_key *sort(const struct json_text *text, struct json_key *keys, size_t count,
                                   struct json_key *spare)
{
    for (size_t i = 0; i < count; i += JSON_KEYS_FEW) {
        insertion_sort(text, keys + i, least(JSON_KEYS_FEW, count - i));
    }
    for (size_t run = JSON_KEYS_FEW; run < count; run *= 2) {
        for (size_t i = 0; i < count; i += 2 * run) {
            const size_t left = count - i;
            merge(text, keys + i, least(run, left), least(2 * run, left), spare + i);
        }
        struct json_key *other = keys;
        keys = spare;
        spare = other;
    }
    return keys;
}

bool json_keys_find_twice(const struct json_text *text, struct json_key *keys, size_t count, struct json_key *spare,
                          size_t *offset_r)
{
    bool found = false;
    const struct json_key *sorted = sort(text, keys, count, spare);
    for (size_t i = 1; i < count; i++) {
        if (sorted[i].hash == sorted[i - 1].hash && (!found || sorted[i].offset < *offset_r) &&
            compare_texts(text, sorted[i - 1].offset, sorted[i].offset) == 0) {
            *offset_r = sorted[i].offset;
            found = true;
        }
    }
    return found;
}
