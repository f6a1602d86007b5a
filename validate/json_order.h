/*
 * json_order - a total order of JSON values, in which equal means what JSON Schema means by it (Core §4.2.2): numbers by value
 * (1 equals 1.0), objects whatever their members' order. It makes sets of values searchable and duplicates neighbours without
 * a hash that somebody could aim at. Pure: any thread.
 */
#ifndef PORTCULLIS_VALIDATE_JSON_ORDER_H
#define PORTCULLIS_VALIDATE_JSON_ORDER_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* Less than, equal to or greater than 0. Recurses as deep as the shallower of the two nests. */
int json_order(json_t *left, json_t *right);

/* Sorts an array of pointers. */
void json_order_sort(json_t **values, size_t count);

/* Whether the sorted array has an equal of `value`. */
bool json_order_contains(json_t *const *sorted, size_t count, json_t *value);

/* Whether `value` nests at most `depth` arrays and objects. */
bool json_order_nests_within(json_t *value, size_t depth);

#endif
