/*
 * schema_path - the pointers in errors. Called by the compiler and the checker of schemas; any thread.
 */
#include "validate/schema_path.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "validate/schema_node.h"

#define INDEX_SIZE 24

void schema_path_start(struct schema_path *path, char *text, size_t capacity)
{
    *path = (struct schema_path){text, capacity, 0};
    text[0] = '\0';
}

/* Cuts in front of a character, never within one. */
static void cut(struct schema_path *path)
{
    size_t size = path->capacity - sizeof("...");
    while (size > 0 && ((unsigned char)path->text[size] & 0xC0) == 0x80) {
        size--;
    }
    memcpy(path->text + size, "...", sizeof("..."));
    path->size = path->capacity;
}

static void add_byte(struct schema_path *path, char byte)
{
    if (path->size == path->capacity) {
        return;
    }
    if (path->size == path->capacity - 1) {
        cut(path);
        return;
    }
    path->text[path->size++] = (unsigned char)byte < 0x20 || byte == 0x7F ? '?' : byte;
    path->text[path->size] = '\0';
}

void schema_path_add_text(struct schema_path *path, const char *text, size_t size)
{
    for (size_t i = 0; i < size && path->size < path->capacity; i++) {
        add_byte(path, text[i]);
    }
}

void schema_path_add_key(struct schema_path *path, const char *key, size_t size)
{
    add_byte(path, '/');
    for (size_t i = 0; i < size && path->size < path->capacity; i++) {
        if (key[i] == '~' || key[i] == '/') {
            add_byte(path, '~');
            add_byte(path, key[i] == '~' ? '0' : '1');
        } else {
            add_byte(path, key[i]);
        }
    }
}

void schema_path_add_index(struct schema_path *path, size_t index)
{
    char text[INDEX_SIZE];
    const int size = snprintf(text, sizeof(text), "/%zu", index);
    schema_path_add_text(path, text, size > 0 ? (size_t)size : 0);
}

void schema_node_location(const struct schema_node *node, const char *keyword, char *text, size_t size)
{
    const struct schema_node *chain[SCHEMA_DEPTH_MAX];
    size_t count = 0;
    for (const struct schema_node *at = node;
         at != at->resource->root && at->parent != NULL && count < SCHEMA_DEPTH_MAX; at = at->parent) {
        chain[count++] = at;
    }
    struct schema_path path;
    schema_path_start(&path, text, size);
    schema_path_add_text(&path, node->resource->uri, strlen(node->resource->uri));
    schema_path_add_text(&path, "#", 1);
    while (count > 0) {
        const struct schema_node *at = chain[--count];
        schema_path_add_text(&path, "/", 1);
        schema_path_add_text(&path, at->keyword, strlen(at->keyword));
        if (at->key.bytes != NULL) {
            schema_path_add_key(&path, at->key.bytes, at->key.size);
        } else if (at->indexed) {
            schema_path_add_index(&path, at->index);
        }
    }
    if (keyword != NULL) {
        schema_path_add_key(&path, keyword, strlen(keyword));
    }
}
