/*
 * Tests of config: what it reads from files, each test in a folder of its own.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner.h"
#include "server/config/config.h"
#include "server/config/list.h"
#include "server/config/report.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PATH_SIZE    256

/* All that was reported since the last load, a line each. */
static char seen[16 * REPORT_LINE_SIZE];

static void show(void *context, bool is_error, const char *line)
{
    (void)context;
    size_t used = strlen(seen);
    (void)snprintf(seen + used, sizeof(seen) - used, "%s%s\n", is_error ? "" : "warning: ", line);
}

static void check_prefix(const struct prefix *prefix, const char *text)
{
    char out[PREFIX_TEXT_SIZE];
    ck_assert_str_eq(prefix_format(prefix, out), text);
}

static char folder[] = "/tmp/check_config_XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, mode_t mode, const char *text, size_t size)
{
    int fd = open(in_folder(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, size), (ssize_t)size);
    ck_assert_int_eq(fchmod(fd, mode), 0);
    ck_assert_int_eq(close(fd), 0);
}

static void write_text(const char *name, mode_t mode, const char *text)
{
    write_file(name, mode, text, strlen(text));
}

static void make_folder(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/check_config_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void)
{
    static const char *const names[] = {"p.conf", "c.pem", "k.pem", "d.txt", "e.txt", "s", "t", "sub", "fifo", "link"};
    for (size_t i = 0; i < COUNT(names); i++) {
        (void)remove(in_folder(names[i]));
    }
    ck_assert_int_eq(rmdir(folder), 0);
}

/* Loads p.conf; what is reported is compared with `lines`, in which "@" stands for the folder. */
static const struct config *load(const char *lines)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s", in_folder("p.conf"));
    seen[0] = '\0';
    const struct config *config = config_load(path, show, NULL);
    char expected[sizeof(seen)];
    size_t used = 0;
    for (; *lines != '\0'; lines++) {
        used += (size_t)snprintf(expected + used, sizeof(expected) - used, *lines == '@' ? "%s" : "%.1s",
                                 *lines == '@' ? folder : lines);
    }
    expected[used] = '\0';
    ck_assert_str_eq(seen, expected);
    return config;
}

static void load_fails(const char *lines)
{
    ck_assert_ptr_null(load(lines));
}

START_TEST(test_load)
{
    write_text("c.pem", 0644, "certificate");
    write_text("k.pem", 0600, "key");
    write_text("d.txt", 0644, "# a list\n192.0.2.0/24\n\n  2001:db8::/32 # with a comment\r\n10.0.0.1");
    write_text("s", 0600, "a secret of thirty-two bytes, at least\n");
    char text[1024];
    (void)snprintf(text, sizeof(text),
                   "listeners = ( { address = \"*:0\"; tls = true; } );\n"
                   "tls = { certificate = \"c.pem\"; key = \"k.pem\"; };\n"
                   "state_dir = \"%s\";\n"
                   "firewall = { deny = [ \"::1\" ]; deny_files = [ \"d.txt\" ]; };\n"
                   "auth = { keys = ( { id = \"a\"; algorithm = \"HS256\"; secret_file = \"s\"; },\n"
                   "                  { id = \"b\"; algorithm = \"HS256\"; secret_file = \"made_later\"; } ); };\n"
                   "endpoints = ( { path = \"/\"; } );\n",
                   folder);
    write_text("p.conf", 0644, text);
    const struct config *config = load("");
    ck_assert_ptr_nonnull(config);
    ck_assert_str_eq(config->file, in_folder("p.conf"));
    ck_assert_str_eq(config->tls.certificate, in_folder("c.pem"));
    ck_assert_str_eq(config->auth.keys[1].secret_file, in_folder("made_later"));
    ck_assert_uint_eq(config->firewall.deny_count, 4);
    check_prefix(&config->firewall.deny[0], "::1/128");
    check_prefix(&config->firewall.deny[1], "192.0.2.0/24");
    check_prefix(&config->firewall.deny[2], "2001:db8::/32");
    check_prefix(&config->firewall.deny[3], "10.0.0.1/32");
    struct gate *gate = gate_create(&config->firewall);
    ck_assert_ptr_nonnull(gate);
    gate_destroy(&gate);
    config_unref(&config);
}
END_TEST

START_TEST(test_deny_file_errors)
{
    write_text("d.txt", 0644, "10.0.0.0/8\n10.0.0.1/8\nx \x1b[2J\n192.0.2.1 192.0.2.2\n");
    write_file("e.txt", 0644, "1.2.3.4\0\n", 9);
    ck_assert_int_eq(mkdir(in_folder("sub"), 0700), 0);
    ck_assert_int_eq(mkfifo(in_folder("fifo"), 0600), 0);
    write_text("p.conf", 0644,
               "firewall = { deny_files = [\n \"d.txt\",\n \"e.txt\",\n \"sub\",\n \"fifo\",\n \"absent\"\n ]; };");
    load_fails(
        "@/d.txt:2: expected an address or a prefix such as \"192.0.2.0/24\", found \"10.0.0.1/8\": bits set "
        "behind the prefix length\n"
        "@/d.txt:3: expected an address or a prefix such as \"192.0.2.0/24\", found \"x \\x1b[2J\": not an IPv4 "
        "or IPv6 address\n"
        "@/d.txt:4: expected an address or a prefix such as \"192.0.2.0/24\", found \"192.0.2.1 192.0.2.2\": not "
        "an IPv4 or IPv6 address\n"
        "@/e.txt:1: expected an address or a prefix such as \"192.0.2.0/24\", found \"1.2.3.4\\x00\": not an "
        "IPv4 or IPv6 address\n"
        "@/p.conf:4: firewall.deny_files[2]: @/sub cannot be read: it is a folder\n"
        "@/p.conf:5: firewall.deny_files[3]: @/fifo cannot be read: it is not a regular file\n"
        "@/p.conf:6: firewall.deny_files[4]: @/absent cannot be read: No such file or directory\n");
}
END_TEST

START_TEST(test_secrets)
{
    write_text("k.pem", 0640, "key");
    write_text("s", 0604, "secret");
    write_text("t", 0660, "token");
    char text[1024];
    (void)snprintf(text, sizeof(text),
                   "state_dir = \"%s\";\n"
                   "listeners = ( { address = \"*:0\"; tls = true; } );\n"
                   "tls = { certificate = \"c.pem\";\n key = \"k.pem\"; };\n"
                   "admin = { tokens = (\n { name = \"t\"; token_file = \"t\"; } ); };\n"
                   "auth = { keys = (\n { id = \"a\"; algorithm = \"HS256\"; secret_file = \"s\"; } ); };\n",
                   folder);
    write_text("p.conf", 0644, text);
    load_fails("@/p.conf:3: tls.certificate: @/c.pem cannot be read: No such file or directory\n"
               "@/p.conf:4: tls.key: @/k.pem is open to group or others (chmod 600); its mode is 0640\n"
               "@/p.conf:6: admin.tokens[0].token_file: @/t is open to group or others (chmod 600); its mode is 0660\n"
               "@/p.conf:8: auth.keys[0].secret_file: @/s is open to group or others (chmod 600); its mode is 0604\n");
}
END_TEST

/* A key that TLS needs must be there; a secret that is made later need not, but must be a file when it is. */
START_TEST(test_missing_secrets)
{
    ck_assert_int_eq(mkdir(in_folder("sub"), 0700), 0);
    ck_assert_int_eq(mkfifo(in_folder("fifo"), 0600), 0);
    write_text("c.pem", 0644, "certificate");
    char text[1024];
    (void)snprintf(text, sizeof(text),
                   "state_dir = \"%s\"; listeners = ( { address = \"*:0\"; tls = true; } );\n"
                   "tls = { certificate = \"c.pem\"; key = \"absent\"; };\n"
                   "auth = { keys = (\n { id = \"a\"; algorithm = \"HS256\"; secret_file = \"sub\"; },\n"
                   " { id = \"b\"; algorithm = \"HS256\"; secret_file = \"fifo\"; } ); };\n",
                   folder);
    write_text("p.conf", 0644, text);
    load_fails("@/p.conf:2: tls.key: @/absent does not exist\n"
               "@/p.conf:4: auth.keys[0].secret_file: @/sub is not a regular file\n"
               "@/p.conf:5: auth.keys[1].secret_file: @/fifo is not a regular file\n");
}
END_TEST

START_TEST(test_not_a_file)
{
    load_fails("@/p.conf: cannot be read: No such file or directory\n");
    ck_assert_int_eq(mkdir(in_folder("p.conf"), 0700), 0);
    load_fails("@/p.conf: cannot be read: it is a folder\n");
    ck_assert_int_eq(rmdir(in_folder("p.conf")), 0);
    ck_assert_int_eq(mkfifo(in_folder("p.conf"), 0600), 0);
    load_fails("@/p.conf: cannot be read: it is not a regular file\n");
    ck_assert_int_eq(unlink(in_folder("p.conf")), 0);
    ck_assert_int_eq(symlink("p.conf", in_folder("p.conf")), 0);
    load_fails("@/p.conf: cannot be read: Too many levels of symbolic links\n");
    ck_assert_int_eq(unlink(in_folder("p.conf")), 0);
    ck_assert_int_eq(symlink("/dev/zero", in_folder("p.conf")), 0);
    load_fails("@/p.conf: cannot be read: it is not a regular file\n");
}
END_TEST

START_TEST(test_huge_file)
{
    char *text = malloc(CONFIG_FILE_MAX + 1);
    ck_assert_ptr_nonnull(text);
    memset(text, ' ', CONFIG_FILE_MAX + 1);
    write_file("p.conf", 0600, text, CONFIG_FILE_MAX);
    const struct config *config = load("warning: @/p.conf: endpoints: none: every request will be answered with 404\n");
    ck_assert_ptr_nonnull(config);
    config_unref(&config);
    write_file("p.conf", 0600, text, CONFIG_FILE_MAX + 1);
    load_fails("@/p.conf: cannot be read: it is too large\n");
    free(text);
}
END_TEST

/* Of a list that is no list at all, so much is shown and no more; and so many prefixes are taken. */
START_TEST(test_list_errors_max)
{
    struct report report = {.show = NULL, .file = "t.conf"};
    struct prefix_list list = {0};
    static char text[2 * (LIST_ERRORS_MAX + 1)];
    for (size_t i = 0; i < sizeof(text); i += 2) {
        memcpy(text + i, "x\n", 2);
    }
    list_parse(&list, text, sizeof(text), "d.txt", &report, 1, NULL);
    ck_assert_uint_eq(report.errors, LIST_ERRORS_MAX + 1);
    ck_assert_uint_eq(list.count, 0);

    report.errors = 0;
    static const struct prefix some[1000];
    ck_assert_uint_eq(LIST_PREFIXES_MAX % COUNT(some), 0);
    for (size_t i = 0; i < LIST_PREFIXES_MAX / COUNT(some); i++) {
        ck_assert(list_add(&list, some, COUNT(some), &report, 1, NULL));
    }
    ck_assert_uint_eq(report.errors, 0);
    list_parse(&list, "::1\n::2\n", 8, "d.txt", &report, 1, NULL);
    ck_assert_uint_eq(report.errors, 1); /* once, not a line each */
    ck_assert_uint_eq(list.count, LIST_PREFIXES_MAX);
    free(list.prefixes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_files");
    TCase *core = tcase_create("core");
    TCase *limits = tcase_create("limits");
    TCase *hostile = tcase_create("hostile");
    tcase_add_checked_fixture(core, make_folder, remove_folder);
    tcase_add_checked_fixture(limits, make_folder, remove_folder);
    tcase_add_checked_fixture(hostile, make_folder, remove_folder);
    tcase_add_test(core, test_load);
    tcase_add_test(limits, test_huge_file);
    tcase_add_test(limits, test_list_errors_max);
    tcase_add_test(hostile, test_deny_file_errors);
    tcase_add_test(hostile, test_secrets);
    tcase_add_test(hostile, test_missing_secrets);
    tcase_add_test(hostile, test_not_a_file);
    suite_add_tcase(suite, core);
    suite_add_tcase(suite, limits);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
