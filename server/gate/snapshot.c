/*
 * snapshot - reading without a lock, reclaiming by counting readers out.
 * Read on the accept path by lobby threads; replaced by whoever reloads the config or changes a list.
 */
#include "server/gate/snapshot.h"

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "logging/mutex.h"

#define CACHE_LINE   64
#define STRIPE_COUNT 64 /* threads beyond it share counters: slower, as right */
#define SIDE_COUNT   2
#define WAIT_NS      20000 /* between looks at a counter; a reading takes well under a microsecond */

struct stripe {
    alignas(CACHE_LINE) _Atomic(unsigned) readers[SIDE_COUNT];
};

struct snapshot {
    struct stripe stripes[STRIPE_COUNT];
    _Atomic(void *) value;
    _Atomic(unsigned) side; /* the one that new readers take */
    struct mutex writer;    /* one writer at a time */
};

/* Threads take stripes in turn, at their first reading. */
static unsigned stripe_of_thread(void)
{
    static _Atomic(unsigned) next;
    static _Thread_local unsigned mine; /* 0: none yet */
    if (mine == 0) {
        mine = 1 + atomic_fetch_add_explicit(&next, 1, memory_order_relaxed) % STRIPE_COUNT;
    }
    return mine - 1;
}

struct snapshot *snapshot_create(void *value)
{
    assert(value != NULL);
    struct snapshot *snapshot = aligned_alloc(alignof(struct snapshot), sizeof(*snapshot));
    if (snapshot == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < STRIPE_COUNT; i++) {
        for (size_t side = 0; side < SIDE_COUNT; side++) {
            atomic_init(&snapshot->stripes[i].readers[side], 0);
        }
    }
    atomic_init(&snapshot->value, value);
    atomic_init(&snapshot->side, 0);
    mutex_init(&snapshot->writer);
    return snapshot;
}

void *snapshot_destroy(struct snapshot **snapshot)
{
    if (*snapshot == NULL) {
        return NULL;
    }
    void *value = atomic_load(&(*snapshot)->value);
    mutex_destroy(&(*snapshot)->writer);
    free(*snapshot);
    *snapshot = NULL;
    return value;
}

/* The order is what makes it right, and sequential consistency what makes the order: a reader whose load gives the old
 * pointer stands before the exchange, and so does its count, which the writer then cannot miss. */
struct snapshot_reader snapshot_enter(struct snapshot *snapshot)
{
    struct snapshot_reader reader = {
        .stripe = stripe_of_thread(),
        .side = atomic_load_explicit(&snapshot->side, memory_order_relaxed),
    };
    atomic_fetch_add(&snapshot->stripes[reader.stripe].readers[reader.side], 1);
    reader.value = atomic_load(&snapshot->value);
    return reader;
}

void snapshot_leave(struct snapshot *snapshot, struct snapshot_reader reader)
{
    unsigned before = atomic_fetch_sub(&snapshot->stripes[reader.stripe].readers[reader.side], 1);
    assert(before > 0);
    (void)before;
}

/* Until each counter of a side has been seen at zero. */
static void wait_for_side(const struct snapshot *snapshot, unsigned side)
{
    const struct timespec pause = {.tv_sec = 0, .tv_nsec = WAIT_NS};
    for (size_t i = 0; i < STRIPE_COUNT; i++) {
        while (atomic_load(&snapshot->stripes[i].readers[side]) != 0) {
            nanosleep(&pause, NULL);
        }
    }
}

void *snapshot_replace(struct snapshot *snapshot, void *value)
{
    assert(value != NULL);
    mutex_lock(&snapshot->writer);
    void *old = atomic_exchange(&snapshot->value, value);
    for (size_t i = 0; i < SIDE_COUNT; i++) {
        unsigned side = atomic_load(&snapshot->side);
        atomic_store(&snapshot->side, (side + 1) % SIDE_COUNT);
        wait_for_side(snapshot, side);
    }
    mutex_unlock(&snapshot->writer);
    return old;
}
