/*
 * schema_compile - makes a schema from its document. Called by whoever loads schemas, on that thread.
 *
 * First the document is walked, a node a subschema, and names of nodes are collected; then references are resolved by these
 * names. That may bring in a meta-schema, or a subschema at a place that no keyword makes one, with references of their own.
 */
#include "validate/schema_compile.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "validate/schema_path.h"
#include "validate/schema_ref.h"

#define SOURCE_NAME_SIZE 32

bool schema_compile_fail(struct schema_compiler *compiler, const struct schema_node *node, const char *keyword,
                         const char *format, ...)
{
    struct schema_error *error = compiler->error;
    char sentence[SCHEMA_SENTENCE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    struct schema_path text;
    schema_path_start(&text, error->sentence, sizeof(error->sentence));
    schema_path_add_text(&text, sentence, strlen(sentence));
    error->path[0] = '\0';
    error->keyword = keyword;
    error->location[0] = '\0';
    if (node != NULL && node->resource != NULL) {
        schema_node_location(node, keyword, error->location, sizeof(error->location));
        error->document = node->resource->document;
    }
    return false;
}

void *schema_compile_take(struct schema_compiler *compiler, size_t count, size_t size)
{
    void *piece = schema_arena_take(&compiler->schema->arena, count, size);
    if (piece == NULL) {
        (void)schema_compile_fail(compiler, NULL, "memory", "no memory for the schema");
    }
    return piece;
}

bool schema_compile_own(struct schema_compiler *compiler, struct pattern *pattern, json_t *document)
{
    struct schema_owned *owned = schema_compile_take(compiler, 1, sizeof(*owned));
    if (owned == NULL) {
        pattern_free(pattern);
        json_decref(document);
        return false;
    }
    *owned = (struct schema_owned){compiler->schema->owned, pattern, document};
    compiler->schema->owned = owned;
    return true;
}

static bool remember_node(struct schema_compiler *compiler, struct schema_node *node)
{
    if (compiler->node_count == compiler->node_room) {
        const size_t room = compiler->node_room * 2 + 64;
        struct schema_node **nodes = realloc(compiler->nodes, room * sizeof(*nodes));
        if (nodes == NULL) {
            return schema_compile_fail(compiler, NULL, "memory", "no memory for the schema");
        }
        compiler->nodes = nodes;
        compiler->node_room = room;
    }
    node->number = compiler->node_count;
    compiler->nodes[compiler->node_count++] = node;
    return true;
}

bool schema_compile_name(struct schema_compiler *compiler, const char *name, const struct schema_node *node)
{
    return json_object_get(compiler->names, name) == NULL &&
           json_object_set_new_nocheck(compiler->names, name, json_integer((json_int_t)node->number)) == 0;
}

struct schema_node *schema_compile_find(const struct schema_compiler *compiler, const char *name)
{
    const json_t *number = json_object_get(compiler->names, name);
    return number != NULL ? compiler->nodes[json_integer_value(number)] : NULL;
}

/* No URI has a space. */
static void print_source(char *text, size_t size, const json_t *source)
{
    (void)snprintf(text, size, " %p", (const void *)source);
}

struct schema_node *schema_compile_find_source(const struct schema_compiler *compiler, const json_t *source)
{
    char name[SOURCE_NAME_SIZE];
    print_source(name, sizeof(name), source);
    return schema_compile_find(compiler, name);
}

static bool read_object(struct schema_compiler *compiler, struct schema_node *node)
{
    char name[SOURCE_NAME_SIZE];
    print_source(name, sizeof(name), node->source);
    (void)schema_compile_name(compiler, name, node); /* what stands twice is found where it stood first */
    return schema_ref_enter(compiler, node) && schema_rules_read(compiler, node);
}

struct schema_node *schema_compile_node(struct schema_compiler *compiler, json_t *source, struct schema_place place,
                                        struct schema_resource *resource)
{
    struct schema_node *node = schema_compile_take(compiler, 1, sizeof(*node));
    if (node == NULL || !remember_node(compiler, node)) {
        return NULL;
    }
    node->parent = place.parent;
    node->keyword = place.keyword;
    node->key = place.key;
    node->index = place.index;
    node->indexed = place.indexed;
    node->source = source;
    node->resource = resource;
    if (json_is_boolean(source)) {
        node->refuses = json_is_false(source);
        return resource->root != NULL || schema_ref_enter_root(compiler, node) ? node : NULL;
    }
    if (!json_is_object(source)) {
        (void)schema_compile_fail(compiler, node, NULL, "a schema is an object or a boolean");
        return NULL;
    }
    if (compiler->depth == SCHEMA_DEPTH_MAX) {
        (void)schema_compile_fail(compiler, NULL, "depth", "schemas nest deeper than %d", SCHEMA_DEPTH_MAX);
        return NULL;
    }
    compiler->depth++;
    const bool read = read_object(compiler, node);
    compiler->depth--;
    return read ? node : NULL;
}

/* `number` is as in struct schema_error. */
static struct schema_node *compile_document(struct schema_compiler *compiler, json_t *document, const char *uri,
                                            size_t number)
{
    struct schema_resource *resource = schema_compile_take(compiler, 1, sizeof(*resource));
    if (resource == NULL || !schema_compile_own(compiler, NULL, json_incref(document))) {
        return NULL;
    }
    *resource = (struct schema_resource){.uri = uri, .document = number};
    const struct schema_place top = {0};
    return schema_compile_node(compiler, document, top, resource);
}

static bool compile_documents(struct schema_compiler *compiler, json_t *document, const struct schema_options *options)
{
    compiler->schema->root = compile_document(compiler, document, "", 0);
    if (compiler->schema->root == NULL) {
        return false;
    }
    for (size_t i = 0; i < options->document_count; i++) {
        const struct schema_document *one = &options->documents[i];
        const char *uri = one->uri != NULL ? schema_ref_copy(compiler, one->uri) : "";
        if (uri == NULL || compile_document(compiler, one->json, uri, i + 1) == NULL) {
            return false;
        }
    }
    return schema_ref_resolve_all(compiler);
}

struct schema *schema_compile(json_t *document, const struct schema_options *options, struct schema_error *error_r)
{
    struct schema_error error = {0};
    struct schema_compiler compiler = {.error = &error, .names = json_object()};
    struct schema *schema = calloc(1, sizeof(*schema));
    compiler.schema = schema;
    if (schema == NULL || compiler.names == NULL) {
        (void)schema_compile_fail(&compiler, NULL, "memory", "no memory for the schema");
        goto fail;
    }
    schema->options = (struct schema_options){
        .assert_format = options->assert_format,
        .max_steps = options->max_steps > 0 ? options->max_steps : SCHEMA_STEPS_DEFAULT,
    };
    if (!compile_documents(&compiler, document, options)) {
        goto fail;
    }
    json_decref(compiler.names);
    free(compiler.nodes);
    return schema;
fail:
    *error_r = error;
    json_decref(compiler.names);
    free(compiler.nodes);
    schema_free(schema);
    return NULL;
}

void schema_free(struct schema *schema)
{
    if (schema == NULL) {
        return;
    }
    for (struct schema_owned *owned = schema->owned; owned != NULL; owned = owned->next) {
        pattern_free(owned->pattern);
        json_decref(owned->document);
    }
    schema_arena_clear(&schema->arena);
    free(schema);
}
