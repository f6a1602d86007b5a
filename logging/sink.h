/*
 * sink - one output of the log: a file, FIFO, terminal, or standard output. Writer thread only.
 *
 * Nothing here waits longer than it was told to. Lines are collected and written in as few calls as possible. A line is
 * in the file whole or not at all, save where a write stopped in the middle of one: its rest is kept and goes first as
 * soon as the file takes bytes again.
 *
 * States: in order; *unopened* (the path given last could not be opened: the file before it goes on if there is one, else
 * lines are lost, until sink_retry() succeeds); *failing* (the last write was an error: full disk, reader gone; lines are
 * lost, each flush tries again); *stalled* (nobody reads: the buffer is full and lines are lost until the reader moves).
 */
#ifndef PORTCULLIS_LOGGING_SINK_H
#define PORTCULLIS_LOGGING_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sink;

/* Opens or creates `path` for appending; "-" is standard output. Never waits for a reader of a FIFO. A sink whose file could
 * not be opened is unopened. Returns owned; NULL with errno set: no memory. */
struct sink *sink_open(const char *path);

/* The same for a descriptor of the process, which is borrowed for the call and whose file status flags are left alone:
 * other processes may share them. `name` is copied. NULL with errno set: it is closed, or no memory. */
struct sink *sink_open_descriptor(int fd, const char *name);

/* Opens `path` and goes on there; what the old file has not taken follows. False with errno set: the sink is unopened, and
 * the old file stays (ENOMEM: the old path too). */
bool sink_reopen(struct sink *sink, const char *path);

/* Opens the path of an unopened sink, as sink_reopen(). A standard output that was closed is not tried again: its number
 * may be another file's by now. False: still unopened. */
bool sink_retry(struct sink *sink);

/* Whether the path given last is open: the sink is not unopened. */
bool sink_is_open(const struct sink *sink);

/* Whether there is a file at all: that of the path given last, or one before it. */
bool sink_has_file(const struct sink *sink);

/* Tries once more to write what is left, then closes and frees. */
void sink_close(struct sink **sink);

/* Adds one line, its newline included. When the buffer is full and the reader was last seen reading, waits
 * `patience_ms` at most. A line that finds no room is lost, and counted. */
void sink_add(struct sink *sink, const char *line, size_t size, unsigned patience_ms);

/* Writes as much as the file takes now. */
void sink_flush(struct sink *sink);

/* Lines that were lost elsewhere on their way to this file, to be reported with its own. */
void sink_count_lost(struct sink *sink, uint64_t count);

/* Lines lost and not yet reported in this file. */
uint64_t sink_unreported(const struct sink *sink);

/* Adds the line that reports sink_unreported(). Should it be lost itself, they count as unreported again. False: no room. */
bool sink_add_report(struct sink *sink, const char *line, size_t size);

/* The descriptor to poll for writing while lines wait for the reader; -1: none do. */
int sink_waiting_fd(const struct sink *sink);

/* errno of what is wrong now: of opening, else of writing (EAGAIN: nobody reads); 0: nothing. */
int sink_trouble(const struct sink *sink);

/* The path given last. */
const char *sink_path(const struct sink *sink);

struct sink_counts {
    uint64_t written; /* lines */
    uint64_t lost;    /* lines this file did not take */
    uint64_t errors;  /* failed writes */
};
struct sink_counts sink_counts(const struct sink *sink);

#endif
