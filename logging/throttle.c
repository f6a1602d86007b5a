/*
 * throttle - counts of events by kind. Any thread that logs counts; the writer thread turns the period.
 *
 * There are two tables: while the writer reads one without the lock, the other is counted in.
 */
#include "logging/throttle.h"

#include <stdlib.h>
#include <string.h>

#include "logging/mutex.h"

/* The name that the kinds past THROTTLE_KINDS share. */
#define OTHERS "other_events"

struct table {
    size_t count;
    struct throttle_entry entries[THROTTLE_KINDS + 1]; /* the last one is the others' */
};

struct throttle {
    struct mutex lock;
    unsigned current LOCK_GUARDED;
    struct table tables[2]; /* tables[current] under the lock; the other one is the writer's */
};

UNCHECKED_LOCKING struct throttle *throttle_new(void)
{
    struct throttle *throttle = calloc(1, sizeof *throttle);
    if (throttle != NULL) {
        mutex_init(&throttle->lock);
    }
    return throttle;
}

void throttle_free(struct throttle **throttle)
{
    if (*throttle != NULL) {
        mutex_destroy(&(*throttle)->lock);
        free(*throttle);
        *throttle = NULL;
    }
}

/* FNV-1a. It only makes comparing cheap: a peer who makes hashes collide gains nothing. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++) {
        hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    }
    return hash * UINT64_C(0x100000001b3); /* keeps "ab","c" and "a","bc" apart */
}

static void make_kind(struct throttle_entry *kind, enum log_level level, const char *event, const char *key)
{
    memset(kind, 0, sizeof *kind);
    kind->level = level;
    kind->has_key = key != NULL;
    memcpy(kind->event, event, strnlen(event, THROTTLE_NAME_MAX));
    if (key != NULL) {
        memcpy(kind->key, key, strnlen(key, THROTTLE_KEY_MAX));
    }
    kind->hash = hash_text(hash_text(UINT64_C(0xcbf29ce484222325), kind->event), kind->key);
}

static bool same_kind(const struct throttle_entry *a, const struct throttle_entry *b)
{
    return a->hash == b->hash && a->has_key == b->has_key && strcmp(a->event, b->event) == 0 &&
           strcmp(a->key, b->key) == 0;
}

static struct throttle_entry *find(struct table *table, const struct throttle_entry *kind)
{
    for (size_t i = 0; i < table->count; i++) {
        if (same_kind(&table->entries[i], kind)) {
            return &table->entries[i];
        }
    }
    if (table->count < THROTTLE_KINDS) {
        struct throttle_entry *entry = &table->entries[table->count++];
        *entry = *kind;
        return entry;
    }
    struct throttle_entry *others = &table->entries[THROTTLE_KINDS];
    if (table->count == THROTTLE_KINDS) {
        make_kind(others, kind->level, OTHERS, NULL);
        table->count++;
    }
    return others;
}

bool throttle_admit(struct throttle *throttle, enum log_level level, const char *event, const char *key)
{
    struct throttle_entry kind;
    make_kind(&kind, level, event, key);
    mutex_lock(&throttle->lock);
    struct throttle_entry *entry = find(&throttle->tables[throttle->current], &kind);
    entry->count++;
    if (level > entry->level) {
        entry->level = level;
    }
    const bool admitted = entry->count <= THROTTLE_FULL;
    mutex_unlock(&throttle->lock);
    return admitted;
}

const struct throttle_entry *throttle_turn(struct throttle *throttle, size_t *count_r)
{
    mutex_lock(&throttle->lock);
    struct table *ended = &throttle->tables[throttle->current];
    throttle->current ^= 1u;
    throttle->tables[throttle->current].count = 0;
    mutex_unlock(&throttle->lock);
    *count_r = ended->count;
    return ended->entries;
}
