/*
 * tally - what one thread counted. Plain data; the main thread reads it when the thread has ended.
 */
#ifndef PORTCULLIS_BENCH_TALLY_H
#define PORTCULLIS_BENCH_TALLY_H

#include <stdint.h>

#include "tests/bench/histogram.h"

enum failure {
    FAILURE_CONNECT,
    FAILURE_TLS,
    FAILURE_UPGRADE, /* no 101, or a wrong one */
    FAILURE_REPLY,   /* a reply that was not expected, or against the protocol */
    FAILURE_CLOSED,  /* an open connection ended by the server */
    FAILURE_COUNT,   /* also: none */
};

struct tally {
    uint64_t failures[FAILURE_COUNT]; /* from the start; all else while measuring */
    uint64_t opened;                  /* from the start, too */
    uint64_t messages;                /* complete replies */
    uint64_t handshakes;
    uint64_t resumed;
    uint64_t silent;  /* open connections without a reply */
    uint64_t overdue; /* fixed rate: messages due, but without a reply at the end; in `latency` with their age then */
    uint64_t began_ns;
    uint64_t ended_ns;
    const char *tls_version; /* of the last connection; NULL: plain */
    const char *tls_cipher;
    /* ns: of a message from its write (fixed rate: from when it was due) to its reply, of a handshake from connect() to
     * the 101. */
    struct histogram latency;
    struct histogram lag; /* ns; fixed rate: how late the load itself was with messages that nothing else held up */
};

#endif
