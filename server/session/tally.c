/*
 * tally - see tally.h. Pure.
 */
#include "server/session/tally.h"

#include <string.h>

/* Forgets the slices that are too old now. */
static void advance(struct tally *tally, uint64_t slice)
{
    if (slice - tally->slice >= TALLY_SLICES) {
        memset(tally->counts, 0, sizeof(tally->counts));
        tally->slice = slice;
    }
    while (tally->slice < slice) {
        tally->slice++;
        tally->counts[tally->slice % TALLY_SLICES] = 0;
    }
}

uint64_t tally_add(struct tally *tally, uint32_t window_ms, uint64_t now_ms)
{
    const uint32_t slice_ms = window_ms < TALLY_SLICES ? 1 : window_ms / TALLY_SLICES;
    advance(tally, now_ms / slice_ms);
    uint32_t *newest = &tally->counts[tally->slice % TALLY_SLICES];
    *newest += *newest < UINT32_MAX ? 1 : 0;
    uint64_t sum = 0;
    for (unsigned i = 0; i < TALLY_SLICES; i++) {
        sum += tally->counts[i];
    }
    return sum;
}
