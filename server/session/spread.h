/*
 * spread - many things to do over a window of time, evenly: which are due when. Pure.
 *
 * The first is due at once, the others at equal distances, the last one distance before the window's end.
 */
#ifndef PORTCULLIS_SESSION_SPREAD_H
#define PORTCULLIS_SESSION_SPREAD_H

#include <stddef.h>
#include <stdint.h>

/* Fewer things than this take their part of the window only: the distance between two is at most a 50th of it. */
#define SPREAD_COUNT_FULL 50

struct spread {
    size_t count;       /* below 2^32 */
    uint64_t window_ms; /* below 2^32 */
};

/* The window that `count` things need of one that is there for many. */
uint64_t spread_window_ms(size_t count, uint64_t window_ms);

/* How many are due `elapsed_ms` after the begin. */
size_t spread_due(const struct spread *spread, uint64_t elapsed_ms);

/* When, after the begin, the one behind the first `done` is due. */
uint64_t spread_next_ms(const struct spread *spread, size_t done);

#endif
