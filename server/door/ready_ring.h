/*
 * ready_ring - the requests that are ready for civetweb: pushed by lobby threads, popped by its master thread in accept().
 *
 * The eventfd stands in for the listening socket: it is readable as long as the ring is not empty.
 */
#ifndef PORTCULLIS_DOOR_READY_RING_H
#define PORTCULLIS_DOOR_READY_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ready_entry {
    int fd;              /* civetweb's end of the socketpair that holds the head; -1: a probe of the self-check */
    uint32_t ticket;     /* the slot in the lobby; below 2^28 */
    uint16_t generation; /* of the slot */
};

struct ready_ring;

/* NULL with errno set. */
struct ready_ring *ready_ring_create(size_t capacity);
/* Closes the fds of entries that nobody took. */
void ready_ring_destroy(struct ready_ring **ring);

/* To be polled and duplicated, never read or closed. */
int ready_ring_event_fd(const struct ready_ring *ring);

/* False when full; the fd is the caller's then. Any thread; never blocks for long. */
bool __attribute__((warn_unused_result)) ready_ring_push(struct ready_ring *ring, const struct ready_entry *entry);
/* How many entries have been popped, probes apart; wraps. Any thread. */
unsigned ready_ring_taken(const struct ready_ring *ring);
/* False when empty. Takes the readiness of the eventfd with the last entry. */
bool __attribute__((warn_unused_result)) ready_ring_pop(struct ready_ring *ring, struct ready_entry *entry_r);

#endif
