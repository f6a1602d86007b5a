/*
 * check_log - the log as its users see it: which line reaches which file, and what happens when a file does not take
 * lines, when there are too many, and when many threads log at once.
 */
#include "logging/log.h"
#include "runner.h"

#include <check.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logging/ring.h"
#include "logging/throttle.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define LONG_MS         3600000u /* a period that does not end within a test */
#define CLOSE_MS        60000u   /* for files that take everything: not reached */
#define CONTENT_MAX     ((size_t)16 * 1024 * 1024)

/* --- a folder for each test, which runs in a process of its own --- */

static char folder[] = "/tmp/check-log-XXXXXX";

static void enter_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void remove_folder(void)
{
    static const char *const names[] = {"main", "main.1", "error", "audit", "fifo", "stderr", "late/file", "late"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        (void)remove(names[i]);
    }
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}

/* Standard error goes into the file of that name. */
static void catch_stderr(void)
{
    ck_assert_ptr_nonnull(freopen("stderr", "w", stderr));
}

static char *content_of(const char *path)
{
    char *content = malloc(CONTENT_MAX);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    const size_t size = fread(content, 1, CONTENT_MAX - 1, file);
    content[size] = '\0';
    fclose(file);
    return content;
}

static size_t count_in(const char *content, const char *text)
{
    size_t count = 0;
    for (const char *at = content; (at = strstr(at, text)) != NULL; at += strlen(text)) {
        count++;
    }
    return count;
}

static size_t count_in_file(const char *path, const char *text)
{
    char *content = content_of(path);
    const size_t count = count_in(content, text);
    free(content);
    return count;
}

static struct log *open_log(const struct log_config *config)
{
    char error[256] = "";
    struct log *log = log_open(config, error, sizeof error);
    ck_assert_msg(log != NULL, "%s", error);
    return log;
}

/* Until the file holds the text so many times; the test's own limit of time ends it when that does not happen. */
static void wait_for(const char *path, const char *text, size_t count)
{
    while (access(path, R_OK) != 0 || count_in_file(path, text) < count) {
        sched_yield();
    }
}

/* Until the writer has dealt with everything logged so far. */
static void wait_idle(const struct log *log)
{
    while (log_stats(log).ring_used > 0) {
        sched_yield();
    }
}

/* --- core --- */

/* Between the two halves of log_open(): events are taken, no file exists, and log_reopen() still has a say in the names. */
START_TEST(created_then_begun)
{
    const struct log_config first = {.level = LOG_INFO, .file = "error", .period_ms = LONG_MS};
    const struct log_config second = {.level = LOG_INFO, .file = "main", .audit_file = "audit", .period_ms = LONG_MS};
    char error[256] = "";
    struct log *log = log_create(&first, error, sizeof error);
    ck_assert_msg(log != NULL, "%s", error);
    ck_assert(log_enabled(log, LOG_INFO));
    ck_assert(!log_enabled(log, LOG_DEBUG));
    log_event(log, LOG_INFO, "early", log_i64("n", 1));
    log_reopen(log, &second);
    ck_assert_uint_eq(log_stats(log).rounds, 0);
    ck_assert_int_ne(access("error", F_OK), 0);
    ck_assert_msg(log_begin(log, error, sizeof error), "%s", error);
    log_event(log, LOG_INFO, "late", log_i64("n", 2));
    log_close(&log, CLOSE_MS);
    ck_assert_int_ne(access("error", F_OK), 0);
    ck_assert_uint_eq(count_in_file("main", " info early n=1\n"), 1);
    ck_assert_uint_eq(count_in_file("main", " info late n=2\n"), 1);

    log = log_create(&first, error, sizeof error);
    ck_assert_msg(log != NULL, "%s", error);
    log_event(log, LOG_INFO, "lost", log_i64("n", 3));
    log_close(&log, CLOSE_MS);
    ck_assert_ptr_null(log);
    ck_assert_int_ne(access("error", F_OK), 0);
}
END_TEST

START_TEST(woken_writer_goes_round)
{
    const struct log_config config = {.level = LOG_INFO, .file = "main", .period_ms = LONG_MS};
    struct log *log = open_log(&config);
    for (int i = 0; i < 10; i++) {
        const uint64_t before = log_stats(log).rounds;
        log_wake(log);
        while (log_stats(log).rounds == before) {
            sched_yield();
        }
    }
    log_close(&log, CLOSE_MS);
}
END_TEST

START_TEST(levels_and_files)
{
    const struct log_config config = {
        .level = LOG_NOTICE, .file = "main", .error_file = "error", .audit_file = "audit", .period_ms = LONG_MS};
    struct log *log = open_log(&config);
    ck_assert(!log_enabled(log, LOG_INFO));
    ck_assert(log_enabled(log, LOG_NOTICE));
    log_event(log, LOG_DEBUG, "one", log_i64("n", 1));
    log_event(log, LOG_INFO, "two", log_i64("n", 2));
    log_event(log, LOG_NOTICE, "three", log_i64("n", 3));
    log_event(log, LOG_ERROR, "four", log_i64("n", 4));
    log_audit(log, "five", log_str("by", "operator"));
    log_write(log, LOG_WARNING, "six", NULL, 0);
    log_close(&log, CLOSE_MS);
    ck_assert_ptr_null(log);

    char *content = content_of("main");
    ck_assert_uint_eq(count_in(content, "\n"), 3);
    ck_assert_ptr_nonnull(strstr(content, "Z notice three n=3\n"));
    ck_assert_ptr_nonnull(strstr(content, "Z error four n=4\n"));
    ck_assert_ptr_nonnull(strstr(content, "Z warning six\n"));
    free(content);
    content = content_of("error");
    ck_assert_uint_eq(count_in(content, "\n"), 1);
    ck_assert_ptr_nonnull(strstr(content, "Z error four n=4\n"));
    free(content);
    content = content_of("audit");
    ck_assert_uint_eq(count_in(content, "\n"), 1);
    ck_assert_ptr_nonnull(strstr(content, "\"level\":\"notice\",\"event\":\"five\",\"by\":\"operator\"}\n"));
    free(content);

    struct stat info;
    ck_assert_int_eq(stat("audit", &info), 0);
    ck_assert_int_eq(info.st_mode & 0137, 0);
}
END_TEST

START_TEST(no_log_and_no_files)
{
    log_event(NULL, LOG_ERROR, "x", log_bool("y", true));
    log_event_limited(NULL, LOG_ERROR, "x", "key", log_bool("y", true));
    log_audit(NULL, "x", log_bool("y", true));
    log_reopen(NULL, NULL);
    ck_assert(!log_enabled(NULL, LOG_ERROR));
    ck_assert_uint_eq(log_stats(NULL).written, 0);
    struct log *log = NULL;
    log_close(&log, 0);

    const struct log_config config = {.file = "", .error_file = NULL, .audit_file = ""};
    log = open_log(&config);
    ck_assert(!log_enabled(log, LOG_ERROR));
    log_event(log, LOG_ERROR, "x", log_bool("y", true));
    log_close(&log, CLOSE_MS);
}
END_TEST

START_TEST(error_file_alone)
{
    const struct log_config config = {.file = "", .error_file = "error"};
    struct log *log = open_log(&config);
    ck_assert(!log_enabled(log, LOG_WARNING));
    ck_assert(log_enabled(log, LOG_ERROR));
    log_event(log, LOG_ERROR, "x", log_bool("y", true));
    log_close(&log, CLOSE_MS);
    ck_assert_uint_eq(count_in_file("error", " error x y=true\n"), 1);
}
END_TEST

START_TEST(one_file_for_both)
{
    const struct log_config config = {.file = "main", .error_file = "main"};
    struct log *log = open_log(&config);
    log_event(log, LOG_ERROR, "x", log_bool("y", true));
    log_close(&log, CLOSE_MS);
    ck_assert_uint_eq(count_in_file("main", "\n"), 1);
}
END_TEST

/* The number that the next descriptor would get. */
static int next_descriptor(void)
{
    const int fd = dup(STDIN_FILENO);
    close(fd);
    return fd;
}

START_TEST(appends_and_leaves_nothing_open)
{
    const int before = next_descriptor();
    const struct log_config config = {.file = "main", .error_file = "error", .audit_file = "-"};
    for (int i = 0; i < 2; i++) {
        struct log *log = open_log(&config);
        log_event(log, LOG_INFO, "x", log_i64("n", i));
        log_close(&log, CLOSE_MS);
    }
    ck_assert_uint_eq(count_in_file("main", " info x n="), 2);
    ck_assert_int_eq(next_descriptor(), before);
}
END_TEST

/* Which of the files it is, what its path is, and why it cannot be opened. */
static const struct unopenable {
    enum target target;
    const char *path;
    const char *reason;
} unopenable[] = {
    {TARGET_MAIN, "late/file", "No such file or directory"},
    {TARGET_ERROR, "late/file", "No such file or directory"},
    {TARGET_AUDIT, "late/file", "No such file or directory"},
    {TARGET_MAIN, "/", "Is a directory"},
    {TARGET_ERROR, "/", "Is a directory"},
    {TARGET_AUDIT, "/", "Is a directory"},
};
#define MISSING_FOLDERS 3 /* the rows above that are about them */

static struct log_config config_with(enum target target, const char *path, unsigned period_ms)
{
    return (struct log_config){.file = target == TARGET_MAIN ? path : "main",
                               .error_file = target == TARGET_ERROR ? path : "error",
                               .audit_file = target == TARGET_AUDIT ? path : "audit",
                               .period_ms = period_ms};
}

/* Adds one line to each of the three files. */
static void log_to_each(struct log *log, int64_t n)
{
    log_event(log, LOG_ERROR, "event", log_i64("n", n));
    log_audit(log, "act", log_i64("n", n));
    wait_idle(log);
}

/* The others go on, and those for errors and standard error say what is wrong. */
START_TEST(a_file_that_cannot_be_opened)
{
    static const char *const files[TARGET_COUNT] = {"main", "error", "audit"};
    static const char *const lines[TARGET_COUNT] = {" error event n=1\n", " error event n=1\n", "\"n\":1}\n"};
    const struct unopenable *row = &unopenable[_i];
    catch_stderr();
    const int before = next_descriptor();
    const struct log_config config = config_with(row->target, row->path, LONG_MS);
    struct log *log = open_log(&config);
    log_to_each(log, 1);
    ck_assert_uint_eq(log_stats(log).lost, 1);
    log_close(&log, CLOSE_MS);
    ck_assert_int_eq(next_descriptor(), before);

    char report[128];
    (void)snprintf(report, sizeof report, " error log_open_failed file=%s error=\"%s\"\n", row->path, row->reason);
    ck_assert_uint_eq(count_in_file("stderr", report), 1);
    ck_assert_uint_eq(count_in_file("stderr", "\n"), 1);
    for (unsigned target = 0; target < TARGET_COUNT; target++) {
        if (target != row->target) {
            ck_assert_uint_eq(count_in_file(files[target], lines[target]), 1);
            ck_assert_uint_eq(count_in_file(files[target], report), target == TARGET_AUDIT ? 0 : 1);
        }
    }
}
END_TEST

START_TEST(no_file_can_be_opened)
{
    catch_stderr();
    const struct log_config config = {.file = "/", .error_file = "late/file", .audit_file = "late/file"};
    struct log *log = open_log(&config);
    ck_assert(log_enabled(log, LOG_INFO));
    log_to_each(log, 1);
    ck_assert_uint_eq(log_stats(log).lost, 3);
    ck_assert_uint_eq(log_stats(log).written, 0);
    log_close(&log, CLOSE_MS);
    ck_assert_uint_eq(count_in_file("stderr", " error log_open_failed file="), 3);
}
END_TEST

#define SHORT_MS 20 /* a period that ends soon */

/* Spoken of each period until it can be opened, then with the count of what it misses. */
START_TEST(opened_later)
{
    catch_stderr();
    const enum target target = unopenable[_i].target;
    const struct log_config config = config_with(target, "late/file", SHORT_MS);
    struct log *log = open_log(&config);
    log_to_each(log, 1);
    log_to_each(log, 2);
    wait_for("stderr", " error log_open_failed file=late/file error=\"No such file or directory\" lost=2\n", 2);
    ck_assert_int_eq(mkdir("late", 0700), 0);
    wait_for("late/file", target == TARGET_AUDIT ? "\"log_dropped\",\"count\":2}\n" : " log_dropped count=2\n", 1);
    wait_for(target == TARGET_MAIN ? "late/file" : "main", " notice log_opened file=late/file lost=2\n", 1);
    wait_for("stderr", " notice log_opened file=late/file lost=2\n", 1);
    log_to_each(log, 3);
    ck_assert_uint_eq(log_stats(log).lost, 2);
    log_close(&log, CLOSE_MS);
    const char *lines = target == TARGET_AUDIT ? "\"event\":\"act\"" : " error event ";
    ck_assert_uint_eq(count_in_file("late/file", lines), 1);
    ck_assert_uint_eq(count_in_file("late/file", target == TARGET_AUDIT ? "\"n\":3}\n" : " n=3\n"), 1);
    ck_assert_uint_eq(count_in_file("late/file", "log_dropped"), 1);
}
END_TEST

START_TEST(reopened_after_rename)
{
    struct log_config config = {.file = "main", .level = LOG_INFO};
    struct log *log = open_log(&config);
    log_event(log, LOG_INFO, "before", log_i64("n", 1));
    ck_assert_int_eq(rename("main", "main.1"), 0);
    config.level = LOG_DEBUG;
    config.format = LOG_JSON;
    log_reopen(log, &config);
    while (!log_enabled(log, LOG_DEBUG)) {
        sched_yield();
    }
    log_event(log, LOG_DEBUG, "after", log_i64("n", 2));
    log_close(&log, CLOSE_MS);
    ck_assert_uint_eq(count_in_file("main.1", "\n"), 1);
    ck_assert_uint_eq(count_in_file("main.1", " info before n=1\n"), 1);
    ck_assert_uint_eq(count_in_file("main", "\n"), 1);
    ck_assert_uint_eq(count_in_file("main", "\"event\":\"after\",\"n\":2}\n"), 1);
}
END_TEST

START_TEST(failed_reopen_keeps_the_file)
{
    catch_stderr();
    struct log_config config = {.file = "main", .error_file = "error"};
    struct log *log = open_log(&config);
    config.file = "nowhere/main";
    config.error_file = "";
    config.audit_file = "audit";
    log_reopen(log, &config);
    while (log_stats(log).written == 0) { /* the report */
        sched_yield();
    }
    log_event(log, LOG_ERROR, "after", log_i64("n", 2));
    log_audit(log, "after", log_i64("n", 3));
    log_close(&log, CLOSE_MS);
    const char *report = " error log_reopen_failed file=nowhere/main error=\"No such file or directory\"\n";
    ck_assert_uint_eq(count_in_file("main", report), 1);
    ck_assert_uint_eq(count_in_file("main", " error after n=2\n"), 1);
    ck_assert_uint_eq(count_in_file("error", "\n"), 0);
    ck_assert_uint_eq(count_in_file("audit", "\"n\":3}\n"), 1);
    ck_assert_uint_eq(count_in_file("stderr", report), 1);
}
END_TEST

/* Neither the old file, which could not be opened or is full, nor the new one takes lines; then the new one does. */
START_TEST(failed_reopen_is_tried_again)
{
    catch_stderr();
    struct log_config config = config_with(TARGET_AUDIT, _i == 0 ? "nowhere/audit" : "/dev/full", SHORT_MS);
    struct log *log = open_log(&config);
    log_to_each(log, 1);
    config.audit_file = "late/file";
    log_reopen(log, &config);
    wait_for("main", " error log_reopen_failed file=late/file error=\"No such file or directory\"\n", 1);
    log_to_each(log, 2);
    wait_for("stderr", " log_open_failed file=late/file error=\"No such file or directory\" lost=2\n", 1);
    ck_assert_int_eq(mkdir("late", 0700), 0);
    wait_for("late/file", "\"event\":\"log_dropped\",\"count\":2}\n", 1);
    wait_for("main", " notice log_opened file=late/file lost=2\n", 1);
    log_to_each(log, 3);
    log_close(&log, CLOSE_MS);
    ck_assert_uint_eq(count_in_file("late/file", "\"event\":\"act\""), 1);
    ck_assert_uint_eq(count_in_file("late/file", "\"n\":3}\n"), 1);
}
END_TEST

START_TEST(summaries_at_the_end)
{
    const struct log_config config = {.file = "main", .level = LOG_INFO, .period_ms = LONG_MS};
    struct log *log = open_log(&config);
    for (int i = 0; i < 100; i++) {
        log_event_limited(log, LOG_INFO, "refused", "bad host", log_i64("n", i));
        log_event_limited(log, LOG_INFO, "refused", i % 2 == 0 ? NULL : "b", log_i64("n", i));
        log_event_limited(log, LOG_DEBUG, "refused", "quiet", log_i64("n", i));
    }
    for (int i = 0; i < THROTTLE_FULL; i++) {
        log_event_limited(log, LOG_INFO, "few", NULL, log_i64("n", i));
    }
    ck_assert_uint_eq(log_stats(log).suppressed, 200 - 3 * THROTTLE_FULL);
    log_close(&log, CLOSE_MS);
    char *content = content_of("main");
    ck_assert_uint_eq(count_in(content, " info refused n="), 3 * THROTTLE_FULL);
    ck_assert_uint_eq(count_in(content, " info few n="), THROTTLE_FULL);
    ck_assert_uint_eq(count_in(content, "suppressed="), 3);
    ck_assert_uint_eq(count_in(content, " info refused suppressed=95 key=\"bad host\"\n"), 1);
    ck_assert_uint_eq(count_in(content, " info refused suppressed=45 key=b\n"), 1);
    ck_assert_uint_eq(count_in(content, " info refused suppressed=45\n"), 1);
    free(content);
}
END_TEST

/* Reads until a line with the text is there; the test's own limit of time ends it when that does not happen. */
static char *read_until(int fd, const char *text)
{
    char *content = calloc(1, CONTENT_MAX);
    size_t size = 0;
    for (;;) {
        const char *found = strstr(content, text);
        if (found != NULL && strchr(found, '\n') != NULL) {
            return content;
        }
        const ssize_t got = read(fd, content + size, CONTENT_MAX - 1 - size);
        ck_assert_int_gt(got, 0);
        size += (size_t)got;
    }
}

START_TEST(summaries_each_period)
{
    ck_assert_int_eq(mkfifo("fifo", 0600), 0);
    const struct log_config config = {.file = "fifo", .period_ms = 50};
    struct log *log = open_log(&config);
    const int reader = open("fifo", O_RDONLY | O_CLOEXEC);
    while (log_stats(log).suppressed == 0) { /* a period may end between any two */
        log_event_limited(log, LOG_INFO, "refused", "cause", log_bool("x", true));
    }
    free(read_until(reader, " info refused suppressed="));
    log_event(log, LOG_INFO, "next", log_bool("x", true));
    free(read_until(reader, " info next x=true\n"));
    close(reader);
    log_close(&log, 0);
}
END_TEST

/* --- hostile --- */

START_TEST(injection_through_every_path)
{
    static const char attack[] = "x\n2026-03-01T12:00:00.123Z info login user=root\xff\x1b[2J\",\"user\":\"root";
    const struct log_config config = {
        .file = "main", .audit_file = "audit", .format = _i == 0 ? LOG_TEXT : LOG_JSON, .period_ms = LONG_MS};
    struct log *log = open_log(&config);
    for (int i = 0; i <= THROTTLE_FULL; i++) {
        log_event_limited(log, LOG_INFO, "refused", attack, log_bytes("value", attack, sizeof attack));
    }
    log_audit(log, "allowed", log_str("reason", attack));
    log_close(&log, CLOSE_MS);
    char *content = content_of("main");
    ck_assert_uint_eq(count_in(content, "\n"), THROTTLE_FULL + 1);
    ck_assert_uint_eq(count_in(content, "suppressed"), 1);
    ck_assert_uint_eq(count_in(content, "\x1b"), 0);
    ck_assert_uint_eq(count_in(content, "\xff"), 0);
    ck_assert_uint_eq(count_in(content, "\n2026-03-01"), 0);
    ck_assert_uint_eq(count_in(content, "\",\"user\""), 0);
    free(content);
    content = content_of("audit");
    json_t *root = json_loads(content, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_ptr_nonnull(root);
    ck_assert_uint_eq(json_object_size(root), 4);
    json_decref(root);
    free(content);
}
END_TEST

#define STUCK_EVENTS 2000 /* of 250 bytes and more: a pipe and the buffer before it hold some 500 */

static void log_many(struct log *log)
{
    char value[200];
    memset(value, 'v', sizeof value);
    for (int i = 0; i < STUCK_EVENTS; i++) {
        log_event(log, LOG_ERROR, "event", log_i64("n", i), log_bytes("v", value, sizeof value));
        if (i % 32 == 0) {
            wait_idle(log); /* so that the ring never overflows: this is about the files */
        }
    }
    wait_idle(log);
}

/* The other files get every line; once there is a reader, it gets what was kept and the count of what was not. */
START_TEST(fifo_nobody_reads)
{
    catch_stderr();
    ck_assert_int_eq(mkfifo("fifo", 0600), 0);
    const struct log_config config = {
        .file = "fifo", .error_file = "error", .audit_file = "audit", .period_ms = LONG_MS};
    struct log *log = open_log(&config);
    log_many(log);
    log_audit(log, "last", log_bool("x", true));
    wait_idle(log);
    const struct log_stats stats = log_stats(log);
    ck_assert_uint_eq(stats.dropped, 0);
    ck_assert_uint_gt(stats.lost, 0);
    ck_assert_uint_eq(count_in_file("error", " error event n="), STUCK_EVENTS);
    ck_assert_uint_eq(count_in_file("audit", "\"event\":\"last\""), 1);
    ck_assert_uint_eq(count_in_file("stderr", " error log_write_failed file=fifo error=\"nobody reads\" lost="), 1);

    const int reader = open("fifo", O_RDONLY | O_CLOEXEC);
    char *content = read_until(reader, " warning log_dropped count=");
    ck_assert_uint_eq(count_in(content, " error event n="), STUCK_EVENTS - stats.lost);
    ck_assert_uint_eq(strtoull(strstr(content, "log_dropped count=") + strlen("log_dropped count="), NULL, 10),
                      stats.lost);
    free(content);
    close(reader);
    log_close(&log, 0);
}
END_TEST

START_TEST(close_does_not_wait_for_a_reader)
{
    catch_stderr();
    ck_assert_int_eq(mkfifo("fifo", 0600), 0);
    const struct log_config config = {.file = "fifo", .error_file = "error", .period_ms = LONG_MS};
    struct log *log = open_log(&config);
    log_many(log);
    log_close(&log, 1);
    ck_assert_ptr_null(log);
    ck_assert_uint_eq(count_in_file("error", " error event n="), STUCK_EVENTS);
}
END_TEST

START_TEST(full_disk)
{
    catch_stderr();
    const struct log_config config = {
        .file = "/dev/full", .error_file = "error", .audit_file = "audit", .period_ms = LONG_MS};
    struct log *log = open_log(&config);
    log_many(log);
    log_audit(log, "last", log_bool("x", true));
    wait_idle(log);
    const struct log_stats stats = log_stats(log);
    ck_assert_uint_eq(stats.lost, STUCK_EVENTS);
    ck_assert_uint_eq(stats.written, 0);
    ck_assert_uint_gt(stats.write_errors, 0);
    log_close(&log, CLOSE_MS);
    ck_assert_uint_eq(count_in_file("error", " error event n="), STUCK_EVENTS);
    ck_assert_uint_eq(count_in_file("audit", "\"event\":\"last\""), 1);
    ck_assert_uint_eq(count_in_file("stderr", "\n"), 1);
    ck_assert_uint_eq(count_in_file("stderr", " log_write_failed file=/dev/full error=\"No space left on device\""), 1);
}
END_TEST

/* Neither may the process end, when it has not ignored SIGPIPE, nor the other files stop. */
START_TEST(reader_of_standard_output_gone)
{
    catch_stderr();
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
    close(ends[1]);
    ck_assert_ptr_ne((void *)signal(SIGPIPE, SIG_DFL), (void *)SIG_ERR);
    const struct log_config config = {.file = "-", .error_file = "error", .period_ms = LONG_MS};
    struct log *log = open_log(&config);
    close(ends[0]);
    log_many(log);
    const struct log_stats stats = log_stats(log);
    ck_assert_uint_gt(stats.write_errors, 0);
    ck_assert_uint_eq(stats.lost, STUCK_EVENTS);
    log_close(&log, CLOSE_MS);
    ck_assert_uint_eq(count_in_file("error", " error event n="), STUCK_EVENTS);
    ck_assert_uint_eq(count_in_file("stderr", " log_write_failed file=\"-\" error=\"Broken pipe\""), 1);
}
END_TEST

#define THREADS         8
#define THREAD_EVENTS   5000
#define THREADED_EVENTS ((uint64_t)THREADS * THREAD_EVENTS)

struct talker {
    struct log *log;
    int64_t number;
    pthread_t thread;
};

static void *talk(void *argument)
{
    const struct talker *talker = argument;
    for (int64_t i = 0; i < THREAD_EVENTS; i++) {
        log_event(talker->log, LOG_INFO, "talk", log_i64("thread", talker->number), log_i64("n", i),
                  log_str("value", "a\n\"b\""));
        log_event_limited(talker->log, LOG_INFO, "limited", "key", log_i64("thread", talker->number));
    }
    return NULL;
}

/* Counts the lines of each event, and what log_dropped says; each line is whole and each thread's are in order. */
static uint64_t check_talk(const char *content, uint64_t *dropped_r, uint64_t *suppressed_r)
{
    int64_t last[THREADS];
    uint64_t events = 0;
    memset(last, -1, sizeof last);
    for (const char *at = content; *at != '\0';) {
        const char *end = strchr(at, '\n');
        ck_assert_ptr_nonnull(end);
        json_t *root = json_loadb(at, (size_t)(end - at), JSON_REJECT_DUPLICATES, NULL);
        ck_assert_ptr_nonnull(root);
        const char *event = json_string_value(json_object_get(root, "event"));
        if (strcmp(event, "talk") == 0) {
            const json_int_t thread = json_integer_value(json_object_get(root, "thread"));
            const json_int_t n = json_integer_value(json_object_get(root, "n"));
            ck_assert_str_eq(json_string_value(json_object_get(root, "value")), "a\n\"b\"");
            ck_assert_int_gt(n, last[thread]);
            last[thread] = n;
            events++;
        } else if (strcmp(event, "log_dropped") == 0) {
            *dropped_r += (uint64_t)json_integer_value(json_object_get(root, "count"));
        } else if (json_object_get(root, "suppressed") != NULL) {
            *suppressed_r += (uint64_t)json_integer_value(json_object_get(root, "suppressed"));
        } else {
            ck_assert_str_eq(event, "limited");
            events++;
        }
        json_decref(root);
        at = end + 1;
    }
    return events;
}

/* In the first round everything fits, in the second the ring is too small for it. */
START_TEST(eight_threads)
{
    const struct log_config config = {
        .file = "main", .format = LOG_JSON, .period_ms = LONG_MS, .ring_size = _i == 0 ? CONTENT_MAX : RING_SIZE_MIN};
    struct log *log = open_log(&config);
    struct talker talkers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        talkers[i] = (struct talker){.log = log, .number = i};
        ck_assert_int_eq(pthread_create(&talkers[i].thread, NULL, talk, &talkers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(talkers[i].thread, NULL), 0);
    }
    const struct log_stats stats = log_stats(log);
    log_close(&log, CLOSE_MS);

    uint64_t dropped = 0;
    uint64_t suppressed = 0;
    char *content = content_of("main");
    const uint64_t events = check_talk(content, &dropped, &suppressed);
    ck_assert_uint_eq(dropped, stats.dropped);
    ck_assert_uint_eq(suppressed, stats.suppressed);
    ck_assert_uint_eq(suppressed, THREADED_EVENTS - THROTTLE_FULL);
    ck_assert_uint_eq(events + dropped, THREADED_EVENTS + THROTTLE_FULL);
    ck_assert_uint_eq(stats.lost, 0);
    if (_i == 0) {
        ck_assert_uint_eq(dropped, 0);
    }
    free(content);
}
END_TEST

#define VITAL_LINES 50  /* of each kind; of less than 128 bytes */
#define FLOOD       100 /* other events before each */

/* The writer waits for a reader that does not read, and the ring is full meanwhile. Should the writer not run at all, the
 * last quarter of the ring holds the audit lines and errors. */
START_TEST(flood_does_not_drop_audit_lines)
{
    catch_stderr();
    ck_assert_int_eq(mkfifo("fifo", 0600), 0);
    const struct log_config config = {.file = "fifo",
                                      .error_file = "error",
                                      .audit_file = "audit",
                                      .period_ms = LONG_MS,
                                      .ring_size = (size_t)4 * 2 * VITAL_LINES * 128};
    struct log *log = open_log(&config);
    char value[100];
    memset(value, 'v', sizeof value);
    for (int64_t i = 0; i < VITAL_LINES; i++) {
        for (int flood = 0; flood < FLOOD; flood++) {
            log_event(log, LOG_WARNING, "flood", log_bytes("v", value, sizeof value));
        }
        log_audit(log, "act", log_i64("n", i));
        log_event(log, LOG_ERROR, "trouble", log_i64("n", i));
    }
    log_close(&log, 0);
    ck_assert_uint_eq(count_in_file("audit", "\"event\":\"act\""), VITAL_LINES);
    ck_assert_uint_eq(count_in_file("error", " error trouble n="), VITAL_LINES);
    ck_assert_uint_eq(count_in_file("audit", "\n"), VITAL_LINES);
    ck_assert_uint_eq(count_in_file("error", "\n"), VITAL_LINES);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tests = tcase_create(name);
    tcase_set_timeout(tests, 240);
    tcase_add_checked_fixture(tests, enter_folder, remove_folder);
    suite_add_tcase(suite, tests);
    return tests;
}

static Suite *log_suite(void)
{
    Suite *suite = suite_create("log");

    TCase *core = add_case(suite, "core");
    tcase_add_test(core, created_then_begun);
    tcase_add_test(core, woken_writer_goes_round);
    tcase_add_test(core, levels_and_files);
    tcase_add_test(core, no_log_and_no_files);
    tcase_add_test(core, error_file_alone);
    tcase_add_test(core, one_file_for_both);
    tcase_add_test(core, appends_and_leaves_nothing_open);
    tcase_add_loop_test(core, a_file_that_cannot_be_opened, 0, COUNT_OF(unopenable));
    tcase_add_test(core, no_file_can_be_opened);
    tcase_add_loop_test(core, opened_later, 0, MISSING_FOLDERS);
    tcase_add_test(core, reopened_after_rename);
    tcase_add_test(core, failed_reopen_keeps_the_file);
    tcase_add_loop_test(core, failed_reopen_is_tried_again, 0, 2);
    tcase_add_test(core, summaries_at_the_end);
    tcase_add_test(core, summaries_each_period);

    TCase *limits = add_case(suite, "limits");
    tcase_add_loop_test(limits, eight_threads, 0, 2);
    tcase_add_test(limits, flood_does_not_drop_audit_lines);

    TCase *hostile = add_case(suite, "hostile");
    tcase_add_loop_test(hostile, injection_through_every_path, 0, 2);
    tcase_add_test(hostile, fifo_nobody_reads);
    tcase_add_test(hostile, close_does_not_wait_for_a_reader);
    tcase_add_test(hostile, full_disk);
    tcase_add_test(hostile, reader_of_standard_output_gone);
    return suite;
}

int main(void)
{
    return runner_run(log_suite());
}
