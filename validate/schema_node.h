/*
 * schema_node - what a schema is compiled to: a node a subschema, with the rules that its keywords make, grouped by what they
 * look at. Shared by the parts of the compiler (schema_compile, schema_rules, schema_ref) and of the checker (schema_check,
 * schema_check_object, schema_check_array, schema_check_value); never changed once compiled.
 */
#ifndef PORTCULLIS_VALIDATE_SCHEMA_NODE_H
#define PORTCULLIS_VALIDATE_SCHEMA_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "validate/pattern.h"
#include "validate/schema.h"
#include "validate/schema_arena.h"
#include "validate/schema_format.h"

#define SCHEMA_NO_LIMIT SIZE_MAX

enum schema_type {
    SCHEMA_TYPE_NULL = 1,
    SCHEMA_TYPE_BOOLEAN = 2,
    SCHEMA_TYPE_OBJECT = 4,
    SCHEMA_TYPE_ARRAY = 8,
    SCHEMA_TYPE_NUMBER = 16,
    SCHEMA_TYPE_STRING = 32,
    SCHEMA_TYPE_INTEGER = 64 /* numbers without a fraction only */
};

struct schema_text {
    const char *bytes; /* borrowed from the document */
    size_t size;
};

struct schema_list {
    struct schema_node **nodes;
    size_t count;
};

/* A schema resource (Core §4.3.5): a schema with a URI of its own. */
struct schema_resource {
    const char *uri; /* without a fragment; empty for a document without $id */
    struct schema_node *root;
    struct schema_anchor *dynamic_anchors;
    size_t number;         /* among all resources */
    size_t anchor_count;   /* of dynamic_anchors */
    size_t document;       /* as in struct schema_error */
    unsigned vocabularies; /* of enum schema_vocabulary: those whose keywords count */
};

struct schema_anchor {
    struct schema_anchor *next;
    const char *name;
    struct schema_node *node;
};

struct schema_member {
    struct schema_text key;
    struct schema_node *node;
};

struct schema_pattern_member {
    struct pattern *pattern;
    struct schema_text text;
    struct schema_node *node;
};

struct schema_dependency {
    struct schema_text key;
    struct schema_text *required;
    size_t count;
};

struct schema_object_rules {
    size_t min_properties;
    size_t max_properties; /* SCHEMA_NO_LIMIT */
    struct schema_text *required;
    size_t required_count;
    struct schema_member *members; /* `properties`, sorted by key */
    size_t member_count;
    struct schema_pattern_member *patterns;
    size_t pattern_count;
    struct schema_member *dependent; /* `dependentSchemas` */
    size_t dependent_count;
    struct schema_dependency *dependencies; /* `dependentRequired` */
    size_t dependency_count;
    struct schema_node *additional;
    struct schema_node *names;
    struct schema_node *unevaluated;
};

struct schema_array_rules {
    size_t min_items;
    size_t max_items; /* SCHEMA_NO_LIMIT */
    bool unique;
    struct schema_list prefix;
    struct schema_node *items;
    struct schema_node *contains;
    size_t min_contains;
    size_t max_contains; /* SCHEMA_NO_LIMIT */
    struct schema_node *unevaluated;
};

struct schema_string_rules {
    size_t min_length; /* characters */
    size_t max_length; /* SCHEMA_NO_LIMIT */
    struct pattern *pattern;
    struct schema_text pattern_text;
    enum schema_format format; /* SCHEMA_FORMAT_NONE where formats do not decide */
    const char *format_name;
};

struct schema_number_rules {
    json_t *minimum; /* NULL: none; so with the others */
    json_t *maximum;
    json_t *exclusive_minimum;
    json_t *exclusive_maximum;
    json_t *multiple_of;
};

/* What subschemas say about the same value. */
struct schema_logic {
    struct schema_list all_of;
    struct schema_list any_of;
    struct schema_list one_of;
    struct schema_node *negated;
    struct schema_node *condition;
    struct schema_node *consequence;
    struct schema_node *alternative;
};

struct schema_node {
    /* Where it is: below `parent`, at keyword/key or keyword/index. */
    const struct schema_node *parent; /* NULL: root of a document */
    const char *keyword;
    struct schema_text key; /* bytes NULL: by index, if `indexed` */
    size_t index;
    bool indexed;

    bool refuses;   /* the schema `false` */
    unsigned types; /* of enum schema_type; 0: any */
    unsigned depth; /* schemas above this one */
    size_t number;  /* among all nodes */
    json_t *source; /* borrowed */
    struct schema_resource *resource;
    const char *dynamic_anchor; /* NULL: none */
    struct schema_node *ref;
    struct schema_node *dynamic_ref;
    const char *dynamic_name; /* to be looked up in the dynamic scope; NULL: dynamic_ref is as good as ref */
    json_t **enumeration;     /* sorted */
    size_t enumeration_count;
    json_t *constant;
    struct schema_logic *logic;
    struct schema_object_rules *object;
    struct schema_array_rules *array;
    struct schema_string_rules *string;
    struct schema_number_rules *number_rules;
};

/* What has to be freed besides the arena. */
struct schema_owned {
    struct schema_owned *next;
    struct pattern *pattern; /* one of the two */
    json_t *document;
};

struct schema {
    struct schema_arena arena;
    struct schema_owned *owned;
    struct schema_node *root;
    struct schema_options options;
};

/* Fills path or location from the node's place; with `keyword` NULL, that of the subschema itself. */
void schema_node_location(const struct schema_node *node, const char *keyword, char *text, size_t size);

#endif
