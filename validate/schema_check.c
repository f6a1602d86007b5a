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

#include "validate/json_numbers.h"
#include "validate/schema_number.h"
#include "validate/schema_path.h"

#define TYPES_SIZE 96 /* all names, with " or " between them */

void schema_check_print_path(const struct schema_at *at, char *text, size_t size)
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

int schema_check_fit(const char *text, size_t max)
{
    size_t size = strnlen(text, max + 1);
    if (size > max) {
        for (size = max; size > 0 && ((unsigned char)text[size] & 0xC0) == 0x80; size--) {
        }
    }
    return (int)size;
}

bool schema_check_is_over(const struct schema_run *run)
{
    return run->stopped || run->quiet > 0 || run->report == NULL || run->report->count >= run->report->max;
}

bool schema_check_fail(struct schema_run *run, const struct schema_visit *visit, const char *keyword,
                       const char *format, ...)
{
    if (schema_check_is_over(run)) {
        return false;
    }
    struct schema_error *error = &run->report->errors[run->report->count++];
    char sentence[SCHEMA_SENTENCE_SIZE * 2]; /* so that what is cut is cut below, at a whole character */
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    struct schema_path text;
    schema_path_start(&text, error->sentence, sizeof(error->sentence));
    schema_path_add_text(&text, sentence, strlen(sentence));
    error->keyword = keyword != NULL ? keyword : "false";
    schema_check_print_path(visit->at, error->path, sizeof(error->path));
    schema_node_location(visit->node, keyword, error->location, sizeof(error->location));
    return false;
}

bool schema_check_stop(struct schema_run *run, const struct schema_visit *visit, const char *keyword,
                       const char *sentence)
{
    if (!run->stopped) {
        run->quiet = 0; /* told even in a branch: it decides */
        (void)schema_check_fail(run, visit, keyword, "%s", sentence);
    }
    run->stopped = true;
    return false;
}

bool schema_check_pay(struct schema_run *run, const struct schema_visit *visit, size_t steps)
{
    if (steps > run->bounds.steps_left) {
        run->bounds.steps_left = 0;
        return schema_check_stop(run, visit, "steps", "takes more steps to check than a value of its size may");
    }
    run->bounds.steps_left -= steps;
    return !run->stopped;
}

bool schema_check_is_rounded(struct schema_run *run)
{
    if (run->bounds.rounded && json_numbers_are_held(run->origin.bytes, run->origin.size)) {
        run->bounds.rounded = false;
    }
    return run->bounds.rounded;
}

unsigned schema_check_depth_left(const struct schema_run *run)
{
    return run->depth < SCHEMA_DEPTH_MAX ? SCHEMA_DEPTH_MAX - run->depth : 0;
}

bool schema_check_again(struct schema_run *run, const struct schema_visit *visit)
{
    const enum json_order_fault fault = run->bounds.fault;
    run->bounds.fault = JSON_ORDER_DECIDED;
    switch (fault) {
    case JSON_ORDER_DECIDED:
        break;
    case JSON_ORDER_STEPS:
        (void)schema_check_pay(run, visit, SIZE_MAX);
        break;
    case JSON_ORDER_DEPTH:
        (void)schema_check_stop(run, visit, "depth", "nests too deep to be compared");
        break;
    case JSON_ORDER_ROUNDED:
        if (!schema_check_is_rounded(run)) {
            return true;
        }
        (void)schema_check_stop(run, visit, "number_range", "has a number of more digits than can be compared");
        break;
    }
    return false;
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

/* Out of line: the recursion's frames need no room for it. */
__attribute__((cold, noinline)) static bool fail_type(struct schema_run *run, const struct schema_visit *visit)
{
    static const char *const actual[] = {"an object", "an array",  "a string",  "an integer",
                                         "a number",  "a boolean", "a boolean", "null"};
    static const struct {
        enum schema_type type;
        const char *name;
    } types[] = {{SCHEMA_TYPE_NULL, "null"},         {SCHEMA_TYPE_BOOLEAN, "a boolean"},
                 {SCHEMA_TYPE_OBJECT, "an object"},  {SCHEMA_TYPE_ARRAY, "an array"},
                 {SCHEMA_TYPE_NUMBER, "a number"},   {SCHEMA_TYPE_STRING, "a string"},
                 {SCHEMA_TYPE_INTEGER, "an integer"}};
    if (schema_check_is_over(run)) {
        return false;
    }
    char expected[TYPES_SIZE];
    struct schema_path list;
    schema_path_start(&list, expected, sizeof(expected));
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if ((visit->node->types & types[i].type) != 0) {
            schema_path_add_text(&list, " or ", list.size > 0 ? 4 : 0);
            schema_path_add_text(&list, types[i].name, strlen(types[i].name));
        }
    }
    return schema_check_fail(run, visit, "type", "is %s where %s is expected", actual[json_typeof(visit->value)],
                             expected);
}

/* A double without a fraction may have been a decimal with one. */
SCHEMA_OWN_FRAME static bool is_rounded_integer(struct schema_run *run, const struct schema_visit *visit,
                                                unsigned types)
{
    const unsigned matches = visit->node->types & types;
    return run->bounds.rounded && matches == SCHEMA_TYPE_INTEGER && json_is_real(visit->value) &&
           schema_check_is_rounded(run);
}

static bool check_type(struct schema_run *run, const struct schema_visit *visit)
{
    const unsigned types = types_of(visit->value);
    if ((visit->node->types & types) == 0) {
        return fail_type(run, visit);
    }
    return !is_rounded_integer(run, visit, types) ||
           schema_check_stop(run, visit, "number_range", "has more digits than can be told from an integer");
}

SCHEMA_OWN_FRAME static bool check_values(struct schema_run *run, const struct schema_visit *visit)
{
    const struct schema_node *node = visit->node;
    bool valid = true;
    run->bounds.depth_left = schema_check_depth_left(run);
    if (node->constant != NULL) {
        bool equal;
        do {
            equal = json_order_within(visit->value, node->constant, &run->bounds) == 0;
        } while (schema_check_again(run, visit));
        valid = equal || schema_check_fail(run, visit, "const", "is not the one value that is allowed");
    }
    if (node->enumeration != NULL) {
        bool found;
        do {
            found = json_order_contains(node->enumeration, node->enumeration_count, visit->value, &run->bounds);
        } while (schema_check_again(run, visit));
        valid = (found || schema_check_fail(run, visit, "enum", "is none of the %zu values that are allowed",
                                            node->enumeration_count)) &&
                valid;
    }
    return valid && !run->stopped;
}

/* Core §8.2.3.2: the outermost resource of the dynamic scope that has a dynamic anchor of that name. */
static const struct schema_node *dynamic_target(struct schema_run *run, const struct schema_visit *visit)
{
    const struct schema_node *node = visit->node;
    const struct schema_node *target = node->dynamic_ref;
    for (const struct schema_scope *scope = run->scope; node->dynamic_name != NULL && scope != NULL;
         scope = scope->outer) {
        for (const struct schema_anchor *anchor = scope->resource->dynamic_anchors;
             anchor != NULL && schema_check_pay(run, visit, SCHEMA_COST_ITEM); anchor = anchor->next) {
            if (strcmp(anchor->name, node->dynamic_name) == 0) {
                target = anchor->node;
            }
        }
    }
    return target;
}

/* NOLINTBEGIN(misc-no-recursion): bounded by SCHEMA_DEPTH_MAX */
static bool check_references(struct schema_run *run, const struct schema_visit *visit)
{
    const struct schema_node *node = visit->node;
    bool valid = node->ref == NULL || schema_check_node(run, node->ref, visit->value, visit->at, visit->marks);
    if (node->dynamic_ref != NULL && (valid || !schema_check_is_over(run))) {
        const struct schema_node *target = dynamic_target(run, visit);
        valid = schema_check_node(run, target, visit->value, visit->at, visit->marks) && valid;
    }
    return valid;
}

static bool check_by_type(struct schema_run *run, const struct schema_visit *visit)
{
    switch (json_typeof(visit->value)) {
    case JSON_OBJECT:
        return visit->node->object == NULL || schema_check_object(run, visit);
    case JSON_ARRAY:
        return visit->node->array == NULL || schema_check_array(run, visit);
    case JSON_STRING:
        return visit->node->string == NULL ||
               schema_check_string(run, visit, json_string_value(visit->value), json_string_length(visit->value));
    case JSON_INTEGER:
    case JSON_REAL:
        return visit->node->number_rules == NULL || schema_check_number(run, visit);
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        break;
    }
    return true;
}

static bool check_keywords(struct schema_run *run, const struct schema_visit *visit)
{
    const struct schema_node *node = visit->node;
    bool valid = node->types == 0 || check_type(run, visit);
    if (node->constant != NULL || node->enumeration != NULL) {
        valid = check_values(run, visit) && valid;
    }
    if (!valid && schema_check_is_over(run)) {
        return false;
    }
    valid = check_references(run, visit) && valid;
    if (!valid && schema_check_is_over(run)) {
        return false;
    }
    valid = (node->logic == NULL || schema_check_logic(run, visit)) && valid;
    if (!valid && schema_check_is_over(run)) {
        return false;
    }
    /* Last, as unevaluated* ask what all others evaluated. */
    return check_by_type(run, visit) && valid && !run->stopped;
}

static bool wants_marks(const struct schema_node *node, const json_t *value)
{
    return json_is_object(value) ? node->object != NULL && node->object->unevaluated != NULL
                                 : json_is_array(value) && node->array != NULL && node->array->unevaluated != NULL;
}

/* With marks of its own, as unevaluated* here must not see what schemas beside this one evaluated. */
SCHEMA_OWN_FRAME static bool check_marking(struct schema_run *run, const struct schema_visit *visit)
{
    struct schema_marks own;
    struct schema_visit marking = *visit;
    const size_t count = json_is_object(visit->value) ? json_object_size(visit->value) : json_array_size(visit->value);
    if (!schema_check_pay(run, visit, count / SCHEMA_BYTES_A_STEP)) {
        return false;
    }
    if (!schema_marks_init(&own, count, &run->scratch->marks)) {
        return schema_check_stop(run, visit, "memory", "no memory");
    }
    marking.marks = &own;
    run->depth++; /* for the stack's sake: this frame is as large as others together */
    const bool valid = check_keywords(run, &marking);
    run->depth--;
    if (visit->marks != NULL) {
        schema_marks_add(visit->marks, &own);
    }
    schema_marks_deinit(&own);
    return valid;
}

bool schema_check_node(struct schema_run *run, const struct schema_node *node, json_t *value,
                       const struct schema_at *at, struct schema_marks *marks)
{
    const struct schema_visit visit = {node, value, at, marks};
    if (!schema_check_pay(run, &visit, SCHEMA_COST_VISIT)) {
        return false;
    }
    if (node->refuses) {
        return schema_check_fail(run, &visit, NULL, "is not allowed");
    }
    if (run->depth >= SCHEMA_DEPTH_MAX) {
        return schema_check_stop(run, &visit, "depth", "the value or the schema's references nest too deep");
    }
    const struct schema_scope scope = {run->scope, node->resource};
    const bool enters = run->scope == NULL || run->scope->resource != node->resource;
    run->depth++;
    if (enters) {
        run->scope = &scope;
    }
    const bool valid = wants_marks(node, value) ? check_marking(run, &visit) : check_keywords(run, &visit);
    if (enters) {
        run->scope = scope.outer;
    }
    run->depth--;
    return valid;
}

/* NOLINTEND(misc-no-recursion) */

bool schema_check_value(const struct schema *schema, json_t *value, struct schema_origin origin, bool rounded,
                        struct schema_scratch *scratch, struct schema_report *report)
{
    struct schema_run run = {.scratch = scratch, .report = report, .origin = origin};
    run.bounds.steps_left = SCHEMA_STEPS_BASE + (uint64_t)origin.size * SCHEMA_STEPS_PER_BYTE;
    run.bounds.rounded = rounded;
    const bool valid = schema_check_node(&run, schema->root, value, NULL, NULL);
    return valid && !run.stopped;
}

bool schema_check(const struct schema *schema, json_t *value, struct schema_scratch *scratch,
                  struct schema_report *report)
{
    const struct schema_origin origin = {NULL, json_order_weigh(value, SCHEMA_DEPTH_MAX)};
    return schema_check_value(schema, value, origin, false, scratch, report);
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
        free(scratch->items);
        free(scratch);
    }
}
