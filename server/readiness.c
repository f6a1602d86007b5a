/*
 * readiness - see readiness.h. Set by the main thread, read by the lobby threads for each request.
 */
#include "server/readiness.h"

void readiness_set(struct readiness *readiness, enum readiness_state state)
{
    atomic_store_explicit(&readiness->state, (int)state, memory_order_release);
}

bool readiness_ready(const struct readiness *readiness)
{
    return atomic_load_explicit(&readiness->state, memory_order_acquire) == READINESS_SERVING;
}
