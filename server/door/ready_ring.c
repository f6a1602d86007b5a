/*
 * ready_ring - a bounded queue with an eventfd that tells whether it is empty; see ready_ring.h.
 *
 * Lock: `lock` guards the entries and keeps the eventfd's state equal to "not empty". Reading and writing the eventfd
 * under it does not block: it is non-blocking.
 */
#include "server/door/ready_ring.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct ready_ring {
    pthread_mutex_t lock;
    int event_fd;
    atomic_uint taken;
    size_t capacity;
    size_t first;
    size_t count;
    struct ready_entry entries[];
};

struct ready_ring *ready_ring_create(size_t capacity)
{
    struct ready_ring *ring = calloc(1, sizeof(*ring) + capacity * sizeof(ring->entries[0]));
    if (ring == NULL) {
        return NULL;
    }
    ring->capacity = capacity;
    ring->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (ring->event_fd < 0) {
        int error = errno;
        free(ring);
        errno = error;
        return NULL;
    }
    pthread_mutex_init(&ring->lock, NULL);
    return ring;
}

void ready_ring_destroy(struct ready_ring **ring_pointer)
{
    struct ready_ring *ring = *ring_pointer;
    if (ring == NULL) {
        return;
    }
    *ring_pointer = NULL;
    struct ready_entry entry;
    while (ready_ring_pop(ring, &entry)) {
        if (entry.fd >= 0) {
            close(entry.fd);
        }
    }
    close(ring->event_fd);
    pthread_mutex_destroy(&ring->lock);
    free(ring);
}

int ready_ring_event_fd(const struct ready_ring *ring)
{
    return ring->event_fd;
}

bool ready_ring_push(struct ready_ring *ring, const struct ready_entry *entry)
{
    pthread_mutex_lock(&ring->lock);
    bool taken = ring->count < ring->capacity;
    if (taken) {
        ring->entries[(ring->first + ring->count) % ring->capacity] = *entry;
        if (ring->count++ == 0) {
            uint64_t one = 1;
            ssize_t written = write(ring->event_fd, &one, sizeof(one));
            assert(written == (ssize_t)sizeof(one));
            (void)written;
        }
    }
    pthread_mutex_unlock(&ring->lock);
    return taken;
}

unsigned ready_ring_taken(const struct ready_ring *ring)
{
    return atomic_load_explicit(&ring->taken, memory_order_relaxed);
}

bool ready_ring_pop(struct ready_ring *ring, struct ready_entry *entry_r)
{
    pthread_mutex_lock(&ring->lock);
    bool found = ring->count > 0;
    if (found) {
        *entry_r = ring->entries[ring->first];
        if (entry_r->fd >= 0) {
            atomic_fetch_add_explicit(&ring->taken, 1, memory_order_relaxed);
        }
        ring->first = (ring->first + 1) % ring->capacity;
        if (--ring->count == 0) {
            uint64_t value;
            ssize_t size = read(ring->event_fd, &value, sizeof(value));
            assert(size == (ssize_t)sizeof(value));
            (void)size;
        }
    }
    pthread_mutex_unlock(&ring->lock);
    return found;
}
