/*
 * hash - a table of chains. Used by revocations.c under its lock.
 */
#include "auth/hash.h"

#include <stdlib.h>

#define BUCKETS_FIRST 64 /* a power of two */

static struct hash_link **bucket_of(const struct hash *table, uint64_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

bool hash_reserve(struct hash *table)
{
    if (table->count < table->bucket_count) {
        return true;
    }
    const struct hash old = *table;
    struct hash grown = {.bucket_count = old.bucket_count == 0 ? BUCKETS_FIRST : old.bucket_count * 2};
    grown.buckets = calloc(grown.bucket_count, sizeof(struct hash_link *));
    if (grown.buckets == NULL) {
        return old.bucket_count > 0;
    }
    for (size_t i = 0; i < old.bucket_count; i++) {
        struct hash_link *link = old.buckets[i];
        while (link != NULL) {
            struct hash_link *next = link->next;
            hash_insert(&grown, link);
            link = next;
        }
    }
    free(old.buckets);
    *table = grown;
    return true;
}

void hash_insert(struct hash *table, struct hash_link *link)
{
    struct hash_link **bucket = bucket_of(table, link->hash);
    link->next = *bucket;
    *bucket = link;
    table->count++;
}

void hash_remove(struct hash *table, struct hash_link *link)
{
    struct hash_link **at = bucket_of(table, link->hash);
    while (*at != link) {
        at = &(*at)->next;
    }
    *at = link->next;
    table->count--;
}

struct hash_link *hash_first(const struct hash *table, uint64_t hash)
{
    return table->bucket_count == 0 ? NULL : *bucket_of(table, hash);
}

void hash_clear(struct hash *table)
{
    free(table->buckets);
    *table = (struct hash){0};
}
