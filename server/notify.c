/*
 * notify - the service manager's messages; see notify.h. Called by server.c on the main thread; notify_alive() by
 * pulse.c on its own.
 */
#include "server/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
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
/* For a manager that is behind with its reading, when it is told of a change of state. Sessions do not wait meanwhile. */
#define PATIENCE_MS 1000
#define STATE_SIZE  256

/* ---- the manager's socket ---- */

/* A path, or a name that is no file ("@name"). Other kinds are for virtual machines, which this is not. */
static bool take_address(struct sockaddr_un *address_r, socklen_t *size_r)
{
    const char *name = getenv("NOTIFY_SOCKET");
    size_t size = name == NULL ? 0 : strlen(name);
    if (size < 2 || size >= sizeof(address_r->sun_path) || (name[0] != '/' && name[0] != '@')) {
        return false;
    }
    address_r->sun_family = AF_UNIX;
    memcpy(address_r->sun_path, name, size);
    if (name[0] == '@') {
        address_r->sun_path[0] = '\0';
    }
    *size_r = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + (name[0] == '/' ? 1 : 0));
    return true;
}

/* Whether the manager has it. Not by sd_notify(), which waits for a manager that does not read for as long as it does not. */
static bool send_to(int fd, const char *state, int patience_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    size_t size = strlen(state);
    ssize_t sent = send(fd, state, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN && poll(&wait, 1, patience_ms) > 0) {
        sent = send(fd, state, size, MSG_NOSIGNAL);
    }
    return sent == (ssize_t)size;
}

/* Whether the manager has it or there is none. */
static bool __attribute__((format(printf, 2, 3))) tell(int patience_ms, const char *format, ...)
{
    char state[STATE_SIZE];
    struct sockaddr_un address = {0};
    socklen_t address_size = 0;
    if (!take_address(&address, &address_size)) {
        return true;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(state, sizeof(state), format, arguments);
    va_end(arguments);
    /* One for each message: a manager that was replaced has another socket under the old name. */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return false;
    }
    bool told = connect(fd, (const struct sockaddr *)&address, address_size) == 0 && send_to(fd, state, patience_ms);
    close(fd);
    return told;
}

/* ---- states ---- */

static bool send_state(const struct notify *notify, const char *before, int patience_ms)
{
    return tell(patience_ms, "%sSTATUS=Serving; sessions: %zu%s", before, notify->sessions,
                notify->reload_refused ? "; the last reload was refused, see the log" : "");
}

void notify_ready(struct notify *notify, size_t sessions, bool reload_refused)
{
    *notify = (struct notify){.sessions = sessions, .reload_refused = reload_refused};
    notify->ready_owed = !send_state(notify, "READY=1\n", PATIENCE_MS);
}

void notify_reloading(void)
{
    /* When it began, so that a manager can tell this reload from an earlier one. */
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_usec = (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
    (void)tell(PATIENCE_MS, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Reading the config again", now_usec);
}

void notify_sessions(struct notify *notify, size_t sessions)
{
    bool changed = sessions != notify->sessions;
    notify->sessions = sessions;
    if (notify->ready_owed) {
        notify->ready_owed = !send_state(notify, "READY=1\n", 0);
    } else if (changed) {
        (void)send_state(notify, "", 0);
    }
}

void notify_stopping(size_t sessions, uint64_t drain_ms)
{
    (void)tell(PATIENCE_MS, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRIu64 "\nSTATUS=Draining; sessions: %zu",
               (drain_ms + END_MS) * USEC_PER_MSEC, sessions);
}

/* ---- watchdog ---- */

bool notify_watchdog_open(struct notify_watchdog *watchdog_r)
{
    struct notify_watchdog watchdog = {.fd = -1};
    uint64_t usec = 0;
    if (sd_watchdog_enabled(0, &usec) > 0 && take_address(&watchdog.address, &watchdog.address_size)) {
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
