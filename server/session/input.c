/*
 * input - what a session reads: from the socket into the loop's buffer, through the reader, to the handler. Runs on the session's loop.
 *
 * A peer that does not take its replies gives no work, unless limits.slow_consumer is "drop" (overflow.c): while its unsent
 * output is large (or, with TLS, while there is any, since OpenSSL must not be made to answer in the middle of a record that is
 * only half written), nothing is read from it, and what was read already is held back.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/session/session_private.h"

/* Reads of one session in a row, before others get their turn. */
#define READ_ROUNDS 16
/* Unsent output at which reading pauses; less where limits.send_queue is small. */
#define PAUSE_SIZE (64 * 1024)

/* Messages of one session in a row, before others get their turn, where it costs so much more to inflate and compress them, to
 * check them, or to digest them for the audit file, than to send them: 100 bytes may stand for 64 KiB, and one read for 100 MB. */
#define TURN_MAX (1024 * 1024)

/* Frames that a token may come in. */
#define TOKEN_FRAGMENTS_MAX 16

/* Input that was read before the pause, or before the others' turn. */
struct session_held {
    size_t size;
    uint8_t bytes[];
};

static bool output_allows_input(const struct session *session)
{
    size_t queued = queue_size(&session->queue);
    if (session->state == SESSION_OPEN && session->config->limits.slow_consumer == CONFIG_SLOW_DROP) {
        return true; /* nothing would ever be dropped otherwise, and pings not answered */
    }
    if (queued == 0 || (session->state != SESSION_OPEN && session->transport.ssl == NULL)) {
        return true;
    }
    uint64_t mark = session->config->limits.send_queue / 2;
    return session->transport.ssl == NULL && queued < (mark < PAUSE_SIZE ? mark : PAUSE_SIZE);
}

bool session_wants_input(const struct session *session)
{
    return session->state != SESSION_DEAD && !session->input_ended && output_allows_input(session);
}

static bool turn_is_over(const struct session *session)
{
    return session->home->turn_size >= TURN_MAX;
}

bool session_has_input(const struct session *session)
{
    return session->held != NULL || (!session->read_blocked && transport_has_pending(&session->transport));
}

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
        session_leave(session, CAUSE_CLIENT_CLOSED, frame->code);
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

/* Messages, and pings, which cost us an answer, too. */
static bool within_rate(struct session *session, size_t size)
{
    const struct rate_limit limit = {.messages = session->config->limits.messages_per_second,
                                     .bytes = session->config->limits.bytes_per_second};
    if (limit.messages == 0 && limit.bytes == 0) {
        return true;
    }
    if (session->rate == NULL && (session->rate = calloc(1, sizeof(*session->rate))) == NULL) {
        session_abort(session, CAUSE_OUT_OF_MEMORY);
        return false;
    }
    if (rate_take(session->rate, &limit, size, session_now_ms(session)) == RATE_OK) {
        return true;
    }
    session_end(session, CAUSE_RATE_LIMITED);
    return false;
}

static enum cause cause_of_inflater(enum inflater_status status)
{
    switch (status) {
    case INFLATER_OK:
    case INFLATER_CORRUPT:
        return CAUSE_BAD_COMPRESSION;
    case INFLATER_UTF8:
        return CAUSE_INVALID_DATA;
    case INFLATER_TOO_BIG:
        return CAUSE_MESSAGE_TOO_BIG;
    case INFLATER_RATIO:
        return CAUSE_COMPRESSION_RATIO;
    case INFLATER_MEMORY:
        return CAUSE_OUT_OF_MEMORY;
    }
    return CAUSE_BAD_COMPRESSION;
}

/* Once a message shows that the peer does not keep to the protocol: it will not close properly either. */
static void fail(struct session *session, enum cause cause, enum ws_close_code code, const char *detail)
{
    session_end_with(session, cause, code, detail);
    if (session->state == SESSION_CLOSING) {
        session->state = SESSION_LEAVING;
    }
}

/* A message as the handler gets it, which is what counters go by. `cost` is the larger of its size and that of its compressed
 * form, which may be a lot of empty blocks: rates and turns go by that. */
static void on_message(struct session *session, enum ws_opcode opcode, uint8_t *data, size_t size, size_t cost)
{
    if (!within_rate(session, cost)) {
        return;
    }
    session->messages_in++;
    session->bytes_in += size;
    session->home->turn_size += session->compression.deflate ? cost : 0;
    session->last_message_ms = session_now_ms(session);
    if (session_awaits_token(session)) {
        session_take_token(session, opcode, data, size);
        return;
    }
    if (!session->endpoint->rules.any) {
        session_audit_message(session, opcode, true, data, size);
    } else if (!session_admits_content(session, opcode, data, size, cost)) {
        return;
    }
    session->handler->message(session, opcode, data, size);
}

/* A token is small, and so is what is collected before there is one. */
static struct reader_limits limits_of(const struct session *session)
{
    struct reader_limits limits = {.max_message = session->config->limits.max_message,
                                   .max_fragments = session->config->limits.max_fragments,
                                   .compression = session->compression.deflate};
    if (session_awaits_token(session)) {
        uint64_t max_token = (uint64_t)session->config->auth.max_token + strlen("\r\n");
        limits.max_message = max_token < limits.max_message ? max_token : limits.max_message;
        limits.max_fragments = TOKEN_FRAGMENTS_MAX < limits.max_fragments ? TOKEN_FRAGMENTS_MAX : limits.max_fragments;
    }
    return limits;
}

static void on_compressed(struct session *session, const struct reader_output *output)
{
    struct compression *compression = &session->home->compression;
    const struct codec_terms terms = {
        .agreed = &session->compression, .config = session->config, .max_message = limits_of(session).max_message};
    size_t size = 0;
    enum inflater_status status = compression_inflate(compression, &session->codec, &terms, output, &size);
    session_count_inflated(session);
    if (session->state != SESSION_OPEN) {
        /* There was too little memory left. */
    } else if (status == INFLATER_OK) {
        on_message(session, output->opcode, compression->inflated.bytes, size,
                   size > output->size ? size : output->size);
    } else {
        enum cause cause = cause_of_inflater(status);
        fail(session, cause, cause_close_code(cause), inflater_status_text(status));
    }
    session_settle_compression(session, &compression->inflated);
}

static void on_event(struct session *session, enum reader_event event, const struct reader_output *output)
{
    switch (event) {
    case READER_MESSAGE:
        if (session->state != SESSION_OPEN) {
            break;
        }
        if (output->compressed) {
            on_compressed(session, output);
        } else {
            on_message(session, output->opcode, output->data, output->size, output->size);
        }
        break;
    case READER_PING:
        if (session->state == SESSION_OPEN && session_admits_control(session) && within_rate(session, output->size)) {
            session_answer_ping(session, output->data, output->size);
        }
        break;
    case READER_CLOSE:
        on_close_frame(session, output);
        break;
    case READER_ERROR:
        fail(session, cause_of(output->error), reader_error_code(output->error), reader_error_text(output->error));
        break;
    case READER_PONG: /* that something came is noted for any input */
        (void)session_admits_control(session);
        break;
    case READER_MORE:
        break;
    }
}

/* Keeps what was read for when the peer has taken its replies, or the others have had their turn. */
static void hold(struct session *session, const uint8_t *bytes, size_t size)
{
    if (size == 0) {
        return;
    }
    struct session_held *held = malloc(sizeof(*held) + size);
    if (held == NULL) {
        session_end(session, CAUSE_OUT_OF_MEMORY);
        return;
    }
    held->size = size;
    memcpy(held->bytes, bytes, size);
    session->held = held;
}

static void note_message_time(struct session *session, bool fresh)
{
    if (session->state == SESSION_DEAD || !reader_is_midway(&session->reader)) {
        session->message_since_ms = 0;
    } else if (fresh) {
        session->message_since_ms = session_now_ms(session);
        if (session->config->limits.message_timeout_ms != 0) {
            timer_set_earlier(loop_timers(session->home->loop), &session->timer,
                              session->message_since_ms + session->config->limits.message_timeout_ms);
        }
    }
}

void session_take_input(struct session *session, uint8_t *bytes, size_t size)
{
    struct reader_limits limits = limits_of(session);
    bool awaits_token = session_awaits_token(session);
    bool fresh = session->message_since_ms == 0;
    while (session->state == SESSION_OPEN || session->state == SESSION_CLOSING) {
        if (!output_allows_input(session) || turn_is_over(session)) {
            hold(session, bytes, size);
            break;
        }
        struct reader_output output;
        enum reader_event event = reader_next(&session->reader, &limits, &bytes, &size, &output);
        if (event == READER_MORE) {
            break;
        }
        fresh = fresh || event == READER_MESSAGE;
        on_event(session, event, &output);
        if (awaits_token && !session_awaits_token(session)) {
            awaits_token = false;
            limits = limits_of(session); /* for what came behind the token */
        }
    }
    note_message_time(session, fresh);
    session_count_memory(session);
}

static void on_input_end(struct session *session, enum transport_status status)
{
    switch (status) {
    case TRANSPORT_END:
        session->input_ended = true;
        if (session->state == SESSION_OPEN) {
            /* Half-closed: the peer may still read what it is owed. */
            session_leave(session, CAUSE_CLIENT_GONE, WS_CLOSE_NONE);
        } else if (session->state == SESSION_CLOSING) {
            session->state = SESSION_LEAVING;
        } else if (session->state == SESSION_LINGERING) {
            session_abort(session, CAUSE_CLIENT_GONE);
        }
        break;
    case TRANSPORT_LOST:
        session_abort(session, CAUSE_CONNECTION_LOST);
        break;
    case TRANSPORT_TLS_ERROR:
        session_abort(session, CAUSE_TLS_FAILED);
        break;
    case TRANSPORT_WANT_WRITE:
        session->read_wants_write = true;
        break;
    case TRANSPORT_OK:
    case TRANSPORT_WANT_READ:
        break;
    }
}

static enum transport_status read_fetched(struct session *session, uint8_t **bytes_r, size_t *size_r, bool *filled_r)
{
    uint8_t *fetched = NULL;
    int result = ferry_take_input(session, &fetched, filled_r);
    if (session->transport.ssl == NULL) {
        *bytes_r = fetched;
        return transport_received(result, size_r);
    }
    *bytes_r = session->home->input;
    return transport_read_fetched(&session->transport, fetched, result, *bytes_r, SESSION_INPUT_SIZE, size_r);
}

/* Reads what there is into a buffer of the loop's, or takes what was read into one. *more_r: something may be left. */
static enum transport_status read_input(struct session *session, uint8_t **bytes_r, size_t *size_r, bool *more_r)
{
    enum transport_status status;
    bool filled;
    if (ferry_has_input(session)) {
        status = read_fetched(session, bytes_r, size_r, &filled);
        session->bulky = filled;
    } else {
        *bytes_r = session->home->input;
        status = transport_read(&session->transport, *bytes_r, SESSION_INPUT_SIZE, size_r);
        filled = status == TRANSPORT_OK && *size_r == SESSION_INPUT_SIZE;
        session->bulky = status == TRANSPORT_OK && *size_r >= FERRY_INPUT_SIZE;
    }
    if (session->transport.ssl != NULL) {
        *more_r = transport_has_pending(&session->transport);
    } else {
        *more_r = status == TRANSPORT_OK && (filled || session->end_told || session->marked);
    }
    return status;
}

void session_keep_fetched(struct session *session)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    bool more = false;
    if (session->transport.ssl != NULL) { /* as it is: OpenSSL is not to be called now */
        int result = ferry_take_input(session, &bytes, &more);
        transport_keep_fetched(&session->transport, bytes, result);
        session->read_blocked = false;
        return;
    }
    enum transport_status status = read_input(session, &bytes, &size, &more);
    if (status == TRANSPORT_OK && session->state != SESSION_DEAD && !session->input_ended) {
        hold(session, bytes, size);
    } else if (status == TRANSPORT_LOST) {
        session_abort(session, CAUSE_CONNECTION_LOST);
    }
    session->undrained = true; /* a FIN is read again when it is wanted */
}

static void take_held(struct session *session)
{
    struct session_held *held = session->held;
    session->held = NULL;
    session_take_input(session, held->bytes, held->size);
    free(held);
}

void session_receive(struct session *session)
{
    session->read_wants_write = false;
    session->undrained = session->transport.ssl == NULL;
    if (session->held != NULL && session_wants_input(session)) {
        take_held(session);
    }
    for (int round = 0; round < READ_ROUNDS && session_wants_input(session) && session->held == NULL; round++) {
        uint8_t *bytes = NULL;
        size_t size = 0;
        bool more = false;
        enum transport_status status = read_input(session, &bytes, &size, &more);
        session->read_blocked = status == TRANSPORT_WANT_READ || status == TRANSPORT_WANT_WRITE;
        /* That an announced socket has nothing is taken for a mistake the first time, not for its being drained. */
        bool doubtful = round == 0 && status == TRANSPORT_WANT_READ;
        session->undrained = (more || doubtful) && session->transport.ssl == NULL;
        if (status != TRANSPORT_OK) {
            on_input_end(session, status);
            return;
        }
        session->last_input_ms = session_now_ms(session);
        session->pinged_ms = 0;
        session_take_input(session, bytes, size);
        if (!more || turn_is_over(session)) {
            return;
        }
    }
}

void session_drop_input(struct session *session)
{
    free(session->held);
    session->held = NULL;
}

size_t session_held_memory(const struct session *session)
{
    return session->held != NULL ? sizeof(*session->held) + session->held->size : 0;
}
