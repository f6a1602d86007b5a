/*
 * key_sets - the key sets that a config names, as auth/jwks.h takes them. Main thread or that of a reload.
 */
#ifndef PORTCULLIS_KEY_SETS_H
#define PORTCULLIS_KEY_SETS_H

#include <stdbool.h>

#include "auth/jwks.h"
#include "logging/log.h"
#include "server/config/config.h"

/* Starts to fetch them. NULL without memory or a thread to be had; errno says which. */
struct jwks *key_sets_start(const struct config *config, struct log *log);
/* Takes those of a new config. False without memory: the old ones stay. */
__attribute__((warn_unused_result)) bool key_sets_configure(struct jwks *jwks, const struct config *config);

#endif
