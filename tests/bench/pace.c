/*
 * The schedule of a load at a fixed rate. Called by workers for their connections.
 */
#include "tests/bench/pace.h"

#define NS_PER_S UINT64_C(1000000000)

uint64_t pace_due_ns(const struct pace *pace, unsigned number, uint64_t turn)
{
    const uint64_t message = turn * pace->connections + number;

    /* Whole seconds apart, so that the product cannot overflow and no error adds up. */
    return pace->start_ns + message / pace->rate * NS_PER_S + message % pace->rate * NS_PER_S / pace->rate;
}
