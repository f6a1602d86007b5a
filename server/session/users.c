/*
 * users - seats by user name in a hash table of shards; see users.h.
 *
 * Names are those of tokens that were found good, but whoever issues tokens may let people choose their names: the hash is keyed.
 */
#include "server/session/users.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "logging/mutex.h"
#include "server/gate/siphash.h"

#define SHARDS      64
#define SHARD_SHIFT 58
#define BUCKETS_MIN 16

/* A user with one seat at least. */
struct users_entry {
    struct users_entry *next; /* in its bucket */
    struct list seats;
    size_t count; /* of the seats, those that count */
    uint64_t hash;
    char user[];
};

struct shard {
    struct mutex lock;
    struct users_entry **buckets LOCK_GUARDED; /* a power of two */
    size_t bucket_count LOCK_GUARDED;
    size_t entry_count LOCK_GUARDED;
};

struct users {
    uint8_t hash_key[SIPHASH_KEY_SIZE];
    struct shard shards[SHARDS];
};

static struct users_entry *find_locked(const struct shard *shard, const char *user, uint64_t hash)
    REQUIRES_LOCK(shard->lock);
static struct users_entry *obtain_locked(struct shard *shard, const char *user, uint64_t hash)
    REQUIRES_LOCK(shard->lock);
static bool grow_locked(struct shard *shard) REQUIRES_LOCK(shard->lock);
static void drop_locked(struct shard *shard, struct users_entry *entry) REQUIRES_LOCK(shard->lock);

static uint64_t hash_of(const struct users *users, const char *user)
{
    return siphash(users->hash_key, (const uint8_t *)user, strlen(user));
}

/* The high bits choose the shard, the low ones the bucket. */
static unsigned shard_of(uint64_t hash)
{
    return (unsigned)(hash >> SHARD_SHIFT);
}
_Static_assert(SHARDS == 1 << (64 - SHARD_SHIFT), "shard_of");

UNCHECKED_LOCKING struct users *users_create(void)
{
    struct users *users = calloc(1, sizeof(*users));
    if (users == NULL || RAND_bytes(users->hash_key, sizeof(users->hash_key)) != 1) {
        free(users);
        return NULL;
    }
    for (size_t i = 0; i < SHARDS; i++) {
        mutex_init(&users->shards[i].lock);
    }
    return users;
}

UNCHECKED_LOCKING void users_destroy(struct users **users_pointer)
{
    struct users *users = *users_pointer;
    if (users == NULL) {
        return;
    }
    *users_pointer = NULL;
    for (size_t i = 0; i < SHARDS; i++) {
        assert(users->shards[i].entry_count == 0);
        mutex_destroy(&users->shards[i].lock);
        free(users->shards[i].buckets);
    }
    free(users);
}

void users_seat_init(struct users_seat *seat)
{
    *seat = (struct users_seat){0};
    list_init(&seat->link);
    atomic_init(&seat->references, 1);
}

bool users_seat_release(struct users_seat *seat)
{
    return atomic_fetch_sub_explicit(&seat->references, 1, memory_order_acq_rel) == 1;
}

/* ---- entries ---- */

static struct users_entry *find_locked(const struct shard *shard, const char *user, uint64_t hash)
{
    if (shard->bucket_count == 0) {
        return NULL;
    }
    struct users_entry *entry = shard->buckets[hash & (shard->bucket_count - 1)];
    while (entry != NULL && (entry->hash != hash || strcmp(entry->user, user) != 0)) {
        entry = entry->next;
    }
    return entry;
}

/* Twice the buckets. False without memory, which only matters when there are none yet. */
static bool grow_locked(struct shard *shard)
{
    size_t count = shard->bucket_count == 0 ? BUCKETS_MIN : 2 * shard->bucket_count;
    struct users_entry **buckets = calloc(count, sizeof(struct users_entry *));
    if (buckets == NULL) {
        return shard->bucket_count > 0;
    }
    for (size_t i = 0; i < shard->bucket_count; i++) {
        struct users_entry *next;
        for (struct users_entry *entry = shard->buckets[i]; entry != NULL; entry = next) {
            next = entry->next;
            struct users_entry **place = &buckets[entry->hash & (count - 1)];
            entry->next = *place;
            *place = entry;
        }
    }
    free(shard->buckets);
    shard->buckets = buckets;
    shard->bucket_count = count;
    return true;
}

/* The user's entry, made when there is none. NULL without memory. */
static struct users_entry *obtain_locked(struct shard *shard, const char *user, uint64_t hash)
{
    struct users_entry *entry = find_locked(shard, user, hash);
    if (entry != NULL) {
        return entry;
    }
    if (shard->entry_count >= shard->bucket_count && !grow_locked(shard)) {
        return NULL;
    }
    size_t size = strlen(user) + 1;
    entry = malloc(sizeof(*entry) + size);
    if (entry == NULL) {
        return NULL;
    }
    struct users_entry **place = &shard->buckets[hash & (shard->bucket_count - 1)];
    *entry = (struct users_entry){.next = *place, .hash = hash};
    memcpy(entry->user, user, size);
    list_init(&entry->seats);
    *place = entry;
    shard->entry_count++;
    return entry;
}

/* An entry without seats goes. */
static void drop_locked(struct shard *shard, struct users_entry *entry)
{
    if (!list_is_empty(&entry->seats)) {
        return;
    }
    struct users_entry **place = &shard->buckets[entry->hash & (shard->bucket_count - 1)];
    while (*place != entry) {
        place = &(*place)->next;
    }
    *place = entry->next;
    shard->entry_count--;
    free(entry);
}

/* The first that counts; there is one. */
static struct users_seat *oldest_of(const struct users_entry *entry)
{
    struct list *link = entry->seats.next;
    while (CONTAINER_OF(link, struct users_seat, link)->called) {
        link = link->next;
        assert(link != &entry->seats);
    }
    return CONTAINER_OF(link, struct users_seat, link);
}

/* ---- seats ---- */

enum users_status users_take(struct users *users, struct users_seat *seat, const char *user, size_t max, bool replace,
                             struct users_seat **oldest_r)
{
    uint64_t hash = hash_of(users, user);
    struct shard *shard = &users->shards[shard_of(hash)];
    enum users_status status = USERS_OK;
    struct users_seat *oldest = NULL;
    mutex_lock(&shard->lock);
    struct users_entry *entry = obtain_locked(shard, user, hash);
    if (entry == NULL) {
        status = USERS_NO_MEMORY;
    } else if (max != 0 && entry->count >= max && !replace) {
        status = USERS_FULL;
    } else {
        /* One goes for one that comes: where the limit was lowered meanwhile, nobody loses more than a session at a time. */
        if (max != 0 && entry->count >= max) {
            oldest = oldest_of(entry);
            oldest->called = true;
            atomic_fetch_add_explicit(&oldest->references, 1, memory_order_relaxed);
            entry->count--;
        }
        list_push_back(&entry->seats, &seat->link);
        seat->entry = entry;
        seat->shard = shard_of(hash);
        seat->called = false;
        entry->count++;
    }
    if (status == USERS_FULL) {
        drop_locked(shard, entry);
    }
    mutex_unlock(&shard->lock);
    if (status == USERS_OK) {
        *oldest_r = oldest;
    }
    return status;
}

void users_leave(struct users *users, struct users_seat *seat)
{
    struct shard *shard = &users->shards[seat->shard];
    mutex_lock(&shard->lock);
    struct users_entry *entry = seat->entry;
    if (entry != NULL) {
        entry->count -= seat->called ? 0 : 1;
        list_remove(&seat->link);
        seat->entry = NULL;
        drop_locked(shard, entry);
    }
    mutex_unlock(&shard->lock);
}

size_t users_count(struct users *users, const char *user)
{
    uint64_t hash = hash_of(users, user);
    struct shard *shard = &users->shards[shard_of(hash)];
    mutex_lock(&shard->lock);
    const struct users_entry *entry = find_locked(shard, user, hash);
    size_t count = entry == NULL ? 0 : entry->count;
    mutex_unlock(&shard->lock);
    return count;
}
