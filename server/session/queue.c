/*
 * queue - a growing byte queue for output that the socket did not take; see queue.h.
 */
#include "server/session/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_CAPACITY_MIN 512

void queue_init(struct queue *queue)
{
    *queue = (struct queue){0};
}

void queue_deinit(struct queue *queue)
{
    free(queue->bytes);
    queue_init(queue);
}

size_t queue_size(const struct queue *queue)
{
    return queue->end - queue->start;
}

uint8_t *queue_bytes(const struct queue *queue)
{
    return queue->bytes == NULL ? NULL : queue->bytes + queue->start;
}

/* Makes room for `size` more bytes behind `end`. */
static bool reserve(struct queue *queue, size_t size, size_t capacity_max)
{
    size_t used = queue_size(queue);
    if (size <= queue->capacity - queue->end) {
        return true;
    }
    if (queue->start >= used && size <= queue->capacity - used) {
        /* Half of it is sent already: moving the rest costs less than what was sent since the last move. */
        memmove(queue->bytes, queue->bytes + queue->start, used);
        queue->start = 0;
        queue->end = used;
        return true;
    }
    if (size > SIZE_MAX / 2 - used) {
        return false;
    }
    size_t capacity = queue->capacity < QUEUE_CAPACITY_MIN ? QUEUE_CAPACITY_MIN : queue->capacity;
    while (capacity < used + size) {
        capacity *= 2;
    }
    if (capacity > capacity_max) {
        capacity = capacity_max > used + size ? capacity_max : used + size;
    }
    uint8_t *bytes = malloc(capacity);
    if (bytes == NULL) {
        return false;
    }
    if (used > 0) {
        memcpy(bytes, queue->bytes + queue->start, used);
    }
    free(queue->bytes);
    *queue = (struct queue){.bytes = bytes, .start = 0, .end = used, .capacity = capacity};
    return true;
}

bool queue_append(struct queue *queue, const void *bytes, size_t size, size_t capacity_max)
{
    if (size == 0) {
        return true;
    }
    if (!reserve(queue, size, capacity_max)) {
        return false;
    }
    memcpy(queue->bytes + queue->end, bytes, size);
    queue->end += size;
    return true;
}

void queue_consume(struct queue *queue, size_t size)
{
    assert(size <= queue_size(queue));
    queue->start += size;
    if (queue->start == queue->end) {
        queue_deinit(queue);
    }
}
