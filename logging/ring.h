/*
 * ring - the bounded way of finished lines from any thread to the writer thread.
 *
 * Producers hold its lock for one copy of a line; the writer holds it for a few assignments, and reads and writes
 * files without it. A producer rings the eventfd only when it finds the ring empty. A full ring takes nothing and
 * counts what it refused. Its last quarter takes RING_VITAL lines alone, so that a flood of others does not crowd them out.
 */
#ifndef PORTCULLIS_LOGGING_RING_H
#define PORTCULLIS_LOGGING_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The files of a log, and the bit of each in a set. */
enum target { TARGET_MAIN, TARGET_ERROR, TARGET_AUDIT, TARGET_COUNT };
#define TARGET_BIT(target) (1u << (unsigned)(target))

#define RING_SIZE_MIN ((size_t)32 * 1024) /* some lines of full length, in its last quarter too */

/* What a line may use of the ring: all but the last quarter, or all. */
enum ring_share { RING_COMMON, RING_VITAL };

struct ring;
struct line;

/* `size` in bytes; below RING_SIZE_MIN, that. Returns owned; NULL with errno set. */
struct ring *ring_new(size_t size);
void ring_free(struct ring **ring);

/* Any thread. Copies the line for the files in `targets`. False: its share is full, counted as dropped. */
bool ring_put(struct ring *ring, enum ring_share share, unsigned targets, const char *bytes, size_t size);

/* Any thread. Makes ring_fd() readable without a line. */
void ring_wake(struct ring *ring);

/* Writer. Gives back the room of what was read; returns whether there is more. After false, the next ring_put()
 * rings. */
bool ring_ready(struct ring *ring);

/* Writer. Copies the next line that the last ring_ready() saw; false: that was all. */
bool ring_next(struct ring *ring, struct line *line, unsigned *targets_r);

/* Writer. Readable after a wake, until ring_calm(). Borrowed. */
int ring_fd(const struct ring *ring);
void ring_calm(struct ring *ring);

/* Writer. Adds to each count what was dropped for that file since the last call. */
void ring_take_dropped(struct ring *ring, uint64_t counts[TARGET_COUNT]);

/* Any thread. Bytes in use now; lines dropped ever. */
size_t ring_used(struct ring *ring);
uint64_t ring_dropped(struct ring *ring);

#endif
