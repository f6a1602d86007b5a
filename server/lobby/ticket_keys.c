/*
 * ticket_keys - a short ring of keys under a lock; see ticket_keys.h. Rotated on the main thread, read by the lobby threads.
 */
#include "server/lobby/ticket_keys.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "logging/mutex.h"

/* The current one, and those of whose tickets some may be valid. */
#define KEYS_MAX (TICKET_LIFE_ROTATIONS + 1)

struct aged_key {
    struct ticket_key key;
    uint64_t made_ms;
};

struct ticket_keys {
    struct mutex lock;
    struct aged_key ring[KEYS_MAX] LOCK_GUARDED; /* newest first */
    size_t count LOCK_GUARDED;
    uint64_t rotation_ms; /* main thread */
    uint64_t made_ms;     /* main thread: of the current key */
};

static void retire_locked(struct ticket_keys *keys, uint64_t now_ms) REQUIRES_LOCK(keys->lock);
static void push_locked(struct ticket_keys *keys, const struct aged_key *key) REQUIRES_LOCK(keys->lock);

static bool make_key(struct aged_key *key_r, uint64_t now_ms)
{
    struct aged_key key = {.made_ms = now_ms};
    bool good = RAND_bytes(key.key.name, sizeof(key.key.name)) == 1 &&
                RAND_priv_bytes(key.key.cipher, sizeof(key.key.cipher)) == 1 &&
                RAND_priv_bytes(key.key.mac, sizeof(key.key.mac)) == 1;
    if (good) {
        *key_r = key;
    }
    OPENSSL_cleanse(&key, sizeof(key));
    return good;
}

struct ticket_keys *ticket_keys_create(uint64_t rotation_ms, uint64_t now_ms)
{
    struct aged_key first;
    struct ticket_keys *keys = calloc(1, sizeof(*keys));
    if (keys == NULL || !make_key(&first, now_ms)) {
        free(keys);
        return NULL;
    }
    mutex_init(&keys->lock);
    mutex_lock(&keys->lock);
    keys->ring[0] = first;
    keys->count = 1;
    mutex_unlock(&keys->lock);
    keys->rotation_ms = rotation_ms;
    keys->made_ms = now_ms;
    OPENSSL_cleanse(&first, sizeof(first));
    return keys;
}

void ticket_keys_destroy(struct ticket_keys **keys_pointer)
{
    struct ticket_keys *keys = *keys_pointer;
    if (keys == NULL) {
        return;
    }
    *keys_pointer = NULL;
    mutex_destroy(&keys->lock);
    OPENSSL_cleanse(keys, sizeof(*keys));
    free(keys);
}

void ticket_keys_set_rotation(struct ticket_keys *keys, uint64_t rotation_ms)
{
    keys->rotation_ms = rotation_ms;
}

/* Wipes from the oldest on what is too old, never the current one. */
static void retire_locked(struct ticket_keys *keys, uint64_t now_ms)
{
    const uint64_t life_ms = keys->rotation_ms * KEYS_MAX; /* days at most: no overflow */
    while (keys->count > 1 && now_ms - keys->ring[keys->count - 1].made_ms >= life_ms) {
        keys->count--;
        OPENSSL_cleanse(&keys->ring[keys->count], sizeof(keys->ring[keys->count]));
    }
}

static void push_locked(struct ticket_keys *keys, const struct aged_key *key)
{
    memmove(&keys->ring[1], &keys->ring[0], (KEYS_MAX - 1) * sizeof(keys->ring[0]));
    keys->ring[0] = *key;
    keys->count = keys->count < KEYS_MAX ? keys->count + 1 : KEYS_MAX;
}

uint64_t ticket_keys_rotate(struct ticket_keys *keys, uint64_t now_ms)
{
    struct aged_key next = {0};
    /* Made before the lock is taken: randomness may take its time. */
    bool made = keys->rotation_ms > 0 && now_ms - keys->made_ms >= keys->rotation_ms && make_key(&next, now_ms);
    mutex_lock(&keys->lock);
    if (made) {
        push_locked(keys, &next);
        keys->made_ms = now_ms;
    }
    retire_locked(keys, now_ms);
    mutex_unlock(&keys->lock);
    OPENSSL_cleanse(&next, sizeof(next));
    if (keys->rotation_ms == 0) {
        return UINT64_MAX;
    }
    uint64_t due_ms = keys->made_ms + keys->rotation_ms;
    return due_ms > now_ms ? due_ms : now_ms + 1000; /* no randomness: again in a second */
}

void ticket_keys_current(struct ticket_keys *keys, struct ticket_key *key_r)
{
    mutex_lock(&keys->lock);
    *key_r = keys->ring[0].key;
    mutex_unlock(&keys->lock);
}

enum ticket_age ticket_keys_find(struct ticket_keys *keys, const uint8_t name[TICKET_KEY_NAME_SIZE],
                                 struct ticket_key *key_r)
{
    enum ticket_age age = TICKET_UNKNOWN;
    mutex_lock(&keys->lock);
    for (size_t i = 0; i < keys->count; i++) {
        /* The name is no secret: it stands in each ticket as it is. */
        if (memcmp(keys->ring[i].key.name, name, TICKET_KEY_NAME_SIZE) == 0) {
            *key_r = keys->ring[i].key;
            age = i == 0 ? TICKET_CURRENT : TICKET_OLD;
            break;
        }
    }
    mutex_unlock(&keys->lock);
    return age;
}
