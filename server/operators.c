/*
 * operators - see operators.h.
 */
#include "server/operators.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool load_revocations(struct operators *operators, const struct operators_setup *setup, char *error,
                             size_t error_size)
{
    enum store_status status = store_load_revocations(operators->store, time(NULL), setup->revocations);
    if (status != STORE_OK) {
        struct store_state state;
        store_describe(operators->store, &state);
        snprintf(error, error_size, "the revocations cannot be read: %s",
                 status == STORE_BROKEN ? state.error : strerror(ENOMEM));
        return false;
    }
    log_event(setup->log, LOG_NOTICE, "revocations_loaded",
              log_u64("revocations", revocations_count(setup->revocations)));
    return true;
}

bool operators_open(struct operators *operators, const struct config *config, const struct operators_setup *setup,
                    char *error, size_t error_size)
{
    operators->store = store_open(config->state_dir, setup->log, error, error_size);
    if (operators->store == NULL || !load_revocations(operators, setup, error, error_size)) {
        return false;
    }
    const struct admin_setup admin = {
        .log = setup->log,
        .sessions = setup->sessions,
        .store = operators->store,
        .revocations = setup->revocations,
        .readiness = setup->readiness,
    };
    operators->admin = admin_start(config, &admin, error, error_size);
    return operators->admin != NULL;
}

void operators_close(struct operators *operators)
{
    admin_stop(&operators->admin);
    store_close(&operators->store);
}
