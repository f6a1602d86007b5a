/*
 * session - an open WebSocket: a connection after its 101, owned by one session loop for life.
 *
 * A worker that has decided to upgrade a request makes the session (session_create) and posts it to a loop
 * (session_start); from then on everything happens on that loop's thread. Handlers use session_send() and
 * session_end(); others reach a session by posting to its loop.
 */
#ifndef PORTCULLIS_SESSION_SESSION_H
#define PORTCULLIS_SESSION_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/identity.h"
#include "logging/log.h"
#include "server/config/config.h"
#include "server/gate/gate.h"
#include "server/handlers/handler.h"
#include "server/loop/transport.h"
#include "server/session/cause.h"
#include "server/ws/extension.h"
#include "server/ws/frame.h"

struct session;
struct session_pool;

/* What a session starts from. Everything is borrowed for the call of session_create(), which copies or references it;
 * the transport and the pass become the session's when session_start() succeeds. */
struct session_offer {
    struct transport transport;
    struct gate_pass pass;
    uint16_t port; /* the peer's */
    bool tls;
    const struct config *config;
    const struct config_endpoint *endpoint; /* of that config */
    const struct handler *handler;
    const char *protocol;                /* the subprotocol agreed upon, or NULL; of the config */
    struct extension_agreed compression; /* what the 101 says of it */
    const char *answer;                  /* the 101, sent first */
    size_t answer_size;
    const uint8_t *early; /* bytes the peer sent behind its request */
    size_t early_size;
    struct identity *identity; /* as the request's token says, becomes the session's as well; NULL: none, or not yet */
    enum config_token_source token_source; /* of the identity, if there is one */
    bool awaits_token;                     /* the first message is to be the token */
};

enum session_status {
    SESSION_OK,
    SESSION_FULL,     /* limits.max_connections sessions are open */
    SESSION_CROWDED,  /* the sessions hold nearly limits.memory */
    SESSION_STOPPING, /* the server is draining */
    SESSION_MEMORY,
    SESSION_BUSY,       /* a loop's inbox is full */
    SESSION_USER_EXCESS /* the user has limits.user_sessions sessions */
};

/* Makes a session and starts it on the next loop in turn. On anything but SESSION_OK nothing was taken: the transport and
 * the pass are still the caller's. Worker thread. */
enum session_status __attribute__((warn_unused_result))
session_start(struct session_pool *pool, const struct session_offer *offer);

/* What follows is for the session's loop alone. */

/* Sends one message of two pieces, either of which may be empty. Nothing is sent once an end is decided. */
void session_send(struct session *session, enum ws_opcode opcode, const void *head, size_t head_size, const void *body,
                  size_t body_size);

/* The one way a session ends. Output that is owed goes first, then a Close frame with the cause's code and sentence, where
 * it has one and the connection still works. The first cause stands; later calls do nothing. */
void session_end(struct session *session, enum cause cause);
/* As above with a close code and reason of its own, e.g. the rule that was broken. `detail` is static or lives as long as the
 * session; it goes to the log, and to the peer as the close reason. */
void session_end_with(struct session *session, enum cause cause, enum ws_close_code code, const char *detail);

const struct config_endpoint *session_endpoint(const struct session *session);

/* Who the peer is. NULL where the endpoint asks for no token. A handler sees no session before its token was found good. */
const struct identity *session_identity(const struct session *session);
/* Whether the session's token or the endpoint's own permissions allow that on a channel. */
bool session_allows(const struct session *session, enum permission what, const char *channel, size_t channel_size);

#endif
