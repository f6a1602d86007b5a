/*
 * pool - makes, runs and drains the session loops; see pool.h.
 */
#include "server/session/pool.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "server/session/session_private.h"

/* Sessions on their way to a loop: more than the workers can decide while a loop is busy with one batch of events. */
#define INBOX_MAX 4096

/* Tells as many sessions as are due by now. Each was there when the drain began: later ones were told as they came. */
static void close_due(struct session_loop *home)
{
    struct loop *loop = home->loop;
    size_t due = spread_due(&home->drain, loop_now_ms(loop) - home->drain_begin_ms);
    while (home->drain_next != NULL && home->drain_done < due) {
        struct session *session = home->drain_next;
        home->drain_next = session->next;
        home->drain_done++;
        session_close(session, CAUSE_SERVER_STOPPING);
    }
    if (home->drain_next != NULL) {
        timer_set(loop_timers(loop), &home->close_timer,
                  home->drain_begin_ms + spread_next_ms(&home->drain, home->drain_done));
    }
}

static void on_close_due(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    close_due(CONTAINER_OF(timer, struct session_loop, close_timer));
}

/* The time is up: what is left ends without waiting for its peer. Who was not told yet is told in passing. */
static void on_drain_due(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    struct session_loop *home = CONTAINER_OF(timer, struct session_loop, drain_timer);
    struct session *next;
    for (struct session *session = home->first; session != NULL; session = next) {
        next = session->next;
        session_close(session, CAUSE_SERVER_STOPPING);
    }
    while (home->first != NULL) {
        session_abort(home->first, CAUSE_SERVER_STOPPING);
        session_destroy(home->first);
    }
}

static void on_hurry(struct loop_message *message)
{
    struct session_loop *home = CONTAINER_OF(message, struct session_loop, hurry_message);
    on_drain_due(&home->drain_timer, loop_now_ms(home->loop));
}

static void on_drain(struct loop_message *message)
{
    struct session_loop *home = CONTAINER_OF(message, struct session_loop, drain_message);
    uint64_t now_ms = loop_now_ms(home->loop);
    home->draining = true;
    home->drain_begin_ms = now_ms;
    home->drain_next = home->first;
    for (const struct session *session = home->first; session != NULL; session = session->next) {
        home->drain.count++;
    }
    timer_set(loop_timers(home->loop), &home->drain_timer, now_ms + home->drain.window_ms + home->drain_timeout_ms);
    close_due(home);
    if (home->first == NULL) {
        loop_stop(home->loop);
    }
}

/* False where `io` demands what the kernel refuses. */
static bool init_ferry(struct session_loop *home, enum config_io io)
{
    if (io == CONFIG_IO_EPOLL) {
        return true;
    }
    home->ferry = ferry_create(home);
    return home->ferry != NULL || io == CONFIG_IO_AUTO;
}

static bool init_loop(struct session_loop *home, struct session_pool *pool, const struct session_pool_setup *setup)
{
    home->pool = pool;
    home->loop = loop_create(INBOX_MAX);
    home->input = malloc(SESSION_INPUT_SIZE);
    home->output = malloc(SESSION_OUTPUT_SIZE);
    timer_init(&home->close_timer, on_close_due);
    timer_init(&home->drain_timer, on_drain_due);
    session_init_memory(home);
    walk_init(home);
    home->expiry = expiry_watch_create(home);
    home->drain_message.deliver = on_drain;
    home->hurry_message.deliver = on_hurry;
    if (home->loop == NULL || home->input == NULL || home->output == NULL || home->expiry == NULL) {
        return false;
    }
    loop_set_busy_poll(home->loop, setup->busy_poll_us);
    return init_ferry(home, setup->io);
}

struct session_pool *session_pool_create(const struct session_pool_setup *setup, struct log *log, struct gate *gate)
{
    struct session_pool *pool = calloc(1, sizeof(*pool));
    if (pool == NULL) {
        return NULL;
    }
    pool->log = log;
    pool->gate = gate;
    atomic_init(&pool->next_id, 1);
    static const struct token_context no_tokens;
    pool->tokens = setup->tokens != NULL ? setup->tokens : &no_tokens;
    pool->users = users_create();
    pool->loops = calloc(setup->threads, sizeof(*pool->loops));
    if (pool->users == NULL || pool->loops == NULL) {
        goto failed;
    }
    pool->threads = setup->threads;
    for (unsigned i = 0; i < setup->threads; i++) {
        if (!init_loop(&pool->loops[i], pool, setup)) {
            goto failed;
        }
    }
    return pool;

failed:;
    int error = errno;
    session_pool_destroy(&pool);
    errno = error;
    return NULL;
}

void session_pool_destroy(struct session_pool **pool_pointer)
{
    struct session_pool *pool = *pool_pointer;
    if (pool == NULL) {
        return;
    }
    *pool_pointer = NULL;
    for (unsigned i = 0; pool->loops != NULL && i < pool->threads; i++) {
        loop_destroy(&pool->loops[i].loop);
        ferry_destroy(&pool->loops[i].ferry);
        free(pool->loops[i].input);
        free(pool->loops[i].output);
        expiry_watch_destroy(&pool->loops[i].expiry);
        compression_deinit(&pool->loops[i].compression);
        schema_scratch_free(pool->loops[i].scratch);
    }
    free(pool->loops);
    users_destroy(&pool->users);
    free(pool);
}

void session_pool_run(struct session_pool *pool, unsigned index)
{
    struct session_loop *home = &pool->loops[index];
    loop_run(home->loop);
    /* Closing the inbox may have brought a last few: they were told 1001 as they came and are let go at once. */
    on_drain_due(&home->drain_timer, loop_now_ms(home->loop));
    walk_end_all(home);
}

void session_pool_refuse(struct session_pool *pool)
{
    atomic_store_explicit(&pool->draining, true, memory_order_release);
}

void session_pool_drain(struct session_pool *pool, uint32_t window_ms, uint32_t timeout_ms)
{
    uint64_t needed_ms = spread_window_ms(session_pool_open(pool), window_ms);
    for (unsigned i = 0; i < pool->threads; i++) {
        struct session_loop *home = &pool->loops[i];
        home->drain.window_ms = needed_ms;
        home->drain_timeout_ms = timeout_ms;
        bool runs = loop_post_control(home->loop, &home->drain_message);
        assert(runs); /* it ends by this message */
        (void)runs;
    }
}

void session_pool_hurry(struct session_pool *pool)
{
    for (unsigned i = 0; i < pool->threads; i++) {
        if (!loop_post_control(pool->loops[i].loop, &pool->loops[i].hurry_message)) {
            continue; /* it has ended already */
        }
    }
}

uint64_t session_pool_messages_dropped(const struct session_pool *pool)
{
    return atomic_load_explicit(&pool->messages_dropped, memory_order_relaxed);
}

size_t session_pool_memory(const struct session_pool *pool)
{
    return atomic_load_explicit(&pool->memory, memory_order_relaxed);
}

bool session_pool_uses_uring(const struct session_pool *pool)
{
    for (unsigned i = 0; i < pool->threads; i++) {
        if (pool->loops[i].ferry == NULL) {
            return false;
        }
    }
    return true;
}

size_t session_pool_open(const struct session_pool *pool)
{
    return atomic_load_explicit(&pool->open, memory_order_relaxed);
}

uint64_t session_pool_turnover(const struct session_pool *pool)
{
    return 2 * atomic_load_explicit(&pool->next_id, memory_order_relaxed) - session_pool_open(pool);
}

struct loop *session_pool_loop(struct session_pool *pool, unsigned index)
{
    return pool->loops[index].loop;
}
