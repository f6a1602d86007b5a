/*
 * json_bounds - what JSON text from outside must not exceed before a parser sees a byte of it: size, nesting, and bytes that
 * no JSON text has.
 *
 * It is no check of syntax. What holds is: whatever a parser of JSON (RFC 8259) accepts of a text that passed, it never nests
 * deeper than the bound, however much of the text it reads before it gives up. Without recursion, in one pass. Pure: any
 * thread.
 */
#ifndef PORTCULLIS_VALIDATE_JSON_BOUNDS_H
#define PORTCULLIS_VALIDATE_JSON_BOUNDS_H

#include <stddef.h>
#include <stdint.h>

struct json_bounds {
    size_t max_size;  /* bytes */
    size_t max_depth; /* of arrays and objects inside one another; 1 allows [] but not [[]] */
};

enum json_bounds_status {
    JSON_BOUNDS_OK,
    JSON_BOUNDS_TOO_LARGE,
    JSON_BOUNDS_NUL,
    JSON_BOUNDS_UTF8, /* RFC 8259 §8.1 */
    JSON_BOUNDS_TOO_DEEP
};

__attribute__((warn_unused_result)) enum json_bounds_status json_bounds_check(const struct json_bounds *bounds,
                                                                              const uint8_t *bytes, size_t size);

#endif
