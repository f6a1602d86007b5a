/*
 * throttle - keeps what peers cause at will from filling the log: a few events of a kind in full, then a count.
 *
 * A kind is an event with a key. At the end of each period the writer thread turns the table and reports the counts.
 * A peer that can choose the key cannot make the table grow, or slow: past THROTTLE_KINDS all new kinds share one
 * entry until the period ends.
 */
#ifndef PORTCULLIS_LOGGING_THROTTLE_H
#define PORTCULLIS_LOGGING_THROTTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logging/log.h"

#define THROTTLE_FULL     5   /* events of a kind written in full in a period: enough to see a pattern */
#define THROTTLE_KINDS    128 /* told apart in a period; the search is linear */
#define THROTTLE_KEY_MAX  64  /* octets of a key; what differs only behind them is one kind */
#define THROTTLE_NAME_MAX 64  /* the same for an event's name */

struct throttle_entry {
    enum log_level level; /* the highest seen */
    bool has_key;
    char event[THROTTLE_NAME_MAX + 1];
    char key[THROTTLE_KEY_MAX + 1];
    uint64_t hash;
    uint64_t count; /* of all, those written in full included */
};

struct throttle;

/* Returns owned; NULL: no memory. */
struct throttle *throttle_new(void);
void throttle_free(struct throttle **throttle);

/* Any thread. Whether this event is written in full; if not, it has been counted. `key` may be NULL. */
bool throttle_admit(struct throttle *throttle, enum log_level level, const char *event, const char *key);

/* Writer. Starts the next period and returns the entries of the one that ended, to be read until the next call.
 * Those with a count of THROTTLE_FULL or less need no report. */
const struct throttle_entry *throttle_turn(struct throttle *throttle, size_t *count_r);

#endif
