/*
 * report - what wsload prints: a line as each phase begins and the result, as text or as one JSON object a line. The
 * driver reads the server's CPU time and memory at the phases' lines. Main thread.
 */
#ifndef PORTCULLIS_BENCH_REPORT_H
#define PORTCULLIS_BENCH_REPORT_H

#include "tests/bench/options.h"
#include "tests/bench/tally.h"

struct report {
    struct tally total;
    double rate;             /* messages or handshakes a second */
    double seconds;          /* measured */
    double load_cpu_seconds; /* CPU time of wsload itself in them */
    unsigned open;           /* connections when measuring began */
};

/* `phase` is "open", "measuring" or "measured". Flushed at once. */
void report_phase(const struct options *options, const char *phase, unsigned open);
void report_result(const struct options *options, const struct report *report);

#endif
