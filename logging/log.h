/*
 * log - the structured, asynchronous, injection-proof log.
 *
 * Any thread calls log_event(); it formats the event into one line in its own stack frame, copies it into a
 * bounded ring and returns: no file is touched, nothing waits for the disk. One writer thread drains the ring
 * into the main log, the error file (events of LOG_ERROR) and the audit file (log_audit()). A full ring drops
 * the event and counts it; the writer reports the count once it can write again. The last quarter of the ring is for
 * audit lines (but those in bulk) and events of LOG_ERROR alone: a flood of other events cannot crowd them out.
 *
 * A file that cannot be opened (missing folder, no permission) or written (full disk, a FIFO nobody reads) never stops
 * the server or the other files: its lines are lost and counted, it is tried again, and it is reported on stderr once a
 * period while that lasts.
 *
 * One event is one line. Values from peers are escaped by the log itself, whatever they hold: control bytes,
 * ESC, quotes, backslashes, and everything that is not valid UTF-8 (C1 controls, bidirectional overrides and
 * line separators too); logging/escape.h has the rules. Values longer than LOG_VALUE_MAX are cut and marked
 * (NAME_cut=octets left out). Never pass a token or a secret.
 *
 * The log speaks of itself:
 *   log_dropped count=N                      in the file that the N lines are missing from
 *   log_open_failed file=F error=E           at start, as an event of LOG_ERROR, and on stderr
 *   log_reopen_failed file=F error=E         after log_reopen(), as an event of LOG_ERROR, and on stderr
 *   log_opened file=F lost=N                 F could be opened after all, N lines late: in the main log at any level, and
 *                                            on stderr; F itself has log_dropped
 *   log_open_failed file=F error=E lost=N    on stderr, once a period while it lasts; N lines in all so far
 *   log_write_failed file=F error=E lost=N   the same
 *
 * Text:  2026-03-01T12:00:00.123Z info session_end peer=192.0.2.1:4711 cause=client_closed messages_in=3
 * JSON:  {"time":"2026-03-01T12:00:00.123Z","level":"info","event":"session_end","peer":"192.0.2.1:4711",…}
 */
#ifndef PORTCULLIS_LOGGING_LOG_H
#define PORTCULLIS_LOGGING_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARNING, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

#define LOG_LINE_MAX  4096 /* bytes of a line, newline included; fields that do not fit are cut and marked */
#define LOG_VALUE_MAX 512  /* bytes of one text value before escaping */

struct log;

/* Paths are relative to the working folder; "-" is standard output; "" or NULL is none. Strings are copied. Files
 * are created with mode 0640. An error file that is the main log is none. */
struct log_config {
    enum log_level level; /* of the main log; the error and audit files are not affected */
    enum log_format format;
    const char *file;
    const char *error_file;
    const char *audit_file;
    size_t ring_size;   /* bytes; less than 32 KiB is raised to that; 0: 1 MiB */
    unsigned period_ms; /* of summaries, and of trying to open what could not be opened; 0: 10,000 */
};

/* One field of an event. Made by the constructors below; all pointers are borrowed for the call. */
struct log_field {
    const char *name; /* lower_case literal; not "time", "level" or "event" */
    enum log_field_kind { LOG_FIELD_TEXT, LOG_FIELD_I64, LOG_FIELD_U64, LOG_FIELD_BOOL, LOG_FIELD_SECONDS } kind;
    union {
        struct {
            const char *bytes;
            size_t size;
        } text;
        int64_t i64;
        uint64_t u64; /* BOOL: 0 is false; SECONDS: milliseconds, shown as seconds with three decimals */
    } value;
};

/* NUL-terminated text; NULL is shown as "-" (text) or null (JSON). */
struct log_field log_str(const char *name, const char *text);
/* Bytes of any content. */
struct log_field log_bytes(const char *name, const void *bytes, size_t size);
struct log_field log_i64(const char *name, int64_t value);
struct log_field log_u64(const char *name, uint64_t value);
struct log_field log_bool(const char *name, bool value);
struct log_field log_seconds(const char *name, uint64_t duration_ms);

/* A log that takes events and keeps them in its ring: no file is touched and no thread started before log_begin(), for which
 * a process may first become another user. NULL: no memory or descriptor to be had; `error` (NUL-terminated) says why. */
struct log *log_create(const struct log_config *config, char *error, size_t error_size);

/* Once: opens the files and starts the writer thread (all signals blocked in it). A file that cannot be opened is reported,
 * and opening it is tried again once a period. False: no memory or thread to be had; `error` says why, and what was logged is
 * lost. */
bool log_begin(struct log *log, char *error, size_t error_size);

/* Both. */
struct log *log_open(const struct log_config *config, char *error, size_t error_size);

/* Of a log that was started: writes the summaries and what is still in the ring (waiting `timeout_ms` at most for a stuck file), ends the writer
 * and frees the log; sets *log to NULL. No other thread may use it any more. A disk that hangs inside the kernel for
 * two seconds more is given up, with the writer thread and its memory. */
void log_close(struct log **log, unsigned timeout_ms);

/* Whether an event of this level is for any of the configured files: to skip preparing costly fields. */
bool log_enabled(const struct log *log, enum log_level level);

/* `event` is a lower_case literal. Never blocks, never fails; `log` may be NULL (does nothing). */
void log_write(struct log *log, enum log_level level, const char *event, const struct log_field *fields, size_t count);

/* As log_write, for what a peer can cause at will (a bad handshake, a refused request): of the events with
 * the same name and `key` (e.g. the cause; may be NULL) the first few in a period are written in full, the rest counted
 * and reported at its end in one line of the same event: EVENT suppressed=N key=KEY. The number of distinct keys
 * tracked is bounded; past it, all others share one, reported as other_events suppressed=N. */
void log_write_limited(struct log *log, enum log_level level, const char *event, const char *key,
                       const struct log_field *fields, size_t count);

/* The decision that log_write_limited() makes, for an event that goes to several places: whether to write it in full now. If not, it
 * has been counted. */
__attribute__((warn_unused_result)) bool log_admits(struct log *log, enum log_level level, const char *event,
                                                    const char *key);

/* To the audit file alone, always as JSON; does nothing when there is none. What names a peer or a user goes through
 * server/audit.h instead. */
void log_write_audit(struct log *log, const char *event, const struct log_field *fields, size_t count);

/* As above, for lines that come in such numbers that they must not crowd out the others: not from the last quarter of the ring. */
void log_write_audit_bulk(struct log *log, const char *event, const struct log_field *fields, size_t count);

/* Whether there is an audit file: to skip preparing costly fields. */
bool log_has_audit(const struct log *log);

/* log_event(log, LOG_INFO, "session_end", log_str("cause", name), log_u64("messages_in", n)): one field or more; without
 * fields, log_write(log, level, event, NULL, 0). */
#define LOG_FIELDS_(...) \
    (const struct log_field[]){__VA_ARGS__}, sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field)
#define log_event(log, level, event, ...) log_write((log), (level), (event), LOG_FIELDS_(__VA_ARGS__))
#define log_event_limited(log, level, event, key, ...) \
    log_write_limited((log), (level), (event), (key), LOG_FIELDS_(__VA_ARGS__))
#define log_audit(log, event, ...) log_write_audit((log), (event), LOG_FIELDS_(__VA_ARGS__))

/* Closes and opens the files again (after logrotate moved them) and takes new level, format and paths; ring and period
 * stay. Asynchronous: the writer does it; what was logged before still goes into the old files. Where a new path cannot
 * be opened, that is reported and opening it is tried again once a period; until then the old file, if there is one,
 * stays in use. Any thread. */
void log_reopen(struct log *log, const struct log_config *config);

/* For status and metrics; monotonic counters. Any thread. */
struct log_stats {
    uint64_t written;      /* lines to the main log, the log's own included */
    uint64_t dropped;      /* events the full ring did not take */
    uint64_t lost;         /* lines a file did not take: not open, full disk, nobody reads; all files */
    uint64_t suppressed;   /* events counted instead of written by log_event_limited */
    uint64_t write_errors; /* failed writes, all files */
    uint64_t rounds;       /* of the writer: at least one for each log_wake() that it is not stuck at */
    size_t ring_used;      /* bytes waiting now */
};
struct log_stats log_stats(const struct log *log);

/* Makes the writer go round once, to see in log_stats() that it does. Any thread. */
void log_wake(struct log *log);

#endif
