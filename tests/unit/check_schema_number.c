/*
 * check_schema_number - numbers as the decimals that they were written as: compared, divided, printed; and texts that a double
 * does not hold.
 */
#include "validate/schema_number.h"

#include <string.h>

#include <check.h>

#include "tests/unit/runner.h"
#include "validate/json_numbers.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static json_t *number(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    ck_assert_msg(json_is_number(value), "%s", text);
    return value;
}

START_TEST(core_compare)
{
    /* each less than the next */
    static const char *const ordered[] = {
        "-1.7e308",
        "-9223372036854775808",
        "-9007199254740993",
        "-9007199254740992.0",
        "-1.5",
        "-1e-300",
        "0",
        "1e-300",
        "0.1",
        "0.3",
        "0.5",
        "1.0",
        "1.5",
        "9007199254740992.0",
        "9007199254740993",
        "1e17",
        "9223372036854775807",
        "9.3e18",
        "1e300",
    };
    static const char *const equal[][2] = {
        {"1", "1.0"},
        {"0", "-0.0"},
        {"-0", "0"},
        {"100", "1e2"},
        {"9007199254740992", "9007199254740992.0"},
        {"1e17", "100000000000000000"},
    };
    for (size_t i = 0; i < COUNT_OF(ordered); i++) {
        for (size_t j = 0; j < COUNT_OF(ordered); j++) {
            json_t *left = number(ordered[i]);
            json_t *right = number(ordered[j]);
            const int order = schema_number_compare(left, right);
            ck_assert_msg((order > 0) - (order < 0) == (i > j) - (i < j), "%s %s: %d", ordered[i], ordered[j], order);
            json_decref(left);
            json_decref(right);
        }
    }
    for (size_t i = 0; i < COUNT_OF(equal); i++) {
        json_t *left = number(equal[i][0]);
        json_t *right = number(equal[i][1]);
        ck_assert_msg(schema_number_compare(left, right) == 0, "%s", equal[i][0]);
        json_decref(left);
        json_decref(right);
    }
}
END_TEST

START_TEST(core_multiples)
{
    static const struct {
        const char *value;
        const char *of;
        bool multiple;
    } pairs[] = {
        {"0.3", "0.1", true},
        {"4.35", "0.01", true},
        {"19.99", "0.01", true},
        {"0.07", "0.01", true},
        {"4.351", "0.01", false},
        {"0.005", "0.01", false},
        {"10", "2.5", true},
        {"11", "2.5", false},
        {"0", "0.7", true},
        {"-0.0", "3", true},
        {"-1.2", "0.4", true},
        {"1e300", "0.01", true},
        {"1e300", "7", false},
        {"1e-300", "1e-300", true},
        {"1e300", "1e-300", true},
        {"12391239123", "1e-8", true},
        {"0.1", "1e300", false},
        {"9007199254740993", "3", true},
        {"9223372036854775807", "7", true},
        {"-9223372036854775808", "0.5", true},
        {"0.30000000000000004", "0.1", false},
    };
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        json_t *value = number(pairs[i].value);
        json_t *of = number(pairs[i].of);
        ck_assert_msg(schema_number_is_multiple(value, of) == pairs[i].multiple, "%s of %s", pairs[i].value,
                      pairs[i].of);
        json_decref(value);
        json_decref(of);
    }
}
END_TEST

START_TEST(core_print)
{
    static const char *const texts[][2] = {
        {"5", "5"},
        {"-5", "-5"},
        {"0", "0"},
        {"0.1", "0.1"},
        {"1e300", "1e300"},
        {"1.5e-7", "1.5e-7"},
        {"0.001", "0.001"},
        {"-12.50", "-12.5"},
        {"100.0", "100"},
        {"1e3", "1000"},
        {"1e-300", "1e-300"},
        {"-0.0", "0"},
        {"1.25e25", "1.25e25"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"0.30000000000000004", "0.30000000000000004"},
        {"-1.7976931348623157e308", "-1.7976931348623157e308"},
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        char text[SCHEMA_NUMBER_SIZE];
        json_t *value = number(texts[i][0]);
        schema_number_print(value, text, sizeof(text));
        ck_assert_str_eq(text, texts[i][1]);
        json_decref(value);
    }
}
END_TEST

START_TEST(limits_texts)
{
    static const struct {
        const char *text;
        enum json_numbers numbers;
        bool held;
    } texts[] = {
        {"[1, 0.1, -12345.678e-9, 9007199254740993, 1e300]", JSON_NUMBERS_HELD, true},
        {"{\"a\\\"1.234567890123456789\": \"0.1234567890123456789\"}", JSON_NUMBERS_HELD, true},
        {"100000000000000000000000.0", JSON_NUMBERS_HELD, true},
        {"1.00000000000000000000000000", JSON_NUMBERS_HELD, true},
        {"0.0e-999", JSON_NUMBERS_HELD, true},
        {"0.30000000000000004", JSON_NUMBERS_LONG, true},
        {"9007199254740992.0", JSON_NUMBERS_LONG, true},
        {"9007199254740993.0", JSON_NUMBERS_LONG, false},
        {"0.10000000000000001", JSON_NUMBERS_LONG, false},
        {"3.141592653589793238", JSON_NUMBERS_ROUNDED, false},
        {"1.00000000000000000000000001", JSON_NUMBERS_ROUNDED, false},
        {"[\"\", 1.00000000000000000000000001]", JSON_NUMBERS_ROUNDED, false},
        {"1e-400", JSON_NUMBERS_TINY, false},
        {"-0.001e-305", JSON_NUMBERS_TINY, false},
        {"1e-307", JSON_NUMBERS_HELD, true},
        {"1e-99999999999999999999", JSON_NUMBERS_TINY, false},
        {"", JSON_NUMBERS_HELD, true},
        {"\"1.5", JSON_NUMBERS_HELD, true},
        {"\"\\", JSON_NUMBERS_HELD, true},
        {"1e", JSON_NUMBERS_HELD, true},
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const uint8_t *bytes = (const uint8_t *)texts[i].text;
        const size_t size = strlen(texts[i].text);
        ck_assert_msg(json_numbers_scan(bytes, size) == texts[i].numbers, "%s", texts[i].text);
        ck_assert_msg(json_numbers_are_held(bytes, size) == texts[i].held, "%s", texts[i].text);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schema_number");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_compare);
    tcase_add_test(core, core_multiples);
    tcase_add_test(core, core_print);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_texts);
    suite_add_tcase(suite, limits);
    return runner_run(suite);
}
