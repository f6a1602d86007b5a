/*
 * output - how a session's frames reach its socket: gathered in the loop's buffer, written once an event, and queued
 * in the session when the socket does not take them. Runs on the session's loop.
 */
#include "server/session/session_private.h"

#include <assert.h>
#include <string.h>

#include "server/loop/batch.h"

/* A write that failed; what is left goes nowhere. */
static void lose(struct session *session, enum transport_status status)
{
    session_abort(session, status == TRANSPORT_TLS_ERROR ? CAUSE_TLS_FAILED : CAUSE_CONNECTION_LOST);
}

static bool append(struct session *session, const void *bytes, size_t size)
{
    if (!queue_append(&session->queue, bytes, size, session_queue_capacity_max(session))) {
        session_abort(session, CAUSE_OUT_OF_MEMORY);
        return false;
    }
    session_count_memory(session);
    return session->state != SESSION_DEAD;
}

/* What a write of the pieces has come to: the rest is queued. */
static void take_written(struct session *session, enum transport_status status, const struct iovec *pieces, int count,
                         size_t written)
{
    if (status != TRANSPORT_OK && status != TRANSPORT_WANT_READ && status != TRANSPORT_WANT_WRITE) {
        lose(session, status);
        return;
    }
    session->write_wants_read = status == TRANSPORT_WANT_READ;
    for (int i = 0; i < count; i++) {
        size_t sent = written < pieces[i].iov_len ? written : pieces[i].iov_len;
        written -= sent;
        if (sent < pieces[i].iov_len &&
            !append(session, (const uint8_t *)pieces[i].iov_base + sent, pieces[i].iov_len - sent)) {
            return;
        }
    }
}

/* Writes the pieces as far as the socket takes them and queues the rest. The queue is empty. */
static void write_pieces(struct session *session, struct iovec *pieces, int count)
{
    size_t written = 0;
    enum transport_status status = transport_write(&session->transport, pieces, count, &written);
    take_written(session, status, pieces, count, written);
}

void session_output_write(struct session *session, uint8_t *bytes, size_t size)
{
    struct iovec piece = {.iov_base = bytes, .iov_len = size};
    write_pieces(session, &piece, 1);
}

void session_output_sent(struct session *session, uint8_t *bytes, size_t size, int result)
{
    struct iovec piece = {.iov_base = bytes, .iov_len = size};
    size_t written = 0;
    enum transport_status status = transport_sent(result, size, &written);
    take_written(session, status, &piece, 1, written);
}

void session_output_sealed(struct session *session, uint8_t *bytes, size_t size, const uint8_t *sealed,
                           size_t sealed_size, int result)
{
    struct transport *transport = &session->transport;
    struct iovec piece = {.iov_base = bytes, .iov_len = size};
    size_t written = 0;
    enum transport_status status = result == BATCH_UNDONE
                                       ? transport_send_sealed(transport, sealed, sealed_size, size, &written)
                                       : transport_sealed_sent(transport, sealed, sealed_size, result, size, &written);
    take_written(session, status, &piece, 1, written);
}

static void flush_gathered(struct session *session)
{
    struct session_loop *home = session->home;
    uint8_t *bytes = home->output + home->output_start;
    size_t size = home->output_size - home->output_start;
    home->output_size = home->output_start;
    if (size == 0 || session->state == SESSION_DEAD) {
        return;
    }
    if (queue_size(&session->queue) > 0) {
        (void)append(session, bytes, size);
        return;
    }
    session_output_write(session, bytes, size);
}

void session_output_begin(struct session *session)
{
    assert(session->home->output_owner == NULL);
    ferry_deliver(session);
    session->home->output_owner = session;
    session->home->retried = false;
    session->home->turn_size = 0;
}

void session_output_end(struct session *session)
{
    assert(session->home->output_owner == session);
    flush_gathered(session);
    session->home->output_owner = NULL;
}

void session_output_resume(struct session *session)
{
    while (queue_size(&session->queue) > 0 && session->state != SESSION_DEAD) {
        struct iovec piece = {.iov_base = queue_bytes(&session->queue), .iov_len = queue_size(&session->queue)};
        size_t written = 0;
        enum transport_status status = transport_write(&session->transport, &piece, 1, &written);
        if (written > 0) {
            queue_consume(&session->queue, written);
            if (session->stalled_since_ms != 0) {
                session->stalled_since_ms = session_now_ms(session);
            }
        }
        if (status == TRANSPORT_WANT_READ || status == TRANSPORT_WANT_WRITE) {
            session->write_wants_read = status == TRANSPORT_WANT_READ;
            return;
        }
        if (status != TRANSPORT_OK) {
            lose(session, status);
        }
    }
    session->write_wants_read = false;
}

/* Copies into the loop's buffer, writing it out whenever it is full. */
static void gather(struct session *session, const void *bytes, size_t size)
{
    struct session_loop *home = session->home;
    const uint8_t *from = bytes;
    while (size > 0 && session->state != SESSION_DEAD) {
        size_t room = SESSION_OUTPUT_SIZE - home->output_size;
        if (room == 0) {
            flush_gathered(session);
            continue;
        }
        size_t part = size < room ? size : room;
        memcpy(home->output + home->output_size, from, part);
        home->output_size += part;
        from += part;
        size -= part;
    }
}

/* A large message on a plain connection: together with what was gathered before it, from where it lies. */
static void write_directly(struct session *session, struct iovec *pieces, int count)
{
    struct session_loop *home = session->home;
    struct iovec all[4];
    all[0] = (struct iovec){.iov_base = home->output + home->output_start,
                            .iov_len = home->output_size - home->output_start};
    for (int i = 0; i < count; i++) {
        all[i + 1] = pieces[i];
    }
    home->output_size = home->output_start;
    write_pieces(session, all, count + 1);
}

/* Puts the compressed form of a message in its place, when that is to be sent. To be done only with what will be sent: with
 * context takeover the peer's window must get what ours has got. False: the session is over. */
static bool compress(struct session *session, struct deflater_message *message, uint8_t *rsv)
{
    struct compression *compression = &session->home->compression;
    const struct codec_terms terms = {.agreed = &session->compression, .config = session->config};
    size_t size = 0;
    switch (compression_deflate(compression, &session->codec, &terms, message, &size)) {
    case DEFLATER_SKIPPED:
        return true;
    case DEFLATER_BROKEN:
        session_abort(session, CAUSE_OUT_OF_MEMORY);
        return false;
    case DEFLATER_OK:
        break;
    }
    *message = (struct deflater_message){.body = compression->deflated.bytes, .body_size = size};
    *rsv = FRAME_RSV1;
    return true;
}

static void add_frame(struct session *session, enum ws_opcode opcode, uint8_t rsv,
                      const struct deflater_message *message)
{
    uint8_t header[FRAME_SERVER_HEADER_MAX];
    size_t header_size =
        frame_write_header(header, true, rsv, opcode, (uint64_t)message->head_size + message->body_size);
    if (session->transport.ssl == NULL && message->body_size >= SESSION_DIRECT_SIZE &&
        queue_size(&session->queue) == 0) {
        /* sendmsg() only reads what the pieces point to; struct iovec has no const. */
        struct iovec pieces[3] = {{.iov_base = header, .iov_len = header_size},
                                  {.iov_base = (void *)(uintptr_t)message->head, .iov_len = message->head_size},
                                  {.iov_base = (void *)(uintptr_t)message->body, .iov_len = message->body_size}};
        write_directly(session, pieces, 3);
        return;
    }
    gather(session, header, header_size);
    gather(session, message->head, message->head_size);
    gather(session, message->body, message->body_size);
}

void session_output_frame(struct session *session, enum ws_opcode opcode, const void *head, size_t head_size,
                          const void *body, size_t body_size)
{
    assert(session->home->output_owner == session);
    assert(head_size <= SIZE_MAX - FRAME_SERVER_HEADER_MAX - body_size);
    if (session->state == SESSION_DEAD) {
        return;
    }
    struct deflater_message message = {head, head_size, body, body_size};
    uint8_t rsv = 0;
    bool compressible = session->compression.deflate && (opcode == WS_TEXT || opcode == WS_BINARY);
    if (compressible && !compress(session, &message, &rsv)) {
        return;
    }
    add_frame(session, opcode, rsv, &message);
    if (compressible) {
        session_settle_compression(session, &session->home->compression.deflated); /* also when it is not sent */
    }
}
