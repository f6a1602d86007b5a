/*
 * pattern_translate - a pattern of ECMA-262 in the syntax of PCRE2. Pure: any thread.
 */
#ifndef PORTCULLIS_VALIDATE_PATTERN_TRANSLATE_H
#define PORTCULLIS_VALIDATE_PATTERN_TRANSLATE_H

#include <stddef.h>

/* Returns owned, for free(), with its size, without the NUL that ends it, in size_r. NULL: not a pattern of ECMA-262, *reason_r (static) says why and *offset_r
 * where in `text`; or, with *reason_r NULL, no memory. */
__attribute__((warn_unused_result)) char *pattern_translate(const char *text, size_t size, size_t *size_r,
                                                            const char **reason_r, size_t *offset_r);

/* Where in `text`, which can be translated, that stands which became what is at `offset` of the translation. Without memory: 0. */
size_t pattern_translate_origin(const char *text, size_t size, size_t offset);

#endif
