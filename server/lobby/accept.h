/*
 * accept - the system calls around accept() on a listener. Any thread.
 */
#ifndef PORTCULLIS_LOBBY_ACCEPT_H
#define PORTCULLIS_LOBBY_ACCEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "server/gate/address.h"

/* A new connection, non-blocking and close-on-exec, and where it is from. -1 with errno set; EMFILE also when the connection took the
 * last descriptor there was, so that it had to be reset for the spare one's sake. */
int accept_next(int listener, struct address *from_r, uint16_t *port_r);

/* Closes with a RST: nothing lingers, and the peer knows at once. */
void accept_reset(int fd);

/* Opens the process's spare descriptor, which accept_with_spare() needs, unless it is there. False when there is none to be had. */
bool accept_reserve(void);

/* When there are no descriptors left: takes one connection by giving up the spare one for a moment, and resets it. False when there
 * was no spare, or it could not be had back: the caller must then leave the listener alone for a while. */
bool accept_with_spare(int listener);

#endif
