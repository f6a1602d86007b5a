/*
 * schema_check_value - the rules for strings and numbers. A part of the checker of schemas; any thread.
 */
#include "validate/schema_check.h"
#include "validate/schema_number.h"

/* Characters (RFC 8259 §8.2: code points) of well-formed UTF-8. */
static size_t length_of(const char *text, size_t size)
{
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        length += ((unsigned char)text[i] & 0xC0) != 0x80 ? 1 : 0;
    }
    return length;
}

static bool check_length(struct schema_run *run, const struct schema_node *node, const char *text, size_t size,
                         const struct schema_at *at)
{
    const struct schema_string_rules *rules = node->string;
    if (rules->min_length == 0 && size <= rules->max_length) {
        return true;
    }
    const size_t length = length_of(text, size);
    if (length < rules->min_length) {
        return schema_check_fail(run, node, "minLength", at, "has %zu characters where at least %zu are expected",
                                 length, rules->min_length);
    }
    if (length > rules->max_length) {
        return schema_check_fail(run, node, "maxLength", at, "has %zu characters where at most %zu are allowed", length,
                                 rules->max_length);
    }
    return true;
}

bool schema_check_string(struct schema_run *run, const struct schema_node *node, const char *text, size_t size,
                         const struct schema_at *at)
{
    const struct schema_string_rules *rules = node->string;
    bool valid = check_length(run, node, text, size, at);
    if (rules->pattern != NULL && (valid || !schema_check_is_over(run))) {
        switch (pattern_match(rules->pattern, text, size, run->scratch->pattern)) {
        case PATTERN_MATCHES:
            break;
        case PATTERN_DIFFERS:
            valid = schema_check_fail(run, node, "pattern", at, "does not match the pattern %.160s",
                                      rules->pattern_text.bytes);
            break;
        case PATTERN_LIMIT:
            valid = schema_check_stop(run, node, "pattern", at, "takes too long to match with the pattern");
            break;
        }
    }
    if (rules->format != SCHEMA_FORMAT_NONE && !schema_format_check(rules->format, text, size)) {
        valid = schema_check_fail(run, node, "format", at, "is no %s", rules->format_name);
    }
    return valid;
}

bool schema_check_number(struct schema_run *run, const struct schema_node *node, json_t *value,
                         const struct schema_at *at)
{
    const struct schema_number_rules *rules = node->number_rules;
    bool valid = true;
    if (rules->minimum != NULL && schema_number_compare(value, rules->minimum) < 0) {
        valid = schema_check_fail(run, node, "minimum", at, "is less than %.17g", json_number_value(rules->minimum));
    }
    if (rules->maximum != NULL && schema_number_compare(value, rules->maximum) > 0) {
        valid = schema_check_fail(run, node, "maximum", at, "is greater than %.17g", json_number_value(rules->maximum));
    }
    if (rules->exclusive_minimum != NULL && schema_number_compare(value, rules->exclusive_minimum) <= 0) {
        valid = schema_check_fail(run, node, "exclusiveMinimum", at, "is not greater than %.17g",
                                  json_number_value(rules->exclusive_minimum));
    }
    if (rules->exclusive_maximum != NULL && schema_number_compare(value, rules->exclusive_maximum) >= 0) {
        valid = schema_check_fail(run, node, "exclusiveMaximum", at, "is not less than %.17g",
                                  json_number_value(rules->exclusive_maximum));
    }
    if (rules->multiple_of != NULL && !schema_number_is_multiple(value, rules->multiple_of)) {
        valid = schema_check_fail(run, node, "multipleOf", at, "is no multiple of %.17g",
                                  json_number_value(rules->multiple_of));
    }
    return valid;
}
