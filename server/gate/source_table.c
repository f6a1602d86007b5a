/*
 * source_table - per-source buckets and counts, in shards of a keyed hash table.
 * Called by the gate for every connection that is not exempt: by lobby threads, and by whoever ends a connection.
 */
#include "server/gate/source_table.h"

#include <assert.h>
#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "logging/mutex.h"
#include "server/gate/siphash.h"

#define CACHE_LINE        64
#define SHARD_BITS_MAX    6u   /* 64 shards: far more than threads that meet here */
#define SHARD_SIZE_MIN    1024 /* smaller tables have fewer shards, so that no shard fills up long before the others */
#define IPV6_NETWORK_SIZE 8    /* bytes of a /64 */
#define EVICTION_WINDOW   8    /* idle entries that are looked at to find a place */
#define NOBODY            UINT32_MAX

/* Exactly a cache line. Entries are named by their index in the shard; NOBODY is none. */
struct source {
    uint64_t network; /* the first 8 bytes of an IPv6 address, or an IPv4 address */
    struct bucket connection_bucket;
    struct bucket tls_bucket;
    uint32_t connections;
    uint32_t lobby;
    uint32_t tls : 31;
    uint32_t ipv4 : 1;
    uint32_t next;  /* in its hash chain */
    uint32_t older; /* neighbours in the idle list, while it has no connections */
    uint32_t newer;
};
static_assert(sizeof(struct source) == CACHE_LINE, "an entry fills a cache line");

struct shard {
    alignas(CACHE_LINE) struct mutex lock;
    struct source *sources LOCK_GUARDED;
    uint32_t *chains LOCK_GUARDED; /* heads, by hash; a power of two of them */
    uint32_t chain_mask LOCK_GUARDED;
    uint32_t size LOCK_GUARDED;
    uint32_t used LOCK_GUARDED;   /* entries handed out: they are reused, never returned */
    uint32_t oldest LOCK_GUARDED; /* the ends of the idle list */
    uint32_t newest LOCK_GUARDED;
};

struct source_table {
    uint8_t hash_key[SIPHASH_KEY_SIZE];
    unsigned shard_bits;
    struct shard *shards;
    struct source *sources; /* of all shards, one after the other */
    uint32_t *chains;
    _Atomic(uint32_t) count;
};

/* What identifies a source. */
struct source_key {
    uint64_t network;
    bool ipv4;
};

/* What is asked of a shard. */
struct visit {
    struct source_key key;
    uint64_t hash;
    uint64_t now_ms;
    const struct source_limits *limits;
};

static struct source *source_named_locked(const struct source_table *table, const struct shard *shard, uint32_t name)
    REQUIRES_LOCK(shard->lock);
static void idle_append_locked(struct shard *shard, uint32_t index) REQUIRES_LOCK(shard->lock);
static void idle_remove_locked(struct shard *shard, uint32_t index) REQUIRES_LOCK(shard->lock);
static uint32_t *chain_locked(const struct shard *shard, uint64_t hash) REQUIRES_LOCK(shard->lock);
static uint32_t find_locked(const struct shard *shard, const struct visit *visit) REQUIRES_LOCK(shard->lock);
static void unchain_locked(const struct source_table *table, struct shard *shard, uint32_t index)
    REQUIRES_LOCK(shard->lock);
static uint32_t choose_victim_locked(const struct shard *shard, const struct visit *visit) REQUIRES_LOCK(shard->lock);
static uint32_t take_place_locked(struct source_table *table, struct shard *shard, const struct visit *visit)
    REQUIRES_LOCK(shard->lock);
static uint32_t visit_locked(struct source_table *table, struct shard *shard, const struct visit *visit)
    REQUIRES_LOCK(shard->lock);
static enum gate_verdict admit_locked(struct source_table *table, struct shard *shard, const struct visit *visit,
                                      uint32_t *index_r) REQUIRES_LOCK(shard->lock);

static struct source_key source_key_of(const struct address *from)
{
    struct source_key key = {.network = 0, .ipv4 = address_is_ipv4(from)};
    const uint8_t *bytes = key.ipv4 ? from->bytes + sizeof(from->bytes) - 4 : from->bytes;
    size_t size = key.ipv4 ? 4 : IPV6_NETWORK_SIZE;
    for (size_t i = 0; i < size; i++) {
        key.network = key.network << 8 | bytes[i];
    }
    return key;
}

static uint64_t hash_of(const struct source_table *table, struct source_key key)
{
    uint8_t bytes[sizeof(key.network) + 1];
    memcpy(bytes, &key.network, sizeof(key.network));
    bytes[sizeof(key.network)] = key.ipv4;
    return siphash(table->hash_key, bytes, sizeof(bytes));
}

static bool random_bytes(uint8_t *bytes, size_t size)
{
    ssize_t got;
    do {
        got = getrandom(bytes, size, 0);
    } while (got < 0 && errno == EINTR);
    return got == (ssize_t)size; /* up to 256 bytes come whole */
}

static uint32_t chain_count_for(uint32_t size)
{
    uint32_t count = 1;
    while (count < size) {
        count *= 2;
    }
    return count;
}

/* With the shard's slices of what the table allocated. */
UNCHECKED_LOCKING static void shard_init(struct shard *shard, uint32_t size, struct source *sources, uint32_t *chains,
                                         uint32_t chain_count)
{
    *shard = (struct shard){
        .sources = sources,
        .chains = chains,
        .chain_mask = chain_count - 1,
        .size = size,
        .oldest = NOBODY,
        .newest = NOBODY,
    };
    for (uint32_t i = 0; i < chain_count; i++) {
        chains[i] = NOBODY;
    }
    mutex_init(&shard->lock);
}

static unsigned shard_bits_for(uint32_t size)
{
    unsigned bits = 0;
    while (bits < SHARD_BITS_MAX && (size >> (bits + 1)) >= SHARD_SIZE_MIN) {
        bits++;
    }
    return bits;
}

struct source_table *source_table_create(uint32_t size)
{
    assert(size >= 1 && size <= SOURCE_TABLE_MAX);
    struct source_table *table = calloc(1, sizeof(*table));
    if (table == NULL) {
        return NULL;
    }
    table->shard_bits = shard_bits_for(size);
    uint32_t shard_count = UINT32_C(1) << table->shard_bits;
    uint32_t shard_size = size / shard_count;
    uint32_t chain_count = chain_count_for(shard_size);
    table->shards = aligned_alloc(alignof(struct shard), shard_count * sizeof(*table->shards));
    /* Entries are written when they are handed out: until then the system need not find pages for them. */
    table->sources = aligned_alloc(CACHE_LINE, size * sizeof(*table->sources));
    table->chains = malloc((size_t)chain_count * shard_count * sizeof(*table->chains));
    if (table->shards == NULL || table->sources == NULL || table->chains == NULL ||
        !random_bytes(table->hash_key, sizeof(table->hash_key))) {
        goto fail;
    }

    size_t first = 0;
    for (uint32_t i = 0; i < shard_count; i++) {
        uint32_t share = shard_size + (i < size % shard_count ? 1 : 0);
        shard_init(&table->shards[i], share, table->sources + first, table->chains + (size_t)i * chain_count,
                   chain_count);
        first += share;
    }
    return table;
fail:
    free(table->shards);
    free(table->sources);
    free(table->chains);
    free(table);
    return NULL;
}

void source_table_destroy(struct source_table **table)
{
    if (*table == NULL) {
        return;
    }
    for (uint32_t i = 0; i < UINT32_C(1) << (*table)->shard_bits; i++) {
        mutex_destroy(&(*table)->shards[i].lock);
    }
    free((*table)->shards);
    free((*table)->sources);
    free((*table)->chains);
    free(*table);
    *table = NULL;
}

/* The top bits of the hash; the low ones choose the chain. */
static uint32_t shard_number_of(const struct source_table *table, uint64_t hash)
{
    return (uint32_t)(hash >> (64 - SHARD_BITS_MAX)) >> (SHARD_BITS_MAX - table->shard_bits);
}

/* A source is named by its index in its shard, and the shard's number in the low bits. */
static struct shard *shard_named(const struct source_table *table, uint32_t name)
{
    return &table->shards[name & ((UINT32_C(1) << table->shard_bits) - 1)];
}

static struct source *source_named_locked(const struct source_table *table, const struct shard *shard, uint32_t name)
{
    uint32_t index = name >> table->shard_bits;
    assert(index < shard->used);
    return &shard->sources[index];
}

static void idle_append_locked(struct shard *shard, uint32_t index)
{
    struct source *source = &shard->sources[index];
    source->older = shard->newest;
    source->newer = NOBODY;
    if (shard->newest != NOBODY) {
        shard->sources[shard->newest].newer = index;
    } else {
        shard->oldest = index;
    }
    shard->newest = index;
}

static void idle_remove_locked(struct shard *shard, uint32_t index)
{
    const struct source *source = &shard->sources[index];
    if (source->older != NOBODY) {
        shard->sources[source->older].newer = source->newer;
    } else {
        shard->oldest = source->newer;
    }
    if (source->newer != NOBODY) {
        shard->sources[source->newer].older = source->older;
    } else {
        shard->newest = source->older;
    }
}

static uint32_t *chain_locked(const struct shard *shard, uint64_t hash)
{
    return &shard->chains[hash & shard->chain_mask];
}

static uint32_t find_locked(const struct shard *shard, const struct visit *visit)
{
    uint32_t index = *chain_locked(shard, visit->hash);
    while (index != NOBODY) {
        const struct source *source = &shard->sources[index];
        if (source->network == visit->key.network && source->ipv4 == visit->key.ipv4) {
            break;
        }
        index = source->next;
    }
    return index;
}

static void unchain_locked(const struct source_table *table, struct shard *shard, uint32_t index)
{
    const struct source *source = &shard->sources[index];
    struct source_key key = {.network = source->network, .ipv4 = source->ipv4};
    uint32_t *link = chain_locked(shard, hash_of(table, key));
    while (*link != index) {
        link = &shard->sources[*link].next;
    }
    *link = source->next;
}

/* Of the entries idle longest: the first whose buckets are full, or else the one that has the least to forget. */
static uint32_t choose_victim_locked(const struct shard *shard, const struct visit *visit)
{
    uint32_t victim = NOBODY;
    uint64_t least = UINT64_MAX;
    uint32_t index = shard->oldest;
    for (int i = 0; i < EVICTION_WINDOW && index != NOBODY && least > 0; i++) {
        const struct source *source = &shard->sources[index];
        uint64_t missing = bucket_missing(&source->connection_bucket, &visit->limits->connection_rate, visit->now_ms) +
                           bucket_missing(&source->tls_bucket, &visit->limits->tls_rate, visit->now_ms);
        if (victim == NOBODY || missing < least) {
            victim = index;
            least = missing;
        }
        index = source->newer;
    }
    return victim;
}

/* A place for a new source: an unused one, or an idle entry's. It is in no chain and not in the idle list. */
static uint32_t take_place_locked(struct source_table *table, struct shard *shard, const struct visit *visit)
{
    if (shard->used < shard->size) {
        atomic_fetch_add_explicit(&table->count, 1, memory_order_relaxed);
        return shard->used++;
    }
    uint32_t victim = choose_victim_locked(shard, visit);
    if (victim != NOBODY) {
        idle_remove_locked(shard, victim);
        unchain_locked(table, shard, victim);
    }
    return victim;
}

/* The source's entry, made if need be; as the most recent of the idle ones if it has no connections. */
static uint32_t visit_locked(struct source_table *table, struct shard *shard, const struct visit *visit)
{
    uint32_t index = find_locked(shard, visit);
    if (index != NOBODY) {
        if (shard->sources[index].connections == 0) {
            idle_remove_locked(shard, index);
            idle_append_locked(shard, index);
        }
        return index;
    }
    index = take_place_locked(table, shard, visit);
    if (index == NOBODY) {
        return NOBODY;
    }
    uint32_t *chain = chain_locked(shard, visit->hash);
    shard->sources[index] = (struct source){
        .network = visit->key.network,
        .ipv4 = visit->key.ipv4,
        .connection_bucket = bucket_full(visit->now_ms),
        .tls_bucket = bucket_full(visit->now_ms),
        .next = *chain,
    };
    *chain = index;
    idle_append_locked(shard, index);
    return index;
}

static bool is_at_cap(uint32_t count, uint32_t cap)
{
    return cap != 0 && count >= cap;
}

static enum gate_verdict judge_connection(struct source *source, const struct source_limits *limits, uint64_t now_ms)
{
    if (!bucket_take(&source->connection_bucket, &limits->connection_rate, now_ms)) {
        return GATE_RATE;
    }
    if (is_at_cap(source->connections, limits->connections)) {
        return GATE_SOURCE_CONNECTIONS;
    }
    if (is_at_cap(source->lobby, limits->lobby)) {
        return GATE_SOURCE_LOBBY;
    }
    return GATE_ADMIT;
}

static enum gate_verdict admit_locked(struct source_table *table, struct shard *shard, const struct visit *visit,
                                      uint32_t *index_r)
{
    uint32_t index = visit_locked(table, shard, visit);
    if (index == NOBODY) {
        return GATE_TABLE_FULL;
    }
    struct source *source = &shard->sources[index];
    enum gate_verdict verdict = judge_connection(source, visit->limits, visit->now_ms);
    if (verdict == GATE_ADMIT) {
        if (source->connections == 0) {
            idle_remove_locked(shard, index);
        }
        source->connections++;
        source->lobby++;
        *index_r = index;
    }
    return verdict;
}

enum gate_verdict source_table_admit(struct source_table *table, const struct source_limits *limits,
                                     const struct address *from, uint64_t now_ms, uint32_t *source_r)
{
    struct source_key key = source_key_of(from);
    struct visit visit = {.key = key, .hash = hash_of(table, key), .now_ms = now_ms, .limits = limits};
    uint32_t number = shard_number_of(table, visit.hash);
    struct shard *shard = &table->shards[number];
    uint32_t index;

    mutex_lock(&shard->lock);
    enum gate_verdict verdict = admit_locked(table, shard, &visit, &index);
    mutex_unlock(&shard->lock);
    if (verdict == GATE_ADMIT) {
        *source_r = index << table->shard_bits | number;
    }
    return verdict;
}

enum gate_verdict source_table_begin_tls(struct source_table *table, const struct source_limits *limits,
                                         uint32_t source_name, uint64_t now_ms)
{
    struct shard *shard = shard_named(table, source_name);
    enum gate_verdict verdict = GATE_ADMIT;

    mutex_lock(&shard->lock);
    struct source *source = source_named_locked(table, shard, source_name);
    assert(source->connections > 0);
    if (!bucket_take(&source->tls_bucket, &limits->tls_rate, now_ms)) {
        verdict = GATE_TLS_RATE;
    } else if (is_at_cap(source->tls, limits->tls)) {
        verdict = GATE_SOURCE_TLS;
    } else {
        source->tls++;
    }
    mutex_unlock(&shard->lock);
    return verdict;
}

void source_table_give_back(struct source_table *table, uint32_t source_name, unsigned held)
{
    struct shard *shard = shard_named(table, source_name);

    mutex_lock(&shard->lock);
    struct source *source = source_named_locked(table, shard, source_name);
    if ((held & GATE_HOLDS_TLS) != 0) {
        assert(source->tls > 0);
        source->tls--;
    }
    if ((held & GATE_HOLDS_LOBBY) != 0) {
        assert(source->lobby > 0);
        source->lobby--;
    }
    if ((held & GATE_HOLDS_CONNECTION) != 0) {
        assert(source->connections > 0);
        source->connections--;
        if (source->connections == 0) {
            idle_append_locked(shard, source_name >> table->shard_bits);
        }
    }
    mutex_unlock(&shard->lock);
}

uint32_t source_table_count(const struct source_table *table)
{
    return atomic_load_explicit(&table->count, memory_order_relaxed);
}
