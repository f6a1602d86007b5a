/*
 * accept - the system calls around accept() on a public listener. Any thread.
 */
#ifndef PORTCULLIS_LOBBY_ACCEPT_H
#define PORTCULLIS_LOBBY_ACCEPT_H

#include <stdint.h>

#include "server/gate/address.h"

/* A new connection, non-blocking and close-on-exec, and where it is from. -1 with errno set. */
int accept_next(int listener, struct address *from_r, uint16_t *port_r);

/* Closes with a RST: nothing lingers, and the peer knows at once. */
void accept_reset(int fd);

/* Takes one connection by giving up the descriptor *spare for a moment, resets it, and gets the spare back. */
void accept_with_spare(int listener, int *spare);

#endif
