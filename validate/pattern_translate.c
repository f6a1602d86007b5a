/*
 * pattern_translate - ECMA-262 to PCRE2, where the two differ: what a dot, \s and a class are, which escapes there are, and
 * everything that only PCRE2 knows, which is refused. Called by pattern; any thread.
 *
 * PCRE2 judges what is the same in both (brackets that do not match, ranges out of order, unknown groups).
 */
#include "validate/pattern_translate.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "validate/pattern_property.h"

/* The longest thing that one byte of a pattern becomes is \S in a class: under 200 bytes for 2. */
#define GROWTH_MAX 128

/* §22.2.2.9: WhiteSpace and LineTerminator, and their complement, as insides of a class. */
#define SPACES \
    "\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}"
#define NOT_SPACES                                                                                      \
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}" \
    "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}"
#define NOT_LINE_ENDS "[^\\n\\r\\x{2028}\\x{2029}]"
/* PCRE2's own empty class fails even where it may be there 0 times. */
#define NOTHING "[^\\x{0}-\\x{10ffff}]"

struct translation {
    const char *next;
    const char *end;
    char *out;
    size_t size;
    const char *reason;
    bool in_class;
    bool repeatable; /* what was written last can be repeated */
    uint64_t
        look_behinds; /* a bit a group that is open, the innermost the lowest: PCRE2 is not asked for more within one another */
};

static bool refuse(struct translation *t, const char *reason)
{
    t->reason = reason;
    return false;
}

static void put_bytes(struct translation *t, const char *bytes, size_t size)
{
    memcpy(t->out + t->size, bytes, size);
    t->size += size;
}

static void put(struct translation *t, const char *text)
{
    put_bytes(t, text, strlen(text));
}

static void put_code_point(struct translation *t, uint32_t code_point)
{
    char text[16];
    (void)snprintf(text, sizeof(text), "\\x{%x}", (unsigned)code_point);
    put(t, text);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int hex_value(char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Exactly `digits` hexadecimal digits. */
static bool read_hex(const char **next, const char *end, int digits, uint32_t *value_r)
{
    uint32_t value = 0;
    const char *at = *next;
    for (int i = 0; i < digits; i++, at++) {
        if (at == end || hex_value(*at) < 0) {
            return false;
        }
        value = value * 16 + (uint32_t)hex_value(*at);
    }
    *next = at;
    *value_r = value;
    return true;
}

static bool read_braced_hex(struct translation *t, uint32_t *value_r)
{
    uint32_t value = 0;
    const char *at = t->next + 1;
    while (at < t->end && hex_value(*at) >= 0 && value <= 0x10FFFF) {
        value = value * 16 + (uint32_t)hex_value(*at++);
    }
    if (at == t->end || *at != '}' || at == t->next + 1 || value > 0x10FFFF) {
        return false;
    }
    t->next = at + 1;
    *value_r = value;
    return true;
}

/* Behind "\u". Two surrogates of four digits that follow one another are one character; one by itself is a character that no text
 * has, but the end of a range it may be. */
static bool translate_unicode(struct translation *t)
{
    uint32_t value = 0;
    if (t->next < t->end && *t->next == '{') {
        if (!read_braced_hex(t, &value)) {
            return refuse(t, "\\u{ without a code point and }");
        }
        put_code_point(t, value);
        return true;
    }
    if (!read_hex(&t->next, t->end, 4, &value)) {
        return refuse(t, "\\u without four hexadecimal digits");
    }
    const char *after = t->next + 2;
    uint32_t low = 0;
    if (value >= 0xD800 && value <= 0xDBFF && t->end - t->next >= 6 && t->next[0] == '\\' && t->next[1] == 'u' &&
        read_hex(&after, t->end, 4, &low) && low >= 0xDC00 && low <= 0xDFFF) {
        value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
        t->next = after;
    }
    put_code_point(t, value);
    return true;
}

/* Behind "\p" or "\P". */
static bool translate_property(struct translation *t, char letter)
{
    const char *close = t->next < t->end ? memchr(t->next, '}', (size_t)(t->end - t->next)) : NULL;
    if (close == NULL || *t->next != '{' || close == t->next + 1 || t->next[1] == '^') {
        return refuse(t, "\\p without the name of a property in {}");
    }
    const char *name = t->next + 1;
    static const char *const prefixes[] = {"General_Category=", "gc="};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        const size_t size = strlen(prefixes[i]);
        if ((size_t)(close - name) > size && memcmp(name, prefixes[i], size) == 0) {
            name += size;
        }
    }
    const size_t size = (size_t)(close - name);
    const char *category = pattern_property_category(name, size);
    if (size == strlen("Assigned") && memcmp(name, "Assigned", size) == 0) {
        category = "Cn"; /* all but these */
        letter = letter == 'p' ? 'P' : 'p';
    }
    put_bytes(t, "\\", 1);
    put_bytes(t, &letter, 1);
    put(t, "{");
    if (category != NULL) {
        put(t, category);
    } else {
        put_bytes(t, name, size);
    }
    put(t, "}");
    t->next = close + 1;
    return true;
}

static bool translate_backreference(struct translation *t, char first)
{
    if (t->in_class) {
        return refuse(t, "a back-reference in a class");
    }
    put(t, "\\g{");
    put_bytes(t, &first, 1);
    while (t->next < t->end && is_digit(*t->next)) {
        put_bytes(t, t->next++, 1);
    }
    put(t, "}");
    return true;
}

static bool translate_named_reference(struct translation *t)
{
    const char *close = t->next < t->end ? memchr(t->next, '>', (size_t)(t->end - t->next)) : NULL;
    if (t->in_class || close == NULL || *t->next != '<') {
        return refuse(t, "\\k without the name of a group in <>");
    }
    put(t, "\\k");
    put_bytes(t, t->next, (size_t)(close + 1 - t->next));
    t->next = close + 1;
    return true;
}

/* An escape that stands for one character or one class, by its letter. */
static bool translate_letter(struct translation *t, char letter)
{
    uint32_t value = 0;
    switch (letter) {
    case 'd':
    case 'D':
    case 'w':
    case 'W':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        put_bytes(t, "\\", 1);
        put_bytes(t, &letter, 1);
        return true;
    case 'v':
        put(t, "\\x{b}");
        return true;
    case 's':
        put(t, t->in_class ? SPACES : "[" SPACES "]");
        return true;
    case 'S':
        put(t, t->in_class ? NOT_SPACES : "[^" SPACES "]");
        return true;
    case 'b':
    case 'B':
        if (t->in_class && letter == 'B') {
            return refuse(t, "\\B in a class");
        }
        t->repeatable = t->in_class;
        put(t, t->in_class ? "\\x{8}" : (letter == 'b' ? "\\b" : "\\B"));
        return true;
    case 'c':
        if (t->next == t->end || !is_letter(*t->next)) {
            return refuse(t, "\\c without a letter");
        }
        put_code_point(t, (uint32_t)(*t->next++ % 32));
        return true;
    case 'x':
        if (!read_hex(&t->next, t->end, 2, &value)) {
            return refuse(t, "\\x without two hexadecimal digits");
        }
        put_code_point(t, value);
        return true;
    case 'u':
        return translate_unicode(t);
    case 'p':
    case 'P':
        return translate_property(t, letter);
    case 'k':
        return translate_named_reference(t);
    default:
        return refuse(t, "an escape that ECMA-262 does not have");
    }
}

static bool translate_escape(struct translation *t)
{
    if (t->next == t->end) {
        return refuse(t, "a backslash at the end");
    }
    const char c = *t->next++;
    t->repeatable = true;
    if (is_letter(c)) {
        return translate_letter(t, c);
    }
    if (c == '0') {
        if (t->next < t->end && is_digit(*t->next)) {
            return refuse(t, "an octal escape");
        }
        put(t, "\\x{0}");
        return true;
    }
    if (is_digit(c)) {
        return translate_backreference(t, c);
    }
    if ((unsigned char)c < 0x80 && c != '_') { /* the character itself */
        put_code_point(t, (unsigned char)c);
        return true;
    }
    return refuse(t, "an escape that ECMA-262 does not have");
}

/* Behind "(": what kind of group. PCRE2 has many more. */
static bool translate_group(struct translation *t)
{
    static const char *const kinds[] = {"?:", "?=", "?!", "?<=", "?<!"};
    const size_t left = (size_t)(t->end - t->next);
    t->repeatable = false;
    t->look_behinds <<= 1;
    put(t, "(");
    if (left == 0 || *t->next != '?') {
        return left == 0 || *t->next != '*' || refuse(t, "nothing to repeat");
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const size_t size = strlen(kinds[i]);
        if (left >= size && memcmp(t->next, kinds[i], size) == 0) {
            put(t, kinds[i]);
            t->next += size;
            t->look_behinds |= kinds[i][1] == '<' ? 1 : 0;
            return true;
        }
    }
    if (left >= 3 && t->next[1] == '<' && (is_letter(t->next[2]) || t->next[2] == '_')) {
        put(t, "?<");
        t->next += 2;
        return true;
    }
    return refuse(
        t, "a kind of group that ECMA-262 does not have, or a group's name that is not of letters, digits and _");
}

/* The size of a quantifier "{n}", "{n,}" or "{n,m}" at `next`, or 0. */
static size_t braces_size(const struct translation *t)
{
    const char *at = t->next + 1;
    const char *digits = at;
    while (at < t->end && is_digit(*at)) {
        at++;
    }
    if (at == digits) {
        return 0;
    }
    if (at < t->end && *at == ',') {
        at++;
    }
    while (at < t->end && is_digit(*at)) {
        at++;
    }
    return at < t->end && *at == '}' ? (size_t)(at + 1 - t->next) : 0;
}

static bool translate_quantifier(struct translation *t, size_t size)
{
    if (!t->repeatable) {
        return refuse(t, "nothing to repeat");
    }
    put_bytes(t, t->next, size);
    t->next += size;
    if (t->next < t->end && *t->next == '?') {
        put(t, "?");
        t->next++;
    }
    t->repeatable = false; /* "a++" is possessive in PCRE2 and nothing in ECMA-262 */
    return true;
}

static bool translate_in_class(struct translation *t, char c)
{
    if (c == '[') {
        put(t, "\\["); /* no class within a class, and no [:name:] */
    } else {
        put_bytes(t, &c, 1);
        t->in_class = c != ']';
    }
    return true;
}

static bool open_class(struct translation *t)
{
    t->repeatable = true;
    if (t->next < t->end && *t->next == ']') {
        put(t, NOTHING);
        t->next++;
        return true;
    }
    put(t, "[");
    if (t->next < t->end && *t->next == '^') {
        put(t, "^");
        t->next++;
    }
    t->in_class = true;
    return true;
}

static bool translate_one(struct translation *t)
{
    const char c = *t->next;
    if (!t->in_class) {
        const size_t braces = c == '{' ? braces_size(t) : 0;
        if (c == '*' || c == '+' || c == '?' || braces > 0) {
            return translate_quantifier(t, braces > 0 ? braces : 1);
        }
    }
    t->next++;
    if (c == '\\') {
        return translate_escape(t);
    }
    if (t->in_class) {
        return translate_in_class(t, c);
    }
    t->repeatable = c != '|' && c != '^' && c != '$';
    switch (c) {
    case '[':
        return open_class(t);
    case '(':
        return translate_group(t);
    case ')':
        put(t, ")");
        t->repeatable = (t->look_behinds & 1) == 0;
        t->look_behinds >>= 1;
        return true;
    case '.':
        put(t, NOT_LINE_ENDS);
        return true;
    case '{':
    case '}':
    case ']':
        put_code_point(t, (unsigned char)c);
        return true;
    default:
        put_bytes(t, &c, 1);
        return true;
    }
}

static bool start(struct translation *t, const char *text, size_t size)
{
    *t = (struct translation){.next = text, .end = text + size};
    t->out = size <= (SIZE_MAX - 1) / GROWTH_MAX ? malloc(size * GROWTH_MAX + 1) : NULL;
    return t->out != NULL;
}

char *pattern_translate(const char *text, size_t size, size_t *size_r, const char **reason_r, size_t *offset_r)
{
    struct translation t;
    const char *item = text;
    *reason_r = NULL;
    if (!start(&t, text, size)) {
        return NULL;
    }
    while (t.next < t.end && translate_one(&t)) {
        item = t.next;
    }
    if (t.reason != NULL) {
        *reason_r = t.reason;
        *offset_r = (size_t)(item - text);
        free(t.out);
        return NULL;
    }
    t.out[t.size] = '\0'; /* `start` left room for it */
    *size_r = t.size;
    return t.out;
}

size_t pattern_translate_origin(const char *text, size_t size, size_t offset)
{
    struct translation t;
    const char *item = text;
    if (!start(&t, text, size)) {
        return 0;
    }
    while (t.size < offset && t.next < t.end && translate_one(&t)) {
        item = t.size <= offset ? t.next : item;
    }
    free(t.out);
    return (size_t)(item - text);
}
