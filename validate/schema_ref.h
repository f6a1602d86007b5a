/*
 * schema_ref - which subschema a reference names: resources by URI, anchors, JSON pointers. A part of the compiler; on the
 * thread that compiles.
 */
#ifndef PORTCULLIS_VALIDATE_SCHEMA_REF_H
#define PORTCULLIS_VALIDATE_SCHEMA_REF_H

#include "validate/schema_compile.h"

/* $id and $schema of a subschema, which say which keywords count. False: an error is set. */
bool schema_ref_enter_resource(struct schema_compiler *compiler, struct schema_node *node);

/* The anchors and references among the compiler's keywords, which are the node's. False: an error is set. */
bool schema_ref_enter(struct schema_compiler *compiler, struct schema_node *node);

/* The text in the schema's memory. NULL: an error is set. */
char *schema_ref_copy(struct schema_compiler *compiler, const char *text);

/* Finds what all references name that were met; compiles what they name and nobody had met. False: an error is set. */
bool schema_ref_resolve_all(struct schema_compiler *compiler);

#endif
