/*
 * writer - the one thread that touches the log's files.
 *
 * It moves lines from the ring into the sinks, turns the throttle's periods, reports what was lost, and opens the files
 * anew, once a period those that could not be opened. It sleeps in poll() until a line comes into an empty ring, a reader makes room in a full FIFO, it is told
 * something, or the period ends.
 */
#ifndef PORTCULLIS_LOGGING_WRITER_H
#define PORTCULLIS_LOGGING_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logging/log.h"
#include "logging/ring.h"
#include "logging/throttle.h"

#define WRITER_PERIOD_MS 10000u /* default of log_config.period_ms */

struct writer;

/* As log_create(): no file, no thread yet. Borrows `ring` and `throttle` until writer_stop(). Returns owned; NULL: `error`
 * says why. */
struct writer *writer_new(const struct log_config *config, struct ring *ring, struct throttle *throttle, char *error,
                          size_t error_size);

/* As log_begin(), once: opens the files, reports those that it cannot open, and starts the thread. */
bool writer_start(struct writer *writer, char *error, size_t error_size);

/* As log_close(), started or not; nobody may put lines into the ring any more. False: a file's write() hangs in the kernel; the thread is left
 * behind with all it uses, the ring and the throttle too. */
bool writer_stop(struct writer **writer, unsigned timeout_ms);

/* As log_reopen(). Any thread. False: no memory. */
bool writer_reopen(struct writer *writer, const struct log_config *config);

/* The files (TARGET_BIT) that an event of `level` goes to now, open or not: what a file misses is counted. Any thread. */
unsigned writer_targets(const struct writer *writer, enum log_level level);
bool writer_has_audit(const struct writer *writer);
enum log_format writer_format(const struct writer *writer);

/* Fills in what the writer knows: written, lost, write_errors, rounds. Any thread. */
void writer_stats(const struct writer *writer, struct log_stats *stats);

#endif
