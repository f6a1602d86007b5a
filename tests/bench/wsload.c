/*
 * wsload - a WebSocket load generator: starts the workers, leads them through the phases and prints what they counted.
 * Everything in this file runs in the main thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/bench/options.h"
#include "tests/bench/plan.h"
#include "tests/bench/report.h"
#include "tests/bench/worker.h"

#define FILES_SPARE      64 /* descriptors that are not connections: epolls, standard streams, OpenSSL's */
#define POLL_MS          5  /* between two looks at the workers' progress */
#define PROBE_TIMEOUT_MS 10000

struct load {
    const struct options *options;
    atomic_int phase;
    struct worker *workers;
    unsigned count;
};

struct progress {
    unsigned settled;
    unsigned open;
    unsigned alive;
    unsigned unanswered;
    enum phase seen; /* by all */
};

static struct progress total_progress(const struct load *load)
{
    struct progress total = {.seen = PHASE_STOP};

    for (unsigned i = 0; i < load->count; i++) {
        const struct worker_progress *of_worker = &load->workers[i].progress;
        enum phase seen = (enum phase)atomic_load_explicit(&of_worker->seen, memory_order_acquire);
        total.seen = seen < total.seen ? seen : total.seen;
        total.settled += atomic_load_explicit(&of_worker->settled, memory_order_relaxed);
        total.open += atomic_load_explicit(&of_worker->open, memory_order_relaxed);
        total.alive += atomic_load_explicit(&of_worker->alive, memory_order_relaxed);
        total.unanswered += atomic_load_explicit(&of_worker->unanswered, memory_order_relaxed);
    }
    return total;
}

static unsigned total_open(const struct load *load)
{
    return total_progress(load).open;
}

static bool all_settled(const struct load *load)
{
    return total_progress(load).settled == load->options->connections;
}

static bool none_alive(const struct load *load)
{
    return total_progress(load).alive == 0;
}

static bool all_answered(const struct load *load)
{
    struct progress progress = total_progress(load);

    return progress.seen >= PHASE_PROBE && progress.unanswered == 0;
}

/* Sleeps for `ms`, less when `is_over` says so before. */
static void wait_for(const struct load *load, unsigned ms, bool (*is_over)(const struct load *load))
{
    const struct timespec step = {.tv_nsec = POLL_MS * 1000000L};
    const uint64_t until_ns = clock_ns() + (uint64_t)ms * 1000000U;

    while (clock_ns() < until_ns && !is_over(load)) {
        (void)nanosleep(&step, NULL);
    }
}

static double cpu_seconds(void)
{
    struct rusage usage = {0};

    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* From opening to the end of the measurement. */
static void lead(struct load *load, struct report *report)
{
    const struct options *options = load->options;

    if (options->mode != LOAD_HANDSHAKE) {
        wait_for(load, options->open_timeout_ms, all_settled);
        report_phase(options, "open", total_open(load));
    }
    if (options->mode != LOAD_IDLE) {
        atomic_store(&load->phase, PHASE_WARM);
        wait_for(load, options->warmup_ms, none_alive);
    }
    report->open = total_open(load);
    report->load_cpu_seconds = -cpu_seconds();
    atomic_store(&load->phase, PHASE_MEASURE);
    report_phase(options, "measuring", report->open);
    wait_for(load, options->seconds_ms, none_alive);
    report_phase(options, "measured", total_open(load));
    if (options->mode == LOAD_IDLE) {
        atomic_store(&load->phase, PHASE_PROBE);
        wait_for(load, PROBE_TIMEOUT_MS, all_answered);
    }
    atomic_store(&load->phase, PHASE_STOP);
    report->load_cpu_seconds += cpu_seconds();
}

static void add_up(const struct options *options, const struct tally *tally, struct report *report)
{
    double seconds = (double)(tally->ended_ns - tally->began_ns) / 1e9;
    uint64_t done = options->mode == LOAD_HANDSHAKE ? tally->handshakes : tally->messages;

    for (size_t i = 0; i < FAILURE_COUNT; i++) {
        report->total.failures[i] += tally->failures[i];
    }
    report->total.opened += tally->opened;
    report->total.messages += tally->messages;
    report->total.handshakes += tally->handshakes;
    report->total.resumed += tally->resumed;
    report->total.silent += tally->silent;
    report->total.overdue += tally->overdue;
    if (tally->tls_version != NULL) {
        report->total.tls_version = tally->tls_version;
        report->total.tls_cipher = tally->tls_cipher;
    }
    histogram_add(&report->total.latency, &tally->latency);
    histogram_add(&report->total.lag, &tally->lag);
    report->rate += seconds > 0 ? (double)done / seconds : 0;
    report->seconds = seconds > report->seconds ? seconds : report->seconds;
}

/* As many descriptors as the system grants; whether they are enough for each thread. */
static bool raise_file_limit(const struct options *options)
{
    const rlim_t needed = (rlim_t)options->connections / options->threads + 1 + FILES_SPARE;
    struct rlimit limit = {0};

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return false;
    }
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < needed) {
        fprintf(stderr, "wsload: a limit of %llu open files a thread is not enough: more --threads help\n",
                (unsigned long long)limit.rlim_cur);
        return false;
    }
    return true;
}

/* Shares the connections out as evenly as possible. load->count is the number of workers that run. */
static bool start_workers(struct load *load, const struct plan *plan)
{
    const unsigned threads = load->options->threads;
    unsigned first = 0;

    for (unsigned i = 0; i < threads; i++) {
        unsigned share = load->options->connections / threads + (i < load->options->connections % threads ? 1 : 0);
        if (!worker_start(&load->workers[i], plan, &load->phase, first, share)) {
            fprintf(stderr, "wsload: cannot start thread %u\n", i);
            return false;
        }
        load->count++;
        first += share;
    }
    return true;
}

static bool has_failures(const struct tally *tally)
{
    uint64_t failures = tally->silent;

    for (size_t i = 0; i < FAILURE_COUNT; i++) {
        failures += tally->failures[i];
    }
    return failures > 0;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct plan plan = {0};
    struct load load = {.options = &options};
    struct report *report = NULL;
    int status = EXIT_FAILURE;

    switch (options_parse(argc, argv, &options)) {
    case OPTIONS_OK:
        break;
    case OPTIONS_HELP:
        return EXIT_SUCCESS;
    case OPTIONS_BAD:
        return 2;
    }
    atomic_init(&load.phase, PHASE_OPEN);
    report = calloc(1, sizeof *report);
    load.workers = calloc(options.threads, sizeof *load.workers);
    if (report == NULL || load.workers == NULL || !raise_file_limit(&options) || !plan_make(&options, &plan)) {
        goto out;
    }
    bool is_running = start_workers(&load, &plan);
    if (is_running) {
        lead(&load, report);
    }
    atomic_store(&load.phase, PHASE_STOP);
    for (unsigned i = 0; i < load.count; i++) {
        worker_join(&load.workers[i]);
        add_up(&options, &load.workers[i].crew.tally, report);
    }
    if (is_running) {
        report_result(&options, report);
        status = has_failures(&report->total) || report->total.opened == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    }

out:
    plan_free(&plan);
    free(load.workers);
    free(report);
    return status;
}
