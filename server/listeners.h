/*
 * listeners - the public listening sockets of a config: those that the service manager passed, the others opened. Main thread.
 */
#ifndef PORTCULLIS_LISTENERS_H
#define PORTCULLIS_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>

#include "logging/log.h"
#include "server/config/config.h"
#include "server/lobby/inherited.h"
#include "server/lobby/lobby.h"

/* Fills `listeners`, one a listener of the config, in its order; *inherited_r: whether one of them at least was passed. On failure
 * too, each descriptor that is not -1 is the caller's; `error` says why. */
__attribute__((warn_unused_result)) bool listeners_open(const struct config *config, struct inherited *inherited,
                                                        struct log *log, struct lobby_listener *listeners,
                                                        bool *inherited_r, char *error, size_t error_size);

/* What each of the lobby's is bound to, in the order of the config. */
void listeners_log(const struct lobby *lobby, struct log *log);

#endif
