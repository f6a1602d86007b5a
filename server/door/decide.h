/*
 * decide - what becomes of one request: routing, the WebSocket handshake, the hand-over to a session, or an HTTP answer.
 */
#ifndef PORTCULLIS_DOOR_DECIDE_H
#define PORTCULLIS_DOOR_DECIDE_H

#include <stdatomic.h>

#include "auth/token.h"
#include "logging/log.h"
#include "server/lobby/lobby.h"
#include "server/session/pool.h"

struct mg_connection;

/* Why a request was not upgraded. Behind these come the verdicts on its token: DECIDE_TOKEN plus enum token_verdict. */
#define DECIDE_CAUSE_TABLE(X)                     \
    X(NOT_FOUND, "not_found")                     \
    X(BAD_HANDSHAKE, "bad_handshake")             \
    X(BAD_ORIGIN, "bad_origin")                   \
    X(SEVERAL_TOKENS, "several_tokens")           \
    X(BAD_AUTHORIZATION, "bad_authorization")     \
    X(BAD_BEARER_PROTOCOL, "bad_bearer_protocol") \
    X(BAD_TOKEN_PARAMETER, "bad_token_parameter") \
    X(NOT_PERMITTED, "not_permitted")             \
    X(USER_SESSIONS, "user_sessions")             \
    X(FULL, "full")                               \
    X(CROWDED, "memory")                          \
    X(STOPPING, "stopping")                       \
    X(BUSY, "too_busy")                           \
    X(INTERNAL, "internal")

enum decide_cause {
#define DECIDE_CAUSE_ENUM_(name, label) DECIDE_##name,
    DECIDE_CAUSE_TABLE(DECIDE_CAUSE_ENUM_)
#undef DECIDE_CAUSE_ENUM_
        DECIDE_TOKEN,
};
enum { DECIDE_CAUSE_COUNT = DECIDE_TOKEN + TOKEN_VERDICT_COUNT };

const char *decide_cause_label(enum decide_cause cause);

/* What a worker needs to decide; shared by all workers. */
struct decide_context {
    struct session_pool *sessions;
    const struct token_context *tokens;
    struct log *log;
    atomic_uint_least64_t counts[DECIDE_CAUSE_COUNT];
};

/* Answers the request of `slot`, or makes a session of it. Returns the HTTP status, > 0. A civetweb worker; may block. */
int decide_request(struct mg_connection *connection, struct slot *slot, struct decide_context *context);

#endif
