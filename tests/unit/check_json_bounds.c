/*
 * check_json_bounds - the scan against JSON texts whose depth is known because they were made with it, and against what tries
 * to make it miscount.
 */
#include "validate/json_bounds.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define DEPTH           4
#define TEXT_MAX        8192
#define MADE_DEPTH_MAX  12

static const struct json_bounds bounds = {64, DEPTH};

struct example {
    const char *text;
    size_t size;
    enum json_bounds_status expected;
};
#define EXAMPLE(text, expected)              \
    {                                        \
        (text), sizeof(text) - 1, (expected) \
    }

static void assert_example(const struct example *example)
{
    const enum json_bounds_status status = json_bounds_check(&bounds, (const uint8_t *)example->text, example->size);
    ck_assert_msg(status == example->expected, "%s: %d, not %d", example->text, status, example->expected);
}

START_TEST(core_examples)
{
    static const struct example examples[] = {
        EXAMPLE("", JSON_BOUNDS_OK),
        EXAMPLE("{}", JSON_BOUNDS_OK),
        EXAMPLE("[[[[]]]]", JSON_BOUNDS_OK),
        EXAMPLE("[[[[[]]]]]", JSON_BOUNDS_TOO_DEEP),
        EXAMPLE("{\"a\":{\"a\":{\"a\":{\"a\":1}}}}", JSON_BOUNDS_OK),
        EXAMPLE("{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}", JSON_BOUNDS_TOO_DEEP),
        EXAMPLE("[[],[],[],[],[],[],[[]],[[]]]", JSON_BOUNDS_OK), /* many, but side by side */
        EXAMPLE("[{\"a\":[{\"a\":[]}]}]", JSON_BOUNDS_TOO_DEEP),
        EXAMPLE("\"\xC3\xA4\"", JSON_BOUNDS_OK),
    };
    for (size_t i = 0; i < COUNT_OF(examples); i++) {
        assert_example(&examples[i]);
    }
}
END_TEST

START_TEST(limits_size)
{
    uint8_t text[65];
    memset(text, ' ', sizeof(text));
    ck_assert_int_eq(json_bounds_check(&bounds, text, 64), JSON_BOUNDS_OK);
    ck_assert_int_eq(json_bounds_check(&bounds, text, 65), JSON_BOUNDS_TOO_LARGE);
    ck_assert_int_eq(json_bounds_check(&bounds, text, SIZE_MAX), JSON_BOUNDS_TOO_LARGE); /* without looking */
}
END_TEST

START_TEST(limits_depth)
{
    uint8_t text[TEXT_MAX];
    for (size_t depth = 0; depth <= TEXT_MAX / 2; depth++) {
        const struct json_bounds exact = {TEXT_MAX, depth};
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        ck_assert_int_eq(json_bounds_check(&exact, text, 2 * depth), JSON_BOUNDS_OK);
        if (depth > 0) {
            const struct json_bounds less = {TEXT_MAX, depth - 1};
            ck_assert_int_eq(json_bounds_check(&less, text, 2 * depth), JSON_BOUNDS_TOO_DEEP);
        }
    }
}
END_TEST

/* Writes random texts of JSON. */
struct writer {
    uint8_t text[TEXT_MAX];
    size_t size;
    uint32_t seed;
};

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void put(struct writer *writer, const char *text)
{
    const size_t size = strlen(text);
    ck_assert_uint_le(size, TEXT_MAX - writer->size);
    memcpy(writer->text + writer->size, text, size);
    writer->size += size;
}

/* Opens and closes at random, with scalars between that look like brackets. Returns the greatest depth. */
static size_t put_text(struct writer *writer)
{
    static const char *const scalars[] = {"1",      "null",       "\"\"",     "\"[[[[[{{{{{\"",
                                          "\"]]\"", "\"\\\"[[\"", "\"\\\\\"", "\"\\\\\\\"{\\\\\""};
    const char *closers[MADE_DEPTH_MAX];
    size_t depth = 0;
    size_t deepest = 0;
    writer->size = 0;
    do {
        const uint32_t step = next_random(&writer->seed) % 5;
        if (step < 2 && depth < MADE_DEPTH_MAX) {
            put(writer, step == 0 ? "[" : "{\"k]\\\"\":");
            closers[depth++] = step == 0 ? "]" : "}";
            deepest = depth > deepest ? depth : deepest;
        } else {
            put(writer, scalars[next_random(&writer->seed) % COUNT_OF(scalars)]);
            while (depth > 0 && next_random(&writer->seed) % 2 == 0) {
                put(writer, closers[--depth]);
            }
            if (depth > 0) {
                put(writer, closers[depth - 1][0] == ']' ? ", " : ",\"\\\\\":");
            }
        }
    } while (depth > 0 && writer->size < TEXT_MAX / 2);
    if (depth > 0) {
        put(writer, "0");
    }
    while (depth > 0) {
        put(writer, closers[--depth]);
    }
    return deepest;
}

START_TEST(core_random_texts)
{
    static struct writer writer;
    size_t deep_ones = 0;
    writer.seed = 1;
    for (unsigned round = 0; round < 5000; round++) {
        const size_t depth = put_text(&writer);
        const struct json_bounds exact = {TEXT_MAX, depth};
        ck_assert_int_eq(json_bounds_check(&exact, writer.text, writer.size), JSON_BOUNDS_OK);
        if (depth > 0) {
            const struct json_bounds less = {TEXT_MAX, depth - 1};
            ck_assert_int_eq(json_bounds_check(&less, writer.text, writer.size), JSON_BOUNDS_TOO_DEEP);
        }
        deep_ones += depth > 4;
    }
    ck_assert_uint_gt(deep_ones, 100);
}
END_TEST

START_TEST(hostile_examples)
{
    static const struct example examples[] = {
        EXAMPLE("{}\0[]", JSON_BOUNDS_NUL),
        EXAMPLE("\0", JSON_BOUNDS_NUL),
        EXAMPLE("\"\xFF\"", JSON_BOUNDS_UTF8),
        EXAMPLE("\"\xC0\x80\"", JSON_BOUNDS_UTF8),            /* an overlong NUL */
        EXAMPLE("\"\xED\xA0\x80\"", JSON_BOUNDS_UTF8),        /* a surrogate */
        EXAMPLE("\"\xC3", JSON_BOUNDS_UTF8),                  /* cut */
        EXAMPLE("]]]]]]]][[[[", JSON_BOUNDS_OK),              /* closing what was never opened gives no credit ... */
        EXAMPLE("]]]]]]]][[[[[", JSON_BOUNDS_TOO_DEEP),       /* ... for what is opened then */
        EXAMPLE("\"\\\\\"[[[[[", JSON_BOUNDS_TOO_DEEP),       /* the backslash is escaped, not the quote */
        EXAMPLE("\"\\\\\\\"[[[[[\"", JSON_BOUNDS_OK),         /* here the quote is */
        EXAMPLE("\"\\u0022[[[[[\"", JSON_BOUNDS_OK),          /* an escaped quote does not end the string */
        EXAMPLE("\"\\", JSON_BOUNDS_OK),                      /* nothing behind the backslash */
        EXAMPLE("\\\"[[[[[\"", JSON_BOUNDS_OK),               /* not JSON from the first byte on */
        EXAMPLE("[[[[\"]]]]\",[]]]]]", JSON_BOUNDS_TOO_DEEP), /* brackets in a string close nothing */
    };
    for (size_t i = 0; i < COUNT_OF(examples); i++) {
        assert_example(&examples[i]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_bounds");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_examples);
    tcase_add_test(core, core_random_texts);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_size);
    tcase_add_test(limits, limits_depth);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_examples);
    suite_add_tcase(suite, hostile);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
