/*
 * json_order - a total order of JSON values. Called by the compiler and the checker of schemas; any thread.
 *
 * Objects are ordered as if their members were sorted by key and the two lists compared. Instead of sorting, the least key is
 * looked for at which they differ: a walk of the one with look-ups in the other.
 */
#include "validate/json_order.h"

#include <stdlib.h>
#include <string.h>

#include "validate/schema_number.h"

enum rank { RANK_NULL, RANK_FALSE, RANK_TRUE, RANK_NUMBER, RANK_STRING, RANK_ARRAY, RANK_OBJECT };

static enum rank rank_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return RANK_OBJECT;
    case JSON_ARRAY:
        return RANK_ARRAY;
    case JSON_STRING:
        return RANK_STRING;
    case JSON_INTEGER:
    case JSON_REAL:
        return RANK_NUMBER;
    case JSON_TRUE:
        return RANK_TRUE;
    case JSON_FALSE:
        return RANK_FALSE;
    case JSON_NULL:
        break;
    }
    return RANK_NULL;
}

static int order_sizes(size_t left, size_t right)
{
    return (left > right) - (left < right);
}

static int order_bytes(const char *left, size_t left_size, const char *right, size_t right_size)
{
    const int order = memcmp(left, right, left_size < right_size ? left_size : right_size);
    return order != 0 ? order : order_sizes(left_size, right_size);
}

static int order_arrays(json_t *left, json_t *right)
{
    const size_t count = json_array_size(left);
    int order = order_sizes(count, json_array_size(right));
    for (size_t i = 0; i < count && order == 0; i++) {
        order = json_order(json_array_get(left, i), json_array_get(right, i));
    }
    return order;
}

/* Of one size, so that if each member of `left` has its equal in `right`, the two are equal; and if not, the least key at
 * which they differ is in `left` or, absent from it, in `right`. */
static int order_objects(json_t *left, json_t *right)
{
    const char *least = NULL;
    size_t least_size = 0;
    int order = order_sizes(json_object_size(left), json_object_size(right));
    if (order != 0) {
        return order;
    }
    for (void *i = json_object_iter(left); i != NULL; i = json_object_iter_next(left, i)) {
        const char *key = json_object_iter_key(i);
        const size_t key_size = json_object_iter_key_len(i);
        if (least != NULL && order_bytes(key, key_size, least, least_size) > 0) {
            continue;
        }
        json_t *other = json_object_getn(right, key, key_size);
        const int here = other == NULL ? 1 : json_order(json_object_iter_value(i), other);
        if (here != 0) {
            order = here;
            least = key;
            least_size = key_size;
        }
    }
    if (least == NULL) {
        return 0;
    }
    for (void *i = json_object_iter(right); i != NULL; i = json_object_iter_next(right, i)) {
        const char *key = json_object_iter_key(i);
        const size_t key_size = json_object_iter_key_len(i);
        if (order_bytes(key, key_size, least, least_size) < 0 && json_object_getn(left, key, key_size) == NULL) {
            return -1; /* where `left` lacks it: absent is less than present */
        }
    }
    return order;
}

int json_order(json_t *left, json_t *right)
{
    const enum rank rank = rank_of(left);
    const enum rank other = rank_of(right);
    if (rank != other) {
        return rank < other ? -1 : 1;
    }
    switch (rank) {
    case RANK_NUMBER:
        return schema_number_compare(left, right);
    case RANK_STRING:
        return order_bytes(json_string_value(left), json_string_length(left), json_string_value(right),
                           json_string_length(right));
    case RANK_ARRAY:
        return order_arrays(left, right);
    case RANK_OBJECT:
        return order_objects(left, right);
    case RANK_NULL:
    case RANK_FALSE:
    case RANK_TRUE:
        break;
    }
    return 0;
}

static int order_pointed(const void *left, const void *right)
{
    return json_order(*(json_t *const *)left, *(json_t *const *)right);
}

void json_order_sort(json_t **values, size_t count)
{
    if (count > 1) {
        qsort(values, count, sizeof(*values), order_pointed); // NOLINT(bugprone-sizeof-expression)
    }
}

bool json_order_contains(json_t *const *sorted, size_t count, json_t *value)
{
    size_t from = 0;
    while (from < count) {
        const size_t middle = from + (count - from) / 2;
        const int order = json_order(value, sorted[middle]);
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            count = middle;
        } else {
            from = middle + 1;
        }
    }
    return false;
}

bool json_order_nests_within(json_t *value, size_t depth)
{
    if (!json_is_array(value) && !json_is_object(value)) {
        return true;
    }
    if (depth == 0) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (!json_order_nests_within(json_array_get(value, i), depth - 1)) {
            return false;
        }
    }
    void *i = json_object_iter(value);
    for (; i != NULL && json_order_nests_within(json_object_iter_value(i), depth - 1);) {
        i = json_object_iter_next(value, i);
    }
    return i == NULL;
}
