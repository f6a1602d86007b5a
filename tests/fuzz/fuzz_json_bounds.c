/*
 * fuzz_json_bounds - an input is two bytes, whose bits are the bounds, and a text. What the scan says is held against what jansson
 * makes of the same text, which is read from what jansson parsed.
 *
 * Aborts when a text passes that jansson takes and that is over a bound, or has a key twice; when a text is refused that jansson
 * takes and that is within them; or when an offset is not in the text.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <jansson.h>

#include "validate/json_bounds.h"

#define SIZE_BOUND 65536
#define MAX_DEPTH  12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it must hold in release builds, too. */
static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

struct extent {
    size_t depth;
    size_t keys;  /* of the object with most */
    size_t items; /* of the array with most */
};

static size_t most(size_t left, size_t right)
{
    return left > right ? left : right;
}

/* NOLINTBEGIN(misc-no-recursion): no deeper than jansson goes itself, and that on the main thread */
static void measure(const json_t *value, size_t depth, struct extent *extent)
{
    const char *key;
    json_t *member;
    size_t index;
    if (json_is_object(value)) {
        extent->keys = most(extent->keys, json_object_size(value));
        extent->depth = most(extent->depth, depth + 1);
        json_object_foreach((json_t *)(uintptr_t)value, key, member)
        {
            measure(member, depth + 1, extent);
        }
    } else if (json_is_array(value)) {
        extent->items = most(extent->items, json_array_size(value));
        extent->depth = most(extent->depth, depth + 1);
        json_array_foreach(value, index, member)
        {
            measure(member, depth + 1, extent);
        }
    }
}

/* NOLINTEND(misc-no-recursion) */

static bool is_over(size_t found, size_t bound)
{
    return bound > 0 && found > bound;
}

/* What passed, if it is JSON at all, is within all bounds. */
static void check_passed(const struct json_bounds *bounds, const char *text, size_t size)
{
    json_error_t error;
    struct extent extent = {0};
    json_t *value = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error);
    if (value != NULL) {
        measure(value, 0, &extent);
        require(extent.depth <= bounds->max_depth);
        require(!is_over(extent.keys, bounds->max_keys) && !is_over(extent.items, bounds->max_items));
        json_decref(value);
        value = json_loadb(text, size, JSON_DECODE_ANY, NULL);
        require(value != NULL || !bounds->refuse_escaped_nul);
        json_decref(value);
    } else {
        /* Keys of an object that never ends are not compared: then the text is no JSON, whatever jansson finds first. */
        value = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        require(value == NULL || json_error_code(&error) != json_error_duplicate_key || !bounds->refuse_duplicate_keys);
        json_decref(value);
    }
}

/* Why a text was refused that jansson takes. Without `strict`, what it dropped may be why. */
static void check_refused(const struct json_bounds *bounds, enum json_bounds_status status, const char *text,
                          size_t size)
{
    struct extent extent = {0};
    json_t *strict = json_loadb(text, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    json_t *value = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (value == NULL) {
        require(strict == NULL);
        return;
    }
    switch (status) {
    case JSON_BOUNDS_TOO_DEEP:
        measure(value, 0, &extent);
        require(extent.depth > bounds->max_depth || strict == NULL);
        break;
    case JSON_BOUNDS_TOO_MANY_KEYS:
        measure(value, 0, &extent);
        require(extent.keys > bounds->max_keys || strict == NULL);
        break;
    case JSON_BOUNDS_TOO_MANY_ITEMS:
        measure(value, 0, &extent);
        require(extent.items > bounds->max_items || strict == NULL);
        break;
    case JSON_BOUNDS_DUPLICATE_KEY:
    case JSON_BOUNDS_ESCAPED_NUL:
        require(strict == NULL);
        break;
    case JSON_BOUNDS_NUMBER_TOO_LONG:
    case JSON_BOUNDS_NUL: /* behind a number jansson 2.14 passes over it */
        break;
    case JSON_BOUNDS_OK:
    case JSON_BOUNDS_TOO_LARGE:
    case JSON_BOUNDS_BOM:
    case JSON_BOUNDS_UTF8:
    case JSON_BOUNDS_LONE_SURROGATE:
    case JSON_BOUNDS_NO_MEMORY:
        require(false); /* jansson takes none of these */
    }
    json_decref(strict);
    json_decref(value);
}

/* What jansson finds is what bounds let pass exactly. */
static void check_depth(const char *text, size_t size)
{
    struct extent extent = {0};
    const struct json_bounds deepest = {.max_size = SIZE_BOUND, .max_depth = MAX_DEPTH};
    if (json_bounds_check(&deepest, (const uint8_t *)text, size) != JSON_BOUNDS_OK) {
        return;
    }
    json_t *value = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
    if (value == NULL) {
        return;
    }
    measure(value, 0, &extent);
    require(extent.depth <= MAX_DEPTH);
    const struct json_bounds exact = {.max_size = SIZE_BOUND,
                                      .max_depth = extent.depth,
                                      .max_keys = most(extent.keys, 1),
                                      .max_items = most(extent.items, 1),
                                      .refuse_duplicate_keys = true,
                                      .refuse_lone_surrogates = true};
    require(json_bounds_check(&exact, (const uint8_t *)text, size) == JSON_BOUNDS_OK);
    if (extent.depth > 0) {
        const struct json_bounds less = {.max_size = SIZE_BOUND, .max_depth = extent.depth - 1};
        require(json_bounds_check(&less, (const uint8_t *)text, size) == JSON_BOUNDS_TOO_DEEP);
    }
    json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size - 2 > SIZE_BOUND) {
        return 0;
    }
    const struct json_bounds bounds = {
        .max_size = SIZE_BOUND,
        .max_depth = MAX_DEPTH,
        .max_keys = data[0] & 15,
        .max_items = data[0] >> 4,
        .max_number_size = data[1] & 31,
        .refuse_duplicate_keys = (data[1] & 32) != 0,
        .refuse_lone_surrogates = (data[1] & 64) != 0,
        .refuse_escaped_nul = (data[1] & 128) != 0,
    };
    const char *text = (const char *)data + 2;
    size -= 2;
    size_t offset = 0;
    const enum json_bounds_status status = json_bounds_find(&bounds, data + 2, size, &offset);
    require(json_bounds_check(&bounds, data + 2, size) == status);
    if (status == JSON_BOUNDS_OK) {
        check_passed(&bounds, text, size);
    } else {
        require(offset < size);
        check_refused(&bounds, status, text, size);
    }
    check_depth(text, size);
    return 0;
}
