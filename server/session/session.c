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

static uint64_t now_of(const struct session *session)
{
    return loop_now_ms(session->home->loop);
}

const struct config_endpoint *session_endpoint(const struct session *session)
{
    return session->endpoint;
}

/* ---- the way out ---- */

void session_abort(struct session *session, enum cause cause)
{
    if (session->state == SESSION_OPEN) {
        session->cause = (uint8_t)cause;
    }
    session->state = SESSION_DEAD;
    session->home->output_size = session->home->output_owner == session ? 0 : session->home->output_size;
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
    session->cause = (uint8_t)cause;
    if (code != WS_CLOSE_NONE) {
        send_close(session, code, reason);
    }
    if (session->state == SESSION_DEAD) { /* it could not even be queued */
        session->cause = (uint8_t)cause;
        return;
    }
    session->state = (uint8_t)next;
    session->close_due_ms = now_of(session) + session->config->limits.close_timeout_ms;
    timer_set_earlier(loop_timers(session->home->loop), &session->timer, session->close_due_ms);
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
    struct log *log = session->home->pool->log;
    char peer[ADDRESS_TEXT_SIZE];
    const struct log_field fields[] = {
        log_u64("session", session->id),
        log_str("peer", address_format_port(&session->pass.from, session->port, peer)),
        log_str("endpoint", session->endpoint->path),
        log_str("user", NULL),
        log_seconds("duration", now_of(session) - session->opened_ms),
        log_u64("messages_in", session->messages_in),
        log_u64("messages_out", session->messages_out),
        log_u64("bytes_in", session->bytes_in),
        log_u64("bytes_out", session->bytes_out),
        log_u64("code_sent", session->code_sent),
        log_u64("code_received", session->code_received),
        log_str("closed_by", cause_side_label(cause_side(cause))),
        log_str("cause", cause_label(cause)),
        log_str("detail", session->detail != NULL ? session->detail : cause_sentence(cause)),
    };
    log_write(log, LOG_INFO, "session_end", fields, sizeof(fields) / sizeof(fields[0]));
    log_write_audit(log, "session_end", fields, sizeof(fields) / sizeof(fields[0]));
}

void session_destroy(struct session *session)
{
    struct session_loop *home = session->home;
    assert(session->state == SESSION_DEAD);
    assert(home->output_owner != session);

    log_end(session);
    if (session->handler->closed != NULL) {
        session->handler->closed(session, (enum cause)session->cause);
    }
    loop_remove(home->loop, &session->source);
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
    queue_deinit(&session->queue);
    reader_deinit(&session->reader);
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
    if (session->state != SESSION_OPEN) {
        return;
    }
    session_output_frame(session, opcode, head, head_size, body, body_size);
    if (session->state == SESSION_OPEN) {
        session->messages_out++;
        session->bytes_out += head_size + body_size;
    }
}

/* ---- input ---- */

static void on_close_frame(struct session *session, const struct reader_output *frame)
{
    session->code_received = (uint16_t)frame->code;
    struct log *log = session->home->pool->log;
    if (log_enabled(log, LOG_DEBUG)) {
        log_event(log, LOG_DEBUG, "close_received", log_u64("session", session->id), log_u64("code", frame->code),
                  log_bytes("reason", frame->data, frame->size));
    }
    if (session->state == SESSION_OPEN) {
        /* The same code goes back (§5.5.1). */
        end(session, CAUSE_CLIENT_CLOSED, frame->code, NULL, SESSION_LEAVING);
    } else if (session->state == SESSION_CLOSING) {
        session->state = SESSION_LEAVING;
    }
}

static enum cause cause_of(enum reader_error error)
{
    switch (error) {
    case READER_ERROR_TEXT_UTF8:
    case READER_ERROR_CLOSE_UTF8:
        return CAUSE_INVALID_DATA;
    case READER_ERROR_MESSAGE_TOO_BIG:
        return CAUSE_MESSAGE_TOO_BIG;
    case READER_ERROR_TOO_MANY_FRAGMENTS:
        return CAUSE_TOO_MANY_FRAGMENTS;
    case READER_ERROR_MEMORY:
        return CAUSE_OUT_OF_MEMORY;
    case READER_ERROR_NONE:
    case READER_ERROR_UNMASKED:
    case READER_ERROR_RESERVED_BIT:
    case READER_ERROR_RESERVED_OPCODE:
    case READER_ERROR_LENGTH_FORM:
    case READER_ERROR_CONTROL_FRAGMENTED:
    case READER_ERROR_CONTROL_TOO_LONG:
    case READER_ERROR_CONTINUATION_ALONE:
    case READER_ERROR_MESSAGE_INTERRUPTED:
    case READER_ERROR_CLOSE_LENGTH:
    case READER_ERROR_CLOSE_CODE:
        return CAUSE_PROTOCOL_ERROR;
    }
    return CAUSE_PROTOCOL_ERROR;
}

static void on_event(struct session *session, enum reader_event event, const struct reader_output *output)
{
    switch (event) {
    case READER_MESSAGE:
        if (session->state == SESSION_OPEN) {
            session->messages_in++;
            session->bytes_in += output->size;
            session->last_message_ms = now_of(session);
            session->handler->message(session, output->opcode, output->data, output->size);
        }
        break;
    case READER_PING:
        if (session->state == SESSION_OPEN) {
            session_output_frame(session, WS_PONG, NULL, 0, output->data, output->size);
        }
        break;
    case READER_CLOSE:
        on_close_frame(session, output);
        break;
    case READER_ERROR:
        session_end_with(session, cause_of(output->error), reader_error_code(output->error),
                         reader_error_text(output->error));
        if (session->state == SESSION_CLOSING) {
            session->state = SESSION_LEAVING; /* a peer that breaks the rules now will not close properly either */
        }
        break;
    case READER_PONG: /* that something came is noted for any input */
    case READER_MORE:
        break;
    }
}

/* Bytes from the peer, whichever way they came. */
void session_take_input(struct session *session, uint8_t *bytes, size_t size)
{
    const struct reader_limits limits = {.max_message = session->config->limits.max_message,
                                         .max_fragments = session->config->limits.max_fragments};
    session->last_input_ms = now_of(session);
    session->pinged_ms = 0;
    bool fresh = session->message_since_ms == 0;
    while (session->state == SESSION_OPEN || session->state == SESSION_CLOSING) {
        struct reader_output output;
        enum reader_event event = reader_next(&session->reader, &limits, &bytes, &size, &output);
        if (event == READER_MORE) {
            break;
        }
        fresh = fresh || event == READER_MESSAGE;
        on_event(session, event, &output);
    }
    if (session->state == SESSION_DEAD || !reader_is_midway(&session->reader)) {
        session->message_since_ms = 0;
    } else if (fresh) {
        session->message_since_ms = now_of(session);
        if (session->config->limits.message_timeout_ms != 0) {
            timer_set_earlier(loop_timers(session->home->loop), &session->timer,
                              session->message_since_ms + session->config->limits.message_timeout_ms);
        }
    }
}

static void on_input_end(struct session *session, enum transport_status status)
{
    switch (status) {
    case TRANSPORT_END:
        if (session->state == SESSION_OPEN) {
            /* Half-closed: the peer may still read what it is owed. */
            end(session, CAUSE_CLIENT_GONE, WS_CLOSE_NONE, NULL, SESSION_LEAVING);
        } else if (session->state == SESSION_LINGERING || session->state == SESSION_CLOSING) {
            session_abort(session, CAUSE_CLIENT_GONE);
        }
        break;
    case TRANSPORT_LOST:
        session_abort(session, CAUSE_CONNECTION_LOST);
        break;
    case TRANSPORT_TLS_ERROR:
        session_abort(session, CAUSE_TLS_FAILED);
        break;
    case TRANSPORT_OK:
    case TRANSPORT_WANT_READ:
    case TRANSPORT_WANT_WRITE:
        break;
    }
}

/* Whether input is wanted: not while the peer leaves its replies unread, and not once its input has ended. */
static bool wants_input(const struct session *session)
{
    return session->state != SESSION_DEAD && !session->input_ended &&
           (session->state != SESSION_OPEN || queue_size(&session->queue) < SESSION_PAUSE_SIZE);
}

void session_receive(struct session *session)
{
    session->read_wants_write = false;
    for (int round = 0; round < SESSION_READ_ROUNDS && wants_input(session); round++) {
        size_t size = 0;
        uint8_t *input = session->home->input;
        enum transport_status status = transport_read(&session->transport, input, SESSION_INPUT_SIZE, &size);
        if (status == TRANSPORT_OK) {
            session_take_input(session, input, size);
            bool more = session->transport.ssl != NULL ? transport_has_pending(&session->transport)
                                                       : size == SESSION_INPUT_SIZE;
            if (!more) {
                return;
            }
            continue;
        }
        session->read_wants_write = status == TRANSPORT_WANT_WRITE;
        session->input_ended = status == TRANSPORT_END;
        on_input_end(session, status);
        return;
    }
    if (wants_input(session) && transport_has_pending(&session->transport)) {
        /* Decrypted bytes that epoll knows nothing of: go on soon. */
        timer_set_earlier(loop_timers(session->home->loop), &session->timer, now_of(session));
    }
}

/* ---- deadlines ---- */

static uint64_t earlier(uint64_t due_ms, uint64_t since_ms, uint32_t timeout_ms)
{
    uint64_t other_ms = since_ms + timeout_ms;
    return since_ms == 0 || timeout_ms == 0 || other_ms > due_ms ? due_ms : other_ms;
}

static bool passed(const struct session *session, uint64_t since_ms, uint32_t timeout_ms)
{
    return since_ms != 0 && timeout_ms != 0 && now_of(session) >= since_ms + timeout_ms;
}

static void check_deadlines(struct session *session)
{
    uint64_t now_ms = now_of(session);
    if (session->state != SESSION_OPEN) {
        if (now_ms >= session->close_due_ms) {
            session_abort(session, (enum cause)session->cause);
        }
        return;
    }
    if (passed(session, session->stalled_since_ms, session->config->limits.send_timeout_ms)) {
        session_abort(session, CAUSE_SLOW_CONSUMER);
    } else if (passed(session, session->message_since_ms, session->config->limits.message_timeout_ms)) {
        session_end(session, CAUSE_MESSAGE_TIMEOUT);
    } else if (passed(session, session->last_message_ms, session->config->limits.idle_timeout_ms)) {
        session_end(session, CAUSE_IDLE_TIMEOUT);
    } else if (!wants_input(session)) {
        return; /* a pong could not be seen; the stalled output has its own deadline */
    } else if (passed(session, session->pinged_ms, session->config->limits.pong_timeout_ms)) {
        session_end(session, CAUSE_PONG_TIMEOUT);
    } else if (session->pinged_ms == 0 &&
               passed(session, session->last_input_ms, session->config->limits.ping_interval_ms)) {
        session->pinged_ms = now_ms;
        session_output_frame(session, WS_PING, NULL, 0, NULL, 0);
    }
}

void session_set_timer(struct session *session)
{
    uint64_t due_ms = UINT64_MAX;
    if (session->state == SESSION_OPEN) {
        due_ms = earlier(due_ms, session->stalled_since_ms, session->config->limits.send_timeout_ms);
        due_ms = earlier(due_ms, session->message_since_ms, session->config->limits.message_timeout_ms);
        due_ms = earlier(due_ms, session->last_message_ms, session->config->limits.idle_timeout_ms);
        if (!wants_input(session)) {
            /* see check_deadlines() */
        } else if (session->pinged_ms != 0) {
            due_ms = earlier(due_ms, session->pinged_ms, session->config->limits.pong_timeout_ms);
        } else {
            due_ms = earlier(due_ms, session->last_input_ms, session->config->limits.ping_interval_ms);
        }
    } else {
        due_ms = session->close_due_ms;
    }
    if (due_ms != UINT64_MAX) {
        timer_set_earlier(loop_timers(session->home->loop), &session->timer, due_ms);
    }
}

void session_on_timer(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    struct session *session = CONTAINER_OF(timer, struct session, timer);
    session_output_begin(session);
    check_deadlines(session);
    if (session->state != SESSION_DEAD && transport_has_pending(&session->transport)) {
        session_receive(session);
    }
    if (session->state != SESSION_DEAD) {
        session_set_timer(session);
    }
    session_finish(session);
}

/* ---- events ---- */

static void watch(struct session *session, uint32_t interest)
{
    if (interest != session->interest) {
        session->interest = interest;
        loop_modify(session->home->loop, &session->source, interest);
    }
}

static void update_interest(struct session *session)
{
    uint32_t interest = wants_input(session) ? EPOLLIN : 0;
    if (queue_size(&session->queue) > 0) {
        interest |= session->write_wants_read ? EPOLLIN : EPOLLOUT;
        if (session->stalled_since_ms == 0) {
            session->stalled_since_ms = now_of(session);
            if (session->state == SESSION_OPEN && session->config->limits.send_timeout_ms != 0) {
                timer_set_earlier(loop_timers(session->home->loop), &session->timer,
                                  session->stalled_since_ms + session->config->limits.send_timeout_ms);
            }
        }
    } else if (session->stalled_since_ms != 0) {
        session->stalled_since_ms = 0;
        session_set_timer(session); /* input is wanted again, and with it pings */
    }
    watch(session, session->read_wants_write ? interest | EPOLLOUT : interest);
}

/* All that is owed is sent: FIN. */
static void leave(struct session *session)
{
    transport_shutdown(&session->transport);
    if (session->input_ended) {
        session->state = SESSION_DEAD;
        return;
    }
    session->state = SESSION_LINGERING;
    uint64_t due_ms = now_of(session) + LINGER_MS;
    if (due_ms < session->close_due_ms) {
        session->close_due_ms = due_ms;
        timer_set_earlier(loop_timers(session->home->loop), &session->timer, due_ms);
    }
}

void session_finish(struct session *session)
{
    session_output_end(session);
    if (session->state == SESSION_LEAVING && queue_size(&session->queue) == 0) {
        leave(session);
    }
    if (session->state == SESSION_DEAD) {
        session_destroy(session);
        return;
    }
    update_interest(session);
}

void session_on_ready(struct loop_source *source, uint32_t events)
{
    struct session *session = CONTAINER_OF(source, struct session, source);
    session_output_begin(session);
    if ((events & EPOLLOUT) != 0 || session->write_wants_read) {
        session_output_resume(session);
    }
    if ((events & (EPOLLERR | EPOLLHUP)) != 0 && !wants_input(session)) {
        session_abort(session, CAUSE_CONNECTION_LOST); /* nothing would be read, so nothing else would notice */
    } else if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0 || session->read_wants_write) {
        session_receive(session);
    }
    session_finish(session);
}
