/*
 * arena - memory that is given back all at once.
 * Used while a config is loaded; one thread at a time.
 */
#include "server/config/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Most requests are short strings: they share blocks. What is larger than a quarter of a block gets one of its own. */
#define ARENA_BLOCK_SIZE ((size_t)4096)
#define ARENA_SHARED_MAX (ARENA_BLOCK_SIZE / 4)

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t size;
    alignas(max_align_t) unsigned char bytes[];
};

static struct arena_block *arena_add_block(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX - sizeof(struct arena_block)) {
        return NULL;
    }
    struct arena_block *block = calloc(1, sizeof(*block) + size);
    if (block == NULL) {
        return NULL;
    }
    block->size = size;
    /* A block of its own goes behind the shared one, so that this one is filled further. */
    if (arena->blocks != NULL && size > ARENA_BLOCK_SIZE) {
        block->next = arena->blocks->next;
        arena->blocks->next = block;
    } else {
        block->next = arena->blocks;
        arena->blocks = block;
    }
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t alignment = alignof(max_align_t);
    if (size > SIZE_MAX - alignment) {
        arena->failed = true;
        return NULL;
    }
    size_t need = (size + alignment - 1) / alignment * alignment;
    struct arena_block *block = arena->blocks;
    if (need > ARENA_SHARED_MAX) {
        block = arena_add_block(arena, need > ARENA_BLOCK_SIZE ? need : ARENA_BLOCK_SIZE + alignment);
    } else if (block == NULL || need > block->size - block->used) {
        block = arena_add_block(arena, ARENA_BLOCK_SIZE);
    }
    if (block == NULL) {
        arena->failed = true;
        return NULL;
    }
    void *memory = block->bytes + block->used;
    block->used += need;
    return memory;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size) {
        arena->failed = true;
        return NULL;
    }
    return arena_alloc(arena, count * size);
}

char *arena_text(struct arena *arena, const char *text, size_t size)
{
    char *copy = size < SIZE_MAX ? arena_alloc(arena, size + 1) : NULL;
    if (copy != NULL && size > 0) {
        memcpy(copy, text, size);
    }
    return copy;
}

void arena_free(struct arena *arena)
{
    struct arena_block *block = arena->blocks;
    while (block != NULL) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
    *arena = (struct arena){0};
}
