/*
 * batch - io_uring as one system call for many operations; see batch.h. Called by the session loops.
 */
#include "server/loop/batch.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <liburing.h>

struct batch {
    struct io_uring ring;
    unsigned max;
    unsigned count; /* added, and not done yet */
};

/* A byte through a pair of sockets: older kernels have io_uring without these operations, and a filter may forbid them. */
static bool try_once(struct batch *batch)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        return false;
    }
    char sent = 'x';
    char received = 0;
    int result = BATCH_UNDONE;
    batch_send(batch, pair[0], &sent, 1, &result);
    bool works = batch_run(batch) && result == 1;
    if (works) {
        batch_receive(batch, pair[1], &received, 1, &result);
        works = batch_run(batch) && result == 1 && received == sent;
    }
    if (works) { /* an empty socket is not waited for */
        batch_receive(batch, pair[1], &received, 1, &result);
        works = batch_run(batch) && result == -EAGAIN;
    }
    close(pair[0]);
    close(pair[1]);
    errno = result < 0 && result > BATCH_UNDONE && result != -EAGAIN ? -result : EINVAL;
    return works;
}

struct batch *batch_create(unsigned max)
{
    struct batch *batch = calloc(1, sizeof(*batch));
    if (batch == NULL) {
        return NULL;
    }
    batch->max = max;
    /* SUBMIT_ALL: an operation that fails does not keep those behind it from being done. */
    int status = io_uring_queue_init(max, &batch->ring, IORING_SETUP_SUBMIT_ALL);
    if (status < 0) {
        free(batch);
        errno = -status;
        return NULL;
    }
    if (!try_once(batch)) {
        int error = errno;
        batch_destroy(&batch);
        errno = error;
        return NULL;
    }
    return batch;
}

void batch_destroy(struct batch **batch_pointer)
{
    struct batch *batch = *batch_pointer;
    if (batch == NULL) {
        return;
    }
    *batch_pointer = NULL;
    io_uring_queue_exit(&batch->ring);
    free(batch);
}

static struct io_uring_sqe *add(struct batch *batch, int *result_r)
{
    assert(batch->count < batch->max);
    struct io_uring_sqe *operation = io_uring_get_sqe(&batch->ring);
    assert(operation != NULL); /* the ring has `max` places, and batch_run() leaves it empty */
    *result_r = BATCH_UNDONE;
    batch->count++;
    return operation;
}

void batch_receive(struct batch *batch, int fd, void *bytes, size_t size, int *result_r)
{
    assert(size <= INT_MAX);
    struct io_uring_sqe *operation = add(batch, result_r);
    io_uring_prep_recv(operation, fd, bytes, size, MSG_DONTWAIT);
    io_uring_sqe_set_data(operation, result_r);
}

void batch_send(struct batch *batch, int fd, const void *bytes, size_t size, int *result_r)
{
    assert(size <= INT_MAX);
    struct io_uring_sqe *operation = add(batch, result_r);
    io_uring_prep_send(operation, fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    io_uring_sqe_set_data(operation, result_r);
}

static void reap(struct batch *batch)
{
    unsigned head;
    unsigned seen = 0;
    struct io_uring_cqe *completion;
    io_uring_for_each_cqe(&batch->ring, head, completion)
    {
        int *result_r = io_uring_cqe_get_data(completion);
        *result_r = completion->res;
        seen++;
    }
    io_uring_cq_advance(&batch->ring, seen);
    assert(seen <= batch->count);
    batch->count -= seen;
}

bool batch_run(struct batch *batch)
{
    while (batch->count > 0) {
        int status = io_uring_submit_and_wait(&batch->ring, batch->count);
        reap(batch);
        if (status < 0 && status != -EINTR) {
            return false;
        }
    }
    return true;
}
