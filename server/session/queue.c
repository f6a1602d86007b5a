/*
 * queue - a growing byte queue for output that the socket did not take; see queue.h.
 */
#include "server/session/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_CAPACITY_MIN 512

struct queue_block {
    size_t start; /* of what is unsent */
    size_t end;
    size_t capacity;
    uint8_t bytes[];
};

void queue_init(struct queue *queue)
{
    queue->block = NULL;
}

void queue_deinit(struct queue *queue)
{
    free(queue->block);
    queue->block = NULL;
}

size_t queue_size(const struct queue *queue)
{
    return queue->block == NULL ? 0 : queue->block->end - queue->block->start;
}

size_t queue_capacity(const struct queue *queue)
{
    return queue->block == NULL ? 0 : queue->block->capacity;
}

uint8_t *queue_bytes(const struct queue *queue)
{
    return queue->block == NULL ? NULL : queue->block->bytes + queue->block->start;
}

/* Whether `size` more bytes have room behind `end`, if need be when what is before `start` is dropped. */
static bool fits(struct queue_block *block, size_t size)
{
    if (block == NULL) {
        return false;
    }
    size_t used = block->end - block->start;
    if (size <= block->capacity - block->end) {
        return true;
    }
    if (block->start < used || size > block->capacity - used) {
        return false;
    }
    /* Half of it is sent already: moving the rest costs less than what was sent since the last move. */
    memmove(block->bytes, block->bytes + block->start, used);
    block->start = 0;
    block->end = used;
    return true;
}

/* Moves what there is to a block with room for `size` more bytes. */
static bool grow(struct queue *queue, size_t size, size_t capacity_max)
{
    size_t used = queue_size(queue);
    if (size > SIZE_MAX / 4 - used) {
        return false;
    }
    size_t capacity = queue->block == NULL ? QUEUE_CAPACITY_MIN : queue->block->capacity;
    if (capacity < QUEUE_CAPACITY_MIN) {
        capacity = QUEUE_CAPACITY_MIN;
    }
    while (capacity < used + size) {
        capacity *= 2;
    }
    if (capacity > capacity_max) {
        capacity = capacity_max > used + size ? capacity_max : used + size;
    }
    struct queue_block *block = malloc(sizeof(*block) + capacity);
    if (block == NULL) {
        return false;
    }
    if (used > 0) {
        memcpy(block->bytes, queue_bytes(queue), used);
    }
    block->start = 0;
    block->end = used;
    block->capacity = capacity;
    free(queue->block);
    queue->block = block;
    return true;
}

bool queue_append(struct queue *queue, const void *bytes, size_t size, size_t capacity_max)
{
    if (size == 0) {
        return true;
    }
    if (!fits(queue->block, size) && !grow(queue, size, capacity_max)) {
        return false;
    }
    struct queue_block *block = queue->block;
    memcpy(block->bytes + block->end, bytes, size);
    block->end += size;
    return true;
}

void queue_consume(struct queue *queue, size_t size)
{
    assert(size <= queue_size(queue));
    if (size == queue_size(queue)) {
        queue_deinit(queue);
    } else {
        queue->block->start += size;
    }
}
