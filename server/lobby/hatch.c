/*
 * hatch - pairs of sockets that are used again; see hatch.h. Runs on the lobby threads.
 */
#include "server/lobby/hatch.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/loop/list.h"

/* How often it is looked whether all that are kept are needed. */
#define TRIM_MS 1000

void hatch_close(struct hatch *hatch)
{
    close(hatch->in);
    close(hatch->out);
    *hatch = (struct hatch){.in = -1, .out = -1};
}

static void set_timer(struct hatch_set *set)
{
    set->spare = set->count;
    timer_set(loop_timers(set->loop), &set->timer, loop_now_ms(set->loop) + TRIM_MS);
}

static void on_timer(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    struct hatch_set *set = CONTAINER_OF(timer, struct hatch_set, timer);
    for (; set->spare > 0; set->spare--) {
        hatch_close(&set->kept[--set->count]);
    }
    if (set->count > 0) {
        set_timer(set);
    }
}

void hatch_set_init(struct hatch_set *set, struct loop *loop)
{
    *set = (struct hatch_set){.loop = loop};
    timer_init(&set->timer, on_timer);
}

void hatch_set_deinit(struct hatch_set *set)
{
    while (set->count > 0) {
        hatch_close(&set->kept[--set->count]);
    }
}

/* SEQPACKET: what one request leaves unread, if anything ever, the next does not see. */
static bool open_pair(struct hatch *hatch_r)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        return false;
    }
    /* civetweb does so, too, whenever it is done with one: this way the first time is like all others. */
    (void)shutdown(pair[1], SHUT_WR);
    *hatch_r = (struct hatch){.in = pair[0], .out = pair[1]};
    return true;
}

bool hatch_take(struct hatch_set *set, struct hatch *hatch_r)
{
    if (set->count == 0) {
        return open_pair(hatch_r);
    }
    *hatch_r = set->kept[--set->count];
    set->spare = set->count < set->spare ? set->count : set->spare;
    return true;
}

void hatch_return(struct hatch_set *set, struct hatch *hatch)
{
    if (set->count == HATCHES_KEPT) {
        hatch_close(hatch);
        return;
    }
    set->kept[set->count++] = *hatch;
    *hatch = (struct hatch){.in = -1, .out = -1};
    if (set->count == 1 && !timer_is_set(&set->timer)) {
        set_timer(set);
    }
}

int hatch_pass(const struct hatch *hatch, struct iovec *pieces, int count)
{
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        total += pieces[i].iov_len;
    }
    int fd = fcntl(hatch->out, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = (size_t)count};
    if (sendmsg(hatch->in, &message, MSG_NOSIGNAL) != (ssize_t)total) {
        close(fd);
        return -1;
    }
    return fd;
}
