/*
 * schema_check_array - the rules for arrays. A part of the checker of schemas; any thread.
 */
#include "validate/schema_check.h"

#include <stdlib.h>

/* Room for two arrays of pointers to `count` items; NULL without memory. */
static json_t **take_items(struct schema_scratch *scratch, size_t count)
{
    if (count > SIZE_MAX / (2 * sizeof(json_t *))) {
        return NULL;
    }
    if (2 * count > scratch->item_room) {
        free(scratch->items);
        scratch->items = malloc(2 * count * sizeof(json_t *));
        scratch->item_room = scratch->items != NULL ? 2 * count : 0;
    }
    return scratch->items;
}

/* One large array does not leave its size behind. */
static void give_back_items(struct schema_scratch *scratch)
{
    if (scratch->item_room > SCHEMA_ITEMS_KEPT) {
        free(scratch->items);
        scratch->items = NULL;
        scratch->item_room = 0;
    }
}

SCHEMA_OWN_FRAME static bool check_unique(struct schema_run *run, const struct schema_visit *visit)
{
    const size_t count = json_array_size(visit->value);
    bool twice = false;
    if (count < 2) {
        return true;
    }
    if (!schema_check_pay(run, visit, count)) {
        return false;
    }
    json_t **items = take_items(run->scratch, count);
    if (items == NULL) {
        return schema_check_stop(run, visit, "memory", "no memory");
    }
    do {
        for (size_t i = 0; i < count; i++) {
            items[i] = json_array_get(visit->value, i);
        }
        run->bounds.depth_left = schema_check_depth_left(run);
        twice = json_order_has_twice(items, items + count, count, &run->bounds);
    } while (schema_check_again(run, visit));
    give_back_items(run->scratch);
    return !run->stopped && (!twice || schema_check_fail(run, visit, "uniqueItems", "has an item twice"));
}

SCHEMA_OWN_FRAME static bool check_sizes(struct schema_run *run, const struct schema_visit *visit)
{
    const struct schema_array_rules *rules = visit->node->array;
    const size_t count = json_array_size(visit->value);
    bool valid = true;
    if (count < rules->min_items) {
        valid = schema_check_fail(run, visit, "minItems", "has %zu items where at least %zu are expected", count,
                                  rules->min_items);
    }
    if (count > rules->max_items) {
        valid = schema_check_fail(run, visit, "maxItems", "has %zu items where at most %zu are allowed", count,
                                  rules->max_items);
    }
    return valid;
}

SCHEMA_OWN_FRAME static bool check_contains(struct schema_run *run, const struct schema_visit *visit)
{
    const struct schema_array_rules *rules = visit->node->array;
    const size_t count = json_array_size(visit->value);
    size_t found = 0;
    for (size_t i = 0; i < count && !run->stopped; i++) {
        const struct schema_at item = {.parent = visit->at, .index = i};
        if (schema_check_quietly(run, rules->contains, json_array_get(visit->value, i), &item, NULL)) {
            found++;
            if (visit->marks != NULL) {
                schema_marks_set(visit->marks, i);
            }
        }
    }
    if (found < rules->min_contains) {
        return schema_check_fail(run, visit, rules->min_contains == 1 ? "contains" : "minContains",
                                 "has %zu items of a kind where at least %zu are expected", found, rules->min_contains);
    }
    return found <= rules->max_contains ||
           schema_check_fail(run, visit, "maxContains", "has %zu items of a kind where at most %zu are allowed", found,
                             rules->max_contains);
}

static bool check_items(struct schema_run *run, const struct schema_visit *visit)
{
    const struct schema_array_rules *rules = visit->node->array;
    const size_t count = json_array_size(visit->value);
    const size_t end = rules->items != NULL || count < rules->prefix.count ? count : rules->prefix.count;
    bool valid = true;
    for (size_t i = 0; i < end && (valid || !schema_check_is_over(run)); i++) {
        const struct schema_at item = {.parent = visit->at, .index = i};
        const struct schema_node *rule = i < rules->prefix.count ? rules->prefix.nodes[i] : rules->items;
        valid = schema_check_node(run, rule, json_array_get(visit->value, i), &item, NULL) && valid;
        if (visit->marks != NULL) {
            schema_marks_set(visit->marks, i);
        }
    }
    return valid;
}

SCHEMA_OWN_FRAME static bool check_unevaluated(struct schema_run *run, const struct schema_visit *visit)
{
    const size_t count = json_array_size(visit->value);
    const struct schema_node *rule = visit->node->array->unevaluated;
    bool valid = schema_check_pay(run, visit, count * SCHEMA_COST_ITEM);
    for (size_t i = 0; i < count && (valid || !schema_check_is_over(run)); i++) {
        const struct schema_at item = {.parent = visit->at, .index = i};
        if (!schema_marks_has(visit->marks, i)) {
            valid = schema_check_node(run, rule, json_array_get(visit->value, i), &item, NULL) && valid;
        }
    }
    visit->marks->all = true;
    return valid;
}

bool schema_check_array(struct schema_run *run, const struct schema_visit *visit)
{
    const struct schema_array_rules *rules = visit->node->array;
    bool valid = check_sizes(run, visit);
    valid = (valid || !schema_check_is_over(run)) && check_items(run, visit) && valid;
    if (rules->unique && (valid || !schema_check_is_over(run))) {
        valid = check_unique(run, visit) && valid;
    }
    if (rules->contains != NULL && (valid || !schema_check_is_over(run))) {
        valid = check_contains(run, visit) && valid;
    }
    if (rules->unevaluated != NULL && (valid || !schema_check_is_over(run))) {
        valid = check_unevaluated(run, visit) && valid;
    }
    return valid;
}
