/*
 * schema_rules - what the keywords of one subschema ask for, read from its JSON. A part of the compiler; on the thread that
 * compiles.
 */
#include "validate/schema_compile.h"

#include <stdlib.h>
#include <string.h>

#include "validate/json_order.h"
#include "validate/schema_number.h"

#define REASON_SIZE 128

static json_t *value_of(const struct schema_node *node, const char *keyword)
{
    return json_object_get(node->source, keyword);
}

static bool wrong(struct schema_compiler *compiler, const struct schema_node *node, const char *keyword,
                  const char *expected)
{
    return schema_compile_fail(compiler, node, keyword, "%s is %s", keyword, expected);
}

/* A whole number from 0 on, which may be written 2.0; what no size reaches is SCHEMA_NO_LIMIT. */
static bool read_size(struct schema_compiler *compiler, const struct schema_node *node, const char *keyword,
                      size_t *size_r)
{
    const json_t *value = value_of(node, keyword);
    if (value == NULL) {
        return true;
    }
    if (!json_is_number(value) || !schema_number_is_integer(value) || json_number_value(value) < 0) {
        return wrong(compiler, node, keyword, "a whole number that is not negative");
    }
    if (json_is_integer(value)) {
        *size_r = (size_t)json_integer_value(value);
    } else {
        *size_r = json_real_value(value) < 9e15 ? (size_t)json_real_value(value) : SCHEMA_NO_LIMIT;
    }
    return true;
}

static bool read_child(struct schema_compiler *compiler, struct schema_node *node, const char *keyword,
                       struct schema_node **child_r)
{
    json_t *value = value_of(node, keyword);
    if (value == NULL) {
        return true;
    }
    const struct schema_place place = {.parent = node, .keyword = keyword};
    *child_r = schema_compile_node(compiler, value, place, node->resource);
    return *child_r != NULL;
}

static bool read_list(struct schema_compiler *compiler, struct schema_node *node, const char *keyword,
                      struct schema_list *list)
{
    json_t *value = value_of(node, keyword);
    if (value == NULL) {
        return true;
    }
    const size_t count = json_array_size(value);
    if (count == 0) {
        return wrong(compiler, node, keyword, "an array of at least one schema");
    }
    list->nodes = schema_compile_take(compiler, count, sizeof(struct schema_node *));
    for (; list->nodes != NULL && list->count < count; list->count++) {
        const struct schema_place place = {.parent = node, .keyword = keyword, .index = list->count, .indexed = true};
        list->nodes[list->count] =
            schema_compile_node(compiler, json_array_get(value, list->count), place, node->resource);
        if (list->nodes[list->count] == NULL) {
            return false;
        }
    }
    return list->nodes != NULL;
}

static int order_members(const void *left, const void *right)
{
    const struct schema_member *a = left;
    const struct schema_member *b = right;
    const size_t shorter = a->key.size < b->key.size ? a->key.size : b->key.size;
    const int order = memcmp(a->key.bytes, b->key.bytes, shorter);
    return order != 0 ? order : (a->key.size > b->key.size) - (a->key.size < b->key.size);
}

/* An object of schemas, sorted by key. */
static bool read_members(struct schema_compiler *compiler, struct schema_node *node, const char *keyword,
                         struct schema_member **members_r, size_t *count_r)
{
    json_t *value = value_of(node, keyword);
    if (value == NULL) {
        return true;
    }
    if (!json_is_object(value)) {
        return wrong(compiler, node, keyword, "an object of schemas");
    }
    struct schema_member *members = schema_compile_take(compiler, json_object_size(value) + 1, sizeof(*members));
    size_t count = 0;
    for (void *i = json_object_iter(value); members != NULL && i != NULL; i = json_object_iter_next(value, i)) {
        const struct schema_text key = {json_object_iter_key(i), json_object_iter_key_len(i)};
        const struct schema_place place = {.parent = node, .keyword = keyword, .key = key};
        members[count].key = key;
        members[count].node = schema_compile_node(compiler, json_object_iter_value(i), place, node->resource);
        if (members[count++].node == NULL) {
            return false;
        }
    }
    if (members == NULL) {
        return false;
    }
    qsort(members, count, sizeof(*members), order_members);
    *members_r = members;
    *count_r = count;
    return true;
}

static bool read_texts(struct schema_compiler *compiler, const struct schema_node *node, const char *keyword,
                       json_t *value, struct schema_text **texts_r, size_t *count_r)
{
    const size_t count = json_array_size(value);
    struct schema_text *texts = schema_compile_take(compiler, count + 1, sizeof(*texts));
    if (texts == NULL) {
        return false;
    }
    for (size_t i = 0; i < count || !json_is_array(value); i++) {
        const json_t *text = json_array_get(value, i);
        if (!json_is_string(text)) {
            return wrong(compiler, node, keyword, "made of arrays of strings");
        }
        texts[i] = (struct schema_text){json_string_value(text), json_string_length(text)};
    }
    *texts_r = texts;
    *count_r = count;
    return true;
}

static bool read_pattern(struct schema_compiler *compiler, const struct schema_node *node, const char *keyword,
                         struct schema_text text, struct pattern **pattern_r)
{
    char reason[REASON_SIZE];
    struct pattern *pattern = pattern_compile(text.bytes, text.size, reason, sizeof(reason));
    if (pattern == NULL) {
        return schema_compile_fail(compiler, node, keyword, "the pattern %.80s: %s", text.bytes, reason);
    }
    *pattern_r = pattern;
    return schema_compile_own(compiler, pattern, NULL);
}

static bool read_pattern_members(struct schema_compiler *compiler, struct schema_node *node,
                                 struct schema_object_rules *rules)
{
    struct schema_member *members = NULL;
    size_t count = 0;
    if (!read_members(compiler, node, "patternProperties", &members, &count) || count == 0) {
        return value_of(node, "patternProperties") == NULL || members != NULL;
    }
    rules->patterns = schema_compile_take(compiler, count, sizeof(*rules->patterns));
    if (rules->patterns == NULL) {
        return false;
    }
    for (; rules->pattern_count < count; rules->pattern_count++) {
        struct schema_pattern_member *pattern = &rules->patterns[rules->pattern_count];
        pattern->text = members[rules->pattern_count].key;
        pattern->node = members[rules->pattern_count].node;
        if (!read_pattern(compiler, node, "patternProperties", pattern->text, &pattern->pattern)) {
            return false;
        }
    }
    return true;
}

static bool read_dependencies(struct schema_compiler *compiler, const struct schema_node *node,
                              struct schema_object_rules *rules)
{
    json_t *value = value_of(node, "dependentRequired");
    if (value == NULL) {
        return true;
    }
    if (!json_is_object(value)) {
        return wrong(compiler, node, "dependentRequired", "an object");
    }
    rules->dependencies = schema_compile_take(compiler, json_object_size(value) + 1, sizeof(*rules->dependencies));
    if (rules->dependencies == NULL) {
        return false;
    }
    for (void *i = json_object_iter(value); i != NULL; i = json_object_iter_next(value, i)) {
        struct schema_dependency *one = &rules->dependencies[rules->dependency_count++];
        one->key = (struct schema_text){json_object_iter_key(i), json_object_iter_key_len(i)};
        if (!read_texts(compiler, node, "dependentRequired", json_object_iter_value(i), &one->required, &one->count)) {
            return false;
        }
    }
    return true;
}

static bool has_any(const struct schema_node *node, const char *const *keywords, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (value_of(node, keywords[i]) != NULL) {
            return true;
        }
    }
    return false;
}
#define HAS_ANY(node, ...)                              \
    has_any((node), (const char *const[]){__VA_ARGS__}, \
            sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static bool read_object_rules(struct schema_compiler *compiler, struct schema_node *node)
{
    if (!HAS_ANY(node, "minProperties", "maxProperties", "required", "properties", "patternProperties",
                 "additionalProperties", "propertyNames", "dependentRequired", "dependentSchemas",
                 "unevaluatedProperties")) {
        return true;
    }
    struct schema_object_rules *rules = schema_compile_take(compiler, 1, sizeof(*rules));
    if (rules == NULL) {
        return false;
    }
    node->object = rules;
    rules->max_properties = SCHEMA_NO_LIMIT;
    json_t *required = value_of(node, "required");
    return read_size(compiler, node, "minProperties", &rules->min_properties) &&
           read_size(compiler, node, "maxProperties", &rules->max_properties) &&
           (required == NULL ||
            read_texts(compiler, node, "required", required, &rules->required, &rules->required_count)) &&
           read_members(compiler, node, "properties", &rules->members, &rules->member_count) &&
           read_pattern_members(compiler, node, rules) &&
           read_members(compiler, node, "dependentSchemas", &rules->dependent, &rules->dependent_count) &&
           read_dependencies(compiler, node, rules) &&
           read_child(compiler, node, "additionalProperties", &rules->additional) &&
           read_child(compiler, node, "propertyNames", &rules->names) &&
           read_child(compiler, node, "unevaluatedProperties", &rules->unevaluated);
}

static bool read_array_rules(struct schema_compiler *compiler, struct schema_node *node)
{
    if (!HAS_ANY(node, "minItems", "maxItems", "uniqueItems", "prefixItems", "items", "contains", "unevaluatedItems")) {
        return true;
    }
    struct schema_array_rules *rules = schema_compile_take(compiler, 1, sizeof(*rules));
    if (rules == NULL) {
        return false;
    }
    node->array = rules;
    rules->max_items = SCHEMA_NO_LIMIT;
    rules->min_contains = 1;
    rules->max_contains = SCHEMA_NO_LIMIT;
    const json_t *unique = value_of(node, "uniqueItems");
    if (unique != NULL && !json_is_boolean(unique)) {
        return wrong(compiler, node, "uniqueItems", "a boolean");
    }
    rules->unique = json_is_true(unique);
    return read_size(compiler, node, "minItems", &rules->min_items) &&
           read_size(compiler, node, "maxItems", &rules->max_items) &&
           read_size(compiler, node, "minContains", &rules->min_contains) &&
           read_size(compiler, node, "maxContains", &rules->max_contains) &&
           read_list(compiler, node, "prefixItems", &rules->prefix) &&
           read_child(compiler, node, "items", &rules->items) &&
           read_child(compiler, node, "contains", &rules->contains) &&
           read_child(compiler, node, "unevaluatedItems", &rules->unevaluated);
}

static bool read_string_rules(struct schema_compiler *compiler, struct schema_node *node)
{
    if (!HAS_ANY(node, "minLength", "maxLength", "pattern", "format")) {
        return true;
    }
    struct schema_string_rules *rules = schema_compile_take(compiler, 1, sizeof(*rules));
    if (rules == NULL) {
        return false;
    }
    node->string = rules;
    rules->max_length = SCHEMA_NO_LIMIT;
    const json_t *format = value_of(node, "format");
    const json_t *pattern = value_of(node, "pattern");
    if (format != NULL && !json_is_string(format)) {
        return wrong(compiler, node, "format", "a string");
    }
    if (pattern != NULL && !json_is_string(pattern)) {
        return wrong(compiler, node, "pattern", "a string");
    }
    if (format != NULL && compiler->schema->options.assert_format) {
        rules->format_name = json_string_value(format);
        rules->format = schema_format_named(rules->format_name);
    }
    if (pattern != NULL) {
        rules->pattern_text = (struct schema_text){json_string_value(pattern), json_string_length(pattern)};
    }
    return read_size(compiler, node, "minLength", &rules->min_length) &&
           read_size(compiler, node, "maxLength", &rules->max_length) &&
           (pattern == NULL || read_pattern(compiler, node, "pattern", rules->pattern_text, &rules->pattern));
}

static bool read_number(struct schema_compiler *compiler, const struct schema_node *node, const char *keyword,
                        json_t **number_r)
{
    *number_r = value_of(node, keyword);
    return *number_r == NULL || json_is_number(*number_r) || wrong(compiler, node, keyword, "a number");
}

static bool read_number_rules(struct schema_compiler *compiler, struct schema_node *node)
{
    if (!HAS_ANY(node, "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")) {
        return true;
    }
    struct schema_number_rules *rules = schema_compile_take(compiler, 1, sizeof(*rules));
    if (rules == NULL) {
        return false;
    }
    node->number_rules = rules;
    return read_number(compiler, node, "minimum", &rules->minimum) &&
           read_number(compiler, node, "maximum", &rules->maximum) &&
           read_number(compiler, node, "exclusiveMinimum", &rules->exclusive_minimum) &&
           read_number(compiler, node, "exclusiveMaximum", &rules->exclusive_maximum) &&
           read_number(compiler, node, "multipleOf", &rules->multiple_of) &&
           (rules->multiple_of == NULL || json_number_value(rules->multiple_of) > 0 ||
            wrong(compiler, node, "multipleOf", "greater than 0"));
}

static bool read_logic(struct schema_compiler *compiler, struct schema_node *node)
{
    if (!HAS_ANY(node, "allOf", "anyOf", "oneOf", "not", "if", "then", "else")) {
        return true;
    }
    struct schema_logic *logic = schema_compile_take(compiler, 1, sizeof(*logic));
    if (logic == NULL) {
        return false;
    }
    node->logic = logic;
    return read_list(compiler, node, "allOf", &logic->all_of) && read_list(compiler, node, "anyOf", &logic->any_of) &&
           read_list(compiler, node, "oneOf", &logic->one_of) && read_child(compiler, node, "not", &logic->negated) &&
           read_child(compiler, node, "if", &logic->condition) &&
           read_child(compiler, node, "then", &logic->consequence) &&
           read_child(compiler, node, "else", &logic->alternative);
}

static unsigned type_named(const char *name)
{
    static const struct {
        const char *name;
        enum schema_type type;
    } types[] = {
        {"null", SCHEMA_TYPE_NULL},       {"boolean", SCHEMA_TYPE_BOOLEAN}, {"object", SCHEMA_TYPE_OBJECT},
        {"array", SCHEMA_TYPE_ARRAY},     {"number", SCHEMA_TYPE_NUMBER},   {"string", SCHEMA_TYPE_STRING},
        {"integer", SCHEMA_TYPE_INTEGER},
    };
    for (size_t i = 0; name != NULL && i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].name, name) == 0) {
            return types[i].type;
        }
    }
    return 0;
}

static bool read_type(struct schema_compiler *compiler, struct schema_node *node)
{
    json_t *value = value_of(node, "type");
    if (value == NULL) {
        return true;
    }
    const size_t count = json_is_array(value) ? json_array_size(value) : 1;
    for (size_t i = 0; i < count; i++) {
        const json_t *name = json_is_array(value) ? json_array_get(value, i) : value;
        const unsigned type = type_named(json_string_value(name));
        if (type == 0) {
            return wrong(compiler, node, "type", "the name of a type, or an array of such names");
        }
        node->types |= type;
    }
    return node->types != 0 || wrong(compiler, node, "type", "not empty");
}

static bool read_values(struct schema_compiler *compiler, struct schema_node *node)
{
    node->constant = value_of(node, "const");
    json_t *value = value_of(node, "enum");
    if ((node->constant != NULL && !json_order_nests_within(node->constant, SCHEMA_DEPTH_MAX)) ||
        (value != NULL && !json_order_nests_within(value, SCHEMA_DEPTH_MAX))) {
        return schema_compile_fail(compiler, node, "depth", "a constant nests deeper than %d", SCHEMA_DEPTH_MAX);
    }
    if (value == NULL) {
        return true;
    }
    if (!json_is_array(value)) {
        return wrong(compiler, node, "enum", "an array");
    }
    node->enumeration_count = json_array_size(value);
    node->enumeration = schema_compile_take(compiler, node->enumeration_count + 1, sizeof(json_t *));
    if (node->enumeration == NULL) {
        return false;
    }
    for (size_t i = 0; i < node->enumeration_count; i++) {
        node->enumeration[i] = json_array_get(value, i);
    }
    json_order_sort(node->enumeration, node->enumeration_count);
    return true;
}

/* Schemas that are there to be referred to. */
static bool read_definitions(struct schema_compiler *compiler, struct schema_node *node)
{
    struct schema_member *members = NULL;
    struct schema_node *content = NULL;
    size_t count = 0;
    return read_members(compiler, node, "$defs", &members, &count) &&
           read_child(compiler, node, "contentSchema", &content);
}

bool schema_rules_read(struct schema_compiler *compiler, struct schema_node *node)
{
    return read_definitions(compiler, node) && read_type(compiler, node) && read_values(compiler, node) &&
           read_logic(compiler, node) && read_object_rules(compiler, node) && read_array_rules(compiler, node) &&
           read_string_rules(compiler, node) && read_number_rules(compiler, node);
}
