/*
 * admit - the lobby's front: accept, the gate's verdict, and which thread takes the newcomer in. Runs on the lobby threads.
 */
#include <errno.h>
#include <stdlib.h>

#include "server/lobby/accept.h"
#include "server/lobby/slot.h"

/* Connections accepted in a row before those inside get their turn. */
#define ACCEPT_BATCH 64
/* How many more connections than another a lobby thread may have before it passes newcomers on. */
#define BALANCE_SLACK 32
/* When neither descriptors nor memory are to be had, the listeners are left alone for this long. */
#define PAUSE_MS 100

/* ---- newcomers ---- */

static void on_newcomer(struct loop_message *message)
{
    struct newcomer *newcomer = CONTAINER_OF(message, struct newcomer, message);
    slot_take_in(newcomer->to, newcomer);
    free(newcomer);
}

/* Where a newcomer should go. The kernel wakes whichever thread it likes, often the same; each has its share of the slots, so
 * that one must not fill up while another has room. */
static struct lobby_thread *choose_thread(struct lobby_thread *home)
{
    struct lobby *lobby = home->lobby;
    unsigned own = atomic_load_explicit(&home->occupied, memory_order_relaxed);
    unsigned slack = own >= lobby->slots_per_thread ? 0 : BALANCE_SLACK;
    struct lobby_thread *best = home;
    unsigned fewest = own;
    for (unsigned i = 0; i < lobby->threads && own > slack; i++) {
        unsigned occupied = atomic_load_explicit(&lobby->thread[i].occupied, memory_order_relaxed);
        if (occupied < fewest && occupied < own - slack) {
            best = &lobby->thread[i];
            fewest = occupied;
        }
    }
    return best;
}

static void admit(struct lobby_thread *home, const struct newcomer *newcomer)
{
    struct lobby_thread *to = choose_thread(home);
    struct newcomer *copy = to == home ? NULL : malloc(sizeof(*copy));
    if (copy != NULL) {
        *copy = *newcomer;
        copy->message.deliver = on_newcomer;
        copy->to = to;
        /* Counted from now on, so that a thread that is slow to take them does not get all of them. */
        atomic_fetch_add_explicit(&to->occupied, 1, memory_order_relaxed);
        if (loop_post(to->loop, &copy->message)) {
            return;
        }
        atomic_fetch_sub_explicit(&to->occupied, 1, memory_order_relaxed);
        free(copy);
    }
    atomic_fetch_add_explicit(&home->occupied, 1, memory_order_relaxed);
    slot_take_in(home, newcomer);
}

/* ---- listeners ---- */

static void unwatch_listeners(struct lobby_thread *home)
{
    for (size_t i = 0; i < home->lobby->listener_count; i++) {
        loop_remove(home->loop, &home->accepts[i].source);
    }
}

static void pause_admission(struct lobby_thread *home)
{
    unwatch_listeners(home);
    timer_set(loop_timers(home->loop), &home->admit_timer, loop_now_ms(home->loop) + PAUSE_MS);
}

static void watch_listeners(struct lobby_thread *home)
{
    for (size_t i = 0; i < home->lobby->listener_count; i++) {
        if (home->accepts[i].source.fd < 0 &&
            !loop_add(home->loop, &home->accepts[i].source, home->lobby->listeners[i].fd, EPOLLIN | EPOLLEXCLUSIVE)) {
            pause_admission(home);
            return;
        }
    }
}

/* What is waiting cannot be accepted. With the spare descriptor it can at least be refused; without, epoll would tell of it again
 * and again. */
static void on_shortage(struct lobby_accept *accept, int error)
{
    struct lobby_thread *home = accept->home;
    atomic_fetch_add_explicit(&home->lobby->counts[LOBBY_NO_FILES], 1, memory_order_relaxed);
    log_event_limited(home->lobby->log, LOG_ERROR, "no_files", NULL,
                      log_str("detail", "no file descriptor or memory is left for a new connection: raise the limit "
                                        "(ulimit -n) or lower limits.max_connections"));
    bool files = error == EMFILE || error == ENFILE;
    if (!files || !accept_with_spare(accept->source.fd)) {
        pause_admission(home);
    }
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
}

static void on_listener(struct loop_source *source, uint32_t events)
{
    (void)events;
    struct lobby_accept *accept = CONTAINER_OF(source, struct lobby_accept, source);
    struct lobby_thread *home = accept->home;
    uint64_t now_ms = loop_now_ms(home->loop);
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        struct address from;
        struct newcomer newcomer = {.tls = accept->tls};
        newcomer.fd = accept_next(source->fd, &from, &newcomer.port);
        if (newcomer.fd < 0) {
            /* Those who have just come in get their turn first: some of them may have nothing to say and leave. */
            if (is_shortage(errno) && i == 0) {
                on_shortage(accept, errno);
            }
            return; /* EAGAIN, or a connection that is gone already: epoll tells of the next */
        }
        if (gate_admit(home->lobby->gate, &from, now_ms, &newcomer.pass) != GATE_ADMIT) {
            accept_reset(newcomer.fd); /* counted by the gate; no byte is sent and no log line written for it */
            continue;
        }
        admit(home, &newcomer);
    }
}

/* ---- start and stop ---- */

static void on_admit(struct loop_message *message)
{
    struct lobby_thread *home = CONTAINER_OF(message, struct lobby_thread, admit);
    home->admitting = true;
    watch_listeners(home);
}

static void on_stop_admitting(struct loop_message *message)
{
    struct lobby_thread *home = CONTAINER_OF(message, struct lobby_thread, stop_admitting);
    home->admitting = false;
    timer_cancel(loop_timers(home->loop), &home->admit_timer);
    unwatch_listeners(home);
    atomic_fetch_add_explicit(&home->lobby->stopped_admitting, 1, memory_order_release);
}

static void on_admit_timer(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    struct lobby_thread *home = CONTAINER_OF(timer, struct lobby_thread, admit_timer);
    if (!home->admitting) {
        return;
    }
    /* The spare descriptor comes before any newcomer's: it is what newcomers are refused with. */
    if (accept_reserve()) {
        watch_listeners(home);
    } else {
        pause_admission(home);
    }
}

bool admit_init(struct lobby_thread *home)
{
    home->admit.deliver = on_admit;
    home->stop_admitting.deliver = on_stop_admitting;
    timer_init(&home->admit_timer, on_admit_timer);
    /* calloc(0) may be NULL, and a test has no listeners. */
    home->accepts = calloc(home->lobby->listener_count + 1, sizeof(*home->accepts));
    for (size_t i = 0; home->accepts != NULL && i < home->lobby->listener_count; i++) {
        home->accepts[i] = (struct lobby_accept){
            .source = {.on_ready = on_listener, .fd = -1}, .home = home, .tls = home->lobby->listeners[i].tls};
    }
    return home->accepts != NULL;
}
