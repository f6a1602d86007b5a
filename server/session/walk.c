/*
 * walk - something done to all sessions of a loop, a few at a time, so that a loop with 100,000 of them is not held up. Runs on
 * the session's loop.
 *
 * New sessions go to the front of the list and walks come from its end, so that each session is met once, whenever it came.
 */
#include "server/session/session_private.h"

/* Of one turn of a loop, which is one tick of its wheel: as many looks as take a few tenths of a millisecond. */
#define TURN_COST 2048

static void take_turn(struct session_loop *home)
{
    unsigned spent = 0;
    while (spent < TURN_COST && !list_is_empty(&home->walks)) {
        struct walk *walk = CONTAINER_OF(list_first(&home->walks), struct walk, link);
        while (spent < TURN_COST && walk->next != NULL) {
            struct session *session = walk->next;
            walk->next = session->previous;
            spent += walk->visit(walk, session);
        }
        if (walk->next == NULL) {
            list_remove(&walk->link);
            walk->done(walk);
        }
    }
    if (!list_is_empty(&home->walks)) {
        timer_set(loop_timers(home->loop), &home->walk_timer, loop_now_ms(home->loop));
    }
}

static void on_turn(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    take_turn(CONTAINER_OF(timer, struct session_loop, walk_timer));
}

void walk_init(struct session_loop *home)
{
    list_init(&home->walks);
    timer_init(&home->walk_timer, on_turn);
}

void walk_begin(struct session_loop *home, struct walk *walk)
{
    walk->next = home->last;
    list_push_back(&home->walks, &walk->link);
    take_turn(home);
}

void walk_forget(struct session_loop *home, const struct session *session)
{
    for (struct list *link = home->walks.next; link != &home->walks; link = link->next) {
        struct walk *walk = CONTAINER_OF(link, struct walk, link);
        if (walk->next == session) {
            walk->next = session->previous;
        }
    }
}

void walk_end_all(struct session_loop *home)
{
    while (!list_is_empty(&home->walks)) {
        take_turn(home);
    }
}
