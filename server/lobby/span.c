/*
 * span - views and character classes; called by head.c and target.c, on any thread.
 *
 * Not <ctype.h> and <strings.h>: their answers follow the locale.
 */
#include "server/lobby/span.h"

#include <string.h>

bool char_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return char_is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool char_is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

bool char_is_token(char c)
{
    return is_alnum(c) || char_is_one_of(c, "!#$%&'*+-.^_`|~");
}

bool char_is_unreserved(char c)
{
    return is_alnum(c) || char_is_one_of(c, "-._~");
}

bool char_is_pchar(char c)
{
    return char_is_unreserved(c) || char_is_one_of(c, "!$&'()*+,;=:@");
}

bool char_is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7F;
}

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

int char_hex_value(char c)
{
    if (char_is_digit(c)) {
        return c - '0';
    }
    c = to_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool span_equals(struct head_span span, const char *text)
{
    return span.size == strlen(text) && memcmp(span.bytes, text, span.size) == 0;
}

bool span_starts_without_case(struct head_span span, const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (i == span.size || to_lower(span.bytes[i]) != to_lower(text[i])) {
            return false;
        }
    }
    return true;
}

bool span_equals_without_case(struct head_span span, const char *text)
{
    return span.size == strlen(text) && span_starts_without_case(span, text);
}

void span_skip(struct head_span *span, size_t size)
{
    span->bytes += size;
    span->size -= size;
}

bool span_cut(struct head_span *rest, char delimiter, struct head_span *front_r)
{
    const char *end = memchr(rest->bytes, delimiter, rest->size);
    if (end == NULL) {
        return false;
    }
    *front_r = (struct head_span){rest->bytes, (size_t)(end - rest->bytes)};
    span_skip(rest, front_r->size + 1);
    return true;
}

struct head_span span_trim(struct head_span span)
{
    while (span.size > 0 && char_is_one_of(span.bytes[0], " \t")) {
        span_skip(&span, 1);
    }
    while (span.size > 0 && char_is_one_of(span.bytes[span.size - 1], " \t")) {
        span.size--;
    }
    return span;
}
