/*
 * prefix_set - longest prefix match by binary search in sorted, disjoint ranges.
 * Built when lists change (prefix_set_create); searched on the accept path by lobby threads (prefix_set_find).
 */
#include "server/gate/prefix_set.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS_BITS   128u
#define NESTING_MAX    (ADDRESS_BITS + 1) /* prefixes that contain one another differ in length */
#define INDEX_BITS_MAX 16u                /* 256 KiB for a large set; small ones have a smaller index */

/* An address as a number: high:low. IPv4 is in the low 32 bits of its mapped form. */
#define IPV4_FIRST_LOW UINT64_C(0xffff00000000)
struct key {
    uint64_t high;
    uint64_t low;
};

/* The ranges of one family. Range i reaches from its start to the next one's start; the first starts at the lowest
 * address, so every address lies in exactly one. */
struct ranges {
    bool ipv4;
    uint32_t *starts4;   /* IPv4; else NULL */
    struct key *starts6; /* IPv6; else NULL */
    uint32_t *winners;   /* by range: an index into the prefixes, or PREFIX_SET_NONE */
    uint32_t count;
    uint32_t *index; /* by the top index_bits bits of an address: the range that the lowest such address lies in; and
                      * the last range at the end */
    unsigned index_bits;
};

struct prefix_set {
    struct ranges ipv4;
    struct ranges ipv6;
};

/* A prefix on its way into ranges. */
struct item {
    struct key start;
    uint32_t which; /* index into the caller's array */
    uint8_t bits;
};

static struct key key_of(const struct address *address)
{
    struct key key = {0, 0};
    for (size_t i = 0; i < 8; i++) {
        key.high = key.high << 8 | address->bytes[i];
        key.low = key.low << 8 | address->bytes[8 + i];
    }
    return key;
}

static struct key key_of_ipv4(uint32_t ipv4)
{
    return (struct key){.high = 0, .low = IPV4_FIRST_LOW | ipv4};
}

static bool key_equal(struct key a, struct key b)
{
    return a.high == b.high && a.low == b.low;
}

static bool key_at_most(struct key a, struct key b)
{
    return a.high < b.high || (a.high == b.high && a.low <= b.low);
}

static struct key key_next(struct key key)
{
    key.low++;
    key.high += key.low == 0;
    return key;
}

static struct key last_of(const struct item *item)
{
    struct key last = item->start;
    unsigned host_bits = ADDRESS_BITS - item->bits;
    last.low |= host_bits >= 64 ? UINT64_MAX : (UINT64_C(1) << host_bits) - 1;
    if (host_bits > 64) {
        last.high |= host_bits == ADDRESS_BITS ? UINT64_MAX : (UINT64_C(1) << (host_bits - 64)) - 1;
    }
    return last;
}

/* By start, then the shorter, that is the outer, first; of equal prefixes the caller's first. */
static int compare_items(const void *left, const void *right)
{
    const struct item *a = left;
    const struct item *b = right;
    if (a->start.high != b->start.high) {
        return a->start.high < b->start.high ? -1 : 1;
    }
    if (a->start.low != b->start.low) {
        return a->start.low < b->start.low ? -1 : 1;
    }
    if (a->bits != b->bits) {
        return a->bits < b->bits ? -1 : 1;
    }
    return (a->which > b->which) - (a->which < b->which);
}

static bool same_prefix(const struct item *a, const struct item *b)
{
    return key_equal(a->start, b->start) && a->bits == b->bits;
}

static struct key start_at(const struct ranges *ranges, uint32_t i)
{
    return ranges->ipv4 ? key_of_ipv4(ranges->starts4[i]) : ranges->starts6[i];
}

static void ranges_set(struct ranges *ranges, uint32_t i, struct key start, uint32_t winner)
{
    if (ranges->ipv4) {
        ranges->starts4[i] = (uint32_t)start.low;
    } else {
        ranges->starts6[i] = start;
    }
    ranges->winners[i] = winner;
}

/* A sweep over one family from its lowest address to its highest. */
struct sweep {
    struct ranges *ranges;
    struct key start;                       /* of the last range so far */
    const struct item *around[NESTING_MAX]; /* the prefixes around the current address, the innermost on top */
    size_t depth;
};

static uint32_t innermost(const struct sweep *sweep)
{
    return sweep->depth > 0 ? sweep->around[sweep->depth - 1]->which : PREFIX_SET_NONE;
}

/* A range begins, for the innermost prefix. One that begins where the last one did replaces it: that one was empty. */
static void sweep_begin_range(struct sweep *sweep, struct key start)
{
    struct ranges *ranges = sweep->ranges;
    if (ranges->count == 0 || !key_equal(start, sweep->start)) {
        ranges->count++;
    }
    ranges_set(ranges, ranges->count - 1, start, innermost(sweep));
    sweep->start = start;
}

/* Leaves the prefixes that end before `next`; with NULL, all. */
static void sweep_leave(struct sweep *sweep, const struct item *next, struct key highest)
{
    while (sweep->depth > 0) {
        struct key last = last_of(sweep->around[sweep->depth - 1]);
        if (next != NULL && key_at_most(next->start, last)) {
            break;
        }
        sweep->depth--;
        if (!key_equal(last, highest)) {
            sweep_begin_range(sweep, key_next(last));
        }
    }
}

/* Flattens sorted items. */
static void ranges_fill(struct ranges *ranges, struct key lowest, struct key highest, const struct item *items,
                        size_t count)
{
    struct sweep sweep = {.ranges = ranges};
    sweep_begin_range(&sweep, lowest);
    for (size_t i = 0; i < count; i++) {
        sweep_leave(&sweep, &items[i], highest);
        if (sweep.depth > 0 && same_prefix(&items[i], sweep.around[sweep.depth - 1])) {
            continue; /* the first of them is there */
        }
        assert(sweep.depth < NESTING_MAX);
        sweep.around[sweep.depth++] = &items[i];
        sweep_begin_range(&sweep, items[i].start);
    }
    sweep_leave(&sweep, NULL, highest);
}

/* Enough bits for about one range a slot. */
static unsigned index_bits_for(uint32_t count)
{
    unsigned bits = 1;
    while (bits < INDEX_BITS_MAX && (UINT32_C(1) << bits) < count) {
        bits++;
    }
    return bits;
}

static size_t slot_of(const struct ranges *ranges, struct key key)
{
    return ranges->ipv4 ? (size_t)((uint32_t)key.low >> (32 - ranges->index_bits))
                        : (size_t)(key.high >> (64 - ranges->index_bits));
}

static struct key slot_start(const struct ranges *ranges, uint32_t slot)
{
    return ranges->ipv4 ? key_of_ipv4(slot << (32 - ranges->index_bits))
                        : (struct key){.high = (uint64_t)slot << (64 - ranges->index_bits), .low = 0};
}

static bool ranges_index(struct ranges *ranges)
{
    ranges->index_bits = index_bits_for(ranges->count);
    uint32_t slots = UINT32_C(1) << ranges->index_bits;
    ranges->index = malloc((slots + 1) * sizeof(*ranges->index));
    if (ranges->index == NULL) {
        return false;
    }
    uint32_t at = 0; /* the last range that starts at or below the slot's lowest address */
    for (uint32_t slot = 0; slot < slots; slot++) {
        struct key start = slot_start(ranges, slot);
        while (at + 1 < ranges->count && key_at_most(start_at(ranges, at + 1), start)) {
            at++;
        }
        ranges->index[slot] = at;
    }
    ranges->index[slots] = ranges->count - 1;
    return true;
}

static bool ranges_build(struct ranges *ranges, bool ipv4, struct item *items, size_t count)
{
    struct key lowest = ipv4 ? key_of_ipv4(0) : (struct key){0, 0};
    struct key highest = ipv4 ? key_of_ipv4(UINT32_MAX) : (struct key){UINT64_MAX, UINT64_MAX};
    size_t room = 2 * count + 1; /* each prefix begins one range and ends one */

    ranges->ipv4 = ipv4;
    ranges->winners = malloc(room * sizeof(*ranges->winners));
    if (ipv4) {
        ranges->starts4 = malloc(room * sizeof(*ranges->starts4));
    } else {
        ranges->starts6 = malloc(room * sizeof(*ranges->starts6));
    }
    if (ranges->winners == NULL || (ranges->starts4 == NULL && ranges->starts6 == NULL)) {
        return false;
    }
    qsort(items, count, sizeof(*items), compare_items);
    ranges_fill(ranges, lowest, highest, items, count);
    return ranges_index(ranges);
}

static void ranges_free(struct ranges *ranges)
{
    free(ranges->starts4);
    free(ranges->starts6);
    free(ranges->winners);
    free(ranges->index);
}

struct prefix_set *prefix_set_create(const struct prefix *prefixes, size_t count)
{
    bool complete = false;
    struct prefix_set *set = NULL;
    struct item *items = NULL;
    if (count > PREFIX_SET_COUNT_MAX) {
        return NULL;
    }
    set = calloc(1, sizeof(*set));
    items = malloc((count + 1) * sizeof(*items)); /* never zero bytes */
    if (set == NULL || items == NULL) {
        goto out;
    }

    /* IPv4 to the front, IPv6 to the back. */
    size_t ipv4_count = 0;
    size_t ipv6_first = count;
    for (size_t i = 0; i < count; i++) {
        bool ipv4 = address_is_ipv4(&prefixes[i].address);
        items[ipv4 ? ipv4_count++ : --ipv6_first] = (struct item){
            .start = key_of(&prefixes[i].address),
            .which = (uint32_t)i,
            .bits = prefixes[i].bits,
        };
    }
    complete = ranges_build(&set->ipv4, true, items, ipv4_count) &&
               ranges_build(&set->ipv6, false, items + ipv6_first, count - ipv6_first);
out:
    free(items);
    if (!complete) {
        prefix_set_destroy(&set);
    }
    return set;
}

void prefix_set_destroy(struct prefix_set **set)
{
    if (*set != NULL) {
        ranges_free(&(*set)->ipv4);
        ranges_free(&(*set)->ipv6);
        free(*set);
        *set = NULL;
    }
}

/* The last start at or below the key, among the `count` starts from `first` on; the first of them is. */
static uint32_t search4(const uint32_t *starts, uint32_t first, uint32_t count, uint32_t key)
{
    while (count > 1) {
        uint32_t half = count / 2;
        first = starts[first + half] <= key ? first + half : first;
        count -= half;
    }
    return first;
}

static uint32_t search6(const struct key *starts, uint32_t first, uint32_t count, struct key key)
{
    while (count > 1) {
        uint32_t half = count / 2;
        first = key_at_most(starts[first + half], key) ? first + half : first;
        count -= half;
    }
    return first;
}

uint32_t prefix_set_find(const struct prefix_set *set, const struct address *address)
{
    struct key key = key_of(address);
    const struct ranges *ranges = address_is_ipv4(address) ? &set->ipv4 : &set->ipv6;
    size_t slot = slot_of(ranges, key);
    uint32_t first = ranges->index[slot];
    uint32_t count = ranges->index[slot + 1] - first + 1;
    uint32_t range = ranges->ipv4 ? search4(ranges->starts4, first, count, (uint32_t)key.low)
                                  : search6(ranges->starts6, first, count, key);
    return ranges->winners[range];
}
