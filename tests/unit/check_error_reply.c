/*
 * check_error_reply - the reply to a message that was not taken is JSON whatever the path and the sentence hold, and fits.
 */
#include "server/session/error_reply.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <jansson.h>

#include "runner.h"

/* Reads it back: the three texts, and nothing else. */
static json_t *written(const struct violation *violation)
{
    char buffer[ERROR_REPLY_SIZE];
    const size_t size = error_reply_write(violation, buffer);
    ck_assert_uint_le(size, sizeof(buffer));
    json_error_t error;
    json_t *reply = json_loadb(buffer, size, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(reply != NULL, "%.*s: %s", (int)size, buffer, error.text);
    ck_assert_uint_eq(json_object_size(reply), 1);
    ck_assert_uint_eq(json_object_size(json_object_get(reply, "error")), 3);
    return reply;
}

static const char *text_of(const json_t *reply, const char *name)
{
    return json_string_value(json_object_get(json_object_get(reply, "error"), name));
}

START_TEST(core_what_it_says)
{
    char buffer[ERROR_REPLY_SIZE];
    struct violation violation = {.code = VIOLATION_SCHEMA,
                                  .error = {.path = "/user/age", .sentence = "The value is greater than 150."}};
    static const char expected[] =
        "{\"error\":{\"code\":\"schema\",\"reason\":\"The value is greater than 150.\",\"path\":\"/user/age\"}}";
    const size_t size = error_reply_write(&violation, buffer);
    ck_assert_uint_eq(size, strlen(expected));
    ck_assert(memcmp(buffer, expected, size) == 0);
}
END_TEST

START_TEST(core_of_each_code)
{
    for (int code = VIOLATION_NONE + 1; code < VIOLATION_COUNT; code++) {
        struct violation violation;
        violation_set(&violation, (enum violation_code)code);
        json_t *reply = written(&violation);
        ck_assert_str_eq(text_of(reply, "code"), violation_label((enum violation_code)code));
        ck_assert_str_eq(text_of(reply, "reason"), violation_sentence((enum violation_code)code));
        ck_assert_str_eq(text_of(reply, "path"), "");
        json_decref(reply);
    }
}
END_TEST

START_TEST(core_comes_back_as_it_was)
{
    static const char *const paths[] = {"/a\"b\\c", "/\xE2\x82\xAC/\xF0\x9F\x90\xA7", "/</script>", "/\xE2\x80\x8B",
                                        "/\xE2\x80\xA8"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct violation violation;
        violation_set(&violation, VIOLATION_SCHEMA);
        memcpy(violation.error.path, paths[i], strlen(paths[i]) + 1);
        json_t *reply = written(&violation);
        ck_assert_str_eq(text_of(reply, "path"), paths[i]);
        json_decref(reply);
    }
}
END_TEST

/* Every octet there is, in the longest texts there are. */
START_TEST(hostile_fits)
{
    for (int octet = 1; octet < 256; octet++) {
        struct violation violation = {.code = VIOLATION_SCHEMA};
        memset(violation.error.path, octet, sizeof(violation.error.path) - 1);
        memset(violation.error.sentence, octet, sizeof(violation.error.sentence) - 1);
        json_decref(written(&violation));
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("error_reply");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_what_it_says);
    tcase_add_test(core, core_of_each_code);
    tcase_add_test(core, core_comes_back_as_it_was);
    suite_add_tcase(suite, core);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_fits);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
