/*
 * prefix_set - an immutable set of prefixes that finds the longest one containing an address.
 *
 * The prefixes are flattened into sorted, disjoint ranges, each with the prefix that wins in it: a look-up is one
 * step through a first-level index and a short binary search, whatever the nesting. IPv4 keys take 4 bytes, IPv6
 * keys 16; a million IPv4 prefixes take about 16 MB.
 *
 * Built by one thread; read by any number once it is published.
 */
#ifndef PORTCULLIS_GATE_PREFIX_SET_H
#define PORTCULLIS_GATE_PREFIX_SET_H

#include <stddef.h>
#include <stdint.h>

#include "server/gate/address.h"

#define PREFIX_SET_NONE      UINT32_MAX
#define PREFIX_SET_COUNT_MAX (UINT32_C(1) << 30) /* prefixes; keeps all counts of ranges within 32 bits */

struct prefix_set;

/* Prefixes may nest and repeat: of equal ones the first wins. They are borrowed for the call. NULL when memory is
 * short or there are more than PREFIX_SET_COUNT_MAX. */
struct prefix_set *prefix_set_create(const struct prefix *prefixes, size_t count);
/* Sets *set to NULL; NULL is fine. */
void prefix_set_destroy(struct prefix_set **set);

/* The index, in the array given to prefix_set_create(), of the longest prefix that contains the address; or
 * PREFIX_SET_NONE. */
uint32_t prefix_set_find(const struct prefix_set *set, const struct address *address);

#endif
