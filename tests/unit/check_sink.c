/*
 * check_sink - one output file: what it holds after a full disk, a reopen or a reader that does not read.
 */
#include "logging/sink.h"
#include "runner.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logging/line.h"

/* --- a folder for each test, which runs in a process of its own --- */

static char folder[] = "/tmp/check-sink-XXXXXX";

static void enter_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void remove_folder(void)
{
    (void)remove("main");
    (void)remove("main.1");
    (void)remove("late/main");
    (void)remove("late");
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void assert_content(const char *path, const char *expected)
{
    char content[256];
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    content[fread(content, 1, sizeof content - 1, file)] = '\0';
    fclose(file);
    ck_assert_str_eq(content, expected);
}

static void limit_file_size(rlim_t size)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* A disk that is full in the middle of a line, and has room again later. */
START_TEST(torn_line_is_finished)
{
    ck_assert_ptr_ne((void *)signal(SIGXFSZ, SIG_IGN), (void *)SIG_ERR);
    struct sink *sink = sink_open("main");
    ck_assert_ptr_nonnull(sink);
    limit_file_size(15);
    sink_add(sink, "first=1\n", 8, 0);
    sink_add(sink, "second=2\n", 9, 0);
    sink_add(sink, "third=3\n", 8, 0);
    sink_flush(sink);
    ck_assert_int_eq(sink_trouble(sink), EFBIG);
    ck_assert_int_eq(sink_waiting_fd(sink), -1);
    sink_add(sink, "fourth=4\n", 9, 0);
    sink_flush(sink);
    ck_assert_uint_eq(sink_unreported(sink), 2);
    ck_assert_uint_eq(sink_counts(sink).errors, 2);
    limit_file_size(RLIM_INFINITY);
    sink_add(sink, "fifth=5\n", 8, 0);
    sink_flush(sink);
    ck_assert_int_eq(sink_trouble(sink), 0);
    ck_assert_uint_eq(sink_counts(sink).written, 3);
    ck_assert_uint_eq(sink_counts(sink).lost, 2);
    sink_close(&sink);
    assert_content("main", "first=1\nsecond=2\nfifth=5\n");
}
END_TEST

/* The rest of a torn line follows into the same file, not into a new one. */
START_TEST(torn_line_and_reopen)
{
    const bool renamed = _i == 1;
    ck_assert_ptr_ne((void *)signal(SIGXFSZ, SIG_IGN), (void *)SIG_ERR);
    struct sink *sink = sink_open("main");
    limit_file_size(3);
    sink_add(sink, "first=1\n", 8, 0);
    sink_flush(sink);
    if (renamed) {
        ck_assert_int_eq(rename("main", "main.1"), 0);
    }
    ck_assert(sink_reopen(sink, "main"));
    limit_file_size(RLIM_INFINITY);
    sink_add(sink, "second=2\n", 9, 0);
    sink_flush(sink);
    ck_assert_uint_eq(sink_counts(sink).lost, renamed ? 1 : 0);
    sink_close(&sink);
    assert_content("main", renamed ? "second=2\n" : "first=1\nsecond=2\n");
}
END_TEST

/* What a lost report stood for is not forgotten. */
START_TEST(lost_report_is_repeated)
{
    ck_assert_ptr_ne((void *)signal(SIGXFSZ, SIG_IGN), (void *)SIG_ERR);
    struct sink *sink = sink_open("main");
    limit_file_size(0);
    sink_add(sink, "first=1\n", 8, 0);
    sink_flush(sink);
    sink_count_lost(sink, 10);
    ck_assert_uint_eq(sink_unreported(sink), 11);
    ck_assert(sink_add_report(sink, "report=1\n", 9));
    ck_assert_uint_eq(sink_unreported(sink), 0);
    sink_flush(sink);
    ck_assert_uint_eq(sink_unreported(sink), 11);
    ck_assert_uint_eq(sink_counts(sink).lost, 1);
    limit_file_size(RLIM_INFINITY);
    ck_assert(sink_add_report(sink, "report=2\n", 9));
    sink_flush(sink);
    ck_assert_uint_eq(sink_unreported(sink), 0);
    sink_close(&sink);
    assert_content("main", "report=2\n");
}
END_TEST

static void add_text(struct sink *sink, const char *line)
{
    sink_add(sink, line, strlen(line), 0);
}

START_TEST(unopened_until_the_folder_is_there)
{
    struct sink *sink = sink_open("late/main");
    ck_assert_ptr_nonnull(sink);
    ck_assert(!sink_is_open(sink));
    ck_assert(!sink_has_file(sink));
    ck_assert_int_eq(sink_trouble(sink), ENOENT);
    add_text(sink, "first=1\n");
    add_text(sink, "second=2\n");
    ck_assert(!sink_add_report(sink, "report=1\n", 9));
    sink_flush(sink);
    ck_assert_int_eq(sink_waiting_fd(sink), -1);
    ck_assert_uint_eq(sink_counts(sink).lost, 2);
    ck_assert_uint_eq(sink_unreported(sink), 2);
    ck_assert(!sink_retry(sink));

    ck_assert_int_eq(mkdir("late", 0700), 0);
    ck_assert(sink_retry(sink));
    ck_assert(sink_is_open(sink));
    ck_assert_int_eq(sink_trouble(sink), 0);
    ck_assert(sink_add_report(sink, "report=2\n", 9));
    add_text(sink, "third=3\n");
    sink_close(&sink);
    assert_content("late/main", "report=2\nthird=3\n");
}
END_TEST

START_TEST(old_file_serves_until_the_new_one_opens)
{
    struct sink *sink = sink_open("main");
    errno = 0;
    ck_assert(!sink_reopen(sink, "late/main"));
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_int_eq(sink_trouble(sink), ENOENT);
    ck_assert_str_eq(sink_path(sink), "late/main");
    ck_assert(!sink_is_open(sink));
    ck_assert(sink_has_file(sink));
    add_text(sink, "first=1\n");
    sink_flush(sink);
    ck_assert_uint_eq(sink_counts(sink).written, 1);
    ck_assert_int_eq(mkdir("late", 0700), 0);
    ck_assert(sink_retry(sink));
    add_text(sink, "second=2\n");
    sink_close(&sink);
    assert_content("main", "first=1\n");
    assert_content("late/main", "second=2\n");
}
END_TEST

/* The number of a closed standard output goes to the next file that is opened, which is none of the log's. */
START_TEST(closed_standard_output_is_not_tried_again)
{
    close(STDOUT_FILENO);
    struct sink *sink = sink_open("-");
    ck_assert_int_eq(sink_trouble(sink), EBADF);
    ck_assert_int_eq(open("main", O_WRONLY | O_CREAT | O_CLOEXEC, 0600), STDOUT_FILENO);
    ck_assert(!sink_retry(sink));
    add_text(sink, "first=1\n");
    ck_assert_uint_eq(sink_counts(sink).lost, 1);
    sink_close(&sink);
    assert_content("main", "");
}
END_TEST

/* Letters that `seed` shifts, and a newline. */
static struct line line_of(size_t size, unsigned seed)
{
    struct line line = {.size = size};
    for (size_t i = 0; i < size; i++) {
        line.bytes[i] = (char)('a' + (i + seed) % 26);
    }
    line.bytes[size - 1] = '\n';
    return line;
}

enum standard_output { OUTPUT_PIPE, OUTPUT_SHARED_PIPE, OUTPUT_SOCKET, OUTPUT_KINDS };

/* Makes standard output that of `kind` and opens it; the reading end is returned. */
static struct sink *open_standard_output(enum standard_output kind, int *reader_r)
{
    int ends[2];
    ck_assert_int_eq(kind == OUTPUT_SOCKET ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends), 0);
    ck_assert_int_eq(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
    struct rlimit before;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
    if (kind == OUTPUT_SHARED_PIPE) {
        /* One descriptor is left: enough for a copy, not for a description of its own beside it. */
        const int next = dup(STDIN_FILENO);
        close(next);
        const struct rlimit limit = {(rlim_t)next + 1, before.rlim_max};
        ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    }
    struct sink *sink = sink_open("-");
    ck_assert_ptr_nonnull(sink);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
    *reader_r = ends[0];
    return sink;
}

/* Never waits, and leaves the flags alone that other processes share. */
START_TEST(standard_output_nobody_reads)
{
    int reader = -1;
    struct sink *sink = open_standard_output((enum standard_output)_i, &reader);
    const int flags = fcntl(STDOUT_FILENO, F_GETFL);
    ck_assert_int_eq(flags & O_NONBLOCK, 0);
    unsigned added = 0;
    while (sink_trouble(sink) == 0) {
        const struct line line = line_of(1 + added * 37 % LOG_LINE_MAX, added);
        sink_add(sink, line.bytes, line.size, 0);
        sink_flush(sink);
        added++;
    }
    ck_assert_int_eq(sink_trouble(sink), EAGAIN);
    const bool own = (fcntl(sink_waiting_fd(sink), F_GETFL) & O_NONBLOCK) != 0;
    ck_assert_int_eq(own, _i == OUTPUT_PIPE);
    ck_assert_uint_eq(sink_unreported(sink), 1);
    ck_assert_int_eq(fcntl(STDOUT_FILENO, F_GETFL), flags);

    for (unsigned i = 0; i + 1 < added; i++) {
        const struct line expected = line_of(1 + i * 37 % LOG_LINE_MAX, i);
        char bytes[LOG_LINE_MAX];
        for (size_t got = 0; got < expected.size;) {
            sink_flush(sink);
            const ssize_t more = read(reader, bytes + got, expected.size - got);
            ck_assert_int_gt(more, 0);
            got += (size_t)more;
        }
        ck_assert_mem_eq(bytes, expected.bytes, expected.size);
    }
    ck_assert_int_eq(sink_trouble(sink), 0);
    ck_assert_int_eq(sink_waiting_fd(sink), -1);
    sink_close(&sink);
}
END_TEST

static Suite *sink_suite(void)
{
    Suite *suite = suite_create("sink");

    TCase *core = tcase_create("core");
    tcase_add_checked_fixture(core, enter_folder, remove_folder);
    tcase_add_test(core, unopened_until_the_folder_is_there);
    tcase_add_test(core, old_file_serves_until_the_new_one_opens);
    suite_add_tcase(suite, core);

    TCase *limits = tcase_create("limits");
    tcase_add_checked_fixture(limits, enter_folder, remove_folder);
    tcase_add_test(limits, torn_line_is_finished);
    tcase_add_loop_test(limits, torn_line_and_reopen, 0, 2);
    tcase_add_test(limits, lost_report_is_repeated);
    tcase_add_test(limits, closed_standard_output_is_not_tried_again);
    suite_add_tcase(suite, limits);

    TCase *hostile = tcase_create("hostile");
    tcase_set_timeout(hostile, 60);
    tcase_add_loop_test(hostile, standard_output_nobody_reads, 0, OUTPUT_KINDS);
    suite_add_tcase(suite, hostile);
    return suite;
}

int main(void)
{
    return runner_run(sink_suite());
}
