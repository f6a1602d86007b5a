/*
 * schema_compile - makes a schema from its document. Called by whoever loads schemas, on that thread.
 *
 * First the documents are walked, a node a subschema, and names of nodes are collected; then references are resolved by these
 * names. That may bring in a meta-schema, or a subschema at a place that no keyword makes one, with references of their own. Last
 * comes the search for references that go round in circles. Nothing recurses: nodes wait in a line for being read.
 */
#include "validate/schema_compile.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "validate/schema_loop.h"
#include "validate/schema_path.h"
#include "validate/schema_ref.h"
#include "validate/utf8.h"

#define SOURCE_NAME_SIZE 32
#define REASON_SIZE      128

/* What was cut within a character, or is none, becomes '?'. */
static void mend_utf8(char *text)
{
    for (size_t at = 0; text[at] != '\0';) {
        size_t size = 1;
        while (((unsigned char)text[at + size] & 0xC0) == 0x80) {
            size++;
        }
        if (!utf8_valid((const uint8_t *)text + at, size)) {
            memset(text + at, '?', size);
        }
        at += size;
    }
}

bool schema_compile_fail(struct schema_compiler *compiler, const struct schema_node *node, const char *keyword,
                         const char *format, ...)
{
    struct schema_error *error = compiler->error;
    char sentence[SCHEMA_SENTENCE_SIZE * 2]; /* so that what is cut is cut below, at a whole character */
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    mend_utf8(sentence);
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

/* Hands over what schema_free() frees; on failure frees it, and an error is set. */
static bool own(struct schema_compiler *compiler, struct pattern *pattern, json_t *document)
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
        struct schema_node **nodes = realloc(compiler->nodes, room * sizeof(struct schema_node *));
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

static void print_source(char *text, size_t size, const json_t *source)
{
    (void)snprintf(text, size, "%p", (const void *)source);
}

struct schema_node *schema_compile_find_source(const struct schema_compiler *compiler, const json_t *source)
{
    char name[SOURCE_NAME_SIZE];
    print_source(name, sizeof(name), source);
    const json_t *number = json_object_get(compiler->places, name);
    return number != NULL ? compiler->nodes[json_integer_value(number)] : NULL;
}

struct pattern *schema_compile_pattern(struct schema_compiler *compiler, const struct schema_node *node,
                                       const char *keyword, struct schema_text text)
{
    char reason[REASON_SIZE];
    const json_t *known = json_object_getn(compiler->patterns, text.bytes, text.size);
    if (known != NULL) {
        return compiler->compiled[json_integer_value(known)];
    }
    const size_t count = json_object_size(compiler->patterns);
    if (count == SCHEMA_PATTERNS_MAX) {
        (void)schema_compile_fail(compiler, node, keyword, "there are more than %d patterns", SCHEMA_PATTERNS_MAX);
        return NULL;
    }
    struct pattern *pattern = pattern_compile(text.bytes, text.size, reason, sizeof(reason));
    if (pattern == NULL) {
        (void)schema_compile_fail(compiler, node, keyword, "the pattern %.80s: %s", text.bytes, reason);
        return NULL;
    }
    if (!own(compiler, pattern, NULL)) {
        return NULL;
    }
    compiler->patterns_size += pattern_memory(pattern);
    if (compiler->patterns_size > SCHEMA_PATTERNS_SIZE_MAX) {
        (void)schema_compile_fail(compiler, node, keyword, "all patterns together take more than %zu bytes",
                                  SCHEMA_PATTERNS_SIZE_MAX);
        return NULL;
    }
    if (json_object_setn_new_nocheck(compiler->patterns, text.bytes, text.size, json_integer((json_int_t)count)) != 0) {
        (void)schema_compile_fail(compiler, NULL, "memory", "no memory for the schema");
        return NULL;
    }
    compiler->compiled[count] = pattern;
    return pattern;
}

struct schema_resource *schema_compile_resource(struct schema_compiler *compiler, const char *uri,
                                                const struct schema_resource *like)
{
    if (compiler->resource_count == SCHEMA_RESOURCES_MAX) {
        (void)schema_compile_fail(compiler, NULL, "$id", "there are more than %d schemas with an $id",
                                  SCHEMA_RESOURCES_MAX);
        return NULL;
    }
    struct schema_resource *resource = schema_compile_take(compiler, 1, sizeof(*resource));
    if (resource != NULL) {
        *resource = (struct schema_resource){.uri = uri,
                                             .number = compiler->resource_count++,
                                             .document = like->document,
                                             .vocabularies = like->vocabularies};
    }
    return resource;
}

struct schema_node *schema_compile_add(struct schema_compiler *compiler, json_t *source, struct schema_place place,
                                       struct schema_resource *resource)
{
    struct schema_node *node = schema_compile_take(compiler, 1, sizeof(*node));
    if (node == NULL) {
        return NULL;
    }
    node->parent = place.parent;
    node->keyword = place.keyword;
    node->key = place.key;
    node->index = place.index;
    node->indexed = place.indexed;
    node->depth = place.parent != NULL ? place.parent->depth + 1 : 0;
    node->source = source;
    node->resource = resource;
    node->refuses = json_is_false(source);
    if (!json_is_object(source) && !json_is_boolean(source)) {
        (void)schema_compile_fail(compiler, node, NULL, "a schema is an object or a boolean");
        return NULL;
    }
    if (node->depth == SCHEMA_DEPTH_MAX) {
        (void)schema_compile_fail(compiler, node, NULL, "schemas nest deeper than %d", SCHEMA_DEPTH_MAX);
        return NULL;
    }
    if (compiler->node_count == SCHEMA_NODES_MAX) {
        (void)schema_compile_fail(compiler, node, NULL, "there are more than %d subschemas", SCHEMA_NODES_MAX);
        return NULL;
    }
    return remember_node(compiler, node) ? node : NULL;
}

/* `number` is as in struct schema_error. */
struct schema_node *schema_compile_add_document(struct schema_compiler *compiler, json_t *document, const char *uri,
                                                size_t number)
{
    const struct schema_resource like = {.document = number, .vocabularies = SCHEMA_VOCABULARIES_STANDARD};
    struct schema_resource *resource = schema_compile_resource(compiler, uri, &like);
    if (resource == NULL || !own(compiler, NULL, json_incref(document))) {
        return NULL;
    }
    const struct schema_place top = {0};
    return schema_compile_add(compiler, document, top, resource);
}

/* What stands twice is found where it stood first. */
static bool remember_place(struct schema_compiler *compiler, const struct schema_node *node)
{
    char name[SOURCE_NAME_SIZE];
    print_source(name, sizeof(name), node->source);
    return json_object_get(compiler->places, name) != NULL ||
           json_object_set_new_nocheck(compiler->places, name, json_integer((json_int_t)node->number)) == 0 ||
           schema_compile_fail(compiler, NULL, "memory", "no memory for the schema");
}

static bool check_shapes(struct schema_compiler *compiler, const struct schema_node *node)
{
    enum schema_keyword keyword = SCHEMA_KEYWORD_COUNT;
    const char *expected = schema_keyword_fault(&compiler->keywords, &keyword);
    return expected == NULL || schema_compile_fail(compiler, node, schema_keyword_text(keyword), "%s is %s",
                                                   schema_keyword_text(keyword), expected);
}

static bool read_node(struct schema_compiler *compiler, struct schema_node *node)
{
    if (!schema_ref_enter_resource(compiler, node)) {
        return false;
    }
    if (json_is_boolean(node->source)) {
        return true;
    }
    schema_keyword_collect(node->source, node->resource->vocabularies, &compiler->keywords);
    return check_shapes(compiler, node) && remember_place(compiler, node) && schema_ref_enter(compiler, node) &&
           schema_rules_read(compiler, node);
}

bool schema_compile_read_all(struct schema_compiler *compiler)
{
    while (compiler->read_count < compiler->node_count) {
        if (!read_node(compiler, compiler->nodes[compiler->read_count++])) {
            return false;
        }
    }
    return true;
}

static bool compile_documents(struct schema_compiler *compiler, json_t *document)
{
    const struct schema_options *options = compiler->options;
    compiler->schema->root = schema_compile_add_document(compiler, document, "", 0);
    if (compiler->schema->root == NULL) {
        return false;
    }
    for (size_t i = 0; i < options->document_count; i++) {
        const struct schema_document *one = &options->documents[i];
        const char *uri = one->uri != NULL ? schema_ref_copy(compiler, one->uri) : "";
        if (uri == NULL || schema_compile_add_document(compiler, one->json, uri, i + 1) == NULL) {
            return false;
        }
    }
    return schema_compile_read_all(compiler) && schema_ref_resolve_all(compiler) && schema_loop_check(compiler);
}

static bool start(struct schema_compiler *compiler)
{
    const struct schema_options *options = compiler->options;
    compiler->schema = calloc(1, sizeof(*compiler->schema));
    compiler->names = json_object();
    compiler->places = json_object();
    compiler->dynamic_names = json_object();
    compiler->patterns = json_object();
    compiler->compiled = calloc(SCHEMA_PATTERNS_MAX, sizeof(struct pattern *));
    if (compiler->schema == NULL || compiler->names == NULL || compiler->places == NULL ||
        compiler->dynamic_names == NULL || compiler->patterns == NULL || compiler->compiled == NULL) {
        return schema_compile_fail(compiler, NULL, "memory", "no memory for the schema");
    }
    compiler->schema->options = (struct schema_options){.assert_format = options->assert_format};
    return true;
}

struct schema *schema_compile(json_t *document, const struct schema_options *options, struct schema_error *error_r)
{
    struct schema_error error = {0};
    struct schema_compiler compiler = {.error = &error, .options = options};
    if (!start(&compiler) || !compile_documents(&compiler, document)) {
        *error_r = error;
        schema_free(compiler.schema);
        compiler.schema = NULL;
    }
    json_decref(compiler.names);
    json_decref(compiler.places);
    json_decref(compiler.dynamic_names);
    json_decref(compiler.patterns);
    free(compiler.compiled);
    free(compiler.nodes);
    return compiler.schema;
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
