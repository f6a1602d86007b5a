/*
 * schema_check_object - the rules for objects. A part of the checker of schemas; any thread.
 *
 * The value's members are walked once; each is looked up among `properties`, which are sorted.
 */
#include "validate/schema_check.h"

#include <string.h>

#define NAME_SHOWN 160 /* bytes of a member's name in a sentence */

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

/* For a key of the schema, which may be long and is hashed anew for each value. */
static bool pay_for_key(struct schema_run *run, const struct schema_visit *visit, struct schema_text key)
{
    return schema_check_pay(run, visit, SCHEMA_COST_LOOKUP + key.size / SCHEMA_BYTES_A_STEP);
}

SCHEMA_OWN_FRAME static bool check_required(struct schema_run *run, const struct schema_visit *visit)
{
    const struct schema_object_rules *rules = visit->node->object;
    bool valid = true;
    for (size_t i = 0; i < rules->required_count && (valid || !schema_check_is_over(run)); i++) {
        if (!pay_for_key(run, visit, rules->required[i])) {
            return false;
        }
        if (!has(visit->value, rules->required[i])) {
            const char *name = rules->required[i].bytes;
            valid = schema_check_fail(run, visit, "required", "lacks the member %.*s",
                                      schema_check_fit(name, NAME_SHOWN), name);
        }
    }
    return valid;
}

SCHEMA_OWN_FRAME static bool check_sizes(struct schema_run *run, const struct schema_visit *visit)
{
    const struct schema_object_rules *rules = visit->node->object;
    const size_t count = json_object_size(visit->value);
    bool valid = true;
    if (count < rules->min_properties) {
        valid = schema_check_fail(run, visit, "minProperties", "has %zu members where at least %zu are expected", count,
                                  rules->min_properties);
    }
    if (count > rules->max_properties) {
        valid = schema_check_fail(run, visit, "maxProperties", "has %zu members where at most %zu are allowed", count,
                                  rules->max_properties);
    }
    return (valid || !schema_check_is_over(run)) && check_required(run, visit) && valid;
}

SCHEMA_OWN_FRAME static bool check_dependency(struct schema_run *run, const struct schema_visit *visit,
                                              const struct schema_dependency *one)
{
    bool valid = true;
    if (!pay_for_key(run, visit, one->key)) {
        return false;
    }
    if (!has(visit->value, one->key)) {
        return true;
    }
    for (size_t i = 0; i < one->count && (valid || !schema_check_is_over(run)); i++) {
        if (!pay_for_key(run, visit, one->required[i])) {
            return false;
        }
        if (!has(visit->value, one->required[i])) {
            const char *name = one->required[i].bytes;
            valid = schema_check_fail(run, visit, "dependentRequired", "lacks the member %.*s, which %.*s asks for",
                                      schema_check_fit(name, NAME_SHOWN / 2), name,
                                      schema_check_fit(one->key.bytes, NAME_SHOWN / 2), one->key.bytes);
        }
    }
    return valid;
}

SCHEMA_OWN_FRAME static bool check_dependencies(struct schema_run *run, const struct schema_visit *visit)
{
    const struct schema_object_rules *rules = visit->node->object;
    bool valid = true;
    for (size_t i = 0; i < rules->dependency_count && (valid || !schema_check_is_over(run)); i++) {
        valid = check_dependency(run, visit, &rules->dependencies[i]) && valid;
    }
    for (size_t i = 0; i < rules->dependent_count && (valid || !schema_check_is_over(run)); i++) {
        if (!pay_for_key(run, visit, rules->dependent[i].key)) {
            return false;
        }
        if (has(visit->value, rules->dependent[i].key)) {
            valid = schema_check_node(run, rules->dependent[i].node, visit->value, visit->at, visit->marks) && valid;
        }
    }
    return valid;
}

/* Whether a key matches a pattern; when that cannot be found out the check is stopped. */
SCHEMA_OWN_FRAME static bool matches(struct schema_run *run, const struct schema_visit *visit,
                                     const struct pattern *pattern, const struct schema_at *at)
{
    switch (pattern_match(pattern, at->key, at->key_size, run->scratch->pattern, &run->bounds.steps_left)) {
    case PATTERN_MATCHES:
        return true;
    case PATTERN_DIFFERS:
        break;
    case PATTERN_LIMIT:
        (void)schema_check_stop(run, visit, "patternProperties", "has a key that takes too long to match");
        break;
    case PATTERN_NO_MEMORY:
        (void)schema_check_stop(run, visit, "memory", "no memory");
        break;
    }
    return false;
}

/* One member by its key: in evaluated_r, whether some keyword here looks at it. */
static bool check_member(struct schema_run *run, const struct schema_visit *visit, json_t *value,
                         const struct schema_at *at, bool *evaluated_r)
{
    const struct schema_object_rules *rules = visit->node->object;
    const struct schema_member *member = find_member(rules->members, rules->member_count, at->key, at->key_size);
    bool valid = member == NULL || schema_check_node(run, member->node, value, at, NULL);
    *evaluated_r = member != NULL;
    for (size_t i = 0; i < rules->pattern_count && (valid || !schema_check_is_over(run)); i++) {
        if (matches(run, visit, rules->patterns[i].pattern, at)) {
            *evaluated_r = true;
            valid = schema_check_node(run, rules->patterns[i].node, value, at, NULL) && valid;
        }
    }
    if (!*evaluated_r && rules->additional != NULL && !run->stopped) {
        *evaluated_r = true;
        valid = schema_check_node(run, rules->additional, value, at, NULL) && valid;
    }
    return valid;
}

/* Whether a subschema asks nothing of a string but what can be told without making it a value. */
static bool is_of_text(const struct schema_node *node)
{
    return !node->refuses && node->string != NULL && node->constant == NULL && node->enumeration == NULL &&
           node->ref == NULL && node->dynamic_ref == NULL && node->logic == NULL &&
           (node->types == 0 || (node->types & SCHEMA_TYPE_STRING) != 0);
}

SCHEMA_OWN_FRAME static bool check_name(struct schema_run *run, const struct schema_visit *visit,
                                        const struct schema_at *at)
{
    const struct schema_node *names = visit->node->object->names;
    if (is_of_text(names)) {
        const struct schema_visit name = {names, visit->value, at, NULL};
        return schema_check_pay(run, &name, SCHEMA_COST_VISIT) &&
               schema_check_string(run, &name, at->key, at->key_size) && !run->stopped;
    }
    if (!schema_check_pay(run, visit, SCHEMA_COST_NAME + at->key_size / SCHEMA_BYTES_A_STEP)) {
        return false;
    }
    json_t *name = json_stringn_nocheck(at->key, at->key_size);
    if (name == NULL) {
        return schema_check_stop(run, visit, "memory", "no memory");
    }
    const bool valid = schema_check_node(run, names, name, at, NULL);
    json_decref(name);
    return valid;
}

static bool check_members(struct schema_run *run, const struct schema_visit *visit)
{
    bool valid = true;
    size_t position = 0;
    for (void *i = json_object_iter(visit->value); i != NULL && (valid || !schema_check_is_over(run));
         i = json_object_iter_next(visit->value, i), position++) {
        const struct schema_at member = {visit->at, json_object_iter_key(i), json_object_iter_key_len(i), 0};
        bool evaluated = false;
        valid = schema_check_pay(run, visit, SCHEMA_COST_LOOKUP + member.key_size / SCHEMA_BYTES_A_STEP) &&
                check_member(run, visit, json_object_iter_value(i), &member, &evaluated) && valid;
        if (visit->node->object->names != NULL && (valid || !schema_check_is_over(run))) {
            valid = check_name(run, visit, &member) && valid;
        }
        if (evaluated && visit->marks != NULL) {
            schema_marks_set(visit->marks, position);
        }
    }
    return valid;
}

SCHEMA_OWN_FRAME static bool check_unevaluated(struct schema_run *run, const struct schema_visit *visit)
{
    const struct schema_node *rule = visit->node->object->unevaluated;
    bool valid = schema_check_pay(run, visit, json_object_size(visit->value) * SCHEMA_COST_ITEM);
    size_t position = 0;
    for (void *i = json_object_iter(visit->value); i != NULL && (valid || !schema_check_is_over(run));
         i = json_object_iter_next(visit->value, i), position++) {
        const struct schema_at member = {visit->at, json_object_iter_key(i), json_object_iter_key_len(i), 0};
        if (!schema_marks_has(visit->marks, position)) {
            valid = schema_check_node(run, rule, json_object_iter_value(i), &member, NULL) && valid;
        }
    }
    visit->marks->all = true;
    return valid;
}

bool schema_check_object(struct schema_run *run, const struct schema_visit *visit)
{
    const struct schema_object_rules *rules = visit->node->object;
    const bool walks =
        rules->member_count > 0 || rules->pattern_count > 0 || rules->additional != NULL || rules->names != NULL;
    bool valid = check_sizes(run, visit);
    valid = (valid || !schema_check_is_over(run)) && check_dependencies(run, visit) && valid;
    if (walks && (valid || !schema_check_is_over(run))) {
        valid = check_members(run, visit) && valid;
    }
    if (rules->unevaluated != NULL && (valid || !schema_check_is_over(run))) {
        valid = check_unevaluated(run, visit) && valid;
    }
    return valid;
}
