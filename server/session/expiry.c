/*
 * expiry - when identities end, which is said in wall time, while timers run by a clock that never steps. Runs on the session's loop.
 *
 * A session's timer is set for as long as the wall clock says, a day at most, and then the wall clock is asked again. When it has been
 * stepped in between, the wait was wrong: so each loop with such sessions compares the two clocks once a second, and when they have
 * moved against each other it looks at all of its sessions again, a few at a time.
 */
#include <stdlib.h>

#include "logging/clock.h"
#include "server/session/session_private.h"

#define WATCH_INTERVAL_MS 1000
/* More than a clock is slewed by in an interval, and than the two readings are apart. */
#define STEP_MIN_MS 500
/* Keeps all sums far from overflow: an expiry may be any number up to 2^53. */
#define LOOK_MAX_S (24 * 60 * 60)

struct expiry_watch {
    struct session_loop *home;
    struct timer timer;
    struct walk walk;
    bool walking;
    size_t count;   /* sessions whose identity ends */
    int64_t gap_ms; /* the wall clock before the other */
};

static int64_t read_gap_ms(void)
{
    return clock_real_ms() - clock_monotonic_ms();
}

bool expiry_look(struct session *session)
{
    struct session_auth *auth = session->auth;
    int64_t expires_s = auth->identity->expires_at_s;
    if (expires_s == IDENTITY_FOREVER) {
        auth->due_ms = 0;
        return true;
    }
    int64_t now_ms = clock_real_ms();
    int64_t left_s = expires_s - now_ms / 1000;
    if (left_s <= 0) {
        return false;
    }
    int64_t left_ms = left_s > LOOK_MAX_S ? LOOK_MAX_S * INT64_C(1000) : left_s * 1000 - now_ms % 1000;
    auth->due_ms = loop_clock_ms() + (uint64_t)left_ms;
    return true;
}

/* ---- steps of the clock ---- */

static unsigned visit(struct walk *walk, struct session *session)
{
    (void)walk;
    struct session_auth *auth = session->auth;
    if (auth == NULL || !auth->expires || session->state != SESSION_OPEN) {
        return 1;
    }
    if (!expiry_look(session)) {
        auth->due_ms = session_now_ms(session);
    }
    session_set_timer(session);
    return 2;
}

static void on_walked(struct walk *walk)
{
    CONTAINER_OF(walk, struct expiry_watch, walk)->walking = false;
}

static void look_again(struct expiry_watch *watch)
{
    if (watch->walking) {
        watch->walk.next = watch->home->last; /* from the start */
        return;
    }
    watch->walking = true;
    walk_begin(watch->home, &watch->walk);
}

static void set_timer(struct expiry_watch *watch)
{
    struct loop *loop = watch->home->loop;
    timer_set(loop_timers(loop), &watch->timer, loop_now_ms(loop) + WATCH_INTERVAL_MS);
}

static void on_timer(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    struct expiry_watch *watch = CONTAINER_OF(timer, struct expiry_watch, timer);
    int64_t gap_ms = read_gap_ms();
    int64_t step_ms = gap_ms - watch->gap_ms;
    if (watch->count == 0) {
        return;
    }
    if (step_ms > STEP_MIN_MS || step_ms < -STEP_MIN_MS) {
        log_event(watch->home->pool->log, LOG_WARNING, "clock_stepped", log_i64("by_ms", step_ms),
                  log_str("detail", "the wall clock was set; the expiry of tokens is looked at again"));
        watch->gap_ms = gap_ms;
        look_again(watch);
    }
    set_timer(watch);
}

/* ---- who is watched ---- */

struct expiry_watch *expiry_watch_create(struct session_loop *home)
{
    struct expiry_watch *watch = calloc(1, sizeof(*watch));
    if (watch != NULL) {
        watch->home = home;
        watch->walk.visit = visit;
        watch->walk.done = on_walked;
        timer_init(&watch->timer, on_timer);
    }
    return watch;
}

void expiry_watch_destroy(struct expiry_watch **watch)
{
    free(*watch);
    *watch = NULL;
}

void expiry_begin(struct session *session)
{
    struct expiry_watch *watch = session->home->expiry;
    if (session->auth->identity->expires_at_s == IDENTITY_FOREVER) {
        return;
    }
    session->auth->expires = true;
    watch->count++;
    if (watch->count == 1) {
        watch->gap_ms = read_gap_ms();
        set_timer(watch);
    }
}

void expiry_end(struct session *session)
{
    if (session->auth->expires) {
        session->auth->expires = false;
        session->home->expiry->count--;
    }
}
