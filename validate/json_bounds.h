/*
 * json_bounds - what JSON text from outside must not exceed before a parser sees a byte of it: size, nesting, members, length of
 * numbers; and what no text may have that two parsers could read in two ways: keys that occur twice, lone surrogates, NUL.
 *
 * It is no check of syntax. What holds is: whatever a parser of JSON (RFC 8259) accepts of a text that passed keeps the bounds, and
 * it never nests deeper, however much of the text the parser reads before it gives up. Without recursion, in one pass, in
 * O(size log size) at worst. Pure: any thread.
 *
 * Memory, besides some 2 KiB of stack, is asked for only where members are bounded or keys are compared, and there are many: 24 bytes for each level
 * beyond 32 that is open at a time, and 16 for each key of the objects that are, and as much again to
 * sort those of one; doubled as it grows.
 */
#ifndef PORTCULLIS_VALIDATE_JSON_BOUNDS_H
#define PORTCULLIS_VALIDATE_JSON_BOUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_bounds {
    size_t max_size;  /* bytes */
    size_t max_depth; /* of arrays and objects inside one another; 1 allows [] but not [[]] */

    /* 0: any. What is not named in an initializer is not looked at. */
    size_t max_keys;        /* of one object */
    size_t max_items;       /* of one array */
    size_t max_number_size; /* characters of one number: sign, digits, dot and exponent */

    bool
        refuse_duplicate_keys; /* of one object, compared as they are when escapes are read; RFC 8259 §4, RFC 7493 §2.3 */
    bool refuse_lone_surrogates; /* \uD800 to \uDFFF without its other half; RFC 8259 §8.2, RFC 7493 §2.1 */
    bool refuse_escaped_nul;     /* \u0000, which cuts strings in C */
};

/* Name, label for machines, sentence for people, which says where: the offset. */
#define JSON_BOUNDS_TABLE(X)                                                                                     \
    X(OK, "ok", "Within all bounds.")                                                                            \
    X(TOO_LARGE, "too_large", "The text is too large.")                        /* the first byte too many */     \
    X(NUL, "nul", "The text has a NUL byte.")                                  /* it */                          \
    X(BOM, "bom", "The text starts with a byte order mark.")                   /* 0; RFC 8259 §8.1 */           \
    X(UTF8, "utf8", "The text is not UTF-8.")                                  /* the sequence; §8.1 */         \
    X(TOO_DEEP, "too_deep", "Arrays or objects are nested too deep.")          /* the opening bracket */         \
    X(TOO_MANY_KEYS, "too_many_keys", "An object has too many keys.")          /* the key too many */            \
    X(TOO_MANY_ITEMS, "too_many_items", "An array has too many items.")        /* the comma before it */         \
    X(NUMBER_TOO_LONG, "number_too_long", "A number has too many characters.") /* its first */                   \
    X(DUPLICATE_KEY, "duplicate_key", "An object has a key twice.") /* the object's first that had been there */ \
    X(LONE_SURROGATE, "lone_surrogate", "A string has half of a surrogate pair.") /* the backslash */            \
    X(ESCAPED_NUL, "escaped_nul", "A string has an escaped NUL.")                 /* the backslash */            \
    X(NO_MEMORY, "no_memory", "There is no memory to check the text.")

enum json_bounds_status {
#define JSON_BOUNDS_NAME(name, label, sentence) JSON_BOUNDS_##name,
    JSON_BOUNDS_TABLE(JSON_BOUNDS_NAME)
#undef JSON_BOUNDS_NAME
};

__attribute__((warn_unused_result)) enum json_bounds_status json_bounds_check(const struct json_bounds *bounds,
                                                                              const uint8_t *bytes, size_t size);

/* The same; tells where, too. `offset_r` is left alone when the result is OK or NO_MEMORY. What concerns the whole text (size, NUL,
 * BOM, UTF-8) is looked at first, in this order; then the first fault is told, where an object's keys are compared at its end. */
__attribute__((warn_unused_result)) enum json_bounds_status
json_bounds_find(const struct json_bounds *bounds, const uint8_t *bytes, size_t size, size_t *offset_r);

/* Static text. */
const char *json_bounds_label(enum json_bounds_status status);
const char *json_bounds_sentence(enum json_bounds_status status);

#endif
