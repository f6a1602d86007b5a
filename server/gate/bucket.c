/*
 * bucket - token buckets in integers, refilled continuously.
 * Called by the source table under its locks. Pure functions: any thread.
 */
#include "server/gate/bucket.h"

#include <assert.h>
#include <math.h>

#define MS_PER_SECOND 1000.0

/* Rounds to the nearest unit. BUCKET_MAX tokens are 1e18 units: they fit. */
static uint64_t units_of(double tokens)
{
    double bounded = tokens < BUCKET_MAX ? tokens : BUCKET_MAX;
    return (uint64_t)(bounded * (double)BUCKET_TOKEN + 0.5);
}

struct bucket_limit bucket_limit_of(double rate, double burst)
{
    assert(isfinite(rate) && rate >= 0 && isfinite(burst) && burst >= 0);
    if (!(rate > 0)) {
        return (struct bucket_limit){.per_ms = 0, .capacity = 0};
    }
    uint64_t per_ms = units_of(rate / MS_PER_SECOND);
    return (struct bucket_limit){
        .per_ms = per_ms > 0 ? per_ms : 1,
        .capacity = units_of(burst > 1 ? burst : 1),
    };
}

struct bucket bucket_full(uint64_t now_ms)
{
    return (struct bucket){.level = UINT64_MAX, .at_ms = now_ms};
}

static uint64_t level_at(const struct bucket *bucket, const struct bucket_limit *limit, uint64_t now_ms)
{
    if (bucket->level >= limit->capacity) {
        return limit->capacity;
    }
    if (now_ms <= bucket->at_ms) {
        return bucket->level;
    }
    uint64_t elapsed_ms = now_ms - bucket->at_ms;
    uint64_t missing = limit->capacity - bucket->level;
    if (elapsed_ms > missing / limit->per_ms) { /* the product below could overflow */
        return limit->capacity;
    }
    return bucket->level + elapsed_ms * limit->per_ms;
}

bool bucket_take(struct bucket *bucket, const struct bucket_limit *limit, uint64_t now_ms)
{
    if (limit->per_ms == 0) {
        return true;
    }
    bucket->level = level_at(bucket, limit, now_ms);
    if (now_ms > bucket->at_ms) {
        bucket->at_ms = now_ms;
    }
    if (bucket->level < BUCKET_TOKEN) {
        return false;
    }
    bucket->level -= BUCKET_TOKEN;
    return true;
}

uint64_t bucket_missing(const struct bucket *bucket, const struct bucket_limit *limit, uint64_t now_ms)
{
    if (limit->per_ms == 0) {
        return 0;
    }
    return limit->capacity - level_at(bucket, limit, now_ms);
}
