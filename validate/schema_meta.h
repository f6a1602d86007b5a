/*
 * schema_meta - the meta-schemas of JSON Schema draft 2020-12, made from the table of keywords. Pure: any thread.
 */
#ifndef PORTCULLIS_VALIDATE_SCHEMA_META_H
#define PORTCULLIS_VALIDATE_SCHEMA_META_H

#include <stdbool.h>

#include <jansson.h>

/* Whether a meta-schema has that URI, which is without a fragment. */
bool schema_meta_exists(const char *uri);

/* That meta-schema, which must exist. Returns owned, or NULL without memory. */
__attribute__((warn_unused_result)) json_t *schema_meta_document(const char *uri);

#endif
