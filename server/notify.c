/*
 * notify - the service manager's messages; see notify.h. Called by server.c on the main thread; notify_alive() by
 * pulse.c on its own.
 */
#include "server/notify.h"

#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#define USEC_PER_SEC  1000000u
#define USEC_PER_MSEC 1000u
#define NSEC_PER_USEC 1000
/* What else the end may take: threads, log files. */
#define END_MS 10000u

/* The environment keeps NOTIFY_SOCKET (first argument 0): there is always a next message, and no child that could inherit it. */
static void send_state(const struct notify *notify, const char *before)
{
    (void)sd_notifyf(0, "%sSTATUS=Serving; sessions: %zu%s", before, notify->sessions,
                     notify->reload_refused ? "; the last reload was refused, see the log" : "");
}

void notify_ready(struct notify *notify, size_t sessions, bool reload_refused)
{
    *notify = (struct notify){.sessions = sessions, .reload_refused = reload_refused};
    send_state(notify, "READY=1\n");
}

void notify_reloading(void)
{
    /* When it began, so that a manager can tell this reload from an earlier one. */
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_usec = (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Reading the config again", now_usec);
}

void notify_sessions(struct notify *notify, size_t sessions)
{
    if (sessions != notify->sessions) {
        notify->sessions = sessions;
        send_state(notify, "");
    }
}

void notify_stopping(size_t sessions, uint64_t drain_ms)
{
    (void)sd_notifyf(0, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRIu64 "\nSTATUS=Draining; sessions: %zu",
                     (drain_ms + END_MS) * USEC_PER_MSEC, sessions);
}

/* A path, or a name that is no file ("@name"). Other kinds are for virtual machines, which this is not. */
static bool take_address(struct notify_watchdog *watchdog)
{
    const char *name = getenv("NOTIFY_SOCKET");
    size_t size = name == NULL ? 0 : strlen(name);
    if (size < 2 || size >= sizeof(watchdog->address.sun_path) || (name[0] != '/' && name[0] != '@')) {
        return false;
    }
    watchdog->address.sun_family = AF_UNIX;
    memcpy(watchdog->address.sun_path, name, size);
    if (name[0] == '@') {
        watchdog->address.sun_path[0] = '\0';
    }
    watchdog->address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + (name[0] == '/' ? 1 : 0));
    return true;
}

bool notify_watchdog_open(struct notify_watchdog *watchdog_r)
{
    struct notify_watchdog watchdog = {.fd = -1};
    uint64_t usec = 0;
    if (sd_watchdog_enabled(0, &usec) > 0 && take_address(&watchdog)) {
        watchdog.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (watchdog.fd < 0) {
            return false;
        }
        uint64_t msec = usec / USEC_PER_MSEC;
        watchdog.timeout_ms = msec == 0 ? 1 : msec < UINT_MAX ? (unsigned)msec : UINT_MAX;
    }
    *watchdog_r = watchdog;
    return true;
}

void notify_watchdog_close(struct notify_watchdog *watchdog)
{
    if (watchdog->fd >= 0) {
        close(watchdog->fd);
        watchdog->fd = -1;
    }
}

void notify_alive(const struct notify_watchdog *watchdog)
{
    static const char state[] = "WATCHDOG=1";
    ssize_t sent = sendto(watchdog->fd, state, sizeof(state) - 1, MSG_NOSIGNAL,
                          (const struct sockaddr *)&watchdog->address, watchdog->address_size);
    (void)sent; /* a manager that does not read has not lost patience either: there is a next one */
}
