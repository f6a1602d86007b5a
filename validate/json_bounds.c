/*
 * json_bounds - the scan in front of JSON parsers. Called by whoever hands bytes from outside to one; any thread.
 *
 * Brackets are counted outside strings only. Up to the first error of syntax, this scan and a parser agree on what is a
 * string; at that error the parser stops, so what is counted behind it refuses too much at worst, never too little.
 */
#include "validate/json_bounds.h"

#include <stdbool.h>
#include <string.h>

#include "validate/utf8.h"

static bool nests_deeper(const uint8_t *bytes, size_t size, size_t max_depth)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < size; i++) {
        const uint8_t byte = bytes[i];
        if (in_string) {
            if (byte == '\\') {
                i++; /* whatever is escaped, it does not end the string */
            } else if (byte == '"') {
                in_string = false;
            }
        } else if (byte == '"') {
            in_string = true;
        } else if (byte == '[' || byte == '{') {
            if (depth == max_depth) {
                return true;
            }
            depth++;
        } else if ((byte == ']' || byte == '}') && depth > 0) {
            depth--;
        }
    }
    return false;
}

enum json_bounds_status json_bounds_check(const struct json_bounds *bounds, const uint8_t *bytes, size_t size)
{
    if (size > bounds->max_size) {
        return JSON_BOUNDS_TOO_LARGE;
    }
    if (size > 0 && memchr(bytes, '\0', size) != NULL) {
        return JSON_BOUNDS_NUL;
    }
    if (!utf8_valid(bytes, size)) {
        return JSON_BOUNDS_UTF8;
    }
    return nests_deeper(bytes, size, bounds->max_depth) ? JSON_BOUNDS_TOO_DEEP : JSON_BOUNDS_OK;
}
