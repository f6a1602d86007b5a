/*
 * slack - memory that the allocator keeps after a burst of connections, given back to the system once that is over.
 *
 * A handshake needs three times what its connection holds afterwards, and what it frees lies between what others hold. The
 * next ones use it again, so while connections come and go nothing is done; when they have come to rest it would be kept for nobody.
 * One thread: main.
 */
#ifndef PORTCULLIS_SLACK_H
#define PORTCULLIS_SLACK_H

#include <stdbool.h>
#include <stdint.h>

/* Sessions that must have begun or ended since the last time: fewer leave little behind. */
#define SLACK_TURNOVER_MIN 128
/* So many a look are rest: there is hardly ever none on a busy server. */
#define SLACK_REST_MAX 8
/* From look to look: in a burst, and otherwise. */
#define SLACK_BURST_MS 250
#define SLACK_QUIET_MS 1000

/* Zero-initialised. */
struct slack {
    uint64_t seen;    /* the turnover at the last look */
    uint64_t trimmed; /* ... and when memory was last given back */
    uint64_t look_ms; /* when to look next */
};

/* Looks, if it is time to. `turnover`: how many sessions have begun and ended so far. Whether now is the time to give memory
 * back, which counts as done. Pure. */
bool slack_look(struct slack *slack, uint64_t turnover, uint64_t now_ms);

/* Looks and gives back; returns when it is to be called next. Takes milliseconds when there is much to give back, in which threads that
 * want memory from the part being searched wait. */
uint64_t slack_tend(struct slack *slack, uint64_t turnover, uint64_t now_ms);

#endif
