/*
 * users - who has which sessions, so that one user has no more of them than limits.user_sessions.
 *
 * A session that has an identity takes a seat with its user's name. Workers take seats, session loops take and leave them: a table in
 * shards, each under a lock of its own that is held for one look-up. Any thread.
 */
#ifndef PORTCULLIS_SESSION_USERS_H
#define PORTCULLIS_SESSION_USERS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "server/loop/list.h"

struct users;
struct users_entry;

/* A member of what it belongs to, which lives as long as there are references: its owner's, and that of whoever was told to end it.
 * All of it is for
 * users.c. */
struct users_seat {
    struct list link;          /* among the seats of the user, oldest first */
    struct users_entry *entry; /* NULL: not taken, or left */
    unsigned shard;            /* where the user is; stays once it is known */
    bool called;               /* told to make room: no longer counted */
    atomic_uint references;
};

enum users_status {
    USERS_OK,
    USERS_FULL,
    USERS_NO_MEMORY,
};

struct users *users_create(void); /* NULL without memory or random bytes */
/* No seat is taken any more. */
void users_destroy(struct users **users);

/* With one reference. */
void users_seat_init(struct users_seat *seat);
/* True when that was the last one. */
bool __attribute__((warn_unused_result)) users_seat_release(struct users_seat *seat);

/*
 * Takes a seat. `max`: how many of that user may be taken, 0: any number. Where that many are, the answer is USERS_FULL, or, with
 * `replace`, the oldest has to go: *oldest_r is that seat, with a reference of the caller's, who is to see to its end; it no longer
 * counts. NULL there: nobody has to go.
 */
enum users_status __attribute__((warn_unused_result))
users_take(struct users *users, struct users_seat *seat, const char *user, size_t max, bool replace,
           struct users_seat **oldest_r);
/* Does nothing with a seat that is not taken. */
void users_leave(struct users *users, struct users_seat *seat);

/* Seats of that user that count. */
size_t users_count(struct users *users, const char *user);

#endif
