/*
 * inherited - listening sockets that the service manager opened for us (LISTEN_FDS), until each has found its listener.
 *
 * Who starts a server with sockets wants those served: one that no listener of the config is for is an error, and so is
 * one that is no listening TCP socket. Main thread, at start.
 */
#ifndef PORTCULLIS_LOBBY_INHERITED_H
#define PORTCULLIS_LOBBY_INHERITED_H

#include <stdbool.h>
#include <stddef.h>

#include "server/config/config.h"

struct inherited;

/* Takes the sockets that the environment declares, and the declaration out of the environment; without one the set is empty.
 * Before anything else opens a descriptor: a number that is declared but was not passed must not turn out to be one of ours.
 * Returns owned, or NULL and `error` says why. */
struct inherited *inherited_create(char *error, size_t error_size);
/* Closes what nobody took. */
void inherited_destroy(struct inherited **inherited);

/* The socket that is bound to the address and port of `listener`; with `any` that is [::]:PORT, or else 0.0.0.0:PORT. It is the
 * caller's then. -1 when there is none. Port 0 is never matched: it asks for a free port. */
int inherited_take(struct inherited *inherited, const struct config_listener *listener);

/* Whether every socket was taken; if not, `error` names each that was not. */
bool inherited_all_taken(const struct inherited *inherited, char *error, size_t error_size);

#endif
