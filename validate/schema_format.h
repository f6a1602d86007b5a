/*
 * schema_format - the formats of JSON Schema (Validation §7.3), all of which are checked when formats decide. Pure: any thread.
 */
#ifndef PORTCULLIS_VALIDATE_SCHEMA_FORMAT_H
#define PORTCULLIS_VALIDATE_SCHEMA_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

enum schema_format {
    SCHEMA_FORMAT_NONE, /* unknown: anything goes */
    SCHEMA_FORMAT_DATE_TIME,
    SCHEMA_FORMAT_DATE,
    SCHEMA_FORMAT_TIME,
    SCHEMA_FORMAT_DURATION,
    SCHEMA_FORMAT_EMAIL,
    SCHEMA_FORMAT_IDN_EMAIL,
    SCHEMA_FORMAT_HOSTNAME,
    SCHEMA_FORMAT_IDN_HOSTNAME,
    SCHEMA_FORMAT_IPV4,
    SCHEMA_FORMAT_IPV6,
    SCHEMA_FORMAT_URI,
    SCHEMA_FORMAT_URI_REFERENCE,
    SCHEMA_FORMAT_URI_TEMPLATE,
    SCHEMA_FORMAT_IRI,
    SCHEMA_FORMAT_IRI_REFERENCE,
    SCHEMA_FORMAT_UUID,
    SCHEMA_FORMAT_JSON_POINTER,
    SCHEMA_FORMAT_RELATIVE_JSON_POINTER,
    SCHEMA_FORMAT_REGEX
};

enum schema_format schema_format_named(const char *name);

/* Whether the text, which is UTF-8, has the format. Only SCHEMA_FORMAT_REGEX allocates, and gives back. */
bool schema_format_check(enum schema_format format, const char *text, size_t size);

#endif
