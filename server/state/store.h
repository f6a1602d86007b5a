/*
 * store - the one SQLite database, in state_dir/portcullis.db, and the one thread that writes it (WAL, synchronous=FULL).
 *
 * Whoever changes something waits until it is on the disk: acknowledged means committed. A disk that hangs is waited for 10 s, and
 * not at all by those who come then. Changes that wait at the same time are committed together. Never called on a session loop or a lobby thread, which must not wait for a disk. The writer forgets by itself
 * what has been over for a day.
 */
#ifndef PORTCULLIS_STATE_STORE_H
#define PORTCULLIS_STATE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/revocations.h"
#include "logging/log.h"

enum store_status {
    STORE_OK,
    STORE_BROKEN,  /* the disk is full, the file is read-only, locked, corrupt...: store_state() says what */
    STORE_STOPPED, /* the server is stopping */
    STORE_BUSY,    /* as many changes wait as may */
    STORE_LATE,    /* the disk has not answered in time: it may be done or not, and may be asked for again */
    STORE_FULL,    /* as many rows as may be */
    STORE_NO_MEMORY,
};

struct store;

/* Opens or creates the database (mode 0600) in `state_dir` (made with mode 0700 where it is missing), checks it, brings its schema
 * up to date, and starts the thread. A database that cannot be read, is in use by another server or of a newer one is an error:
 * `error` says why and what to do. NULL then. Main thread, after privileges were dropped. */
struct store *store_open(const char *state_dir, struct log *log, char *error, size_t error_size);
/* Commits what is waiting and ends the thread. A disk that hangs for longer than 10 s is given up, with the thread and its memory.
 * Main thread. */
void store_close(struct store **store);

/* Reads all revocations that are not over into `revocations`. Main thread, at the start. */
__attribute__((warn_unused_result)) enum store_status store_load_revocations(struct store *store, int64_t now_s,
                                                                             struct revocations *revocations);

/* Waits until it is committed; `revocation->id` is ignored and *id_r written. One of the same kind, subject and time is replaced and
 * keeps its id. Any thread that may wait. */
__attribute__((warn_unused_result)) enum store_status
store_add_revocation(struct store *store, const struct revocation *revocation, uint64_t *id_r);
/* *found_r: whether there was one. */
__attribute__((warn_unused_result)) enum store_status store_remove_revocation(struct store *store, uint64_t id,
                                                                              bool *found_r);
/* Calls `each` for every one that is not over, in order of id, beginning behind `after`, `limit` at most; strings are valid during the
 * call. Any thread that may wait. */
__attribute__((warn_unused_result)) enum store_status
store_list_revocations(struct store *store, int64_t now_s, uint64_t after, size_t limit,
                       void (*each)(void *context, const struct revocation *revocation), void *context);

/* How it is. A store that is broken is tried again by the next change, and by the writer itself from time to time. */
struct store_state {
    bool healthy;
    char error[256];  /* of the last failure, "" when healthy */
    uint64_t commits; /* since the start */
    uint64_t failures;
    size_t waiting;    /* changes */
    int64_t file_size; /* bytes, with the WAL */
};
/* Any thread. */
void store_describe(struct store *store, struct store_state *state_r);

#endif
