/*
 * api - one request to the admin API, from its head and body to its reply: who asks, which route it is for, what the route
 * answers. Knows no socket; any worker, many at a time.
 */
#ifndef PORTCULLIS_ADMIN_API_H
#define PORTCULLIS_ADMIN_API_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "auth/revocations.h"
#include "logging/log.h"
#include "server/admin/access.h"
#include "server/admin/front.h"
#include "server/admin/guesses.h"
#include "server/admin/orders.h"
#include "server/admin/query.h"
#include "server/admin/reply.h"
#include "server/readiness.h"
#include "server/session/pool.h"
#include "server/state/store.h"

/* What the routes work on. Everything is borrowed. */
struct api {
    struct log *log;
    struct session_pool *sessions;
    struct store *store;
    struct revocations *revocations;
    const struct readiness *readiness;
    struct orders *orders;
    struct guesses *guesses;
    struct address address; /* of the listener */
    uint16_t port;
};

/* A request that has been let in, as a route sees it. */
struct api_call {
    const struct api *api;
    const struct config *config;
    const char *by;             /* the token's name; "-" for a peer without one */
    const struct address *from; /* the peer */
    uint16_t port;
    const char *item; /* what stands for "*" in the route's pattern; NULL without one */
    struct query query;
    json_t *body; /* an object of known fields; NULL where the route takes none */
};

/* Everything from the check of the host to the reply. The reply is the caller's. */
struct reply api_answer(const struct api *api, const struct access *access, const struct front_request *request);

/* What a change is about: each part that is there, in this order. All zero: there is nothing to be said. */
struct api_subject {
    const char *text; /* neither user nor address: "revocation 5" */
    const char *user;
    const char *token_id;
    const char *ip; /* as it was given, and what it is */
    struct prefix prefix;
};

/* One line to the audit log, and one to the log, for each change: `what` is a word. */
void api_audit(const struct api_call *call, const char *what, const struct api_subject *subject);

#endif
