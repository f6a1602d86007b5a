/*
 * revocation_rows - statements on the table of revocations, and the calls of store.h that are about it. Functions named store_*
 * are called by any thread that may wait; what they hand to store_do(), and revocation_rows_*, run on the writer's thread.
 */
#include "server/state/revocation_rows.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "server/state/store.h"
#include "server/state/store_work.h"

#define COUNT_UNKNOWN (-1)

enum statement { ADD, REMOVE, LIST, COUNT, FIND, EXPIRE, STATEMENT_COUNT };

#define COLUMNS "id, kind, subject, before_s, since_s, until_s, made_by, reason"

static const char *const statement_sql[STATEMENT_COUNT] = {
    [ADD] = "INSERT INTO revocation (kind, subject, before_s, since_s, until_s, made_by, reason)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
            " ON CONFLICT (kind, subject, before_s) DO UPDATE SET since_s = excluded.since_s,"
            " until_s = max(until_s, excluded.until_s)," /* the config may have been another one */
            " made_by = excluded.made_by, reason = excluded.reason"
            " RETURNING id",
    [REMOVE] = "DELETE FROM revocation WHERE id = ?1",
    [LIST] = "SELECT " COLUMNS " FROM revocation WHERE id > ?1 AND until_s > ?2 AND kind IN (0, 1, 2)"
             " ORDER BY id LIMIT ?3",
    [COUNT] = "SELECT count(*) FROM revocation",
    [FIND] = "SELECT id FROM revocation WHERE kind = ?1 AND subject = ?2 AND before_s = ?3",
    [EXPIRE] = "DELETE FROM revocation WHERE id IN (SELECT id FROM revocation WHERE until_s <= ?1 LIMIT ?2)",
};

struct revocation_rows {
    struct database *database;
    int64_t count; /* of rows, or COUNT_UNKNOWN: counting a million takes too long to do it each time */
    sqlite3_stmt *statements[STATEMENT_COUNT];
};

struct revocation_rows *revocation_rows_create(struct database *database)
{
    struct revocation_rows *rows = calloc(1, sizeof(*rows));
    if (rows == NULL) {
        return NULL;
    }
    rows->database = database;
    rows->count = COUNT_UNKNOWN;
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        rows->statements[i] = database_prepare(database, statement_sql[i]);
        if (rows->statements[i] == NULL) {
            revocation_rows_destroy(&rows);
            return NULL;
        }
    }
    return rows;
}

void revocation_rows_destroy(struct revocation_rows **rows_pointer)
{
    struct revocation_rows *rows = *rows_pointer;
    if (rows == NULL) {
        return;
    }
    *rows_pointer = NULL;
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        (void)sqlite3_finalize(rows->statements[i]);
    }
    free(rows);
}

void revocation_rows_forget(struct revocation_rows *rows)
{
    rows->count = COUNT_UNKNOWN;
}

/* -- statements -------------------------------------------------------------------------------------------------- */

static bool bind_text(sqlite3_stmt *statement, int at, const char *text)
{
    return sqlite3_bind_text64(statement, at, text, strlen(text), SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK;
}

/* "Meaningless", which must not make two of one. */
static int64_t before_of(const struct revocation *revocation)
{
    return revocation->kind == REVOCATION_TOKEN ? 0 : revocation->before_s;
}

static bool bind_identity(sqlite3_stmt *statement, const struct revocation *revocation)
{
    return sqlite3_bind_int(statement, 1, (int)revocation->kind) == SQLITE_OK &&
           bind_text(statement, 2, revocation->subject) &&
           sqlite3_bind_int64(statement, 3, before_of(revocation)) == SQLITE_OK;
}

static bool bind_all(sqlite3_stmt *statement, const struct revocation *revocation)
{
    return bind_identity(statement, revocation) && sqlite3_bind_int64(statement, 4, revocation->since_s) == SQLITE_OK &&
           sqlite3_bind_int64(statement, 5, revocation->until_s) == SQLITE_OK &&
           bind_text(statement, 6, revocation->by) && bind_text(statement, 7, revocation->reason);
}

/* Ready for the next time, and without pointers into what its caller is about to free. */
static void put_back(sqlite3_stmt *statement)
{
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
}

/* Runs a statement that gives one number, or none. */
static bool step_number(struct revocation_rows *rows, enum statement which, bool *found_r, int64_t *number_r)
{
    sqlite3_stmt *statement = rows->statements[which];
    int result = database_step(rows->database, statement);
    *found_r = result == SQLITE_ROW;
    if (result == SQLITE_ROW) {
        *number_r = sqlite3_column_int64(statement, 0);
        result = database_step(rows->database, statement);
    }
    put_back(statement);
    return result == SQLITE_DONE;
}

static bool step_change(struct revocation_rows *rows, enum statement which, size_t *changed_r)
{
    sqlite3_stmt *statement = rows->statements[which];
    int result = database_step(rows->database, statement);
    int changed = sqlite3_changes(sqlite3_db_handle(statement));
    put_back(statement);
    if (result == SQLITE_DONE) {
        *changed_r = (size_t)changed;
        rows->count -= rows->count == COUNT_UNKNOWN ? 0 : changed;
    }
    return result == SQLITE_DONE;
}

bool revocation_rows_expire(struct revocation_rows *rows, int64_t now_s, size_t limit, size_t *count_r)
{
    sqlite3_stmt *statement = rows->statements[EXPIRE];
    return sqlite3_bind_int64(statement, 1, now_s) == SQLITE_OK &&
           sqlite3_bind_int64(statement, 2, (int64_t)limit) == SQLITE_OK && step_change(rows, EXPIRE, count_r);
}

/* -- copies: of work that nobody waits for any more, and of what is read for others ------------------------------- */

static const char *copy_text(char **room, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*room, text, size);
    *room += size;
    return copy;
}

static size_t texts_size(const struct revocation *revocation)
{
    return strlen(revocation->subject) + strlen(revocation->by) + strlen(revocation->reason) + 3;
}

/* `room` is of texts_size(). */
static void copy_revocation(struct revocation *copy, char *room, const struct revocation *revocation)
{
    *copy = *revocation;
    copy->subject = copy_text(&room, revocation->subject);
    copy->by = copy_text(&room, revocation->by);
    copy->reason = copy_text(&room, revocation->reason);
}

static void discard_flat(struct store_work *work)
{
    free(work);
}

/* -- add --------------------------------------------------------------------------------------------------------- */

struct add_work {
    struct store_work work;
    struct revocation revocation;
    uint64_t id;
    char text[];
};

static bool count_rows(struct revocation_rows *rows)
{
    bool found;
    return rows->count != COUNT_UNKNOWN || step_number(rows, COUNT, &found, &rows->count);
}

/* Whether one more fits, after those that are over have gone. */
static enum store_status make_room(struct revocation_rows *rows, int64_t now_s)
{
    size_t expired;
    if (!count_rows(rows)) {
        return STORE_BROKEN;
    }
    if (rows->count >= REVOCATIONS_MAX && !revocation_rows_expire(rows, now_s, REVOCATIONS_MAX, &expired)) {
        return STORE_BROKEN;
    }
    return rows->count >= REVOCATIONS_MAX ? STORE_FULL : STORE_OK;
}

static enum store_status run_add(struct store_work *work, struct store_rows *store_rows)
{
    struct add_work *add = (struct add_work *)(void *)work;
    struct revocation_rows *rows = store_rows->revocations;
    bool replaces;
    bool found;
    int64_t id = 0;
    if (!bind_identity(rows->statements[FIND], &add->revocation) || !step_number(rows, FIND, &replaces, &id)) {
        return STORE_BROKEN;
    }
    enum store_status status = replaces ? STORE_OK : make_room(rows, add->revocation.since_s);
    if (status != STORE_OK) {
        return status;
    }
    if (!bind_all(rows->statements[ADD], &add->revocation) || !step_number(rows, ADD, &found, &id) || !found) {
        return STORE_BROKEN;
    }
    rows->count += replaces || rows->count == COUNT_UNKNOWN ? 0 : 1;
    add->id = (uint64_t)id;
    return STORE_OK;
}

enum store_status store_add_revocation(struct store *store, const struct revocation *revocation, uint64_t *id_r)
{
    assert(strlen(revocation->subject) <= REVOCATION_SUBJECT_MAX);
    assert(strlen(revocation->reason) <= REVOCATION_REASON_MAX);
    struct add_work *add = malloc(sizeof(*add) + texts_size(revocation));
    if (add == NULL) {
        return STORE_NO_MEMORY;
    }
    add->work = (struct store_work){.run = run_add, .writes = true, .discard = discard_flat};
    copy_revocation(&add->revocation, add->text, revocation);
    enum store_status status = store_do(store, &add->work);
    if (status == STORE_OK) {
        *id_r = add->id;
    }
    if (status != STORE_LATE) {
        free(add);
    }
    return status;
}

/* -- remove ------------------------------------------------------------------------------------------------------ */

struct remove_work {
    struct store_work work;
    uint64_t id;
    size_t removed;
};

static enum store_status run_remove(struct store_work *work, struct store_rows *store_rows)
{
    struct remove_work *remove = (struct remove_work *)(void *)work;
    struct revocation_rows *rows = store_rows->revocations;
    return sqlite3_bind_int64(rows->statements[REMOVE], 1, (int64_t)remove->id) == SQLITE_OK &&
                   step_change(rows, REMOVE, &remove->removed)
               ? STORE_OK
               : STORE_BROKEN;
}

enum store_status store_remove_revocation(struct store *store, uint64_t id, bool *found_r)
{
    if (id == 0 || id > INT64_MAX) { /* never given */
        *found_r = false;
        return STORE_OK;
    }
    struct remove_work *remove = malloc(sizeof(*remove));
    if (remove == NULL) {
        return STORE_NO_MEMORY;
    }
    *remove = (struct remove_work){.work = {.run = run_remove, .writes = true, .discard = discard_flat}, .id = id};
    enum store_status status = store_do(store, &remove->work);
    if (status == STORE_OK) {
        *found_r = remove->removed > 0;
    }
    if (status != STORE_LATE) {
        free(remove);
    }
    return status;
}

/* -- list and load ----------------------------------------------------------------------------------------------- */

_Static_assert(REVOCATION_USER == 0 && REVOCATION_TOKEN == 1 && REVOCATION_ISSUED_BEFORE == 2, "as they are in files");

/* The table takes no NULL: a text that is not there did not fit into memory. */
static bool read_row(sqlite3_stmt *statement, struct revocation *revocation)
{
    *revocation = (struct revocation){
        .id = (uint64_t)sqlite3_column_int64(statement, 0),
        .kind = (enum revocation_kind)sqlite3_column_int(statement, 1),
        .subject = (const char *)sqlite3_column_text(statement, 2),
        .before_s = sqlite3_column_int64(statement, 3),
        .since_s = sqlite3_column_int64(statement, 4),
        .until_s = sqlite3_column_int64(statement, 5),
        .by = (const char *)sqlite3_column_text(statement, 6),
        .reason = (const char *)sqlite3_column_text(statement, 7),
    };
    return revocation->subject != NULL && revocation->by != NULL && revocation->reason != NULL;
}

/* Steps through all behind `after`. `take` says how it went with one: anything but STORE_OK ends it. */
static enum store_status each_row(struct revocation_rows *rows, uint64_t after, int64_t now_s, size_t limit,
                                  enum store_status (*take)(void *context, const struct revocation *revocation),
                                  void *context)
{
    sqlite3_stmt *statement = rows->statements[LIST];
    enum store_status status = STORE_OK;
    int result = SQLITE_ERROR;
    if (sqlite3_bind_int64(statement, 1, after > INT64_MAX ? INT64_MAX : (int64_t)after) == SQLITE_OK &&
        sqlite3_bind_int64(statement, 2, now_s) == SQLITE_OK &&
        sqlite3_bind_int64(statement, 3, limit > INT64_MAX ? INT64_MAX : (int64_t)limit) == SQLITE_OK) {
        while (status == STORE_OK && (result = database_step(rows->database, statement)) == SQLITE_ROW) {
            struct revocation revocation;
            status = read_row(statement, &revocation) ? take(context, &revocation) : STORE_NO_MEMORY;
        }
    }
    put_back(statement);
    return status == STORE_OK && result != SQLITE_DONE ? STORE_BROKEN : status;
}

/* Copied, so that the writer goes on while a caller does with a page what takes him long. */
struct page_row {
    struct page_row *next;
    struct revocation revocation;
    char text[];
};

struct list_work {
    struct store_work work;
    uint64_t after;
    int64_t now_s;
    size_t limit;
    struct page_row *first;
    struct page_row **end;
};

static enum store_status copy_row(void *context, const struct revocation *revocation)
{
    struct list_work *list = context;
    struct page_row *row = malloc(sizeof(*row) + texts_size(revocation));
    if (row == NULL) {
        return STORE_NO_MEMORY;
    }
    row->next = NULL;
    copy_revocation(&row->revocation, row->text, revocation);
    *list->end = row;
    list->end = &row->next;
    return STORE_OK;
}

static enum store_status run_list(struct store_work *work, struct store_rows *rows)
{
    struct list_work *list = (struct list_work *)(void *)work;
    return each_row(rows->revocations, list->after, list->now_s, list->limit, copy_row, list);
}

static void discard_list(struct store_work *work)
{
    struct list_work *list = (struct list_work *)(void *)work;
    while (list->first != NULL) {
        struct page_row *row = list->first;
        list->first = row->next;
        free(row);
    }
    free(list);
}

enum store_status store_list_revocations(struct store *store, int64_t now_s, uint64_t after, size_t limit,
                                         void (*each)(void *context, const struct revocation *revocation),
                                         void *context)
{
    struct list_work *list = malloc(sizeof(*list));
    if (list == NULL) {
        return STORE_NO_MEMORY;
    }
    *list = (struct list_work){
        .work = {.run = run_list, .discard = discard_list}, .after = after, .now_s = now_s, .limit = limit};
    list->end = &list->first;
    enum store_status status = store_do(store, &list->work);
    if (status == STORE_LATE) {
        return status;
    }
    for (const struct page_row *row = list->first; row != NULL && status == STORE_OK; row = row->next) {
        each(context, &row->revocation);
    }
    discard_list(&list->work);
    return status;
}

struct load_work {
    struct store_work work;
    int64_t now_s;
    struct revocations *revocations;
};

static enum store_status load_row(void *context, const struct revocation *revocation)
{
    struct load_work *load = context;
    switch (revocations_add(load->revocations, revocation)) {
    case REVOCATION_OK:
        return STORE_OK;
    case REVOCATION_FULL:
        return STORE_FULL;
    case REVOCATION_NO_MEMORY:
        break;
    }
    return STORE_NO_MEMORY;
}

static enum store_status run_load(struct store_work *work, struct store_rows *rows)
{
    struct load_work *load = (struct load_work *)(void *)work;
    return each_row(rows->revocations, 0, load->now_s, SIZE_MAX, load_row, load);
}

enum store_status store_load_revocations(struct store *store, int64_t now_s, struct revocations *revocations)
{
    struct load_work load = {.work = {.run = run_load}, .now_s = now_s, .revocations = revocations};
    return store_do(store, &load.work);
}
