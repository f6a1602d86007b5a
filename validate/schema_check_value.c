/*
 * schema_check_value - the rules for strings and numbers. A part of the checker of schemas; any thread.
 */
#include "validate/schema_check.h"
#include "validate/schema_number.h"

#define PATTERN_SHOWN 160 /* bytes of a pattern in a sentence */

/* Characters (RFC 8259 §8.2: code points) of well-formed UTF-8. */
static size_t length_of(const char *text, size_t size)
{
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        length += ((unsigned char)text[i] & 0xC0) != 0x80 ? 1 : 0;
    }
    return length;
}

static bool check_length(struct schema_run *run, const struct schema_visit *visit, const char *text, size_t size)
{
    const struct schema_string_rules *rules = visit->node->string;
    if ((size + 3) / 4 >= rules->min_length && size <= rules->max_length) {
        return true; /* a character has 1 to 4 bytes */
    }
    if (!schema_check_pay(run, visit, size / SCHEMA_BYTES_A_STEP)) {
        return false;
    }
    const size_t length = length_of(text, size);
    if (length < rules->min_length) {
        return schema_check_fail(run, visit, "minLength", "has %zu characters where at least %zu are expected", length,
                                 rules->min_length);
    }
    if (length > rules->max_length) {
        return schema_check_fail(run, visit, "maxLength", "has %zu characters where at most %zu are allowed", length,
                                 rules->max_length);
    }
    return true;
}

static bool check_pattern(struct schema_run *run, const struct schema_visit *visit, const char *text, size_t size)
{
    const struct schema_string_rules *rules = visit->node->string;
    switch (pattern_match(rules->pattern, text, size, run->scratch->pattern, &run->bounds.steps_left)) {
    case PATTERN_MATCHES:
        return true;
    case PATTERN_DIFFERS:
        return schema_check_fail(run, visit, "pattern", "does not match the pattern %.*s",
                                 schema_check_fit(rules->pattern_text.bytes, PATTERN_SHOWN), rules->pattern_text.bytes);
    case PATTERN_NO_MEMORY:
        return schema_check_stop(run, visit, "memory", "no memory");
    case PATTERN_LIMIT:
        break;
    }
    return schema_check_stop(run, visit, "pattern", "takes too long to match with the pattern");
}

/* The one format whose check takes more than some ns a byte; what it took is known afterwards. */
static bool check_regex(struct schema_run *run, const struct schema_visit *visit, const char *text, size_t size)
{
    struct pattern *pattern = pattern_compile(text, size, NULL, 0);
    const size_t cost = pattern != NULL ? SCHEMA_COST_REGEX + 2 * pattern_memory(pattern) : SCHEMA_COST_NO_REGEX;
    const bool valid = pattern != NULL || pattern_is_valid(text, size);
    pattern_free(pattern);
    return schema_check_pay(run, visit, cost) && valid;
}

static bool check_format(struct schema_run *run, const struct schema_visit *visit, const char *text, size_t size)
{
    const struct schema_string_rules *rules = visit->node->string;
    if (!schema_check_pay(run, visit, SCHEMA_COST_FORMAT + size)) {
        return false;
    }
    const bool matches = rules->format == SCHEMA_FORMAT_REGEX ? check_regex(run, visit, text, size)
                                                              : schema_format_check(rules->format, text, size);
    return matches || schema_check_fail(run, visit, "format", "is not in the format %s", rules->format_name);
}

bool schema_check_string(struct schema_run *run, const struct schema_visit *visit, const char *text, size_t size)
{
    const struct schema_string_rules *rules = visit->node->string;
    bool valid = check_length(run, visit, text, size);
    if (rules->pattern != NULL && (valid || !schema_check_is_over(run))) {
        valid = check_pattern(run, visit, text, size) && valid;
    }
    if (rules->format != SCHEMA_FORMAT_NONE && (valid || !schema_check_is_over(run))) {
        valid = check_format(run, visit, text, size) && valid;
    }
    return valid;
}

/* Whether digits that the parser dropped could decide about the number and a limit. */
static bool is_undecided(struct schema_run *run, const struct schema_visit *visit, const json_t *limit)
{
    return run->bounds.rounded && json_is_real(visit->value) && schema_number_rounds_alike(visit->value, limit) &&
           schema_check_is_rounded(run);
}

/* In order_r, how the number compares with a limit. False: the check is stopped. */
static bool compare(struct schema_run *run, const struct schema_visit *visit, const json_t *limit, int *order_r)
{
    if (is_undecided(run, visit, limit)) {
        return schema_check_stop(run, visit, "number_range", "has more digits than can be compared with the limit");
    }
    const bool close =
        json_typeof(visit->value) != json_typeof(limit) && schema_number_rounds_alike(visit->value, limit);
    *order_r = schema_number_compare(visit->value, limit);
    return schema_check_pay(run, visit, close ? schema_number_steps(visit->value, limit) : SCHEMA_COST_ITEM);
}

__attribute__((cold, noinline)) static bool fail_limit(struct schema_run *run, const struct schema_visit *visit,
                                                       const char *keyword, const char *how, const json_t *limit)
{
    char text[SCHEMA_NUMBER_SIZE];
    schema_number_print(limit, text, sizeof(text));
    return schema_check_fail(run, visit, keyword, "%s %s", how, text);
}

static bool check_multiple(struct schema_run *run, const struct schema_visit *visit)
{
    const json_t *of = visit->node->number_rules->multiple_of;
    if (!schema_check_pay(run, visit, schema_number_steps(visit->value, of))) {
        return false;
    }
    if (run->bounds.rounded && json_is_real(visit->value) && schema_check_is_rounded(run)) {
        return schema_check_stop(run, visit, "number_range", "has more digits than can be divided");
    }
    return schema_number_is_multiple(visit->value, of) || fail_limit(run, visit, "multipleOf", "is no multiple of", of);
}

bool schema_check_number(struct schema_run *run, const struct schema_visit *visit)
{
    const struct schema_number_rules *rules = visit->node->number_rules;
    const struct {
        const json_t *limit;
        const char *keyword;
        const char *how;
        int sign; /* of the difference to the limit that is wrong */
        bool exclusive;
    } limits[] = {
        {rules->minimum, "minimum", "is less than", -1, false},
        {rules->maximum, "maximum", "is greater than", 1, false},
        {rules->exclusive_minimum, "exclusiveMinimum", "is not greater than", -1, true},
        {rules->exclusive_maximum, "exclusiveMaximum", "is not less than", 1, true},
    };
    bool valid = true;
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]) && (valid || !schema_check_is_over(run)); i++) {
        int order = 0;
        if (limits[i].limit == NULL) {
            continue;
        }
        if (!compare(run, visit, limits[i].limit, &order)) {
            return false;
        }
        if (order == 0 ? limits[i].exclusive : (order > 0) == (limits[i].sign > 0)) {
            valid = fail_limit(run, visit, limits[i].keyword, limits[i].how, limits[i].limit);
        }
    }
    return (rules->multiple_of == NULL || (!valid && schema_check_is_over(run)) || check_multiple(run, visit)) && valid;
}
