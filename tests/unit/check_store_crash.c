/*
 * check_store_crash - a process that is killed at any moment has kept all that it acknowledged, and leaves a file that opens.
 */
#include "server/state/store.h"

#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sqlite_shell.h"

#define STATE      "state"
#define ROUNDS     20
#define THREADS    4
#define ROUND_ACKS 40   /* a round ends behind as many acknowledgements at most */
#define ACKS_MAX   4096 /* what was under way when the kill came is acknowledged, too */
#define NOW        INT64_C(1000)
#define LATER      INT64_C(2000)

static char folder[] = "/tmp/check-crash-XXXXXX";
static int acknowledgements; /* end of the pipe to write to */
static struct store *store;
static unsigned round_number;

struct acknowledged {
    uint64_t id;
    uint64_t before_s; /* which of them it is */
    bool found;
};

static struct acknowledged all[ROUNDS * ACKS_MAX];
static size_t count;

static void open_store(void)
{
    char error[512] = "";
    store = store_open(STATE, NULL, error, sizeof(error));
    ck_assert_msg(store != NULL, "%s", error);
}

/* Writes of less than PIPE_BUF bytes come in one piece. */
static void *add_for_ever(void *argument)
{
    unsigned thread = *(const unsigned *)argument;
    for (uint64_t i = 0;; i++) {
        struct acknowledged one = {.before_s = ((uint64_t)round_number << 40) | ((uint64_t)thread << 32) | i};
        const struct revocation revocation = {.kind = REVOCATION_USER,
                                              .subject = "ann",
                                              .before_s = (int64_t)one.before_s,
                                              .since_s = NOW,
                                              .until_s = LATER,
                                              .by = "operator",
                                              .reason = ""};
        if (store_add_revocation(store, &revocation, &one.id) != STORE_OK ||
            write(acknowledgements, &one, sizeof(one)) != (ssize_t)sizeof(one)) {
            _exit(EXIT_FAILURE);
        }
    }
    return NULL;
}

static void be_killed(void)
{
    static unsigned numbers[THREADS];
    pthread_t thread;
    open_store();
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        if (pthread_create(&thread, NULL, add_for_ever, &numbers[i]) != 0) {
            _exit(EXIT_FAILURE);
        }
    }
    for (;;) {
        (void)pause();
    }
}

static bool read_one(int fd)
{
    ssize_t size = read(fd, &all[count], sizeof(all[0]));
    ck_assert(size == 0 || size == (ssize_t)sizeof(all[0]));
    if (size > 0) {
        ck_assert_uint_lt(++count, sizeof(all) / sizeof(all[0]));
    }
    return size > 0;
}

/* Killed behind so many acknowledgements, while others are under way; what is in the pipe by then counts as well. */
static void kill_behind(unsigned acks)
{
    int ends[2];
    int status;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        close(ends[0]);
        acknowledgements = ends[1];
        be_killed();
    }
    close(ends[1]);
    for (unsigned i = 0; i < acks; i++) {
        ck_assert(read_one(ends[0]));
    }
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    while (read_one(ends[0])) {
    }
    close(ends[0]);
}

static void find(void *context, const struct revocation *revocation)
{
    (void)context;
    for (size_t i = 0; i < count; i++) {
        if (all[i].id == revocation->id) {
            ck_assert_int_eq(revocation->before_s, (int64_t)all[i].before_s);
            all[i].found = true;
        }
    }
}

static void assert_nothing_lost(void)
{
    open_store();
    ck_assert_int_eq(store_list_revocations(store, NOW, 0, SIZE_MAX, find, NULL), STORE_OK);
    store_close(&store);
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(all[i].found, "%zu of %zu is lost", i, count);
        all[i].found = false;
    }
    char output[64];
    sqlite_shell(STATE "/portcullis.db", "PRAGMA integrity_check", output, sizeof(output));
    ck_assert_str_eq(output, "ok\n");
}

START_TEST(killed_again_and_again)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    unsigned noise = 1;
    for (round_number = 0; round_number < ROUNDS; round_number++) {
        noise = noise * 1103515245U + 12345U;
        kill_behind((noise >> 16) % ROUND_ACKS);
        assert_nothing_lost();
    }
    ck_assert_uint_gt(count, ROUNDS);
    static const char *const names[] = {"portcullis.db", "portcullis.db-wal", "portcullis.db-shm"};
    ck_assert_int_eq(chdir(STATE), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)remove(names[i]);
    }
    ck_assert_int_eq(chdir(".."), 0);
    ck_assert_int_eq(rmdir(STATE), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("store_crash");
    TCase *hostile = tcase_create("hostile");
    tcase_set_timeout(hostile, 240);
    tcase_add_test(hostile, killed_again_and_again);
    suite_add_tcase(suite, hostile);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    const int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
