/*
 * source_table - what each source has open and has left of its token buckets: a bounded table in shards.
 *
 * A source is an IPv4 address or an IPv6 /64. An entry is made at a source's first connection and stays until its place
 * is wanted: entries with connections open are never given away; of the others, one whose buckets are full again is
 * preferred (nothing is forgotten with it), and otherwise, of those idle longest, the one with the most left: so a peer
 * that rotates addresses pushes out its own fresh entries before a spent one.
 *
 * Any thread, except source_table_create() and source_table_destroy(). One lock a shard, held for a few memory
 * accesses; no other lock is taken under it.
 */
#ifndef PORTCULLIS_GATE_SOURCE_TABLE_H
#define PORTCULLIS_GATE_SOURCE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "server/gate/address.h"
#include "server/gate/bucket.h"
#include "server/gate/gate.h"

/* A cap of 0 is no limit. */
struct source_limits {
    struct bucket_limit connection_rate;
    struct bucket_limit tls_rate;
    uint32_t connections;
    uint32_t lobby;
    uint32_t tls;
};

#define SOURCE_TABLE_MAX (UINT32_C(1) << 28) /* entries: 16 GiB */

struct source_table;

/* Room for `size` sources (1..SOURCE_TABLE_MAX), all of it taken here. NULL when memory is short or the system gives no
 * random seed. */
struct source_table *source_table_create(uint32_t size);
/* Sets *table to NULL; NULL is fine. */
void source_table_destroy(struct source_table **table);

/* A new connection: on GATE_ADMIT it is counted as open and in the lobby, and `*source_r` names the source for the
 * calls below. Otherwise GATE_RATE, GATE_SOURCE_CONNECTIONS, GATE_SOURCE_LOBBY or GATE_TABLE_FULL. */
enum gate_verdict source_table_admit(struct source_table *table, const struct source_limits *limits,
                                     const struct address *from, uint64_t now_ms, uint32_t *source_r);

/* A TLS handshake of an open connection: GATE_ADMIT, GATE_TLS_RATE or GATE_SOURCE_TLS. */
enum gate_verdict source_table_begin_tls(struct source_table *table, const struct source_limits *limits,
                                         uint32_t source, uint64_t now_ms);

/* Gives back what a connection holds, as GATE_HOLDS_... bits. With GATE_HOLDS_CONNECTION, `source` is used no more. */
void source_table_give_back(struct source_table *table, uint32_t source, unsigned held);

/* Entries in use. */
uint32_t source_table_count(const struct source_table *table);

#endif
