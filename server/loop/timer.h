/*
 * timer - a hashed timing wheel: many timers, almost none of which ever fire.
 *
 * Setting, moving and cancelling cost O(1) and no memory: a timer is a member of what it belongs to. Timers fire up to
 * one tick late and never early. A timer further away than one turn of the wheel stays in its slot and is looked at
 * once a turn. One thread: the loop that owns the wheel.
 */
#ifndef PORTCULLIS_LOOP_TIMER_H
#define PORTCULLIS_LOOP_TIMER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TIMER_TICK_MS 8
#define TIMER_SLOTS   2048 /* one turn: 16.4 s */

struct timer {
    struct timer *next; /* NULL: not set */
    struct timer *previous;
    uint64_t due_ms;
    void (*on_due)(struct timer *timer, uint64_t now_ms);
};

struct timer_wheel {
    struct timer slots[TIMER_SLOTS]; /* list heads: only the links are used */
    uint64_t occupied[TIMER_SLOTS / 64];
    uint64_t tick; /* the last tick that was run */
    atomic_uint_least64_t fired;
};

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ms);

void timer_init(struct timer *timer, void (*on_due)(struct timer *timer, uint64_t now_ms));
/* Sets or moves. A time that has passed fires on the next timer_wheel_run(). */
void timer_set(struct timer_wheel *wheel, struct timer *timer, uint64_t due_ms);
/* Sets only when the timer is not set, or set for later. */
void timer_set_earlier(struct timer_wheel *wheel, struct timer *timer, uint64_t due_ms);
void timer_cancel(struct timer_wheel *wheel, struct timer *timer);
bool timer_is_set(const struct timer *timer);

/* Milliseconds until something may be due, -1 when nothing is set: for epoll_wait(). */
int timer_wheel_wait_ms(const struct timer_wheel *wheel, uint64_t now_ms);

/* How many have fired. Any thread. */
uint64_t timer_wheel_fired(const struct timer_wheel *wheel);

/* Fires what is due. A callback may set and cancel any timer and free its own. */
void timer_wheel_run(struct timer_wheel *wheel, uint64_t now_ms);

#endif
