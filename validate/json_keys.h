/*
 * json_keys - whether an object has a key twice. A part of `json_bounds`, and called by nothing else. Pure: any thread.
 *
 * Keys are sorted by a hash, and where that is the same, by themselves. So the hash needs no secret: whoever prepares keys of one
 * hash has them compared letter by letter, n log n times at most.
 */
#ifndef PORTCULLIS_VALIDATE_JSON_KEYS_H
#define PORTCULLIS_VALIDATE_JSON_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_KEYS_FEW 16

struct json_key {
    uint64_t hash;
    size_t offset; /* of its opening quote in the text */
};

/* Text that is well-formed UTF-8; whether strings in it are closed, or escapes right, does not matter. */
struct json_text {
    const uint8_t *bytes;
    size_t size;
};

struct json_key json_key_make(const struct json_text *text, size_t offset);

/* The offset of the first key, as the text goes, that had been there before. Changes the order of the keys; needs room for `count`
 * more in `spare` where they are more than JSON_KEYS_FEW. O(size of all keys * log count). */
__attribute__((warn_unused_result)) bool json_keys_find_twice(const struct json_text *text, struct json_key *keys,
                                                              size_t count, struct json_key *spare, size_t *offset_r);

/* The value of the four hexadecimal digits at `offset`, or -1. */
int32_t json_hexadecimal(const struct json_text *text, size_t offset);

#endif
