/*
 * check_tls - the first record of a connection on a TLS port, byte by byte.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "runner.h"
#include "server/lobby/ticket_keys.h"
#include "server/lobby/tls.h"

#define LINES_SIZE 4096

#define BYTES(literal) (const uint8_t *)(literal), sizeof(literal) - 1

static const struct {
    const char *name;
    const uint8_t *bytes;
    size_t size;
    enum tls_hello expect;
    size_t need;
} rows[] = {
    {"nothing yet", BYTES(""), TLS_HELLO_MORE, 5},
    {"first byte", BYTES("\x16"), TLS_HELLO_MORE, 5},
    {"header but one", BYTES("\x16\x03\x01\x00"), TLS_HELLO_MORE, 5},
    {"header alone", BYTES("\x16\x03\x01\x00\x08"), TLS_HELLO_MORE, 13},
    {"all but one byte",
     BYTES("\x16\x03\x01\x00\x04"
           "abc"),
     TLS_HELLO_MORE, 9},
    {"whole",
     BYTES("\x16\x03\x01\x00\x04"
           "abcd"),
     TLS_HELLO_WHOLE, 9},
    {"whole and more",
     BYTES("\x16\x03\x03\x00\x04"
           "abcdefgh"),
     TLS_HELLO_WHOLE, 9},
    {"largest length", BYTES("\x16\x03\x01\x40\x00"), TLS_HELLO_MORE, 5 + 16384},
    {"length past the largest", BYTES("\x16\x03\x01\x40\x01"), TLS_HELLO_GARBAGE, 5},
    {"length 65535", BYTES("\x16\x03\x01\xff\xff"), TLS_HELLO_GARBAGE, 5},
    {"length 0", BYTES("\x16\x03\x01\x00\x00"), TLS_HELLO_GARBAGE, 5},
    {"length 3: no handshake header fits", BYTES("\x16\x03\x01\x00\x03"), TLS_HELLO_GARBAGE, 5},
    {"not version 3", BYTES("\x16\x02"), TLS_HELLO_GARBAGE, 5},
    {"an alert", BYTES("\x15\x03\x01\x00\x02\x02\x28"), TLS_HELLO_GARBAGE, 5},
    {"application data", BYTES("\x17\x03\x03\x00\x20"), TLS_HELLO_GARBAGE, 5},
    {"SSLv2", BYTES("\x80\x2e\x01\x00\x02"), TLS_HELLO_GARBAGE, 5},
    {"HTTP", BYTES("GET / HTTP/1.1\r\n"), TLS_HELLO_HTTP, 5},
    {"one letter", BYTES("P"), TLS_HELLO_HTTP, 5},
    {"NUL", BYTES("\0\0\0\0\0"), TLS_HELLO_GARBAGE, 5},
    {"lower case", BYTES("get"), TLS_HELLO_GARBAGE, 5},
};

START_TEST(core_rows)
{
    size_t need = 0;
    enum tls_hello hello = tls_hello_check(rows[_i].bytes, rows[_i].size, &need);
    ck_assert_msg(hello == rows[_i].expect, "%s: %d", rows[_i].name, (int)hello);
    ck_assert_msg(need == rows[_i].need, "%s: needs %zu", rows[_i].name, need);
}
END_TEST

static void keep_line(void *context, bool is_error, const char *line)
{
    char *lines = context;
    ck_assert(is_error);
    (void)snprintf(lines + strlen(lines), LINES_SIZE - strlen(lines), "%s\n", line);
}

START_TEST(hostile_bad_certificate_files_are_told)
{
    static const struct config_certificate more[] = {{.certificate = "/dev/null", .key = "/nonexistent/other.key"},
                                                     {.certificate = "/nonexistent/third.crt", .key = ""}};
    struct config config;
    char lines[LINES_SIZE] = "";
    struct ticket_keys *tickets = ticket_keys_create(1000, 0);
    memset(&config, 0, sizeof(config));
    config.tls.certificate = "/nonexistent/server.crt";
    config.tls.key = "/nonexistent/server.key";
    config.tls.certificates = more;
    config.tls.certificate_count = 2;
    config.tls.client_verify = CONFIG_VERIFY_REQUIRED;
    config.tls.client_ca = "/nonexistent/ca.crt";
    ck_assert_ptr_null(tls_context_create(&config, tickets, keep_line, lines));
    ck_assert_str_eq(lines, "/nonexistent/ca.crt: cannot be read: No such file or directory\n"
                            "/nonexistent/server.crt: cannot be read: No such file or directory\n"
                            "/dev/null: cannot be read: it is not a regular file\n"
                            "/nonexistent/third.crt: cannot be read: No such file or directory\n");
    ticket_keys_destroy(&tickets);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tls");
    TCase *core = tcase_create("core");
    tcase_add_loop_test(core, core_rows, 0, sizeof(rows) / sizeof(rows[0]));
    suite_add_tcase(suite, core);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_bad_certificate_files_are_told);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
