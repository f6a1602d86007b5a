/*
 * drain - the end of a server that serves: readiness falls, then sessions are closed bit by bit, then they have time to end.
 *
 *   signal ── drain_delay ──► first Close ── drain_window ──► last Close ── drain_timeout ──► what is left is cut off
 *
 * From the signal on every request is answered with 503, until the last session has ended. Main thread.
 */
#ifndef PORTCULLIS_DRAIN_H
#define PORTCULLIS_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "logging/log.h"
#include "server/door/door.h"
#include "server/lobby/lobby.h"
#include "server/readiness.h"
#include "server/session/pool.h"

/* Everything is borrowed. */
struct drain_setup {
    struct log *log;
    struct lobby *lobby;
    struct session_pool *sessions;
    const struct door *door;
    struct readiness *readiness;
    uint32_t delay_ms;
    uint32_t window_ms;
    uint32_t timeout_ms;
    /* The listeners belong to a service manager: from the first Close on, newcomers are left in them for the next server. */
    bool leave_listeners;
    /* Waits for SIGTERM, SIGINT (returned) or the last session's end, at most `timeout_ms` (-1: as long as it likes; returning 0
     * early is always right). */
    int (*wait)(void *context, int timeout_ms);
    void *context;
};

/* `signal_number` is 0 when an operator asked for it. Returns the exit status, when the last session has ended and the lobby's loops are ending: 0, or 1 when a second signal cut it
 * short: everybody still inside is told 1001 and let go at once. A third ends the process. */
int drain_run(const struct drain_setup *setup, int signal_number);

#endif
