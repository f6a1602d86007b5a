/*
 * door - all that touches civetweb: starting and stopping it, the roles of its threads, and what becomes of a request.
 */
#ifndef PORTCULLIS_DOOR_DOOR_H
#define PORTCULLIS_DOOR_DOOR_H

#include <stdbool.h>
#include <stddef.h>

#include "logging/log.h"
#include "server/door/decide.h"
#include "server/door/ready_ring.h"
#include "server/lobby/lobby.h"
#include "server/session/pool.h"

struct door;

/* Everything is borrowed and outlives the door. */
struct door_setup {
    unsigned lobby_threads;
    unsigned session_threads;
    unsigned upgrade_threads;
    struct lobby *lobby;
    struct session_pool *sessions;
    const struct token_context *tokens;
    struct ready_ring *ring;
    struct log *log;
};

/* Starts civetweb's pool, waits until every thread has its role, and checks that both borrowed calls are in place. NULL when
 * anything is amiss; `error` says what. Signals must be blocked by the caller: the threads inherit that. Main thread. */
struct door *door_start(const struct door_setup *setup, char *error, size_t error_size);

/* How many requests were not upgraded, by cause. Monotonic; any thread. */
void door_counts(const struct door *door, uint64_t counts_r[DECIDE_CAUSE_COUNT]);

/* Whether civetweb's master thread has come round since the last call, which it is asked to do again. One thread. */
bool door_master_alive(struct door *door);
/* Whether the upgrade workers have finished a request since the last call, or none waits for them. One thread. */
bool door_workers_alive(struct door *door);

/* Readable once all session loops have ended; not to be read. */
int door_event_fd(const struct door *door);
bool door_sessions_ended(const struct door *door);

/* After the session loops and lobby threads have ended or been told to. Waits for all threads. Main thread. */
void door_stop(struct door **door);

/* "1.15": of the library that is loaded. Static. */
const char *door_civetweb_version(void);

#endif
