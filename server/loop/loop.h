/*
 * loop - the event loop that lobby threads and session threads run: epoll, timers, an inbox.
 *
 * A loop belongs to the thread that runs it. Everything here is for that thread alone, except loop_post(), loop_post_control() and
 * loop_stop(). Other threads never touch what a loop owns: they post a message, and the loop's thread acts on it.
 */
#ifndef PORTCULLIS_LOOP_LOOP_H
#define PORTCULLIS_LOOP_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "server/loop/timer.h"

/* Something with a file descriptor; a member of what it belongs to. */
struct loop_source {
    void (*on_ready)(struct loop_source *source, uint32_t events); /* EPOLLIN, EPOLLOUT, … */
    int fd;                                                        /* -1: not watched */
};

/* Something another thread says; a member of what it is about, or allocated. */
struct loop_message {
    struct loop_message *next;
    void (*deliver)(struct loop_message *message); /* on the loop's thread; the message is the receiver's then */
};

struct loop;

/* Events are dispatched in groups of at most so many: few enough that what one event touches is still in the processor's
 * cache at the end of its group. */
#define LOOP_GROUP 64

/* Told of each group of events, so that work of the same kind can be done for all of it at once. */
struct loop_group {
    /* `data.ptr` of each event is its source, or NULL: removed meanwhile. The events are dispatched next. */
    void (*before)(struct loop_group *group, const struct epoll_event *events, int count);
    void (*after)(struct loop_group *group);
};

/* `inbox_max`: messages that may wait; loop_post() refuses more. NULL with errno set. */
struct loop *loop_create(size_t inbox_max);
/* After loop_run() has returned (or was never called), and nothing can post any more. */
void loop_destroy(struct loop **loop);

/* Runs until loop_stop(). Closes the inbox at the end: messages that were accepted are delivered first. */
void loop_run(struct loop *loop);
/* Any thread; the loop ends after what it is doing. */
void loop_stop(struct loop *loop);

/* Borrows `group` until the loop is destroyed. Before loop_run(). */
void loop_set_group(struct loop *loop, struct loop_group *group);

/* Lets the loop ask again and again for up to `us` microseconds before it sleeps, as long as there is something within that time
 * in wait after wait: to sleep and to be woken takes longer than many a short wait. While dozens of sources take turns, it
 * lets some microseconds pass in between, so that several of them are ready. 0: it sleeps at once. Before loop_run(). */
void loop_set_busy_poll(struct loop *loop, unsigned us);

/* Watches `fd`, which stays the caller's. False with errno set (ENOMEM, ENOSPC). */
bool __attribute__((warn_unused_result))
loop_add(struct loop *loop, struct loop_source *source, int fd, uint32_t events);
void loop_modify(struct loop *loop, struct loop_source *source, uint32_t events);
/* Stops watching, before the fd is closed. Events already fetched for it are dropped: the source may be freed at once.
 * Does nothing for a source that is not watched. */
void loop_remove(struct loop *loop, struct loop_source *source);
/* As loop_remove(), when the fd is closed next and has no duplicate: then the kernel stops watching it by itself. */
void loop_forget(struct loop *loop, struct loop_source *source);

/* CLOCK_MONOTONIC in milliseconds, read once an iteration. */
uint64_t loop_now_ms(const struct loop *loop);
struct timer_wheel *loop_timers(struct loop *loop);

/* Any thread, never blocks for long. False when the inbox is full or closed: the message is still the caller's.
 * Messages of one sender are delivered in their order. */
bool __attribute__((warn_unused_result)) loop_post(struct loop *loop, struct loop_message *message);

/* The same for what must arrive and there is little of: a message that is a member of something, so that it is on its way once at a
 * time. A full inbox takes it, too. False: the loop has ended. */
bool __attribute__((warn_unused_result)) loop_post_control(struct loop *loop, struct loop_message *message);

/* Grows with each event and each timer: a loop that has much to do in one go is told from one that is stuck. Any thread. */
uint64_t loop_progress(const struct loop *loop);

/* Whether loop_run() has come to its end, so that the inbox is closed for good. Any thread. */
bool loop_ended(struct loop *loop);

/* CLOCK_MONOTONIC in milliseconds, now. Any thread. */
uint64_t loop_clock_ms(void);

#endif
