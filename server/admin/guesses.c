/*
 * guesses - see guesses.h. The peers that guessed last are remembered, a fixed number.
 *
 * Lock: `lock` guards the table, for one look through it.
 */
#include "server/admin/guesses.h"

#include <stddef.h>
#include <stdlib.h>

#include "logging/mutex.h"
#include "server/gate/bucket.h"

#define PEERS 64
/* A person who mistypes or a script that tries twice gets by; a guesser gets a line a second. */
#define PER_SECOND 1.0
#define BURST      10.0
/* Of all peers together: loopback alone has 16 million addresses, and each attempt is a line in the audit log. */
#define ALL_PER_SECOND 10.0
#define ALL_BURST      100.0

struct guesses {
    struct mutex lock;
    struct {
        struct address address;
        struct bucket bucket;
        bool used;
    } peers[PEERS] LOCK_GUARDED;
    struct bucket all LOCK_GUARDED;
};

UNCHECKED_LOCKING struct guesses *guesses_create(void)
{
    struct guesses *guesses = calloc(1, sizeof(*guesses));
    if (guesses != NULL) {
        mutex_init(&guesses->lock);
        guesses->all = bucket_full(0);
    }
    return guesses;
}

void guesses_destroy(struct guesses **guesses)
{
    if (*guesses != NULL) {
        mutex_destroy(&(*guesses)->lock);
        free(*guesses);
        *guesses = NULL;
    }
}

static size_t find_locked(struct guesses *guesses, const struct address *peer) REQUIRES_LOCK(guesses->lock);

/* The peer's place, or else that of who has been quiet for longest. */
static size_t find_locked(struct guesses *guesses, const struct address *peer)
{
    size_t oldest = 0;
    for (size_t i = 0; i < PEERS; i++) {
        if (!guesses->peers[i].used || address_equal(&guesses->peers[i].address, peer)) {
            return i;
        }
        if (guesses->peers[i].bucket.at_ms < guesses->peers[oldest].bucket.at_ms) {
            oldest = i;
        }
    }
    guesses->peers[oldest].used = false;
    return oldest;
}

bool guesses_allow(struct guesses *guesses, const struct address *peer, uint64_t now_ms)
{
    const struct bucket_limit limit = bucket_limit_of(PER_SECOND, BURST);
    const struct bucket_limit all_limit = bucket_limit_of(ALL_PER_SECOND, ALL_BURST);
    mutex_lock(&guesses->lock);
    size_t place = find_locked(guesses, peer);
    if (!guesses->peers[place].used) {
        guesses->peers[place].used = true;
        guesses->peers[place].address = *peer;
        guesses->peers[place].bucket = bucket_full(now_ms);
    }
    bool allowed =
        bucket_take(&guesses->peers[place].bucket, &limit, now_ms) && bucket_take(&guesses->all, &all_limit, now_ms);
    mutex_unlock(&guesses->lock);
    return allowed;
}
