/*
 * check_secret - which files pass as secrets, what is read from them, and what is refused.
 */
#include "auth/secret.h"
#include "runner.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define MAX             64

static char folder[] = "/tmp/check-secret-XXXXXX";

/* Each test runs in a process of its own, and in this folder. */
static void enter_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
}

static void remove_folder(void)
{
    static const char *const names[] = {"secret", "link", "other"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        (void)remove(names[i]);
    }
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void make_file(const char *name, const void *bytes, size_t size, mode_t mode)
{
    const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    ck_assert_int_eq(close(fd), 0);
}

static void assert_refused(const char *path, enum secret_status expected)
{
    struct secret secret = {(uint8_t *)folder, 7};
    ck_assert_int_eq(secret_load(path, MAX, &secret), expected);
    ck_assert_ptr_eq(secret.bytes, (uint8_t *)folder); /* outputs are written on success only */
    ck_assert_uint_eq(secret.size, 7);
}

static void assert_loads(const char *path, size_t max_size, const void *bytes, size_t size)
{
    struct secret secret = {NULL, 0};
    ck_assert_int_eq(secret_load(path, max_size, &secret), SECRET_OK);
    ck_assert_uint_eq(secret.size, size);
    ck_assert_mem_eq(secret.bytes, bytes, size);
    ck_assert_uint_eq(secret.bytes[size], 0);
    secret_free(&secret);
    ck_assert_ptr_null(secret.bytes);
    ck_assert_uint_eq(secret.size, 0);
}

START_TEST(bytes_as_they_are)
{
    static const char bytes[] = "a\0b\xff\r\n";
    make_file("secret", bytes, sizeof bytes - 1, 0600);
    assert_loads("secret", MAX, bytes, sizeof bytes - 1);
    ck_assert_int_eq(secret_check("secret"), SECRET_OK);
}
END_TEST

START_TEST(symbolic_link_is_followed)
{
    make_file("secret", "x", 1, 0400);
    ck_assert_int_eq(symlink("secret", "link"), 0);
    assert_loads("link", MAX, "x", 1);
}
END_TEST

START_TEST(free_of_an_empty_one)
{
    struct secret secret = {NULL, 0};
    secret_free(&secret);
    ck_assert_ptr_null(secret.bytes);
}
END_TEST

START_TEST(every_status_has_a_text)
{
    for (int i = SECRET_OK; i <= SECRET_NO_MEMORY; i++) {
        for (int j = SECRET_OK; j < i; j++) {
            ck_assert_str_ne(secret_status_text((enum secret_status)i), secret_status_text((enum secret_status)j));
        }
    }
}
END_TEST

START_TEST(missing)
{
    assert_refused("secret", SECRET_MISSING);
    ck_assert_int_eq(secret_check("secret"), SECRET_MISSING);
    ck_assert_int_eq(symlink("nowhere", "link"), 0);
    assert_refused("link", SECRET_MISSING);
}
END_TEST

START_TEST(unreadable_says_why)
{
    ck_assert_int_eq(symlink("link", "link"), 0); /* a loop: fails for the superuser too */
    errno = 0;
    assert_refused("link", SECRET_UNREADABLE);
    ck_assert_int_eq(errno, ELOOP);
}
END_TEST

START_TEST(sizes)
{
    char bytes[MAX + 1];
    memset(bytes, 'k', sizeof bytes);
    make_file("secret", bytes, 0, 0600);
    assert_refused("secret", SECRET_EMPTY);
    ck_assert_int_eq(secret_check("secret"), SECRET_EMPTY);
    make_file("secret", bytes, 1, 0600);
    assert_loads("secret", MAX, bytes, 1);
    make_file("secret", bytes, MAX, 0600);
    assert_loads("secret", MAX, bytes, MAX);
    assert_loads("secret", SIZE_MAX - 1, bytes, MAX);
    make_file("secret", bytes, MAX + 1, 0600);
    assert_refused("secret", SECRET_TOO_LARGE);
}
END_TEST

/* Holes cost no disk: a file of a terabyte must cost no memory. */
START_TEST(huge_file)
{
    make_file("secret", "x", 1, 0600);
    ck_assert_int_eq(truncate("secret", (off_t)1 << 40), 0);
    assert_refused("secret", SECRET_TOO_LARGE);
}
END_TEST

static const mode_t exposed_modes[] = {0601, 0602, 0604, 0610, 0620, 0640, 0644, 0660, 0666, 0777, 0440, 0004};

START_TEST(exposed)
{
    make_file("secret", "x", 1, exposed_modes[_i]);
    if (geteuid() != 0 && (exposed_modes[_i] & S_IRUSR) == 0) {
        assert_refused("secret", SECRET_UNREADABLE);
        return;
    }
    assert_refused("secret", SECRET_EXPOSED);
    ck_assert_int_eq(secret_check("secret"), SECRET_EXPOSED);
}
END_TEST

/* The target's permissions count, not those of the link, which are always open. */
START_TEST(exposed_behind_a_link)
{
    make_file("secret", "x", 1, 0644);
    ck_assert_int_eq(symlink("secret", "link"), 0);
    assert_refused("link", SECRET_EXPOSED);
}
END_TEST

/* Returns at all: a FIFO without writer would block a plain open(). */
START_TEST(fifo)
{
    ck_assert_int_eq(mkfifo("other", 0600), 0);
    assert_refused("other", SECRET_NOT_REGULAR);
    ck_assert_int_eq(secret_check("other"), SECRET_NOT_REGULAR);
}
END_TEST

START_TEST(folder_and_device)
{
    ck_assert_int_eq(mkdir("other", 0700), 0);
    assert_refused("other", SECRET_NOT_REGULAR);
    assert_refused("/dev/zero", SECRET_NOT_REGULAR);
}
END_TEST

START_TEST(local_socket)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "other"};
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_refused("other", SECRET_UNREADABLE);
    close(fd);
}
END_TEST

/* Files of /proc have a size of 0 and content: whatever claims to be empty is not read. */
START_TEST(pretends_to_be_empty)
{
    struct secret secret = {NULL, 0};
    ck_assert_int_eq(secret_load("/proc/self/environ", MAX, &secret), SECRET_EMPTY); /* mode 0400 */
}
END_TEST

START_TEST(no_descriptor_is_left)
{
    const int before = dup(STDIN_FILENO);
    close(before);
    make_file("secret", "x", 1, 0644);
    assert_refused("secret", SECRET_EXPOSED);
    make_file("secret", "xx", 2, 0600);
    assert_loads("secret", MAX, "xx", 2);
    ck_assert_int_eq(secret_check("secret"), SECRET_OK);
    struct secret secret = {NULL, 0};
    ck_assert_int_eq(secret_load("secret", 1, &secret), SECRET_TOO_LARGE);
    const int after = dup(STDIN_FILENO);
    close(after);
    ck_assert_int_eq(after, before);
}
END_TEST

/* One line of base64url, whose every character has been drawn: two files are never alike. */
START_TEST(made)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    static const size_t lengths[] = {1, 32, 48, SECRET_RANDOM_MAX};
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        struct secret secret = {NULL, 0};
        struct secret other = {NULL, 0};
        const mode_t mask = umask(0); /* the mode is not left to the caller's mask */
        ck_assert_int_eq(secret_make("secret", lengths[i]), SECRET_OK);
        ck_assert_int_eq(secret_make("other", lengths[i]), SECRET_OK);
        (void)umask(mask);
        ck_assert_int_eq(secret_load("secret", 2 * MAX, &secret), SECRET_OK);
        ck_assert_int_eq(secret_load("other", 2 * MAX, &other), SECRET_OK);
        ck_assert_uint_eq(secret.size, (lengths[i] * 8 + 5) / 6);
        ck_assert_uint_eq(strspn((const char *)secret.bytes, alphabet), secret.size);
        ck_assert(lengths[i] < 32 || memcmp(secret.bytes, other.bytes, secret.size) != 0);
        struct stat info;
        ck_assert_int_eq(stat("secret", &info), 0);
        ck_assert_uint_eq(info.st_mode & 07777, 0600);
        ck_assert_uint_eq(info.st_nlink, 1);
        secret_free(&secret);
        secret_free(&other);
        ck_assert_int_eq(unlink("secret"), 0);
        ck_assert_int_eq(unlink("other"), 0);
    }
    ck_assert_int_eq(rmdir(folder), 0); /* nothing else was left */
    ck_assert_int_eq(mkdir(folder, 0700), 0);
}
END_TEST

/* Whoever was first stays, and a link is not followed to where it leads. */
START_TEST(made_by_another)
{
    make_file("secret", "first", 5, 0600);
    ck_assert_int_eq(secret_make("secret", 32), SECRET_OK);
    assert_loads("secret", MAX, "first", 5);
    ck_assert_int_eq(symlink("other", "link"), 0);
    ck_assert_int_eq(secret_make("link", 32), SECRET_OK);
    ck_assert_int_eq(access("other", F_OK), -1);
}
END_TEST

START_TEST(made_in_no_folder)
{
    ck_assert_int_eq(secret_make("absent/secret", 32), SECRET_UNMADE);
    ck_assert_int_eq(errno, ENOENT);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tests = tcase_create(name);
    tcase_add_checked_fixture(tests, enter_folder, remove_folder);
    suite_add_tcase(suite, tests);
    return tests;
}

static Suite *secret_suite(void)
{
    Suite *suite = suite_create("secret");

    TCase *core = add_case(suite, "core");
    tcase_add_test(core, bytes_as_they_are);
    tcase_add_test(core, symbolic_link_is_followed);
    tcase_add_test(core, free_of_an_empty_one);
    tcase_add_test(core, every_status_has_a_text);
    tcase_add_test(core, missing);
    tcase_add_test(core, made);
    tcase_add_test(core, unreadable_says_why);

    TCase *limits = add_case(suite, "limits");
    tcase_add_test(limits, sizes);
    tcase_add_test(limits, huge_file);

    TCase *hostile = add_case(suite, "hostile");
    tcase_add_loop_test(hostile, exposed, 0, COUNT_OF(exposed_modes));
    tcase_add_test(hostile, exposed_behind_a_link);
    tcase_add_test(hostile, fifo);
    tcase_add_test(hostile, folder_and_device);
    tcase_add_test(hostile, local_socket);
    tcase_add_test(hostile, pretends_to_be_empty);
    tcase_add_test(hostile, no_descriptor_is_left);
    tcase_add_test(hostile, made_by_another);
    tcase_add_test(hostile, made_in_no_folder);
    return suite;
}

int main(void)
{
    return runner_run(secret_suite());
}
