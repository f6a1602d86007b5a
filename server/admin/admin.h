/*
 * admin - the operators' listener: a second, small civetweb context with its own threads and ordinary sockets, which answers
 * while the public side is under attack. JSON under /api/v1/, for named tokens with a role.
 */
#ifndef PORTCULLIS_ADMIN_ADMIN_H
#define PORTCULLIS_ADMIN_ADMIN_H

#include <stdbool.h>
#include <stddef.h>

#include "auth/revocations.h"
#include "logging/log.h"
#include "server/config/config.h"
#include "server/readiness.h"
#include "server/session/pool.h"
#include "server/state/store.h"

/* What the main thread is asked to do: the API's workers post it and wait for the answer, a bounded time. */
enum admin_order { ADMIN_RELOAD, ADMIN_DRAIN };

struct admin;
struct access;

/* Everything is borrowed and outlives the admin. */
struct admin_setup {
    struct log *log;
    struct session_pool *sessions;
    struct store *store;
    struct revocations *revocations;
    const struct readiness *readiness;
};

/* Reads the token files, making those that are missing (32 random bytes as base64url, mode 0600), and starts to listen on
 * config->admin.address ("" : returns an admin that listens nowhere). NULL: `error` says why. Main thread. */
struct admin *admin_start(const struct config *config, const struct admin_setup *setup, char *error, size_t error_size);
/* A reload, in two steps: the tokens, names and prefixes of a new config, whose token files are read or made, or false: `error` says
 * why; then the exchange, which cannot fail. *access_r is NULL without a listener, which the others take as well. Main thread. */
__attribute__((warn_unused_result)) bool admin_prepare(const struct admin *admin, const struct config *config,
                                                       struct access **access_r, char *error, size_t error_size);
void admin_commit(struct admin *admin, struct access **access);
void admin_cancel(struct access **access);
/* Readable when an order waits; the main thread then takes it and answers it. -1 without a listener. */
int admin_event_fd(const struct admin *admin);
/* False when none waits. Main thread. */
bool admin_take_order(struct admin *admin, enum admin_order *order_r);
/* `detail` is copied: for a reload that failed, the errors of the config, one a line. Main thread. */
void admin_answer_order(struct admin *admin, bool done, const char *detail);
/* Orders that wait are refused, and those that come. Waits for its threads, a bounded time. Main thread. */
void admin_stop(struct admin **admin);

#endif
