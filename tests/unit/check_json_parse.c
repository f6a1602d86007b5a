/*
 * check_json_parse - that it parses as jansson does, keeps nothing when it fails, and that values are freed by whoever has them. What
 * happens without memory is shown in a running server: integration/validation_memory.
 */
#include "validate/json_parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "runner.h"

#define FLAGS (JSON_DECODE_ANY | JSON_REJECT_DUPLICATES)

static const char *const texts[] = {
    "{}",
    "[]",
    " 1 ",
    "\"\"",
    "\"abcdefghijklmn\"",
    "\"abcdefghijklmno\\u20ac and some more, so that the buffer grows a few times before it is over\"",
    "[123456789012345,1.5,-1e3,true,false,null]",
    "{\"a\":{\"b\":{\"c\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]}}}",
    "",
    "[1",
    "{\"a\":1,\"a\":2}",
    "[1,{\"a\":[\"b\",\"c\"]},",
    "1e999",
    "nul",
    "\"\\ud800\"",
};

/* With the same errors, in the same places. */
static void compare(const char *text, size_t size)
{
    json_error_t expected;
    json_error_t error;
    json_t *value = json_loadb(text, size, FLAGS, &expected);
    json_t *parsed = json_parse(text, size, FLAGS, &error);
    ck_assert_msg((value == NULL) == (parsed == NULL), "%.80s", text);
    if (value == NULL) {
        ck_assert_int_eq(json_error_code(&error), json_error_code(&expected));
        ck_assert_int_eq(error.position, expected.position);
        ck_assert_str_eq(error.text, expected.text);
    } else {
        ck_assert_msg(json_equal(value, parsed), "%.80s", text);
    }
    json_decref(value);
    json_decref(parsed);
}

START_TEST(core_as_jansson)
{
    compare(texts[_i], strlen(texts[_i]));
}
END_TEST

START_TEST(core_no_place_for_errors)
{
    ck_assert_ptr_null(json_parse("[", 1, FLAGS, NULL));
}
END_TEST

/* More blocks than it has room for in itself; with an end, and without. */
START_TEST(limits_many_blocks)
{
    enum { COUNT = 100000, ITEM_SIZE = 8 };
    char *text = malloc(COUNT * ITEM_SIZE + 2);
    ck_assert_ptr_nonnull(text);
    size_t size = 0;
    text[size++] = '[';
    for (int i = 0; i < COUNT; i++) {
        memcpy(text + size, "[\"abc\"],", ITEM_SIZE);
        size += ITEM_SIZE;
    }
    text[size - 1] = ']';
    compare(text, size);
    compare(text, size - 1);
    free(text);
}
END_TEST

/* What was parsed is changed and freed like any other value, in the middle of nothing. */
START_TEST(limits_values_live_on)
{
    json_t *value = json_parse("{\"a\":[1]}", strlen("{\"a\":[1]}"), FLAGS, NULL);
    ck_assert_ptr_nonnull(value);
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(json_array_append_new(json_object_get(value, "a"), json_string("more")), 0);
    }
    ck_assert_int_eq(json_object_del(value, "a"), 0);
    json_decref(value);
}
END_TEST

int main(void)
{
    json_parse_install();
    Suite *suite = suite_create("json_parse");
    TCase *core = tcase_create("core");
    tcase_add_loop_test(core, core_as_jansson, 0, sizeof(texts) / sizeof(texts[0]));
    tcase_add_test(core, core_no_place_for_errors);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_many_blocks);
    tcase_add_test(limits, limits_values_live_on);
    suite_add_tcase(suite, limits);
    return runner_run(suite);
}
