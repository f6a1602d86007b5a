/*
 * deadline - a session's deadlines: what may take how long, kept as times since when, behind one timer. Runs on the session's loop.
 *
 * The timer is set late rather than moved at each message: when it fires and nothing is due, it is set for what will be due
 * next. While we do not read from a peer because it does not take its output, only the output's own deadline counts: what the
 * peer sent meanwhile cannot be seen.
 */
#include "server/session/session_private.h"

/* Whether the peer has taken some of what the kernel holds for it since this was last asked. Writable is told only when a good part
 * of the kernel's buffer is free, so that alone would call a slow peer a stuck one. */
static bool output_moves(struct session *session)
{
    size_t unacknowledged = transport_unacknowledged(&session->transport);
    bool moves = unacknowledged < session->unacknowledged;
    session->unacknowledged = unacknowledged;
    return moves;
}

static uint64_t earlier(uint64_t due_ms, uint64_t since_ms, uint32_t timeout_ms)
{
    uint64_t other_ms = since_ms + timeout_ms;
    return since_ms == 0 || timeout_ms == 0 || other_ms > due_ms ? due_ms : other_ms;
}

static bool passed(const struct session *session, uint64_t since_ms, uint32_t timeout_ms)
{
    return since_ms != 0 && timeout_ms != 0 && session_now_ms(session) >= since_ms + timeout_ms;
}

static void on_stall(struct session *session)
{
    session_output_resume(session);
    if (session->state == SESSION_OPEN &&
        passed(session, session->stalled_since_ms, session->config->limits.send_timeout_ms)) {
        if (output_moves(session)) {
            session->stalled_since_ms = session_now_ms(session);
        } else {
            session->detail = "The client took none of its output for limits.send_timeout.";
            session_abort(session, CAUSE_SLOW_CONSUMER);
        }
    }
}

/* A ping may still wait behind other output: as long as that moves, there is nothing to complain of. */
static void on_no_pong(struct session *session)
{
    if (output_moves(session)) {
        session->pinged_ms = session_now_ms(session);
    } else {
        session_end(session, CAUSE_PONG_TIMEOUT);
    }
}

static void ping(struct session *session)
{
    session->pinged_ms = session_now_ms(session);
    session->unacknowledged = transport_unacknowledged(&session->transport);
    session_output_frame(session, WS_PING, NULL, 0, NULL, 0);
}

static void check_open(struct session *session)
{
    if (session->auth != NULL && session->auth->due_ms != 0 && session_now_ms(session) >= session->auth->due_ms) {
        session_auth_due(session);
    } else if (passed(session, session->stalled_since_ms, session->config->limits.send_timeout_ms)) {
        on_stall(session);
    } else if (session->paused_since_ms != 0) {
        return;
    } else if (passed(session, session->message_since_ms, session->config->limits.message_timeout_ms)) {
        session_end(session, CAUSE_MESSAGE_TIMEOUT);
    } else if (passed(session, session->last_message_ms, session->config->limits.idle_timeout_ms)) {
        session_end(session, CAUSE_IDLE_TIMEOUT);
    } else if (passed(session, session->pinged_ms, session->config->limits.pong_timeout_ms)) {
        on_no_pong(session);
    } else if (session->pinged_ms == 0 && !session_awaits_token(session) &&
               passed(session, session->last_input_ms, session->config->limits.ping_interval_ms)) {
        ping(session);
    }
}

void session_check_deadlines(struct session *session)
{
    if (session->state == SESSION_OPEN) {
        check_open(session);
    } else if (session->state != SESSION_DEAD && session_now_ms(session) >= session->close_due_ms) {
        session_abort(session, (enum cause)session->cause);
    }
}

void session_set_timer(struct session *session)
{
    uint64_t due_ms = UINT64_MAX;
    if (session->state != SESSION_OPEN) {
        due_ms = session->close_due_ms;
    } else {
        due_ms = earlier(due_ms, session->stalled_since_ms, session->config->limits.send_timeout_ms);
        if (session->auth != NULL && session->auth->due_ms != 0 && session->auth->due_ms < due_ms) {
            due_ms = session->auth->due_ms;
        }
    }
    if (session->state == SESSION_OPEN && session->paused_since_ms == 0) {
        due_ms = earlier(due_ms, session->message_since_ms, session->config->limits.message_timeout_ms);
        due_ms = earlier(due_ms, session->last_message_ms, session->config->limits.idle_timeout_ms);
        if (session->pinged_ms != 0) {
            due_ms = earlier(due_ms, session->pinged_ms, session->config->limits.pong_timeout_ms);
        } else if (!session_awaits_token(session)) { /* limits.auth_timeout is watching, and pongs are counted */
            due_ms = earlier(due_ms, session->last_input_ms, session->config->limits.ping_interval_ms);
        }
    }
    if (due_ms != UINT64_MAX) {
        timer_set_earlier(loop_timers(session->home->loop), &session->timer, due_ms);
    }
}

/* Moves a time by the length of a pause. */
static void shift(uint64_t *since_ms, uint64_t pause_ms)
{
    if (*since_ms != 0) {
        *since_ms += pause_ms;
    }
}

static void end_pause(struct session *session)
{
    uint64_t pause_ms = session_now_ms(session) - session->paused_since_ms;
    session->paused_since_ms = 0;
    shift(&session->message_since_ms, pause_ms);
    shift(&session->last_message_ms, pause_ms);
    shift(&session->last_input_ms, pause_ms);
    shift(&session->pinged_ms, pause_ms);
}

void session_note_output(struct session *session)
{
    bool queued = queue_size(&session->queue) > 0;
    bool paused = !session_wants_input(session);
    if (queued == (session->stalled_since_ms != 0) && paused == (session->paused_since_ms != 0)) {
        return;
    }
    if (queued && session->stalled_since_ms == 0) {
        session->stalled_since_ms = session_now_ms(session);
        session->unacknowledged = transport_unacknowledged(&session->transport);
    } else if (!queued) {
        session->stalled_since_ms = 0;
    }
    if (paused && session->paused_since_ms == 0) {
        session->paused_since_ms = session_now_ms(session);
    } else if (!paused && session->paused_since_ms != 0) {
        end_pause(session);
    }
    session_set_timer(session);
}
