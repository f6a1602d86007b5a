/*
 * schema_compile - the state of one compilation, shared by the compiler's parts (schema_compile, schema_rules, schema_ref).
 * On the thread that compiles.
 */
#ifndef PORTCULLIS_VALIDATE_SCHEMA_COMPILE_H
#define PORTCULLIS_VALIDATE_SCHEMA_COMPILE_H

#include "validate/schema_node.h"

struct schema_pending {
    struct schema_pending *next;
    struct schema_node *node;
    const char *keyword; /* "$ref" or "$dynamicRef" */
    const char *reference;
};

struct schema_compiler {
    struct schema *schema;
    json_t *names; /* URI, or URI#anchor, or the address of a subschema's JSON: index into `nodes` */
    struct schema_node **nodes;
    size_t node_count;
    size_t node_room;
    struct schema_pending *pending;
    struct schema_error *error; /* filled when something fails */
    unsigned depth;
};

/* Where a subschema is: below parent, at keyword and key or index. */
struct schema_place {
    struct schema_node *parent; /* NULL: a document's root */
    const char *keyword;
    struct schema_text key;
    size_t index;
    bool indexed;
};

/* Compiles one subschema and what is below it. NULL: an error is set. */
struct schema_node *schema_compile_node(struct schema_compiler *compiler, json_t *source, struct schema_place place,
                                        struct schema_resource *resource);

/* The rules of the node's keywords; subschemas by schema_compile_node(). False: an error is set. */
bool schema_rules_read(struct schema_compiler *compiler, struct schema_node *node);

/* Takes zeroed memory that lives as long as the schema. NULL: an error is set. */
void *schema_compile_take(struct schema_compiler *compiler, size_t count, size_t size);
/* Hands over what schema_free() frees; on failure frees it, and an error is set. */
bool schema_compile_own(struct schema_compiler *compiler, struct pattern *pattern, json_t *document);
/* Adds a name for a node; false: it is taken, or no memory. */
bool schema_compile_name(struct schema_compiler *compiler, const char *name, const struct schema_node *node);
struct schema_node *schema_compile_find(const struct schema_compiler *compiler, const char *name);
struct schema_node *schema_compile_find_source(const struct schema_compiler *compiler, const json_t *source);

/* Sets the error and returns false. */
__attribute__((format(printf, 4, 5))) bool schema_compile_fail(struct schema_compiler *compiler,
                                                               const struct schema_node *node, const char *keyword,
                                                               const char *format, ...);
#endif
