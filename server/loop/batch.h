/*
 * batch - many receives or sends on plain sockets in one system call, by io_uring.
 *
 * With small messages, entering the kernel costs as much as a good part of what is done there. io_uring takes a list of
 * operations and does them in one call. It is used for that alone, not for waiting: no operation may block, so each is over
 * when batch_run() returns. No buffer, descriptor or completion outlives the call, and nothing has to be cancelled.
 *
 * One thread: the loop's; creating and destroying may happen on another.
 */
#ifndef PORTCULLIS_LOOP_BATCH_H
#define PORTCULLIS_LOOP_BATCH_H

#include <stdbool.h>
#include <stddef.h>

struct batch;

/* For up to `max` operations at a time. NULL with errno set where the kernel refuses: no io_uring (ENOSYS), forbidden
 * (EPERM, EACCES), without what this needs (EINVAL). Each kind of operation was tried once on success. */
struct batch *batch_create(unsigned max);
void batch_destroy(struct batch **batch);

/* Adds an operation; the buffer must stay until batch_run() has returned. At most `max` of them. Its result will be in
 * *result_r: the bytes transferred, or a negative errno, -EAGAIN where it would have had to wait. */
void batch_receive(struct batch *batch, int fd, void *bytes, size_t size, int *result_r);
void batch_send(struct batch *batch, int fd, const void *bytes, size_t size, int *result_r);

/* Does what was added. False when the kernel no longer plays along: what it has not done has BATCH_UNDONE as its result, and
 * the batch is of no use any more. */
bool __attribute__((warn_unused_result)) batch_run(struct batch *batch);

/* No errno has this value (the kernel's end at 4095). */
#define BATCH_UNDONE (-4096)

#endif
