/*
 * pack - lays parts of any size out in one block of memory, by going over them twice: the first time without a block, to learn its
 * size, the second time to fill it. Any thread.
 */
#ifndef PORTCULLIS_AUTH_PACK_H
#define PORTCULLIS_AUTH_PACK_H

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct pack {
    uint8_t *block; /* NULL the first time; aligned for any type */
    size_t used;
};

/* Room for `size` bytes; NULL the first time. What is packed exists in memory already, so the sum cannot overflow. */
static inline void *pack_room(struct pack *pack, size_t size, size_t alignment)
{
    const size_t at = (pack->used + alignment - 1) / alignment * alignment;
    pack->used = at + size;
    return pack->block != NULL ? pack->block + at : NULL;
}

/* A copy with a NUL behind it; NULL the first time. */
static inline char *pack_text(struct pack *pack, const char *text, size_t size)
{
    char *copy = pack_room(pack, size + 1, 1);
    if (copy != NULL) {
        if (size > 0) {
            memcpy(copy, text, size);
        }
        copy[size] = '\0';
    }
    return copy;
}

#endif
