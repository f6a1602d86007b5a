/*
 * schema_check_array - the rules for arrays. A part of the checker of schemas; any thread.
 */
#include "validate/schema_check.h"

#include <stdlib.h>

#include "validate/json_order.h"

#define FEW 12 /* up to here, comparing each with each is cheaper than to sort, and needs no memory */

static bool has_equal_pair(json_t *const *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (json_order(items[i - 1], items[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool check_unique(struct schema_run *run, const struct schema_node *node, json_t *value,
                         const struct schema_at *at)
{
    const size_t count = json_array_size(value);
    bool twice = false;
    if (!json_order_nests_within(value, SCHEMA_DEPTH_MAX)) {
        return schema_check_stop(run, node, "depth", at, "nests too deep");
    }
    if (count <= FEW) {
        for (size_t i = 0; i < count && !twice; i++) {
            for (size_t j = 0; j < i && !twice; j++) {
                twice = json_order(json_array_get(value, i), json_array_get(value, j)) == 0;
            }
        }
    } else {
        json_t **items = malloc(count * sizeof(json_t *));
        if (items == NULL) {
            return schema_check_stop(run, node, "memory", at, "no memory");
        }
        for (size_t i = 0; i < count; i++) {
            items[i] = json_array_get(value, i);
        }
        json_order_sort(items, count);
        twice = has_equal_pair(items, count);
        free(items);
    }
    return !twice || schema_check_fail(run, node, "uniqueItems", at, "has an item twice");
}

static bool check_sizes(struct schema_run *run, const struct schema_node *node, json_t *value,
                        const struct schema_at *at)
{
    const struct schema_array_rules *rules = node->array;
    const size_t count = json_array_size(value);
    bool valid = true;
    if (count < rules->min_items) {
        valid = schema_check_fail(run, node, "minItems", at, "has %zu items where at least %zu are expected", count,
                                  rules->min_items);
    }
    if (count > rules->max_items) {
        valid = schema_check_fail(run, node, "maxItems", at, "has %zu items where at most %zu are allowed", count,
                                  rules->max_items);
    }
    return valid;
}

static bool check_contains(struct schema_run *run, const struct schema_node *node, json_t *value,
                           const struct schema_at *at, struct schema_marks *marks)
{
    const struct schema_array_rules *rules = node->array;
    const size_t count = json_array_size(value);
    size_t found = 0;
    for (size_t i = 0; i < count && !run->stopped; i++) {
        const struct schema_at item = {.parent = at, .index = i};
        if (schema_check_quietly(run, rules->contains, json_array_get(value, i), &item, NULL)) {
            found++;
            if (marks != NULL) {
                schema_marks_set(marks, i);
            }
        }
    }
    if (found < rules->min_contains) {
        return schema_check_fail(run, node, rules->min_contains == 1 ? "contains" : "minContains", at,
                                 "has %zu items of a kind where at least %zu are expected", found, rules->min_contains);
    }
    return found <= rules->max_contains ||
           schema_check_fail(run, node, "maxContains", at, "has %zu items of a kind where at most %zu are allowed",
                             found, rules->max_contains);
}

static bool check_items(struct schema_run *run, const struct schema_node *node, json_t *value,
                        const struct schema_at *at, struct schema_marks *marks)
{
    const struct schema_array_rules *rules = node->array;
    const size_t count = json_array_size(value);
    const size_t last = rules->items != NULL || count < rules->prefix.count ? count : rules->prefix.count;
    bool valid = true;
    for (size_t i = 0; i < last && (valid || !schema_check_is_over(run)); i++) {
        const struct schema_at item = {.parent = at, .index = i};
        const struct schema_node *rule = i < rules->prefix.count ? rules->prefix.nodes[i] : rules->items;
        valid = schema_check_node(run, rule, json_array_get(value, i), &item, NULL) && valid;
        if (marks != NULL) {
            schema_marks_set(marks, i);
        }
    }
    return valid;
}

static bool check_unevaluated(struct schema_run *run, const struct schema_node *node, json_t *value,
                              const struct schema_at *at, struct schema_marks *marks)
{
    const size_t count = json_array_size(value);
    bool valid = true;
    for (size_t i = 0; i < count && (valid || !schema_check_is_over(run)); i++) {
        const struct schema_at item = {.parent = at, .index = i};
        if (!schema_marks_has(marks, i)) {
            valid = schema_check_node(run, node->array->unevaluated, json_array_get(value, i), &item, NULL) && valid;
        }
    }
    marks->all = true;
    return valid;
}

bool schema_check_array(struct schema_run *run, const struct schema_node *node, json_t *value,
                        const struct schema_at *at, struct schema_marks *marks)
{
    const struct schema_array_rules *rules = node->array;
    bool valid = check_sizes(run, node, value, at);
    valid = (valid || !schema_check_is_over(run)) && check_items(run, node, value, at, marks) && valid;
    if (rules->unique && (valid || !schema_check_is_over(run))) {
        valid = check_unique(run, node, value, at) && valid;
    }
    if (rules->contains != NULL && (valid || !schema_check_is_over(run))) {
        valid = check_contains(run, node, value, at, marks) && valid;
    }
    if (rules->unevaluated != NULL && (valid || !schema_check_is_over(run))) {
        valid = check_unevaluated(run, node, value, at, marks) && valid;
    }
    return valid;
}
