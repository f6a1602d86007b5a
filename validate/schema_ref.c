/*
 * schema_ref - identifiers and references of schemas (Core §8.2). A part of the compiler; on the thread that compiles.
 */
#include "validate/schema_ref.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "validate/schema_meta.h"
#include "validate/uri.h"

#define DIALECT  "https://json-schema.org/draft/2020-12/schema"
#define BUILT_IN SIZE_MAX /* the document of what nobody gave */

#define NUMBER_SIZE 24

static char *copy(struct schema_compiler *compiler, const char *text, size_t size)
{
    char *own = schema_compile_take(compiler, size + 1, 1);
    if (own != NULL) {
        memcpy(own, text, size);
    }
    return own;
}

char *schema_ref_copy(struct schema_compiler *compiler, const char *text)
{
    return copy(compiler, text, strlen(text));
}

/* The reference against the base, in the schema's memory. */
static char *resolve(struct schema_compiler *compiler, const char *base, const char *reference)
{
    char *resolved = uri_resolve(base, reference);
    char *own = resolved != NULL ? copy(compiler, resolved, strlen(resolved)) : NULL;
    if (resolved == NULL) {
        (void)schema_compile_fail(compiler, NULL, "memory", "no memory for the schema");
    }
    free(resolved);
    return own;
}

/* How an anchor of the resource is called among the compiler's names. */
static const char *anchor_name(struct schema_compiler *compiler, const struct schema_resource *resource,
                               const char *anchor)
{
    char number[NUMBER_SIZE];
    const int size = snprintf(number, sizeof(number), " %zu#", resource->number);
    char *text = schema_compile_take(compiler, (size_t)size + strlen(anchor) + 1, 1);
    if (text != NULL) {
        memcpy(text, number, (size_t)size);
        memcpy(text + size, anchor, strlen(anchor));
    }
    return text;
}

static const char *string_of(const struct schema_compiler *compiler, enum schema_keyword keyword)
{
    return json_string_value(compiler->keywords.values[keyword]);
}

/* Whether `uri` is `name`, but for an empty fragment at its end. */
static bool is_same(const char *uri, const char *name)
{
    const size_t size = name != NULL ? strlen(name) : 0;
    return name != NULL && strncmp(uri, name, size) == 0 && (uri[size] == '\0' || strcmp(uri + size, "#") == 0);
}

static json_t *find_document(const struct schema_compiler *compiler, const char *uri)
{
    for (size_t i = 0; i < compiler->options->document_count; i++) {
        const struct schema_document *one = &compiler->options->documents[i];
        if (is_same(uri, one->uri) || is_same(uri, json_string_value(json_object_get(one->json, "$id")))) {
            return one->json;
        }
    }
    return NULL;
}

/* Core §8.1.2: a vocabulary that is required has to be known, another may be. */
static bool read_vocabularies(struct schema_compiler *compiler, struct schema_node *node, json_t *list)
{
    unsigned vocabularies = SCHEMA_VOCABULARY_CORE;
    for (void *i = json_object_iter(list); i != NULL; i = json_object_iter_next(list, i)) {
        const unsigned vocabulary = schema_vocabulary_named(json_object_iter_key(i));
        if (vocabulary == 0 && json_is_true(json_object_iter_value(i))) {
            return schema_compile_fail(compiler, node, "$schema",
                                       "the meta-schema requires the unknown vocabulary %.160s",
                                       json_object_iter_key(i));
        }
        vocabularies |= vocabulary;
    }
    node->resource->vocabularies = vocabularies;
    return true;
}

static bool enter_dialect(struct schema_compiler *compiler, struct schema_node *node)
{
    const char *dialect = json_string_value(json_object_get(node->source, "$schema"));
    if (dialect == NULL || is_same(dialect, DIALECT)) {
        return true;
    }
    json_t *meta = find_document(compiler, dialect);
    if (meta == NULL) {
        return schema_compile_fail(compiler, node, "$schema",
                                   "%.160s is neither draft 2020-12 nor a meta-schema that is loaded", dialect);
    }
    /* What has no $vocabulary says nothing about the dialect; and only the root of a resource chooses one. */
    json_t *list = json_object_get(meta, "$vocabulary");
    return list == NULL || node->resource->root != node || read_vocabularies(compiler, node, list);
}

static bool name_resource(struct schema_compiler *compiler, struct schema_node *node, const char *uri)
{
    const struct schema_node *other = schema_compile_find(compiler, uri);
    if (other != NULL && other != node) {
        return schema_compile_fail(compiler, node, "$id", "another schema has the URI %.160s", uri);
    }
    return other == node || schema_compile_name(compiler, uri, node) ||
           schema_compile_fail(compiler, NULL, "memory", "no memory for the schema");
}

static bool enter_root(struct schema_compiler *compiler, struct schema_node *node)
{
    struct schema_resource *resource = node->resource;
    resource->root = node;
    if (resource->uri[0] != '\0' || resource->document == 0) {
        return name_resource(compiler, node, resource->uri);
    }
    return json_object_get(node->source, "$id") != NULL ||
           schema_compile_fail(compiler, node, "$id", "nothing can name this document: it has no $id");
}

static bool enter_resource(struct schema_compiler *compiler, struct schema_node *node)
{
    const json_t *id = json_object_get(node->source, "$id");
    if (node->parent == NULL && !enter_root(compiler, node)) {
        return false;
    }
    if (!json_is_string(id)) {
        return true; /* if it is there, its shape is found to be wrong */
    }
    char *uri = resolve(compiler, node->resource->uri, json_string_value(id));
    if (uri == NULL) {
        return false;
    }
    if (strlen(uri) > SCHEMA_URI_MAX) {
        return schema_compile_fail(compiler, node, "$id", "the URI has more than %d bytes", SCHEMA_URI_MAX);
    }
    char *fragment = strchr(uri, '#');
    if (fragment != NULL) {
        *fragment = '\0'; /* an empty one: others are found to be wrong */
    }
    struct schema_resource *resource = schema_compile_resource(compiler, uri, node->resource);
    if (resource == NULL || !name_resource(compiler, node, uri)) {
        return false;
    }
    resource->root = node;
    node->resource = resource;
    return true;
}

static bool enter_anchor(struct schema_compiler *compiler, struct schema_node *node, enum schema_keyword keyword)
{
    const char *name = string_of(compiler, keyword);
    const char *full = name != NULL ? anchor_name(compiler, node->resource, name) : NULL;
    if (full == NULL) {
        return name == NULL;
    }
    if (!schema_compile_name(compiler, full, node) && schema_compile_find(compiler, full) != node) {
        return schema_compile_fail(compiler, node, schema_keyword_text(keyword), "another schema has the anchor %.160s",
                                   name);
    }
    return true;
}

static bool count_dynamic_name(struct schema_compiler *compiler, const char *name)
{
    const json_int_t count = json_integer_value(json_object_get(compiler->dynamic_names, name));
    return json_object_set_new(compiler->dynamic_names, name, json_integer(count + 1)) == 0 ||
           schema_compile_fail(compiler, NULL, "memory", "no memory for the schema");
}

static bool enter_dynamic_anchor(struct schema_compiler *compiler, struct schema_node *node)
{
    struct schema_resource *resource = node->resource;
    const char *name = string_of(compiler, SCHEMA_KEYWORD_DYNAMIC_ANCHOR);
    if (name == NULL) {
        return true;
    }
    if (resource->anchor_count == SCHEMA_ANCHORS_MAX) {
        return schema_compile_fail(compiler, node, "$dynamicAnchor", "there are more than %d in one schema resource",
                                   SCHEMA_ANCHORS_MAX);
    }
    struct schema_anchor *anchor = schema_compile_take(compiler, 1, sizeof(*anchor));
    if (anchor == NULL || !enter_anchor(compiler, node, SCHEMA_KEYWORD_DYNAMIC_ANCHOR) ||
        !count_dynamic_name(compiler, name)) {
        return false;
    }
    *anchor = (struct schema_anchor){resource->dynamic_anchors, name, node};
    resource->dynamic_anchors = anchor;
    resource->anchor_count++;
    node->dynamic_anchor = name;
    return true;
}

static bool enter_reference(struct schema_compiler *compiler, struct schema_node *node, enum schema_keyword keyword)
{
    const char *reference = string_of(compiler, keyword);
    if (reference == NULL) {
        return true;
    }
    struct schema_pending *pending = schema_compile_take(compiler, 1, sizeof(*pending));
    if (pending == NULL) {
        return false;
    }
    *pending = (struct schema_pending){compiler->pending, node, schema_keyword_text(keyword), reference};
    compiler->pending = pending;
    return true;
}

bool schema_ref_enter_resource(struct schema_compiler *compiler, struct schema_node *node)
{
    return enter_resource(compiler, node) && enter_dialect(compiler, node);
}

bool schema_ref_enter(struct schema_compiler *compiler, struct schema_node *node)
{
    return enter_anchor(compiler, node, SCHEMA_KEYWORD_ANCHOR) && enter_dynamic_anchor(compiler, node) &&
           enter_reference(compiler, node, SCHEMA_KEYWORD_REF) &&
           enter_reference(compiler, node, SCHEMA_KEYWORD_DYNAMIC_REF);
}

/* The resource, if need be made from the built-in meta-schema of that URI. NULL: there is none, or an error is set. */
static struct schema_node *find_resource(struct schema_compiler *compiler, const char *uri)
{
    struct schema_node *found = schema_compile_find(compiler, uri);
    if (found != NULL || !schema_meta_exists(uri)) {
        return found;
    }
    json_t *document = schema_meta_document(uri);
    if (document == NULL) {
        (void)schema_compile_fail(compiler, NULL, "memory", "no memory for the schema");
        return NULL;
    }
    const char *own = schema_ref_copy(compiler, uri);
    found = own != NULL ? schema_compile_add_document(compiler, document, own, BUILT_IN) : NULL;
    json_decref(document);
    return found != NULL && schema_compile_read_all(compiler) ? found : NULL;
}

static int hex_value(char c)
{
    const char *digits = "0123456789abcdef0123456789ABCDEF";
    const char *found = c != '\0' ? strchr(digits, c) : NULL;
    return found != NULL ? (int)((found - digits) % 16) : -1;
}

/* RFC 3986 §2.1, in place. */
static void decode_percent(char *text)
{
    char *out = text;
    while (*text != '\0') {
        const int high = *text == '%' ? hex_value(text[1]) : -1;
        const int low = high >= 0 ? hex_value(text[2]) : -1;
        if (low >= 0 && high * 16 + low > 0) {
            *out++ = (char)(high * 16 + low);
            text += 3;
        } else {
            *out++ = *text++;
        }
    }
    *out = '\0';
}

/* "~1" is "/" and "~0" is "~" (RFC 6901 §4), in place. */
static void decode_token(char *text)
{
    char *out = text;
    while (*text != '\0') {
        if (text[0] == '~' && (text[1] == '0' || text[1] == '1')) {
            *out++ = text[1] == '0' ? '~' : '/';
            text += 2;
        } else {
            *out++ = *text++;
        }
    }
    *out = '\0';
}

static json_t *member(json_t *value, const char *token)
{
    if (!json_is_array(value)) {
        return json_object_get(value, token);
    }
    char *end = NULL;
    const bool number = token[0] >= '0' && token[0] <= '9' && (token[0] != '0' || token[1] == '\0');
    const unsigned long index = number ? strtoul(token, &end, 10) : 0;
    return number && *end == '\0' ? json_array_get(value, index) : NULL;
}

/* What the pointer names below `from`. If that was met, its node; if not, it is compiled now, with the base URI of the
 * nearest schema above it. NULL: there is nothing, or an error is set. */
static struct schema_node *follow_pointer(struct schema_compiler *compiler, struct schema_node *from, char *pointer)
{
    json_t *value = from->source;
    struct schema_node *above = from;
    char *rest = copy(compiler, pointer + 1, strlen(pointer + 1));
    const char *keyword = copy(compiler, pointer + 1, strlen(pointer + 1));
    if (rest == NULL || keyword == NULL) {
        return NULL;
    }
    for (char *token = rest; token != NULL && value != NULL;) {
        char *slash = strchr(token, '/');
        if (slash != NULL) {
            *slash++ = '\0';
        }
        decode_token(token);
        value = member(value, token);
        struct schema_node *met = json_is_object(value) ? schema_compile_find_source(compiler, value) : NULL;
        if (met != NULL) {
            above = met;
        }
        token = slash;
    }
    if (value == NULL || value == above->source) {
        return value == NULL ? NULL : above;
    }
    const struct schema_place place = {.parent = from, .keyword = keyword};
    struct schema_node *node = schema_compile_add(compiler, value, place, above->resource);
    return node != NULL && schema_compile_read_all(compiler) ? node : NULL;
}

static struct schema_node *find_anchor(struct schema_compiler *compiler, const struct schema_node *resource,
                                       const char *anchor)
{
    const char *full = anchor_name(compiler, resource->resource, anchor);
    return full != NULL ? schema_compile_find(compiler, full) : NULL;
}

/* What the fragment names, which is changed. */
static struct schema_node *follow_fragment(struct schema_compiler *compiler, struct schema_node *resource,
                                           char *fragment)
{
    decode_percent(fragment);
    if (*fragment == '/') {
        return follow_pointer(compiler, resource, fragment);
    }
    return *fragment == '\0' ? resource : find_anchor(compiler, resource, fragment);
}

static struct schema_node *find_target(struct schema_compiler *compiler, const struct schema_node *node,
                                       const char *reference)
{
    const char *mark = strchr(reference, '#');
    char *fragment = mark != NULL ? schema_ref_copy(compiler, mark + 1) : NULL;
    if (mark != NULL && fragment == NULL) {
        return NULL;
    }
    struct schema_node *resource = node->resource->root;
    if (mark != reference) {
        char *uri = uri_resolve(node->resource->uri, reference);
        if (uri == NULL) {
            (void)schema_compile_fail(compiler, NULL, "memory", "no memory for the schema");
            return NULL;
        }
        uri[strcspn(uri, "#")] = '\0';
        resource = find_resource(compiler, uri);
        free(uri);
    }
    return resource == NULL || fragment == NULL ? resource : follow_fragment(compiler, resource, fragment);
}

static bool resolve_one(struct schema_compiler *compiler, const struct schema_pending *pending)
{
    struct schema_node *node = pending->node;
    const char *fragment = strchr(pending->reference, '#');
    struct schema_node *target = find_target(compiler, node, pending->reference);
    if (target == NULL) {
        return compiler->error->sentence[0] == '\0' &&
               schema_compile_fail(compiler, node, pending->keyword,
                                   "%.160s names no schema that is loaded, and nothing is fetched", pending->reference);
    }
    if (strcmp(pending->keyword, "$ref") == 0) {
        node->ref = target;
        return true;
    }
    node->dynamic_ref = target;
    /* Core §8.2.3.2: dynamic only if what it names statically is a dynamic anchor, named by that name. */
    if (target->dynamic_anchor != NULL && fragment != NULL && strcmp(fragment + 1, target->dynamic_anchor) == 0) {
        node->dynamic_name = target->dynamic_anchor;
    }
    return true;
}

bool schema_ref_resolve_all(struct schema_compiler *compiler)
{
    while (compiler->pending != NULL) {
        const struct schema_pending *pending = compiler->pending;
        compiler->pending = pending->next;
        if (!resolve_one(compiler, pending)) {
            return false;
        }
    }
    return true;
}
