/*
 * Slots of equal width up to 128, then 64 a doubling. Called by workers for their own histogram and by the main thread
 * once they have ended.
 */
#include "tests/bench/histogram.h"

#include <stddef.h>

static size_t slot_of(uint64_t value)
{
    unsigned shift = 0;

    while (value >> shift >= 2 * HISTOGRAM_SUB) {
        shift++;
    }
    return shift * HISTOGRAM_SUB + (size_t)(value >> shift);
}

static uint64_t slot_top(size_t slot)
{
    if (slot < 2 * HISTOGRAM_SUB) {
        return slot;
    }
    size_t shift = slot / HISTOGRAM_SUB - 1;
    return ((uint64_t)(slot - shift * HISTOGRAM_SUB + 1) << shift) - 1;
}

void histogram_record(struct histogram *histogram, uint64_t value)
{
    if (value > HISTOGRAM_MAX) {
        value = HISTOGRAM_MAX;
    }
    histogram->slots[slot_of(value)]++;
    histogram->count++;
    histogram->sum += value;
    if (value > histogram->max) {
        histogram->max = value;
    }
}

void histogram_add(struct histogram *into, const struct histogram *from)
{
    for (size_t i = 0; i < HISTOGRAM_SLOTS; i++) {
        into->slots[i] += from->slots[i];
    }
    into->count += from->count;
    into->sum += from->sum;
    if (from->max > into->max) {
        into->max = from->max;
    }
}

uint64_t histogram_quantile(const struct histogram *histogram, double share)
{
    double wanted = share * (double)histogram->count;
    uint64_t seen = 0;

    for (size_t i = 0; i < HISTOGRAM_SLOTS; i++) {
        seen += histogram->slots[i];
        if (seen > 0 && (double)seen >= wanted) {
            uint64_t top = slot_top(i);
            return top < histogram->max ? top : histogram->max;
        }
    }
    return histogram->max;
}

double histogram_mean(const struct histogram *histogram)
{
    return histogram->count > 0 ? (double)histogram->sum / (double)histogram->count : 0;
}
