/*
 * store_work - how the modules of one kind of rows (revocation_rows.c) get their work done by the store's thread (store.c).
 *
 * Work belongs to whoever waits for it, and to the store once he has stopped waiting. Its function is called by the writer in a
 * transaction that it shares with other work; it touches nothing but its rows and its own struct.
 */
#ifndef PORTCULLIS_STATE_STORE_WORK_H
#define PORTCULLIS_STATE_STORE_WORK_H

#include <stdbool.h>

#include "server/state/store.h"

struct database;
struct revocation_rows;

/* All kinds of rows. The writer's. */
struct store_rows {
    struct database *database;
    struct revocation_rows *revocations;
};

struct store_work {
    /* STORE_OK: what it did is kept. Anything else: it is undone, and the caller gets that. */
    enum store_status (*run)(struct store_work *work, struct store_rows *rows);
    bool writes;
    /* Frees it and all that it has. NULL: it is on a stack, and waited for as long as it takes. */
    void (*discard)(struct store_work *work);
    /* The store's. */
    bool taken; /* by the writer */
    bool done;
    bool abandoned;
    enum store_status status;
    struct store_work *next;
};

/* Has it done and waits for it. STORE_OK: it is on the disk. STORE_LATE: the work is the store's now. Any thread that may wait. */
__attribute__((warn_unused_result)) enum store_status store_do(struct store *store, struct store_work *work);

#endif
