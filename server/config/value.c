/*
 * value - one value of the config.
 * Called by parse.c for the file's values and for the defaults, on the thread that loads.
 */
#include "server/config/value.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/config/units.h"
#include "server/gate/address.h"
#include "validate/utf8.h"

#define ELEMENT_SIZE_MAX 4095 /* bytes of a string in a list: no key takes longer ones */
#define FOUND_SIZE       (REPORT_QUOTE_SIZE + 32)

/* Enums are read as the index of a word. */
_Static_assert(sizeof(enum config_role) == sizeof(unsigned), "an enum is not an unsigned int");

static void store(void *base, size_t offset, const void *value, size_t size)
{
    memcpy((unsigned char *)base + offset, value, size);
}

/* An integer into a member of `width` bytes; the row's range fits it. */
static void store_integer(void *base, const struct row *row, int64_t value)
{
    uint32_t narrow = (uint32_t)value;
    if (row->width == sizeof(narrow)) {
        store(base, row->offset, &narrow, sizeof(narrow));
        return;
    }
    assert(row->width == sizeof(value));
    store(base, row->offset, &value, sizeof(value));
}

static void store_array(void *base, const struct row *row, const void *array, size_t count)
{
    store(base, row->offset, &array, sizeof(array));
    store(base, row->count_offset, &count, sizeof(count));
}

static const char *found(const config_setting_t *setting, char out[FOUND_SIZE])
{
    char quote[REPORT_QUOTE_SIZE];
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64: {
        long long value = config_setting_get_int64(setting);
        if (value == INT64_MAX || value == INT64_MIN) {
            return "an integer beyond 64 bits";
        }
        (void)snprintf(out, FOUND_SIZE, "the integer %lld", value);
        return out;
    }
    case CONFIG_TYPE_FLOAT:
        (void)snprintf(out, FOUND_SIZE, "the number %g", config_setting_get_float(setting));
        return out;
    case CONFIG_TYPE_STRING: {
        const char *text = config_setting_get_string(setting);
        (void)snprintf(out, FOUND_SIZE, "the string %s", report_quote(quote, text, strlen(text)));
        return out;
    }
    case CONFIG_TYPE_BOOL:
        return config_setting_get_bool(setting) ? "true" : "false";
    case CONFIG_TYPE_GROUP:
        return "a group { }";
    case CONFIG_TYPE_LIST:
        return config_setting_length(setting) == 0 ? "an empty list ( )" : "a list ( )";
    case CONFIG_TYPE_ARRAY:
        return config_setting_length(setting) == 0 ? "an empty array [ ]" : "an array [ ]";
    default: /* libconfig's types are plain integers */
        return "nothing";
    }
}

void value_report_type(struct report *report, const struct row *row, const config_setting_t *setting,
                       const struct path *path)
{
    char expected[VALUE_EXPECTED_SIZE];
    char text[FOUND_SIZE];
    report_error(report, config_setting_source_line(setting), path, "expected %s, found %s",
                 value_expected(row, expected), found(setting, text));
}

/* As above for an element of a list: the row describes the list. */
static void report_element_type(struct report *report, const config_setting_t *setting, const struct path *path)
{
    char text[FOUND_SIZE];
    report_error(report, config_setting_source_line(setting), path, "expected a string, found %s",
                 found(setting, text));
}

static bool read_bool(struct value_reader *reader, const struct row *row, const config_setting_t *setting,
                      const struct path *path, void *base)
{
    if (config_setting_type(setting) != CONFIG_TYPE_BOOL) {
        value_report_type(reader->report, row, setting, path);
        return false;
    }
    bool value = config_setting_get_bool(setting) != 0;
    store(base, row->offset, &value, sizeof(value));
    return true;
}

static bool is_integer(const config_setting_t *setting)
{
    return config_setting_type(setting) == CONFIG_TYPE_INT || config_setting_type(setting) == CONFIG_TYPE_INT64;
}

static bool get_integer(const config_setting_t *setting, int64_t *value_r)
{
    if (!is_integer(setting)) {
        return false;
    }
    *value_r = config_setting_get_int64(setting);
    return true;
}

static bool get_size(const config_setting_t *setting, int64_t *bytes_r)
{
    const char *text = config_setting_get_string(setting);
    return text != NULL ? units_parse_size(text, bytes_r) : get_integer(setting, bytes_r);
}

/* A bare integer is seconds. */
static bool get_duration(const config_setting_t *setting, int64_t *ms_r)
{
    int64_t seconds = 0;
    const char *text = config_setting_get_string(setting);
    if (text != NULL) {
        return units_parse_duration(text, ms_r);
    }
    if (!get_integer(setting, &seconds) || seconds < 0 || seconds > INT64_MAX / 1000) {
        return false;
    }
    *ms_r = seconds * 1000;
    return true;
}

static bool read_integer(struct value_reader *reader, const struct row *row, const config_setting_t *setting,
                         const struct path *path, void *base)
{
    int64_t value = 0;
    bool good = row->type == ROW_SIZE       ? get_size(setting, &value)
                : row->type == ROW_DURATION ? get_duration(setting, &value)
                                            : get_integer(setting, &value);
    if (!good || value < row->min || value > row->max) {
        value_report_type(reader->report, row, setting, path);
        return false;
    }
    store_integer(base, row, value);
    return true;
}

static bool read_number(struct value_reader *reader, const struct row *row, const config_setting_t *setting,
                        const struct path *path, void *base)
{
    double value = 0;
    if (config_setting_type(setting) == CONFIG_TYPE_FLOAT) {
        value = config_setting_get_float(setting);
    } else if (is_integer(setting)) {
        value = (double)config_setting_get_int64(setting);
    } else {
        value_report_type(reader->report, row, setting, path);
        return false;
    }
    /* Written so that what is not a number fails, too. */
    if (!(value >= (double)row->min && value <= (double)row->max)) {
        value_report_type(reader->report, row, setting, path);
        return false;
    }
    store(base, row->offset, &value, sizeof(value));
    return true;
}

/* The index of the word in row->words, or -1 after reporting. */
static int read_word(struct value_reader *reader, const struct row *row, const config_setting_t *setting,
                     const struct path *path)
{
    const char *text = config_setting_get_string(setting);
    for (int i = 0; text != NULL && row->words[i] != NULL; i++) {
        if (strcmp(row->words[i], text) == 0) {
            return i;
        }
    }
    value_report_type(reader->report, row, setting, path);
    return -1;
}

static bool read_choice(struct value_reader *reader, const struct row *row, const config_setting_t *setting,
                        const struct path *path, void *base)
{
    int index = read_word(reader, row, setting, path);
    if (index < 0) {
        return false;
    }
    if (row->type == ROW_WORD) {
        const char *word = row->words[index];
        store(base, row->offset, &word, sizeof(word));
    } else {
        store_integer(base, row, index);
    }
    return true;
}

/* The string at `setting`, copied; NULL after reporting, and when memory is short (arena->failed says so). */
static const char *read_text(struct value_reader *reader, const struct row *row, const config_setting_t *setting,
                             const struct path *path, int64_t size_min, int64_t size_max)
{
    const char *text = config_setting_get_string(setting);
    if (text == NULL && row->type == ROW_STRINGS) {
        report_element_type(reader->report, setting, path);
        return NULL;
    }
    if (text == NULL) {
        value_report_type(reader->report, row, setting, path);
        return NULL;
    }
    unsigned line = config_setting_source_line(setting);
    size_t size = strlen(text);
    if (size < (size_t)size_min || size > (size_t)size_max) {
        report_error(reader->report, line, path, "expected a string of %" PRId64 " to %" PRId64 " bytes, found %zu",
                     size_min, size_max, size);
        return NULL;
    }
    char quote[REPORT_QUOTE_SIZE];
    if (!utf8_valid((const uint8_t *)text, size)) {
        report_error(reader->report, line, path, "expected UTF-8, found %s", report_quote(quote, text, size));
        return NULL;
    }
    const char *expected = row->syntax != NULL ? row->syntax(text) : NULL;
    if (expected != NULL) {
        report_error(reader->report, line, path, "expected %s, found %s", expected, report_quote(quote, text, size));
        return NULL;
    }
    return arena_text(reader->arena, text, size);
}

static bool read_string(struct value_reader *reader, const struct row *row, const config_setting_t *setting,
                        const struct path *path, void *base)
{
    const char *text = read_text(reader, row, setting, path, row->min, row->max);
    if (text == NULL) {
        return false;
    }
    store(base, row->offset, &text, sizeof(text));
    return true;
}

/* Whether it is a list or an array with as many elements as the row takes; reports when not. */
static bool has_elements(struct value_reader *reader, const struct row *row, const config_setting_t *setting,
                         const struct path *path)
{
    if (!config_setting_is_list(setting) && !config_setting_is_array(setting)) {
        value_report_type(reader->report, row, setting, path);
        return false;
    }
    int64_t count = config_setting_length(setting);
    if (count < row->min || count > row->max) {
        report_error(reader->report, config_setting_source_line(setting), path,
                     "expected %" PRId64 " elements at %s, found %" PRId64, count < row->min ? row->min : row->max,
                     count < row->min ? "least" : "most", count);
        return false;
    }
    return true;
}

static bool read_strings(struct value_reader *reader, const struct row *row, const config_setting_t *setting,
                         const struct path *path, void *base)
{
    if (!has_elements(reader, row, setting, path)) {
        return false;
    }
    size_t count = (size_t)config_setting_length(setting);
    const char **texts = arena_array(reader->arena, count, sizeof(*texts));
    if (texts == NULL) {
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        struct path element = {.parent = path, .index = i};
        texts[i] = read_text(reader, row, config_setting_get_elem(setting, (unsigned)i), &element, 0, ELEMENT_SIZE_MAX);
        good = good && texts[i] != NULL;
    }
    if (good) {
        store_array(base, row, texts, count);
    }
    return good;
}

static bool read_prefix(struct value_reader *reader, const config_setting_t *setting, const struct path *path,
                        struct prefix *prefix)
{
    const char *text = config_setting_get_string(setting);
    if (text == NULL) {
        report_element_type(reader->report, setting, path);
        return false;
    }
    size_t size = strlen(text);
    enum address_status status = prefix_parse(text, size, prefix);
    if (status != ADDRESS_OK) {
        char quote[REPORT_QUOTE_SIZE];
        report_error(reader->report, config_setting_source_line(setting), path,
                     "expected an address or a prefix such as \"192.0.2.0/24\", found %s: %s",
                     report_quote(quote, text, size), address_status_text(status));
        return false;
    }
    return true;
}

static bool read_prefixes(struct value_reader *reader, const struct row *row, const config_setting_t *setting,
                          const struct path *path, void *base)
{
    if (!has_elements(reader, row, setting, path)) {
        return false;
    }
    size_t count = (size_t)config_setting_length(setting);
    struct prefix *prefixes = arena_array(reader->arena, count, sizeof(*prefixes));
    if (prefixes == NULL) {
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        struct path element = {.parent = path, .index = i};
        good = read_prefix(reader, config_setting_get_elem(setting, (unsigned)i), &element, &prefixes[i]) && good;
    }
    if (good) {
        store_array(base, row, prefixes, count);
    }
    return good;
}

bool value_read(struct value_reader *reader, const struct row *row, const config_setting_t *setting,
                const struct path *path, void *base)
{
    switch (row->type) {
    case ROW_BOOL:
        return read_bool(reader, row, setting, path, base);
    case ROW_INTEGER:
    case ROW_SIZE:
    case ROW_DURATION:
        return read_integer(reader, row, setting, path, base);
    case ROW_NUMBER:
        return read_number(reader, row, setting, path, base);
    case ROW_CHOICE:
    case ROW_WORD:
        return read_choice(reader, row, setting, path, base);
    case ROW_STRING:
        return read_string(reader, row, setting, path, base);
    case ROW_STRINGS:
        return read_strings(reader, row, setting, path, base);
    case ROW_PREFIXES:
        return read_prefixes(reader, row, setting, path, base);
    case ROW_GROUP:
    case ROW_LIST:
        break;
    }
    assert(false);
    return false;
}
