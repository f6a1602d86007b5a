/*
 * schema_check_bytes - JSON text in, verdict out: bounds, syntax, schema. Called by whoever has messages to check; any thread.
 */
#include "validate/schema_check.h"

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
    switch ((int)json_error_code(error)) {
    case json_error_numeric_overflow:
        return fail(report, "number_range", "has a number that is too large");
    case json_error_duplicate_key:
        return fail(report, "json", "has an object with a key twice");
    case json_error_premature_end_of_input:
        return fail(report, "json", "is JSON that ends too early");
    case json_error_end_of_input_expected:
        return fail(report, "json", "has something behind the JSON");
    case json_error_unknown: /* it says nothing when there is no memory */
    case json_error_out_of_memory:
        return fail(report, "memory", "no memory");
    default:
        return fail(report, "json", "is not JSON");
    }
}

bool schema_check_bytes(const struct schema *schema, const struct json_bounds *bounds, const uint8_t *bytes,
                        size_t size, struct schema_scratch *scratch, struct schema_report *report)
{
    const enum json_bounds_status status = json_bounds_check(bounds, bytes, size);
    if (status != JSON_BOUNDS_OK) {
        return fail(report, "bounds", json_bounds_sentence(status));
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
