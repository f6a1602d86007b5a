/*
 * schema_ref - identifiers and references of schemas (Core §8.2). A part of the compiler; on the thread that compiles.
 */
#include "validate/schema_ref.h"

#include <stdlib.h>
#include <string.h>

#include "validate/schema_meta.h"
#include "validate/uri.h"

#define DIALECT  "https://json-schema.org/draft/2020-12/schema"
#define BUILT_IN SIZE_MAX /* the document of what nobody gave */

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

static const char *joined(struct schema_compiler *compiler, const char *uri, const char *anchor)
{
    const size_t size = strlen(uri);
    char *text = schema_compile_take(compiler, size + strlen(anchor) + 2, 1);
    if (text != NULL) {
        memcpy(text, uri, size);
        text[size] = '#';
        memcpy(text + size + 1, anchor, strlen(anchor));
    }
    return text;
}

/* The keyword's string; NULL: absent, or no string, which is an error. */
static const char *string_of(struct schema_compiler *compiler, const struct schema_node *node, const char *keyword)
{
    const json_t *value = json_object_get(node->source, keyword);
    if (value != NULL && !json_is_string(value)) {
        (void)schema_compile_fail(compiler, node, keyword, "%s is a string", keyword);
    }
    return json_string_value(value);
}

static bool is_wrong(const struct schema_node *node, const char *keyword, const char *text)
{
    return text == NULL && json_object_get(node->source, keyword) != NULL;
}

static bool check_dialect(struct schema_compiler *compiler, struct schema_node *node)
{
    const char *dialect = string_of(compiler, node, "$schema");
    if (dialect == NULL) {
        return !is_wrong(node, "$schema", dialect);
    }
    const size_t size = strlen(DIALECT);
    if (strncmp(dialect, DIALECT, size) != 0 || (dialect[size] != '\0' && strcmp(dialect + size, "#") != 0)) {
        return schema_compile_fail(compiler, node, "$schema", "%s is not draft 2020-12", dialect);
    }
    return true;
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

bool schema_ref_enter_root(struct schema_compiler *compiler, struct schema_node *node)
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
    const char *id = string_of(compiler, node, "$id");
    if (is_wrong(node, "$id", id) || (node->parent == NULL && !schema_ref_enter_root(compiler, node))) {
        return false;
    }
    if (id == NULL) {
        return true;
    }
    char *uri = resolve(compiler, node->resource->uri, id);
    struct schema_resource *resource = schema_compile_take(compiler, 1, sizeof(*resource));
    if (uri == NULL || resource == NULL) {
        return false;
    }
    char *fragment = strchr(uri, '#');
    if (fragment != NULL && fragment[1] != '\0') {
        return schema_compile_fail(compiler, node, "$id", "$id has a fragment");
    }
    if (fragment != NULL) {
        *fragment = '\0';
    }
    if (!name_resource(compiler, node, uri)) {
        return false;
    }
    *resource = (struct schema_resource){.uri = uri, .root = node, .document = node->resource->document};
    node->resource = resource;
    return true;
}

static bool enter_anchor(struct schema_compiler *compiler, struct schema_node *node, const char *keyword)
{
    const char *name = string_of(compiler, node, keyword);
    if (name == NULL) {
        return !is_wrong(node, keyword, name);
    }
    const char *full = joined(compiler, node->resource->uri, name);
    if (full == NULL) {
        return false;
    }
    if (!schema_compile_name(compiler, full, node) && schema_compile_find(compiler, full) != node) {
        return schema_compile_fail(compiler, node, keyword, "another schema has the anchor %s", name);
    }
    if (strcmp(keyword, "$dynamicAnchor") == 0) {
        struct schema_anchor *anchor = schema_compile_take(compiler, 1, sizeof(*anchor));
        if (anchor == NULL) {
            return false;
        }
        *anchor = (struct schema_anchor){node->resource->dynamic_anchors, name, node};
        node->resource->dynamic_anchors = anchor;
        node->dynamic_anchor = name;
    }
    return true;
}

static bool enter_reference(struct schema_compiler *compiler, struct schema_node *node, const char *keyword)
{
    const char *reference = string_of(compiler, node, keyword);
    if (reference == NULL) {
        return !is_wrong(node, keyword, reference);
    }
    struct schema_pending *pending = schema_compile_take(compiler, 1, sizeof(*pending));
    if (pending == NULL) {
        return false;
    }
    *pending = (struct schema_pending){compiler->pending, node, keyword, reference};
    compiler->pending = pending;
    return true;
}

bool schema_ref_enter(struct schema_compiler *compiler, struct schema_node *node)
{
    return check_dialect(compiler, node) && enter_resource(compiler, node) && enter_anchor(compiler, node, "$anchor") &&
           enter_anchor(compiler, node, "$dynamicAnchor") && enter_reference(compiler, node, "$ref") &&
           enter_reference(compiler, node, "$dynamicRef");
}

/* The resource, if need be made from the built-in meta-schema of that URI. NULL: there is none, or an error is set. */
static struct schema_node *find_resource(struct schema_compiler *compiler, const char *uri)
{
    struct schema_node *found = schema_compile_find(compiler, uri);
    const char *text = found == NULL ? schema_meta_text(uri) : NULL;
    if (text == NULL) {
        return found;
    }
    json_t *document = json_loads(text, 0, NULL);
    struct schema_resource *resource = schema_compile_take(compiler, 1, sizeof(*resource));
    if (document == NULL || resource == NULL || !schema_compile_own(compiler, NULL, document)) {
        return NULL;
    }
    *resource = (struct schema_resource){.uri = uri, .document = BUILT_IN};
    const struct schema_place top = {0};
    return schema_compile_node(compiler, document, top, resource);
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
    return schema_compile_node(compiler, value, place, above->resource);
}

static struct schema_node *find_target(struct schema_compiler *compiler, char *uri)
{
    char *fragment = strchr(uri, '#');
    if (fragment != NULL) {
        *fragment++ = '\0';
    }
    struct schema_node *resource = find_resource(compiler, uri);
    if (resource == NULL || fragment == NULL || *fragment == '\0') {
        return resource;
    }
    decode_percent(fragment);
    if (*fragment == '/') {
        return follow_pointer(compiler, resource, fragment);
    }
    const char *full = joined(compiler, resource->resource->uri, fragment);
    return full != NULL ? schema_compile_find(compiler, full) : NULL;
}

static bool resolve_one(struct schema_compiler *compiler, const struct schema_pending *pending)
{
    struct schema_node *node = pending->node;
    const char *fragment = strchr(pending->reference, '#');
    char *uri = resolve(compiler, node->resource->uri, pending->reference);
    struct schema_node *target = uri != NULL ? find_target(compiler, uri) : NULL;
    if (target == NULL) {
        return compiler->error->sentence[0] == '\0' &&
               schema_compile_fail(compiler, node, pending->keyword,
                                   "%s names no schema that is loaded, and nothing is fetched", pending->reference);
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
