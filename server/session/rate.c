/*
 * rate - see rate.h. Pure.
 */
#include "server/session/rate.h"

#include <stdbool.h>

#define THOUSANDTHS 1000

/* A token a second is a thousandth a millisecond. */
static int64_t refill(int64_t level, uint64_t per_second, uint64_t elapsed_ms)
{
    int64_t full = (int64_t)per_second * THOUSANDTHS;
    uint64_t missing = (uint64_t)(full - level);
    return elapsed_ms >= missing / per_second + 1 ? full : level + (int64_t)(per_second * elapsed_ms);
}

/* Whether `cost` tokens may be taken. */
static bool take(int64_t *level, uint64_t per_second, uint64_t cost, uint64_t elapsed_ms)
{
    if (per_second == 0) {
        return true;
    }
    *level = refill(*level, per_second, elapsed_ms);
    if (*level <= 0) {
        return false;
    }
    *level -= (int64_t)cost * THOUSANDTHS;
    return true;
}

enum rate_status rate_take(struct rate *rate, const struct rate_limit *limit, size_t size, uint64_t now_ms)
{
    if (limit->messages == 0 && limit->bytes == 0) {
        return RATE_OK;
    }
    if (rate->at_ms == 0) {
        rate->messages = (int64_t)limit->messages * THOUSANDTHS;
        rate->bytes = (int64_t)limit->bytes * THOUSANDTHS;
        rate->at_ms = now_ms;
    }
    uint64_t elapsed_ms = now_ms - rate->at_ms;
    rate->at_ms = now_ms;
    if (!take(&rate->messages, limit->messages, 1, elapsed_ms)) {
        return RATE_MESSAGES;
    }
    return take(&rate->bytes, limit->bytes, size, elapsed_ms) ? RATE_OK : RATE_BYTES;
}
