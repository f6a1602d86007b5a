/*
 * database - the SQLite file: where it is, who may have it open, how it is opened and checked, its transactions.
 *
 * One server has it at a time: the folder is locked (flock) as long as it is open, and given free by the kernel when the process
 * ends in whatever way. Other programs may read it meanwhile, or copy it (`sqlite3 portcullis.db .backup`).
 *
 * One thread at a time: main opens it, then it is the writer's.
 */
#ifndef PORTCULLIS_STATE_DATABASE_H
#define PORTCULLIS_STATE_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

struct database;

/* Makes the folder (mode 0700) and the file (0600) where they are missing. NULL: `error` says why and what to do. */
struct database *database_open(const char *folder, char *error, size_t error_size);
/* All statements have been finalized. What was begun and not committed is undone. */
void database_close(struct database **database);

/* Returns owned, for as long as the database is open: sqlite3_finalize(). NULL: no memory, or no such table. */
sqlite3_stmt *database_prepare(struct database *database, const char *sql);
/* sqlite3_step(), its error kept. SQLITE_ROW, SQLITE_DONE or an error. */
__attribute__((warn_unused_result)) int database_step(struct database *database, sqlite3_stmt *statement);

/* A transaction. `write`: it will change something, so others' changes are waited for (briefly) here and not in its middle. */
__attribute__((warn_unused_result)) bool database_begin(struct database *database, bool write);
/* True: what was changed is on the disk. False: nothing of it is, and the transaction is over. */
__attribute__((warn_unused_result)) bool database_commit(struct database *database);
void database_roll_back(struct database *database);

/* A part of a transaction that can be undone alone. False: the whole transaction can only be rolled back. */
__attribute__((warn_unused_result)) bool database_begin_part(struct database *database);
__attribute__((warn_unused_result)) bool database_end_part(struct database *database, bool keep);

/* Writes something that changes nothing, to see whether it can. */
__attribute__((warn_unused_result)) bool database_probe(struct database *database);

/* Why the last call that failed did. Valid until the next call. */
const char *database_error(const struct database *database);
/* Bytes on the disk, with the write-ahead log. Any thread. */
int64_t database_size(const struct database *database);

#endif
