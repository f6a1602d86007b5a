/*
 * session - the life of an open WebSocket on its loop: input, deadlines, and the one way out. See session.h.
 */
#include "server/session/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/session/session_private.h"

/* After our FIN, for the peer's: enough for a round trip on a bad line, short enough not to be worth holding. */
#define LINGER_MS 2000

/* In the log's line: those that every end has, and the violations. */
#define END_FIELDS_MAX 17

uint64_t session_now_ms(const struct session *session)
{
    return loop_now_ms(session->home->loop);
}

const struct config_endpoint *session_endpoint(const struct session *session)
{
    return session->endpoint;
}

/* ---- the way out ---- */

/* An open session has come to its end: the first cause stands. */
static void decide(struct session *session, enum cause cause)
{
    enum gate_offence kind;
    session->cause = (uint8_t)cause;
    session_auth_end(session);
    if (cause_offence(cause, &kind)) {
        gate_report_offence(session->home->pool->gate, &session->pass.from, kind, session_now_ms(session));
    }
}

void session_abort(struct session *session, enum cause cause)
{
    if (session->state == SESSION_OPEN) {
        decide(session, cause);
    }
    session->state = SESSION_DEAD;
    struct session_loop *home = session->home;
    ferry_drop(session);
    if (home->output_owner == session && home->output_size > home->output_start) {
        home->output_size = home->output_start;
        session->code_sent = 0; /* a Close frame among it, being the last */
    }
}

static void send_close(struct session *session, unsigned code, const char *reason)
{
    uint8_t body[2 + WS_CLOSE_REASON_MAX];
    size_t size = 0;
    if (code != WS_CLOSE_NO_STATUS) {
        body[0] = (uint8_t)(code >> 8);
        body[1] = (uint8_t)code;
        size_t reason_size = reason == NULL ? 0 : strlen(reason);
        assert(reason_size <= WS_CLOSE_REASON_MAX);
        memcpy(body + 2, reason == NULL ? "" : reason, reason_size);
        size = 2 + reason_size;
    }
    session->code_sent = (uint16_t)code;
    session_output_frame(session, WS_CLOSE, NULL, 0, body, size);
}

/* Ends an open session: `code` 0 sends no Close frame. */
static void end(struct session *session, enum cause cause, unsigned code, const char *reason, enum session_state next)
{
    if (session->state != SESSION_OPEN) {
        return;
    }
    decide(session, cause);
    if (code != WS_CLOSE_NONE) {
        send_close(session, code, reason);
    }
    if (session->state == SESSION_DEAD) { /* it could not even be queued */
        session->cause = (uint8_t)cause;
        return;
    }
    session->state = (uint8_t)next;
    session->close_due_ms = session_now_ms(session) + session->config->limits.close_timeout_ms;
    timer_set_earlier(loop_timers(session->home->loop), &session->timer, session->close_due_ms);
}

void session_leave(struct session *session, enum cause cause, unsigned code)
{
    end(session, cause, code, NULL, SESSION_LEAVING);
}

void session_end_with(struct session *session, enum cause cause, enum ws_close_code code, const char *detail)
{
    if (session->state == SESSION_OPEN) {
        session->detail = detail;
    }
    end(session, cause, code, detail, code == WS_CLOSE_NONE ? SESSION_LEAVING : SESSION_CLOSING);
}

void session_end(struct session *session, enum cause cause)
{
    session_end_with(session, cause, cause_close_code(cause), cause_sentence(cause));
}

void session_close(struct session *session, enum cause cause)
{
    session_output_begin(session);
    session_end(session, cause);
    session_finish(session);
}

static void log_end(const struct session *session)
{
    enum cause cause = (enum cause)session->cause;
    const struct log_field detail =
        log_str("detail", session->detail != NULL ? session->detail : cause_sentence(cause));
    const uint64_t violations = session_violations(session);
    struct audit_field fields[END_FIELDS_MAX] = {
        audit_plain(log_u64("session", session->id)),
        audit_peer(&session->pass.from, session->port),
        audit_plain(log_str("endpoint", session->endpoint->path)),
        audit_user("user", session_user(session)),
        audit_plain(log_str("key", session_key_id(session))),
        audit_plain(log_seconds("duration", session_now_ms(session) - session->opened_ms)),
        audit_plain(log_u64("messages_in", session->messages_in)),
        audit_plain(log_u64("messages_out", session->messages_out)),
        audit_plain(log_u64("messages_dropped", session_messages_dropped(session))),
        audit_plain(log_u64("bytes_in", session->bytes_in)),
        audit_plain(log_u64("bytes_out", session->bytes_out)),
        audit_plain(log_u64("code_sent", session->code_sent)),
        audit_plain(log_u64("code_received", session->code_received)),
        audit_plain(log_str("closed_by", cause_side_label(cause_side(cause)))),
        audit_plain(log_str("cause", cause_label(cause))),
        cause == CAUSE_INVALID_MESSAGE ? audit_free(detail)
                                       : audit_plain(detail), /* it may name members of a message */
    };
    size_t count = END_FIELDS_MAX - 1;
    if (violations > 0) {
        fields[count++] = audit_plain(log_u64("violations", violations));
    }
    audit_write(session->home->pool->log, &session->config->audit, LOG_INFO, "session_end", fields, count);
}

void session_destroy(struct session *session)
{
    struct session_loop *home = session->home;
    assert(session->state == SESSION_DEAD);
    assert(home->output_owner != session);
    assert(session->freight == 0);

    if (queue_size(&session->queue) > 0) {
        session->code_sent = 0; /* it stood at the end of what the peer did not take */
    }
    log_end(session);
    if (session->introduced && session->handler->closed != NULL) {
        session->handler->closed(session, (enum cause)session->cause);
    }
    loop_forget(home->loop, &session->source); /* it is closed next */
    timer_cancel(loop_timers(home->loop), &session->timer);
    /* What is still queued was meant for a peer that does not take it: it is dropped, not left to the kernel. */
    transport_close(&session->transport, queue_size(&session->queue) > 0);
    gate_release(home->pool->gate, &session->pass);

    if (session->next != NULL) {
        session->next->previous = session->previous;
    }
    if (session->previous != NULL) {
        session->previous->next = session->next;
    } else {
        home->first = session->next;
    }
    if (home->last == session) {
        home->last = session->previous;
    }
    walk_forget(home, session);
    if (home->drain_next == session) {
        home->drain_next = session->next;
    }
    session_drop_input(session);
    queue_deinit(&session->queue);
    free(session->rate);
    session_free_conduct(session);
    reader_deinit(&session->reader);
    codec_destroy(&session->codec);
    session_free_overflow(session);
    session_auth_free(session);
    session_uncount_memory(session);
    config_unref(&session->config);
    free(session);
    atomic_fetch_sub_explicit(&home->pool->open, 1, memory_order_release);
    if (home->draining && home->first == NULL) {
        loop_stop(home->loop);
    }
}

/* ---- output ---- */

void session_send(struct session *session, enum ws_opcode opcode, const void *head, size_t head_size, const void *body,
                  size_t body_size)
{
    if (session->state != SESSION_OPEN || !session_admits_message(session)) {
        return;
    }
    session_output_frame(session, opcode, head, head_size, body, body_size);
    if (session->state == SESSION_OPEN) {
        session->messages_out++;
        session->bytes_out += head_size + body_size;
    }
}

/* ---- events ---- */

void session_introduce(struct session *session)
{
    if (session->state != SESSION_OPEN) {
        return;
    }
    session->introduced = true;
    if (session->handler->opened != NULL) {
        session->handler->opened(session);
    }
}

/* A plain socket is watched edge-triggered: level-triggered, epoll would look at it a second time after each message, only to
 * find it empty. OpenSSL may leave records in the socket, so TLS is watched level-triggered. */
uint32_t session_read_events(const struct session *session)
{
    return session->transport.ssl == NULL ? EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET : EPOLLIN;
}

static uint32_t interest_of(const struct session *session)
{
    uint32_t interest = session_read_events(session) & EPOLLET;
    if (session->read_wants_write) {
        interest |= EPOLLOUT;
    } else if (session_wants_input(session)) {
        interest |= session_read_events(session);
    }
    if (queue_size(&session->queue) > 0) {
        interest |= session->write_wants_read ? EPOLLIN : EPOLLOUT;
    }
    return interest;
}

/* To modify is to have epoll look again, so it is also how a socket gets its next turn that is ready without a new edge. */
static void update_interest(struct session *session)
{
    uint32_t interest = interest_of(session);
    bool read_again = session->undrained && (interest & EPOLLIN) != 0;
    bool write_again = session->unwritten && (interest & EPOLLOUT) != 0;
    session->unwritten = false;
    if (interest != session->interest || read_again || write_again) {
        session->interest = interest;
        session->undrained = session->undrained && !read_again;
        loop_modify(session->home->loop, &session->source, interest);
    }
}

/* All that is owed is sent: FIN. */
static void shut_down(struct session *session)
{
    transport_shutdown(&session->transport);
    if (session->input_ended) {
        session->state = SESSION_DEAD;
        return;
    }
    session->state = SESSION_LINGERING;
    uint64_t due_ms = session_now_ms(session) + LINGER_MS;
    if (due_ms < session->close_due_ms) {
        session->close_due_ms = due_ms;
        timer_set_earlier(loop_timers(session->home->loop), &session->timer, due_ms);
    }
}

void session_finish(struct session *session)
{
    session_settle_overflow(session);
    session_count_memory(session);
    if (ferry_take_output(session)) {
        return; /* comes back with nothing more to be sent */
    }
    session_output_end(session);
    if (session->state == SESSION_LEAVING && queue_size(&session->queue) == 0) {
        shut_down(session);
    }
    if (session->state == SESSION_DEAD) {
        session_destroy(session);
        return;
    }
    session_note_output(session);
    update_interest(session);
    if (session_wants_input(session) && session_has_input(session)) {
        /* Input that epoll knows nothing of; others get their turn first. */
        timer_set_earlier(loop_timers(session->home->loop), &session->timer, session_now_ms(session));
    }
}

void session_on_timer(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    struct session *session = CONTAINER_OF(timer, struct session, timer);
    session_output_begin(session);
    session_check_deadlines(session);
    if (session_wants_input(session) && session_has_input(session)) {
        session_receive(session);
    }
    if (session->state != SESSION_DEAD) {
        session_set_timer(session);
    }
    session_finish(session);
}

/* Goes on with the queue because the socket is said to be writable. */
static void write_on(struct session *session)
{
    size_t owed = queue_size(&session->queue);
    session_output_resume(session);
    session->unwritten = session->transport.ssl == NULL && owed > 0 && queue_size(&session->queue) == owed;
}

void session_on_ready(struct loop_source *source, uint32_t events)
{
    struct session *session = CONTAINER_OF(source, struct session, source);
    session_output_begin(session);
    session->marked = (events & EPOLLPRI) != 0;
    session->end_told = session->end_told || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if ((events & EPOLLOUT) != 0 || session->write_wants_read) {
        write_on(session);
    }
    if (ferry_has_input(session) && !session_wants_input(session)) {
        session_keep_fetched(session);
    }
    if ((events & (EPOLLERR | EPOLLHUP)) != 0 && !session_wants_input(session)) {
        session_abort(session, CAUSE_CONNECTION_LOST); /* nothing would be read, so nothing else would notice */
    } else if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0 || session->read_wants_write ||
               session_has_input(session)) {
        session_receive(session);
    }
    session_finish(session);
}
