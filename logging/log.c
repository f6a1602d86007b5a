/*
 * log - the log's public functions. They run on the thread that logs; the writer thread is in writer.c.
 */
#include "logging/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logging/clock.h"
#include "logging/line.h"
#include "logging/ring.h"
#include "logging/throttle.h"
#include "logging/writer.h"

#define RING_SIZE_DEFAULT ((size_t)1024 * 1024)

struct log {
    struct ring *ring;
    struct throttle *throttle;
    struct writer *writer;
    _Atomic uint64_t suppressed;
};

struct log_field log_str(const char *name, const char *text)
{
    return log_bytes(name, text, text != NULL ? strlen(text) : 0);
}

struct log_field log_bytes(const char *name, const void *bytes, size_t size)
{
    return (struct log_field){.name = name, .kind = LOG_FIELD_TEXT, .value.text = {.bytes = bytes, .size = size}};
}

struct log_field log_i64(const char *name, int64_t value)
{
    return (struct log_field){.name = name, .kind = LOG_FIELD_I64, .value.i64 = value};
}

struct log_field log_u64(const char *name, uint64_t value)
{
    return (struct log_field){.name = name, .kind = LOG_FIELD_U64, .value.u64 = value};
}

struct log_field log_bool(const char *name, bool value)
{
    return (struct log_field){.name = name, .kind = LOG_FIELD_BOOL, .value.u64 = value};
}

struct log_field log_seconds(const char *name, uint64_t duration_ms)
{
    return (struct log_field){.name = name, .kind = LOG_FIELD_SECONDS, .value.u64 = duration_ms};
}

static void log_free(struct log *log)
{
    ring_free(&log->ring);
    throttle_free(&log->throttle);
    free(log);
}

struct log *log_create(const struct log_config *config, char *error, size_t error_size)
{
    struct log *log = calloc(1, sizeof *log);
    if (log == NULL) {
        (void)snprintf(error, error_size, "cannot open the log: out of memory");
        return NULL;
    }
    log->ring = ring_new(config->ring_size != 0 ? config->ring_size : RING_SIZE_DEFAULT);
    log->throttle = throttle_new();
    if (log->ring == NULL || log->throttle == NULL) {
        (void)snprintf(error, error_size, "cannot open the log: out of memory or descriptors");
        log_free(log);
        return NULL;
    }
    log->writer = writer_new(config, log->ring, log->throttle, error, error_size);
    if (log->writer == NULL) {
        log_free(log);
        return NULL;
    }
    return log;
}

bool log_begin(struct log *log, char *error, size_t error_size)
{
    return writer_start(log->writer, error, error_size);
}

struct log *log_open(const struct log_config *config, char *error, size_t error_size)
{
    struct log *log = log_create(config, error, error_size);
    if (log != NULL && !log_begin(log, error, error_size)) {
        log_close(&log, 0);
    }
    return log;
}

void log_close(struct log **log, unsigned timeout_ms)
{
    struct log *closing = *log;
    *log = NULL;
    if (closing == NULL) {
        return;
    }
    if (writer_stop(&closing->writer, timeout_ms)) {
        log_free(closing);
    } else {
        free(closing); /* the thread that hangs still has the ring and the throttle */
    }
}

bool log_enabled(const struct log *log, enum log_level level)
{
    return log != NULL && writer_targets(log->writer, level) != 0;
}

static void put(struct log *log, enum ring_share share, unsigned targets, enum log_format format, enum log_level level,
                const char *event, const struct log_field *fields, size_t count)
{
    struct line line; /* 4 KiB: the largest local of the project */
    line_format(&line, format, level, clock_real_ms(), event, fields, count);
    (void)ring_put(log->ring, share, targets, line.bytes, line.size); /* a full ring counts */
}

void log_write(struct log *log, enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
    const unsigned targets = log != NULL ? writer_targets(log->writer, level) : 0;
    if (targets != 0) {
        const enum ring_share share = level == LOG_ERROR ? RING_VITAL : RING_COMMON;
        put(log, share, targets, writer_format(log->writer), level, event, fields, count);
    }
}

void log_write_limited(struct log *log, enum log_level level, const char *event, const char *key,
                       const struct log_field *fields, size_t count)
{
    if (log_enabled(log, level) && log_admits(log, level, event, key)) {
        log_write(log, level, event, fields, count);
    }
}

bool log_admits(struct log *log, enum log_level level, const char *event, const char *key)
{
    const bool admitted = log != NULL && throttle_admit(log->throttle, level, event, key);
    if (log != NULL && !admitted) {
        atomic_fetch_add(&log->suppressed, 1);
    }
    return admitted;
}

bool log_has_audit(const struct log *log)
{
    return log != NULL && writer_has_audit(log->writer);
}

static void put_audit(struct log *log, enum ring_share share, const char *event, const struct log_field *fields,
                      size_t count)
{
    if (log_has_audit(log)) {
        put(log, share, TARGET_BIT(TARGET_AUDIT), LOG_JSON, LOG_NOTICE, event, fields, count);
    }
}

void log_write_audit(struct log *log, const char *event, const struct log_field *fields, size_t count)
{
    put_audit(log, RING_VITAL, event, fields, count);
}

void log_write_audit_bulk(struct log *log, const char *event, const struct log_field *fields, size_t count)
{
    put_audit(log, RING_COMMON, event, fields, count);
}

void log_reopen(struct log *log, const struct log_config *config)
{
    if (log != NULL && !writer_reopen(log->writer, config)) {
        log_event(log, LOG_ERROR, "log_reopen_failed", log_str("error", "out of memory"));
    }
}

void log_wake(struct log *log)
{
    ring_wake(log->ring);
}

struct log_stats log_stats(const struct log *log)
{
    struct log_stats stats = {0};
    if (log != NULL) {
        writer_stats(log->writer, &stats);
        stats.dropped = ring_dropped(log->ring);
        stats.ring_used = ring_used(log->ring);
        stats.suppressed = atomic_load(&log->suppressed);
    }
    return stats;
}
