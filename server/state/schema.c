/*
 * schema - see schema.h. A version, once released, is never edited: what changes is a new one behind it.
 */
#include "server/state/schema.h"

#include <stdint.h>
#include <stdio.h>

/* "Ptcl": by it, and by the version, other programs and file(1) know whose database it is. */
#define APPLICATION_ID 0x5074636c

#define STRING_(x) #x
#define STRING(x)  STRING_(x)

/* Entry N makes version N + 1 of version N. Numbers of enums are kept as they are: they are never given another meaning. */
static const char *const migrations[] = {
    "PRAGMA application_id = " STRING(
        APPLICATION_ID) ";"
                        "CREATE TABLE revocation ("
                        "  id INTEGER PRIMARY KEY AUTOINCREMENT," /* never given twice: operators have noted it */
                        "  kind INTEGER NOT NULL,"                /* enum revocation_kind */
                        "  subject TEXT NOT NULL,"
                        "  before_s INTEGER NOT NULL,"
                        "  since_s INTEGER NOT NULL,"
                        "  until_s INTEGER NOT NULL,"
                        "  made_by TEXT NOT NULL,"
                        "  reason TEXT NOT NULL,"
                        "  UNIQUE (kind, subject, before_s)"
                        ") STRICT;"
                        "CREATE INDEX revocation_until ON revocation (until_s);",
};
#define VERSION ((int64_t)(sizeof(migrations) / sizeof(migrations[0])))

static bool read_number(sqlite3 *handle, const char *sql, int64_t *number_r)
{
    sqlite3_stmt *statement = NULL;
    bool good =
        sqlite3_prepare_v2(handle, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW;
    if (good) {
        *number_r = sqlite3_column_int64(statement, 0);
    }
    return sqlite3_finalize(statement) == SQLITE_OK && good;
}

static bool execute(sqlite3 *handle, const char *sql)
{
    return sqlite3_exec(handle, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static bool set_version(sqlite3 *handle, int64_t version)
{
    char sql[64];
    (void)snprintf(sql, sizeof(sql), "PRAGMA user_version = %lld", (long long)version);
    return execute(handle, sql);
}

/* The version is written by the transaction that makes it true. Where it fails, the caller closes the database, which undoes
 * what was begun, and finds the error as it is. */
static bool migrate(sqlite3 *handle, int64_t version)
{
    return execute(handle, "BEGIN IMMEDIATE") && execute(handle, migrations[version]) &&
           set_version(handle, version + 1) && execute(handle, "COMMIT");
}

bool schema_touch(sqlite3 *handle)
{
    return set_version(handle, VERSION);
}

enum schema_status schema_upgrade(sqlite3 *handle)
{
    int64_t id;
    int64_t version;
    int64_t objects;
    if (!read_number(handle, "PRAGMA application_id", &id) || !read_number(handle, "PRAGMA user_version", &version) ||
        !read_number(handle, "SELECT count(*) FROM sqlite_schema", &objects)) {
        return SCHEMA_FAILED;
    }
    bool empty = id == 0 && version == 0 && objects == 0;
    if (!empty && (id != APPLICATION_ID || version < 1)) {
        return SCHEMA_FOREIGN;
    }
    if (version > VERSION) {
        return SCHEMA_NEWER;
    }
    for (; version < VERSION; version++) {
        if (!migrate(handle, version)) {
            return SCHEMA_FAILED;
        }
    }
    return SCHEMA_OK;
}
