/*
 * json_parse - see json_parse.h. Called by whoever has JSON from outside; any thread.
 *
 * What a parse allocates is noted, so that it can be freed without jansson when longjmp() leaves jansson's functions. What jansson
 * frees meanwhile is freed only when the parse is over: so no address is noted twice, and nothing has to be looked up.
 */
#include "validate/json_parse.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN_BLOCKS 64 /* as many as small messages take */

/* What jansson has freed, one behind the other. */
struct freed {
    struct freed *next;
};

struct parse {
    jmp_buf out_of_memory;
    struct freed *freed;
    void **blocks; /* all that were allocated, those freed included; the own ones first, then memory */
    size_t count;
    size_t capacity;
    void *own_blocks[OWN_BLOCKS];
};

/* The one that this thread is in; NULL: none. */
static _Thread_local struct parse *current;

/* ---- jansson's allocations ---- */

static bool has_room(struct parse *parse)
{
    if (parse->count < parse->capacity) {
        return true;
    }
    if (parse->capacity > SIZE_MAX / 2 / sizeof(void *)) {
        return false;
    }
    const bool own = parse->blocks == parse->own_blocks;
    void **blocks = realloc(own ? NULL : parse->blocks, 2 * parse->capacity * sizeof(void *));
    if (blocks == NULL) {
        return false;
    }
    if (own) {
        memcpy(blocks, parse->own_blocks, sizeof(parse->own_blocks));
    }
    parse->blocks = blocks;
    parse->capacity *= 2;
    return true;
}

static void *allocate(size_t size)
{
    struct parse *parse = current;
    if (parse == NULL) {
        return malloc(size);
    }
    void *block = has_room(parse) ? malloc(size < sizeof(struct freed) ? sizeof(struct freed) : size) : NULL;
    if (block == NULL) {
        longjmp(parse->out_of_memory, 1);
    }
    parse->blocks[parse->count++] = block;
    return block;
}

static void release(void *block)
{
    if (current == NULL || block == NULL) {
        free(block);
        return;
    }
    struct freed *freed = block;
    freed->next = current->freed;
    current->freed = freed;
}

void json_parse_install(void)
{
    json_set_alloc_funcs(allocate, release);
}

/* ---- parsing ---- */

static void free_freed(struct freed *freed)
{
    while (freed != NULL) {
        struct freed *next = freed->next;
        free(freed);
        freed = next;
    }
}

/* jansson keeps the code of an error behind its text. */
static void say_no_memory(json_error_t *error)
{
    *error = (json_error_t){.line = -1, .column = -1};
    (void)snprintf(error->text, sizeof(error->text), "no memory");
    error->text[JSON_ERROR_TEXT_LENGTH - 1] = (char)json_error_out_of_memory;
}

/* A function of its own: what is local to the one that calls setjmp() is not to be relied on afterwards. */
static json_t *run(struct parse *parse, const void *bytes, size_t size, size_t flags, json_error_t *error)
{
    if (setjmp(parse->out_of_memory) != 0) {
        current = NULL;
        for (size_t i = 0; i < parse->count; i++) {
            free(parse->blocks[i]);
        }
        say_no_memory(error);
        return NULL;
    }
    current = parse;
    json_t *value = json_loadb(bytes, size, flags, error);
    current = NULL;
    free_freed(parse->freed);
    return value;
}

json_t *json_parse(const void *bytes, size_t size, size_t flags, json_error_t *error_r)
{
    struct parse parse;
    json_error_t error;
    parse.freed = NULL;
    parse.blocks = parse.own_blocks;
    parse.count = 0;
    parse.capacity = OWN_BLOCKS;
    json_t *value = run(&parse, bytes, size, flags, error_r != NULL ? error_r : &error);
    if (parse.blocks != parse.own_blocks) {
        free(parse.blocks);
    }
    return value;
}
