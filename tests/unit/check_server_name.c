/*
 * check_server_name - names that clients ask for and certificates are for: what is a name, what a wildcard stands for.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "runner.h"
#include "server/lobby/server_name.h"

#define BYTES(literal) (const uint8_t *)(literal), sizeof(literal) - 1
#define LABEL_63       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define NAME_253       LABEL_63 "." LABEL_63 "." LABEL_63 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
    const uint8_t *bytes;
    size_t size;
    const char *name;    /* NULL: none */
    const char *pattern; /* NULL: none */
} rows[] = {
    {BYTES("example.com"), "example.com", "example.com"},
    {BYTES("EXAMPLE.Com"), "example.com", "example.com"},
    {BYTES("localhost"), "localhost", "localhost"},
    {BYTES("a"), "a", "a"},
    {BYTES("xn--bcher-kva.example"), "xn--bcher-kva.example", "xn--bcher-kva.example"},
    {BYTES("_service.example"), "_service.example", "_service.example"},
    {BYTES("1.2.3.4"), "1.2.3.4", "1.2.3.4"},
    {BYTES(LABEL_63 ".example"), LABEL_63 ".example", LABEL_63 ".example"},
    {BYTES(NAME_253), NAME_253, NAME_253},
    {BYTES(NAME_253 "a"), NULL, NULL},
    {BYTES(LABEL_63 "a.example"), NULL, NULL},
    {BYTES("example." LABEL_63 "a"), NULL, NULL},
    {BYTES(""), NULL, NULL},
    {BYTES("."), NULL, NULL},
    {BYTES("example.com."), NULL, NULL},
    {BYTES(".example.com"), NULL, NULL},
    {BYTES("example..com"), NULL, NULL},
    {BYTES("exam ple.com"), NULL, NULL},
    {BYTES("example.com\0"), NULL, NULL},
    {BYTES("exa\0mple.com"), NULL, NULL},
    {BYTES("b\xc3\xbc"
           "cher.example"),
     NULL, NULL},
    {BYTES("\xff\xfe.example"), NULL, NULL},
    {BYTES("[::1]"), NULL, NULL},
    {BYTES("example.com:443"), NULL, NULL},
    {BYTES("*.example.com"), NULL, "*.example.com"},
    {BYTES("*.EXAMPLE.com"), NULL, "*.example.com"},
    {BYTES("*.com"), NULL, "*.com"},
    {BYTES("*"), NULL, NULL},
    {BYTES("*."), NULL, NULL},
    {BYTES("**.example.com"), NULL, NULL},
    {BYTES("*.*.example.com"), NULL, NULL},
    {BYTES("a*.example.com"), NULL, NULL},
    {BYTES("*a.example.com"), NULL, NULL},
    {BYTES("www.*.com"), NULL, NULL},
    {BYTES("*..com"), NULL, NULL},
    {BYTES("*." NAME_253), NULL, NULL},
    {BYTES("*" NAME_253), NULL, NULL},
};

START_TEST(core_names)
{
    char name[SERVER_NAME_SIZE] = "as before";
    bool good = server_name_parse(rows[_i].bytes, rows[_i].size, name);
    ck_assert_int_eq(good, rows[_i].name != NULL);
    ck_assert_str_eq(name, good ? rows[_i].name : "as before");
    char pattern[SERVER_NAME_SIZE] = "as before";
    good = server_name_parse_pattern(rows[_i].bytes, rows[_i].size, pattern);
    ck_assert_int_eq(good, rows[_i].pattern != NULL);
    ck_assert_str_eq(pattern, good ? rows[_i].pattern : "as before");
}
END_TEST

START_TEST(core_wildcards)
{
    static const struct {
        const char *name;
        const char *pattern; /* NULL: none */
    } wildcards[] = {
        {"www.example.com", "*.example.com"},
        {"a.b.c.d", "*.b.c.d"},
        {"example.com", "*.com"},
        {"localhost", NULL},
        {NAME_253, "*"
                   "." LABEL_63 "." LABEL_63 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    };
    for (size_t i = 0; i < sizeof(wildcards) / sizeof(wildcards[0]); i++) {
        char pattern[SERVER_NAME_SIZE] = "as before";
        bool good = server_name_wildcard(wildcards[i].name, pattern);
        ck_assert_int_eq(good, wildcards[i].pattern != NULL);
        ck_assert_str_eq(pattern, good ? wildcards[i].pattern : "as before");
    }
}
END_TEST

static const struct {
    const char *what;
    const uint8_t *data;
    size_t size;
    const char *name; /* NULL: none */
} extensions[] = {
    {"one name",
     BYTES("\0\4\0\0\1"
           "a"),
     "a"},
    {"a longer one",
     BYTES("\0\x0e\0\0\x0b"
           "Example.com"),
     "Example.com"},
    {"nothing", BYTES(""), NULL},
    {"a list without its size", BYTES("\0"), NULL},
    {"an empty list", BYTES("\0\0"), NULL},
    {"a type alone", BYTES("\0\1\0"), NULL},
    {"half a size", BYTES("\0\2\0\0"), NULL},
    {"an empty name", BYTES("\0\3\0\0\0"), NULL},
    {"a name cut off",
     BYTES("\0\4\0\0\2"
           "a"),
     NULL},
    {"a name of 65,535 bytes that are not there",
     BYTES("\0\4\0\xff\xff"
           "a"),
     NULL},
    {"a list of 65,535 bytes",
     BYTES("\xff\xff\0\0\1"
           "a"),
     NULL},
    {"a list shorter than its name",
     BYTES("\0\3\0\0\1"
           "a"),
     NULL},
    {"a byte too many",
     BYTES("\0\5\0\0\1"
           "ab"),
     NULL},
    {"another type",
     BYTES("\0\4\1\0\1"
           "a"),
     NULL},
    {"two names",
     BYTES("\0\x08\0\0\1"
           "a\0\0\1"
           "b"),
     NULL},
    {"NUL", BYTES("\0\6\0\0\3a\0b"), NULL},
};

START_TEST(hostile_extensions)
{
    /* In memory of its own size, so that a read past its end is seen. */
    uint8_t *data = malloc(extensions[_i].size + 1);
    ck_assert_ptr_nonnull(data);
    memcpy(data, extensions[_i].data, extensions[_i].size);
    uint8_t *exact = realloc(data, extensions[_i].size > 0 ? extensions[_i].size : 1);
    ck_assert_ptr_nonnull(exact);
    const uint8_t *name = NULL;
    size_t size = 0;
    bool good = server_name_of_extension(exact, extensions[_i].size, &name, &size);
    ck_assert_msg(good == (extensions[_i].name != NULL), "%s", extensions[_i].what);
    if (good) {
        ck_assert_uint_eq(size, strlen(extensions[_i].name));
        ck_assert_mem_eq(name, extensions[_i].name, size);
    }
    free(exact);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("server_name");
    TCase *core = tcase_create("core");
    tcase_add_loop_test(core, core_names, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(core, core_wildcards);
    suite_add_tcase(suite, core);
    TCase *hostile = tcase_create("hostile");
    tcase_add_loop_test(hostile, hostile_extensions, 0, sizeof(extensions) / sizeof(extensions[0]));
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
