/*
 * door - civetweb's context, its callbacks and the roles of its threads; see door.h.
 */
#include "server/door/door.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <civetweb.h>

#include "logging/thread.h"
#include "server/config/config.h"
#include "server/door/answer.h"
#include "server/door/context.h"
#include "server/door/decide.h"
#include "server/door/placeholder.h"

/* How long threads may take to start before that counts as a failure. */
#define START_TIMEOUT_S 10
/* Longer than any head that passes the lobby, so that civetweb always finds its end. */
#define REQUEST_SIZE_MAX (CONFIG_HEAD_MAX + 1024)

#define RING_PLACEHOLDER 0
#define WAKE_PLACEHOLDER 1

struct door {
    struct door_setup setup;
    struct mg_context *context;
    struct decide_context decide;
    struct placeholder_set placeholders;
    int wake_fd;  /* makes civetweb's poll return when it is to stop */
    int ended_fd; /* see door_event_fd() */
    atomic_uint next_role;
    atomic_uint sessions_ended;

    atomic_uint deciding; /* requests that a worker decides now */
    atomic_uint finished; /* of what accept() returned; wraps as that does */
    unsigned finished_before;
    unsigned probes_before;
    bool probing;

    pthread_mutex_t start_lock; /* guards the three below */
    pthread_cond_t start_changed;
    unsigned started; /* threads that know their role */
    bool attached;    /* the master thread has put the eventfds in place */
    bool failed;
};

const char *door_civetweb_version(void)
{
    return mg_version();
}

/* ---- threads ---- */

static void note_start(struct door *door, bool attached, bool failed)
{
    pthread_mutex_lock(&door->start_lock);
    if (attached) {
        door->attached = true;
    } else {
        door->started++;
    }
    door->failed = door->failed || failed;
    pthread_cond_signal(&door->start_changed);
    pthread_mutex_unlock(&door->start_lock);
}

static void signal_event(int fd)
{
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof(one));
    assert(written == (ssize_t)sizeof(one));
    (void)written;
}

/* As ps and top show it; the kernel cuts it at 15 characters. */
static void name_thread(const char *role, unsigned index)
{
    char name[32];
    snprintf(name, sizeof(name), "%s-%u", role, index);
    (void)prctl(PR_SET_NAME, name);
}

static void run_role(struct door *door)
{
    unsigned role = atomic_fetch_add_explicit(&door->next_role, 1, memory_order_relaxed);
    note_start(door, false, false);
    if (role < door->setup.lobby_threads) {
        name_thread("lobby", role);
        lobby_run(door->setup.lobby, role);
        return;
    }
    role -= door->setup.lobby_threads;
    if (role < door->setup.session_threads) {
        name_thread("sessions", role);
        session_pool_run(door->setup.sessions, role);
        if (atomic_fetch_add_explicit(&door->sessions_ended, 1, memory_order_acq_rel) + 1 ==
            door->setup.session_threads) {
            signal_event(door->ended_fd);
        }
        return;
    }
    name_thread("upgrade", role - door->setup.session_threads);
    /* What remains is an upgrade worker: civetweb's own loop goes on with it. */
}

static void attach(struct door *door)
{
    bool attached = door->placeholders.count == PLACEHOLDER_MAX &&
                    placeholder_attach(door->placeholders.fds[RING_PLACEHOLDER], ready_ring_event_fd(door->setup.ring),
                                       door->setup.ring) &&
                    placeholder_attach(door->placeholders.fds[WAKE_PLACEHOLDER], door->wake_fd, NULL);
    note_start(door, true, !attached);
}

static void *on_thread(const struct mg_context *context, int type)
{
    struct door *door = mg_get_user_data(context);
    if (type == 0) {
        attach(door);
    } else if (type == 1) {
        run_role(door);
    }
    return NULL;
}

/* ---- requests ---- */

/* The slot that accept() named by the made-up peer. */
static struct slot *slot_of(struct door *door, const struct mg_request_info *info)
{
    struct in_addr peer;
    if (inet_pton(AF_INET, info->remote_addr, &peer) != 1) {
        return NULL;
    }
    return lobby_find(door->setup.lobby, ntohl(peer.s_addr) & 0x0FFFFFFF, (uint16_t)info->remote_port);
}

/* Always > 0: civetweb's own ways of answering are never reached. */
static int on_request(struct mg_connection *connection)
{
    struct door *door = mg_get_user_data(mg_get_context(connection));
    struct slot *slot = slot_of(door, mg_get_request_info(connection));
    if (slot == NULL) {
        log_event(door->setup.log, LOG_ERROR, "stale_ticket", log_str("detail", "a request without a connection"));
        return 500; /* nobody is there to be answered */
    }
    atomic_fetch_add_explicit(&door->deciding, 1, memory_order_relaxed);
    int status = decide_request(connection, slot, &door->decide);
    atomic_fetch_sub_explicit(&door->deciding, 1, memory_order_relaxed);
    return status;
}

/* Whatever became of it, and before its descriptor is closed. Each connection has come so far that it has a request to be asked for,
 * if only for its peer. */
static void on_close(const struct mg_connection *connection)
{
    struct door *door = mg_get_user_data(mg_get_context(connection));
    const struct mg_request_info *info = mg_get_request_info(connection);
    struct slot *slot = info == NULL ? NULL : slot_of(door, info);
    atomic_fetch_add_explicit(&door->finished, 1, memory_order_relaxed);
    if (slot != NULL) {
        lobby_closed(slot, info->num_headers < 0);
    }
}

static int on_log(const struct mg_connection *connection, const char *message)
{
    const struct door *door = mg_get_user_data(mg_get_context(connection));
    log_event_limited(door == NULL ? NULL : door->setup.log, LOG_WARNING, "civetweb", NULL, log_str("detail", message));
    return 1;
}

/* ---- start and stop ---- */

static struct mg_context *start_context(struct door *door)
{
    const struct context_setup setup = {
        .threads = door->setup.lobby_threads + door->setup.session_threads + door->setup.upgrade_threads,
        .queue = door->setup.lobby_threads * LOBBY_HANDED_MAX, /* as much as the lobby may hand over */
        .request_size = REQUEST_SIZE_MAX,
        .timeout_ms = 5000,
    };
    const struct mg_callbacks callbacks = {
        .begin_request = on_request,
        .connection_close = on_close,
        .log_message = on_log,
        .init_thread = on_thread,
    };
    return context_start(&setup, &callbacks, door, &door->placeholders);
}

/* Until `done` holds or the time is up; the lock is held. */
static bool wait_start(struct door *door, bool (*done)(const struct door *door))
{
    struct timespec limit;
    clock_gettime(CLOCK_MONOTONIC, &limit);
    limit.tv_sec += START_TIMEOUT_S;
    int result = 0;
    while (!done(door) && !door->failed && result == 0) {
        result = pthread_cond_timedwait(&door->start_changed, &door->start_lock, &limit);
    }
    return done(door) && !door->failed;
}

static bool all_started(const struct door *door)
{
    return door->attached &&
           door->started == door->setup.lobby_threads + door->setup.session_threads + door->setup.upgrade_threads;
}

static bool send_probe(struct door *door)
{
    const struct ready_entry entry = {.fd = -1};
    return ready_ring_push(door->setup.ring, &entry);
}

/* A probe through the ring comes out of accept() only if the borrowed accept() is the one civetweb calls. */
static bool probe(struct door *door)
{
    unsigned before = placeholder_probes();
    if (!send_probe(door)) {
        return false;
    }
    for (int waited_ms = 0; waited_ms < START_TIMEOUT_S * 1000; waited_ms++) {
        if (placeholder_probes() != before) {
            return true;
        }
        struct timespec pause = {.tv_nsec = 1000000};
        nanosleep(&pause, NULL);
    }
    return false;
}

static const char *check_start(struct door *door)
{
    if (door->placeholders.count != PLACEHOLDER_MAX) {
        return "self-check failed: civetweb does not call our listen()";
    }
    pthread_mutex_lock(&door->start_lock);
    bool started = wait_start(door, all_started);
    pthread_mutex_unlock(&door->start_lock);
    if (!started) {
        return "the threads of the pool did not start: is a limit on threads in the way?";
    }
    if (!probe(door)) {
        return "self-check failed: civetweb does not call our accept()";
    }
    return NULL;
}

static void free_door(struct door *door)
{
    if (door->wake_fd >= 0) {
        close(door->wake_fd);
    }
    if (door->ended_fd >= 0) {
        close(door->ended_fd);
    }
    pthread_cond_destroy(&door->start_changed);
    pthread_mutex_destroy(&door->start_lock);
    free(door);
}

struct door *door_start(const struct door_setup *setup, char *error, size_t error_size)
{
    struct door *door = calloc(1, sizeof(*door));
    if (door == NULL) {
        snprintf(error, error_size, "%s", strerror(errno));
        return NULL;
    }
    door->setup = *setup;
    door->decide.sessions = setup->sessions;
    door->decide.tokens = setup->tokens;
    door->decide.log = setup->log;
    pthread_mutex_init(&door->start_lock, NULL);
    condition_init(&door->start_changed);
    door->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    door->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (door->wake_fd < 0 || door->ended_fd < 0) {
        snprintf(error, error_size, "eventfd: %s", strerror(errno));
        free_door(door);
        return NULL;
    }
    mg_init_library(MG_FEATURES_DEFAULT);
    door->context = start_context(door);
    if (door->context == NULL) {
        snprintf(error, error_size, "civetweb did not start");
        mg_exit_library();
        free_door(door);
        return NULL;
    }
    const char *failed = check_start(door);
    if (failed != NULL) {
        snprintf(error, error_size, "%s", failed);
        session_pool_refuse(setup->sessions);
        session_pool_drain(setup->sessions, 0, 0);
        lobby_stop(setup->lobby);
        door_stop(&door);
        return NULL;
    }
    return door;
}

void door_counts(const struct door *door, uint64_t counts_r[DECIDE_CAUSE_COUNT])
{
    for (int i = 0; i < DECIDE_CAUSE_COUNT; i++) {
        counts_r[i] = atomic_load_explicit(&door->decide.counts[i], memory_order_relaxed);
    }
}

bool door_master_alive(struct door *door)
{
    unsigned probes = placeholder_probes();
    if (door->probing && probes == door->probes_before) {
        return false;
    }
    bool answered = door->probing;
    door->probes_before = probes;
    door->probing = send_probe(door);
    return answered;
}

/* Some of the workers may take long over a decision; what counts is that no request waits for all of them. */
bool door_workers_alive(struct door *door)
{
    unsigned before = door->finished_before;
    unsigned deciding = atomic_load_explicit(&door->deciding, memory_order_relaxed);
    door->finished_before = atomic_load_explicit(&door->finished, memory_order_relaxed);
    unsigned open = ready_ring_taken(door->setup.ring) - door->finished_before;
    return door->finished_before != before || (open <= deciding && deciding < door->setup.upgrade_threads);
}

int door_event_fd(const struct door *door)
{
    return door->ended_fd;
}

bool door_sessions_ended(const struct door *door)
{
    return atomic_load_explicit(&door->sessions_ended, memory_order_acquire) == door->setup.session_threads;
}

void door_stop(struct door **door_pointer)
{
    struct door *door = *door_pointer;
    if (door == NULL) {
        return;
    }
    *door_pointer = NULL;
    signal_event(door->wake_fd);
    mg_stop(door->context);
    for (size_t i = 0; i < door->placeholders.count; i++) {
        placeholder_detach(door->placeholders.fds[i]);
    }
    mg_exit_library();
    free_door(door);
}
