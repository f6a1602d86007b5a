/*
 * schema_check_bytes - JSON text in, verdict out: bounds, syntax, schema. Called by whoever has messages to check; any thread.
 */
#include "validate/schema_check.h"

#include <stdio.h>
#include <string.h>

#include "validate/json_numbers.h"
#include "validate/json_parse.h"
#include "validate/schema_path.h"

/* The text as a whole is at fault. Returns false. */
static bool fail(struct schema_report *report, const char *keyword, const char *sentence)
{
    if (report != NULL && report->count < report->max) {
        struct schema_error *error = &report->errors[report->count++];
        struct schema_path text;
        *error = (struct schema_error){.keyword = keyword};
        schema_path_start(&text, error->sentence, sizeof(error->sentence));
        schema_path_add_text(&text, sentence, strlen(sentence));
    }
    return false;
}

/* The same with the place in the text: schemas' errors have a path, but these are not of a value. `sentence` may end in a full stop. */
static bool fail_at(struct schema_report *report, const char *keyword, const char *sentence, size_t offset)
{
    char placed[SCHEMA_SENTENCE_SIZE];
    const size_t size = strlen(sentence);
    const size_t words = size > 0 && sentence[size - 1] == '.' ? size - 1 : size;
    (void)snprintf(placed, sizeof(placed), "%.*s (byte %zu)", (int)words, sentence, offset);
    return fail(report, keyword, placed);
}

bool schema_check_parsed(const struct schema *schema, json_t *value, const uint8_t *bytes, size_t size,
                         struct schema_scratch *scratch, struct schema_report *report)
{
    const enum json_numbers numbers = json_numbers_scan(bytes, size);
    const struct schema_origin origin = {bytes, size};
    const bool rounded = numbers == JSON_NUMBERS_LONG || numbers == JSON_NUMBERS_ROUNDED;
    if (numbers == JSON_NUMBERS_TINY) {
        return fail(report, "number_range", "has a number that is too small, but not 0");
    }
    return schema_check_value(schema, value, origin, rounded, scratch, report);
}

/* In words of its own: jansson's quote the text, which may be anybody's secret, and cut it within characters. */
static bool fail_parse(struct schema_report *report, const json_error_t *error)
{
    const size_t offset = error->position > 0 ? (size_t)error->position : 0;
    switch ((int)json_error_code(error)) {
    case json_error_numeric_overflow:
        return fail_at(report, "number_range", "has a number that is too large", offset);
    case json_error_duplicate_key:
        return fail_at(report, "json", "has an object with a key twice", offset);
    case json_error_premature_end_of_input:
        return fail_at(report, "json", "is JSON that ends too early", offset);
    case json_error_end_of_input_expected:
        return fail_at(report, "json", "has something behind the JSON", offset);
    case json_error_unknown: /* it says nothing when there is no memory */
    case json_error_out_of_memory:
        return fail(report, "memory", "no memory");
    default:
        return fail_at(report, "json", "is not JSON", offset);
    }
}

bool schema_check_bytes(const struct schema *schema, const struct json_bounds *bounds, const uint8_t *bytes,
                        size_t size, struct schema_scratch *scratch, struct schema_report *report)
{
    size_t offset = 0;
    const enum json_bounds_status status = json_bounds_find(bounds, bytes, size, &offset);
    if (status == JSON_BOUNDS_NO_MEMORY) {
        return fail(report, "memory", "no memory");
    }
    if (status != JSON_BOUNDS_OK) {
        return fail_at(report, "bounds", json_bounds_sentence(status), offset);
    }
    json_error_t error = {0};
    json_t *value = json_parse(bytes, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (value == NULL) {
        return fail_parse(report, &error);
    }
    const bool valid = schema_check_parsed(schema, value, bytes, size, scratch, report);
    json_decref(value);
    return valid;
}
