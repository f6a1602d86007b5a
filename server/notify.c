/*
 * notify - the service manager's messages; see notify.h. Called by server.c on the main thread; notify_alive() by
 * pulse.c on its own.
 */
#include "server/notify.h"

#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <time.h>

#include <systemd/sd-daemon.h>

#define USEC_PER_SEC  1000000u
#define USEC_PER_MSEC 1000u
#define NSEC_PER_USEC 1000

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

void notify_stopping(size_t sessions)
{
    (void)sd_notifyf(0, "STOPPING=1\nSTATUS=Draining; sessions: %zu", sessions);
}

unsigned notify_watchdog_ms(void)
{
    uint64_t usec = 0;
    if (sd_watchdog_enabled(0, &usec) <= 0) {
        return 0;
    }
    uint64_t msec = usec / USEC_PER_MSEC;
    return msec == 0 ? 1 : msec < UINT_MAX ? (unsigned)msec : UINT_MAX;
}

void notify_alive(void)
{
    (void)sd_notify(0, "WATCHDOG=1");
}
