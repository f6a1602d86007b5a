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
 * What the loop's own compression holds belongs to no session, but to the sum.
 *
 * Not counted: the session's struct and OpenSSL's, which limits.max_connections bounds, the two buffers that a loop has from its
 * start, and the kernel's.
 */
#include "server/session/session_private.h"

#define TELL_SIZE (64 * 1024)
/* What a session may hold however much the others do: the rest of a message that two reads cut. Those who hold little are not
 * the ones to be ended, and limits.max_connections times this is what they can add. */
#define SMALL_SIZE (4 * 1024)

/* A large buffer that nothing has used for so long is given back: the next large message makes it anew. */
#define LARGE_KEPT_MS 1000

static size_t memory_of(const struct session *session)
{
    return queue_capacity(&session->queue) + reader_memory(&session->reader) + session_held_memory(session) +
           session_overflow_memory(session) + session_auth_memory(session) +
           codec_memory(session->codec, &session->compression) + (session->rate != NULL ? sizeof(*session->rate) : 0) +
           session_conduct_memory(session);
}

/* Adds the difference between two figures, which may be negative: unsigned arithmetic. */
static void add(struct session_loop *home, size_t after, size_t before)
{
    home->memory += after - before;
    size_t gap = home->memory > home->memory_told ? home->memory - home->memory_told : home->memory_told - home->memory;
    if (gap >= TELL_SIZE) {
        atomic_fetch_add_explicit(&home->pool->memory, home->memory - home->memory_told, memory_order_relaxed);
        home->memory_told = home->memory;
    }
}

static void count(struct session *session, size_t bytes)
{
    size_t before = session->memory;
    session->memory = bytes;
    add(session->home, bytes, before);
}

static size_t memory_of_all(const struct session_loop *home)
{
    return atomic_load_explicit(&home->pool->memory, memory_order_relaxed) + (home->memory - home->memory_told);
}

void session_pool_warn_memory(const struct session_pool *pool, uint64_t max, const char *detail)
{
    log_event_limited(pool->log, LOG_WARNING, "memory_limit", detail, log_u64("memory", session_pool_memory(pool)),
                      log_u64("limit", max), log_u64("sessions", session_pool_open(pool)), log_str("detail", detail));
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

static void end_at_cap(struct session *session)
{
    session_pool_warn_memory(session->home->pool, session->config->limits.memory,
                             "limits.memory is reached: sessions that need more are ended");
    end(session, CAUSE_SERVER_MEMORY);
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
        end_at_cap(session);
    }
}

void session_uncount_memory(struct session *session)
{
    count(session, 0);
}

/* ---- the loop's own ---- */

/* Whether it has grown. */
static bool count_compression(struct session_loop *home)
{
    size_t before = home->compression_memory;
    home->compression_memory = compression_memory(&home->compression);
    if (home->compression_memory != before) {
        add(home, home->compression_memory, before);
    }
    return home->compression_memory > before;
}

void session_count_inflated(struct session *session)
{
    uint64_t max = session->config->limits.memory;
    if (count_compression(session->home) && max != 0 && memory_of_all(session->home) > max) {
        end_at_cap(session);
    }
}

/* Between events: no buffer is in use. */
static void on_trim_due(struct timer *timer, uint64_t now_ms)
{
    struct session_loop *home = CONTAINER_OF(timer, struct session_loop, trim_timer);
    if (home->compression_busy) {
        home->compression_busy = false;
        timer_set(loop_timers(home->loop), timer, now_ms + LARGE_KEPT_MS);
        return;
    }
    compression_trim(&home->compression.inflated);
    compression_trim(&home->compression.deflated);
    (void)count_compression(home);
}

void session_settle_compression(struct session *session, struct deflate_buffer *buffer)
{
    struct session_loop *home = session->home;
    (void)count_compression(home);
    if (!compression_is_large(buffer)) {
        return;
    }
    uint64_t max = session->config->limits.memory;
    if (max != 0 && memory_of_all(home) > max - max / 8) { /* where newcomers are turned away, too */
        compression_trim(buffer);
        (void)count_compression(home);
        return;
    }
    home->compression_busy = true;
    if (!timer_is_set(&home->trim_timer)) {
        timer_set(loop_timers(home->loop), &home->trim_timer, loop_now_ms(home->loop) + LARGE_KEPT_MS);
    }
}

void session_init_memory(struct session_loop *home)
{
    timer_init(&home->trim_timer, on_trim_due);
}

size_t session_queue_capacity_max(const struct session *session)
{
    uint64_t max = session->config->limits.session_memory;
    size_t others = memory_of(session) - queue_capacity(&session->queue);
    return others < max ? (size_t)(max - others) : 0;
}
