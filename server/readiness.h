/*
 * readiness - whether new requests are welcome: what load balancers ask, and what the lobby answers by.
 *
 * Falls before anything else of a stop happens, so that nobody is sent here any more while sessions are being closed.
 */
#ifndef PORTCULLIS_READINESS_H
#define PORTCULLIS_READINESS_H

#include <stdatomic.h>
#include <stdbool.h>

enum readiness_state {
    READINESS_STARTING,
    READINESS_SERVING,
    READINESS_STOPPING, /* for good */
};

struct readiness {
    atomic_int state; /* enum readiness_state; zero is READINESS_STARTING */
};

/* Main thread. */
void readiness_set(struct readiness *readiness, enum readiness_state state);

/* Whether requests are served. Any thread. */
bool readiness_ready(const struct readiness *readiness);

#endif
