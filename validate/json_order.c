/*
 * json_order - a total order of JSON values. Called by the compiler and the checker of schemas; any thread.
 *
 * Objects are ordered as if their members were sorted by key and the two lists compared. Instead of sorting, the least key is
 * looked for at which they differ: a walk of the one with look-ups in the other.
 */
#include "validate/json_order.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "validate/schema_number.h"

#define BYTES_A_STEP 64 /* of two strings compared */
#define MEMBER_STEPS 2  /* a look-up in a hash table */

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

static bool pay(struct json_order_bounds *bounds, size_t steps)
{
    if (bounds->fault == JSON_ORDER_DECIDED && steps > bounds->steps_left) {
        bounds->steps_left = 0;
        bounds->fault = JSON_ORDER_STEPS;
    }
    if (bounds->fault != JSON_ORDER_DECIDED) {
        return false;
    }
    bounds->steps_left -= steps;
    return true;
}

static int order_numbers(const json_t *left, const json_t *right, struct json_order_bounds *bounds)
{
    const bool real = json_is_real(left) || json_is_real(right);
    if (real && bounds->rounded && schema_number_rounds_alike(left, right)) {
        bounds->fault = JSON_ORDER_ROUNDED;
        return 0;
    }
    const bool close = json_typeof(left) != json_typeof(right) && schema_number_rounds_alike(left, right);
    return !close || pay(bounds, schema_number_steps(left, right)) ? schema_number_compare(left, right) : 0;
}

static int order_strings(const json_t *left, const json_t *right, struct json_order_bounds *bounds)
{
    const size_t left_size = json_string_length(left);
    const size_t right_size = json_string_length(right);
    const size_t shorter = left_size < right_size ? left_size : right_size;
    if (!pay(bounds, shorter / BYTES_A_STEP)) {
        return 0;
    }
    return order_bytes(json_string_value(left), left_size, json_string_value(right), right_size);
}

/* NOLINTBEGIN(misc-no-recursion): bounded by depth_left, or by the depth that is asked for */
static int order_arrays(json_t *left, json_t *right, struct json_order_bounds *bounds)
{
    const size_t count = json_array_size(left);
    int order = order_sizes(count, json_array_size(right));
    for (size_t i = 0; i < count && order == 0 && bounds->fault == JSON_ORDER_DECIDED; i++) {
        order = json_order_within(json_array_get(left, i), json_array_get(right, i), bounds);
    }
    return order;
}

/* Of one size, so that if each member of `left` has its equal in `right`, the two are equal; and if not, the least key at
 * which they differ is in `left` or, absent from it, in `right`. */
static int order_objects(json_t *left, json_t *right, struct json_order_bounds *bounds)
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
        if (!pay(bounds, MEMBER_STEPS + key_size / BYTES_A_STEP)) {
            return 0;
        }
        if (least != NULL &&
            order_bytes(key, key_size, least, least_size) > 0) { // NOLINT(readability-suspicious-call-argument)
            continue;
        }
        json_t *other = json_object_getn(right, key, key_size);
        const int here = other == NULL ? 1 : json_order_within(json_object_iter_value(i), other, bounds);
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
        if (!pay(bounds, MEMBER_STEPS + key_size / BYTES_A_STEP)) {
            return 0;
        }
        // NOLINTNEXTLINE(readability-suspicious-call-argument)
        if (order_bytes(key, key_size, least, least_size) < 0 && json_object_getn(left, key, key_size) == NULL) {
            return -1; /* where `left` lacks it: absent is less than present */
        }
    }
    return order;
}

static int order_containers(json_t *left, json_t *right, struct json_order_bounds *bounds)
{
    if (bounds->depth_left == 0) {
        bounds->fault = JSON_ORDER_DEPTH;
        return 0;
    }
    bounds->depth_left--;
    const int order = json_is_array(left) ? order_arrays(left, right, bounds) : order_objects(left, right, bounds);
    bounds->depth_left++;
    return order;
}

int json_order_within(json_t *left, json_t *right, struct json_order_bounds *bounds)
{
    if (!pay(bounds, 1)) {
        return 0;
    }
    const enum rank rank = rank_of(left);
    const enum rank other = rank_of(right);
    if (rank != other) {
        return rank < other ? -1 : 1;
    }
    switch (rank) {
    case RANK_NUMBER:
        return order_numbers(left, right, bounds);
    case RANK_STRING:
        return order_strings(left, right, bounds);
    case RANK_ARRAY:
    case RANK_OBJECT:
        return order_containers(left, right, bounds);
    case RANK_NULL:
    case RANK_FALSE:
    case RANK_TRUE:
        break;
    }
    return 0;
}

/* NOLINTEND(misc-no-recursion) */

int json_order(json_t *left, json_t *right)
{
    struct json_order_bounds unbounded = {.steps_left = UINT64_MAX, .depth_left = UINT_MAX};
    return json_order_within(left, right, &unbounded);
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

bool json_order_contains(json_t *const *sorted, size_t count, json_t *value, struct json_order_bounds *bounds)
{
    size_t from = 0;
    while (from < count && bounds->fault == JSON_ORDER_DECIDED) {
        const size_t middle = from + (count - from) / 2;
        const int order = json_order_within(value, sorted[middle], bounds);
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

/* Merges from[start, middle) and from[middle, end), each sorted, into to[start, end). True: two are equal, or a fault. Of two
 * equals in different halves, one is compared with the other before either is put. */
static bool merge(json_t *const *from, json_t **to, size_t start, size_t middle, size_t end,
                  struct json_order_bounds *bounds)
{
    size_t left = start;
    size_t right = middle;
    size_t put = start;
    int order = middle < end ? json_order_within(from[middle - 1], from[middle], bounds) : -1;
    if (order < 0) { /* in order already, as a whole */
        memcpy(to + start, from + start, (end - start) * sizeof(json_t *));
        return false;
    }
    while (left < middle && right < end && order != 0) {
        order = json_order_within(from[left], from[right], bounds);
        to[put++] = order < 0 ? from[left++] : from[right++];
    }
    memcpy(to + put, from + left, (middle - left) * sizeof(json_t *));
    put += middle - left;
    memcpy(to + put, from + right, (end - right) * sizeof(json_t *));
    return order == 0;
}

bool json_order_has_twice(json_t **values, json_t **spare, size_t count, struct json_order_bounds *bounds)
{
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t start = 0; start < count; start += 2 * width) {
            const size_t left = count - start;
            const size_t middle = start + (left < width ? left : width);
            const size_t end = start + (left < 2 * width ? left : 2 * width);
            if (merge(values, spare, start, middle, end, bounds)) {
                return bounds->fault == JSON_ORDER_DECIDED;
            }
        }
        json_t **sorted = spare;
        spare = values;
        values = sorted;
    }
    return false;
}

/* NOLINTBEGIN(misc-no-recursion) */
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

size_t json_order_weigh(json_t *value, size_t depth)
{
    if (!json_is_array(value) && !json_is_object(value)) {
        return json_is_string(value) ? json_string_length(value) + 2 : 1;
    }
    size_t weight = 2;
    for (size_t i = 0; depth > 0 && i < json_array_size(value); i++) {
        weight += json_order_weigh(json_array_get(value, i), depth - 1) + (i > 0 ? 1 : 0);
    }
    for (void *i = depth > 0 ? json_object_iter(value) : NULL; i != NULL; i = json_object_iter_next(value, i)) {
        weight += json_object_iter_key_len(i) + 3 + json_order_weigh(json_object_iter_value(i), depth - 1);
    }
    return weight;
}
/* NOLINTEND(misc-no-recursion) */
