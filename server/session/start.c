/*
 * start - a session's birth: made by a worker, posted to a session loop, adopted there. See session.h.
 */
#include <stdlib.h>
#include <string.h>

#include "server/loop/tls_peer.h"
#include "server/session/session.h"
#include "server/session/session_private.h"

/* A session on its way from a worker to its loop. One block for all that is only on the way: what stays lies close together then. */
struct arrival {
    struct loop_message message;
    struct session *session;
    const char *proof; /* for the log: where the token came from */
    size_t answer_size;
    size_t early_size;
    uint8_t bytes[]; /* the answer, then what came early */
};

/* What was agreed upon, and who the client is by its certificate: of those who have either. */
#define START_FIELDS_MAX 15

static size_t add_compression(struct audit_field *fields, size_t count, const struct extension_agreed *agreed)
{
    fields[count++] = audit_plain(log_bool("compression", agreed->deflate));
    if (agreed->deflate) {
        fields[count++] = audit_plain(log_bool("server_context_takeover", agreed->server_takeover));
        fields[count++] = audit_plain(log_bool("client_context_takeover", agreed->client_takeover));
        fields[count++] = audit_plain(log_u64("server_window_bits", agreed->server_window_bits));
        fields[count++] = audit_plain(log_u64("client_window_bits", agreed->client_window_bits));
    }
    return count;
}

/* Where the token came from, or is to come from; "none": nobody asks for one. */
static const char *proof_of(const struct session_offer *offer)
{
    if (offer->awaits_token) {
        return "message";
    }
    return offer->identity == NULL ? "none" : config_token_source_word(offer->token_source);
}

static void log_start(const struct session *session, const char *proof)
{
    struct tls_peer client = {.subject = ""};
    struct audit_field fields[START_FIELDS_MAX] = {
        audit_plain(log_u64("session", session->id)),
        audit_peer(&session->pass.from, session->port),
        audit_plain(log_str("endpoint", session->endpoint->path)),
        audit_user("user", session_user(session)),
        audit_plain(log_str("key", session_key_id(session))),
        audit_plain(log_str("auth", proof)),
        audit_plain(log_bool("tls", session->tls)),
        audit_plain(log_str("subprotocol", session->protocol)),
    };
    size_t count = add_compression(fields, 8, &session->compression);
    if (session->transport.ssl != NULL && tls_peer_describe(session->transport.ssl, &client)) {
        fields[count++] = audit_user("client_subject", client.subject);
        fields[count++] = audit_user("client_names", client.names);
    }
    audit_write(session->home->pool->log, &session->config->audit, LOG_INFO, "session_start", fields, count);
}

static void adopt(struct arrival *arrival)
{
    struct session *session = arrival->session;
    struct session_loop *home = session->home;
    gate_leave_lobby(home->pool->gate, &session->pass);
    session->next = home->first;
    if (home->first != NULL) {
        home->first->previous = session;
    } else {
        home->last = session;
    }
    home->first = session;
    session->opened_ms = loop_now_ms(home->loop);
    session->last_input_ms = session->opened_ms;
    session->last_message_ms = session->opened_ms;
    session->interest = session_read_events(session);
    log_start(session, arrival->proof);

    session_output_begin(session);
    if (!loop_add(home->loop, &session->source, session->transport.fd, session->interest)) {
        session_abort(session, CAUSE_OUT_OF_MEMORY);
    } else {
        session_output_write(session, arrival->bytes, arrival->answer_size);
        if (session->state == SESSION_OPEN && session_auth_begin(session)) {
            session_introduce(session);
        }
        if (arrival->early_size > 0 && session->state == SESSION_OPEN) {
            session_take_input(session, arrival->bytes + arrival->answer_size, arrival->early_size);
        }
        if (session->state == SESSION_OPEN && session_has_input(session)) {
            session_receive(session);
        }
        if (home->draining) {
            session_end(session, CAUSE_SERVER_STOPPING);
        }
        if (session->state != SESSION_DEAD) {
            session_set_timer(session);
        }
    }
    session_finish(session);
}

static void on_arrival(struct loop_message *message)
{
    struct arrival *arrival = CONTAINER_OF(message, struct arrival, message);
    adopt(arrival);
    free(arrival);
}

static struct session *make_session(struct session_pool *pool, const struct session_offer *offer)
{
    struct session *session = calloc(1, sizeof(*session));
    if (session == NULL) {
        return NULL;
    }
    queue_init(&session->queue);
    reader_init(&session->reader);
    session->source = (struct loop_source){.on_ready = session_on_ready, .fd = -1};
    timer_init(&session->timer, session_on_timer);
    session->home = &pool->loops[atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed) % pool->threads];
    session->id = atomic_fetch_add_explicit(&pool->next_id, 1, memory_order_relaxed);
    session->transport = offer->transport;
    session->pass = offer->pass;
    session->port = offer->port;
    session->tls = offer->tls;
    session->config = config_ref(offer->config);
    session->endpoint = offer->endpoint;
    session->handler = offer->handler;
    session->protocol = offer->protocol;
    session->compression = offer->compression;
    session->state = SESSION_OPEN;
    return session;
}

/* Undoes make_session(); the transport and the pass stay with the caller of session_start(). */
static void unmake_session(struct session *session)
{
    session_auth_undo(&session->auth);
    config_unref(&session->config);
    free(session);
}

/* Counts one more session in, unless there are as many as there may be. */
static bool reserve(struct session_pool *pool, size_t max)
{
    size_t open = atomic_load_explicit(&pool->open, memory_order_relaxed);
    do {
        if (open >= max) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&pool->open, &open, open + 1, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

/* The last eighth of limits.memory is for those who are in already: they, too, are ended past it. */
static bool is_crowded(const struct session_pool *pool, uint64_t max)
{
    return max != 0 && session_pool_memory(pool) > max - max / 8;
}

enum session_status session_start(struct session_pool *pool, const struct session_offer *offer)
{
    if (atomic_load_explicit(&pool->draining, memory_order_acquire)) {
        return SESSION_STOPPING;
    }
    if (is_crowded(pool, offer->config->limits.memory)) {
        session_pool_warn_memory(pool, offer->config->limits.memory,
                                 "seven eighths of limits.memory are in use: newcomers are turned away");
        return SESSION_CROWDED;
    }
    if (!reserve(pool, offer->config->limits.max_connections)) {
        return SESSION_FULL;
    }
    enum session_status status = SESSION_MEMORY;
    struct session *session = NULL;
    struct arrival *arrival = malloc(sizeof(*arrival) + offer->answer_size + offer->early_size);
    if (arrival == NULL) {
        goto failed;
    }
    session = make_session(pool, offer);
    if (session == NULL) {
        goto failed;
    }
    status = session_auth_create(session->home, offer, &session->auth);
    if (status != SESSION_OK) {
        goto failed;
    }
    arrival->message.deliver = on_arrival;
    arrival->session = session;
    arrival->proof = proof_of(offer);
    arrival->answer_size = offer->answer_size;
    arrival->early_size = offer->early_size;
    memcpy(arrival->bytes, offer->answer, offer->answer_size);
    if (offer->early_size > 0) {
        memcpy(arrival->bytes + offer->answer_size, offer->early, offer->early_size);
    }
    if (!loop_post(session->home->loop, &arrival->message)) {
        status = SESSION_BUSY;
        goto failed;
    }
    return SESSION_OK;

failed:
    if (session != NULL) {
        unmake_session(session);
    }
    free(arrival);
    atomic_fetch_sub_explicit(&pool->open, 1, memory_order_relaxed);
    return status;
}
