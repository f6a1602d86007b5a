/*
 * queue - the unsent output of a session: bytes in order, no memory while it is empty. One thread: the session's loop.
 */
#ifndef PORTCULLIS_SESSION_QUEUE_H
#define PORTCULLIS_SESSION_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue_block;

/* A member of a session, hence small; touch it through the functions. */
struct queue {
    struct queue_block *block; /* owned; NULL when empty */
};

void queue_init(struct queue *queue);
void queue_deinit(struct queue *queue);

size_t queue_size(const struct queue *queue);
/* Bytes that it has memory for; 0 when empty. */
size_t queue_capacity(const struct queue *queue);
/* The unsent bytes; valid until the next call. NULL when empty. */
uint8_t *queue_bytes(const struct queue *queue);

/* The block grows by doubling, but not past `capacity_max` bytes unless what is in it needs that. False when memory is short:
 * the queue is as it was. */
bool __attribute__((warn_unused_result))
queue_append(struct queue *queue, const void *bytes, size_t size, size_t capacity_max);
/* Drops `size` bytes from the front, as sent; at most queue_size(). */
void queue_consume(struct queue *queue, size_t size);

#endif
