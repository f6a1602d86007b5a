/*
 * check_notify - what the service manager is told, above all one that does not read. It is played by a socket of the test's own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <check.h>

#include "runner.h"
#include "server/notify.h"

static char folder[32];
static struct sockaddr_un address;
static int manager;
static char message[512];

static void set_up(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/portcullis-check-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    address = (struct sockaddr_un){.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/manager", folder);
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(manager, (const struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
}

static void tear_down(void)
{
    close(manager);
    unlink(address.sun_path);
    rmdir(folder);
}

/* NULL: there is none. */
static const char *next_message(void)
{
    ssize_t size = recv(manager, message, sizeof(message) - 1, 0);
    if (size < 0) {
        ck_assert_int_eq(errno, EAGAIN);
        return NULL;
    }
    message[size] = '\0';
    return message;
}

/* From here on it takes nothing. */
static void fill(void)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    while (send(fd, "X=1", 3, 0) == 3) {
        ;
    }
    ck_assert_int_eq(errno, EAGAIN);
    close(fd);
}

static void read_away(void)
{
    while (next_message() != NULL) {
        ck_assert_str_eq(message, "X=1");
    }
}

START_TEST(core_states)
{
    struct notify notify;
    notify_ready(&notify, 3, false);
    ck_assert_str_eq(next_message(), "READY=1\nSTATUS=Serving; sessions: 3");
    notify_sessions(&notify, 3);
    ck_assert_ptr_null(next_message());
    notify_sessions(&notify, 4);
    ck_assert_str_eq(next_message(), "STATUS=Serving; sessions: 4");
    notify_reloading();
    ck_assert_int_eq(strncmp(next_message(), "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
    notify_ready(&notify, 4, true);
    ck_assert_str_eq(next_message(), "READY=1\nSTATUS=Serving; sessions: 4; the last reload was refused, see the log");
    notify_stopping(4, 5000);
    ck_assert_str_eq(next_message(), "STOPPING=1\nEXTEND_TIMEOUT_USEC=15000000\nSTATUS=Draining; sessions: 4");
    ck_assert_ptr_null(next_message());
}
END_TEST

/* Each call returns, and that it serves is said when there is room again. */
START_TEST(hostile_manager_does_not_read)
{
    struct notify notify;
    fill();
    notify_ready(&notify, 1, true);
    notify_sessions(&notify, 2);
    notify_reloading();
    notify_stopping(1, 0);
    read_away();
    notify_sessions(&notify, 2);
    ck_assert_str_eq(next_message(), "READY=1\nSTATUS=Serving; sessions: 2; the last reload was refused, see the log");
    notify_sessions(&notify, 2);
    ck_assert_ptr_null(next_message());
}
END_TEST

START_TEST(limits_no_manager)
{
    static const char *const names[] = {"", "/", "@", "nonsense", "/nonexistent/manager", "@portcullis-check-nobody"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct notify notify;
        ck_assert_int_eq(setenv("NOTIFY_SOCKET", names[i], 1), 0);
        notify_ready(&notify, 0, false);
        notify_sessions(&notify, 1);
        notify_reloading();
        notify_stopping(0, 0);
    }
    ck_assert_ptr_null(next_message());
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *test_case = tcase_create(name);
    tcase_add_checked_fixture(test_case, set_up, tear_down);
    tcase_set_timeout(test_case, 30);
    suite_add_tcase(suite, test_case);
    return test_case;
}

int main(void)
{
    Suite *suite = suite_create("notify");
    tcase_add_test(add_case(suite, "core"), core_states);
    tcase_add_test(add_case(suite, "limits"), limits_no_manager);
    tcase_add_test(add_case(suite, "hostile"), hostile_manager_does_not_read);
    return runner_run(suite);
}
