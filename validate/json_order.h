/*
 * json_order - a total order of JSON values, in which equal means what JSON Schema means by it (Core §4.2.2): numbers by value
 * (1 equals 1.0), objects whatever their members' order. It makes sets of values searchable and duplicates neighbours without
 * a hash that somebody could aim at. Pure: any thread.
 */
#ifndef PORTCULLIS_VALIDATE_JSON_ORDER_H
#define PORTCULLIS_VALIDATE_JSON_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

enum json_order_fault {
    JSON_ORDER_DECIDED,
    JSON_ORDER_STEPS,  /* none were left */
    JSON_ORDER_DEPTH,  /* both nest deeper than was allowed */
    JSON_ORDER_ROUNDED /* two numbers are one double, which may have been two decimals */
};

/* What comparing may cost, and whether it came to an end. With a fault set nothing is compared any more, and the results of
 * what met it mean nothing. */
struct json_order_bounds {
    uint64_t steps_left; /* a value compared is one, a member of an object two more, and 64 bytes of a string or key */
    unsigned depth_left; /* arrays and objects within one another */
    bool rounded;        /* doubles may stand for decimals that they do not hold */
    enum json_order_fault fault;
};

/* Less than, equal to or greater than 0. Recurses as deep as the shallower of the two nests. */
int json_order(json_t *left, json_t *right);
int json_order_within(json_t *left, json_t *right, struct json_order_bounds *bounds);

/* Sorts an array of pointers. */
void json_order_sort(json_t **values, size_t count);

/* Whether the sorted array has an equal of `value`. */
bool json_order_contains(json_t *const *sorted, size_t count, json_t *value, struct json_order_bounds *bounds);

/* Whether two of the values are equal; in at most count * log2(count) + count comparisons. Changes their order; `spare` has
 * room for as many. */
bool json_order_has_twice(json_t **values, json_t **spare, size_t count, struct json_order_bounds *bounds);

/* Whether `value` nests at most `depth` arrays and objects. */
bool json_order_nests_within(json_t *value, size_t depth);

/* The least number of bytes that a text of `value` has; of what nests deeper than `depth`, nothing is counted. */
size_t json_order_weigh(json_t *value, size_t depth);

#endif
