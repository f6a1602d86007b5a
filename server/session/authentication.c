/*
 * authentication - who a session is: the token as its first message, the seat among its user's sessions, and the end of its identity.
 *
 * A session_auth has references (users.h): its session's, and one of each worker or loop that has chosen it to make room for a newer
 * session of the same user. That one posts make_room to the loop, which may deliver it before the session was adopted or after its end;
 * so the message is a member of what outlives the session. All but session_auth_create() and _undo() runs on the session's loop.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "auth/token.h"
#include "logging/clock.h"
#include "server/session/session_private.h"

/* What a client may need before it sends its token: a ping, a pong of its own accord. */
#define CONTROL_FRAMES_MAX 8

/* What clients are told; they know these texts. */
#define TEXT_ACCEPTED "Authenticated!"
#define TEXT_EXPIRED  "Token Expired"
#define TEXT_REFUSED  "Authentication failed"

const struct identity *session_identity(const struct session *session)
{
    return session->auth == NULL ? NULL : session->auth->identity;
}

bool session_allows(const struct session *session, enum permission what, const char *channel, size_t channel_size)
{
    const struct identity *identity = session_identity(session);
    return permissions_allow(identity == NULL ? NULL : &identity->permissions, &session->endpoint->defaults, what,
                             channel, channel_size);
}

const char *session_user(const struct session *session)
{
    const struct identity *identity = session_identity(session);
    return identity == NULL ? NULL : identity->user;
}

const char *session_key_id(const struct session *session)
{
    const struct identity *identity = session_identity(session);
    return identity == NULL ? NULL : identity->key_id;
}

/* ---- seats ---- */

static void release(struct session_auth *auth)
{
    if (users_seat_release(&auth->seat)) {
        identity_free(&auth->identity);
        free(auth);
    }
}

static void on_make_room(struct loop_message *message)
{
    struct session_auth *auth = CONTAINER_OF(message, struct session_auth, make_room);
    if (auth->session != NULL) {
        session_close(auth->session, CAUSE_REPLACED);
    } else {
        auth->replaced = true; /* it is on its way to this loop, or has ended */
    }
    release(auth);
}

/* Takes a seat for `auth`, and has the session end that has to make room for it, if any. */
static enum session_status take_seat(struct session_auth *auth, const struct config *config, const char *user)
{
    struct users *users = auth->home->pool->users;
    struct users_seat *seat = NULL;
    bool replace = config->limits.user_excess == CONFIG_EXCESS_CLOSE_OLDEST;
    switch (users_take(users, &auth->seat, user, config->limits.user_sessions, replace, &seat)) {
    case USERS_OK:
        break;
    case USERS_FULL:
        return SESSION_USER_EXCESS;
    case USERS_NO_MEMORY:
        return SESSION_MEMORY;
    }
    if (seat == NULL) {
        return SESSION_OK;
    }
    /* With the reference. A full inbox takes it, too: a seat that others may have seen is not given back. */
    struct session_auth *oldest = CONTAINER_OF(seat, struct session_auth, seat);
    if (!loop_post_control(oldest->home->loop, &oldest->make_room)) {
        release(oldest); /* the loop has ended, and the session with it */
    }
    return SESSION_OK;
}

enum session_status session_auth_create(struct session_loop *home, const struct session_offer *offer,
                                        struct session_auth **auth_r)
{
    if (offer->identity == NULL && !offer->awaits_token) {
        *auth_r = NULL;
        return SESSION_OK;
    }
    struct session_auth *auth = calloc(1, sizeof(*auth));
    if (auth == NULL) {
        return SESSION_MEMORY;
    }
    users_seat_init(&auth->seat);
    auth->make_room.deliver = on_make_room;
    auth->home = home;
    enum session_status status =
        offer->identity == NULL ? SESSION_OK : take_seat(auth, offer->config, offer->identity->user);
    if (status != SESSION_OK) {
        free(auth); /* it has no seat: nobody else knows of it */
        return status;
    }
    auth->identity = offer->identity;
    *auth_r = auth;
    return SESSION_OK;
}

void session_auth_undo(struct session_auth **auth_pointer)
{
    struct session_auth *auth = *auth_pointer;
    if (auth != NULL) {
        *auth_pointer = NULL;
        auth->identity = NULL;
        users_leave(auth->home->pool->users, &auth->seat);
        release(auth);
    }
}

/* ---- the identity's life ---- */

static void expire(struct session *session)
{
    session_end_with(session, CAUSE_TOKEN_EXPIRED, cause_close_code(CAUSE_TOKEN_EXPIRED), TEXT_EXPIRED);
    session->detail = cause_sentence(CAUSE_TOKEN_EXPIRED);
}

/* There is an identity. What may have happened to it since it was checked is looked at here, on the loop: a revocation is made before
 * loops are asked to end those it is about, so whoever comes later finds it. */
static void begin_identity(struct session *session)
{
    struct session_auth *auth = session->auth;
    struct revocations *revocations = session->home->pool->tokens->revocations;
    expiry_begin(session);
    if (auth->replaced) {
        session_end(session, CAUSE_REPLACED);
    } else if (revocations != NULL && revocations_match(revocations, auth->identity)) {
        session_end(session, CAUSE_REVOKED);
    } else if (!expiry_look(session)) {
        expire(session);
    } else {
        session_set_timer(session);
    }
}

bool session_auth_begin(struct session *session)
{
    struct session_auth *auth = session->auth;
    if (auth == NULL) {
        return true;
    }
    auth->session = session;
    if (auth->identity != NULL) {
        begin_identity(session);
        return true;
    }
    auth->due_ms = session->opened_ms + session->config->limits.auth_timeout_ms;
    return false;
}

void session_auth_end(struct session *session)
{
    if (session->auth != NULL) {
        session->auth->due_ms = 0;
        users_leave(session->home->pool->users, &session->auth->seat);
    }
}

void session_auth_free(struct session *session)
{
    struct session_auth *auth = session->auth;
    if (auth != NULL) {
        session_auth_end(session);
        expiry_end(session);
        auth->session = NULL;
        session->auth = NULL;
        release(auth);
    }
}

size_t session_auth_memory(const struct session *session)
{
    const struct identity *identity = session_identity(session);
    size_t size = session->auth == NULL ? 0 : sizeof(*session->auth);
    return identity == NULL ? size : size + identity->memory_size;
}

void session_auth_due(struct session *session)
{
    if (session_awaits_token(session)) {
        session_end(session, CAUSE_AUTH_TIMEOUT);
    } else if (!expiry_look(session)) {
        expire(session);
    }
}

/* ---- the token as a message ---- */

static void log_authenticated(const struct session *session)
{
    audit_event(session->home->pool->log, &session->config->audit, LOG_INFO, "authenticated",
                audit_plain(log_u64("session", session->id)), audit_peer(&session->pass.from, session->port),
                audit_plain(log_str("endpoint", session->endpoint->path)), audit_user("user", session_user(session)),
                audit_plain(log_str("key", session_key_id(session))),
                audit_plain(log_str("auth", config_token_source_word(CONFIG_TOKEN_MESSAGE))));
}

/* Why a token was refused, and whose it was where that is known; never the token. */
static void log_refused(const struct session *session, const char *cause, const struct identity *identity)
{
    audit_event_limited(session->home->pool->log, &session->config->audit, LOG_INFO, "authentication_refused", cause,
                        audit_plain(log_u64("session", session->id)), audit_peer(&session->pass.from, session->port),
                        audit_plain(log_str("endpoint", session->endpoint->path)), audit_plain(log_str("cause", cause)),
                        audit_user("user", identity == NULL ? NULL : identity->user),
                        audit_plain(log_str("key", identity == NULL ? NULL : identity->key_id)));
}

/* Ends a session that is not to be trusted with a closing handshake of its own pace. `detail` is for the log alone. */
static void refuse(struct session *session, enum cause cause, const char *reason, const char *detail)
{
    if (session->state != SESSION_OPEN) {
        return;
    }
    session_end_with(session, cause, cause_close_code(cause), reason);
    session->detail = detail;
    if (session->state == SESSION_CLOSING) {
        session->state = SESSION_LEAVING;
    }
}

/* `text` goes as a message and as the reason to close: some clients look at the one, some at the other. */
static void refuse_aloud(struct session *session, enum cause cause, const char *text, const char *detail)
{
    session_send(session, WS_TEXT, text, strlen(text), NULL, 0);
    refuse(session, cause, text, detail);
}

static void refuse_token(struct session *session, enum token_verdict verdict)
{
    const char *sentence = token_verdict_sentence(verdict);
    log_refused(session, token_verdict_label(verdict), NULL);
    switch (token_verdict_answer(verdict)) {
    case TOKEN_ACCEPTED:
        break;
    case TOKEN_EXPIRED:
        refuse_aloud(session, CAUSE_TOKEN_EXPIRED, TEXT_EXPIRED, sentence);
        break;
    case TOKEN_REFUSED:
        refuse_aloud(session, CAUSE_AUTH_FAILED, TEXT_REFUSED, sentence);
        break;
    case TOKEN_RETRY:
        refuse(session, CAUSE_AUTH_UNAVAILABLE, cause_sentence(CAUSE_AUTH_UNAVAILABLE), sentence);
        break;
    }
}

/* The reason why a good token does not open this session, or SESSION_OK. */
static bool find_room(struct session *session, const struct identity *identity)
{
    enum cause cause = CAUSE_OUT_OF_MEMORY;
    if (!permissions_allow_endpoint(&identity->permissions, session->endpoint->path)) {
        cause = CAUSE_NOT_PERMITTED;
    } else {
        switch (take_seat(session->auth, session->config, identity->user)) {
        case SESSION_OK:
            return true;
        case SESSION_USER_EXCESS:
            cause = CAUSE_USER_SESSIONS;
            break;
        case SESSION_BUSY:
        case SESSION_MEMORY:
        case SESSION_FULL:
        case SESSION_CROWDED:
        case SESSION_STOPPING:
            break;
        }
    }
    log_refused(session, cause_label(cause), identity);
    refuse(session, cause, cause_sentence(cause), NULL);
    return false;
}

static void accept_identity(struct session *session, struct identity *identity)
{
    if (!find_room(session, identity)) {
        identity_free(&identity);
        return;
    }
    session->auth->identity = identity;
    log_authenticated(session);
    begin_identity(session);
    session_send(session, WS_TEXT, TEXT_ACCEPTED, strlen(TEXT_ACCEPTED), NULL, 0);
    session_introduce(session);
}

/* Files that tokens are kept in end with a newline. */
static size_t without_newline(const uint8_t *data, size_t size)
{
    if (size > 0 && data[size - 1] == '\n') {
        size--;
        size -= size > 0 && data[size - 1] == '\r' ? 1 : 0;
    }
    return size;
}

void session_take_token(struct session *session, enum ws_opcode opcode, uint8_t *data, size_t size)
{
    struct identity *identity = NULL;
    if (opcode != WS_TEXT) {
        OPENSSL_cleanse(data, size);
        log_refused(session, "token_binary", NULL);
        refuse_aloud(session, CAUSE_AUTH_FAILED, TEXT_REFUSED, "The first message, the token, was not text.");
        return;
    }
    enum token_verdict verdict =
        token_check(&session->config->auth.policy, session->home->pool->tokens, (const char *)data,
                    without_newline(data, size), clock_real_ms() / 1000, &identity);
    OPENSSL_cleanse(data, size); /* the buffer is the loop's, and others use it next */
    if (verdict == TOKEN_OK_VERDICT) {
        accept_identity(session, identity);
    } else {
        refuse_token(session, verdict);
    }
}

bool session_admits_control(struct session *session)
{
    if (!session_awaits_token(session) || session->state != SESSION_OPEN) {
        return true;
    }
    session->auth->control_frames++;
    if (session->auth->control_frames <= CONTROL_FRAMES_MAX) {
        return true;
    }
    refuse(session, CAUSE_RATE_LIMITED, cause_sentence(CAUSE_RATE_LIMITED),
           "The client sent more pings and pongs before its token than are allowed.");
    return false;
}
