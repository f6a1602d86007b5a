/*
 * json_bounds - the scan in front of JSON parsers. Called by whoever hands bytes from outside to one; any thread.
 *
 * Brackets, commas and numbers are seen outside strings only. Up to the first error of syntax, this scan and a parser agree on what
 * is a string and what a member; at that error the parser stops, so what is counted behind it refuses too much at worst, never too
 * little.
 */
#include "validate/json_bounds.h"

#include <stdlib.h>
#include <string.h>

#include "validate/json_keys.h"
#include "validate/json_skip.h"
#include "validate/utf8.h"

#define OWN_LEVELS 32
#define OWN_KEYS   64

#define PIECE_SIZE 4096 /* of text that is searched at once for what is no UTF-8 */

/* An array or object that is open. */
struct level {
    size_t count;     /* keys so far, or commas */
    size_t first_key; /* of its own among the scan's */
    bool object;
    bool expects_key; /* a string that came now would be one */
};

struct scan {
    const struct json_bounds *bounds;
    struct json_text text;
    size_t at;
    size_t fault; /* offset of what is wrong, once something is */
    size_t depth;
    bool counts; /* whether levels are kept, not just their number */

    /* Those of all open levels, one behind the other; the own ones first, then memory. */
    struct level *levels;
    size_t level_capacity;
    struct json_key *keys;
    size_t key_count;
    size_t key_capacity;
    struct level own_levels[OWN_LEVELS];
    struct json_key own_keys[OWN_KEYS];
};

/* Twice as much, or NULL, which leaves all as it was. */
static void *grow(void *block, const void *own, size_t element_size, size_t *capacity)
{
    if (*capacity > SIZE_MAX / 2 / element_size) {
        return NULL;
    }
    void *grown = realloc(block == own ? NULL : block, 2 * *capacity * element_size);
    if (grown != NULL) {
        if (block == own) {
            memcpy(grown, own, *capacity * element_size);
        }
        *capacity *= 2;
    }
    return grown;
}

static enum json_bounds_status fault(struct scan *s, enum json_bounds_status status, size_t offset)
{
    s->fault = offset;
    return status;
}

static enum json_bounds_status open_level(struct scan *s, bool object)
{
    if (s->depth == s->bounds->max_depth) {
        return fault(s, JSON_BOUNDS_TOO_DEEP, s->at);
    }
    if (s->counts) {
        if (s->depth == s->level_capacity) {
            struct level *levels = grow(s->levels, s->own_levels, sizeof(struct level), &s->level_capacity);
            if (levels == NULL) {
                return JSON_BOUNDS_NO_MEMORY;
            }
            s->levels = levels;
        }
        s->levels[s->depth] = (struct level){.first_key = s->key_count, .object = object, .expects_key = object};
    }
    s->depth++;
    return JSON_BOUNDS_OK;
}

static bool has_room_for_keys(struct scan *s, size_t count)
{
    while (s->key_capacity - s->key_count < count) {
        struct json_key *keys = grow(s->keys, s->own_keys, sizeof(struct json_key), &s->key_capacity);
        if (keys == NULL) {
            return false;
        }
        s->keys = keys;
    }
    return true;
}

/* The keys from `first` on are those of one object, which ends. */
static enum json_bounds_status compare_keys(struct scan *s, size_t first)
{
    const size_t count = s->key_count - first;
    if (count > JSON_KEYS_FEW && !has_room_for_keys(s, count)) {
        return JSON_BOUNDS_NO_MEMORY;
    }
    struct json_key *keys = s->keys + first;
    return json_keys_find_twice(&s->text, keys, count, keys + count, &s->fault) ? JSON_BOUNDS_DUPLICATE_KEY
                                                                                : JSON_BOUNDS_OK;
}

/* The keys of an object are forgotten with it. What was never opened is not closed either. */
static enum json_bounds_status close_level(struct scan *s)
{
    if (s->depth == 0) {
        return JSON_BOUNDS_OK;
    }
    s->depth--;
    if (!s->counts || !s->levels[s->depth].object) {
        return JSON_BOUNDS_OK;
    }
    const size_t first = s->levels[s->depth].first_key;
    const enum json_bounds_status status = compare_keys(s, first);
    s->key_count = first;
    return status;
}

static enum json_bounds_status count_comma(struct scan *s)
{
    if (!s->counts || s->depth == 0) {
        return JSON_BOUNDS_OK;
    }
    struct level *level = &s->levels[s->depth - 1];
    level->expects_key = level->object;
    if (level->object) {
        return JSON_BOUNDS_OK;
    }
    level->count++;
    return level->count == s->bounds->max_items ? fault(s, JSON_BOUNDS_TOO_MANY_ITEMS, s->at) : JSON_BOUNDS_OK;
}

static enum json_bounds_status keep_key(struct scan *s)
{
    if (!has_room_for_keys(s, 1)) {
        return JSON_BOUNDS_NO_MEMORY;
    }
    s->keys[s->key_count++] = json_key_make(&s->text, s->at);
    return JSON_BOUNDS_OK;
}

/* At an opening quote: whether it opens a key, and what of that. */
static enum json_bounds_status count_key(struct scan *s)
{
    struct level *level = s->counts && s->depth > 0 ? &s->levels[s->depth - 1] : NULL;
    if (level == NULL || !level->expects_key) {
        return JSON_BOUNDS_OK;
    }
    level->expects_key = false;
    if (s->bounds->max_keys > 0 && level->count == s->bounds->max_keys) {
        return fault(s, JSON_BOUNDS_TOO_MANY_KEYS, s->at);
    }
    level->count++;
    return s->bounds->refuse_duplicate_keys ? keep_key(s) : JSON_BOUNDS_OK;
}

static bool has_low_surrogate(const struct scan *s, size_t offset)
{
    if (s->text.size - offset < 6 || memcmp(s->text.bytes + offset, "\\u", 2) != 0) {
        return false;
    }
    const int32_t low = json_hexadecimal(&s->text, offset + 2);
    return low >= 0xDC00 && low <= 0xDFFF;
}

/* At a backslash. Whatever is escaped, it does not end the string. */
static enum json_bounds_status skip_escape(struct scan *s)
{
    const size_t start = s->at;
    const size_t left = s->text.size - start;
    const int32_t value = left > 2 && s->text.bytes[start + 1] == 'u' ? json_hexadecimal(&s->text, start + 2) : -1;
    if (value < 0) {
        s->at += left < 2 ? left : 2;
        return JSON_BOUNDS_OK;
    }
    s->at += 6;
    if (value == 0 && s->bounds->refuse_escaped_nul) {
        return fault(s, JSON_BOUNDS_ESCAPED_NUL, start);
    }
    if (value < 0xD800 || value > 0xDFFF) {
        return JSON_BOUNDS_OK;
    }
    if (value <= 0xDBFF && has_low_surrogate(s, s->at)) {
        s->at += 6;
        return JSON_BOUNDS_OK;
    }
    return s->bounds->refuse_lone_surrogates ? fault(s, JSON_BOUNDS_LONE_SURROGATE, start) : JSON_BOUNDS_OK;
}

static enum json_bounds_status skip_string(struct scan *s)
{
    enum json_bounds_status status = count_key(s);
    s->at++;
    while (status == JSON_BOUNDS_OK) {
        s->at += json_skip_plain(s->text.bytes + s->at, s->text.size - s->at);
        if (s->at == s->text.size) {
            break;
        }
        if (s->text.bytes[s->at] == '"') {
            s->at++;
            break;
        }
        status = skip_escape(s);
    }
    return status;
}

static bool is_of_number(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || byte == '-' || byte == '+' || byte == '.' || byte == 'e' || byte == 'E';
}

static enum json_bounds_status skip_number(struct scan *s)
{
    const size_t start = s->at;
    while (s->at < s->text.size && is_of_number(s->text.bytes[s->at])) {
        s->at++;
    }
    const size_t max = s->bounds->max_number_size;
    return max > 0 && s->at - start > max ? fault(s, JSON_BOUNDS_NUMBER_TOO_LONG, start) : JSON_BOUNDS_OK;
}

/* One bracket, comma, string or number, or a byte of anything else. */
static enum json_bounds_status skip_token(struct scan *s)
{
    enum json_bounds_status status = JSON_BOUNDS_OK;
    const uint8_t byte = s->text.bytes[s->at];
    switch (byte) {
    case '"':
        return skip_string(s);
    case '[':
    case '{':
        status = open_level(s, byte == '{');
        break;
    case ']':
    case '}':
        status = close_level(s);
        break;
    case ',':
        status = count_comma(s);
        break;
    default:
        if (byte == '-' || (byte >= '0' && byte <= '9')) {
            return skip_number(s);
        }
        break;
    }
    s->at++;
    return status;
}

static enum json_bounds_status scan(const struct json_bounds *bounds, const uint8_t *bytes, size_t size,
                                    size_t *offset_r)
{
    struct scan s;
    s.bounds = bounds;
    s.text = (struct json_text){bytes, size};
    s.at = 0;
    s.depth = 0;
    s.counts = bounds->max_keys > 0 || bounds->max_items > 0 || bounds->refuse_duplicate_keys;
    s.levels = s.own_levels;
    s.level_capacity = OWN_LEVELS;
    s.keys = s.own_keys;
    s.key_count = 0;
    s.key_capacity = OWN_KEYS;
    enum json_bounds_status status = JSON_BOUNDS_OK;
    while (status == JSON_BOUNDS_OK && s.at < size) {
        status = skip_token(&s);
    }
    if (status != JSON_BOUNDS_OK && status != JSON_BOUNDS_NO_MEMORY) {
        *offset_r = s.fault;
    }
    if (s.levels != s.own_levels) {
        free(s.levels);
    }
    if (s.keys != s.own_keys) {
        free(s.keys);
    }
    return status;
}

/* Where a text can be cut near `size`: in front of a character. 0 where there is none, in a text that is no UTF-8 so far. */
static size_t cut(const uint8_t *bytes, size_t size)
{
    while (size > 0 && (bytes[size] & 0xC0) == 0x80) {
        size--;
    }
    return size;
}

/* Where the sequence starts that makes the text ill-formed. Byte by byte only in the piece that has it, as the text may be large. */
static size_t find_ill_formed(const uint8_t *bytes, size_t size)
{
    utf8_state state = UTF8_START;
    size_t start = 0;
    while (size - start > PIECE_SIZE) {
        const size_t piece = cut(bytes + start, PIECE_SIZE);
        if (piece == 0 || !utf8_valid(bytes + start, piece)) {
            break;
        }
        start += piece;
    }
    for (size_t i = start; i < size && state != UTF8_REJECT; i++) {
        if (state == UTF8_START) {
            start = i;
        }
        state = utf8_feed_scalar(state, bytes + i, 1);
    }
    return start;
}

enum json_bounds_status json_bounds_find(const struct json_bounds *bounds, const uint8_t *bytes, size_t size,
                                         size_t *offset_r)
{
    static const uint8_t byte_order_mark[] = {0xEF, 0xBB, 0xBF};
    if (size > bounds->max_size) {
        *offset_r = bounds->max_size;
        return JSON_BOUNDS_TOO_LARGE;
    }
    if (size == 0) {
        return JSON_BOUNDS_OK;
    }
    const uint8_t *nul = memchr(bytes, '\0', size);
    if (nul != NULL) {
        *offset_r = (size_t)(nul - bytes);
        return JSON_BOUNDS_NUL;
    }
    if (size >= sizeof(byte_order_mark) && memcmp(bytes, byte_order_mark, sizeof(byte_order_mark)) == 0) {
        *offset_r = 0;
        return JSON_BOUNDS_BOM;
    }
    if (!utf8_valid(bytes, size)) {
        *offset_r = find_ill_formed(bytes, size);
        return JSON_BOUNDS_UTF8;
    }
    return scan(bounds, bytes, size, offset_r);
}

enum json_bounds_status json_bounds_check(const struct json_bounds *bounds, const uint8_t *bytes, size_t size)
{
    size_t offset;
    return json_bounds_find(bounds, bytes, size, &offset);
}

const char *json_bounds_label(enum json_bounds_status status)
{
    static const char *const labels[] = {
#define JSON_BOUNDS_LABEL(name, label, sentence) [JSON_BOUNDS_##name] = (label),
        JSON_BOUNDS_TABLE(JSON_BOUNDS_LABEL)
#undef JSON_BOUNDS_LABEL
    };
    return labels[status];
}

const char *json_bounds_sentence(enum json_bounds_status status)
{
    static const char *const sentences[] = {
#define JSON_BOUNDS_SENTENCE(name, label, sentence) [JSON_BOUNDS_##name] = (sentence),
        JSON_BOUNDS_TABLE(JSON_BOUNDS_SENTENCE)
#undef JSON_BOUNDS_SENTENCE
    };
    return sentences[status];
}
