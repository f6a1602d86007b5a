/*
 * schema_meta - the meta-schemas of JSON Schema draft 2020-12, built in. Pure: any thread.
 */
#ifndef PORTCULLIS_VALIDATE_SCHEMA_META_H
#define PORTCULLIS_VALIDATE_SCHEMA_META_H

/* The JSON text of the meta-schema with that URI (without a fragment), or NULL. Lives as long as the program. */
const char *schema_meta_text(const char *uri);

#endif
