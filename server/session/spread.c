/*
 * spread - see spread.h. Used by the session loops when they drain.
 */
#include "server/session/spread.h"

uint64_t spread_window_ms(size_t count, uint64_t window_ms)
{
    return count >= SPREAD_COUNT_FULL ? window_ms : window_ms * count / SPREAD_COUNT_FULL;
}

size_t spread_due(const struct spread *spread, uint64_t elapsed_ms)
{
    if (elapsed_ms >= spread->window_ms || spread->count == 0) {
        return spread->count;
    }
    return (size_t)(elapsed_ms * spread->count / spread->window_ms) + 1;
}

uint64_t spread_next_ms(const struct spread *spread, size_t done)
{
    if (done >= spread->count) {
        return spread->window_ms;
    }
    return (done * spread->window_ms + spread->count - 1) / spread->count;
}
