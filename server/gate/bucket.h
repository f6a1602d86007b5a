/*
 * bucket - token buckets as values: a limit is what the config says, a bucket is what one peer has left of it.
 *
 * Integers throughout, so that refilling in many small steps gives exactly what one large step gives: no drift.
 * A token is BUCKET_TOKEN units; a rate is a whole number of units a millisecond, so rates are exact to a millionth of
 * a token a second (0.5 exactly; one an hour as 278 millionths, 0.08 % more than asked).
 *
 * Pure functions: any thread; who shares a bucket locks it.
 */
#ifndef PORTCULLIS_GATE_BUCKET_H
#define PORTCULLIS_GATE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#define BUCKET_TOKEN UINT64_C(1000000000) /* units */
#define BUCKET_MAX   1e9                  /* larger rates and bursts are taken as this many tokens */

struct bucket_limit {
    uint64_t per_ms;   /* units refilled a millisecond; 0: no limit */
    uint64_t capacity; /* units */
};

struct bucket {
    uint64_t level; /* units */
    uint64_t at_ms; /* the latest time seen */
};

/* From tokens a second and tokens. rate 0 is no limit; a positive rate is never rounded to none, and a burst below one
 * token, with which nothing could ever pass, is one. Both finite and not negative. */
struct bucket_limit bucket_limit_of(double rate, double burst);

/* A full bucket: full under whatever limit it is used with, also one that comes later. */
struct bucket bucket_full(uint64_t now_ms);

/* Takes one token if there is one. Time that stands still or steps back refills nothing, and time seen twice counts
 * once. */
bool bucket_take(struct bucket *bucket, const struct bucket_limit *limit, uint64_t now_ms);

/* Units missing at `now_ms` to be full: 0 when there is nothing to remember about this peer. */
uint64_t bucket_missing(const struct bucket *bucket, const struct bucket_limit *limit, uint64_t now_ms);

#endif
