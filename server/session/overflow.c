/*
 * overflow - what becomes of messages to a peer that leaves more than limits.send_queue unread: limits.slow_consumer.
 * Runs on the session's loop.
 *
 * "close": the session ends. "drop": the newest message is dropped and counted, always a whole one, and reading goes on, so that
 * pings are still answered. Control frames are not subject to the mark; of the pongs owed past it only the newest is kept
 * (RFC 6455 §5.5.3), so that pings do not fill the queue.
 */
#include <stdlib.h>
#include <string.h>

#include "server/session/session_private.h"

/* Only sessions that once were past the mark have one. */
struct session_overflow {
    uint64_t dropped; /* messages */
    bool dropping;    /* since then the queue has not been empty */
    bool pong_owed;
    uint8_t pong_size;
    uint8_t pong[FRAME_CONTROL_MAX];
};

/* Queued, and certain to be queued: what is gathered goes behind a queue that is not empty. */
static size_t unsent(const struct session *session)
{
    size_t queued = queue_size(&session->queue);
    return queued == 0 ? 0 : queued + (session->home->output_size - session->home->output_start);
}

static bool drops(const struct session *session)
{
    return session->config->limits.slow_consumer == CONFIG_SLOW_DROP;
}

/* The mark is looked at before a message is added, so that one message of any allowed size always fits. Where messages are
 * dropped, those gathered count as well; otherwise a peer must not be blamed for what it could not see yet. */
static bool within_mark(const struct session *session)
{
    size_t size = drops(session) ? unsent(session) : queue_size(&session->queue);
    return size < session->config->limits.send_queue;
}

static struct session_overflow *obtain(struct session *session)
{
    if (session->overflow == NULL) {
        session->overflow = calloc(1, sizeof(*session->overflow));
    }
    if (session->overflow == NULL) {
        session_abort(session, CAUSE_OUT_OF_MEMORY);
    }
    return session->overflow;
}

static void drop(struct session *session)
{
    struct session_pool *pool = session->home->pool;
    struct session_overflow *overflow = obtain(session);
    if (overflow == NULL) {
        return;
    }
    overflow->dropped++;
    atomic_fetch_add_explicit(&pool->messages_dropped, 1, memory_order_relaxed);
    if (!overflow->dropping) {
        overflow->dropping = true;
        char peer[ADDRESS_TEXT_SIZE];
        log_event_limited(pool->log, LOG_WARNING, "messages_dropped", NULL, log_u64("session", session->id),
                          log_str("peer", address_format_port(&session->pass.from, session->port, peer)),
                          log_str("endpoint", session->endpoint->path), log_u64("unsent", unsent(session)),
                          log_str("detail", "the client leaves more than limits.send_queue unread: until it reads, "
                                            "messages to it are dropped"));
    }
}

bool session_admits_message(struct session *session)
{
    if (within_mark(session)) {
        return true;
    }
    if (!session->home->retried) {
        session->home->retried = true;
        session_output_resume(session); /* perhaps it has just read */
    }
    if (session->state == SESSION_DEAD) {
        return false;
    }
    if (within_mark(session)) {
        return true;
    }
    if (drops(session)) {
        drop(session);
    } else {
        session->detail = "The client left more than limits.send_queue of its output unread.";
        session_abort(session, CAUSE_SLOW_CONSUMER);
    }
    return false;
}

void session_answer_ping(struct session *session, const uint8_t *data, size_t size)
{
    if (unsent(session) < session->config->limits.send_queue) {
        if (session->overflow != NULL) {
            session->overflow->pong_owed = false;
        }
        session_output_frame(session, WS_PONG, NULL, 0, data, size);
        return;
    }
    struct session_overflow *overflow = obtain(session);
    if (overflow != NULL) {
        overflow->pong_owed = true;
        overflow->pong_size = (uint8_t)size;
        memcpy(overflow->pong, data, size);
    }
}

void session_settle_overflow(struct session *session)
{
    struct session_overflow *overflow = session->overflow;
    if (overflow == NULL || session->state != SESSION_OPEN) {
        return;
    }
    overflow->dropping = overflow->dropping && queue_size(&session->queue) > 0;
    if (overflow->pong_owed && unsent(session) < session->config->limits.send_queue) {
        overflow->pong_owed = false;
        session_output_frame(session, WS_PONG, NULL, 0, overflow->pong, overflow->pong_size);
    }
}

uint64_t session_messages_dropped(const struct session *session)
{
    return session->overflow != NULL ? session->overflow->dropped : 0;
}

size_t session_overflow_memory(const struct session *session)
{
    return session->overflow != NULL ? sizeof(*session->overflow) : 0;
}

void session_free_overflow(struct session *session)
{
    free(session->overflow);
    session->overflow = NULL;
}
