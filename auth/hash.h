/*
 * hash - a table of chains whose links stand in the elements themselves. Grows by doubling; never shrinks. For one owner, who brings
 * lock and hashes.
 */
#ifndef PORTCULLIS_AUTH_HASH_H
#define PORTCULLIS_AUTH_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_link {
    struct hash_link *next;
    uint64_t hash;
};

/* All zero is an empty table. */
struct hash {
    struct hash_link **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    size_t count;
};

/* Room for one more element; false without memory, and then only when the table is empty: a full one goes on with longer chains. */
__attribute__((warn_unused_result)) bool hash_reserve(struct hash *table);
/* After hash_reserve(). `link->hash` is set. */
void hash_insert(struct hash *table, struct hash_link *link);
/* It is in there. */
void hash_remove(struct hash *table, struct hash_link *link);
/* The first that may have this hash; then follow `next` and compare. NULL in an empty table. */
struct hash_link *hash_first(const struct hash *table, uint64_t hash);
/* Frees the table, not the elements. */
void hash_clear(struct hash *table);

#endif
