/*
 * json_numbers - what becomes of the numbers of a JSON text when a parser keeps them as an int64 or a double.
 *
 * A double holds any decimal of 15 digits, and of those of 16 and 17 the ones that programs print for their doubles
 * (0.30000000000000004); others are rounded, in silence. Whoever compares numbers exactly has to know. Pure: any thread.
 */
#ifndef PORTCULLIS_VALIDATE_JSON_NUMBERS_H
#define PORTCULLIS_VALIDATE_JSON_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_numbers {
    JSON_NUMBERS_HELD,    /* all are what they say */
    JSON_NUMBERS_LONG,    /* some have 16 or 17 digits: json_numbers_are_held() decides */
    JSON_NUMBERS_ROUNDED, /* some have more digits than a double holds */
    JSON_NUMBERS_TINY     /* some are smaller than 1e-307, but not 0: too small for a double to be precise */
};

/* The last of them that is true of some number with a fraction or an exponent. The text must be JSON; of any other text, an
 * answer without a meaning. One pass. */
enum json_numbers json_numbers_scan(const uint8_t *bytes, size_t size);

/* Whether each number is the shortest decimal that reads as its double. Some microseconds for each of 16 or 17 digits. */
bool json_numbers_are_held(const uint8_t *bytes, size_t size);

#endif
