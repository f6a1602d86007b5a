/*
 * vitals - what the pulse asks: the main thread, each lobby and session loop, civetweb's master and upgrade workers, the
 * log's writer.
 *
 * Each is asked in its own way, and none at a cost on the path of a message: a loop gets a message into its inbox once a
 * tick, civetweb's master an empty entry in the ready ring, the writer of the log a wake-up. Upgrade workers that wait
 * need not be asked; when all of them decide, one decision must end. The log's writer is not vital: a hanging disk costs
 * lines and no session. Main thread, except where it says otherwise.
 */
#ifndef PORTCULLIS_VITALS_H
#define PORTCULLIS_VITALS_H

#include <stdbool.h>

#include "logging/log.h"
#include "server/door/door.h"
#include "server/lobby/lobby.h"
#include "server/session/pool.h"

struct vitals;

/* Everything is borrowed, and outlives the vitals' stop. */
struct vitals_setup {
    struct lobby *lobby;
    unsigned lobby_threads;
    struct session_pool *sessions;
    unsigned session_threads;
    struct door *door;
    struct log *log;
};

/* Starts the pulse; all threads run. NULL with errno set. */
struct vitals *vitals_start(const struct vitals_setup *setup);
/* Ends the pulse: nothing is asked any more. `vitals` may be NULL. */
void vitals_stop(struct vitals *vitals);
/* After the loops have ended: they may still have held a question. */
void vitals_destroy(struct vitals **vitals);

/* Readable when the main thread is asked; it answers by vitals_answer(). */
int vitals_event_fd(const struct vitals *vitals);
void vitals_answer(struct vitals *vitals);

#endif
