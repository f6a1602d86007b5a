/*
 * revocation_rows - the table of revocations. What callers of the store see of it is in store.h; this is the writer's side.
 */
#ifndef PORTCULLIS_STATE_REVOCATION_ROWS_H
#define PORTCULLIS_STATE_REVOCATION_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/state/database.h"

struct revocation_rows;

/* NULL: no memory, or the table is not there. */
struct revocation_rows *revocation_rows_create(struct database *database);
void revocation_rows_destroy(struct revocation_rows **rows);

/* In a transaction: forgets those whose time was over at `now_s`, `limit` at most. False: the database failed. */
__attribute__((warn_unused_result)) bool revocation_rows_expire(struct revocation_rows *rows, int64_t now_s,
                                                                size_t limit, size_t *count_r);
/* Something was rolled back: what is known of the table may be wrong. */
void revocation_rows_forget(struct revocation_rows *rows);

#endif
