/*
 * listener - opens the public listening sockets, or makes inherited ones ready. Main thread, at start.
 */
#ifndef PORTCULLIS_LOBBY_LISTENER_H
#define PORTCULLIS_LOBBY_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/config/config.h"

/* Binds and listens; connections inherit TCP_NODELAY, keep-alive probes and a bound on unsent bytes. Returns the descriptor, or -1 and `error` says why. */
int listener_open(const struct config_listener *listener, char *error, size_t error_size);

/* Gives a listening TCP socket that somebody else opened the same options, as far as they can be changed after bind(): backlog
 * and IPV6_V6ONLY stay what they are. Connections that already waited on it do not have the options. The descriptor stays the
 * caller's; false: `error` says why. An inherited socket is shared with who opened it: close() it, never shutdown() it. */
bool listener_adopt(int fd, const struct config_listener *listener, char *error, size_t error_size);

/* Where it is bound, e.g. to learn which port 0 became. */
bool listener_address(int fd, struct address *address_r, uint16_t *port_r);

#endif
