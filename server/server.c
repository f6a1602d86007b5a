/*
 * server - puts the rooms together, waits for signals, takes everything down again; see server.h.
 *
 * All of it runs on the main thread. Signals are blocked in every thread and read here from a signalfd, so that no handler
 * ever interrupts a worker.
 */
#define _GNU_SOURCE /* signalfd */

#include "server/server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "auth/token.h"
#include "logging/log.h"
#include "server/config/config.h"
#include "server/credentials.h"
#include "server/door/door.h"
#include "server/door/ready_ring.h"
#include "server/drain.h"
#include "server/file_limit.h"
#include "server/gate/gate.h"
#include "server/key_sets.h"
#include "server/listeners.h"
#include "server/lobby/inherited.h"
#include "server/lobby/lobby.h"
#include "server/loop/loop.h"
#include "server/notify.h"
#include "server/operators.h"
#include "server/privileges.h"
#include "server/readiness.h"
#include "server/refusals.h"
#include "server/reload.h"
#include "server/secrets.h"
#include "server/session/pool.h"
#include "server/slack.h"
#include "server/state_dir.h"
#include "server/version.h"
#include "server/vitals.h"

/* Refusals are summed up over this time. */
#define PERIOD_MS 10000
/* What a stuck log file may hold up the end of the process. */
#define LOG_CLOSE_MS 2000
struct server {
    const char *file;
    const struct config *config;
    struct inherited *inherited; /* sockets of the service manager; all have an owner after the start */
    struct log *log;
    struct gate *gate;
    struct credentials *credentials;
    struct token_context tokens; /* whole before the first request */
    struct session_pool *sessions;
    struct ready_ring *ring;
    struct lobby *lobby;
    struct operators operators;
    struct door *door;
    struct reload *reload;
    bool reload_ordered; /* by the admin API, which waits for the answer */
    struct vitals *vitals;
    struct refusals refusals;
    struct slack slack;
    struct notify notify;
    struct readiness readiness;
    bool listeners_inherited; /* one of them at least */
    unsigned session_threads;
    int signal_fd;
};

/* ---- config ---- */

static void report_to_stderr(void *context, bool is_error, const char *line)
{
    (void)context;
    fprintf(stderr, "%s%s\n", is_error ? "" : "warning: ", line);
}

static void report_to_log(void *context, bool is_error, const char *line)
{
    struct server *server = context;
    log_event(server->log, is_error ? LOG_ERROR : LOG_WARNING, "config", log_str("detail", line));
}

/* At start: for whoever waits at the terminal, and for who looks at the log later. */
static void report_to_both(void *context, bool is_error, const char *line)
{
    report_to_stderr(context, is_error, line);
    report_to_log(context, is_error, line);
}

static unsigned session_threads_of(const struct config *config)
{
    if (config->pool.session_threads != 0) {
        return config->pool.session_threads;
    }
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : (unsigned)cores;
}

/* ---- start ---- */

/* Before the log is open: stderr has it all. */
static bool take_inherited(struct server *server)
{
    char error[512];
    server->inherited = inherited_create(error, sizeof(error));
    if (server->inherited == NULL) {
        fprintf(stderr, "portcullis: %s\n", error);
    }
    return server->inherited != NULL;
}

static bool block_signals(struct server *server)
{
    sigset_t signals;
    sigfillset(&signals);
    /* These are about this very thread and must stay what they are. */
    sigdelset(&signals, SIGSEGV);
    sigdelset(&signals, SIGBUS);
    sigdelset(&signals, SIGFPE);
    sigdelset(&signals, SIGILL);
    sigdelset(&signals, SIGABRT);
    sigdelset(&signals, SIGTRAP);
    sigdelset(&signals, SIGPROF);
    if (sigprocmask(SIG_SETMASK, &signals, NULL) != 0) {
        return false;
    }
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGHUP);
    server->signal_fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    return server->signal_fd >= 0;
}

/* It takes events from now on; its files wait for become_user(), so that they belong to that user. */
static bool open_log(struct server *server)
{
    char error[512];
    server->log = log_create(&server->config->log, error, sizeof(error));
    if (server->log == NULL) {
        fprintf(stderr, "portcullis: %s\n", error);
        return false;
    }
    log_event(server->log, LOG_NOTICE, "starting", log_str("version", PORTCULLIS_VERSION),
              log_str("config", server->file), log_i64("pid", getpid()));
    return true;
}

static bool fail(const struct server *server, const char *what, const char *why)
{
    log_event(server->log, LOG_ERROR, "cannot_start", log_str("what", what), log_str("detail", why));
    fprintf(stderr, "portcullis: %s: %s\n", what, why);
    return false;
}

/* Opens all listeners and makes the lobby, which then owns them. */
static bool open_lobby(struct server *server)
{
    const struct config *config = server->config;
    struct lobby_listener *listeners = calloc(config->listener_count, sizeof(*listeners));
    if (listeners == NULL) {
        return fail(server, "listener", strerror(ENOMEM));
    }
    char error[512];
    if (!listeners_open(config, server->inherited, server->log, listeners, &server->listeners_inherited, error,
                        sizeof(error))) {
        (void)fail(server, "listener", error);
    } else {
        const struct lobby_setup setup = {
            .threads = config->pool.lobby_threads,
            .listeners = listeners,
            .listener_count = config->listener_count,
            .config = config,
            .tls = credentials_context(server->credentials),
            .gate = server->gate,
            .log = server->log,
            .readiness = &server->readiness,
            .ring = server->ring,
        };
        server->lobby = lobby_create(&setup);
        if (server->lobby == NULL) {
            (void)fail(server, "lobby", strerror(errno));
        }
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        if (server->lobby == NULL && listeners[i].fd >= 0) {
            close(listeners[i].fd);
        }
    }
    free(listeners);
    return server->lobby != NULL;
}

static bool open_door(struct server *server)
{
    char error[256];
    const struct door_setup setup = {
        .lobby_threads = server->config->pool.lobby_threads,
        .session_threads = server->session_threads,
        .upgrade_threads = server->config->pool.upgrade_threads,
        .lobby = server->lobby,
        .sessions = server->sessions,
        .tokens = &server->tokens,
        .ring = server->ring,
        .log = server->log,
    };
    server->door = door_start(&setup, error, sizeof(error));
    return server->door != NULL || fail(server, "door", error);
}

static void report_rehearsal(void *context, bool is_error, const char *line)
{
    struct server *server = context;
    if (is_error) {
        log_event(server->log, LOG_WARNING, "reload_would_fail", log_str("user", server->config->privileges.user),
                  log_str("detail", line));
    }
}

/* What root could read the user may not be able to: better said now than at the reload that a new certificate needs. */
static void rehearse_reload(struct server *server)
{
    const struct config *config = config_load(server->file, report_rehearsal, server);
    config_unref(&config);
}

/* The last act as root, if it is root; no other thread exists and no peer has been heard. Then the log's files are opened. */
static bool become_user(struct server *server)
{
    const struct privileges *wanted = &server->config->privileges;
    char error[512];
    enum privileges_status status = privileges_drop(wanted, error, sizeof(error));
    if (status == PRIVILEGES_FAILED) {
        fprintf(stderr, "portcullis: user: %s\n", error);
        return false;
    }
    if (!log_begin(server->log, error, sizeof(error))) {
        fprintf(stderr, "portcullis: %s\n", error);
        return false;
    }
    if (status == PRIVILEGES_DROPPED) {
        log_event(server->log, LOG_NOTICE, "privileges_dropped", log_str("user", wanted->user),
                  log_u64("uid", wanted->uid), log_u64("gid", wanted->gid));
        rehearse_reload(server);
    }
    if (privileges_are_root()) {
        log_event(server->log, LOG_WARNING, "running_as_root",
                  log_str("detail", "set user in the config to an account that owns nothing else"));
    }
    return true;
}

static bool open_reload(struct server *server)
{
    const struct reload_setup setup = {
        .file = server->file,
        .started = server->config,
        .log = server->log,
        .gate = server->gate,
        .credentials = server->credentials,
        .lobby = server->lobby,
        .admin = server->operators.admin,
        .jwks = server->tokens.jwks,
    };
    server->reload = reload_create(&setup);
    return server->reload != NULL || fail(server, "reload", strerror(errno));
}

/* All that root may be needed for: limits, keys, ports below 1024. No thread is started. */
static bool prepare(struct server *server)
{
    char error[512];
    if (!state_dir_make(server->config, error, sizeof(error))) {
        return fail(server, "state_dir", error);
    }
    server->session_threads = session_threads_of(server->config);
    file_limit_raise(server->config, server->session_threads, server->log);
    server->gate = gate_create(&server->config->firewall);
    if (server->gate == NULL) {
        return fail(server, "firewall", strerror(ENOMEM));
    }
    server->credentials = credentials_create(server->config, server->log, report_to_both, server);
    if (server->credentials == NULL) {
        return fail(server, "tls", "a certificate or its key cannot be used; see above");
    }
    server->tokens.revocations = revocations_create();
    if (server->tokens.revocations == NULL) {
        return fail(server, "revocations", strerror(ENOMEM));
    }
    const struct session_pool_setup sessions = {
        .tokens = &server->tokens,
        .threads = server->session_threads,
        .io = server->config->pool.io,
        .busy_poll_us = server->config->pool.busy_poll_us,
    };
    server->sessions = session_pool_create(&sessions, server->log, server->gate);
    server->ring = ready_ring_create((size_t)server->config->pool.lobby_threads * LOBBY_HANDED_MAX + 1);
    if (server->sessions == NULL || server->ring == NULL) {
        bool demanded = server->sessions == NULL && server->config->pool.io == CONFIG_IO_URING;
        return fail(server, demanded ? "session loops with pool.io = \"io_uring\"" : "session loops", strerror(errno));
    }
    return open_lobby(server);
}

static bool open_operators(struct server *server)
{
    char error[512];
    const struct operators_setup setup = {
        .log = server->log,
        .sessions = server->sessions,
        .revocations = server->tokens.revocations,
        .readiness = &server->readiness,
    };
    return operators_open(&server->operators, server->config, &setup, error, sizeof(error)) ||
           fail(server, server->operators.store == NULL ? "store" : "admin", error);
}

static bool open_key_sets(struct server *server)
{
    server->tokens.jwks = key_sets_start(server->config, server->log);
    return server->tokens.jwks != NULL || fail(server, "key sets", strerror(errno));
}

static bool open_vitals(struct server *server)
{
    const struct vitals_setup setup = {
        .lobby = server->lobby,
        .lobby_threads = server->config->pool.lobby_threads,
        .sessions = server->sessions,
        .session_threads = server->session_threads,
        .door = server->door,
        .log = server->log,
    };
    server->vitals = vitals_start(&setup);
    if (server->vitals != NULL) {
        return true;
    }
    int error = errno;
    session_pool_refuse(server->sessions);
    session_pool_drain(server->sessions, 0, 0);
    lobby_stop(server->lobby);
    return fail(server, "watchdog", strerror(error));
}

static bool start(struct server *server)
{
    server->config = config_load(server->file, report_to_stderr, NULL);
    if (server->config == NULL || !open_log(server)) {
        return false;
    }
    if (!jwks_prepare_process()) { /* while there is one thread */
        return fail(server, "libcurl", "it cannot be used");
    }
    char error[512];
    bool prepared = secrets_complete(server->file, &server->config, server->log, error, sizeof(error))
                        ? prepare(server)
                        : fail(server, "secret", error);
    /* Also when that failed: the log is to say why. */
    if (!become_user(server) || !prepared || !open_operators(server) || !open_key_sets(server) ||
        !open_reload(server) || !open_door(server) || !open_vitals(server)) {
        return false;
    }
    readiness_set(&server->readiness, READINESS_SERVING);
    lobby_admit(server->lobby);
    listeners_log(server->lobby, server->log);
    log_event(server->log, LOG_NOTICE, "ready", log_u64("session_threads", server->session_threads),
              log_str("io", session_pool_uses_uring(server->sessions) ? "io_uring" : "epoll"),
              log_u64("endpoints", server->config->endpoint_count));
    notify_ready(&server->notify, session_pool_open(server->sessions), false);
    return true;
}

/* ---- reload ---- */

static void refuse_reload(struct server *server, const char *cause)
{
    log_event(server->log, LOG_ERROR, "reload_refused", log_str("config", server->file), log_str("cause", cause),
              log_str("detail", "the running config stays in force"));
    log_audit(server->log, "reload_refused", log_str("config", server->file), log_str("cause", cause));
    log_reopen(server->log, &server->config->log);
}

/* What is left to do for a config that the lobby and the gate have. */
static void take_config(struct server *server, struct reload_result *result)
{
    const struct config *old = server->config;
    log_reopen(server->log, &result->config->log);
    server->config = result->config;
    result->config = NULL;
    config_unref(&old);
    credentials_commit(server->credentials, server->config, &result->tls);
    admin_commit(server->operators.admin, &result->access);
    file_limit_raise(server->config, server->session_threads, server->log);
    log_event(server->log, LOG_NOTICE, "reloaded", log_str("config", server->file));
    log_audit(server->log, "reloaded", log_str("config", server->file));
}

static void begin_reload(struct server *server)
{
    if (reload_begin(server->reload, server->config)) {
        notify_reloading();
    }
}

static void answer_reload_order(struct server *server, bool taken, const char *detail)
{
    if (server->reload_ordered) {
        server->reload_ordered = false;
        admin_answer_order(server->operators.admin, taken, detail);
    }
}

/* The outcome of a reload, if there is one. While the server stops, no manager waits for it. */
static void end_reload(struct server *server)
{
    struct reload_result result;
    bool again = false;
    if (!reload_collect(server->reload, &result, &again)) {
        return;
    }
    if (result.refused != NULL) {
        refuse_reload(server, result.refused);
    } else {
        take_config(server, &result);
    }
    if (readiness_ready(&server->readiness)) {
        notify_ready(&server->notify, session_pool_open(server->sessions), result.refused != NULL);
    }
    answer_reload_order(server, result.refused == NULL, reload_notes(server->reload));
    if (again) {
        begin_reload(server);
    }
}

/* ---- the end ---- */

static void release(struct server *server)
{
    reload_destroy(&server->reload);
    vitals_stop(server->vitals);
    operators_close(&server->operators);
    door_stop(&server->door);
    vitals_destroy(&server->vitals);
    lobby_destroy(&server->lobby);
    inherited_destroy(&server->inherited);
    ready_ring_destroy(&server->ring);
    session_pool_destroy(&server->sessions);
    jwks_stop(&server->tokens.jwks); /* after all that check tokens */
    revocations_destroy(&server->tokens.revocations);
    credentials_destroy(&server->credentials);
    gate_destroy(&server->gate);
    if (server->log != NULL) {
        log_event(server->log, LOG_NOTICE, "stopped", log_i64("pid", getpid()));
        log_close(&server->log, LOG_CLOSE_MS);
    }
    config_unref(&server->config);
    if (server->signal_fd >= 0) {
        close(server->signal_fd);
    }
}

/* Waits for a signal, for the end of a reload or, while draining, for the last session; a period at most. Returns the signal's
 * number, or 0. */
static int wait_event(struct server *server, int timeout_ms)
{
    /* Orders are not taken during a reload. */
    int orders_fd = reload_under_way(server->reload) ? -1 : admin_event_fd(server->operators.admin);
    struct pollfd events[] = {{.fd = server->signal_fd, .events = POLLIN},
                              {.fd = door_event_fd(server->door), .events = POLLIN},
                              {.fd = vitals_event_fd(server->vitals), .events = POLLIN},
                              {.fd = reload_event_fd(server->reload), .events = POLLIN},
                              {.fd = orders_fd, .events = POLLIN}};
    int ready = poll(events, sizeof(events) / sizeof(events[0]), timeout_ms);
    vitals_answer(server->vitals);
    end_reload(server);
    if (ready <= 0 || (events[0].revents & POLLIN) == 0) {
        return 0;
    }
    struct signalfd_siginfo info;
    return read(server->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}

/* What is done while draining as well. A changed config is not taken over any more, but log files may have been moved. */
static int wait_draining(void *context, int timeout_ms)
{
    struct server *server = context;
    enum admin_order order;
    int number = wait_event(server, timeout_ms);
    while (!reload_under_way(server->reload) && admin_take_order(server->operators.admin, &order)) {
        admin_answer_order(server->operators.admin, order == ADMIN_DRAIN, "the server is stopping");
    }
    if (number == SIGHUP) {
        refuse_reload(server, "the server is stopping");
    }
    return number == SIGHUP ? 0 : number;
}

/* `signal_number` is 0 for an operator's order. Returns the exit status. */
static int drain(struct server *server, int signal_number)
{
    const struct drain_setup setup = {
        .log = server->log,
        .lobby = server->lobby,
        .sessions = server->sessions,
        .door = server->door,
        .readiness = &server->readiness,
        .delay_ms = server->config->limits.drain_delay_ms,
        .window_ms = server->config->limits.drain_window_ms,
        .timeout_ms = server->config->limits.drain_timeout_ms,
        .leave_listeners = server->listeners_inherited,
        .wait = wait_draining,
        .context = server,
    };
    reload_abandon(server->reload);
    answer_reload_order(server, false, "the server is stopping");
    int status = drain_run(&setup, signal_number);
    /* One that is reading still: who does not want to wait for that either sends another signal. */
    while (reload_under_way(server->reload)) {
        if (wait_draining(server, -1) != 0) {
            _exit(1);
        }
    }
    return status;
}

/* What operators have asked for by the admin API; while a reload is under way, that waits. Whether the server is to stop. */
static bool obey(struct server *server)
{
    enum admin_order order;
    while (!reload_under_way(server->reload) && admin_take_order(server->operators.admin, &order)) {
        switch (order) {
        case ADMIN_RELOAD:
            server->reload_ordered = true;
            begin_reload(server);
            break;
        case ADMIN_DRAIN:
            admin_answer_order(server->operators.admin, true, NULL);
            return true;
        }
    }
    return false;
}

/* Until a signal or an order to stop; returns the signal, or 0. */
static int serve(struct server *server)
{
    uint64_t report_ms = loop_clock_ms() + PERIOD_MS;
    for (;;) {
        uint64_t now_ms = loop_clock_ms();
        if (now_ms >= report_ms) {
            refusals_report(&server->refusals, server->gate, server->lobby, server->door, server->sessions,
                            server->log);
            notify_sessions(&server->notify, session_pool_open(server->sessions));
            report_ms = now_ms + PERIOD_MS;
        }
        uint64_t tend_ms = credentials_tend(server->credentials, now_ms);
        uint64_t look_ms = slack_tend(&server->slack, session_pool_turnover(server->sessions), now_ms);
        uint64_t due_ms = tend_ms < report_ms ? tend_ms : report_ms;
        due_ms = look_ms < due_ms ? look_ms : due_ms;
        int number = wait_event(server, (int)(due_ms - now_ms));
        if (number == SIGHUP) {
            begin_reload(server);
        } else if (number != 0) {
            return number;
        }
        if (obey(server)) {
            return 0;
        }
    }
}

int server_run(const char *config_file)
{
    struct server server = {.file = config_file, .signal_fd = -1};
    if (!take_inherited(&server)) {
        return 1;
    }
    if (!block_signals(&server)) {
        perror("portcullis: signals");
        release(&server);
        return 1;
    }
    if (!start(&server)) {
        release(&server);
        return 1;
    }
    int status = drain(&server, serve(&server));
    refusals_report(&server.refusals, server.gate, server.lobby, server.door, server.sessions, server.log);
    release(&server);
    return status;
}
