/*
 * rules - the checks of one message, cheapest first: type, size, bounds of JSON, syntax, schema. Called by session loops and by
 * portcullisctl; any thread.
 */
#include "validate/rules.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "validate/json_parse.h"
#include "validate/schema_path.h"

static const struct {
    const char *label;
    const char *sentence;
} violations[VIOLATION_COUNT] = {
#define VIOLATION_ROW(name, label, sentence) [VIOLATION_##name] = {label, sentence},
    VIOLATION_TABLE(VIOLATION_ROW)
#undef VIOLATION_ROW
};

const char *violation_label(enum violation_code code)
{
    assert((unsigned)code < VIOLATION_COUNT);
    return violations[code].label;
}

const char *violation_sentence(enum violation_code code)
{
    assert((unsigned)code < VIOLATION_COUNT);
    return violations[code].sentence;
}

void violation_set(struct violation *violation, enum violation_code code)
{
    struct schema_path text;
    violation->code = code;
    violation->error.path[0] = '\0';
    violation->error.location[0] = '\0';
    violation->error.keyword = NULL;
    schema_path_start(&text, violation->error.sentence, sizeof(violation->error.sentence));
    schema_path_add_text(&text, violation_sentence(code), strlen(violation_sentence(code)));
}

static bool fail(struct violation *violation, enum violation_code code)
{
    violation_set(violation, code);
    return false;
}

/* With a better sentence, and where in the text it is: `sentence` ends in a full stop. */
static bool fail_at(struct violation *violation, enum violation_code code, const char *keyword, const char *sentence,
                    size_t offset)
{
    violation_set(violation, code);
    violation->error.keyword = keyword;
    const size_t size = strlen(sentence);
    assert(size > 0 && sentence[size - 1] == '.');
    (void)snprintf(violation->error.sentence, sizeof(violation->error.sentence), "%.*s (byte %zu).", (int)(size - 1),
                   sentence, offset);
    return false;
}

/* ---- JSON ---- */

static enum violation_code code_of_bounds(enum json_bounds_status status)
{
    switch (status) {
    case JSON_BOUNDS_OK:
        return VIOLATION_NONE;
    case JSON_BOUNDS_TOO_LARGE:
        return VIOLATION_TOO_LARGE;
    case JSON_BOUNDS_NUL:
    case JSON_BOUNDS_BOM:
    case JSON_BOUNDS_UTF8:
        return VIOLATION_NOT_JSON;
    case JSON_BOUNDS_TOO_DEEP:
    case JSON_BOUNDS_TOO_MANY_KEYS:
    case JSON_BOUNDS_TOO_MANY_ITEMS:
    case JSON_BOUNDS_NUMBER_TOO_LONG:
    case JSON_BOUNDS_DUPLICATE_KEY:
    case JSON_BOUNDS_LONE_SURROGATE:
    case JSON_BOUNDS_ESCAPED_NUL:
        return VIOLATION_JSON_BOUNDS;
    case JSON_BOUNDS_NO_MEMORY:
        return VIOLATION_NO_MEMORY;
    }
    return VIOLATION_NOT_JSON;
}

/* What two parsers could read in two ways is refused whatever the bounds are. */
static bool keeps_bounds(const struct rules *rules, const uint8_t *bytes, size_t size, struct violation *violation)
{
    struct json_bounds bounds = rules->bounds;
    bounds.refuse_duplicate_keys = true;
    bounds.refuse_lone_surrogates = true;
    bounds.refuse_escaped_nul = true;
    size_t offset = 0;
    const enum json_bounds_status status = json_bounds_find(&bounds, bytes, size, &offset);
    if (status == JSON_BOUNDS_OK) {
        return true;
    }
    const enum violation_code code = code_of_bounds(status);
    if (code == VIOLATION_NO_MEMORY) {
        return fail(violation, code);
    }
    return fail_at(violation, code, json_bounds_label(status), json_bounds_sentence(status), offset);
}

/* jansson's own words quote the text, which may be anybody's secret. */
static bool fail_parse(struct violation *violation, const json_error_t *error)
{
    const size_t offset = error->position > 0 ? (size_t)error->position : 0;
    switch (json_error_code(error)) {
    case json_error_premature_end_of_input:
        return fail_at(violation, VIOLATION_NOT_JSON, NULL, "The JSON ends too early.", offset);
    case json_error_end_of_input_expected:
        return fail_at(violation, VIOLATION_NOT_JSON, NULL, "There is something behind the JSON.", offset);
    case json_error_numeric_overflow:
        return fail_at(violation, VIOLATION_NUMBER_RANGE, NULL, violation_sentence(VIOLATION_NUMBER_RANGE), offset);
    case json_error_stack_overflow:
        return fail_at(violation, VIOLATION_JSON_BOUNDS, json_bounds_label(JSON_BOUNDS_TOO_DEEP),
                       json_bounds_sentence(JSON_BOUNDS_TOO_DEEP), offset);
    case json_error_unknown: /* it says nothing when there is no memory at the start */
    case json_error_out_of_memory:
        return fail(violation, VIOLATION_NO_MEMORY);
    case json_error_cannot_open_file:
    case json_error_invalid_argument:
    case json_error_invalid_utf8:
    case json_error_invalid_syntax:
    case json_error_invalid_format:
    case json_error_wrong_type:
    case json_error_null_character:
    case json_error_null_value:
    case json_error_null_byte_in_key:
    case json_error_duplicate_key:
    case json_error_item_not_found:
    case json_error_index_out_of_range:
        break;
    }
    return fail_at(violation, VIOLATION_NOT_JSON, NULL, violation_sentence(VIOLATION_NOT_JSON), offset);
}

/* ---- schema ---- */

/* A sentence of its own out of the schema's, which lacks a subject and a full stop. */
static void complete_sentence(struct schema_error *error)
{
    char predicate[SCHEMA_SENTENCE_SIZE];
    struct schema_path text;
    memcpy(predicate, error->sentence, sizeof(predicate));
    schema_path_start(&text, error->sentence, sizeof(error->sentence));
    const char *subject = error->path[0] == '\0' ? "The message " : "The value ";
    schema_path_add_text(&text, subject, strlen(subject));
    schema_path_add_text(&text, predicate, strlen(predicate));
    schema_path_add_text(&text, ".", 1);
}

static bool keeps_schema(const struct schema *schema, json_t *value, const uint8_t *bytes, size_t size,
                         struct schema_scratch *scratch, struct violation *violation)
{
    struct schema_report report = {.errors = &violation->error, .max = 1};
    if (schema_check_parsed(schema, value, bytes, size, scratch, &report)) {
        return true;
    }
    if (report.count == 0) {
        return fail(violation, VIOLATION_SCHEMA);
    }
    const char *keyword = violation->error.keyword;
    if (keyword != NULL && strcmp(keyword, "memory") == 0) {
        return fail(violation, VIOLATION_NO_MEMORY);
    }
    const bool range = keyword != NULL && strcmp(keyword, "number_range") == 0;
    violation->code = range ? VIOLATION_NUMBER_RANGE : VIOLATION_SCHEMA;
    complete_sentence(&violation->error);
    return false;
}

static bool keeps_json(const struct rules *rules, const uint8_t *bytes, size_t size, struct schema_scratch *scratch,
                       struct violation *violation)
{
    if (!keeps_bounds(rules, bytes, size, violation)) {
        return false;
    }
    json_error_t error = {0};
    json_t *value = json_parse(bytes, size, JSON_DECODE_ANY, &error);
    if (value == NULL) {
        return fail_parse(violation, &error);
    }
    const bool kept = rules->schema == NULL || keeps_schema(rules->schema, value, bytes, size, scratch, violation);
    json_decref(value);
    return kept;
}

bool rules_check(const struct rules *rules, bool text, const uint8_t *bytes, size_t size,
                 struct schema_scratch *scratch, struct violation *violation_r)
{
    const bool json = rules->json || rules->schema != NULL;
    if (!text && (rules->type == RULES_TEXT || json)) {
        return fail(violation_r, VIOLATION_NOT_TEXT);
    }
    if (text && rules->type == RULES_BINARY) {
        return fail(violation_r, VIOLATION_NOT_BINARY);
    }
    if (rules->max_size != 0 && size > rules->max_size) {
        return fail(violation_r, VIOLATION_TOO_LARGE);
    }
    return !json || keeps_json(rules, bytes, size, scratch, violation_r);
}
