/*
 * schema_arena - the memory of a compiled schema. Called by the compiler of schemas, on the thread that compiles.
 */
#include "validate/schema_arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#define BLOCK_SIZE 16384 /* hundreds of subschemas; what is larger has a block of its own */

struct schema_block {
    struct schema_block *older;
    size_t used;
    size_t size;
    alignas(max_align_t) unsigned char bytes[];
};

void *schema_arena_take(struct schema_arena *arena, size_t count, size_t size)
{
    const size_t grain = alignof(max_align_t);
    if (size == 0 || count > (SIZE_MAX / 2) / size) {
        return NULL;
    }
    const size_t need = (count * size + grain - 1) / grain * grain;
    struct schema_block *block = arena->newest;
    if (block == NULL || need > block->size - block->used) {
        const size_t room = need > BLOCK_SIZE ? need : BLOCK_SIZE;
        block = calloc(1, sizeof(*block) + room);
        if (block == NULL) {
            return NULL;
        }
        block->size = room;
        block->older = arena->newest;
        arena->newest = block;
    }
    void *piece = block->bytes + block->used;
    block->used += need;
    return piece;
}

void schema_arena_clear(struct schema_arena *arena)
{
    while (arena->newest != NULL) {
        struct schema_block *older = arena->newest->older;
        free(arena->newest);
        arena->newest = older;
    }
}
