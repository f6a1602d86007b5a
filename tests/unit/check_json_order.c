/*
 * check_json_order - the order of JSON values, what is equal, and what comparing may cost.
 */
#include "validate/json_order.h"

#include <string.h>

#include <check.h>

#include "tests/unit/runner.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static json_t *parse(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    ck_assert_msg(value != NULL, "%s", text);
    return value;
}

/* Each less than the next: all three of antisymmetry, transitivity and totality are seen by all pairs. */
static const char *const ordered[] = {
    "null",
    "false",
    "true",
    "-1",
    "0",
    "0.5",
    "1",
    "9007199254740993",
    "\"\"",
    "\"a\"",
    "\"a\\u0001\"",
    "\"aa\"",
    "\"b\"",
    "[]",
    "[null]",
    "[1]",
    "[[]]",
    "[0,0]",
    "[0,1]",
    "{}",
    "{\"b\":1}",
    "{\"b\":2}",
    "{\"a\":1}",
    "{\"a\":2}",
    "{\"b\":1,\"c\":1}",
    "{\"a\":1,\"c\":1}",
    "{\"a\":1,\"b\":1}",
    "{\"a\":2,\"b\":0}",
};

START_TEST(core_order)
{
    json_t *values[COUNT_OF(ordered)];
    for (size_t i = 0; i < COUNT_OF(ordered); i++) {
        values[i] = parse(ordered[i]);
        ck_assert_uint_le(json_order_weigh(values[i], 8), strlen(ordered[i]) + 1);
    }
    for (size_t i = 0; i < COUNT_OF(ordered); i++) {
        for (size_t j = 0; j < COUNT_OF(ordered); j++) {
            const int order = json_order(values[i], values[j]);
            ck_assert_msg((order > 0) - (order < 0) == (i > j) - (i < j), "%s %s: %d", ordered[i], ordered[j], order);
        }
    }
    for (size_t i = 0; i < COUNT_OF(ordered); i++) {
        struct json_order_bounds bounds = {.steps_left = 1000, .depth_left = 4};
        ck_assert(json_order_contains(values, COUNT_OF(ordered), values[i], &bounds));
        ck_assert(!json_order_contains(values, i, values[i], &bounds));
    }
    for (size_t i = 0; i < COUNT_OF(ordered); i++) {
        json_decref(values[i]);
    }
}
END_TEST

/* Every place for every pair of equals, in arrays of every size up to some: no merge misses one. */
START_TEST(core_twice)
{
    json_t *values[40];
    json_t *own[COUNT_OF(values)];
    json_t *spare[COUNT_OF(values)];
    json_t *again = NULL;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        values[i] = json_integer((json_int_t)(i * 17 % COUNT_OF(values)));
    }
    for (size_t count = 0; count <= COUNT_OF(values); count++) {
        struct json_order_bounds bounds = {.steps_left = 100000};
        memcpy(own, values, sizeof(own));
        ck_assert(!json_order_has_twice(own, spare, count, &bounds));
        for (size_t first = 0; first < count; first++) {
            for (size_t second = first + 1; second < count; second++) {
                memcpy(own, values, sizeof(own));
                again = json_real((double)json_integer_value(values[first]));
                own[second] = again;
                bounds.steps_left = 100000;
                ck_assert_msg(json_order_has_twice(own, spare, count, &bounds), "%zu: %zu %zu", count, first, second);
                json_decref(again);
            }
        }
    }
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        json_decref(values[i]);
    }
}
END_TEST

START_TEST(limits_faults)
{
    static const struct {
        const char *left;
        const char *right;
        struct json_order_bounds bounds;
        enum json_order_fault fault;
    } rows[] = {
        {"1", "2", {.steps_left = 1}, JSON_ORDER_DECIDED},
        {"1", "2", {.steps_left = 0}, JSON_ORDER_STEPS},
        {"[1,2,3]", "[1,2,3]", {.steps_left = 3, .depth_left = 1}, JSON_ORDER_STEPS},
        {"[1,2,3]", "[1,2,3]", {.steps_left = 4, .depth_left = 1}, JSON_ORDER_DECIDED},
        {"{\"a\":1}", "{\"a\":1}", {.steps_left = 2, .depth_left = 1}, JSON_ORDER_STEPS},
        {"[[1]]", "[[1]]", {.steps_left = 9, .depth_left = 1}, JSON_ORDER_DEPTH},
        {"[[1]]", "[1]", {.steps_left = 9, .depth_left = 1}, JSON_ORDER_DECIDED},
        {"0.1", "0.1", {.steps_left = 99, .rounded = true}, JSON_ORDER_ROUNDED},
        {"1.0", "1", {.steps_left = 99, .rounded = true}, JSON_ORDER_ROUNDED},
        {"0.1", "0.2", {.steps_left = 99, .rounded = true}, JSON_ORDER_DECIDED},
        {"1", "1", {.steps_left = 99, .rounded = true}, JSON_ORDER_DECIDED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct json_order_bounds bounds = rows[i].bounds;
        json_t *left = parse(rows[i].left);
        json_t *right = parse(rows[i].right);
        (void)json_order_within(left, right, &bounds);
        ck_assert_msg(bounds.fault == rows[i].fault, "%s %s: %d", rows[i].left, rows[i].right, (int)bounds.fault);
        ck_assert_uint_eq(bounds.depth_left, rows[i].bounds.depth_left);
        json_decref(left);
        json_decref(right);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_order");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_order);
    tcase_add_test(core, core_twice);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_faults);
    suite_add_tcase(suite, limits);
    return runner_run(suite);
}
