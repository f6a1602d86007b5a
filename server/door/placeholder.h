/*
 * placeholder - the sockets civetweb believes to listen on, and what stands behind them.
 *
 * civetweb binds a placeholder (127.0.0.1:0) and calls listen() and accept() on it. Both calls are borrowed (borrow.c, linked
 * into the executable only): listen() notes the descriptor here instead of listening, and accept() asks here what to
 * return. Once civetweb's master thread starts, an eventfd is put in the place of the descriptor.
 */
#ifndef PORTCULLIS_DOOR_PLACEHOLDER_H
#define PORTCULLIS_DOOR_PLACEHOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "server/door/ready_ring.h"

#define PLACEHOLDER_MAX 2

/* The placeholders of one civetweb context, in the order of its listening_ports. */
struct placeholder_set {
    int fds[PLACEHOLDER_MAX];
    size_t count;
};

/* Until placeholder_note_end(), listen() on this thread notes into `set`. Around mg_start(). */
void placeholder_note_begin(struct placeholder_set *set);
void placeholder_note_end(void);

/* Puts `event_fd` over the placeholder. accept() on it pops `ring`; with ring NULL there is never anything to accept: such a one
 * only wakes the poll. False with errno set. civetweb's master thread. */
bool placeholder_attach(int fd, int event_fd, struct ready_ring *ring);
/* After the context has ended: until then accept() may be called on it. */
void placeholder_detach(int fd);

/* ---- for borrow.c ---- */

/* Whether listen() on this descriptor is to do nothing. */
bool placeholder_listen(int fd);

enum placeholder_kind {
    PLACEHOLDER_OTHER, /* not one of ours: an ordinary socket */
    PLACEHOLDER_EMPTY, /* nothing to accept now */
    PLACEHOLDER_ENTRY, /* *entry_r is to be accepted */
};
enum placeholder_kind placeholder_accept(int fd, struct ready_entry *entry_r);

/* How many probes (ring entries with fd -1) have come out of accept(); wraps. Any thread. */
unsigned placeholder_probes(void);

#endif
