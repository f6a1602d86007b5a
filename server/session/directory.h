/*
 * directory - finding sessions from outside of their loops: to list them, to end them, to count those of one user.
 *
 * Listing and ending post a message to every loop and wait for the answers, a bounded time: for threads that may wait (the admin
 * API's workers), never for a session loop or a lobby thread.
 */
#ifndef PORTCULLIS_SESSION_DIRECTORY_H
#define PORTCULLIS_SESSION_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/revocations.h"
#include "server/gate/address.h"
#include "server/session/cause.h"
#include "server/session/pool.h"

#define SESSION_LIST_MAX 1000 /* of one list */

/* Which sessions are meant: all that meet every condition that is set. */
struct session_filter {
    uint64_t id;                 /* 0: any */
    const char *user;            /* NULL: any; "" those without */
    const struct prefix *prefix; /* NULL: any address */
    const char *endpoint;        /* a path; NULL: any */
};

/* A session as it was when its loop was asked. Text is valid during the call only. */
struct session_view {
    uint64_t id;
    const char *user;     /* "" when not authenticated */
    const char *token_id; /* "jti", or "" */
    const char *key_id;
    const char *endpoint;
    const char *handler;
    const char *protocol; /* the subprotocol, or "" */
    struct address address;
    uint16_t port;
    bool tls;
    bool compressed;
    bool authenticated;
    const char *claims; /* JSON, or "" */
    int64_t opened_ms;  /* wall clock, since the epoch */
    int64_t active_ms;  /* last input */
    int64_t expires_s;  /* IDENTITY_FOREVER */
    uint64_t messages_in;
    uint64_t messages_out;
    uint64_t bytes_in;
    uint64_t bytes_out;
    uint64_t messages_dropped;
    uint64_t violations; /* messages that broke a rule of the endpoint */
    size_t queued;       /* bytes of unsent output */
    size_t memory;       /* beyond its struct */
};

/* Calls `each` for those with an id above `after`, in order of id, `limit` (1 to SESSION_LIST_MAX) at most. False when a loop did not
 * answer in time or memory ran out: what there is of the others is told nevertheless. The
 * calling thread. */
__attribute__((warn_unused_result)) bool
session_directory_list(struct session_pool *pool, const struct session_filter *filter, uint64_t after, size_t limit,
                       void (*each)(void *context, const struct session_view *view), void *context);

/* Ends all that match, with CAUSE_KICKED or what else is given; returns how many were met. `*complete_r`: every loop has answered.
 * A filter without any condition is refused: 0. */
size_t session_directory_end(struct session_pool *pool, const struct session_filter *filter, enum cause cause,
                             bool *complete_r);

/* Ends all whose identity is revoked by now, with CAUSE_REVOKED; returns how many. Sessions that begin meanwhile look for themselves. A loop
 * that has not answered yet does it when it comes to it. `revocations` outlives the pool. */
size_t session_directory_revoke(struct session_pool *pool, struct revocations *revocations, bool *complete_r);

#endif
