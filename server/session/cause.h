/*
 * cause - why a session ended. One table; every end has exactly one cause, and there is no default.
 *
 * Columns: name, label in logs and metrics, who ended it, close code on the wire of plain endpoints (none where the peer's own
 * is echoed, the connection no longer works, or the peer does not read), sentence for people.
 */
#ifndef PORTCULLIS_SESSION_CAUSE_H
#define PORTCULLIS_SESSION_CAUSE_H

#include <stdbool.h>

#include "server/gate/gate.h"
#include "server/ws/close.h"

enum cause_side { CAUSE_PEER, CAUSE_SERVER, CAUSE_NETWORK };

#define CAUSE_TABLE(X)                                                                                              \
    X(CLIENT_CLOSED, "client_closed", CAUSE_PEER, 0, "The client closed the session with a Close frame.")           \
    X(CLIENT_GONE, "client_gone", CAUSE_PEER, 0, "The client ended the connection without a Close frame.")          \
    X(CONNECTION_LOST, "connection_lost", CAUSE_NETWORK, 0,                                                         \
      "The connection was reset or failed while reading or writing.")                                               \
    X(TLS_FAILED, "tls_failed", CAUSE_NETWORK, 0, "The TLS layer reported an error; nothing more can be sent.")     \
    X(PROTOCOL_ERROR, "protocol_error", CAUSE_SERVER, WS_CLOSE_PROTOCOL_ERROR,                                      \
      "The client broke the WebSocket protocol.")                                                                   \
    X(INVALID_DATA, "invalid_data", CAUSE_SERVER, WS_CLOSE_INVALID_DATA,                                            \
      "A text message or close reason was not UTF-8.")                                                              \
    X(BAD_COMPRESSION, "bad_compression", CAUSE_SERVER, WS_CLOSE_INVALID_DATA,                                      \
      "A compressed message was corrupt or cut.")                                                                   \
    X(COMPRESSION_RATIO, "compression_ratio", CAUSE_SERVER, WS_CLOSE_TOO_BIG,                                       \
      "A message inflated to more than compression.max_ratio times its size.")                                      \
    X(MESSAGE_TOO_BIG, "message_too_big", CAUSE_SERVER, WS_CLOSE_TOO_BIG,                                           \
      "A message was larger than limits.max_message.")                                                              \
    X(TOO_MANY_FRAGMENTS, "too_many_fragments", CAUSE_SERVER, WS_CLOSE_POLICY,                                      \
      "A message came in more frames than limits.max_fragments.")                                                   \
    X(IDLE_TIMEOUT, "idle_timeout", CAUSE_SERVER, WS_CLOSE_DEADLINE, "No message arrived for limits.idle_timeout.") \
    X(PONG_TIMEOUT, "pong_timeout", CAUSE_SERVER, WS_CLOSE_DEADLINE,                                                \
      "A ping was not answered within limits.pong_timeout.")                                                        \
    X(MESSAGE_TIMEOUT, "message_timeout", CAUSE_SERVER, WS_CLOSE_DEADLINE,                                          \
      "A message did not arrive whole within limits.message_timeout.")                                              \
    X(RATE_LIMITED, "rate_limited", CAUSE_SERVER, WS_CLOSE_RATE_LIMIT,                                              \
      "The client sent more messages or bytes a second than the limits allow.")                                     \
    X(SLOW_CONSUMER, "slow_consumer", CAUSE_SERVER, WS_CLOSE_NONE, "The client did not take its output.")           \
    X(SERVER_STOPPING, "server_stopping", CAUSE_SERVER, WS_CLOSE_GOING_AWAY, "The server is shutting down.")        \
    X(SESSION_MEMORY, "session_memory", CAUSE_SERVER, WS_CLOSE_TOO_BIG,                                             \
      "The session needed more memory than limits.session_memory.")                                                 \
    X(SERVER_MEMORY, "server_memory", CAUSE_SERVER, WS_CLOSE_TRY_AGAIN,                                             \
      "The session needed more memory while all sessions held limits.memory.")                                      \
    X(OUT_OF_MEMORY, "out_of_memory", CAUSE_SERVER, WS_CLOSE_INTERNAL,                                              \
      "The server could not get memory for the session.")                                                           \
    X(AUTH_TIMEOUT, "auth_timeout", CAUSE_SERVER, WS_CLOSE_DEADLINE, "No token came within limits.auth_timeout.")   \
    X(AUTH_FAILED, "auth_failed", CAUSE_SERVER, WS_CLOSE_UNAUTHENTICATED, "The first message was no good token.")   \
    X(AUTH_UNAVAILABLE, "auth_unavailable", CAUSE_SERVER, WS_CLOSE_TRY_AGAIN,                                       \
      "The token could not be checked yet; try again.")                                                             \
    X(TOKEN_EXPIRED, "token_expired", CAUSE_SERVER, WS_CLOSE_UNAUTHENTICATED, "The token has expired.")             \
    X(NOT_PERMITTED, "not_permitted", CAUSE_SERVER, WS_CLOSE_FORBIDDEN, "The token is not for this endpoint.")      \
    X(USER_SESSIONS, "user_sessions", CAUSE_SERVER, WS_CLOSE_RATE_LIMIT,                                            \
      "The user has limits.user_sessions sessions already.")                                                        \
    X(REPLACED, "replaced", CAUSE_SERVER, WS_CLOSE_REVOKED,                                                         \
      "A newer session of the user took this one's place (limits.user_sessions).")                                  \
    X(KICKED, "kicked", CAUSE_SERVER, WS_CLOSE_REVOKED, "An operator ended the session.")                           \
    X(REVOKED, "revoked", CAUSE_SERVER, WS_CLOSE_REVOKED, "The token has been revoked.")                            \
    X(INVALID_MESSAGE, "invalid_message", CAUSE_SERVER, WS_CLOSE_POLICY, "A message broke a rule of the endpoint.") \
    X(TOO_MANY_VIOLATIONS, "too_many_violations", CAUSE_SERVER, WS_CLOSE_POLICY,                                    \
      "Too many messages broke the rules of the endpoint.")

enum cause {
#define CAUSE_ENUM_(name, label, side, code, sentence) CAUSE_##name,
    CAUSE_TABLE(CAUSE_ENUM_)
#undef CAUSE_ENUM_
};
#define CAUSE_ONE_(name, label, side, code, sentence) +1
enum { CAUSE_COUNT = 0 CAUSE_TABLE(CAUSE_ONE_) };
#undef CAUSE_ONE_

const char *cause_label(enum cause cause);
const char *cause_sentence(enum cause cause);
enum cause_side cause_side(enum cause cause);
const char *cause_side_label(enum cause_side side); /* "client", "server", "network" */
enum ws_close_code cause_close_code(enum cause cause);
/* Whether the gate is to hear of it, and as what. */
bool cause_offence(enum cause cause, enum gate_offence *kind_r);

#endif
