/*
 * schema_format - dates, names and identifiers as texts. Called by the compiler and the checker of schemas; any thread.
 */
#include "validate/schema_format.h"

#include <stdint.h>
#include <string.h>

#include "validate/email.h"
#include "validate/idn.h"
#include "validate/ip_text.h"
#include "validate/pattern.h"
#include "validate/uri.h"
#include "validate/uri_template.h"

struct cursor {
    const char *next;
    const char *end;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool take(struct cursor *cursor, char c)
{
    if (cursor->next == cursor->end || *cursor->next != c) {
        return false;
    }
    cursor->next++;
    return true;
}

static bool take_any(struct cursor *cursor, const char *choices)
{
    if (cursor->next == cursor->end || *cursor->next == '\0' || strchr(choices, *cursor->next) == NULL) {
        return false;
    }
    cursor->next++;
    return true;
}

/* Exactly `digits` of them. */
static bool take_number(struct cursor *cursor, int digits, int *number_r)
{
    int number = 0;
    for (int i = 0; i < digits; i++) {
        if (cursor->next == cursor->end || !is_digit(*cursor->next)) {
            return false;
        }
        number = number * 10 + (*cursor->next++ - '0');
    }
    *number_r = number;
    return true;
}

static bool take_digits(struct cursor *cursor)
{
    const char *start = cursor->next;
    while (cursor->next < cursor->end && is_digit(*cursor->next)) {
        cursor->next++;
    }
    return cursor->next > start;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* RFC 3339 §5.6 full-date */
static bool take_date(struct cursor *cursor)
{
    int year = 0;
    int month = 0;
    int day = 0;
    return take_number(cursor, 4, &year) && take(cursor, '-') && take_number(cursor, 2, &month) && take(cursor, '-') &&
           take_number(cursor, 2, &day) && month >= 1 && month <= 12 && day >= 1 && day <= days_of(year, month);
}

/* Minutes east of Greenwich. */
static bool take_offset(struct cursor *cursor, int *offset_r)
{
    *offset_r = 0;
    if (take_any(cursor, "zZ")) {
        return true;
    }
    const int sign = cursor->next < cursor->end && *cursor->next == '-' ? -1 : 1;
    int hours = 0;
    int minutes = 0;
    if (!take_any(cursor, "+-") || !take_number(cursor, 2, &hours) || !take(cursor, ':') ||
        !take_number(cursor, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *offset_r = sign * (hours * 60 + minutes);
    return true;
}

/* RFC 3339 §5.6 full-time; a leap second is one at 23:59:60 UTC only (§5.7). */
static bool take_time(struct cursor *cursor)
{
    const int day = 24 * 60;
    int hour = 0;
    int minute = 0;
    int second = 0;
    int offset = 0;
    if (!take_number(cursor, 2, &hour) || !take(cursor, ':') || !take_number(cursor, 2, &minute) ||
        !take(cursor, ':') || !take_number(cursor, 2, &second) || hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    if (take(cursor, '.') && !take_digits(cursor)) {
        return false;
    }
    if (!take_offset(cursor, &offset)) {
        return false;
    }
    const int utc = (hour * 60 + minute - offset + 2 * day) % day;
    return second < 60 || utc == day - 1;
}

/* Units in their order; RFC 3339 appendix A has none left out between two that are there. */
static bool take_units(struct cursor *cursor, const char *units, bool *any_r)
{
    const char *expected = NULL;
    while (cursor->next < cursor->end && is_digit(*cursor->next)) {
        (void)take_digits(cursor);
        const char *unit = cursor->next < cursor->end && *cursor->next != '\0' ? strchr(units, *cursor->next) : NULL;
        if (unit == NULL || (expected != NULL && unit != expected)) {
            return false;
        }
        cursor->next++;
        expected = unit + 1;
        *any_r = true;
        if (*expected == '\0') {
            break;
        }
    }
    return true;
}

static bool is_duration(struct cursor cursor)
{
    bool date = false;
    bool time = false;
    if (!take(&cursor, 'P')) {
        return false;
    }
    struct cursor weeks = cursor;
    if (take_digits(&weeks) && take(&weeks, 'W')) {
        return weeks.next == weeks.end;
    }
    if (!take_units(&cursor, "YMD", &date)) {
        return false;
    }
    if (take(&cursor, 'T') && (!take_units(&cursor, "HMS", &time) || !time)) {
        return false;
    }
    return cursor.next == cursor.end && (date || time);
}

/* RFC 4122 §3 */
static bool is_uuid(const char *text, size_t size)
{
    if (size != 36) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !is_hex(text[i])) {
            return false;
        }
    }
    return true;
}

/* RFC 6901 §3 */
static bool is_json_pointer(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '~' && (i + 1 == size || (text[i + 1] != '0' && text[i + 1] != '1'))) {
            return false;
        }
    }
    return size == 0 || text[0] == '/';
}

/* draft-bhutton-relative-json-pointer-00 §3: how far up, without leading zeros, then how to go on: by a pointer, or "#". */
static bool is_relative_json_pointer(struct cursor cursor)
{
    const char *start = cursor.next;
    if (!take_digits(&cursor) || (start[0] == '0' && cursor.next - start > 1)) {
        return false;
    }
    if (take(&cursor, '#')) {
        return cursor.next == cursor.end;
    }
    return is_json_pointer(cursor.next, (size_t)(cursor.end - cursor.next));
}

static bool is_email(const char *text, size_t size, bool international)
{
    const struct email_options options = {.international = international};
    return email_check(text, size, &options) == EMAIL_VALID;
}

static bool is_moment(struct cursor cursor, bool date, bool time)
{
    return (!date || take_date(&cursor)) && (!date || !time || take_any(&cursor, "tT")) &&
           (!time || take_time(&cursor)) && cursor.next == cursor.end;
}

bool schema_format_check(enum schema_format format, const char *text, size_t size)
{
    const struct cursor cursor = {text, text + size};
    switch (format) {
    case SCHEMA_FORMAT_NONE:
        return true;
    case SCHEMA_FORMAT_DATE_TIME:
        return is_moment(cursor, true, true);
    case SCHEMA_FORMAT_DATE:
        return is_moment(cursor, true, false);
    case SCHEMA_FORMAT_TIME:
        return is_moment(cursor, false, true);
    case SCHEMA_FORMAT_DURATION:
        return is_duration(cursor);
    case SCHEMA_FORMAT_EMAIL:
        return is_email(text, size, false);
    case SCHEMA_FORMAT_IDN_EMAIL:
        return is_email(text, size, true);
    case SCHEMA_FORMAT_HOSTNAME:
        return idn_check(text, size, false) == IDN_VALID;
    case SCHEMA_FORMAT_IDN_HOSTNAME:
        return idn_check(text, size, true) == IDN_VALID;
    case SCHEMA_FORMAT_IPV4:
        return ip_text_is_v4(text, size);
    case SCHEMA_FORMAT_IPV6:
        return ip_text_is_v6(text, size);
    case SCHEMA_FORMAT_URI:
        return uri_valid(text, size, true);
    case SCHEMA_FORMAT_URI_REFERENCE:
        return uri_valid(text, size, false);
    case SCHEMA_FORMAT_URI_TEMPLATE:
        return uri_template_valid(text, size);
    case SCHEMA_FORMAT_IRI:
        return uri_valid_iri(text, size, true);
    case SCHEMA_FORMAT_IRI_REFERENCE:
        return uri_valid_iri(text, size, false);
    case SCHEMA_FORMAT_UUID:
        return is_uuid(text, size);
    case SCHEMA_FORMAT_JSON_POINTER:
        return is_json_pointer(text, size);
    case SCHEMA_FORMAT_RELATIVE_JSON_POINTER:
        return is_relative_json_pointer(cursor);
    case SCHEMA_FORMAT_REGEX:
        return pattern_is_valid(text, size);
    }
    return false;
}

enum schema_format schema_format_named(const char *name)
{
    static const struct {
        const char *name;
        enum schema_format format;
    } formats[] = {
        {"date-time", SCHEMA_FORMAT_DATE_TIME},
        {"date", SCHEMA_FORMAT_DATE},
        {"time", SCHEMA_FORMAT_TIME},
        {"duration", SCHEMA_FORMAT_DURATION},
        {"email", SCHEMA_FORMAT_EMAIL},
        {"idn-email", SCHEMA_FORMAT_IDN_EMAIL},
        {"hostname", SCHEMA_FORMAT_HOSTNAME},
        {"idn-hostname", SCHEMA_FORMAT_IDN_HOSTNAME},
        {"ipv4", SCHEMA_FORMAT_IPV4},
        {"ipv6", SCHEMA_FORMAT_IPV6},
        {"uri", SCHEMA_FORMAT_URI},
        {"uri-reference", SCHEMA_FORMAT_URI_REFERENCE},
        {"uri-template", SCHEMA_FORMAT_URI_TEMPLATE},
        {"iri", SCHEMA_FORMAT_IRI},
        {"iri-reference", SCHEMA_FORMAT_IRI_REFERENCE},
        {"uuid", SCHEMA_FORMAT_UUID},
        {"json-pointer", SCHEMA_FORMAT_JSON_POINTER},
        {"relative-json-pointer", SCHEMA_FORMAT_RELATIVE_JSON_POINTER},
        {"regex", SCHEMA_FORMAT_REGEX},
    };
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (strcmp(formats[i].name, name) == 0) {
            return formats[i].format;
        }
    }
    return SCHEMA_FORMAT_NONE;
}
