/*
 * pool - the session loops: one thread each, sessions spread over them in turn.
 *
 * Life: session_pool_create() → session_pool_run() on each thread → session_pool_refuse() →
 * session_pool_drain() → the loops return when their
 * last session has ended → session_pool_destroy().
 */
#ifndef PORTCULLIS_SESSION_POOL_H
#define PORTCULLIS_SESSION_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/token.h"
#include "logging/log.h"
#include "server/config/config.h"
#include "server/gate/gate.h"
#include "server/loop/loop.h"
#include "validate/rules.h"

struct session_pool;

struct session_pool_setup {
    const struct token_context
        *tokens; /* what tokens are held against besides a config; NULL: nothing. Outlives the pool, and is
                                         * whole before the first loop runs */
    unsigned threads;
    enum config_io io;
    unsigned busy_poll_us; /* see loop_set_busy_poll() */
};

/* `log` and `gate` are borrowed and outlive the pool. NULL with errno set, also where setup->io is CONFIG_IO_URING and the kernel
 * refuses. Main thread. */
struct session_pool *session_pool_create(const struct session_pool_setup *setup, struct log *log, struct gate *gate);
void session_pool_destroy(struct session_pool **pool);

/* Runs loop `index` (0..threads-1) on the calling thread until the pool has drained. */
void session_pool_run(struct session_pool *pool, unsigned index);

/* No session is started any more; those that are open go on. Any thread. */
void session_pool_refuse(struct session_pool *pool);

/* After session_pool_refuse(): those that are open get 1001, evenly spread over `window_ms` or, when they are few, their part of
 * it (spread.h), and then `timeout_ms` to end. Returns at once; the loops end when all their sessions have. Main thread, once. */
void session_pool_drain(struct session_pool *pool, uint32_t window_ms, uint32_t timeout_ms);

/* After session_pool_drain(): whoever was not told yet gets 1001, and what is still open ends now. Main thread, once. */
void session_pool_hurry(struct session_pool *pool);

/* Loop `index`, for messages of other rooms; lives as long as the pool. */
struct loop *session_pool_loop(struct session_pool *pool, unsigned index);

/* Messages dropped so far (limits.slow_consumer); any thread. */
uint64_t session_pool_messages_dropped(const struct session_pool *pool);

/* Messages so far that broke a rule of their endpoint, by enum violation_code; any thread. */
void session_pool_violations(const struct session_pool *pool, uint64_t counts_r[VIOLATION_COUNT]);

/* Bytes that the sessions hold beyond their structs, short by less than 64 KiB a loop; see memory.c. Any thread. */
size_t session_pool_memory(const struct session_pool *pool);

/* Whether the loops use io_uring: always or never the one with CONFIG_IO_URING or CONFIG_IO_EPOLL. Main thread, before the first
 * loop runs. */
bool session_pool_uses_uring(const struct session_pool *pool);

/* Sessions open now; any thread. */
size_t session_pool_open(const struct session_pool *pool);
/* How many have begun and ended so far, taken together; for a moment it may be short by those that are about to begin. Any thread. */
uint64_t session_pool_turnover(const struct session_pool *pool);

#endif
