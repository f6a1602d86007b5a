/*
 * escape - harmless forms of characters for the log. Called by line.c, on the thread that logs.
 */
#include "logging/escape.h"

#include <string.h>

#define SURROGATE_FIRST 0xD800u
#define SURROGATE_LAST  0xDFFFu
#define REPLACEMENT     0xFFFDu
#define BMP_LAST        0xFFFFu
#define UNICODE_LAST    0x10FFFFu

/* Beyond ASCII: what is escaped although it is well-formed. Ascending. */
static const struct {
    uint32_t first;
    uint32_t last;
} unsafe_ranges[] = {
    {0x0080, 0x009F},   /* C1 controls: CSI and its like in one character */
    {0x00AD, 0x00AD},   /* soft hyphen */
    {0x034F, 0x034F},   /* combining grapheme joiner */
    {0x061C, 0x061C},   /* Arabic letter mark */
    {0x115F, 0x1160},   /* Hangul fillers */
    {0x17B4, 0x17B5},   /* Khmer inherent vowels */
    {0x180B, 0x180F},   /* Mongolian selectors */
    {0x200B, 0x200F},   /* zero width, left-to-right and right-to-left marks */
    {0x2028, 0x202E},   /* line and paragraph separators, embeddings and overrides */
    {0x2060, 0x206F},   /* joiners, invisible operators, isolates */
    {0x3164, 0x3164},   /* Hangul filler */
    {0xFDD0, 0xFDEF},   /* non-characters */
    {0xFE00, 0xFE0F},   /* variation selectors */
    {0xFEFF, 0xFEFF},   /* byte order mark */
    {0xFFA0, 0xFFA0},   /* half-width Hangul filler */
    {0xFFF0, 0xFFFB},   /* unassigned, interlinear annotation */
    {0xFFFE, 0xFFFF},   /* non-characters */
    {0x1BCA0, 0x1BCA3}, /* shorthand format controls */
    {0x1D173, 0x1D17A}, /* musical format controls */
    {0xE0000, 0xE0FFF}, /* tags and supplementary selectors */
};

/* Length of the well-formed character at the start (RFC 3629 §4) and its code point; 0: there is none. */
static size_t decode(const uint8_t *bytes, size_t size, uint32_t *point_r)
{
    const uint8_t lead = bytes[0];
    size_t length = 0;
    uint32_t point = 0;
    uint32_t least = 0;
    if (lead < 0x80) {
        *point_r = lead;
        return 1;
    }
    if ((lead & 0xE0) == 0xC0) {
        length = 2;
        point = lead & 0x1Fu;
        least = 0x80;
    } else if ((lead & 0xF0) == 0xE0) {
        length = 3;
        point = lead & 0x0Fu;
        least = 0x800;
    } else if ((lead & 0xF8) == 0xF0) {
        length = 4;
        point = lead & 0x07u;
        least = 0x10000;
    } else {
        return 0;
    }
    if (length > size) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return 0;
        }
        point = point << 6 | (bytes[i] & 0x3Fu);
    }
    if (point < least || point > UNICODE_LAST || (point >= SURROGATE_FIRST && point <= SURROGATE_LAST)) {
        return 0;
    }
    *point_r = point;
    return length;
}

static bool is_unsafe(uint32_t point)
{
    if (point < 0x80) {
        return point < ' ' || point == 0x7F || point == '"' || point == '\\';
    }
    for (size_t i = 0; i < sizeof unsafe_ranges / sizeof unsafe_ranges[0]; i++) {
        if (point <= unsafe_ranges[i].last) {
            return point >= unsafe_ranges[i].first;
        }
    }
    return point > BMP_LAST && (point & 0xFFFE) == 0xFFFE; /* the last two of each plane are non-characters */
}

static void put(struct escaped *out, char c)
{
    out->bytes[out->size++] = c;
}

static void put_hex(struct escaped *out, char kind, uint32_t value, unsigned digits)
{
    put(out, '\\');
    put(out, kind);
    while (digits > 0) {
        digits--;
        put(out, "0123456789abcdef"[value >> (4 * digits) & 0xF]);
    }
}

/* The letter of a one-letter escape that both forms know; 0: none. */
static char short_escape(uint32_t point)
{
    switch (point) {
    case '"':
        return '"';
    case '\\':
        return '\\';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

static void put_code_point(struct escaped *out, enum escape_form form, uint32_t point)
{
    const char letter = short_escape(point);
    if (letter != 0) {
        put(out, '\\');
        put(out, letter);
    } else if (point > BMP_LAST && form == ESCAPE_JSON) {
        const uint32_t offset = point - (BMP_LAST + 1);
        put_hex(out, 'u', 0xD800u + (offset >> 10), 4);
        put_hex(out, 'u', 0xDC00u + (offset & 0x3FFu), 4);
    } else if (point > BMP_LAST) {
        put_hex(out, 'U', point, 8);
    } else if (point < 0x80 && form == ESCAPE_TEXT) {
        put_hex(out, 'x', point, 2);
    } else {
        put_hex(out, 'u', point, 4);
    }
}

struct escaped escape_next(enum escape_form form, const uint8_t *bytes, size_t size)
{
    struct escaped out = {.taken = 1, .size = 0};
    uint32_t point = 0;
    const size_t length = decode(bytes, size, &point);
    if (length > 0) {
        out.taken = length;
    }
    if (form == ESCAPE_JSON && (length == 0 || point == 0)) {
        put_hex(&out, 'u', REPLACEMENT, 4);
    } else if (length == 0) {
        put_hex(&out, 'x', bytes[0], 2);
    } else if (is_unsafe(point)) {
        put_code_point(&out, form, point);
    } else {
        memcpy(out.bytes, bytes, length);
        out.size = length;
    }
    return out;
}

bool escape_is_bare(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const uint8_t c = bytes[i];
        if (c <= ' ' || c >= 0x7F || c == '"' || c == '=' || c == '\\') {
            return false;
        }
    }
    return size > 1 || (size == 1 && bytes[0] != '-');
}
