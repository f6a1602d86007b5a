/*
 * suggest - how near two names are, for "did you mean".
 *
 * Pure functions: any thread.
 */
#ifndef PORTCULLIS_CONFIG_SUGGEST_H
#define PORTCULLIS_CONFIG_SUGGEST_H

#include <stddef.h>

#define SUGGEST_NAME_MAX 64 /* bytes; longer names are near to nothing */

/* Insertions, removals, replacements and swaps of neighbours that turn `a` into `b` (case counts as one replacement): the
 * restricted Damerau-Levenshtein distance. SIZE_MAX when one of the two is longer than SUGGEST_NAME_MAX. */
size_t suggest_distance(const char *a, size_t a_size, const char *b, size_t b_size);

#endif
