/*
 * schema_rules - what the keywords of one subschema ask for, read from their values. A part of the compiler; on the thread that
 * compiles. The shapes of the values were judged before (schema_keyword).
 */
#include "validate/schema_compile.h"

#include <stdlib.h>
#include <string.h>

#include "validate/json_order.h"

/* A size that a double holds and no value reaches. */
#define SIZE_REAL_MAX 9e15

static json_t *value_of(const struct schema_compiler *compiler, enum schema_keyword keyword)
{
    return compiler->keywords.values[keyword];
}

/* What no size reaches is SCHEMA_NO_LIMIT; 2.0 is 2. */
static void read_size(const struct schema_compiler *compiler, enum schema_keyword keyword, size_t *size_r)
{
    const json_t *value = value_of(compiler, keyword);
    if (json_is_integer(value)) {
        *size_r = (size_t)json_integer_value(value);
    } else if (value != NULL) {
        *size_r = json_real_value(value) < SIZE_REAL_MAX ? (size_t)json_real_value(value) : SCHEMA_NO_LIMIT;
    }
}

static bool read_child(struct schema_compiler *compiler, struct schema_node *node, enum schema_keyword keyword,
                       struct schema_node **child_r)
{
    json_t *value = value_of(compiler, keyword);
    if (value == NULL) {
        return true;
    }
    const struct schema_place place = {.parent = node, .keyword = schema_keyword_text(keyword)};
    *child_r = schema_compile_add(compiler, value, place, node->resource);
    return *child_r != NULL;
}

static bool read_list(struct schema_compiler *compiler, struct schema_node *node, enum schema_keyword keyword,
                      struct schema_list *list)
{
    json_t *value = value_of(compiler, keyword);
    const size_t count = json_array_size(value);
    if (value == NULL) {
        return true;
    }
    list->nodes = schema_compile_take(compiler, count, sizeof(struct schema_node *));
    for (; list->nodes != NULL && list->count < count; list->count++) {
        const struct schema_place place = {
            .parent = node, .keyword = schema_keyword_text(keyword), .index = list->count, .indexed = true};
        list->nodes[list->count] =
            schema_compile_add(compiler, json_array_get(value, list->count), place, node->resource);
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
static bool read_members(struct schema_compiler *compiler, struct schema_node *node, enum schema_keyword keyword,
                         struct schema_member **members_r, size_t *count_r)
{
    json_t *value = value_of(compiler, keyword);
    if (value == NULL) {
        return true;
    }
    struct schema_member *members = schema_compile_take(compiler, json_object_size(value) + 1, sizeof(*members));
    size_t count = 0;
    for (void *i = json_object_iter(value); members != NULL && i != NULL; i = json_object_iter_next(value, i)) {
        const struct schema_text key = {json_object_iter_key(i), json_object_iter_key_len(i)};
        const struct schema_place place = {.parent = node, .keyword = schema_keyword_text(keyword), .key = key};
        members[count].key = key;
        members[count].node = schema_compile_add(compiler, json_object_iter_value(i), place, node->resource);
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

static bool read_texts(struct schema_compiler *compiler, const json_t *value, struct schema_text **texts_r,
                       size_t *count_r)
{
    const size_t count = json_array_size(value);
    struct schema_text *texts = schema_compile_take(compiler, count + 1, sizeof(*texts));
    if (texts == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *text = json_array_get(value, i);
        texts[i] = (struct schema_text){json_string_value(text), json_string_length(text)};
    }
    *texts_r = texts;
    *count_r = count;
    return true;
}

static bool read_pattern_members(struct schema_compiler *compiler, struct schema_node *node,
                                 struct schema_object_rules *rules)
{
    struct schema_member *members = NULL;
    size_t count = 0;
    if (!read_members(compiler, node, SCHEMA_KEYWORD_PATTERN_PROPERTIES, &members, &count)) {
        return false;
    }
    rules->patterns = schema_compile_take(compiler, count + 1, sizeof(*rules->patterns));
    if (rules->patterns == NULL) {
        return false;
    }
    for (; rules->pattern_count < count; rules->pattern_count++) {
        struct schema_pattern_member *pattern = &rules->patterns[rules->pattern_count];
        pattern->text = members[rules->pattern_count].key;
        pattern->node = members[rules->pattern_count].node;
        pattern->pattern = schema_compile_pattern(compiler, node, "patternProperties", pattern->text);
        if (pattern->pattern == NULL) {
            return false;
        }
    }
    return true;
}

static bool read_dependencies(struct schema_compiler *compiler, struct schema_object_rules *rules)
{
    json_t *value = value_of(compiler, SCHEMA_KEYWORD_DEPENDENT_REQUIRED);
    if (value == NULL) {
        return true;
    }
    rules->dependencies = schema_compile_take(compiler, json_object_size(value) + 1, sizeof(*rules->dependencies));
    if (rules->dependencies == NULL) {
        return false;
    }
    for (void *i = json_object_iter(value); i != NULL; i = json_object_iter_next(value, i)) {
        struct schema_dependency *one = &rules->dependencies[rules->dependency_count++];
        one->key = (struct schema_text){json_object_iter_key(i), json_object_iter_key_len(i)};
        if (!read_texts(compiler, json_object_iter_value(i), &one->required, &one->count)) {
            return false;
        }
    }
    return true;
}

static bool has_any(const struct schema_compiler *compiler, const enum schema_keyword *keywords, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (value_of(compiler, keywords[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static bool read_object_rules(struct schema_compiler *compiler, struct schema_node *node)
{
    static const enum schema_keyword keywords[] = {
        SCHEMA_KEYWORD_MIN_PROPERTIES,     SCHEMA_KEYWORD_MAX_PROPERTIES,
        SCHEMA_KEYWORD_REQUIRED,           SCHEMA_KEYWORD_PROPERTIES,
        SCHEMA_KEYWORD_PATTERN_PROPERTIES, SCHEMA_KEYWORD_ADDITIONAL_PROPERTIES,
        SCHEMA_KEYWORD_PROPERTY_NAMES,     SCHEMA_KEYWORD_DEPENDENT_REQUIRED,
        SCHEMA_KEYWORD_DEPENDENT_SCHEMAS,  SCHEMA_KEYWORD_UNEVALUATED_PROPERTIES};
    if (!has_any(compiler, keywords, sizeof(keywords) / sizeof(keywords[0]))) {
        return true;
    }
    struct schema_object_rules *rules = schema_compile_take(compiler, 1, sizeof(*rules));
    if (rules == NULL) {
        return false;
    }
    node->object = rules;
    rules->max_properties = SCHEMA_NO_LIMIT;
    read_size(compiler, SCHEMA_KEYWORD_MIN_PROPERTIES, &rules->min_properties);
    read_size(compiler, SCHEMA_KEYWORD_MAX_PROPERTIES, &rules->max_properties);
    const json_t *required = value_of(compiler, SCHEMA_KEYWORD_REQUIRED);
    return (required == NULL || read_texts(compiler, required, &rules->required, &rules->required_count)) &&
           read_members(compiler, node, SCHEMA_KEYWORD_PROPERTIES, &rules->members, &rules->member_count) &&
           read_pattern_members(compiler, node, rules) &&
           read_members(compiler, node, SCHEMA_KEYWORD_DEPENDENT_SCHEMAS, &rules->dependent, &rules->dependent_count) &&
           read_dependencies(compiler, rules) &&
           read_child(compiler, node, SCHEMA_KEYWORD_ADDITIONAL_PROPERTIES, &rules->additional) &&
           read_child(compiler, node, SCHEMA_KEYWORD_PROPERTY_NAMES, &rules->names) &&
           read_child(compiler, node, SCHEMA_KEYWORD_UNEVALUATED_PROPERTIES, &rules->unevaluated);
}

static bool read_array_rules(struct schema_compiler *compiler, struct schema_node *node)
{
    static const enum schema_keyword keywords[] = {
        SCHEMA_KEYWORD_MIN_ITEMS,        SCHEMA_KEYWORD_MAX_ITEMS, SCHEMA_KEYWORD_UNIQUE_ITEMS,
        SCHEMA_KEYWORD_PREFIX_ITEMS,     SCHEMA_KEYWORD_ITEMS,     SCHEMA_KEYWORD_CONTAINS,
        SCHEMA_KEYWORD_UNEVALUATED_ITEMS};
    if (!has_any(compiler, keywords, sizeof(keywords) / sizeof(keywords[0]))) {
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
    rules->unique = json_is_true(value_of(compiler, SCHEMA_KEYWORD_UNIQUE_ITEMS));
    read_size(compiler, SCHEMA_KEYWORD_MIN_ITEMS, &rules->min_items);
    read_size(compiler, SCHEMA_KEYWORD_MAX_ITEMS, &rules->max_items);
    read_size(compiler, SCHEMA_KEYWORD_MIN_CONTAINS, &rules->min_contains);
    read_size(compiler, SCHEMA_KEYWORD_MAX_CONTAINS, &rules->max_contains);
    return read_list(compiler, node, SCHEMA_KEYWORD_PREFIX_ITEMS, &rules->prefix) &&
           read_child(compiler, node, SCHEMA_KEYWORD_ITEMS, &rules->items) &&
           read_child(compiler, node, SCHEMA_KEYWORD_CONTAINS, &rules->contains) &&
           read_child(compiler, node, SCHEMA_KEYWORD_UNEVALUATED_ITEMS, &rules->unevaluated);
}

static void read_format(const struct schema_compiler *compiler, const struct schema_node *node,
                        struct schema_string_rules *rules)
{
    const json_t *format = value_of(compiler, SCHEMA_KEYWORD_FORMAT);
    const bool asserts = compiler->schema->options.assert_format ||
                         (node->resource->vocabularies & SCHEMA_VOCABULARY_FORMAT_ASSERTION) != 0;
    if (format != NULL && asserts) {
        rules->format_name = json_string_value(format);
        rules->format = schema_format_named(rules->format_name);
    }
}

static bool read_string_rules(struct schema_compiler *compiler, struct schema_node *node)
{
    static const enum schema_keyword keywords[] = {SCHEMA_KEYWORD_MIN_LENGTH, SCHEMA_KEYWORD_MAX_LENGTH,
                                                   SCHEMA_KEYWORD_PATTERN, SCHEMA_KEYWORD_FORMAT};
    if (!has_any(compiler, keywords, sizeof(keywords) / sizeof(keywords[0]))) {
        return true;
    }
    struct schema_string_rules *rules = schema_compile_take(compiler, 1, sizeof(*rules));
    if (rules == NULL) {
        return false;
    }
    node->string = rules;
    rules->max_length = SCHEMA_NO_LIMIT;
    read_size(compiler, SCHEMA_KEYWORD_MIN_LENGTH, &rules->min_length);
    read_size(compiler, SCHEMA_KEYWORD_MAX_LENGTH, &rules->max_length);
    read_format(compiler, node, rules);
    const json_t *pattern = value_of(compiler, SCHEMA_KEYWORD_PATTERN);
    if (pattern == NULL) {
        return true;
    }
    rules->pattern_text = (struct schema_text){json_string_value(pattern), json_string_length(pattern)};
    rules->pattern = schema_compile_pattern(compiler, node, "pattern", rules->pattern_text);
    return rules->pattern != NULL;
}

static bool read_number_rules(struct schema_compiler *compiler, struct schema_node *node)
{
    static const enum schema_keyword keywords[] = {SCHEMA_KEYWORD_MINIMUM, SCHEMA_KEYWORD_MAXIMUM,
                                                   SCHEMA_KEYWORD_EXCLUSIVE_MINIMUM, SCHEMA_KEYWORD_EXCLUSIVE_MAXIMUM,
                                                   SCHEMA_KEYWORD_MULTIPLE_OF};
    if (!has_any(compiler, keywords, sizeof(keywords) / sizeof(keywords[0]))) {
        return true;
    }
    struct schema_number_rules *rules = schema_compile_take(compiler, 1, sizeof(*rules));
    if (rules == NULL) {
        return false;
    }
    node->number_rules = rules;
    rules->minimum = value_of(compiler, SCHEMA_KEYWORD_MINIMUM);
    rules->maximum = value_of(compiler, SCHEMA_KEYWORD_MAXIMUM);
    rules->exclusive_minimum = value_of(compiler, SCHEMA_KEYWORD_EXCLUSIVE_MINIMUM);
    rules->exclusive_maximum = value_of(compiler, SCHEMA_KEYWORD_EXCLUSIVE_MAXIMUM);
    rules->multiple_of = value_of(compiler, SCHEMA_KEYWORD_MULTIPLE_OF);
    return true;
}

static bool read_logic(struct schema_compiler *compiler, struct schema_node *node)
{
    static const enum schema_keyword keywords[] = {SCHEMA_KEYWORD_ALL_OF, SCHEMA_KEYWORD_ANY_OF, SCHEMA_KEYWORD_ONE_OF,
                                                   SCHEMA_KEYWORD_NOT,    SCHEMA_KEYWORD_IF,     SCHEMA_KEYWORD_THEN,
                                                   SCHEMA_KEYWORD_ELSE};
    if (!has_any(compiler, keywords, sizeof(keywords) / sizeof(keywords[0]))) {
        return true;
    }
    struct schema_logic *logic = schema_compile_take(compiler, 1, sizeof(*logic));
    if (logic == NULL) {
        return false;
    }
    node->logic = logic;
    return read_list(compiler, node, SCHEMA_KEYWORD_ALL_OF, &logic->all_of) &&
           read_list(compiler, node, SCHEMA_KEYWORD_ANY_OF, &logic->any_of) &&
           read_list(compiler, node, SCHEMA_KEYWORD_ONE_OF, &logic->one_of) &&
           read_child(compiler, node, SCHEMA_KEYWORD_NOT, &logic->negated) &&
           read_child(compiler, node, SCHEMA_KEYWORD_IF, &logic->condition) &&
           read_child(compiler, node, SCHEMA_KEYWORD_THEN, &logic->consequence) &&
           read_child(compiler, node, SCHEMA_KEYWORD_ELSE, &logic->alternative);
}

static void read_type(const struct schema_compiler *compiler, struct schema_node *node)
{
    const json_t *value = value_of(compiler, SCHEMA_KEYWORD_TYPE);
    if (json_is_string(value)) {
        node->types = schema_type_named(json_string_value(value));
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        node->types |= schema_type_named(json_string_value(json_array_get(value, i)));
    }
}

/* Comparing recurses. */
static bool check_nesting(struct schema_compiler *compiler, const struct schema_node *node, enum schema_keyword keyword)
{
    json_t *value = value_of(compiler, keyword);
    return value == NULL || json_order_nests_within(value, SCHEMA_DEPTH_MAX) ||
           schema_compile_fail(compiler, node, schema_keyword_text(keyword), "the value nests deeper than %d",
                               SCHEMA_DEPTH_MAX);
}

static bool read_values(struct schema_compiler *compiler, struct schema_node *node)
{
    json_t *value = value_of(compiler, SCHEMA_KEYWORD_ENUM);
    node->constant = value_of(compiler, SCHEMA_KEYWORD_CONST);
    if (!check_nesting(compiler, node, SCHEMA_KEYWORD_CONST) || !check_nesting(compiler, node, SCHEMA_KEYWORD_ENUM)) {
        return false;
    }
    if (value == NULL) {
        return true;
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

/* `dependencies` was split in two (Validation §6.5.4, Core §10.2.2.4), and is an annotation; but its schemas are to be schemas. */
static bool read_old_dependencies(struct schema_compiler *compiler, struct schema_node *node)
{
    json_t *value = value_of(compiler, SCHEMA_KEYWORD_DEPENDENCIES);
    for (void *i = json_object_iter(value); i != NULL; i = json_object_iter_next(value, i)) {
        const struct schema_place place = {
            .parent = node, .keyword = "dependencies", .key = {json_object_iter_key(i), json_object_iter_key_len(i)}};
        if (!json_is_array(json_object_iter_value(i)) &&
            schema_compile_add(compiler, json_object_iter_value(i), place, node->resource) == NULL) {
            return false;
        }
    }
    return true;
}

/* Schemas that are there to be referred to. */
static bool read_definitions(struct schema_compiler *compiler, struct schema_node *node)
{
    struct schema_member *members = NULL;
    struct schema_node *content = NULL;
    size_t count = 0;
    return read_members(compiler, node, SCHEMA_KEYWORD_DEFS, &members, &count) &&
           read_members(compiler, node, SCHEMA_KEYWORD_DEFINITIONS, &members, &count) &&
           read_old_dependencies(compiler, node) && read_child(compiler, node, SCHEMA_KEYWORD_CONTENT_SCHEMA, &content);
}

bool schema_rules_read(struct schema_compiler *compiler, struct schema_node *node)
{
    read_type(compiler, node);
    return read_definitions(compiler, node) && read_values(compiler, node) && read_logic(compiler, node) &&
           read_object_rules(compiler, node) && read_array_rules(compiler, node) && read_string_rules(compiler, node) &&
           read_number_rules(compiler, node);
}
