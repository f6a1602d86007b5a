/*
 * writer - drains the ring into the files. writer_run() and what it calls run on the writer thread; the functions of the
 * header on the threads named there.
 */
#include "logging/writer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "logging/clock.h"
#include "logging/line.h"
#include "logging/mutex.h"
#include "logging/settings.h"
#include "logging/sink.h"
#include "logging/thread.h"

#define THREAD_NAME   "log"
#define PATIENCE_MS   100  /* for a reader that was reading a moment ago; the other files wait that long */
#define REPORT_GAP_MS 1000 /* between two reports of lost lines in one file */
#define GRACE_MS      2000 /* at the end, for a slow disk; what takes longer hangs */
#define REASON_SIZE   128

#define FIELD_COUNT(fields) (sizeof(fields) / sizeof((fields)[0]))

/* One file, and when it may next be spoken about. */
struct outlet {
    struct sink *sink; /* NULL: none configured, or no memory for it */
    int64_t next_report_ms;
    int64_t next_complaint_ms;
};

struct writer {
    /* Set before the thread starts. */
    struct ring *ring;
    struct throttle *throttle;
    unsigned period_ms;
    int done_fd; /* readable when the thread has finished */
    pthread_t thread;
    bool started; /* of the thread that starts and stops it */

    /* Read by all threads, written by the writer. */
    _Atomic unsigned main_level; /* lowest that goes to the main log; LOG_ERROR + 1: none does */
    _Atomic bool has_error;
    _Atomic bool has_audit;
    _Atomic unsigned format;
    _Atomic uint64_t written;
    _Atomic uint64_t lost;
    _Atomic uint64_t write_errors;
    _Atomic uint64_t rounds;

    /* To the writer. */
    _Atomic bool closing;
    _Atomic int64_t deadline_ms; /* once closing */
    struct mutex lock;
    struct settings *next LOCK_GUARDED; /* owned; NULL: nothing new */

    /* The writer's own. */
    struct outlet outlets[TARGET_COUNT];
    struct sink *complaints;                  /* standard error; NULL: closed */
    struct sink_counts retired[TARGET_COUNT]; /* of sinks that are closed */
    int64_t period_end_ms;
    struct line line;
};

/* --- what the writer says itself --- */

static void error_text(int error, char *text, size_t size)
{
    if (strerror_r(error, text, size) != 0) {
        (void)snprintf(text, size, "error %d", error);
    }
}

static void say(struct writer *writer, enum log_format format, enum log_level level, const char *event,
                const struct log_field *fields, size_t count)
{
    line_format(&writer->line, format, level, clock_real_ms(), event, fields, count);
}

/* Never waits: standard error may be a pipe that nobody reads, too. */
static void send_to_stderr(struct writer *writer)
{
    if (writer->complaints != NULL) {
        sink_add(writer->complaints, writer->line.bytes, writer->line.size, 0);
        sink_flush(writer->complaints);
    }
}

static unsigned patience_ms(const struct writer *writer)
{
    if (!atomic_load(&writer->closing)) {
        return PATIENCE_MS;
    }
    const int64_t left = atomic_load(&writer->deadline_ms) - clock_monotonic_ms();
    return left > 0 ? (unsigned)left : 0;
}

static void send_to(struct writer *writer, unsigned targets)
{
    for (unsigned target = 0; target < TARGET_COUNT; target++) {
        struct sink *sink = writer->outlets[target].sink;
        if ((targets & TARGET_BIT(target)) != 0 && sink != NULL) {
            sink_add(sink, writer->line.bytes, writer->line.size, patience_ms(writer));
        }
    }
}

static enum log_format format_of(const struct writer *writer, unsigned target)
{
    return target == TARGET_AUDIT ? LOG_JSON : writer_format(writer);
}

/* False: the buffer has no room for it. */
static bool report_lost(struct writer *writer, unsigned target)
{
    struct sink *sink = writer->outlets[target].sink;
    const struct log_field fields[] = {log_u64("count", sink_unreported(sink))};
    say(writer, format_of(writer, target), LOG_WARNING, "log_dropped", fields, FIELD_COUNT(fields));
    if (!sink_add_report(sink, writer->line.bytes, writer->line.size)) {
        return false;
    }
    sink_flush(sink);
    return true;
}

static void complain(struct writer *writer, unsigned target)
{
    const struct sink *sink = writer->outlets[target].sink;
    const int trouble = sink_trouble(sink);
    char reason[REASON_SIZE];
    error_text(trouble, reason, sizeof reason);
    const struct log_field fields[] = {log_str("file", sink_path(sink)),
                                       log_str("error", trouble == EAGAIN ? "nobody reads" : reason),
                                       log_u64("lost", sink_counts(sink).lost)};
    const char *event = sink_is_open(sink) ? "log_write_failed" : "log_open_failed";
    say(writer, LOG_TEXT, LOG_ERROR, event, fields, FIELD_COUNT(fields));
    send_to_stderr(writer);
}

/* To standard error, and to those of `targets` that have a file: no other is to count this as a lost line. */
static void announce(struct writer *writer, unsigned targets, enum log_level level, const char *event,
                     const struct log_field *fields, size_t count)
{
    for (unsigned target = 0; target < TARGET_COUNT; target++) {
        const struct sink *sink = writer->outlets[target].sink;
        if (sink == NULL || !sink_has_file(sink)) {
            targets &= ~TARGET_BIT(target);
        }
    }
    say(writer, writer_format(writer), level, event, fields, count);
    send_to(writer, targets);
    send_to_stderr(writer);
}

static void report_suppressed(struct writer *writer)
{
    size_t count = 0;
    const struct throttle_entry *entries = throttle_turn(writer->throttle, &count);
    for (size_t i = 0; i < count; i++) {
        const struct throttle_entry *entry = &entries[i];
        if (entry->count > THROTTLE_FULL) {
            const struct log_field fields[] = {log_u64("suppressed", entry->count - THROTTLE_FULL),
                                               log_str("key", entry->key)};
            say(writer, writer_format(writer), entry->level, entry->event, fields, entry->has_key ? 2 : 1);
            send_to(writer, writer_targets(writer, entry->level));
        }
    }
}

/* --- files --- */

static void publish_routes(struct writer *writer, const struct settings *settings, unsigned targets)
{
    const bool has_main = (targets & TARGET_BIT(TARGET_MAIN)) != 0;
    atomic_store(&writer->format, (unsigned)settings->format); /* first: who sees the new level writes the new format */
    atomic_store(&writer->main_level, has_main ? (unsigned)settings->level : LOG_ERROR + 1u);
    atomic_store(&writer->has_error, (targets & TARGET_BIT(TARGET_ERROR)) != 0);
    atomic_store(&writer->has_audit, (targets & TARGET_BIT(TARGET_AUDIT)) != 0);
}

/* Those that have a sink, open or not. */
static unsigned present_targets(const struct writer *writer)
{
    unsigned targets = 0;
    for (unsigned target = 0; target < TARGET_COUNT; target++) {
        targets |= writer->outlets[target].sink != NULL ? TARGET_BIT(target) : 0;
    }
    return targets;
}

/* Those that will have one, before any is opened. */
static unsigned wanted_targets(const struct settings *settings)
{
    unsigned targets = 0;
    for (unsigned target = 0; target < TARGET_COUNT; target++) {
        targets |= settings->paths[target][0] != '\0' ? TARGET_BIT(target) : 0;
    }
    return targets;
}

static struct sink_counts add_counts(struct sink_counts a, struct sink_counts b)
{
    return (struct sink_counts){a.written + b.written, a.lost + b.lost, a.errors + b.errors};
}

static void publish_counts(struct writer *writer)
{
    struct sink_counts sum = {0, 0, 0};
    uint64_t written = 0;
    for (unsigned target = 0; target < TARGET_COUNT; target++) {
        const struct sink *sink = writer->outlets[target].sink;
        struct sink_counts counts = writer->retired[target];
        if (sink != NULL) {
            counts = add_counts(counts, sink_counts(sink));
        }
        sum = add_counts(sum, counts);
        written = target == TARGET_MAIN ? counts.written : written;
    }
    atomic_store(&writer->written, written);
    atomic_store(&writer->lost, sum.lost);
    atomic_store(&writer->write_errors, sum.errors);
}

/* False with errno set: what was in use stays, until the new file can be opened. Without a sink: no memory. */
static bool switch_file(struct writer *writer, unsigned target, const char *path)
{
    struct outlet *outlet = &writer->outlets[target];
    if (path[0] == '\0') {
        if (outlet->sink != NULL) {
            sink_flush(outlet->sink);
            writer->retired[target] = add_counts(writer->retired[target], sink_counts(outlet->sink));
            sink_close(&outlet->sink);
        }
        return true;
    }
    if (outlet->sink != NULL) {
        return sink_reopen(outlet->sink, path);
    }
    outlet->sink = sink_open(path);
    if (outlet->sink == NULL || sink_is_open(outlet->sink)) {
        return outlet->sink != NULL;
    }
    errno = sink_trouble(outlet->sink);
    return false;
}

/* Takes what it can of the settings; an `event` reports each file that could not be opened. False: no memory for one. */
static bool apply(struct writer *writer, const struct settings *settings, const char *event)
{
    bool complete = true;
    int errors[TARGET_COUNT] = {0};
    for (unsigned target = 0; target < TARGET_COUNT; target++) {
        errors[target] = switch_file(writer, target, settings->paths[target]) ? 0 : errno;
    }
    publish_routes(writer, settings, present_targets(writer));
    for (unsigned target = 0; target < TARGET_COUNT; target++) {
        if (errors[target] != 0) {
            char reason[REASON_SIZE];
            error_text(errors[target], reason, sizeof reason);
            const struct log_field fields[] = {log_str("file", settings->paths[target]), log_str("error", reason)};
            announce(writer, writer_targets(writer, LOG_ERROR), LOG_ERROR, event, fields, FIELD_COUNT(fields));
            writer->outlets[target].next_complaint_ms = writer->period_end_ms;
            complete = complete && writer->outlets[target].sink != NULL;
        }
    }
    return complete;
}

static void retry_files(struct writer *writer)
{
    for (unsigned target = 0; target < TARGET_COUNT; target++) {
        struct sink *sink = writer->outlets[target].sink;
        if (sink != NULL && !sink_is_open(sink) && sink_retry(sink)) {
            const struct log_field fields[] = {log_str("file", sink_path(sink)),
                                               log_u64("lost", sink_unreported(sink))};
            announce(writer, TARGET_BIT(TARGET_MAIN), LOG_NOTICE, "log_opened", fields, FIELD_COUNT(fields));
        }
    }
}

/* --- the thread --- */

static struct settings *take_next(struct writer *writer)
{
    mutex_lock(&writer->lock);
    struct settings *next = writer->next;
    writer->next = NULL;
    mutex_unlock(&writer->lock);
    return next;
}

/* One round through what the ring holds now. Returns whether there was anything. */
static bool drain(struct writer *writer)
{
    const bool busy = ring_ready(writer->ring);
    unsigned targets = 0;
    while (ring_next(writer->ring, &writer->line, &targets)) {
        send_to(writer, targets);
    }
    return busy;
}

static void collect_dropped(struct writer *writer)
{
    uint64_t counts[TARGET_COUNT] = {0};
    ring_take_dropped(writer->ring, counts);
    for (unsigned target = 0; target < TARGET_COUNT; target++) {
        if (writer->outlets[target].sink != NULL) {
            sink_count_lost(writer->outlets[target].sink, counts[target]);
        }
    }
}

/* Writes and reports. `probe`: try even a file that could not be opened or written, to notice that it can be again. */
static void settle(struct writer *writer, unsigned target, int64_t now_ms, bool probe)
{
    struct outlet *outlet = &writer->outlets[target];
    if (outlet->sink == NULL) {
        return;
    }
    sink_flush(outlet->sink);
    const bool due = sink_trouble(outlet->sink) == 0 && now_ms >= outlet->next_report_ms;
    if (sink_unreported(outlet->sink) > 0 && (due || probe) && report_lost(writer, target)) {
        outlet->next_report_ms = now_ms + REPORT_GAP_MS;
    }
    if (sink_trouble(outlet->sink) != 0 && now_ms >= outlet->next_complaint_ms) {
        complain(writer, target);
        outlet->next_complaint_ms = now_ms + writer->period_ms;
    }
}

static void settle_all(struct writer *writer, int64_t now_ms, bool probe)
{
    collect_dropped(writer);
    if (probe) {
        retry_files(writer);
    }
    for (unsigned target = 0; target < TARGET_COUNT; target++) {
        settle(writer, target, now_ms, probe);
    }
    if (writer->complaints != NULL) {
        sink_flush(writer->complaints);
    }
    publish_counts(writer);
}

#define WAITS_MAX (TARGET_COUNT + 2) /* the ring, the files, standard error */

/* What to sleep on: the ring first, then each file whose reader has to make room. Returns how many. */
static nfds_t collect_waits(const struct writer *writer, struct pollfd waits[WAITS_MAX])
{
    nfds_t count = 0;
    waits[count++] = (struct pollfd){.fd = ring_fd(writer->ring), .events = POLLIN};
    for (unsigned i = 0; i <= TARGET_COUNT; i++) {
        const struct sink *sink = i < TARGET_COUNT ? writer->outlets[i].sink : writer->complaints;
        const int fd = sink != NULL ? sink_waiting_fd(sink) : -1;
        if (fd >= 0) {
            waits[count++] = (struct pollfd){.fd = fd, .events = POLLOUT};
        }
    }
    return count;
}

static int bounded_ms(int64_t left_ms)
{
    return left_ms < 0 ? 0 : left_ms < INT_MAX ? (int)left_ms : INT_MAX;
}

static void sleep_until(const struct writer *writer, int64_t until_ms)
{
    struct pollfd waits[WAITS_MAX];
    const nfds_t count = collect_waits(writer, waits);
    (void)poll(waits, count, bounded_ms(until_ms - clock_monotonic_ms()));
}

/* The last lines; waits for readers until the deadline. */
static void finish(struct writer *writer)
{
    report_suppressed(writer);
    settle_all(writer, clock_monotonic_ms(), true);
    const int64_t deadline_ms = atomic_load(&writer->deadline_ms);
    struct pollfd waits[WAITS_MAX];
    for (;;) {
        const nfds_t count = collect_waits(writer, waits) - 1;
        const int64_t now_ms = clock_monotonic_ms();
        if (count == 0 || now_ms >= deadline_ms) {
            break;
        }
        (void)poll(waits + 1, count, bounded_ms(deadline_ms - now_ms));
        settle_all(writer, now_ms, true);
    }
}

static void *writer_run(void *argument)
{
    struct writer *writer = argument;
    (void)prctl(PR_SET_NAME, THREAD_NAME);
    for (;;) {
        ring_calm(writer->ring); /* before looking: what comes later rings again */
        atomic_fetch_add_explicit(&writer->rounds, 1, memory_order_relaxed);
        const bool closing = atomic_load(&writer->closing);
        struct settings *next = take_next(writer);
        const bool busy = drain(writer); /* what came before a reopen still goes into the old files */
        if (next != NULL) {
            (void)apply(writer, next, "log_reopen_failed");
            settings_free(&next);
        }
        if (closing && !busy) {
            break;
        }
        const int64_t now_ms = clock_monotonic_ms();
        const bool period_over = now_ms >= writer->period_end_ms;
        if (period_over) {
            report_suppressed(writer);
            writer->period_end_ms = now_ms + writer->period_ms;
        }
        settle_all(writer, now_ms, period_over);
        if (!busy) {
            sleep_until(writer, writer->period_end_ms);
        }
    }
    finish(writer);
    const uint64_t one = 1;
    const ssize_t done = write(writer->done_fd, &one, sizeof one);
    (void)done; /* the first write to an eventfd cannot fail */
    return NULL;
}

/* --- for the other threads --- */

UNCHECKED_LOCKING static void writer_free(struct writer *writer)
{
    for (unsigned target = 0; target < TARGET_COUNT; target++) {
        sink_close(&writer->outlets[target].sink);
    }
    sink_close(&writer->complaints);
    settings_free(&writer->next);
    mutex_destroy(&writer->lock);
    if (writer->done_fd >= 0) {
        close(writer->done_fd);
    }
    free(writer);
}

static struct writer *writer_alloc(const struct log_config *config, struct ring *ring, struct throttle *throttle)
{
    struct writer *writer = calloc(1, sizeof *writer);
    if (writer == NULL) {
        return NULL;
    }
    mutex_init(&writer->lock);
    writer->ring = ring;
    writer->throttle = throttle;
    writer->period_ms = config->period_ms != 0 ? config->period_ms : WRITER_PERIOD_MS;
    writer->period_end_ms = clock_monotonic_ms() + writer->period_ms;
    writer->complaints = sink_open_descriptor(STDERR_FILENO, "stderr"); /* none: complaints go nowhere */
    writer->done_fd = eventfd(0, EFD_CLOEXEC);                          /* last: the caller looks at errno */
    return writer;
}

static void report_failure(int cause, char *error, size_t error_size)
{
    char reason[REASON_SIZE];
    error_text(cause, reason, sizeof reason);
    (void)snprintf(error, error_size, "cannot open the log: %s", reason);
}

UNCHECKED_LOCKING struct writer *writer_new(const struct log_config *config, struct ring *ring,
                                            struct throttle *throttle, char *error, size_t error_size)
{
    int cause = ENOMEM;
    struct settings *settings = settings_new(config);
    struct writer *writer = writer_alloc(config, ring, throttle);
    if (settings != NULL && writer != NULL) {
        if (writer->done_fd >= 0) {
            publish_routes(writer, settings, wanted_targets(settings));
            writer->next = settings;
            return writer;
        }
        cause = errno;
    }
    report_failure(cause, error, error_size);
    settings_free(&settings);
    if (writer != NULL) {
        writer_free(writer);
    }
    return NULL;
}

bool writer_start(struct writer *writer, char *error, size_t error_size)
{
    struct settings *settings = take_next(writer);
    const int cause =
        apply(writer, settings, "log_open_failed") ? thread_start(&writer->thread, 0, writer_run, writer) : ENOMEM;
    settings_free(&settings);
    if (cause != 0) {
        report_failure(cause, error, error_size);
    }
    writer->started = cause == 0;
    return writer->started;
}

/* Whether the thread has finished, within the time. */
static bool wait_done(const struct writer *writer, int64_t until_ms)
{
    struct pollfd wait = {.fd = writer->done_fd, .events = POLLIN};
    for (;;) {
        const int64_t left = until_ms - clock_monotonic_ms();
        const int result = poll(&wait, 1, bounded_ms(left));
        if (result > 0 || (result == 0 && left <= 0)) {
            return result > 0;
        }
    }
}

bool writer_stop(struct writer **writer, unsigned timeout_ms)
{
    struct writer *stopping = *writer;
    const int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    *writer = NULL;
    if (!stopping->started) {
        writer_free(stopping);
        return true;
    }
    atomic_store(&stopping->deadline_ms, deadline_ms);
    atomic_store(&stopping->closing, true);
    ring_wake(stopping->ring);
    if (!wait_done(stopping, deadline_ms + GRACE_MS)) {
        (void)pthread_detach(stopping->thread);
        return false;
    }
    (void)pthread_join(stopping->thread, NULL);
    writer_free(stopping);
    return true;
}

bool writer_reopen(struct writer *writer, const struct log_config *config)
{
    struct settings *settings = settings_new(config);
    if (settings == NULL) {
        return false;
    }
    mutex_lock(&writer->lock);
    struct settings *superseded = writer->next;
    writer->next = settings;
    mutex_unlock(&writer->lock);
    settings_free(&superseded);
    ring_wake(writer->ring);
    return true;
}

unsigned writer_targets(const struct writer *writer, enum log_level level)
{
    unsigned targets = 0;
    if ((unsigned)level >= atomic_load_explicit(&writer->main_level, memory_order_acquire)) {
        targets |= TARGET_BIT(TARGET_MAIN);
    }
    if (level == LOG_ERROR && atomic_load_explicit(&writer->has_error, memory_order_relaxed)) {
        targets |= TARGET_BIT(TARGET_ERROR);
    }
    return targets;
}

bool writer_has_audit(const struct writer *writer)
{
    return atomic_load_explicit(&writer->has_audit, memory_order_relaxed);
}

enum log_format writer_format(const struct writer *writer)
{
    return (enum log_format)atomic_load_explicit(&writer->format, memory_order_relaxed);
}

void writer_stats(const struct writer *writer, struct log_stats *stats)
{
    stats->written = atomic_load(&writer->written);
    stats->lost = atomic_load(&writer->lost);
    stats->write_errors = atomic_load(&writer->write_errors);
    stats->rounds = atomic_load(&writer->rounds);
}
