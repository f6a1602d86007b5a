/*
 * lobby - owns the listening sockets and every connection until its request is answered or a session takes it over.
 *
 * Each lobby thread runs one loop: accept, the gate's verdict, the whole ClientHello, the TLS handshake, the whole request
 * head and its strict check. Nothing in it waits for one peer. A good head goes, through a pair of sockets, to
 * civetweb, whose worker decides; see door.h. One absolute deadline runs from accept to the answer. When all slots are
 * taken, the oldest newcomer is evicted, so that slow peers cannot keep the door shut.
 */
#ifndef PORTCULLIS_LOBBY_LOBBY_H
#define PORTCULLIS_LOBBY_LOBBY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logging/log.h"
#include "server/config/config.h"
#include "server/door/ready_ring.h"
#include "server/gate/gate.h"
#include "server/lobby/tls.h"
#include "server/loop/loop.h"
#include "server/loop/transport.h"
#include "server/readiness.h"

/* Requests one lobby thread may have at civetweb at a time; more wait in the lobby. */
#define LOBBY_HANDED_MAX 80

struct lobby;

/* A bound and listening socket. */
struct lobby_listener {
    int fd;
    bool tls;
};

/* Everything is borrowed and outlives the lobby, except the listeners' fds, which become its own, and `tls` and `config`, of which it
 * takes references. */
struct lobby_setup {
    unsigned threads;
    const struct lobby_listener *listeners;
    size_t listener_count;
    const struct config *config;
    SSL_CTX *tls; /* NULL when no listener uses TLS */
    struct gate *gate;
    struct log *log;
    const struct readiness *readiness; /* while it is not ready, requests are answered with 503 */
    struct ready_ring *ring;           /* with room for threads * LOBBY_HANDED_MAX entries */
};

/* NULL with errno set. Main thread. */
struct lobby *lobby_create(const struct lobby_setup *setup);
/* After all lobby_run() have returned. Closes what is left. */
void lobby_destroy(struct lobby **lobby);

/* Runs lobby thread `index` on the calling thread until lobby_stop(). */
void lobby_run(struct lobby *lobby, unsigned index);

/* The loop of thread `index`, for messages of other rooms; lives as long as the lobby. */
struct loop *lobby_loop(struct lobby *lobby, unsigned index);

/* The listeners, in the order of the setup. Main thread. */
const struct lobby_listener *lobby_listeners(const struct lobby *lobby, size_t *count_r);

/* Begins to accept: not before everything else is known to work. Main thread. */
void lobby_admit(struct lobby *lobby);
/* Nobody is let in any more; those inside go on. It does not wait for the lobby's threads: to be called until it says that all have let
 * go of the listeners, which are closed then (never shut down: an inherited one may be shared). Main thread. */
bool __attribute__((warn_unused_result)) lobby_stop_admitting(struct lobby *lobby);
/* Main thread: the loops end. */
void lobby_stop(struct lobby *lobby);

/* New connections use the new config and TLS context; those inside keep theirs. In two steps, of which only the first can
 * fail (NULL when memory is short); either of the others ends it. The second waits until every thread that still runs has taken the
 * config over, however long that is: not for the main thread. Any one thread at a time, from lobby_admit() to lobby_destroy(). */
struct lobby_reload;
struct lobby_reload *lobby_reload_prepare(struct lobby *lobby, const struct config *config, SSL_CTX *tls);
void lobby_reload_commit(struct lobby *lobby, struct lobby_reload **reload);
void lobby_reload_cancel(struct lobby *lobby, struct lobby_reload **reload);

/* Why connections ended in the lobby, in numbers. Monotonic; any thread. */
#define LOBBY_CAUSE_TABLE(X)                                                                                     \
    X(TLS_FAILED, "tls_failed", "The TLS handshake failed.")                                                     \
    X(NOT_TLS, "not_tls", "The first bytes on a TLS port were no TLS handshake.")                                \
    X(PLAIN_ON_TLS, "plain_on_tls_port", "A plain HTTP request was sent to a TLS port.")                         \
    X(BAD_REQUEST, "bad_request", "The request head broke a rule.")                                              \
    X(TIMEOUT, "handshake_timeout", "The handshakes and the request took longer than limits.handshake_timeout.") \
    X(EVICTED, "evicted", "The lobby was full, and this was the oldest connection in it.")                       \
    X(TLS_EVICTED, "tls_evicted", "limits.max_tls_handshakes were in progress, and this was the oldest.")        \
    X(LEFT, "left", "The peer closed the connection before its request was whole.")                              \
    X(BUSY, "busy", "No worker took the request in time, or descriptors or memory ran out.")                     \
    X(STOPPING, "shutting_down", "The server is shutting down.")                                                 \
    X(NO_FILES, "no_files", "The process has no file descriptor left.")                                          \
    X(REFUSED, "refused", "The gate refused the TLS handshake.")

enum lobby_cause {
#define LOBBY_CAUSE_ENUM_(name, label, sentence) LOBBY_##name,
    LOBBY_CAUSE_TABLE(LOBBY_CAUSE_ENUM_)
#undef LOBBY_CAUSE_ENUM_
};
#define LOBBY_CAUSE_ONE_(name, label, sentence) +1
enum { LOBBY_CAUSE_COUNT = 0 LOBBY_CAUSE_TABLE(LOBBY_CAUSE_ONE_) };
#undef LOBBY_CAUSE_ONE_

const char *lobby_cause_label(enum lobby_cause cause);
const char *lobby_cause_text(enum lobby_cause cause);
void lobby_counts(const struct lobby *lobby, uint64_t counts_r[LOBBY_CAUSE_COUNT]);

/* ---- for civetweb's workers ---- */

struct slot;

/* The connection behind a ticket, while civetweb works on its request; NULL when the ticket is stale. */
struct slot *lobby_find(struct lobby *lobby, uint32_t ticket, uint16_t generation);

/* What the worker may look at. The lobby does not touch it before lobby_closed(). */
struct lobby_request {
    struct transport transport;
    struct gate_pass pass;
    uint16_t port;
    bool tls;
    const struct config *config; /* as it was when the request arrived */
    const uint8_t *early;        /* bytes behind the head */
    size_t early_size;
};
void lobby_request_of(const struct slot *slot, struct lobby_request *request_r);

/* The transport and the pass now belong to a session. */
void lobby_taken(struct slot *slot);
/* The whole HTTP answer, of which the lobby makes a copy and which it sends. What `early` points to is gone then. */
void lobby_answered(struct slot *slot, const char *bytes, size_t size);
/* Civetweb closes its connection: the slot is the lobby's again. `malformed`: undecided, as civetweb could not parse the head. */
void lobby_closed(struct slot *slot, bool malformed);

#endif
