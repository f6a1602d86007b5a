/*
 * pattern_property - the long names that ECMA-262 (Table 70) has for Unicode's general categories, which PCRE2 knows by the short
 * ones. Pure: any thread.
 */
#ifndef PORTCULLIS_VALIDATE_PATTERN_PROPERTY_H
#define PORTCULLIS_VALIDATE_PATTERN_PROPERTY_H

#include <stddef.h>

/* The short name (static), or NULL: this is no long one. */
const char *pattern_property_category(const char *name, size_t size);

#endif
