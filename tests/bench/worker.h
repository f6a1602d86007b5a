/*
 * worker - one thread of the load, with its own epoll and its share of the connections. The main thread leads all
 * workers through the phases and reads their progress; everything else of a worker is its own until it has ended.
 */
#ifndef PORTCULLIS_BENCH_WORKER_H
#define PORTCULLIS_BENCH_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/bench/connection.h"
#include "tests/bench/plan.h"
#include "tests/bench/tally.h"

/* In this order; a worker passes through all of them, however short. */
enum phase {
    PHASE_OPEN,    /* connections are opened; nothing is sent */
    PHASE_WARM,    /* the load flows */
    PHASE_MEASURE, /* counters start at zero */
    PHASE_PROBE,   /* LOAD_IDLE: one message on each connection of the sample */
    PHASE_STOP,
};

struct worker_progress {
    atomic_uint settled; /* connections that are open or have failed */
    atomic_uint open;
    atomic_uint alive;      /* open or opening */
    atomic_uint unanswered; /* messages under way */
    atomic_int seen;        /* enum phase; stored last, so that the others are no older */
};

struct worker {
    pthread_t thread;
    const atomic_int *phase; /* enum phase, set by the main thread */
    struct worker_progress progress;
    struct crew crew;
    struct connection *connections;
    unsigned count;
    unsigned started; /* connections from the front that were started once */
    unsigned *ended;  /* LOAD_HANDSHAKE: connections to start again; a stack of `count` */
    unsigned ended_count;
    uint64_t *sent_ns; /* the rings of all connections */
    unsigned next_due; /* fixed rate: the connection whose message is due next, and how many it had before */
    uint64_t round;
    enum phase seen;
};

/* Gives the worker `count` connections, numbered from `first`, and starts its thread. When it fails, nothing is left. */
bool __attribute__((warn_unused_result))
worker_start(struct worker *worker, const struct plan *plan, const atomic_int *phase, unsigned first, unsigned count);
/* After PHASE_STOP: waits for the thread; worker->crew.tally is complete then. */
void worker_join(struct worker *worker);

#endif
