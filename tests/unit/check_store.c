/*
 * check_store - what is acknowledged is on the disk and comes back; files that cannot be used are refused with a reason.
 */
#define _DEFAULT_SOURCE /* setgroups */
#include "server/state/store.h"

#include <check.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "sqlite_shell.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define NOW             INT64_C(1000000)
#define STATE           "state"
#define FILE_PATH       STATE "/portcullis.db"

static char folder[] = "/tmp/check-store-XXXXXX";
static struct store *store;
static char error[512];

static void enter_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void remove_folder(void)
{
    store_close(&store);
    (void)chmod(STATE, S_IRWXU);
    static const char *const names[] = {FILE_PATH, FILE_PATH "-wal", FILE_PATH "-shm", "moved", STATE};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        (void)remove(names[i]);
    }
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void open_store(void)
{
    error[0] = '\0';
    store = store_open(STATE, NULL, error, sizeof(error));
    ck_assert_msg(store != NULL, "%s", error);
}

static void reopen_store(void)
{
    store_close(&store);
    open_store();
}

static void assert_refused(const char *reason)
{
    store = store_open(STATE, NULL, error, sizeof(error));
    ck_assert_ptr_null(store);
    ck_assert_msg(strstr(error, reason) != NULL, "\"%s\" says nothing of \"%s\"", error, reason);
}

static enum store_status add(enum revocation_kind kind, const char *subject, int64_t before_s, uint64_t *id_r)
{
    const struct revocation revocation = {.kind = kind,
                                          .subject = subject,
                                          .before_s = before_s,
                                          .since_s = NOW,
                                          .until_s = NOW + 100,
                                          .by = "operator",
                                          .reason = "lost"};
    return store_add_revocation(store, &revocation, id_r);
}

static uint64_t add_user(const char *subject)
{
    uint64_t id = 0;
    ck_assert_int_eq(add(REVOCATION_USER, subject, NOW, &id), STORE_OK);
    return id;
}

/* What a list gave, in its order. */
struct seen {
    size_t count;
    uint64_t ids[64];
    char subjects[64][64];
    struct revocation last;
};

static void see(void *context, const struct revocation *revocation)
{
    struct seen *seen = context;
    ck_assert_uint_lt(seen->count, COUNT_OF(seen->ids));
    seen->ids[seen->count] = revocation->id;
    (void)snprintf(seen->subjects[seen->count], sizeof(seen->subjects[0]), "%s", revocation->subject);
    seen->last = *revocation;
    seen->count++;
}

static struct seen list(int64_t now_s, uint64_t after, size_t limit)
{
    struct seen seen = {.count = 0};
    ck_assert_int_eq(store_list_revocations(store, now_s, after, limit, see, &seen), STORE_OK);
    return seen;
}

/* As another program would. */
static void run_sql(const char *sql)
{
    sqlite3 *handle = NULL;
    char *message = NULL;
    ck_assert_int_eq(sqlite3_open(FILE_PATH, &handle), SQLITE_OK);
    int result = sqlite3_exec(handle, sql, NULL, NULL, &message);
    ck_assert_msg(result == SQLITE_OK, "%s", message != NULL ? message : "no message");
    ck_assert_int_eq(sqlite3_close(handle), SQLITE_OK);
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(close(fd), 0);
}

static mode_t mode_of(const char *path)
{
    struct stat info;
    ck_assert_int_eq(stat(path, &info), 0);
    return info.st_mode & ALLPERMS;
}

/* -- core -------------------------------------------------------------------------------------------------------- */

START_TEST(modes)
{
    (void)umask(0);
    open_store();
    (void)add_user("ann");
    ck_assert_uint_eq(mode_of(STATE), 0700);
    ck_assert_uint_eq(mode_of(FILE_PATH), 0600);
    ck_assert_uint_eq(mode_of(FILE_PATH "-wal"), 0600);
    ck_assert_uint_eq(mode_of(FILE_PATH "-shm"), 0600);
}
END_TEST

START_TEST(comes_back_whole)
{
    open_store();
    uint64_t id = 0;
    const struct revocation made = {.kind = REVOCATION_ISSUED_BEFORE,
                                    .subject = "",
                                    .before_s = INT64_MIN,
                                    .since_s = NOW - 1,
                                    .until_s = INT64_MAX,
                                    .by = "n\xc3\xa4me",
                                    .reason = "'; DROP TABLE revocation; --"};
    ck_assert_int_eq(store_add_revocation(store, &made, &id), STORE_OK);
    ck_assert_uint_ne(id, 0);
    for (int round = 0; round < 2; round++) {
        struct seen seen = list(NOW, 0, 10);
        ck_assert_uint_eq(seen.count, 1);
        ck_assert_uint_eq(seen.last.id, id);
        ck_assert_int_eq(seen.last.kind, made.kind);
        ck_assert_int_eq(seen.last.before_s, made.before_s);
        ck_assert_int_eq(seen.last.since_s, made.since_s);
        ck_assert_int_eq(seen.last.until_s, made.until_s);
        reopen_store();
    }
}
END_TEST

static void see_text(void *context, const struct revocation *revocation)
{
    (void)snprintf(context, 64, "%s|%s|%s", revocation->subject, revocation->by, revocation->reason);
}

START_TEST(repeated_keeps_its_id)
{
    open_store();
    uint64_t first = add_user("ann");
    uint64_t other = add_user("bob");
    const struct revocation again = {.kind = REVOCATION_USER,
                                     .subject = "ann",
                                     .before_s = NOW,
                                     .since_s = NOW + 1,
                                     .until_s = NOW + 500,
                                     .by = "second",
                                     .reason = "stolen"};
    uint64_t id = 0;
    char text[64];
    ck_assert_int_eq(store_add_revocation(store, &again, &id), STORE_OK);
    ck_assert_uint_eq(id, first);
    ck_assert_uint_ne(id, other);
    ck_assert_int_eq(store_list_revocations(store, NOW, 0, 1, see_text, text), STORE_OK);
    ck_assert_str_eq(text, "ann|second|stolen");
    ck_assert_int_eq(list(NOW, 0, 1).last.until_s, NOW + 500);
    /* What has been promised for longer is kept for longer. */
    struct revocation shorter = again;
    shorter.until_s = NOW + 400;
    ck_assert_int_eq(store_add_revocation(store, &shorter, &id), STORE_OK);
    ck_assert_uint_eq(id, first);
    ck_assert_int_eq(list(NOW, 0, 1).last.until_s, NOW + 500);
    /* Another time is another one; of a token the time means nothing. */
    ck_assert_int_eq(add(REVOCATION_USER, "ann", NOW + 1, &id), STORE_OK);
    ck_assert_uint_ne(id, first);
    uint64_t token = 0;
    ck_assert_int_eq(add(REVOCATION_TOKEN, "ann", 1, &token), STORE_OK);
    ck_assert_int_eq(add(REVOCATION_TOKEN, "ann", 2, &id), STORE_OK);
    ck_assert_uint_eq(id, token);
    ck_assert_uint_eq(list(NOW, 0, 10).count, 4);
}
END_TEST

START_TEST(removed)
{
    open_store();
    uint64_t id = add_user("ann");
    static const uint64_t wrong[] = {0, UINT64_MAX, (uint64_t)INT64_MAX + 1, 4711};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        bool found = true;
        ck_assert_int_eq(store_remove_revocation(store, wrong[i], &found), STORE_OK);
        ck_assert(!found);
    }
    bool found = false;
    ck_assert_int_eq(store_remove_revocation(store, id, &found), STORE_OK);
    ck_assert(found);
    ck_assert_int_eq(store_remove_revocation(store, id, &found), STORE_OK);
    ck_assert(!found);
    reopen_store();
    ck_assert_uint_eq(list(NOW, 0, 10).count, 0);
    ck_assert_uint_gt(add_user("ann"), id); /* an id is never given again */
}
END_TEST

START_TEST(pages)
{
    open_store();
    uint64_t ids[10];
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        char name[8];
        (void)snprintf(name, sizeof(name), "u%zu", i);
        ids[i] = add_user(name);
    }
    uint64_t after = 0;
    for (size_t i = 0; i < COUNT_OF(ids);) {
        struct seen seen = list(NOW, after, 3);
        ck_assert_uint_eq(seen.count, COUNT_OF(ids) - i < 3 ? COUNT_OF(ids) - i : 3);
        for (size_t j = 0; j < seen.count; j++) {
            ck_assert_uint_eq(seen.ids[j], ids[i++]);
        }
        after = seen.last.id;
    }
    ck_assert_uint_eq(list(NOW, after, 3).count, 0);
    ck_assert_uint_eq(list(NOW, UINT64_MAX, 3).count, 0);
    ck_assert_uint_eq(list(NOW, 0, 0).count, 0);
    ck_assert_uint_eq(list(NOW, 0, SIZE_MAX).count, COUNT_OF(ids));
}
END_TEST

START_TEST(over)
{
    open_store();
    (void)add_user("ann");
    ck_assert_uint_eq(list(NOW + 99, 0, 10).count, 1);
    ck_assert_uint_eq(list(NOW + 100, 0, 10).count, 0);
    struct revocations *revocations = revocations_create();
    ck_assert_int_eq(store_load_revocations(store, NOW + 100, revocations), STORE_OK);
    ck_assert_uint_eq(revocations_count(revocations), 0);
    ck_assert_int_eq(store_load_revocations(store, NOW + 99, revocations), STORE_OK);
    ck_assert_uint_eq(revocations_count(revocations), 1);
    revocations_destroy(&revocations);
}
END_TEST

START_TEST(told_of)
{
    struct store_state before;
    struct store_state after;
    open_store();
    store_describe(store, &before);
    (void)add_user("ann");
    store_describe(store, &after);
    ck_assert(after.healthy);
    ck_assert_str_eq(after.error, "");
    ck_assert_uint_eq(after.commits, before.commits + 1);
    ck_assert_uint_eq(after.failures, 0);
    ck_assert_uint_eq(after.waiting, 0);
    ck_assert_int_gt(after.file_size, before.file_size);
}
END_TEST

static void *add_many(void *argument)
{
    const char *name = argument;
    for (int i = 0; i < 8; i++) {
        char subject[16];
        (void)snprintf(subject, sizeof(subject), "%s%d", name, i);
        (void)add_user(subject);
    }
    return NULL;
}

START_TEST(many_at_once)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    pthread_t threads[COUNT_OF(names)];
    struct store_state state;
    open_store();
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, add_many, (void *)(uintptr_t)names[i]), 0);
    }
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    store_describe(store, &state);
    ck_assert_uint_le(state.commits, 8 * COUNT_OF(names)); /* together where they waited together */
    reopen_store();
    ck_assert_uint_eq(list(NOW, 0, 64).count, 8 * COUNT_OF(names));
}
END_TEST

/* What an operator, a backup and the next version of this program do with it. */
START_TEST(shell_reads_it)
{
    char output[64];
    open_store();
    (void)add_user("ann");
    sqlite_shell(FILE_PATH, "PRAGMA integrity_check; SELECT subject FROM revocation", output, sizeof(output));
    ck_assert_str_eq(output, "ok\nann\n");
}
END_TEST

/* -- limits ------------------------------------------------------------------------------------------------------ */

START_TEST(as_many_as_may_be)
{
    char sql[512];
    open_store();
    (void)add_user("ann");
    store_close(&store);
    (void)snprintf(
        sql, sizeof(sql),
        "WITH RECURSIVE n(i) AS (VALUES (2) UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO revocation "
        "(kind, subject, before_s, since_s, until_s, made_by, reason) "
        "SELECT 1, i, 0, 0, %lld, '', '' FROM n",
        REVOCATIONS_MAX, (long long)NOW + 100);
    run_sql(sql);
    open_store();
    uint64_t id = 0;
    ck_assert_int_eq(add(REVOCATION_USER, "bob", NOW, &id), STORE_FULL);
    ck_assert_uint_eq(id, 0);
    ck_assert_uint_ne(add_user("ann"), 0); /* takes nobody's place but its own */
    struct store_state state;
    store_describe(store, &state);
    ck_assert(state.healthy);
    bool found = false;
    ck_assert_int_eq(store_remove_revocation(store, 2, &found), STORE_OK);
    ck_assert(found);
    (void)add_user("bob");
    ck_assert_int_eq(add(REVOCATION_USER, "cleo", NOW, &id), STORE_FULL);
    /* Those that are over make room. */
    run_sql("UPDATE revocation SET until_s = 5 WHERE id BETWEEN 100 AND 110");
    (void)add_user("cleo");
    run_sql("SELECT 1 / (SELECT count(*) = 0 FROM revocation WHERE until_s = 5)");
}
END_TEST

START_TEST(longest_texts)
{
    char subject[REVOCATION_SUBJECT_MAX + 1];
    memset(subject, 'x', sizeof(subject) - 1);
    subject[sizeof(subject) - 1] = '\0';
    open_store();
    (void)add_user(subject);
    reopen_store();
    subject[63] = '\0';
    ck_assert_str_eq(list(NOW, 0, 1).subjects[0], subject);
}
END_TEST

/* -- hostile ----------------------------------------------------------------------------------------------------- */

START_TEST(not_a_database)
{
    ck_assert_int_eq(mkdir(STATE, S_IRWXU), 0);
    write_file(FILE_PATH,
               "this is a letter to the editor, and longer than a hundred bytes, which is what the head of a "
               "database has at least");
    assert_refused("not a database");
    assert_refused("move it away");
}
END_TEST

START_TEST(damaged)
{
    open_store();
    for (int i = 0; i < 40; i++) {
        char name[200];
        (void)snprintf(name, sizeof(name), "%0190d", i);
        (void)add_user(name);
    }
    store_close(&store);
    int fd = open(FILE_PATH, O_WRONLY | O_CLOEXEC);
    static const char noise[2048] = "noise";
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pwrite(fd, noise, sizeof(noise), 4096), (ssize_t)sizeof(noise));
    ck_assert_int_eq(close(fd), 0);
    assert_refused("put a backup in its place");
}
END_TEST

static const struct {
    const char *sql;
    const char *reason;
} foreign[] = {
    {"PRAGMA user_version = 2", "newer version"},       {"PRAGMA user_version = 2147483647", "newer version"},
    {"PRAGMA user_version = 0", "another program"},     {"PRAGMA user_version = -1", "another program"},
    {"PRAGMA application_id = 0", "another program"},   {"PRAGMA application_id = 1", "another program"},
    {"DROP TABLE revocation", "not as they should be"},
};

START_TEST(of_somebody_else)
{
    open_store();
    store_close(&store);
    run_sql(foreign[_i].sql);
    assert_refused(foreign[_i].reason);
}
END_TEST

/* A row that somebody else wrote keeps nobody from the others. */
START_TEST(strange_rows)
{
    open_store();
    (void)add_user("ann");
    run_sql("INSERT INTO revocation VALUES (-5, 0, 'x', 0, 0, 9223372036854775807, '', ''),"
            "(77, 99, 'y', 0, 0, 9223372036854775807, '', '')");
    (void)add_user("bob");
    struct seen seen = list(NOW, 0, 10);
    ck_assert_uint_eq(seen.count, 2);
    ck_assert_str_eq(seen.subjects[0], "ann");
    ck_assert_str_eq(seen.subjects[1], "bob");
}
END_TEST

START_TEST(in_use)
{
    open_store();
    struct store *first = store;
    assert_refused("another server");
    store = first;
    (void)add_user("ann"); /* and the first is none the worse */
    reopen_store();
}
END_TEST

START_TEST(exposed)
{
    open_store();
    store_close(&store);
    ck_assert_int_eq(chmod(FILE_PATH, 0640), 0);
    assert_refused("chmod 600");
    ck_assert_int_eq(chmod(FILE_PATH, 0600), 0);
    ck_assert_int_eq(chmod(STATE, 0777), 0);
    assert_refused("chmod o-w");
}
END_TEST

START_TEST(no_regular_file)
{
    ck_assert_int_eq(mkdir(STATE, S_IRWXU), 0);
    ck_assert_int_eq(mkfifo(FILE_PATH, S_IRUSR | S_IWUSR), 0);
    assert_refused("regular file");
    ck_assert_int_eq(remove(FILE_PATH), 0);
    ck_assert_int_eq(symlink("../elsewhere", FILE_PATH), 0);
    assert_refused("symbolic link");
}
END_TEST

START_TEST(no_folder)
{
    write_file(STATE, "");
    assert_refused("Not a directory");
    ck_assert_int_eq(remove(STATE), 0);
    ck_assert_ptr_null(store_open("no/such", NULL, error, sizeof(error)));
    ck_assert_ptr_nonnull(strstr(error, "No such file"));
}
END_TEST

START_TEST(read_only_folder)
{
    ck_assert_int_eq(mkdir(STATE, S_IRUSR | S_IXUSR), 0);
    if (geteuid() == 0) { /* whom modes do not stop */
        ck_assert_int_eq(chmod(folder, 0755), 0);
        ck_assert_int_eq(chown(STATE, 65534, 65534), 0);
        ck_assert_int_eq(setgroups(0, NULL), 0);
        ck_assert_int_eq(setegid(65534), 0);
        ck_assert_int_eq(seteuid(65534), 0);
    }
    assert_refused("Permission denied");
    if (getuid() == 0) {
        ck_assert_int_eq(seteuid(0), 0);
        ck_assert_int_eq(setegid(0), 0);
    }
}
END_TEST

static void limit_files(rlim_t size)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A file that may not grow stands for a disk that is full. */
START_TEST(disk_full)
{
    uint64_t id = 0;
    struct store_state state;
    (void)signal(SIGXFSZ, SIG_IGN);
    open_store();
    (void)add_user("ann");
    limit_files(1);
    for (unsigned i = 1; i <= 3; i++) {
        ck_assert_int_eq(add(REVOCATION_USER, "bob", NOW, &id), STORE_BROKEN);
        store_describe(store, &state);
        ck_assert(!state.healthy);
        ck_assert_uint_ge(state.failures, i);
        ck_assert_str_ne(state.error, "");
        ck_assert_uint_eq(list(NOW, 0, 10).count, 1); /* what is there can be read */
    }
    limit_files(RLIM_INFINITY);
    (void)add_user("bob");
    store_describe(store, &state);
    ck_assert(state.healthy);
    ck_assert_str_eq(state.error, "");
    reopen_store();
    ck_assert_uint_eq(list(NOW, 0, 10).count, 2);
}
END_TEST

START_TEST(taken_away)
{
    uint64_t id = 0;
    struct store_state state;
    open_store();
    (void)add_user("ann");
    ck_assert_int_eq(rename(FILE_PATH, "moved"), 0);
    ck_assert_int_eq(add(REVOCATION_USER, "bob", NOW, &id), STORE_BROKEN);
    store_describe(store, &state);
    ck_assert_ptr_nonnull(strstr(state.error, "deleted or replaced"));
    ck_assert_int_eq(rename("moved", FILE_PATH), 0);
    (void)add_user("bob");
    reopen_store();
    ck_assert_uint_eq(list(NOW, 0, 10).count, 2);
}
END_TEST

/* Somebody else's transaction that does not end costs a change, not the server. */
START_TEST(locked_by_a_shell)
{
    uint64_t id = 0;
    sqlite3 *handle = NULL;
    struct store_state state;
    open_store();
    ck_assert_int_eq(sqlite3_open(FILE_PATH, &handle), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(handle, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(add(REVOCATION_USER, "ann", NOW, &id), STORE_BROKEN);
    store_describe(store, &state);
    ck_assert_ptr_nonnull(strstr(state.error, "locked"));
    ck_assert_uint_eq(list(NOW, 0, 10).count, 0);
    ck_assert_int_eq(sqlite3_close(handle), SQLITE_OK);
    (void)add_user("ann");
}
END_TEST

/* -- a disk that hangs: SQLite's own functions for files, with one more in front of the log's fsync() ---------------- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool hangs;
    bool waiting; /* a commit is in there */
    sqlite3_vfs vfs;
    const sqlite3_vfs *real;
    sqlite3_io_methods methods;
    const sqlite3_io_methods *real_methods;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void set_hangs(bool hangs)
{
    pthread_mutex_lock(&disk.lock);
    disk.hangs = hangs;
    pthread_cond_broadcast(&disk.changed);
    pthread_mutex_unlock(&disk.lock);
}

static void await_commit(void)
{
    pthread_mutex_lock(&disk.lock);
    while (!disk.waiting) {
        pthread_cond_wait(&disk.changed, &disk.lock);
    }
    pthread_mutex_unlock(&disk.lock);
}

static int hanging_sync(sqlite3_file *file, int flags)
{
    pthread_mutex_lock(&disk.lock);
    disk.waiting = disk.hangs;
    pthread_cond_broadcast(&disk.changed);
    while (disk.hangs) {
        pthread_cond_wait(&disk.changed, &disk.lock);
    }
    disk.waiting = false;
    pthread_mutex_unlock(&disk.lock);
    return disk.real_methods->xSync(file, flags);
}

static int hanging_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_r)
{
    (void)vfs;
    int result = disk.real->xOpen((sqlite3_vfs *)(uintptr_t)disk.real, name, file, flags, flags_r);
    if (result == SQLITE_OK && (flags & SQLITE_OPEN_WAL) != 0) {
        disk.real_methods = file->pMethods;
        disk.methods = *file->pMethods;
        disk.methods.xSync = hanging_sync;
        file->pMethods = &disk.methods;
    }
    return result;
}

static void use_hanging_disk(void)
{
    disk.real = sqlite3_vfs_find(NULL);
    disk.vfs = *disk.real;
    disk.vfs.zName = "hanging";
    disk.vfs.xOpen = hanging_open;
    ck_assert_int_eq(sqlite3_vfs_register(&disk.vfs, 1), SQLITE_OK);
}

static void *add_bob(void *status_r)
{
    uint64_t id = 0;
    *(enum store_status *)status_r = add(REVOCATION_USER, "bob", NOW, &id);
    return NULL;
}

/* Nobody waits for it for ever: who does is told that he cannot know, who comes then that it is not done. */
START_TEST(disk_hangs)
{
    uint64_t id = 0;
    struct store_state state;
    pthread_t thread;
    enum store_status status = STORE_OK;
    use_hanging_disk();
    open_store();
    (void)add_user("ann");
    set_hangs(true);
    ck_assert_int_eq(pthread_create(&thread, NULL, add_bob, &status), 0);
    await_commit();
    ck_assert_int_eq(add(REVOCATION_USER, "dora", NOW, &id), STORE_BROKEN); /* in the queue behind bob's */
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(status, STORE_LATE);
    ck_assert_int_eq(add(REVOCATION_USER, "eve", NOW, &id), STORE_BROKEN); /* at once */
    store_describe(store, &state);
    ck_assert(!state.healthy);
    ck_assert_str_eq(state.error, "the disk does not answer");
    ck_assert_uint_eq(state.waiting, 1);
    set_hangs(false);
    while (add(REVOCATION_USER, "fay", NOW, &id) != STORE_OK) { /* until the thread has come back */
    }
    store_describe(store, &state);
    ck_assert(state.healthy);
    ck_assert_uint_eq(state.waiting, 0);
    reopen_store();
    ck_assert_uint_eq(list(NOW, 0, 10).count, 3); /* ann's, bob's and fay's */
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tests = tcase_create(name);
    tcase_add_checked_fixture(tests, enter_folder, remove_folder);
    suite_add_tcase(suite, tests);
    return tests;
}

static Suite *store_suite(void)
{
    Suite *suite = suite_create("store");

    TCase *core = add_case(suite, "core");
    tcase_add_test(core, modes);
    tcase_add_test(core, comes_back_whole);
    tcase_add_test(core, repeated_keeps_its_id);
    tcase_add_test(core, removed);
    tcase_add_test(core, pages);
    tcase_add_test(core, over);
    tcase_add_test(core, told_of);
    tcase_add_test(core, many_at_once);
    tcase_add_test(core, shell_reads_it);

    TCase *limits = add_case(suite, "limits");
    tcase_add_test(limits, as_many_as_may_be);
    tcase_add_test(limits, longest_texts);

    TCase *hostile = add_case(suite, "hostile");
    tcase_add_test(hostile, not_a_database);
    tcase_add_test(hostile, damaged);
    tcase_add_loop_test(hostile, of_somebody_else, 0, COUNT_OF(foreign));
    tcase_add_test(hostile, strange_rows);
    tcase_add_test(hostile, in_use);
    tcase_add_test(hostile, exposed);
    tcase_add_test(hostile, no_regular_file);
    tcase_add_test(hostile, no_folder);
    tcase_add_test(hostile, read_only_folder);
    tcase_add_test(hostile, disk_full);
    tcase_add_test(hostile, taken_away);
    tcase_add_test(hostile, locked_by_a_shell);

    TCase *hanging = add_case(suite, "hanging");
    tcase_set_timeout(hanging, 120);
    tcase_add_test(hanging, disk_hangs);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(store_suite());
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
