/*
 * pace - when each message of a load at a fixed rate is due. The schedule does not depend on replies: a server that stalls
 * is sent no less, and what it kept waiting counts with the time since it was due. Pure arithmetic; any thread.
 */
#ifndef PORTCULLIS_BENCH_PACE_H
#define PORTCULLIS_BENCH_PACE_H

#include <stdint.h>

struct pace {
    uint64_t start_ns;
    unsigned rate; /* messages a second of all connections together; not 0 */
    unsigned connections;
};

/* When message number `turn` (from 0) of connection `number` is due: the connections take turns at even distances. */
uint64_t pace_due_ns(const struct pace *pace, unsigned number, uint64_t turn);

#endif
