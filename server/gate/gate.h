/*
 * gate - the firewall as pure state: may a connection from this address enter, and may it go on?
 *
 * No sockets, no clock, no logging: the caller passes the address and the monotonic time in milliseconds and acts on
 * the verdict. Shared by all lobby threads and by whoever ends a connection: every function may be called from any
 * thread, except gate_create() and gate_destroy(). Lists, rates and caps are an immutable snapshot behind an atomic
 * pointer; per-source state is a bounded table in shards, each under its own short lock.
 *
 * A source is an IPv4 /32 or an IPv6 /64. Exempt addresses skip all per-source buckets and caps, but neither an
 * operator's deny, nor allow_only, nor the caps on the whole server.
 *
 * The rules, in order; the first that refuses gives the verdict:
 *   lists    the longest of all allow and deny prefixes that contain the address wins, allow at equal length;
 *            with allow_only, an address that none contains is refused;
 *   exempt   goes on at "server";
 *   rate     the source's bucket for new connections; it pays for every attempt that comes this far, so that knocking
 *            at a cap is not free, and an attempt that finds it empty costs nothing more;
 *   source   its caps on connections, then on unfinished handshakes;
 *   server   the cap on all connections.
 *
 * Life of a connection:  gate_admit() → [gate_tls_begin() → gate_tls_end()] → gate_leave_lobby() → gate_release().
 * A verdict other than GATE_ADMIT from gate_admit() counts nothing: nothing is to be released.
 */
#ifndef PORTCULLIS_GATE_GATE_H
#define PORTCULLIS_GATE_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/gate/address.h"

/* Why a connection may or may not go on. gate_verdict_label() gives the name used in logs and metrics. */
enum gate_verdict {
    GATE_ADMIT,
    GATE_DENIED,             /* a deny prefix is the longest match */
    GATE_NOT_ALLOWED,        /* allow_only, and no allow prefix matches */
    GATE_RATE,               /* the source's bucket for new connections is empty */
    GATE_SOURCE_CONNECTIONS, /* the source has as many connections as it may */
    GATE_SOURCE_LOBBY,       /* the source has as many unfinished handshakes as it may */
    GATE_TLS_RATE,           /* the source's bucket for TLS handshakes is empty */
    GATE_SOURCE_TLS,         /* the source has as many TLS handshakes in progress as it may */
    GATE_TOTAL_CONNECTIONS,  /* the server has as many connections as it may */
    GATE_TABLE_FULL,         /* no entry could be had for a new source: every one in the shard has connections open */
};
#define GATE_VERDICT_COUNT (GATE_TABLE_FULL + 1)

const char *gate_verdict_label(enum gate_verdict verdict); /* "denied", "connection_rate", … Static. */
const char *gate_verdict_text(enum gate_verdict verdict);  /* a phrase for people. Static. */

/* A token bucket: `burst` tokens at most, refilled continuously at `rate` a second. rate 0: no limit. Both finite and
 * not negative; precision: see bucket.h. */
struct gate_rate {
    double rate;
    double burst;
};

/* A slice of the config. Prefixes are borrowed for the calls that take the config and copied. A cap of 0 is no limit.
 * The same prefix may stand in a list any number of times. */
struct gate_config {
    const struct prefix *allow;
    size_t allow_count;
    const struct prefix *deny;
    size_t deny_count;
    const struct prefix *exempt;
    size_t exempt_count;
    bool allow_only;
    struct gate_rate connection_rate;
    struct gate_rate tls_rate;
    uint32_t source_connections;
    uint32_t source_lobby;
    uint32_t source_tls;
    uint32_t total_connections;
    uint32_t table_size; /* sources tracked at most (1..2^28), 64 bytes each, taken at creation. Should be well
                          * above total_connections: sources with connections open keep their entries */
};

struct gate;

/* NULL when memory is short or the system gives no random seed. */
struct gate *gate_create(const struct gate_config *config);
/* No other thread may use the gate any more. Sets *gate to NULL; NULL is fine. */
void gate_destroy(struct gate **gate);

/* Takes new lists, rates and caps at once; state of the sources is kept, and connections beyond a lowered cap stay.
 * table_size is not changed (it needs a restart). False when memory is short: the old ones stay in force. Waits until
 * calls in progress are done with the old ones: microseconds, or a scheduler's slice when a caller was preempted. */
bool __attribute__((warn_unused_result)) gate_reconfigure(struct gate *gate, const struct gate_config *config);

/* What an admitted connection holds of the gate's counters. Plain data; it goes with its connection, one thread at a
 * time, and back to the gate it came from. Whether the address is exempt is decided once, at admission: a
 * reconfiguration in between cannot unbalance the counters. */
struct gate_pass {
    struct address from;
    uint32_t source; /* the gate's own: which entry of the table */
    uint8_t held;    /* the gate's own: GATE_HOLDS_... bits; 0 when nothing is held */
};
#define GATE_HOLDS_CONNECTION 1u
#define GATE_HOLDS_LOBBY      2u
#define GATE_HOLDS_TLS        4u

/* A new connection. On GATE_ADMIT it is counted as open and as in the lobby, and `*pass_r` is written; else it is not. */
enum gate_verdict gate_admit(struct gate *gate, const struct address *from, uint64_t now_ms, struct gate_pass *pass_r);

/* Only what the lists say (no counting): for peers whose connection is already judged, after a reload. */
enum gate_verdict gate_check_lists(const struct gate *gate, const struct address *from);
bool gate_is_exempt(const struct gate *gate, const struct address *from);

/* Before its TLS handshake; on GATE_ADMIT counted until gate_tls_end(). */
enum gate_verdict gate_tls_begin(struct gate *gate, struct gate_pass *pass, uint64_t now_ms);
void gate_tls_end(struct gate *gate, struct gate_pass *pass);

/* The request is answered or handed to a session: no longer in the lobby. */
void gate_leave_lobby(struct gate *gate, struct gate_pass *pass);

/* The connection is closed: gives back all that the pass still holds, so that it may be called at any point of the
 * connection's life. Once for each admitted connection. */
void gate_release(struct gate *gate, struct gate_pass *pass);

/* What a peer has done that a session or the lobby ends it for. Name, label in logs and metrics, phrase for people. */
#define GATE_OFFENCE_TABLE(X)                                                                     \
    X(INVALID_MESSAGES, "invalid_messages", "sent messages that the endpoint does not take")      \
    X(MESSAGE_RATE, "message_rate", "sent more messages or bytes a second than the limits allow") \
    X(PROTOCOL_ERROR, "protocol_error", "broke the WebSocket protocol")

enum gate_offence {
#define GATE_OFFENCE_ENUM_(name, label, text) GATE_OFFENCE_##name,
    GATE_OFFENCE_TABLE(GATE_OFFENCE_ENUM_)
#undef GATE_OFFENCE_ENUM_
};
#define GATE_OFFENCE_ONE_(name, label, text) +1
enum { GATE_OFFENCE_COUNT = 0 GATE_OFFENCE_TABLE(GATE_OFFENCE_ONE_) };
#undef GATE_OFFENCE_ONE_

const char *gate_offence_label(enum gate_offence kind); /* Static. */
const char *gate_offence_text(enum gate_offence kind);  /* Static. */

/* An address has offended; it is counted, and known by kind alone. Those of exempt addresses are counted apart as well. */
void gate_report_offence(struct gate *gate, const struct address *from, enum gate_offence kind, uint64_t now_ms);

/* Monotonic counters and gauges; any thread. Each value is exact; together they are no snapshot of one moment. */
struct gate_stats {
    uint64_t verdicts[GATE_VERDICT_COUNT]; /* of gate_admit(), and the refusals of gate_tls_begin() */
    uint64_t offences[GATE_OFFENCE_COUNT];
    uint64_t exempt_offences[GATE_OFFENCE_COUNT]; /* of these, those of exempt addresses */
    uint32_t connections;
    uint32_t in_lobby;
    uint32_t in_tls;
    uint32_t sources; /* entries in use */
};
struct gate_stats gate_stats(const struct gate *gate);

#endif
