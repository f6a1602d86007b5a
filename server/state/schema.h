/*
 * schema - what the tables of the database look like, and how those of older versions become today's. The writer's thread, or
 * the main one before there is a writer.
 */
#ifndef PORTCULLIS_STATE_SCHEMA_H
#define PORTCULLIS_STATE_SCHEMA_H

#include <stdbool.h>

#include <sqlite3.h>

enum schema_status {
    SCHEMA_OK,
    SCHEMA_FOREIGN, /* another program's database */
    SCHEMA_NEWER,   /* made by a later version of this program */
    SCHEMA_FAILED,  /* sqlite3_errmsg() says why */
};

/* Makes or upgrades the tables, each version in a transaction of its own. */
__attribute__((warn_unused_result)) enum schema_status schema_upgrade(sqlite3 *handle);
/* Writes the version that the database has: a change that changes nothing. */
__attribute__((warn_unused_result)) bool schema_touch(sqlite3 *handle);

#endif
