/*
 * uri_template - literals and expressions of URI templates, from the left to the right. Called by schema_format; any thread.
 */
#include "validate/uri_template.h"

#include <string.h>

/* A prefix is of 1 to 9999 characters (RFC 6570 §2.4.1). */
#define PREFIX_DIGITS_MAX 4

struct cursor {
    const char *next;
    const char *end;
};

static bool at_any(const struct cursor *cursor, const char *choices)
{
    return cursor->next < cursor->end && *cursor->next != '\0' && strchr(choices, *cursor->next) != NULL;
}

static bool take_any(struct cursor *cursor, const char *choices)
{
    const bool taken = at_any(cursor, choices);
    cursor->next += taken ? 1 : 0;
    return taken;
}

static bool take_percent(struct cursor *cursor)
{
    const char *digits = "0123456789abcdefABCDEF";
    struct cursor ahead = *cursor;
    if (!take_any(&ahead, "%") || !take_any(&ahead, digits) || !take_any(&ahead, digits)) {
        return false;
    }
    *cursor = ahead;
    return true;
}

/* §2.1, with the apostrophe that its erratum 6937 lets in: all but control characters, space and these; of what is beyond ASCII,
 * the C1 controls are none either. */
static bool take_literal(struct cursor *cursor)
{
    const unsigned char c = (unsigned char)*cursor->next;
    const bool control =
        c <= ' ' || c == 0x7F || (c == 0xC2 && cursor->end - cursor->next > 1 && (unsigned char)cursor->next[1] < 0xA0);
    if (c == '%') {
        return take_percent(cursor);
    }
    if (control || strchr("\"<>\\^`{|}", c) != NULL) {
        return false;
    }
    cursor->next++;
    return true;
}

static bool take_name_character(struct cursor *cursor)
{
    return take_any(cursor, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") || take_percent(cursor);
}

/* §2.3 varname: dots stand between characters. */
static bool take_name(struct cursor *cursor)
{
    do {
        if (!take_name_character(cursor)) {
            return false;
        }
        while (take_name_character(cursor)) {
        }
    } while (take_any(cursor, "."));
    return true;
}

/* §2.4: "*", or ":" and the length of a prefix, or nothing. */
static bool take_modifier(struct cursor *cursor)
{
    if (take_any(cursor, "*") || !take_any(cursor, ":")) {
        return true;
    }
    if (!take_any(cursor, "123456789")) {
        return false;
    }
    int digits = 1;
    while (take_any(cursor, "0123456789")) {
        digits++;
    }
    return digits <= PREFIX_DIGITS_MAX;
}

/* §2.2, behind the opening brace. */
static bool take_expression(struct cursor *cursor)
{
    (void)take_any(cursor, "+#./;?&=,!@|"); /* the last five are reserved for what may come */
    do {
        if (!take_name(cursor) || !take_modifier(cursor)) {
            return false;
        }
    } while (take_any(cursor, ","));
    return take_any(cursor, "}");
}

bool uri_template_valid(const char *text, size_t size)
{
    struct cursor cursor = {text, text + size};
    while (cursor.next < cursor.end) {
        if (take_any(&cursor, "{") ? !take_expression(&cursor) : !take_literal(&cursor)) {
            return false;
        }
    }
    return true;
}
