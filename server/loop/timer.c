/*
 * timer - the timing wheel behind every deadline of the lobby and of the sessions; see timer.h.
 */
#include "server/loop/timer.h"

#include <assert.h>
#include <limits.h>
#include <stddef.h>

static unsigned slot_of(uint64_t tick)
{
    return (unsigned)(tick % TIMER_SLOTS);
}

/* Rounded up, so that nothing fires early. */
static uint64_t tick_of_due(uint64_t due_ms)
{
    return due_ms / TIMER_TICK_MS + (due_ms % TIMER_TICK_MS != 0);
}

static void list_init(struct timer *head)
{
    head->next = head;
    head->previous = head;
}

static void list_insert(struct timer *head, struct timer *timer)
{
    timer->previous = head->previous;
    timer->next = head;
    head->previous->next = timer;
    head->previous = timer;
}

static void list_remove(struct timer *timer)
{
    timer->previous->next = timer->next;
    timer->next->previous = timer->previous;
    timer->next = NULL;
    timer->previous = NULL;
}

static void mark(struct timer_wheel *wheel, unsigned slot)
{
    wheel->occupied[slot / 64] |= UINT64_C(1) << (slot % 64);
}

static void unmark(struct timer_wheel *wheel, unsigned slot)
{
    wheel->occupied[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
}

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ms)
{
    for (unsigned slot = 0; slot < TIMER_SLOTS; slot++) {
        list_init(&wheel->slots[slot]);
    }
    for (unsigned word = 0; word < TIMER_SLOTS / 64; word++) {
        wheel->occupied[word] = 0;
    }
    atomic_init(&wheel->fired, 0);
    wheel->tick = now_ms / TIMER_TICK_MS;
}

void timer_init(struct timer *timer, void (*on_due)(struct timer *timer, uint64_t now_ms))
{
    timer->next = NULL;
    timer->previous = NULL;
    timer->due_ms = 0;
    timer->on_due = on_due;
}

bool timer_is_set(const struct timer *timer)
{
    return timer->next != NULL;
}

void timer_cancel(struct timer_wheel *wheel, struct timer *timer)
{
    if (!timer_is_set(timer)) {
        return;
    }
    /* The last one of its slot leaves two links to the list's head, which may also be the list that
     * timer_wheel_run() is working on; a slot that is marked and empty only costs a look. */
    (void)wheel;
    list_remove(timer);
}

void timer_set(struct timer_wheel *wheel, struct timer *timer, uint64_t due_ms)
{
    timer_cancel(wheel, timer);
    timer->due_ms = due_ms;
    uint64_t tick = tick_of_due(due_ms);
    if (tick <= wheel->tick) {
        tick = wheel->tick + 1;
    }
    unsigned slot = slot_of(tick);
    list_insert(&wheel->slots[slot], timer);
    mark(wheel, slot);
}

void timer_set_earlier(struct timer_wheel *wheel, struct timer *timer, uint64_t due_ms)
{
    if (!timer_is_set(timer) || due_ms < timer->due_ms) {
        timer_set(wheel, timer, due_ms);
    }
}

/* Slots from `wheel->tick + 1` on until the first that is marked; TIMER_SLOTS when none is. */
static unsigned distance_to_occupied(const struct timer_wheel *wheel)
{
    unsigned start = slot_of(wheel->tick + 1);
    unsigned done = 0;
    while (done < TIMER_SLOTS) {
        unsigned slot = (start + done) % TIMER_SLOTS;
        uint64_t word = wheel->occupied[slot / 64] >> (slot % 64);
        if (word != 0) {
            return done + (unsigned)__builtin_ctzll(word);
        }
        done += 64 - slot % 64;
    }
    return TIMER_SLOTS;
}

int timer_wheel_wait_ms(const struct timer_wheel *wheel, uint64_t now_ms)
{
    unsigned distance = distance_to_occupied(wheel);
    if (distance >= TIMER_SLOTS) {
        return -1;
    }
    uint64_t due_ms = (wheel->tick + 1 + distance) * TIMER_TICK_MS;
    return due_ms <= now_ms ? 0 : (int)(due_ms - now_ms);
}

static void run_slot(struct timer_wheel *wheel, unsigned slot, uint64_t now_ms)
{
    struct timer *head = &wheel->slots[slot];
    unmark(wheel, slot);
    if (head->next == head) {
        return;
    }
    /* Moved to a list of our own: a callback may set timers into this slot again. */
    struct timer work;
    work.next = head->next;
    work.previous = head->previous;
    work.next->previous = &work;
    work.previous->next = &work;
    list_init(head);

    while (work.next != &work) {
        struct timer *timer = work.next;
        list_remove(timer);
        if (timer->due_ms > now_ms) {
            timer_set(wheel, timer, timer->due_ms); /* of a later turn */
        } else {
            atomic_fetch_add_explicit(&wheel->fired, 1, memory_order_relaxed);
            timer->on_due(timer, now_ms);
        }
    }
}

uint64_t timer_wheel_fired(const struct timer_wheel *wheel)
{
    return atomic_load_explicit(&wheel->fired, memory_order_relaxed);
}

void timer_wheel_run(struct timer_wheel *wheel, uint64_t now_ms)
{
    uint64_t now_tick = now_ms / TIMER_TICK_MS;
    if (now_tick <= wheel->tick) {
        return;
    }
    if (now_tick - wheel->tick > TIMER_SLOTS) {
        wheel->tick = now_tick - TIMER_SLOTS; /* after a long pause one turn visits every slot */
    }
    while (wheel->tick < now_tick) {
        unsigned distance = distance_to_occupied(wheel);
        if (distance >= now_tick - wheel->tick) {
            wheel->tick = now_tick;
            return;
        }
        wheel->tick += distance + 1;
        run_slot(wheel, slot_of(wheel->tick), now_ms);
    }
}
