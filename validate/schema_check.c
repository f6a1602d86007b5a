/*
 * schema_check - checks values with a compiled schema. Called by whoever has values to check, on any thread.
 *
 * Recursive, by subschemas; what it costs is bounded by SCHEMA_DEPTH_MAX and by steps. Branches that may fail without harm
 * (anyOf, not, if, contains) are checked quietly.
 */
#include "validate/schema_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "validate/json_order.h"
#include "validate/schema_number.h"
#include "validate/schema_path.h"

static void print_path(const struct schema_at *at, char *text, size_t size)
{
    const struct schema_at *chain[SCHEMA_DEPTH_MAX];
    size_t count = 0;
    for (; at != NULL && count < SCHEMA_DEPTH_MAX; at = at->parent) {
        chain[count++] = at;
    }
    struct schema_path path;
    schema_path_start(&path, text, size);
    while (count > 0) {
        const struct schema_at *step = chain[--count];
        if (step->key != NULL) {
            schema_path_add_key(&path, step->key, step->key_size);
        } else {
            schema_path_add_index(&path, step->index);
        }
    }
}

bool schema_check_is_over(const struct schema_run *run)
{
    return run->stopped || run->quiet > 0 || run->report == NULL || run->report->count >= run->report->max;
}

bool schema_check_fail(struct schema_run *run, const struct schema_node *node, const char *keyword,
                       const struct schema_at *at, const char *format, ...)
{
    if (schema_check_is_over(run)) {
        return false;
    }
    struct schema_error *error = &run->report->errors[run->report->count++];
    char sentence[SCHEMA_SENTENCE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    struct schema_path text;
    schema_path_start(&text, error->sentence, sizeof(error->sentence));
    schema_path_add_text(&text, sentence, strlen(sentence));
    error->keyword = keyword != NULL ? keyword : "false";
    print_path(at, error->path, sizeof(error->path));
    schema_node_location(node, keyword, error->location, sizeof(error->location));
    return false;
}

bool schema_check_stop(struct schema_run *run, const struct schema_node *node, const char *keyword,
                       const struct schema_at *at, const char *sentence)
{
    if (!run->stopped) {
        run->quiet = 0; /* told even in a branch: it decides */
        (void)schema_check_fail(run, node, keyword, at, "%s", sentence);
    }
    run->stopped = true;
    return false;
}

bool schema_check_pay(struct schema_run *run, const struct schema_node *node, const struct schema_at *at)
{
    if (run->steps_left == 0) {
        return schema_check_stop(run, node, "steps", at, "checking takes too many steps");
    }
    run->steps_left--;
    return !run->stopped;
}

bool schema_check_quietly(struct schema_run *run, const struct schema_node *node, json_t *value,
                          const struct schema_at *at, struct schema_marks *marks)
{
    const unsigned quiet = run->quiet;
    run->quiet++;
    const bool valid = schema_check_node(run, node, value, at, marks);
    run->quiet = quiet;
    return valid;
}

/* A branch whose marks count only if it is valid. */
static bool check_branch(struct schema_run *run, const struct schema_node *node, json_t *value,
                         const struct schema_at *at, struct schema_marks *marks)
{
    if (marks == NULL) {
        return schema_check_quietly(run, node, value, at, NULL);
    }
    struct schema_marks own;
    if (!schema_marks_init(&own, marks->count)) {
        return schema_check_stop(run, node, "memory", at, "no memory");
    }
    const bool valid = schema_check_quietly(run, node, value, at, &own);
    if (valid) {
        schema_marks_add(marks, &own);
    }
    schema_marks_deinit(&own);
    return valid;
}

static unsigned types_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return SCHEMA_TYPE_OBJECT;
    case JSON_ARRAY:
        return SCHEMA_TYPE_ARRAY;
    case JSON_STRING:
        return SCHEMA_TYPE_STRING;
    case JSON_INTEGER:
        return SCHEMA_TYPE_NUMBER | SCHEMA_TYPE_INTEGER;
    case JSON_REAL:
        return SCHEMA_TYPE_NUMBER | (schema_number_is_integer(value) ? (unsigned)SCHEMA_TYPE_INTEGER : 0);
    case JSON_TRUE:
    case JSON_FALSE:
        return SCHEMA_TYPE_BOOLEAN;
    case JSON_NULL:
        break;
    }
    return SCHEMA_TYPE_NULL;
}

static const char *type_name(const json_t *value)
{
    static const char *const names[] = {"an object", "an array",  "a string",  "an integer",
                                        "a number",  "a boolean", "a boolean", "null"};
    return names[json_typeof(value)];
}

static bool check_type(struct schema_run *run, const struct schema_node *node, json_t *value,
                       const struct schema_at *at)
{
    if ((node->types & types_of(value)) != 0) {
        return true;
    }
    static const struct {
        enum schema_type type;
        const char *name;
    } types[] = {{SCHEMA_TYPE_NULL, "null"},      {SCHEMA_TYPE_BOOLEAN, "boolean"}, {SCHEMA_TYPE_OBJECT, "object"},
                 {SCHEMA_TYPE_ARRAY, "array"},    {SCHEMA_TYPE_NUMBER, "number"},   {SCHEMA_TYPE_STRING, "string"},
                 {SCHEMA_TYPE_INTEGER, "integer"}};
    char expected[SCHEMA_SENTENCE_SIZE / 2];
    struct schema_path list;
    schema_path_start(&list, expected, sizeof(expected));
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if ((node->types & types[i].type) != 0) {
            schema_path_add_text(&list, " or ", list.size > 0 ? 4 : 0);
            schema_path_add_text(&list, types[i].name, strlen(types[i].name));
        }
    }
    return schema_check_fail(run, node, "type", at, "is %s where %s is expected", type_name(value), expected);
}

static bool check_values(struct schema_run *run, const struct schema_node *node, json_t *value,
                         const struct schema_at *at)
{
    bool valid = true;
    if (node->constant != NULL && json_order(value, node->constant) != 0) {
        valid = schema_check_fail(run, node, "const", at, "is not the one value that is allowed");
    }
    if (node->enumeration != NULL && !json_order_contains(node->enumeration, node->enumeration_count, value)) {
        valid = schema_check_fail(run, node, "enum", at, "is none of the values that are allowed");
    }
    return valid;
}

static bool check_all_of(struct schema_run *run, const struct schema_list *list, json_t *value,
                         const struct schema_at *at, struct schema_marks *marks)
{
    bool valid = true;
    for (size_t i = 0; i < list->count && (valid || !schema_check_is_over(run)); i++) {
        valid = schema_check_node(run, list->nodes[i], value, at, marks) && valid;
    }
    return valid;
}

static bool check_any_of(struct schema_run *run, const struct schema_node *node, json_t *value,
                         const struct schema_at *at, struct schema_marks *marks)
{
    const struct schema_list *list = &node->logic->any_of;
    size_t matched = 0;
    /* With marks wanted, every branch that matches counts, not just the first. */
    for (size_t i = 0; i < list->count && (matched == 0 || marks != NULL); i++) {
        matched += check_branch(run, list->nodes[i], value, at, marks) ? 1 : 0;
    }
    return list->count == 0 || matched > 0 ||
           schema_check_fail(run, node, "anyOf", at, "matches none of %zu alternatives", list->count);
}

static bool check_one_of(struct schema_run *run, const struct schema_node *node, json_t *value,
                         const struct schema_at *at, struct schema_marks *marks)
{
    const struct schema_list *list = &node->logic->one_of;
    size_t matched = 0;
    for (size_t i = 0; i < list->count && matched < 2; i++) {
        matched += check_branch(run, list->nodes[i], value, at, marks) ? 1 : 0;
    }
    if (list->count == 0 || matched == 1) {
        return true;
    }
    return matched == 0
               ? schema_check_fail(run, node, "oneOf", at, "matches none of %zu alternatives", list->count)
               : schema_check_fail(run, node, "oneOf", at, "matches more than one of %zu alternatives", list->count);
}

static bool check_condition(struct schema_run *run, const struct schema_logic *logic, json_t *value,
                            const struct schema_at *at, struct schema_marks *marks)
{
    if (logic->condition == NULL) {
        return true;
    }
    const struct schema_node *next =
        check_branch(run, logic->condition, value, at, marks) ? logic->consequence : logic->alternative;
    return next == NULL || schema_check_node(run, next, value, at, marks);
}

static bool check_logic(struct schema_run *run, const struct schema_node *node, json_t *value,
                        const struct schema_at *at, struct schema_marks *marks)
{
    const struct schema_logic *logic = node->logic;
    bool valid = check_all_of(run, &logic->all_of, value, at, marks);
    valid = check_any_of(run, node, value, at, marks) && valid;
    valid = check_one_of(run, node, value, at, marks) && valid;
    if (logic->negated != NULL && schema_check_quietly(run, logic->negated, value, at, NULL)) {
        valid = schema_check_fail(run, node, "not", at, "matches what it must not match");
    }
    return check_condition(run, logic, value, at, marks) && valid;
}

/* Core §8.2.3.2: the outermost resource of the dynamic scope that has a dynamic anchor of that name. */
static const struct schema_node *dynamic_target(const struct schema_run *run, const struct schema_node *node)
{
    const struct schema_node *target = node->dynamic_ref;
    for (const struct schema_scope *scope = run->scope; node->dynamic_name != NULL && scope != NULL;
         scope = scope->outer) {
        for (const struct schema_anchor *anchor = scope->resource->dynamic_anchors; anchor != NULL;
             anchor = anchor->next) {
            if (strcmp(anchor->name, node->dynamic_name) == 0) {
                target = anchor->node;
            }
        }
    }
    return target;
}

static bool check_references(struct schema_run *run, const struct schema_node *node, json_t *value,
                             const struct schema_at *at, struct schema_marks *marks)
{
    bool valid = node->ref == NULL || schema_check_node(run, node->ref, value, at, marks);
    if (node->dynamic_ref != NULL) {
        valid = schema_check_node(run, dynamic_target(run, node), value, at, marks) && valid;
    }
    return valid;
}

static bool check_by_type(struct schema_run *run, const struct schema_node *node, json_t *value,
                          const struct schema_at *at, struct schema_marks *marks)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return node->object == NULL || schema_check_object(run, node, value, at, marks);
    case JSON_ARRAY:
        return node->array == NULL || schema_check_array(run, node, value, at, marks);
    case JSON_STRING:
        return node->string == NULL ||
               schema_check_string(run, node, json_string_value(value), json_string_length(value), at);
    case JSON_INTEGER:
    case JSON_REAL:
        return node->number_rules == NULL || schema_check_number(run, node, value, at);
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        break;
    }
    return true;
}

static bool check_keywords(struct schema_run *run, const struct schema_node *node, json_t *value,
                           const struct schema_at *at, struct schema_marks *marks)
{
    bool valid = node->types == 0 || check_type(run, node, value, at);
    valid = check_values(run, node, value, at) && valid;
    if (!valid && schema_check_is_over(run)) {
        return false;
    }
    valid = check_references(run, node, value, at, marks) && valid;
    if (!valid && schema_check_is_over(run)) {
        return false;
    }
    valid = (node->logic == NULL || check_logic(run, node, value, at, marks)) && valid;
    if (!valid && schema_check_is_over(run)) {
        return false;
    }
    /* Last, as unevaluated* ask what all others evaluated. */
    return check_by_type(run, node, value, at, marks) && valid && !run->stopped;
}

static bool wants_marks(const struct schema_node *node, const json_t *value)
{
    return json_is_object(value) ? node->object != NULL && node->object->unevaluated != NULL
                                 : json_is_array(value) && node->array != NULL && node->array->unevaluated != NULL;
}

/* With marks of its own, as unevaluated* here must not see what schemas beside this one evaluated. */
static bool check_marking(struct schema_run *run, const struct schema_node *node, json_t *value,
                          const struct schema_at *at, struct schema_marks *marks)
{
    if (!wants_marks(node, value)) {
        return check_keywords(run, node, value, at, marks);
    }
    struct schema_marks own;
    if (!schema_marks_init(&own, json_is_object(value) ? json_object_size(value) : json_array_size(value))) {
        return schema_check_stop(run, node, "memory", at, "no memory");
    }
    const bool valid = check_keywords(run, node, value, at, &own);
    if (marks != NULL) {
        schema_marks_add(marks, &own);
    }
    schema_marks_deinit(&own);
    return valid;
}

bool schema_check_node(struct schema_run *run, const struct schema_node *node, json_t *value,
                       const struct schema_at *at, struct schema_marks *marks)
{
    if (!schema_check_pay(run, node, at)) {
        return false;
    }
    if (node->refuses) {
        return schema_check_fail(run, node, NULL, at, "is not allowed");
    }
    if (run->depth == SCHEMA_DEPTH_MAX) {
        return schema_check_stop(run, node, "depth", at, "the value or the schema's references nest too deep");
    }
    const struct schema_scope scope = {run->scope, node->resource};
    const bool enters = run->scope == NULL || run->scope->resource != node->resource;
    run->depth++;
    if (enters) {
        run->scope = &scope;
    }
    const bool valid = check_marking(run, node, value, at, marks);
    if (enters) {
        run->scope = scope.outer;
    }
    run->depth--;
    return valid;
}

bool schema_check(const struct schema *schema, json_t *value, struct schema_scratch *scratch,
                  struct schema_report *report)
{
    struct schema_run run = {
        .options = &schema->options, .scratch = scratch, .report = report, .steps_left = schema->options.max_steps};
    const bool valid = schema_check_node(&run, schema->root, value, NULL, NULL);
    return valid && !run.stopped;
}

struct schema_scratch *schema_scratch_create(void)
{
    struct schema_scratch *scratch = calloc(1, sizeof(*scratch));
    if (scratch != NULL) {
        scratch->pattern = pattern_scratch_create();
    }
    if (scratch != NULL && scratch->pattern == NULL) {
        free(scratch);
        return NULL;
    }
    return scratch;
}

void schema_scratch_free(struct schema_scratch *scratch)
{
    if (scratch != NULL) {
        pattern_scratch_free(scratch->pattern);
        free(scratch);
    }
}
