/*
 * arena - memory that is given back all at once: every string and array of one config.
 *
 * Filled by the thread that loads; freed by whichever drops the last reference.
 */
#ifndef PORTCULLIS_CONFIG_ARENA_H
#define PORTCULLIS_CONFIG_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_block;

/* All zero is an empty arena. */
struct arena {
    struct arena_block *blocks;
    bool failed; /* an allocation returned NULL: what was built is not complete */
};

/* `size` zeroed bytes, aligned for any type; NULL (and `failed`) when memory is short. Zero bytes are a valid request. */
void *arena_alloc(struct arena *arena, size_t size);

/* As above for an array; a product that overflows counts as memory that is short. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* A copy with a NUL behind it. */
char *arena_text(struct arena *arena, const char *text, size_t size);

void arena_free(struct arena *arena);

#endif
