/*
 * The event loop of one load thread.
 */
#define _GNU_SOURCE /* unshare(), epoll_pwait2() */

#include "tests/bench/worker.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#define EVENTS_MAX        256
#define WAIT_MS           5    /* a phase begins at most this late on a silent worker */
#define FAILED_IN_ROW_MAX 1000 /* then nothing is opened any more: the server is gone */

static bool is_sampled(const struct worker *worker, unsigned i)
{
    const struct options *options = worker->crew.plan->options;
    unsigned step = options->connections / options->sample;

    return worker->connections[i].number % (step > 0 ? step : 1) == 0;
}

static void send_all(struct worker *worker, unsigned count)
{
    for (unsigned i = 0; i < worker->count; i++) {
        struct connection *connection = &worker->connections[i];
        if (connection->state == CONNECTION_OPEN && (worker->seen != PHASE_PROBE || is_sampled(worker, i))) {
            connection_send(connection, &worker->crew, count, clock_ns());
        }
    }
}

static void restart_counters(struct worker *worker)
{
    struct tally *tally = &worker->crew.tally;

    tally->messages = 0;
    tally->handshakes = 0;
    tally->resumed = 0;
    tally->latency = (struct histogram){0};
    tally->lag = (struct histogram){0};
    for (unsigned i = 0; i < worker->count; i++) {
        worker->connections[i].answered = false;
    }
    tally->began_ns = clock_ns();
}

static void count_silent(struct worker *worker)
{
    for (unsigned i = 0; i < worker->count; i++) {
        const struct connection *connection = &worker->connections[i];
        bool is_asked = worker->crew.plan->options->mode == LOAD_ECHO || is_sampled(worker, i);
        if (connection->state == CONNECTION_OPEN && is_asked && !connection->answered) {
            worker->crew.tally.silent++;
        }
    }
}

/* The load begins to flow: all at once, or at its pace. */
static void start_flow(struct worker *worker)
{
    struct crew *crew = &worker->crew;
    const struct options *options = crew->plan->options;

    crew->flowing = true;
    if (options->rate == 0) {
        send_all(worker, options->pipeline);
        return;
    }
    crew->pace = (struct pace){.start_ns = clock_ns(), .rate = options->rate, .connections = options->connections};
    /* By default the kernel lets a thread sleep 50 us too long, which would all be counted as latency. */
    (void)prctl(PR_SET_TIMERSLACK, 1UL);
}

/* Sends whatever is due and returns when the next message will be. A connection that still waits for replies is passed
 * over: it catches up by itself when they arrive. */
static uint64_t send_due(struct worker *worker)
{
    struct crew *crew = &worker->crew;
    const uint64_t now_ns = clock_ns();

    for (;;) {
        struct connection *connection = &worker->connections[worker->next_due];
        uint64_t due_ns = pace_due_ns(&crew->pace, connection->number, worker->round);
        if (due_ns > now_ns) {
            return due_ns;
        }
        if (connection->state == CONNECTION_OPEN) {
            if (connection->turn == worker->round && connection->unanswered < crew->plan->options->pipeline) {
                histogram_record(&crew->tally.lag, now_ns - due_ns); /* only the load itself kept it waiting */
            }
            connection_send_due(connection, crew, now_ns);
        }
        worker->next_due++;
        if (worker->next_due == worker->count) {
            worker->next_due = 0;
            worker->round++;
        }
    }
}

static void count_overdue(struct worker *worker)
{
    if (!worker->crew.flowing) {
        return;
    }
    for (unsigned i = 0; i < worker->count; i++) {
        if (worker->connections[i].state == CONNECTION_OPEN) {
            connection_count_overdue(&worker->connections[i], &worker->crew, worker->crew.tally.ended_ns);
        }
    }
}

static void enter(struct worker *worker, enum phase phase)
{
    const struct options *options = worker->crew.plan->options;

    worker->seen = phase;
    switch (phase) {
    case PHASE_OPEN:
        break;
    case PHASE_WARM:
        if (options->mode == LOAD_ECHO) {
            start_flow(worker);
        }
        break;
    case PHASE_MEASURE:
        restart_counters(worker);
        break;
    case PHASE_PROBE:
        if (options->mode == LOAD_IDLE) {
            send_all(worker, 1);
        }
        break;
    case PHASE_STOP:
        worker->crew.tally.ended_ns = clock_ns();
        if (options->rate > 0) {
            count_overdue(worker);
        } else if (options->mode != LOAD_HANDSHAKE) {
            count_silent(worker);
        }
        break;
    }
}

static void follow_phase(struct worker *worker)
{
    enum phase wanted = (enum phase)atomic_load_explicit(worker->phase, memory_order_relaxed);

    while (worker->seen < wanted) {
        enter(worker, worker->seen + 1);
    }
}

static void start_connections(struct worker *worker)
{
    struct crew *crew = &worker->crew;
    const struct options *options = crew->plan->options;
    bool is_handshake = options->mode == LOAD_HANDSHAKE;
    bool is_time = worker->seen == PHASE_OPEN || is_handshake;
    unsigned opening_max = is_handshake ? worker->count : options->opening;

    while (is_time && crew->opening < opening_max && crew->failed_in_row < FAILED_IN_ROW_MAX) {
        struct connection *connection = NULL;
        if (worker->started < worker->count) {
            connection = &worker->connections[worker->started++];
        } else if (worker->ended_count > 0) {
            connection = &worker->connections[worker->ended[--worker->ended_count]];
        } else {
            break;
        }
        connection_start(connection, crew);
        if (connection->state == CONNECTION_CLOSED && is_handshake) {
            worker->ended[worker->ended_count++] = (unsigned)(connection - worker->connections);
        }
    }
}

static void publish(struct worker *worker)
{
    const struct crew *crew = &worker->crew;
    struct worker_progress *progress = &worker->progress;

    atomic_store_explicit(&progress->open, crew->open, memory_order_relaxed);
    atomic_store_explicit(&progress->alive, crew->open + crew->opening, memory_order_relaxed);
    atomic_store_explicit(&progress->unanswered, crew->unanswered, memory_order_relaxed);
    atomic_store_explicit(&progress->settled, worker->started - crew->opening, memory_order_relaxed);
    atomic_store_explicit(&progress->seen, (int)worker->seen, memory_order_release);
}

static void handle_events(struct worker *worker, const struct epoll_event *events, int count)
{
    bool is_restarting = worker->crew.plan->options->mode == LOAD_HANDSHAKE;

    for (int i = 0; i < count; i++) {
        struct connection *connection = events[i].data.ptr;
        bool ended = (events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
        connection_drive(connection, &worker->crew, ended);
        if (is_restarting && connection->state == CONNECTION_CLOSED) {
            worker->ended[worker->ended_count++] = (unsigned)(connection - worker->connections);
        }
    }
}

/* Waits for events; at a fixed rate no longer than until the next message is due. */
static int wait_for_events(struct worker *worker, struct epoll_event *events)
{
    struct timespec timeout = {.tv_nsec = WAIT_MS * 1000000L};

    if (worker->crew.flowing && worker->crew.plan->options->rate > 0) {
        uint64_t due_ns = send_due(worker);
        uint64_t now_ns = clock_ns();
        uint64_t wait_ns = due_ns > now_ns ? due_ns - now_ns : 0;
        timeout.tv_nsec = wait_ns < (uint64_t)timeout.tv_nsec ? (long)wait_ns : timeout.tv_nsec;
    }
    return epoll_pwait2(worker->crew.epoll, events, EVENTS_MAX, &timeout, NULL);
}

static void work(struct worker *worker)
{
    struct epoll_event events[EVENTS_MAX];

    for (;;) {
        follow_phase(worker);
        if (worker->seen == PHASE_STOP) {
            break;
        }
        start_connections(worker);
        publish(worker);
        handle_events(worker, events, wait_for_events(worker, events));
    }
    for (unsigned i = 0; i < worker->count; i++) {
        connection_end(&worker->connections[i], &worker->crew, FAILURE_COUNT);
    }
}

/* ThreadSanitizer takes the same number in two file tables for the same file. */
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define HAS_SHARED_FILES
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define HAS_SHARED_FILES
#endif

static bool separate_files(void)
{
#ifdef HAS_SHARED_FILES
    return true;
#else
    return unshare(CLONE_FILES) == 0;
#endif
}

/* With a file table of its own, a thread's system calls need not count references to what other threads might close: that
 * is 2 % of an echo. The limit of open files counts for each thread alone then, too. */
static void *run(void *argument)
{
    struct worker *worker = argument;

    if (separate_files()) {
        worker->crew.epoll = epoll_create1(EPOLL_CLOEXEC);
    }
    if (worker->crew.epoll >= 0) {
        work(worker);
        close(worker->crew.epoll);
    } else {
        worker->crew.tally.failures[FAILURE_CONNECT] += worker->count;
        worker->started = worker->count;
        publish(worker);
    }
    return NULL;
}

static void release(struct worker *worker)
{
    SSL_SESSION_free(worker->crew.session);
    free(worker->crew.buffer);
    free(worker->connections);
    free(worker->ended);
    free(worker->sent_ns);
}

bool worker_start(struct worker *worker, const struct plan *plan, const atomic_int *phase, unsigned first,
                  unsigned count)
{
    const size_t ring_size = plan->options->pipeline;

    *worker = (struct worker){.phase = phase, .count = count, .crew.plan = plan, .crew.epoll = -1};
    worker->crew.buffer = malloc(CREW_BUFFER_SIZE);
    worker->connections = calloc(count, sizeof *worker->connections);
    worker->ended = calloc(count, sizeof *worker->ended);
    worker->sent_ns = calloc(count * ring_size, sizeof *worker->sent_ns);
    if (worker->crew.buffer == NULL || worker->connections == NULL || worker->ended == NULL ||
        worker->sent_ns == NULL) {
        goto fail;
    }
    for (unsigned i = 0; i < count; i++) {
        worker->connections[i].number = first + i;
        worker->connections[i].link.fd = -1;
        worker->connections[i].sent_ns = worker->sent_ns + i * ring_size;
    }
    atomic_init(&worker->progress.alive, count);
    if (pthread_create(&worker->thread, NULL, run, worker) != 0) {
        goto fail;
    }
    return true;

fail:
    release(worker);
    return false;
}

void worker_join(struct worker *worker)
{
    (void)pthread_join(worker->thread, NULL);
    release(worker);
}
