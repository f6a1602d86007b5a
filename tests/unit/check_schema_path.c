/*
 * check_schema_path - JSON pointers in buffers of a fixed size.
 */
#include "validate/schema_path.h"

#include <string.h>

#include <check.h>

#include "tests/unit/runner.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

START_TEST(core_keys)
{
    static const struct {
        const char *key;
        size_t size;
        const char *path;
    } rows[] = {
        {"", 0, "/"},
        {"a", 1, "/a"},
        {"a/b~c", 5, "/a~1b~0c"},
        {"~1", 2, "/~01"},
        {"a\nb\x7F", 4, "/a?b?"},
        {"a\0b", 3, "/a?b"},
        {"\xC3\xA9", 2, "/\xC3\xA9"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[32];
        struct schema_path path;
        schema_path_start(&path, text, sizeof(text));
        schema_path_add_key(&path, rows[i].key, rows[i].size);
        ck_assert_str_eq(text, rows[i].path);
        schema_path_add_index(&path, 12);
        ck_assert_str_eq(text + strlen(rows[i].path), "/12");
    }
}
END_TEST

/* Of whatever size, what is cut ends in "..." behind a whole character, and stays so. */
START_TEST(limits_cut)
{
    static const char key[] = "a\xC3\xA9\xF0\x9F\x98\x80z\xC3\xA9\xF0\x9F\x98\x80";
    for (size_t capacity = 4; capacity < 24; capacity++) {
        char text[24];
        struct schema_path path;
        schema_path_start(&path, text, capacity);
        schema_path_add_key(&path, key, sizeof(key) - 1);
        const size_t size = strlen(text);
        ck_assert_uint_lt(size, capacity);
        if (capacity > sizeof(key)) {
            ck_assert_uint_eq(size, sizeof(key));
            continue;
        }
        ck_assert_msg(size >= 3 && strcmp(text + size - 3, "...") == 0, "%zu: %s", capacity, text);
        ck_assert_msg(memcmp(text, "/a\xC3\xA9\xF0\x9F\x98\x80z\xC3\xA9\xF0\x9F\x98\x80", size - 3) == 0, "%s", text);
        const unsigned char next = size - 3 < sizeof(key) ? (unsigned char)(size - 3 == 0 ? '/' : key[size - 4]) : 0;
        ck_assert_msg((next & 0xC0) != 0x80, "%zu: %s", capacity, text);
        schema_path_add_index(&path, 1);
        ck_assert_uint_eq(strlen(text), size);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schema_path");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_keys);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_cut);
    suite_add_tcase(suite, limits);
    return runner_run(suite);
}
