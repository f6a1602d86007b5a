/*
 * notify - tells the service manager how the server is (sd_notify, over libsystemd).
 *
 * All of it does nothing when no service manager asked for it (NOTIFY_SOCKET is not set), and nothing in it can fail for
 * the caller: a server serves whether or not anybody listens. Main thread, except notify_alive().
 */
#ifndef PORTCULLIS_NOTIFY_H
#define PORTCULLIS_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>

/* What the manager was last told: the status line is sent when it changes, not each time it is asked for. */
struct notify {
    size_t sessions;
    bool reload_refused;
};

/* Serving: after the start, and again at the end of each reload, whether it was taken over or refused. */
void notify_ready(struct notify *notify, size_t sessions, bool reload_refused);

/* A reload begins; notify_ready() ends it. */
void notify_reloading(void);

/* The number of open sessions, for the manager's status line. */
void notify_sessions(struct notify *notify, size_t sessions);

/* Draining: the end has begun, and these are still open. */
void notify_stopping(size_t sessions);

/* How long the manager waits for the next notify_alive() before it ends the process, in milliseconds (WATCHDOG_USEC, if
 * WATCHDOG_PID is this process); 0: for ever. */
unsigned notify_watchdog_ms(void);

/* Everything that matters goes round. Any thread. */
void notify_alive(void);

#endif
