/*
 * schema_check_object - the rules for objects. A part of the checker of schemas; any thread.
 *
 * The value's members are walked once; each is looked up among `properties`, which are sorted.
 */
#include "validate/schema_check.h"

#include <string.h>

static const struct schema_member *find_member(const struct schema_member *members, size_t count, const char *key,
                                               size_t size)
{
    size_t from = 0;
    while (from < count) {
        const size_t middle = from + (count - from) / 2;
        const struct schema_text *other = &members[middle].key;
        int order = memcmp(key, other->bytes, size < other->size ? size : other->size);
        if (order == 0) {
            order = (size > other->size) - (size < other->size);
        }
        if (order == 0) {
            return &members[middle];
        }
        if (order < 0) {
            count = middle;
        } else {
            from = middle + 1;
        }
    }
    return NULL;
}

static bool has(json_t *value, struct schema_text key)
{
    return json_object_getn(value, key.bytes, key.size) != NULL;
}

static bool check_sizes(struct schema_run *run, const struct schema_node *node, json_t *value,
                        const struct schema_at *at)
{
    const struct schema_object_rules *rules = node->object;
    const size_t count = json_object_size(value);
    bool valid = true;
    if (count < rules->min_properties) {
        valid = schema_check_fail(run, node, "minProperties", at, "has %zu members where at least %zu are expected",
                                  count, rules->min_properties);
    }
    if (count > rules->max_properties) {
        valid = schema_check_fail(run, node, "maxProperties", at, "has %zu members where at most %zu are allowed",
                                  count, rules->max_properties);
    }
    for (size_t i = 0; i < rules->required_count; i++) {
        if (!has(value, rules->required[i])) {
            valid = schema_check_fail(run, node, "required", at, "lacks the member %.160s", rules->required[i].bytes);
        }
    }
    return valid;
}

static bool check_dependencies(struct schema_run *run, const struct schema_node *node, json_t *value,
                               const struct schema_at *at, struct schema_marks *marks)
{
    const struct schema_object_rules *rules = node->object;
    bool valid = true;
    for (size_t i = 0; i < rules->dependency_count; i++) {
        const struct schema_dependency *one = &rules->dependencies[i];
        for (size_t j = 0; has(value, one->key) && j < one->count; j++) {
            if (!has(value, one->required[j])) {
                valid = schema_check_fail(run, node, "dependentRequired", at,
                                          "lacks the member %.80s, which %.80s asks for", one->required[j].bytes,
                                          one->key.bytes);
            }
        }
    }
    for (size_t i = 0; i < rules->dependent_count && (valid || !schema_check_is_over(run)); i++) {
        if (has(value, rules->dependent[i].key)) {
            valid = schema_check_node(run, rules->dependent[i].node, value, at, marks) && valid;
        }
    }
    return valid;
}

/* One member by its key: in evaluated_r, whether some keyword here looks at it. */
static bool check_member(struct schema_run *run, const struct schema_node *node, json_t *value,
                         const struct schema_at *at, bool *evaluated_r)
{
    const struct schema_object_rules *rules = node->object;
    const struct schema_member *member = find_member(rules->members, rules->member_count, at->key, at->key_size);
    bool valid = member == NULL || schema_check_node(run, member->node, value, at, NULL);
    bool found = member != NULL;
    for (size_t i = 0; i < rules->pattern_count && !run->stopped; i++) {
        const struct schema_pattern_member *pattern = &rules->patterns[i];
        switch (pattern_match(pattern->pattern, at->key, at->key_size, run->scratch->pattern)) {
        case PATTERN_MATCHES:
            found = true;
            valid = schema_check_node(run, pattern->node, value, at, NULL) && valid;
            break;
        case PATTERN_DIFFERS:
            break;
        case PATTERN_LIMIT:
            valid = schema_check_stop(run, node, "patternProperties", at, "takes too long to match with a pattern");
            break;
        }
    }
    if (!found && rules->additional != NULL) {
        found = true;
        valid = schema_check_node(run, rules->additional, value, at, NULL) && valid;
    }
    *evaluated_r = found;
    return valid;
}

static bool check_name(struct schema_run *run, const struct schema_node *names, const struct schema_at *at)
{
    json_t *name = json_stringn_nocheck(at->key, at->key_size);
    if (name == NULL) {
        return schema_check_stop(run, names, "memory", at, "no memory");
    }
    const bool valid = schema_check_node(run, names, name, at, NULL);
    json_decref(name);
    return valid;
}

static bool check_members(struct schema_run *run, const struct schema_node *node, json_t *value,
                          const struct schema_at *at, struct schema_marks *marks)
{
    const struct schema_object_rules *rules = node->object;
    bool valid = true;
    size_t position = 0;
    for (void *i = json_object_iter(value); i != NULL && (valid || !schema_check_is_over(run));
         i = json_object_iter_next(value, i), position++) {
        const struct schema_at member = {at, json_object_iter_key(i), json_object_iter_key_len(i), 0};
        bool evaluated = false;
        valid = check_member(run, node, json_object_iter_value(i), &member, &evaluated) && valid;
        if (rules->names != NULL) {
            valid = check_name(run, rules->names, &member) && valid;
        }
        if (evaluated && marks != NULL) {
            schema_marks_set(marks, position);
        }
    }
    return valid;
}

static bool check_unevaluated(struct schema_run *run, const struct schema_node *node, json_t *value,
                              const struct schema_at *at, struct schema_marks *marks)
{
    bool valid = true;
    size_t position = 0;
    for (void *i = json_object_iter(value); i != NULL && (valid || !schema_check_is_over(run));
         i = json_object_iter_next(value, i), position++) {
        const struct schema_at member = {at, json_object_iter_key(i), json_object_iter_key_len(i), 0};
        if (!schema_marks_has(marks, position)) {
            valid =
                schema_check_node(run, node->object->unevaluated, json_object_iter_value(i), &member, NULL) && valid;
        }
    }
    marks->all = true;
    return valid;
}

bool schema_check_object(struct schema_run *run, const struct schema_node *node, json_t *value,
                         const struct schema_at *at, struct schema_marks *marks)
{
    const struct schema_object_rules *rules = node->object;
    const bool walks =
        rules->member_count > 0 || rules->pattern_count > 0 || rules->additional != NULL || rules->names != NULL;
    bool valid = check_sizes(run, node, value, at);
    valid = (valid || !schema_check_is_over(run)) && check_dependencies(run, node, value, at, marks) && valid;
    if (walks && (valid || !schema_check_is_over(run))) {
        valid = check_members(run, node, value, at, marks) && valid;
    }
    if (rules->unevaluated != NULL && (valid || !schema_check_is_over(run))) {
        valid = check_unevaluated(run, node, value, at, marks) && valid;
    }
    return valid;
}
