/*
 * operators - what operators' decisions need to be kept and obeyed: the store, the revocations in it, and the admin API.
 * Main thread.
 */
#ifndef PORTCULLIS_OPERATORS_H
#define PORTCULLIS_OPERATORS_H

#include <stdbool.h>
#include <stddef.h>

#include "auth/revocations.h"
#include "server/admin/admin.h"
#include "server/config/config.h"
#include "server/state/store.h"

struct operators {
    struct store *store;
    struct admin *admin;
};

/* What the admin API works on; borrowed. */
struct operators_setup {
    struct log *log;
    struct session_pool *sessions;
    struct revocations *revocations; /* filled from the store */
    const struct readiness *readiness;
};

/* Opens the store, loads the revocations and starts the admin API: before the first peer is heard, as the user that the server
 * is to be. What has been opened on failure is operators_close()'s; `error` says what failed. */
__attribute__((warn_unused_result)) bool operators_open(struct operators *operators, const struct config *config,
                                                        const struct operators_setup *setup, char *error,
                                                        size_t error_size);

/* While the session loops are there, ended or not. The revocations stay. */
void operators_close(struct operators *operators);

#endif
