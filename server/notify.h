/*
 * notify - tells the service manager how the server is (the protocol of sd_notify(3)).
 *
 * All of it does nothing when no service manager asked for it (NOTIFY_SOCKET is not set), and nothing in it can fail for
 * the caller: a server serves whether or not anybody listens. A manager that does not read is waited for a second when the
 * state changes, and not at all otherwise. Main thread, except notify_alive().
 */
#ifndef PORTCULLIS_NOTIFY_H
#define PORTCULLIS_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

/* What the manager was last told: the status line is sent when it changes, not each time it is asked for. */
struct notify {
    size_t sessions;
    bool reload_refused;
    bool ready_owed; /* the manager did not take it: it still waits for the end of a start or of a reload */
};

/* Serving: after the start, and again at the end of each reload, whether it was taken over or refused. */
void notify_ready(struct notify *notify, size_t sessions, bool reload_refused);

/* A reload begins; notify_ready() ends it. */
void notify_reloading(void);

/* The number of open sessions, for the manager's status line; once more that it serves, if that is owed. To be called from
 * time to time. */
void notify_sessions(struct notify *notify, size_t sessions);

/* Draining: the end has begun, these are still open, and closing them may take `drain_ms`, which the manager is asked to allow. */
void notify_stopping(size_t sessions, uint64_t drain_ms);

/* The way to a manager's watchdog. It has a socket of its own from the start, so that a server that is out of descriptors is
 * not taken for dead. */
struct notify_watchdog {
    unsigned timeout_ms; /* without notify_alive() the manager ends the process; 0: there is no watchdog */
    int fd;
    struct sockaddr_un address;
    socklen_t address_size;
};

/* As WATCHDOG_USEC says, if WATCHDOG_PID is this process. False with errno set: there is one, but no socket to be had. */
bool notify_watchdog_open(struct notify_watchdog *watchdog_r);
void notify_watchdog_close(struct notify_watchdog *watchdog);

/* Everything that matters goes round. Never waits, not for the manager either. Any one thread. */
void notify_alive(const struct notify_watchdog *watchdog);

#endif
