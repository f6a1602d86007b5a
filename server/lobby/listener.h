/*
 * listener - opens the public listening sockets. Main thread, at start.
 */
#ifndef PORTCULLIS_LOBBY_LISTENER_H
#define PORTCULLIS_LOBBY_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/config/config.h"

/* Binds and listens; connections inherit TCP_NODELAY, keep-alive probes and a bound on unsent bytes. Returns the descriptor, or -1 and `error` says why. */
int listener_open(const struct config_listener *listener, char *error, size_t error_size);

/* Where it is bound, e.g. to learn which port 0 became. */
bool listener_address(int fd, struct address *address_r, uint16_t *port_r);

#endif
