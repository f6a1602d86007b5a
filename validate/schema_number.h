/*
 * schema_number - JSON numbers compared as the decimals that they were written as: 0.3 is a multiple of 0.1, 1 equals 1.0,
 * and an int64 is never rounded to compare it with a double. A double stands for the shortest decimal that reads as it; where
 * a text had another one, it was rounded, and json_numbers finds that out. Pure: any thread.
 */
#ifndef PORTCULLIS_VALIDATE_SCHEMA_NUMBER_H
#define PORTCULLIS_VALIDATE_SCHEMA_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/* Both must be numbers. Less than, equal to or greater than 0, as `left` is to `right`. */
int schema_number_compare(const json_t *left, const json_t *right);

/* Whether a number has no fraction (Core §4.2.3: 1.0 is an integer). */
bool schema_number_is_integer(const json_t *number);

/* Whether `number` is a multiple of `of`, which must be greater than 0. */
bool schema_number_is_multiple(const json_t *number, const json_t *of);

/* What dividing the two costs, and comparing them if they round alike, in units of some 10 ns. */
size_t schema_number_steps(const json_t *left, const json_t *right);

/* Whether the two are one double, so that if one of them was rounded, they may have been two decimals. */
bool schema_number_rounds_alike(const json_t *left, const json_t *right);

/* Whether the decimal `digits` * 10^exponent, of at most 17 digits, is the one that its double stands for. */
bool schema_number_is_held(uint64_t digits, int exponent);

/* Writes it for people: 5, 0.1, 1e300. `size` is at least SCHEMA_NUMBER_SIZE. */
#define SCHEMA_NUMBER_SIZE 32
void schema_number_print(const json_t *number, char *text, size_t size);

#endif
