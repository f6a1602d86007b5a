/*
 * ring - bounded queue of lines: many producers (any thread that logs), one consumer (the writer thread).
 *
 * Positions count bytes for ever and are reduced modulo the size on access. The bytes between `read` and `seen`
 * belong to the writer alone: it reads them without the lock, and no producer can reach them before the writer
 * moves `freed` past them, under the lock.
 */
#include "logging/ring.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "logging/line.h"
#include "logging/mutex.h"

/* Room is given back in steps while the writer works through a full ring, so that producers do not wait for its end. */
#define STEPS 8

struct record {
    uint16_t size;
    uint16_t targets;
};
_Static_assert(LOG_LINE_MAX <= UINT16_MAX, "a line's size fits a record");

#define VITAL_PART 4 /* one of so many parts is for vital lines alone */
_Static_assert(RING_SIZE_MIN / VITAL_PART >= sizeof(struct record) + LOG_LINE_MAX,
               "a vital line of any size fits there");

struct ring {
    struct mutex lock;
    uint64_t freed LOCK_GUARDED;  /* up to here the room is the producers' */
    uint64_t filled LOCK_GUARDED; /* up to here there are lines */
    uint64_t dropped LOCK_GUARDED;
    uint64_t dropped_for[TARGET_COUNT] LOCK_GUARDED;
    uint64_t read; /* the writer's own: next byte to read */
    uint64_t seen; /* the writer's own: `filled` when it last looked */
    size_t size;
    int wake_fd;
    uint8_t *bytes;
};

struct ring *ring_new(size_t size)
{
    struct ring *ring = calloc(1, sizeof *ring);
    if (ring == NULL) {
        return NULL;
    }
    mutex_init(&ring->lock);
    ring->size = size < RING_SIZE_MIN ? RING_SIZE_MIN : size;
    ring->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ring->bytes = malloc(ring->size);
    if (ring->wake_fd < 0 || ring->bytes == NULL) {
        const int saved = errno;
        ring_free(&ring);
        errno = saved;
    }
    return ring;
}

void ring_free(struct ring **ring)
{
    if (*ring == NULL) {
        return;
    }
    if ((*ring)->wake_fd >= 0) {
        close((*ring)->wake_fd);
    }
    mutex_destroy(&(*ring)->lock);
    free((*ring)->bytes);
    free(*ring);
    *ring = NULL;
}

static void copy_in(struct ring *ring, uint64_t position, const void *bytes, size_t size)
{
    const size_t at = (size_t)(position % ring->size);
    const size_t first = size < ring->size - at ? size : ring->size - at;
    memcpy(ring->bytes + at, bytes, first);
    memcpy(ring->bytes, (const uint8_t *)bytes + first, size - first);
}

static void copy_out(const struct ring *ring, uint64_t position, void *bytes, size_t size)
{
    const size_t at = (size_t)(position % ring->size);
    const size_t first = size < ring->size - at ? size : ring->size - at;
    memcpy(bytes, ring->bytes + at, first);
    memcpy((uint8_t *)bytes + first, ring->bytes, size - first);
}

static size_t limit_of(const struct ring *ring, enum ring_share share)
{
    switch (share) {
    case RING_COMMON:
        return ring->size - ring->size / VITAL_PART;
    case RING_VITAL:
        break;
    }
    return ring->size;
}

/* `limit`: bytes that may be in use afterwards. */
static bool put_locked(struct ring *ring, size_t limit, struct record record, const char *bytes)
    REQUIRES_LOCK(ring->lock);
static bool put_locked(struct ring *ring, size_t limit, struct record record, const char *bytes)
{
    const size_t used = (size_t)(ring->filled - ring->freed);
    if (used > limit || sizeof record + record.size > limit - used) {
        ring->dropped++;
        for (unsigned target = 0; target < TARGET_COUNT; target++) {
            ring->dropped_for[target] += record.targets >> target & 1u;
        }
        return false;
    }
    copy_in(ring, ring->filled, &record, sizeof record);
    copy_in(ring, ring->filled + sizeof record, bytes, record.size);
    ring->filled += sizeof record + record.size;
    return true;
}

bool ring_put(struct ring *ring, enum ring_share share, unsigned targets, const char *bytes, size_t size)
{
    assert(size <= LOG_LINE_MAX);
    const struct record record = {(uint16_t)size, (uint16_t)targets};
    mutex_lock(&ring->lock);
    const bool was_empty = ring->filled == ring->freed;
    const bool taken = put_locked(ring, limit_of(ring, share), record, bytes);
    mutex_unlock(&ring->lock);
    if (was_empty) {
        ring_wake(ring);
    }
    return taken;
}

void ring_wake(struct ring *ring)
{
    const uint64_t one = 1;
    /* The one way to fail is a counter at its maximum, which is a wake as well. */
    const ssize_t done = write(ring->wake_fd, &one, sizeof one);
    (void)done;
}

bool ring_ready(struct ring *ring)
{
    mutex_lock(&ring->lock);
    ring->freed = ring->read;
    ring->seen = ring->filled;
    mutex_unlock(&ring->lock);
    return ring->seen != ring->read;
}

static void give_back(struct ring *ring)
{
    mutex_lock(&ring->lock);
    ring->freed = ring->read;
    mutex_unlock(&ring->lock);
}

bool ring_next(struct ring *ring, struct line *line, unsigned *targets_r)
{
    if (ring->read == ring->seen) {
        return false;
    }
    struct record record;
    copy_out(ring, ring->read, &record, sizeof record);
    copy_out(ring, ring->read + sizeof record, line->bytes, record.size);
    line->size = record.size;
    *targets_r = record.targets;

    const size_t step = ring->size / STEPS;
    const uint64_t before = ring->read / step;
    ring->read += sizeof record + record.size;
    if (ring->read / step != before && ring->read != ring->seen) {
        give_back(ring);
    }
    return true;
}

int ring_fd(const struct ring *ring)
{
    return ring->wake_fd;
}

void ring_calm(struct ring *ring)
{
    uint64_t count = 0;
    const ssize_t done = read(ring->wake_fd, &count, sizeof count);
    (void)done; /* EAGAIN: nothing to calm */
}

void ring_take_dropped(struct ring *ring, uint64_t counts[TARGET_COUNT])
{
    mutex_lock(&ring->lock);
    for (size_t i = 0; i < TARGET_COUNT; i++) {
        counts[i] += ring->dropped_for[i];
        ring->dropped_for[i] = 0;
    }
    mutex_unlock(&ring->lock);
}

size_t ring_used(struct ring *ring)
{
    mutex_lock(&ring->lock);
    const size_t used = (size_t)(ring->filled - ring->freed);
    mutex_unlock(&ring->lock);
    return used;
}

uint64_t ring_dropped(struct ring *ring)
{
    mutex_lock(&ring->lock);
    const uint64_t dropped = ring->dropped;
    mutex_unlock(&ring->lock);
    return dropped;
}
