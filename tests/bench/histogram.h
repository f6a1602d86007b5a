/*
 * histogram - counts of values in slots that grow with the value: no slot is wider than 1/64 of what it holds, so a
 * percentile is at most 1.6 % too high. Plain data of one thread; histogram_add() merges those of several.
 */
#ifndef PORTCULLIS_BENCH_HISTOGRAM_H
#define PORTCULLIS_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB   64                        /* slots of each doubling */
#define HISTOGRAM_MAX   ((UINT64_C(1) << 42) - 1) /* larger values count as this one: 73 minutes in nanoseconds */
#define HISTOGRAM_SLOTS (37 * HISTOGRAM_SUB)      /* two for 0..127, then one a doubling up to 2^42 */

struct histogram {
    uint64_t count;
    uint64_t sum;
    uint64_t max;
    uint64_t slots[HISTOGRAM_SLOTS];
};

void histogram_record(struct histogram *histogram, uint64_t value);
void histogram_add(struct histogram *into, const struct histogram *from);

/* The largest value of the slot in which the given share (0..1) of all values is reached; 0 when there are none. */
uint64_t histogram_quantile(const struct histogram *histogram, double share);
double histogram_mean(const struct histogram *histogram);

#endif
