/*
 * reload - prepares a new config on a thread of its own and gives it to the lobby and the gate, while the main thread goes on
 * answering signals and the watchdog: long lists take seconds to read, a slow disk as long as it likes.
 *
 *   reload_begin() ── thread: load, check, publish ── reload_event_fd() ──► reload_collect()
 *
 * One reload at a time; what is asked for meanwhile is remembered, once. All of it is for the main thread.
 */
#ifndef PORTCULLIS_RELOAD_H
#define PORTCULLIS_RELOAD_H

#include <stdbool.h>

#include "auth/jwks.h"
#include "logging/log.h"
#include "server/admin/admin.h"
#include "server/config/config.h"
#include "server/credentials.h"
#include "server/gate/gate.h"
#include "server/lobby/lobby.h"

struct reload;

/* Everything but `started`, which a reference is taken to, is borrowed and outlives the reload. */
struct reload_setup {
    const char *file;
    const struct config *started; /* the config of the start: what needs a restart is still as it says */
    struct log *log;
    struct gate *gate;
    struct credentials *credentials;
    struct lobby *lobby;
    struct admin *admin;
    struct jwks *jwks;
};

struct reload_result {
    const char *refused;         /* why; static. NULL: it was taken over, and the rest is the caller's */
    const struct config *config; /* one reference; in force in the lobby and the gate. NULL when refused */
    SSL_CTX *tls;                /* one reference, for credentials_commit(); NULL without TLS */
    struct access *access;       /* owned, for admin_commit(); NULL without the admin API */
};

/* NULL with errno set. */
struct reload *reload_create(const struct reload_setup *setup);
/* Waits for the thread, if it runs; what it has made is dropped. */
void reload_destroy(struct reload **reload);

/* Readable when there is something to collect. */
int reload_event_fd(const struct reload *reload);

/* Starts the thread; `old` (borrowed until it is collected) is the config in force. False: one runs already, and another is to
 * follow it. Where no thread is to be had, there is a refusal to collect at once. */
bool reload_begin(struct reload *reload, const struct config *old);

/* False while there is nothing to collect. *again_r: reload_begin() was called meanwhile, and is to be called again. */
bool __attribute__((warn_unused_result))
reload_collect(struct reload *reload, struct reload_result *result_r, bool *again_r);

/* The errors and warnings of the reload that was collected last, and why it was refused: lines, as many as fit. Valid until the next
 * one is begun. */
const char *reload_notes(const struct reload *reload);

/* The server is stopping: what has not been published by now will be refused, and none follows it. */
void reload_abandon(struct reload *reload);

/* From reload_begin() to reload_collect(). */
bool reload_under_way(const struct reload *reload);

#endif
