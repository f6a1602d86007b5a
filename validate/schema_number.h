/*
 * schema_number - JSON numbers compared as the decimals that they were written as: 0.3 is a multiple of 0.1, 1 equals 1.0,
 * and an int64 is never rounded to compare it with a double. A double stands for the shortest decimal that reads as it.
 * Pure: any thread.
 */
#ifndef PORTCULLIS_VALIDATE_SCHEMA_NUMBER_H
#define PORTCULLIS_VALIDATE_SCHEMA_NUMBER_H

#include <stdbool.h>

#include <jansson.h>

/* Both must be numbers. Less than, equal to or greater than 0, as `left` is to `right`. */
int schema_number_compare(const json_t *left, const json_t *right);

/* Whether a number has no fraction (Core §4.2.3: 1.0 is an integer). */
bool schema_number_is_integer(const json_t *number);

/* Whether `number` is a multiple of `of`, which must be greater than 0. */
bool schema_number_is_multiple(const json_t *number, const json_t *of);

#endif
