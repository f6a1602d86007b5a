/*
 * schema_check_bytes - JSON text in, verdict out: bounds, syntax, schema. Called by whoever has messages to check; any thread.
 */
#include "validate/schema_check.h"

#include <string.h>

#include "validate/json_numbers.h"
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
    if (numbers == JSON_NUMBERS_TINY) {
        return fail(report, "number_range", "has a number that is too small, but not 0");
    }
    const struct schema_origin origin = {bytes, size};
    const bool rounded = numbers == JSON_NUMBERS_LONG || numbers == JSON_NUMBERS_ROUNDED;
    return schema_check_value(schema, value, origin, rounded, scratch, report);
}

bool schema_check_bytes(const struct schema *schema, const struct json_bounds *bounds, const uint8_t *bytes,
                        size_t size, struct schema_scratch *scratch, struct schema_report *report)
{
    const enum json_bounds_status status = json_bounds_check(bounds, bytes, size);
    if (status != JSON_BOUNDS_OK) {
        return fail(report, "bounds", json_bounds_sentence(status));
    }
    json_error_t error;
    json_t *value =
        json_loadb((const char *)bytes, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (value == NULL) {
        return json_error_code(&error) == json_error_numeric_overflow
                   ? fail(report, "number_range", "has a number that is too large")
                   : fail(report, "json", error.text);
    }
    const bool valid = schema_check_parsed(schema, value, bytes, size, scratch, report);
    json_decref(value);
    return valid;
}
