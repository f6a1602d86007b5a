/*
 * loop - one epoll set, one timing wheel and one inbox, run by one thread; see loop.h.
 *
 * Lock: `inbox_lock` guards the inbox's list and count. It is held for a few instructions, and no other lock is taken
 * under it. The eventfd is written only for the first message to a loop that sleeps: one that is at work sees by `attention` that
 * there is mail before it sleeps.
 */
#include "server/loop/loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "server/loop/crowd.h"
#include "server/loop/list.h"

/* Events fetched by one epoll_wait(): enough to spread the cost of the call, few enough that timers stay punctual. */
#define LOOP_BATCH 256

/* Waits in a row that must have been short before a loop polls. One that is long ends the row, so that polling in vain is never
 * more than one in so many, and an idle loop does not poll at all. */
#define SHORT_WAITS_MIN 8

/* A loop that polls for a crowd finds a few of it each time, and goes a full round for them. It naps before it looks again when
 * the last round brought less than half a group: then more of them have come, and those that the others are busy with lose
 * nothing. With fewer than CROWD_MIN all may be waiting for this loop; those are answered at once. */
#define CROWD_MIN  64
#define FULL_ROUND (LOOP_GROUP / 2)
/* About what a handful of messages takes the other side. Without the kernel's leave to be late by 50 us. */
#define NAP_US       20
#define NAP_SLACK_NS 1UL

/* What a loop does, and whether it has to look into its inbox. */
enum attention {
    LOOP_AWAKE,
    LOOP_ASLEEP, /* whoever posts has to ring */
    LOOP_MAIL,   /* somebody has posted, and has rung if that was needed */
};

struct loop {
    int epoll_fd;
    uint64_t now_ms;
    struct timer_wheel timers;

    struct epoll_event batch[LOOP_BATCH];
    int batch_next; /* the part of the batch that is still to be dispatched */
    int batch_end;

    struct loop_group *group; /* NULL: nobody is told */

    unsigned busy_poll_us; /* 0: never */
    unsigned short_waits;  /* in a row, up to SHORT_WAITS_MIN */
    struct crowd crowd;    /* of the sources that events come from */

    atomic_uint_least64_t dispatched; /* written by the loop's thread only */
    atomic_bool stop;
    struct loop_source wake; /* the eventfd */

    pthread_mutex_t inbox_lock;
    struct loop_message *inbox_head;
    struct loop_message **inbox_tail;
    size_t inbox_count;
    size_t inbox_max;
    bool inbox_closed;
    atomic_int attention; /* enum attention; any thread */
};

uint64_t loop_clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void wake_up(struct loop *loop)
{
    uint64_t one = 1;
    ssize_t written;
    do {
        written = write(loop->wake.fd, &one, sizeof(one));
    } while (written < 0 && errno == EINTR);
    /* EAGAIN: the counter is at its maximum, so the loop is awake anyway. */
}

static void count_dispatched(struct loop *loop)
{
    uint64_t dispatched = atomic_load_explicit(&loop->dispatched, memory_order_relaxed);
    atomic_store_explicit(&loop->dispatched, dispatched + 1, memory_order_relaxed); /* no locked addition */
}

/* Takes all waiting messages at once and delivers them without the lock. */
static void deliver_inbox(struct loop *loop, bool close)
{
    pthread_mutex_lock(&loop->inbox_lock);
    struct loop_message *message = loop->inbox_head;
    loop->inbox_head = NULL;
    loop->inbox_tail = &loop->inbox_head;
    loop->inbox_count = 0;
    loop->inbox_closed = loop->inbox_closed || close;
    pthread_mutex_unlock(&loop->inbox_lock);

    while (message != NULL) {
        struct loop_message *next = message->next;
        message->deliver(message);
        message = next;
        count_dispatched(loop);
    }
}

/* The loop looks into its inbox before it sleeps again. Nobody reads the eventfd: it is edge-triggered. */
static void on_wake(struct loop_source *source, uint32_t events)
{
    (void)source;
    (void)events;
}

struct loop *loop_create(size_t inbox_max)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    if (loop == NULL) {
        return NULL;
    }
    loop->wake = (struct loop_source){.on_ready = on_wake, .fd = -1};
    loop->inbox_tail = &loop->inbox_head;
    loop->inbox_max = inbox_max;
    loop->now_ms = loop_clock_ms();
    timer_wheel_init(&loop->timers, loop->now_ms);
    pthread_mutex_init(&loop->inbox_lock, NULL);

    int wake_fd = -1;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0) {
        goto failed;
    }
    wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0 || !loop_add(loop, &loop->wake, wake_fd, EPOLLIN | EPOLLET)) {
        goto failed;
    }
    return loop;

failed:;
    int error = errno;
    if (wake_fd >= 0) {
        close(wake_fd);
    }
    if (loop->epoll_fd >= 0) {
        close(loop->epoll_fd);
    }
    pthread_mutex_destroy(&loop->inbox_lock);
    free(loop);
    errno = error;
    return NULL;
}

void loop_destroy(struct loop **loop_pointer)
{
    struct loop *loop = *loop_pointer;
    if (loop == NULL) {
        return;
    }
    *loop_pointer = NULL;
    close(loop->wake.fd);
    close(loop->epoll_fd);
    pthread_mutex_destroy(&loop->inbox_lock);
    free(loop);
}

bool loop_add(struct loop *loop, struct loop_source *source, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        return false;
    }
    source->fd = fd;
    return true;
}

void loop_modify(struct loop *loop, struct loop_source *source, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};
    int result = epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event);
    assert(result == 0);
    (void)result;
}

void loop_remove(struct loop *loop, struct loop_source *source)
{
    if (source->fd < 0) {
        return;
    }
    int result = epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
    assert(result == 0);
    (void)result;
    loop_forget(loop, source);
}

void loop_forget(struct loop *loop, struct loop_source *source)
{
    if (source->fd < 0) {
        return;
    }
    source->fd = -1;
    for (int i = loop->batch_next; i < loop->batch_end; i++) {
        if (loop->batch[i].data.ptr == source) {
            loop->batch[i].data.ptr = NULL;
        }
    }
}

uint64_t loop_now_ms(const struct loop *loop)
{
    return loop->now_ms;
}

struct timer_wheel *loop_timers(struct loop *loop)
{
    return &loop->timers;
}

void loop_set_group(struct loop *loop, struct loop_group *group)
{
    loop->group = group;
}

void loop_set_busy_poll(struct loop *loop, unsigned us)
{
    loop->busy_poll_us = us;
}

static uint64_t clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int fetch(struct loop *loop, int timeout_ms)
{
    return epoll_wait(loop->epoll_fd, loop->batch, LOOP_BATCH, timeout_ms);
}

static bool may_nap(const struct loop *loop)
{
    return loop->busy_poll_us > NAP_US && loop->crowd.size >= CROWD_MIN && loop->batch_end < FULL_ROUND;
}

static void nap(void)
{
    const struct timespec length = {.tv_nsec = NAP_US * 1000L};
    (void)nanosleep(&length, NULL);
}

/* As epoll_wait(), but for the first microseconds without waiting to be woken. */
static int fetch_busily(struct loop *loop, int timeout_ms)
{
    uint64_t began_us = clock_us();
    uint64_t now_us = began_us;
    int count = 0;
    if (loop->short_waits >= SHORT_WAITS_MIN) {
        if (may_nap(loop)) {
            nap();
        }
        do {
            count = fetch(loop, 0);
            now_us = clock_us();
        } while (count == 0 && now_us - began_us < loop->busy_poll_us);
    }
    if (count == 0) {
        count = fetch(loop, timeout_ms);
        now_us = clock_us();
    }
    if (now_us - began_us >= loop->busy_poll_us) {
        loop->short_waits = 0;
    } else if (loop->short_waits < SHORT_WAITS_MIN) {
        loop->short_waits++;
    }
    return count;
}

static void dispatch_group(struct loop *loop)
{
    int left = loop->batch_end - loop->batch_next;
    int end = loop->batch_next + (left < LOOP_GROUP ? left : LOOP_GROUP);
    if (loop->group != NULL) {
        loop->group->before(loop->group, loop->batch + loop->batch_next, end - loop->batch_next);
    }
    while (loop->batch_next < end) {
        const struct epoll_event *event = &loop->batch[loop->batch_next++];
        struct loop_source *source = event->data.ptr;
        if (source != NULL) {
            count_dispatched(loop);
            crowd_see(&loop->crowd, source);
            source->on_ready(source, event->events);
        }
    }
    if (loop->group != NULL) {
        loop->group->after(loop->group);
    }
}

/* False when there is mail, which is to be delivered then. */
static bool fall_asleep(struct loop *loop)
{
    int expected = LOOP_AWAKE;
    if (atomic_compare_exchange_strong(&loop->attention, &expected, LOOP_ASLEEP)) {
        return true;
    }
    atomic_store(&loop->attention,
                 LOOP_AWAKE); /* before the inbox is emptied: what is posted from now on counts as new */
    return false;
}

static void awake(struct loop *loop)
{
    int expected = LOOP_ASLEEP;
    (void)atomic_compare_exchange_strong(&loop->attention, &expected, LOOP_AWAKE);
}

void loop_run(struct loop *loop)
{
    if (loop->busy_poll_us > 0) {
        (void)prctl(PR_SET_TIMERSLACK, NAP_SLACK_NS, 0, 0, 0); /* of this thread */
    }
    while (!atomic_load_explicit(&loop->stop, memory_order_acquire)) {
        int timeout_ms = timer_wheel_wait_ms(&loop->timers, loop_clock_ms());
        if (!fall_asleep(loop)) {
            deliver_inbox(loop, false);
            timeout_ms = 0; /* messages may have set timers, and more may have come */
        }
        /* With mail just delivered nobody rings: there must be no polling before the loop has looked again. */
        bool busily = loop->busy_poll_us > 0 && timeout_ms != 0;
        int count = busily ? fetch_busily(loop, timeout_ms) : fetch(loop, timeout_ms);
        awake(loop);
        loop->now_ms = loop_clock_ms();
        loop->batch_next = 0;
        loop->batch_end = count < 0 ? 0 : count; /* EINTR: look at the timers and wait again */
        while (loop->batch_next < loop->batch_end) {
            dispatch_group(loop);
        }
        timer_wheel_run(&loop->timers, loop->now_ms);
    }
    deliver_inbox(loop, true);
}

uint64_t loop_progress(const struct loop *loop)
{
    return atomic_load_explicit(&loop->dispatched, memory_order_relaxed) + timer_wheel_fired(&loop->timers);
}

void loop_stop(struct loop *loop)
{
    atomic_store_explicit(&loop->stop, true, memory_order_release);
    wake_up(loop);
}

static bool post(struct loop *loop, struct loop_message *message, size_t inbox_max)
{
    message->next = NULL;
    pthread_mutex_lock(&loop->inbox_lock);
    bool taken = !loop->inbox_closed && loop->inbox_count < inbox_max;
    if (taken) {
        *loop->inbox_tail = message;
        loop->inbox_tail = &message->next;
        loop->inbox_count++;
    }
    pthread_mutex_unlock(&loop->inbox_lock);
    if (taken && atomic_exchange(&loop->attention, LOOP_MAIL) == LOOP_ASLEEP) {
        wake_up(loop);
    }
    return taken;
}

bool loop_post(struct loop *loop, struct loop_message *message)
{
    return post(loop, message, loop->inbox_max);
}

bool loop_post_control(struct loop *loop, struct loop_message *message)
{
    return post(loop, message, SIZE_MAX);
}

bool loop_ended(struct loop *loop)
{
    pthread_mutex_lock(&loop->inbox_lock);
    bool ended = loop->inbox_closed;
    pthread_mutex_unlock(&loop->inbox_lock);
    return ended;
}
