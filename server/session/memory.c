/*
 * memory - what sessions hold besides their structs, counted and bounded: limits.session_memory and limits.memory.
 * Runs on the session's loop.
 *
 * Blocks are counted when they have grown or shrunk, not message by message: at the end of each piece of input, whenever the
 * queue grows, and at the end of each event. A loop adds up on its own and tells the pool in steps of TELL_SIZE, so that the
 * loops do not fight over one counter. The pool's figure is therefore short by less than TELL_SIZE a loop, plus what the one
 * session that each loop is busy with has grown by in the piece of input it is working on.
 *
 * A session past its own cap gets 1009, not 1013: it would need as much if it came again.
 *
 * Not counted: the session's struct and OpenSSL's, which limits.max_connections bounds, and the kernel's buffers.
 */
#include "server/session/session_private.h"

#define TELL_SIZE (64 * 1024)
/* What a session may hold however much the others do: the rest of a message that two reads cut. Those who hold little are not
 * the ones to be ended, and limits.max_connections times this is what they can add. */
#define SMALL_SIZE (4 * 1024)

static size_t memory_of(const struct session *session)
{
    return queue_capacity(&session->queue) + reader_memory(&session->reader) + session_held_memory(session) +
           session_overflow_memory(session) + codec_memory(session->codec, &session->compression) +
           (session->rate != NULL ? sizeof(*session->rate) : 0);
}

/* Unsigned arithmetic: what is added may be a negative difference. */
static void count(struct session *session, size_t bytes)
{
    struct session_loop *home = session->home;
    home->memory += bytes - session->memory;
    session->memory = bytes;
    size_t gap = home->memory > home->memory_told ? home->memory - home->memory_told : home->memory_told - home->memory;
    if (gap >= TELL_SIZE) {
        atomic_fetch_add_explicit(&home->pool->memory, home->memory - home->memory_told, memory_order_relaxed);
        home->memory_told = home->memory;
    }
}

static size_t memory_of_all(const struct session_loop *home)
{
    return atomic_load_explicit(&home->pool->memory, memory_order_relaxed) + (home->memory - home->memory_told);
}

/* Ends the session so that its memory is free at once. A peer that leaves its output unread would not see a Close frame either;
 * any other is told, and what else it sends is not collected. */
static void end(struct session *session, enum cause cause)
{
    if (queue_size(&session->queue) > 0) {
        session_abort(session, cause);
        return;
    }
    session_end(session, cause);
    if (session->state == SESSION_CLOSING) {
        session->state = SESSION_LEAVING;
    }
    reader_deinit(&session->reader);
    codec_destroy(&session->codec);
    session_drop_input(session);
    count(session, memory_of(session));
}

void session_count_memory(struct session *session)
{
    size_t bytes = memory_of(session);
    bool grown = bytes > session->memory;
    if (bytes == session->memory) {
        return;
    }
    count(session, bytes);
    if (!grown || session->state == SESSION_DEAD) {
        return;
    }
    uint64_t max = session->config->limits.memory;
    if (bytes > session->config->limits.session_memory) {
        end(session, CAUSE_SESSION_MEMORY);
    } else if (max != 0 && bytes > SMALL_SIZE && memory_of_all(session->home) > max) {
        end(session, CAUSE_SERVER_MEMORY);
    }
}

void session_uncount_memory(struct session *session)
{
    count(session, 0);
}

size_t session_queue_capacity_max(const struct session *session)
{
    uint64_t max = session->config->limits.session_memory;
    size_t others = memory_of(session) - queue_capacity(&session->queue);
    return others < max ? (size_t)(max - others) : 0;
}
