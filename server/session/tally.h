/*
 * tally - how many times something has happened within a sliding window, as plain data of a fixed size. One thread: the session's
 * loop.
 *
 * The window is cut into TALLY_SLICES parts of equal length, and a whole part is forgotten at once: each time is counted for the window's
 * length, or for less than one part fewer. A peer cannot be counted longer than the window.
 */
#ifndef PORTCULLIS_SESSION_TALLY_H
#define PORTCULLIS_SESSION_TALLY_H

#include <stdint.h>

#define TALLY_SLICES 8

/* All 0: nothing has happened. */
struct tally {
    uint64_t slice; /* the newest: its number since time 0 */
    uint32_t counts[TALLY_SLICES];
};

/* Counts one more at `now_ms` (monotonic); returns how many there are in the window, this one included. `window_ms` is above 0
 * and always the same for one tally. */
uint64_t tally_add(struct tally *tally, uint32_t window_ms, uint64_t now_ms);

#endif
