/*
 * schema_arena - memory that is taken piece by piece while something is built, and given back all at once. One thread at a
 * time.
 */
#ifndef PORTCULLIS_VALIDATE_SCHEMA_ARENA_H
#define PORTCULLIS_VALIDATE_SCHEMA_ARENA_H

#include <stddef.h>

struct schema_arena {
    struct schema_block *newest; /* NULL: empty */
};

/* `count` zeroed elements of `size` bytes, aligned for anything; NULL without memory. */
__attribute__((warn_unused_result)) void *schema_arena_take(struct schema_arena *arena, size_t count, size_t size);
void schema_arena_clear(struct schema_arena *arena);

#endif
