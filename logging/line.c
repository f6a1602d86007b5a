/*
 * line - formats events. Called by log.c on the thread that logs, and by writer.c for what the log says of itself.
 */
#include "logging/line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "logging/escape.h"

#define TIME_SIZE       sizeof("9999-12-31T23:59:59.999Z")
#define TIME_LAST_MS    INT64_C(253402300799999) /* the end of year 9999 */
#define NUMBER_SIZE     32                       /* "-9223372036854775808" and the like, quotes and NUL */
#define CUT_SUFFIX      "_cut"
#define NUMBER_MAX_SIZE 20 /* digits of UINT64_MAX */

/* Kept free for the end of the line: ,"fields_cut":N}\n */
#define TAIL_SIZE (sizeof(",\"fields_cut\":}\n") - 1 + NUMBER_MAX_SIZE)
#define BODY_SIZE (LOG_LINE_MAX - TAIL_SIZE)

static size_t room(const struct line *line)
{
    return BODY_SIZE - line->size;
}

/* The caller has seen to it that there is room. */
static void put(struct line *line, const char *bytes, size_t size)
{
    memcpy(line->bytes + line->size, bytes, size);
    line->size += size;
}

static void put_string(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

/* Names are literals of the program; whatever else comes in is made to look like one. */
static void put_name(struct line *line, const char *name, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const char c = name[i];
        const bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
        put(line, fine ? &c : "_", 1);
    }
}

static size_t name_size(const char *name)
{
    return strnlen(name, LINE_NAME_MAX);
}

/* What comes between one value and the next, with the name: ` name=` or `,"name":`. */
static size_t lead_size(enum log_format format, size_t name)
{
    return format == LOG_JSON ? name + sizeof(",\"\":") - 1 : name + sizeof(" =") - 1;
}

static void put_lead(struct line *line, enum log_format format, const char *name, const char *suffix)
{
    put_string(line, format == LOG_JSON ? ",\"" : " ");
    put_name(line, name, name_size(name));
    put_string(line, suffix);
    put_string(line, format == LOG_JSON ? "\":" : "=");
}

static void put_number(struct line *line, uint64_t value)
{
    char digits[NUMBER_SIZE];
    (void)snprintf(digits, sizeof digits, "%" PRIu64, value);
    put_string(line, digits);
}

/* `plain` is a number or word of ours. False: no room, nothing was put. */
static bool put_plain_field(struct line *line, enum log_format format, const char *name, const char *plain)
{
    const size_t size = strlen(plain);
    if (lead_size(format, name_size(name)) + size > room(line)) {
        return false;
    }
    put_lead(line, format, name, "");
    put(line, plain, size);
    return true;
}

/* Puts as much of the value as LOG_VALUE_MAX and `budget` octets of output allow; whole characters only. Returns
 * what was taken of `size`. */
static size_t put_escaped(struct line *line, enum log_format format, const uint8_t *bytes, size_t size, size_t budget)
{
    const enum escape_form form = format == LOG_JSON ? ESCAPE_JSON : ESCAPE_TEXT;
    const size_t limit = size < LOG_VALUE_MAX ? size : LOG_VALUE_MAX;
    size_t taken = 0;
    while (taken < limit) {
        const struct escaped unit = escape_next(form, bytes + taken, size - taken);
        if (unit.taken > limit - taken || unit.size > budget) {
            break;
        }
        put(line, unit.bytes, unit.size);
        budget -= unit.size;
        taken += unit.taken;
    }
    return taken;
}

/* False: there is no room even for an empty value and the mark that says so; nothing was put. */
static bool put_text_field(struct line *line, enum log_format format, const char *name, const uint8_t *bytes,
                           size_t size)
{
    const size_t name_length = name_size(name);
    const bool quoted = format == LOG_JSON || !escape_is_bare(bytes, size);
    const size_t frame =
        lead_size(format, name_length) + 2 + lead_size(format, name_length + sizeof(CUT_SUFFIX) - 1) + NUMBER_MAX_SIZE;
    if (frame > room(line)) {
        return false;
    }
    const size_t budget = room(line) - frame;
    put_lead(line, format, name, "");
    put_string(line, quoted ? "\"" : "");
    const size_t taken = put_escaped(line, format, bytes, size, budget);
    put_string(line, quoted ? "\"" : "");
    if (taken < size) {
        put_lead(line, format, name, CUT_SUFFIX);
        put_number(line, size - taken);
    }
    return true;
}

static bool put_u64_field(struct line *line, enum log_format format, const char *name, uint64_t value)
{
    const bool quoted = format == LOG_JSON && value > INT64_MAX;
    char plain[NUMBER_SIZE];
    (void)snprintf(plain, sizeof plain, quoted ? "\"%" PRIu64 "\"" : "%" PRIu64, value);
    return put_plain_field(line, format, name, plain);
}

static bool put_field(struct line *line, enum log_format format, const struct log_field *field)
{
    char plain[NUMBER_SIZE];
    switch (field->kind) {
    case LOG_FIELD_TEXT:
        if (field->value.text.bytes == NULL) {
            return put_plain_field(line, format, field->name, format == LOG_JSON ? "null" : "-");
        }
        return put_text_field(line, format, field->name, (const uint8_t *)field->value.text.bytes,
                              field->value.text.size);
    case LOG_FIELD_I64:
        (void)snprintf(plain, sizeof plain, "%" PRId64, field->value.i64);
        return put_plain_field(line, format, field->name, plain);
    case LOG_FIELD_U64:
        return put_u64_field(line, format, field->name, field->value.u64);
    case LOG_FIELD_BOOL:
        return put_plain_field(line, format, field->name, field->value.u64 != 0 ? "true" : "false");
    case LOG_FIELD_SECONDS:
        (void)snprintf(plain, sizeof plain, "%" PRIu64 ".%03" PRIu64, field->value.u64 / 1000, field->value.u64 % 1000);
        return put_plain_field(line, format, field->name, plain);
    }
    return false;
}

/* RFC 3339 §5.6, UTC, milliseconds. A clock outside years 1970 to 9999 is shown as the nearest end. */
static void put_time(struct line *line, int64_t time_ms)
{
    const int64_t bounded = time_ms < 0 ? 0 : time_ms > TIME_LAST_MS ? TIME_LAST_MS : time_ms;
    const time_t seconds = (time_t)(bounded / 1000);
    struct tm utc = {0};
    (void)gmtime_r(&seconds, &utc);
    char text[TIME_SIZE];
    if (strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc) == 0) {
        text[0] = '\0';
    }
    put_string(line, text);
    (void)snprintf(text, sizeof text, ".%03dZ", (int)(bounded % 1000));
    put_string(line, text);
}

const char *line_level_name(enum log_level level)
{
    switch (level) {
    case LOG_DEBUG:
        return "debug";
    case LOG_INFO:
        return "info";
    case LOG_NOTICE:
        return "notice";
    case LOG_WARNING:
        return "warning";
    case LOG_ERROR:
        return "error";
    }
    return "unknown";
}

void line_format(struct line *line, enum log_format format, enum log_level level, int64_t time_ms, const char *event,
                 const struct log_field *fields, size_t count)
{
    const bool json = format == LOG_JSON;
    line->size = 0;
    put_string(line, json ? "{\"time\":\"" : "");
    put_time(line, time_ms);
    put_string(line, json ? "\",\"level\":\"" : " ");
    put_string(line, line_level_name(level));
    put_string(line, json ? "\",\"event\":\"" : " ");
    put_name(line, event, name_size(event));
    put_string(line, json ? "\"" : "");

    size_t cut = 0;
    for (size_t i = 0; i < count; i++) {
        cut += put_field(line, format, &fields[i]) ? 0 : 1;
    }
    if (cut > 0) {
        put_lead(line, format, "fields", CUT_SUFFIX);
        put_number(line, cut);
    }
    put_string(line, json ? "}\n" : "\n");
}
