/*
 * keyring - an array of references. Made by the config and by the thread that fetches key sets; read by any thread.
 */
#include "auth/keyring.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

struct keyring {
    atomic_size_t references;
    size_t count;
    struct key *keys[];
};

struct keyring *keyring_create(struct key *const *keys, size_t count)
{
    if (count > KEYRING_KEYS_MAX) {
        return NULL;
    }
    struct keyring *ring = malloc(sizeof(*ring) + count * sizeof(struct key *));
    if (ring == NULL) {
        return NULL;
    }
    atomic_init(&ring->references, 1);
    ring->count = count;
    for (size_t i = 0; i < count; i++) {
        ring->keys[i] = key_ref(keys[i]);
    }
    return ring;
}

struct keyring *keyring_ref(struct keyring *ring)
{
    atomic_fetch_add_explicit(&ring->references, 1, memory_order_relaxed);
    return ring;
}

void keyring_unref(struct keyring **ring)
{
    struct keyring *gone = *ring;
    *ring = NULL;
    if (gone == NULL || atomic_fetch_sub_explicit(&gone->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < gone->count; i++) {
        key_unref(&gone->keys[i]);
    }
    free(gone);
}

size_t keyring_count(const struct keyring *ring)
{
    return ring->count;
}

struct key *keyring_key(const struct keyring *ring, size_t index)
{
    return ring->keys[index];
}
