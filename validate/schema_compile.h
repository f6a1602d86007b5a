/*
 * schema_compile - the state of one compilation, shared by the compiler's parts (schema_compile, schema_rules, schema_ref).
 * On the thread that compiles.
 */
#ifndef PORTCULLIS_VALIDATE_SCHEMA_COMPILE_H
#define PORTCULLIS_VALIDATE_SCHEMA_COMPILE_H

#include "validate/schema_keyword.h"
#include "validate/schema_node.h"

/* What one schema may consist of. Real ones stay far below; each bound keeps what is made of a document within a multiple of its
 * size, and so the time. */
#define SCHEMA_NODES_MAX         1000000
#define SCHEMA_RESOURCES_MAX     65536
#define SCHEMA_URI_MAX           512   /* bytes of a resource's URI: each reference from it is resolved in a copy */
#define SCHEMA_ANCHORS_MAX       64    /* dynamic ones of one resource: each check with $dynamicRef looks at them */
#define SCHEMA_PATTERNS_MAX      16384 /* different ones */
#define SCHEMA_PATTERNS_SIZE_MAX ((size_t)64 << 20) /* bytes, compiled: "(abc){1000}" is short as a text only */

struct schema_pending {
    struct schema_pending *next;
    struct schema_node *node;
    const char *keyword; /* "$ref" or "$dynamicRef" */
    const char *reference;
};

struct schema_compiler {
    struct schema *schema;
    const struct schema_options *options;
    json_t *names;         /* URI, or number of a resource#anchor: index into `nodes` */
    json_t *places;        /* address of a subschema's JSON, as text: index into `nodes` */
    json_t *dynamic_names; /* dynamic anchor: how many schemas have it */
    json_t *patterns;      /* the text: index into `compiled`, for many schemas repeat theirs */
    struct pattern **compiled;
    size_t patterns_size;       /* bytes */
    struct schema_node **nodes; /* those from `read_count` on wait for being read */
    size_t node_count;
    size_t node_room;
    size_t read_count;
    size_t resource_count;
    struct schema_pending *pending;
    struct schema_keywords keywords; /* of the subschema that is being read */
    struct schema_error *error;      /* filled when something fails */
};

/* Where a subschema is: below parent, at keyword and key or index. */
struct schema_place {
    struct schema_node *parent; /* NULL: a document's root */
    const char *keyword;
    struct schema_text key;
    size_t index;
    bool indexed;
};

/* Makes the node of a subschema; schema_compile_read_all() reads what it says. NULL: an error is set. */
struct schema_node *schema_compile_add(struct schema_compiler *compiler, json_t *source, struct schema_place place,
                                       struct schema_resource *resource);

/* The same for a document's root, with a resource of that URI, which lives as long as the schema. */
struct schema_node *schema_compile_add_document(struct schema_compiler *compiler, json_t *document, const char *uri,
                                                size_t number);

/* Reads all subschemas that were added, and those below them. False: an error is set. */
bool schema_compile_read_all(struct schema_compiler *compiler);

/* The rules of the node by the compiler's `keywords`, whose shapes are right; adds subschemas. False: an error is set. */
bool schema_rules_read(struct schema_compiler *compiler, struct schema_node *node);

/* A resource of that URI, with all else as `like` has it. NULL: an error is set. */
struct schema_resource *schema_compile_resource(struct schema_compiler *compiler, const char *uri,
                                                const struct schema_resource *like);

/* Takes zeroed memory that lives as long as the schema. NULL: an error is set. */
void *schema_compile_take(struct schema_compiler *compiler, size_t count, size_t size);
/* The compiled pattern of that text, which the schema owns. NULL: an error is set, of that keyword of the node. */
struct pattern *schema_compile_pattern(struct schema_compiler *compiler, const struct schema_node *node,
                                       const char *keyword, struct schema_text text);
/* Adds a name for a node; false: it is taken, or no memory. */
bool schema_compile_name(struct schema_compiler *compiler, const char *name, const struct schema_node *node);
struct schema_node *schema_compile_find(const struct schema_compiler *compiler, const char *name);
struct schema_node *schema_compile_find_source(const struct schema_compiler *compiler, const json_t *source);

/* Sets the error and returns false. */
__attribute__((format(printf, 4, 5))) bool schema_compile_fail(struct schema_compiler *compiler,
                                                               const struct schema_node *node, const char *keyword,
                                                               const char *format, ...);
#endif
