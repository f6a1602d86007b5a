/*
 * snapshot - a pointer to an immutable value that many threads read without a lock while one replaces it.
 *
 * Readers count themselves in before they load the pointer and out when done, in counters spread over cache lines. Who
 * replaces the value exchanges the pointer and then waits until it has seen every counter at zero once: whoever could
 * have loaded the old pointer had counted itself in before the exchange, so by then it is gone and the old value can be
 * freed. Each counter is a pair, and new readers are sent to one of the two while the other is waited for: a steady
 * stream of readers cannot keep the writer waiting.
 *
 * Any thread. Readers must not block for long, nor replace the value while they read it.
 */
#ifndef PORTCULLIS_GATE_SNAPSHOT_H
#define PORTCULLIS_GATE_SNAPSHOT_H

struct snapshot;

/* A reading in progress; on the reader's stack. */
struct snapshot_reader {
    const void *value;
    unsigned stripe;
    unsigned side;
};

/* Publishes `value` (not NULL), which must not change until it is handed back. NULL when memory is short. */
struct snapshot *snapshot_create(void *value);
/* No reader may be left. Sets *snapshot to NULL and hands the value back; for NULL, NULL. */
void *snapshot_destroy(struct snapshot **snapshot);

/* The current value is reader.value until snapshot_leave(). Never waits. */
struct snapshot_reader snapshot_enter(struct snapshot *snapshot);
void snapshot_leave(struct snapshot *snapshot, struct snapshot_reader reader);

/* Publishes `value` (not NULL) and hands the old one back when nobody reads it any more: the length of a reading, as a
 * rule. Writers wait for one another. */
void *snapshot_replace(struct snapshot *snapshot, void *value);

#endif
