/*
 * describe - what a row of the table takes, in words.
 * Called for errors (value.c, parse.c) and for the reference (reference.c). Pure functions: any thread.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/config/units.h"
#include "server/config/value.h"

const char *value_type_name(enum row_type type)
{
    switch (type) {
    case ROW_BOOL:
        return "true or false";
    case ROW_INTEGER:
        return "integer";
    case ROW_NUMBER:
        return "number";
    case ROW_SIZE:
        return "size";
    case ROW_DURATION:
        return "duration";
    case ROW_CHOICE:
    case ROW_WORD:
        return "one of";
    case ROW_STRING:
        return "string";
    case ROW_STRINGS:
        return "list of strings";
    case ROW_PREFIXES:
        return "list of addresses and prefixes";
    case ROW_GROUP:
        return "group";
    case ROW_LIST:
        return "list of groups";
    }
    return "unknown";
}

/* "a", "b" or "c" as the file has them, in quotes. The words of a row are few and short: they fit. */
static void write_words(const char *const *words, char out[VALUE_EXPECTED_SIZE])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; words[i] != NULL && used < VALUE_EXPECTED_SIZE; i++) {
        int size = snprintf(out + used, VALUE_EXPECTED_SIZE - used, "%s\"%s\"", i > 0 ? ", " : "", words[i]);
        used += size > 0 ? (size_t)size : 0;
    }
}

const char *value_range(const struct row *row, char out[VALUE_EXPECTED_SIZE])
{
    char min[UNITS_TEXT_SIZE];
    char max[UNITS_TEXT_SIZE];
    out[0] = '\0';
    switch (row->type) {
    case ROW_INTEGER:
    case ROW_NUMBER:
        (void)snprintf(out, VALUE_EXPECTED_SIZE, "%" PRId64 " to %" PRId64, row->min, row->max);
        break;
    case ROW_SIZE:
        (void)snprintf(out, VALUE_EXPECTED_SIZE, "%s to %s", units_format_size(row->min, min),
                       units_format_size(row->max, max));
        break;
    case ROW_DURATION:
        (void)snprintf(out, VALUE_EXPECTED_SIZE, "%s to %s", units_format_duration(row->min, min),
                       units_format_duration(row->max, max));
        break;
    case ROW_STRING:
        (void)snprintf(out, VALUE_EXPECTED_SIZE, "%" PRId64 " to %" PRId64 " bytes", row->min, row->max);
        break;
    case ROW_CHOICE:
    case ROW_WORD:
        write_words(row->words, out);
        break;
    case ROW_STRINGS:
    case ROW_PREFIXES:
    case ROW_LIST:
        (void)snprintf(out, VALUE_EXPECTED_SIZE, "%" PRId64 " to %" PRId64, row->min, row->max);
        break;
    case ROW_BOOL:
    case ROW_GROUP:
        break;
    }
    return out;
}

const char *value_expected(const struct row *row, char out[VALUE_EXPECTED_SIZE])
{
    char range[VALUE_EXPECTED_SIZE];
    const char *prefix = "";
    const char *suffix = "";
    switch (row->type) {
    case ROW_BOOL:
        prefix = "true or false";
        break;
    case ROW_INTEGER:
        prefix = "an integer from ";
        break;
    case ROW_NUMBER:
        prefix = "a number from ";
        break;
    case ROW_SIZE:
        prefix = "a size from ";
        suffix = " (bytes, or text such as \"64K\", \"16M\", \"1G\")";
        break;
    case ROW_DURATION:
        prefix = "a duration from ";
        suffix = " (seconds, or text such as \"250ms\", \"10s\", \"5m\", \"1h\", \"1d\")";
        break;
    case ROW_CHOICE:
    case ROW_WORD:
        prefix = "one of ";
        break;
    case ROW_STRING:
        prefix = "a string of ";
        break;
    case ROW_STRINGS:
        prefix = "a list of strings [ \"...\", ... ], ";
        suffix = " of them";
        break;
    case ROW_PREFIXES:
        prefix = "a list of addresses and prefixes [ \"192.0.2.0/24\", ... ], ";
        suffix = " of them";
        break;
    case ROW_GROUP:
        prefix = "a group { ... }";
        break;
    case ROW_LIST:
        prefix = "a list of groups ( { ... }, ... ), ";
        suffix = " of them";
        break;
    }
    (void)snprintf(out, VALUE_EXPECTED_SIZE, "%s%s%s", prefix, value_range(row, range), suffix);
    return out;
}
