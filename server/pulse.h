/*
 * pulse - a thread that asks the others whether they still go round, and tells the service manager so while they do.
 *
 * A thread that has not answered for a while is logged by name, and again when it goes on. While one of those that matter
 * does not answer, the manager gets no keep-alive message (notify.h), so that it restarts the process in the end.
 *
 * Only time in which the asking thread itself ran counts: a machine that stood still as a whole has no stuck thread.
 */
#ifndef PORTCULLIS_PULSE_H
#define PORTCULLIS_PULSE_H

#include <stdbool.h>
#include <stddef.h>

#include "logging/log.h"
#include "server/notify.h"

/* Whether the thread has answered what the last call asked; then asks it anew. The first call may say no. On the pulse's
 * thread; must not block. */
typedef bool pulse_alive_fn(void *context);

struct pulse_thread {
    char name[16]; /* as it is logged */
    bool vital;    /* there is no serving without it */
    pulse_alive_fn *alive;
    void *context;
};

struct pulse_setup {
    const struct pulse_thread *threads; /* copied */
    size_t count;
    struct log *log;                        /* borrowed; outlives the pulse */
    const struct notify_watchdog *watchdog; /* borrowed; outlives the pulse */
};

struct pulse;

/* Starts the thread; signals must be blocked by the caller. NULL with errno set. */
struct pulse *pulse_start(const struct pulse_setup *setup);
/* Ends it; nothing is asked any more. */
void pulse_stop(struct pulse **pulse);

#endif
