/*
 * hatch - what a lobby thread passes request heads to civetweb through: one way, and used again and again.
 *
 * It is a pair of sockets whose other end stays with the lobby, too: civetweb gets a duplicate of it, which it closes as it
 * would a connection. To make and to destroy a pair takes the kernel as long as all the rest of the hand-over. Nothing comes
 * back through it: whatever civetweb would write into it fails.
 *
 * Everything here is for the lobby thread that the set belongs to.
 */
#ifndef PORTCULLIS_LOBBY_HATCH_H
#define PORTCULLIS_LOBBY_HATCH_H

#include <stdbool.h>
#include <sys/uio.h>

#include "server/loop/loop.h"

/* Kept for the next ones: as many requests are at civetweb at a time on a busy day. */
#define HATCHES_KEPT 32

struct hatch {
    int in;  /* the lobby writes */
    int out; /* what civetweb gets duplicates of */
};

/* Those nobody uses at present. What was not needed for a second or two is closed. */
struct hatch_set {
    struct loop *loop;
    struct timer timer;
    struct hatch kept[HATCHES_KEPT];
    unsigned count;
    unsigned spare; /* the fewest there were since the timer was set */
};

/* Borrows the loop. */
void hatch_set_init(struct hatch_set *set, struct loop *loop);
/* Closes what is kept; before the loop is destroyed. */
void hatch_set_deinit(struct hatch_set *set);

/* One that was kept, or a new one. False with errno set. The caller's until it goes back or is closed. */
bool __attribute__((warn_unused_result)) hatch_take(struct hatch_set *set, struct hatch *hatch_r);
/* For the next one. Only when what was passed has been read. */
void hatch_return(struct hatch_set *set, struct hatch *hatch);
void hatch_close(struct hatch *hatch);

/* Passes the pieces as one record: one recv() with room for them gets all of them and nothing else. Returns the descriptor to get
 * them from, the caller's, or -1; then the hatch is of no more use. */
int __attribute__((warn_unused_result)) hatch_pass(const struct hatch *hatch, struct iovec *pieces, int count);

#endif
