/*
 * retry - called by lobby threads and upgrade workers for each 503; see retry.h.
 */
#include "server/door/retry.h"

#include <stdatomic.h>

#define RANGE_S (RETRY_AFTER_MAX_S - RETRY_AFTER_MIN_S + 1)
/* Neighbours in time are not neighbours in the range; no divisor in common with it, so that each second has its turn. */
#define STRIDE 4
_Static_assert(RANGE_S % 2 == 1, "STRIDE and RANGE_S have a common divisor");

unsigned retry_after_s(void)
{
    static atomic_uint turn;
    unsigned number = atomic_fetch_add_explicit(&turn, 1, memory_order_relaxed);
    return RETRY_AFTER_MIN_S + number % RANGE_S * STRIDE % RANGE_S;
}
