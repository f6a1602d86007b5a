/*
 * database - see database.h.
 */
#define _DEFAULT_SOURCE /* flock */
#include "server/state/database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/state/schema.h"

#define FILE_NAME "portcullis.db"
/* A backup or an operator's shell that writes is waited for so long. */
#define BUSY_TIMEOUT_MS 2000

/* What is executed again and again without parameters. */
enum plain { BEGIN_READ, BEGIN_WRITE, COMMIT, ROLL_BACK, BEGIN_PART, KEEP_PART, UNDO_PART, PLAIN_COUNT };

static const char *const plain_sql[PLAIN_COUNT] = {
    [BEGIN_READ] = "BEGIN",           [BEGIN_WRITE] = "BEGIN IMMEDIATE", [COMMIT] = "COMMIT",
    [ROLL_BACK] = "ROLLBACK",         [BEGIN_PART] = "SAVEPOINT part",   [KEEP_PART] = "RELEASE part",
    [UNDO_PART] = "ROLLBACK TO part",
};

struct database {
    sqlite3 *handle;
    int folder_fd; /* holds the lock */
    char error[192];
    char *path;
    char *wal_path;
    sqlite3_stmt *plain[PLAIN_COUNT];
};

/* -- files ------------------------------------------------------------------------------------------------------- */

static char *join(const char *folder, const char *name)
{
    size_t size = strlen(folder) + 1 + strlen(name) + 1;
    char *path = malloc(size);
    if (path != NULL) {
        (void)snprintf(path, size, "%s/%s", folder, name);
    }
    return path;
}

static bool refuse(char *error, size_t error_size, const char *path, const char *why)
{
    (void)snprintf(error, error_size, "%s: %s", path, why);
    return false;
}

/* A new name in a folder is on the disk when the folder is. */
static bool sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = fd >= 0 && fsync(fd) == 0;
    int saved = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = saved;
    return good;
}

static bool make_folder(const char *folder)
{
    if (mkdir(folder, S_IRWXU) != 0) {
        return errno == EEXIST;
    }
    char *parent = join(folder, "..");
    bool good = parent != NULL && sync_folder(parent);
    free(parent);
    return good;
}

static bool lock_folder(struct database *database, const char *folder, char *error, size_t error_size)
{
    struct stat info;
    if (!make_folder(folder)) {
        return refuse(error, error_size, folder, strerror(errno));
    }
    database->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (database->folder_fd < 0 || fstat(database->folder_fd, &info) != 0) {
        return refuse(error, error_size, folder, strerror(errno));
    }
    if ((info.st_mode & S_IWOTH) != 0) {
        return refuse(error, error_size, folder, "everybody may write to it (chmod o-w)");
    }
    if (flock(database->folder_fd, LOCK_EX | LOCK_NB) != 0) {
        return refuse(error, error_size, folder,
                      errno == EWOULDBLOCK
                          ? "another server uses it: stop that one, or give this one a state_dir of its own"
                          : strerror(errno));
    }
    return true;
}

/* Before SQLite opens the file, not while it has it open: its locks would go with our descriptor. The modes of the files that
 * SQLite makes beside it follow this one's. */
static bool make_file(struct database *database, char *error, size_t error_size)
{
    const char *path = database->path;
    struct stat info;
    int fd = openat(database->folder_fd, FILE_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
                    S_IRUSR | S_IWUSR);
    if (fd < 0 || fstat(fd, &info) != 0 || fsync(database->folder_fd) != 0) {
        (void)refuse(error, error_size, path,
                     errno == ELOOP ? "is a symbolic link; move what it points to here" : strerror(errno));
        goto failed;
    }
    if (!S_ISREG(info.st_mode)) {
        (void)refuse(error, error_size, path, "is not a regular file");
        goto failed;
    }
    if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        (void)refuse(error, error_size, path, "is open to group or others (chmod 600)");
        goto failed;
    }
    return close(fd) == 0;

failed:
    if (fd >= 0) {
        close(fd);
    }
    return false;
}

/* -- SQLite ------------------------------------------------------------------------------------------------------ */

/* How to go on is in the text, for whoever reads it has a server that does not start. */
static bool refuse_damage(const struct database *database, const char *what, char *error, size_t error_size)
{
    (void)snprintf(
        error, error_size,
        "%s: %s; put a backup in its place, or move it away (with its -wal and -shm) to start with an empty one",
        database->path, what);
    return false;
}

/* What SQLite says of its last call, kept: the next call, which may be the one that cleans up, changes it. */
static void note_error(struct database *database)
{
    int code = sqlite3_errcode(database->handle);
    int system_error = sqlite3_system_errno(database->handle);
    const char *text = sqlite3_errmsg(database->handle);
    if ((code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && system_error != 0) {
        (void)snprintf(database->error, sizeof(database->error), "%s: %s", text, strerror(system_error));
    } else {
        (void)snprintf(database->error, sizeof(database->error), "%s", text);
    }
}

static bool refuse_sqlite(struct database *database, char *error, size_t error_size)
{
    int code = sqlite3_errcode(database->handle);
    note_error(database);
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? refuse_damage(database, database->error, error, error_size)
                                                           : refuse(error, error_size, database->path, database->error);
}

static bool configure(sqlite3 *handle)
{
    /* FULL: a commit is on the disk before it is acknowledged. The schema in the file is data, not code to be trusted. */
    static const char pragmas[] = "PRAGMA journal_mode = WAL;"
                                  "PRAGMA synchronous = FULL;"
                                  "PRAGMA trusted_schema = OFF;"
                                  "PRAGMA cell_size_check = ON;"
                                  "PRAGMA mmap_size = 0;"
                                  "PRAGMA journal_size_limit = 4194304;";
    return sqlite3_busy_timeout(handle, BUSY_TIMEOUT_MS) == SQLITE_OK &&
           sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL) == SQLITE_OK &&
           sqlite3_exec(handle, pragmas, NULL, NULL, NULL) == SQLITE_OK;
}

/* quick_check reads every page; whether each index agrees with its table is left out, which takes many times as long. */
static bool check_integrity(struct database *database, char *error, size_t error_size)
{
    char what[128] = "";
    sqlite3_stmt *statement = database_prepare(database, "PRAGMA quick_check(1)");
    bool answered = statement != NULL && sqlite3_step(statement) == SQLITE_ROW;
    if (answered) {
        (void)snprintf(what, sizeof(what), "is damaged (%s)", (const char *)sqlite3_column_text(statement, 0));
    } else {
        (void)refuse_sqlite(database, error, error_size);
    }
    (void)sqlite3_finalize(statement);
    if (answered && strcmp(what, "is damaged (ok)") != 0) {
        return refuse_damage(database, what, error, error_size);
    }
    return answered;
}

static bool upgrade(struct database *database, char *error, size_t error_size)
{
    switch (schema_upgrade(database->handle)) {
    case SCHEMA_OK:
        return true;
    case SCHEMA_FOREIGN:
        return refuse(error, error_size, database->path, "is the database of another program; move it away");
    case SCHEMA_NEWER:
        return refuse(error, error_size, database->path,
                      "was written by a newer version of this server; run that version, or put a backup in its place");
    case SCHEMA_FAILED:
        break;
    }
    return refuse_sqlite(database, error, error_size);
}

static bool open_file(struct database *database, char *error, size_t error_size)
{
    /* Never created here: it would get other permissions. */
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
    if (sqlite3_open_v2(database->path, &database->handle, flags, NULL) != SQLITE_OK) {
        return database->handle != NULL ? refuse_sqlite(database, error, error_size)
                                        : refuse(error, error_size, database->path, strerror(ENOMEM));
    }
    if (!configure(database->handle)) {
        return refuse_sqlite(database, error, error_size);
    }
    if (!check_integrity(database, error, error_size) || !upgrade(database, error, error_size)) {
        return false;
    }
    for (size_t i = 0; i < PLAIN_COUNT; i++) {
        database->plain[i] = database_prepare(database, plain_sql[i]);
        if (database->plain[i] == NULL) {
            return refuse_sqlite(database, error, error_size);
        }
    }
    return true;
}

struct database *database_open(const char *folder, char *error, size_t error_size)
{
    struct database *database = calloc(1, sizeof(*database));
    if (database == NULL) {
        (void)refuse(error, error_size, folder, strerror(ENOMEM));
        return NULL;
    }
    database->folder_fd = -1;
    database->path = join(folder, FILE_NAME);
    database->wal_path = join(folder, FILE_NAME "-wal");
    if (database->path == NULL || database->wal_path == NULL) {
        (void)refuse(error, error_size, folder, strerror(ENOMEM));
        database_close(&database);
    } else if (!lock_folder(database, folder, error, error_size) || !make_file(database, error, error_size) ||
               !open_file(database, error, error_size)) {
        database_close(&database);
    }
    return database;
}

void database_close(struct database **database_pointer)
{
    struct database *database = *database_pointer;
    if (database == NULL) {
        return;
    }
    *database_pointer = NULL;
    for (size_t i = 0; i < PLAIN_COUNT; i++) {
        (void)sqlite3_finalize(database->plain[i]);
    }
    (void)sqlite3_close(database->handle);
    if (database->folder_fd >= 0) {
        close(database->folder_fd); /* after SQLite: the next server must not begin while this one ends */
    }
    free(database->wal_path);
    free(database->path);
    free(database);
}

sqlite3_stmt *database_prepare(struct database *database, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    (void)sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
    return statement;
}

/* -- transactions ------------------------------------------------------------------------------------------------ */

int database_step(struct database *database, sqlite3_stmt *statement)
{
    int result = sqlite3_step(statement);
    if (result != SQLITE_ROW && result != SQLITE_DONE) {
        note_error(database);
    }
    return result;
}

static bool run_plain(struct database *database, enum plain plain)
{
    int result = database_step(database, database->plain[plain]);
    (void)sqlite3_reset(database->plain[plain]);
    return result == SQLITE_DONE;
}

/* SQLite goes on with an open file that has been deleted or replaced: everything would be "on the disk", and gone. */
static bool in_place(struct database *database)
{
    int moved = 0;
    int result = sqlite3_file_control(database->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    if (result == SQLITE_OK && moved == 0) {
        return true;
    }
    (void)snprintf(database->error, sizeof(database->error),
                   "the file has been deleted or replaced; restart the server");
    return false;
}

bool database_begin(struct database *database, bool write)
{
    return write ? in_place(database) && run_plain(database, BEGIN_WRITE) : run_plain(database, BEGIN_READ);
}

bool database_commit(struct database *database)
{
    if (in_place(database) && run_plain(database, COMMIT)) {
        return true;
    }
    database_roll_back(database);
    return false;
}

void database_roll_back(struct database *database)
{
    /* A full disk and its like have ended the transaction already. */
    if (sqlite3_get_autocommit(database->handle) == 0) {
        (void)sqlite3_step(database->plain[ROLL_BACK]);
        (void)sqlite3_reset(database->plain[ROLL_BACK]);
    }
}

bool database_begin_part(struct database *database)
{
    return run_plain(database, BEGIN_PART);
}

bool database_end_part(struct database *database, bool keep)
{
    return sqlite3_get_autocommit(database->handle) == 0 && (keep || run_plain(database, UNDO_PART)) &&
           run_plain(database, KEEP_PART);
}

bool database_probe(struct database *database)
{
    if (!database_begin(database, true)) {
        return false;
    }
    if (!schema_touch(database->handle)) {
        note_error(database);
        database_roll_back(database);
        return false;
    }
    return database_commit(database);
}

const char *database_error(const struct database *database)
{
    return database->error;
}

int64_t database_size(const struct database *database)
{
    const char *const paths[] = {database->path, database->wal_path};
    int64_t size = 0;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct stat info;
        size += stat(paths[i], &info) == 0 ? (int64_t)info.st_size : 0;
    }
    return size;
}
