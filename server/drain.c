/*
 * drain - runs when server.c has received a signal to stop; see drain.h.
 */
#include "server/drain.h"

#include <signal.h>
#include <unistd.h>

#include "server/loop/loop.h"
#include "server/notify.h"

/* Between looks at whether the lobby's threads have let go of the listeners: a turn of a loop takes less, as a rule. */
#define ADMITTING_POLL_MS 1

struct drain {
    const struct drain_setup *setup;
    uint64_t dropped_before; /* messages, since the start */
    int status;              /* of the process; not 0 once a second signal has come */
};

static void begin(const struct drain_setup *setup, int signal_number)
{
    size_t open = session_pool_open(setup->sessions);
    readiness_set(setup->readiness, READINESS_STOPPING);
    session_pool_refuse(setup->sessions);
    const char *name = signal_number == SIGTERM ? "SIGTERM" : signal_number == SIGINT ? "SIGINT" : NULL;
    log_event(setup->log, LOG_NOTICE, "draining", log_str("signal", name), log_u64("sessions", open),
              log_seconds("delay", setup->delay_ms), log_seconds("window", setup->window_ms),
              log_seconds("timeout", setup->timeout_ms));
    log_audit(setup->log, "draining", log_u64("sessions", open));
    notify_stopping(open, (uint64_t)setup->delay_ms + setup->window_ms + setup->timeout_ms);
}

/* One wait; a signal counts. */
static void wait_once(struct drain *drain, int timeout_ms)
{
    const struct drain_setup *setup = drain->setup;
    if (setup->wait(setup->context, timeout_ms) == 0) {
        return;
    }
    if (drain->status != 0) {
        _exit(drain->status); /* threads still run: nothing can be freed */
    }
    drain->status = 1;
    log_event(setup->log, LOG_WARNING, "drain_cut_short", log_u64("sessions", session_pool_open(setup->sessions)));
}

/* Sessions go on as if nothing were. */
static void wait_delay(struct drain *drain)
{
    uint64_t due_ms = loop_clock_ms() + drain->setup->delay_ms;
    uint64_t now_ms;
    while (drain->status == 0 && (now_ms = loop_clock_ms()) < due_ms) {
        wait_once(drain, (int)(due_ms - now_ms));
    }
}

/* A lobby thread that stands still is the pulse's to name; it keeps nobody from ending this by one more signal. */
static void stop_admitting(struct drain *drain)
{
    while (!lobby_stop_admitting(drain->setup->lobby)) {
        wait_once(drain, ADMITTING_POLL_MS);
    }
}

static void close_sessions(struct drain *drain)
{
    const struct drain_setup *setup = drain->setup;
    log_event(setup->log, LOG_NOTICE, "closing_sessions", log_u64("sessions", session_pool_open(setup->sessions)));
    if (setup->leave_listeners) {
        stop_admitting(drain);
    }
    session_pool_drain(setup->sessions, setup->window_ms, setup->timeout_ms);
    bool hurried = false;
    while (!door_sessions_ended(setup->door)) {
        if (drain->status != 0 && !hurried) {
            hurried = true;
            session_pool_hurry(setup->sessions);
        }
        wait_once(drain, -1);
    }
}

int drain_run(const struct drain_setup *setup, int signal_number)
{
    struct drain drain = {.setup = setup, .dropped_before = session_pool_messages_dropped(setup->sessions)};
    uint64_t begin_ms = loop_clock_ms();
    begin(setup, signal_number);
    wait_delay(&drain);
    close_sessions(&drain);
    if (!setup->leave_listeners) {
        stop_admitting(&drain);
    }
    lobby_stop(setup->lobby);
    log_event(setup->log, LOG_NOTICE, "drained", log_seconds("duration", loop_clock_ms() - begin_ms),
              log_u64("messages_dropped", session_pool_messages_dropped(setup->sessions) - drain.dropped_before));
    return drain.status;
}
