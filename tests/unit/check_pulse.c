/*
 * check_pulse - which silence counts, what is said of it, and when the service manager is told. Threads are played by flags;
 * the manager is a socket of the test's own.
 */
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <check.h>

#include "runner.h"
#include "server/pulse.h"

#define WATCHDOG_MS 400
/* Several times what a keep-alive may take; only its absence waits that long. */
#define SILENCE_MS 1000

static char folder[] = "/tmp/portcullis-check-XXXXXX";
static char log_path[64];
static atomic_bool alive[2];
static struct notify_watchdog watchdog;
static int manager;
static struct log *events;
static struct pulse *pulse;

static bool flag_alive(void *context)
{
    return atomic_load((atomic_bool *)context);
}

static void set_up(void)
{
    char error[256];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(log_path, sizeof(log_path), "%s/log", folder);
    const struct log_config config = {.level = LOG_INFO, .file = log_path};
    events = log_open(&config, error, sizeof(error));
    ck_assert_ptr_nonnull(events);

    watchdog = (struct notify_watchdog){.timeout_ms = WATCHDOG_MS, .address.sun_family = AF_UNIX};
    (void)snprintf(watchdog.address.sun_path, sizeof(watchdog.address.sun_path), "%s/manager", folder);
    watchdog.address_size = sizeof(watchdog.address);
    manager = socket(AF_UNIX, SOCK_DGRAM, 0);
    ck_assert_int_eq(bind(manager, (const struct sockaddr *)&watchdog.address, watchdog.address_size), 0);
    watchdog.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    ck_assert_int_ge(watchdog.fd, 0);
}

static void tear_down(void)
{
    pulse_stop(&pulse);
    log_close(&events, 0);
    notify_watchdog_close(&watchdog);
    close(manager);
    unlink(watchdog.address.sun_path);
    unlink(log_path);
    rmdir(folder);
}

static void start(bool second_is_vital)
{
    const struct pulse_thread threads[] = {
        {.name = "first", .vital = true, .alive = flag_alive, .context = &alive[0]},
        {.name = "second", .vital = second_is_vital, .alive = flag_alive, .context = &alive[1]},
    };
    const struct pulse_setup setup = {.threads = threads, .count = 2, .log = events, .watchdog = &watchdog};
    atomic_store(&alive[0], true);
    atomic_store(&alive[1], true);
    pulse = pulse_start(&setup);
    ck_assert_ptr_nonnull(pulse);
}

/* The next keep-alive; false when none comes. */
static bool is_told(int timeout_ms)
{
    struct pollfd wait = {.fd = manager, .events = POLLIN};
    char text[32];
    if (poll(&wait, 1, timeout_ms) <= 0) {
        return false;
    }
    ssize_t size = recv(manager, text, sizeof(text), 0);
    ck_assert_int_eq(size, 10);
    ck_assert_int_eq(memcmp(text, "WATCHDOG=1", 10), 0);
    return true;
}

static void read_rest(void)
{
    while (is_told(0)) {
    }
}

static bool log_has(const char *text)
{
    char content[4096] = "";
    FILE *file = fopen(log_path, "r");
    if (file != NULL) {
        size_t size = fread(content, 1, sizeof(content) - 1, file);
        content[size] = '\0';
        fclose(file);
    }
    return strstr(content, text) != NULL;
}

/* The test's own limit of time ends it when that does not happen. */
static void wait_log(const char *text)
{
    while (!log_has(text)) {
        (void)poll(NULL, 0, 5);
    }
}

START_TEST(core_told_while_all_answer)
{
    start(true);
    for (int i = 0; i < 5; i++) {
        ck_assert(is_told(-1));
    }
}
END_TEST

START_TEST(core_silence_is_named_and_ends)
{
    start(true);
    ck_assert(is_told(-1));
    atomic_store(&alive[1], false);
    wait_log(" error thread_stalled thread=second silent=0.2");
    read_rest();
    ck_assert(!is_told(SILENCE_MS));
    atomic_store(&alive[1], true);
    ck_assert(is_told(-1));
    wait_log(" warning thread_resumed thread=second silent=");
    ck_assert(!log_has("thread=first"));
}
END_TEST

START_TEST(core_some_are_not_vital)
{
    start(false);
    atomic_store(&alive[1], false);
    wait_log(" error thread_stalled thread=second silent=0.2");
    read_rest();
    for (int i = 0; i < 5; i++) {
        ck_assert(is_told(-1));
    }
}
END_TEST

START_TEST(limits_nobody_wants_to_know)
{
    watchdog.timeout_ms = 0;
    start(true);
    ck_assert(!is_told(SILENCE_MS));
}
END_TEST

START_TEST(limits_shortest_time)
{
    watchdog.timeout_ms = 1;
    start(true);
    for (int i = 0; i < 5; i++) {
        ck_assert(is_told(-1));
    }
}
END_TEST

START_TEST(hostile_manager_does_not_read)
{
    start(true);
    int probe = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    while (sendto(probe, "x", 1, 0, (const struct sockaddr *)&watchdog.address, watchdog.address_size) >= 0) {
    }
    close(probe);
    atomic_store(&alive[0], false);
    wait_log(" error thread_stalled thread=first"); /* so it does not wait for the manager */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pulse");
    TCase *core = tcase_create("core");
    tcase_add_checked_fixture(core, set_up, tear_down);
    tcase_set_timeout(core, 60);
    tcase_add_test(core, core_told_while_all_answer);
    tcase_add_test(core, core_silence_is_named_and_ends);
    tcase_add_test(core, core_some_are_not_vital);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_checked_fixture(limits, set_up, tear_down);
    tcase_set_timeout(limits, 60);
    tcase_add_test(limits, limits_nobody_wants_to_know);
    tcase_add_test(limits, limits_shortest_time);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_checked_fixture(hostile, set_up, tear_down);
    tcase_set_timeout(hostile, 60);
    tcase_add_test(hostile, hostile_manager_does_not_read);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
