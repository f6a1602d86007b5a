/*
 * The event loop of one load thread.
 */
#define _GNU_SOURCE /* unshare() */

#include "tests/bench/worker.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
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

static void enter(struct worker *worker, enum phase phase)
{
    const struct options *options = worker->crew.plan->options;

    worker->seen = phase;
    switch (phase) {
    case PHASE_OPEN:
        break;
    case PHASE_WARM:
        if (options->mode == LOAD_ECHO) {
            worker->crew.flowing = true;
            send_all(worker, options->pipeline);
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
        if (options->mode != LOAD_HANDSHAKE) {
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
        handle_events(worker, events, epoll_wait(worker->crew.epoll, events, EVENTS_MAX, WAIT_MS));
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
