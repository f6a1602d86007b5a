/*
 * check_json_bounds - the scan against JSON texts whose depth is known because they were made with it, and against what tries
 * to make it miscount.
 */
#include "validate/json_bounds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define DEPTH           4
#define TEXT_MAX        8192
#define MADE_DEPTH_MAX  12

static const struct json_bounds bounds = {.max_size = 64, .max_depth = DEPTH};

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
        const struct json_bounds exact = {.max_size = TEXT_MAX, .max_depth = depth};
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        ck_assert_int_eq(json_bounds_check(&exact, text, 2 * depth), JSON_BOUNDS_OK);
        if (depth > 0) {
            const struct json_bounds less = {.max_size = TEXT_MAX, .max_depth = depth - 1};
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
        const struct json_bounds exact = {.max_size = TEXT_MAX, .max_depth = depth};
        ck_assert_int_eq(json_bounds_check(&exact, writer.text, writer.size), JSON_BOUNDS_OK);
        if (depth > 0) {
            const struct json_bounds less = {.max_size = TEXT_MAX, .max_depth = depth - 1};
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

/* What the options ask for, each with its smallest bound that means anything. */
struct member_example {
    const char *text;
    size_t size;
    enum json_bounds_status expected;
    size_t offset;
};
#define MEMBERS(text, expected, offset)                            \
    {                                                              \
        (text), sizeof(text) - 1, JSON_BOUNDS_##expected, (offset) \
    }

static const struct json_bounds strict = {
    .max_size = 256,
    .max_depth = DEPTH,
    .max_keys = 3,
    .max_items = 3,
    .max_number_size = 5,
    .refuse_duplicate_keys = true,
    .refuse_lone_surrogates = true,
    .refuse_escaped_nul = true,
};

static void assert_members(const struct member_example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct member_example *example = &examples[i];
        uint8_t *copy = malloc(example->size > 0 ? example->size : 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, example->text, example->size);
        size_t offset = SIZE_MAX;
        const enum json_bounds_status status = json_bounds_find(&strict, copy, example->size, &offset);
        ck_assert_msg(status == example->expected, "%s: %s", example->text, json_bounds_label(status));
        ck_assert_msg(status == JSON_BOUNDS_OK ? offset == SIZE_MAX : offset == example->offset, "%s: at %zu",
                      example->text, offset);
        ck_assert_int_eq(json_bounds_check(&strict, copy, example->size), status);
        free(copy);
    }
}

START_TEST(core_members)
{
    static const struct member_example examples[] = {
        MEMBERS("{\"a\":1,\"b\":2,\"c\":3}", OK, 0),
        MEMBERS("{\"a\":1,\"b\":2,\"c\":3,\"d\":4}", TOO_MANY_KEYS, 19),
        MEMBERS("[1,2,3]", OK, 0),
        MEMBERS("[1,2,3,4]", TOO_MANY_ITEMS, 6),
        MEMBERS("[[1,2,3],[1,2,3],[1,2,3]]", OK, 0),
        MEMBERS("{\"a\":[1,2,3],\"b\":{\"a\":1,\"b\":2,\"c\":3},\"c\":[]}", OK, 0),
        MEMBERS("{\"a\":[1,2,3],\"b\":{\"a\":1,\"b\":2,\"c\":3},\"c\":[],\"d\":0}", TOO_MANY_KEYS, 44),
        MEMBERS("[{\"a\":\"x,y,z,,,,\"},\",,,,\",3]", OK, 0),    /* commas in strings */
        MEMBERS("{\"a\":\"b\",\"b\":\"c\",\"c\":\"a\"}", OK, 0), /* values are no keys */
        MEMBERS("{\"a\":1,\"a\":2}", DUPLICATE_KEY, 7),
        MEMBERS("{\"a\":1,\"b\":2,\"a\":3}", DUPLICATE_KEY, 13),
        MEMBERS("{\"a\":{\"a\":{\"a\":1}}}", OK, 0),
        MEMBERS("[{\"a\":1},{\"a\":1}]", OK, 0),
        MEMBERS("{\"a\":{\"b\":1,\"c\":2},\"b\":3,\"a\":4}", DUPLICATE_KEY, 25),
        MEMBERS("{\"a\":{\"b\":1,\"b\":2},\"a\":3}", DUPLICATE_KEY, 12), /* the inner one ends first */
        MEMBERS("{\"\":1,\"\":2}", DUPLICATE_KEY, 6),
        MEMBERS("{\"a\":1,\"A\":2,\"a \":3}", OK, 0),
        MEMBERS("{ \"a\" : 1 , \"a\" : 2 }", DUPLICATE_KEY, 12),
        MEMBERS("{\"a\":1,\"\\u0061\":2}", DUPLICATE_KEY, 7),
        MEMBERS("{\"\\u00E4\":1,\"\xC3\xA4\":2}", DUPLICATE_KEY, 12),
        MEMBERS("{\"\\u00e4\":1,\"\\u00E4\":2}", DUPLICATE_KEY, 12),
        MEMBERS("{\"\\ud83d\\ude00\":1,\"\xF0\x9F\x98\x80\":2}", DUPLICATE_KEY, 18),
        MEMBERS("{\"\\/\":1,\"/\":2}", DUPLICATE_KEY, 8),
        MEMBERS("{\"\\n\":1,\"\\u000a\":2}", DUPLICATE_KEY, 8),
        MEMBERS("{\"\\\"\":1,\"\\u0022\":2}", DUPLICATE_KEY, 8),
        MEMBERS("{\"n\":1,\"\\n\":2,\"\\\\n\":3}", OK, 0),
    };
    assert_members(examples, COUNT_OF(examples));
}
END_TEST

START_TEST(core_scalars)
{
    static const struct member_example examples[] = {
        MEMBERS("12345", OK, 0),
        MEMBERS("123456", NUMBER_TOO_LONG, 0),
        MEMBERS("[-1.5e,1]", OK, 0),
        MEMBERS("[1,-1.5e9]", NUMBER_TOO_LONG, 3),
        MEMBERS("[1e+99,1]", OK, 0),
        MEMBERS("{\"a\":1e+999}", NUMBER_TOO_LONG, 5),
        MEMBERS("\"1234567890\"", OK, 0),
        MEMBERS("\"\\ud83d\\ude00\"", OK, 0),
        MEMBERS("\"\\uD83D\\uDE00\\uD83D\\uDE00\"", OK, 0),
        MEMBERS("\"\\ud83d\"", LONE_SURROGATE, 1),
        MEMBERS("\"x\\ude00\"", LONE_SURROGATE, 2),
        MEMBERS("\"\\ude00\\ud83d\"", LONE_SURROGATE, 1),
        MEMBERS("\"\\ud83d\\ud83d\\ude00\"", LONE_SURROGATE, 1),
        MEMBERS("\"\\ud83d\\ude00\\ude00\"", LONE_SURROGATE, 13),
        MEMBERS("\"\\ud83dx\"", LONE_SURROGATE, 1),
        MEMBERS("\"\\ud83d\\n\"", LONE_SURROGATE, 1),
        MEMBERS("\"\\ud83d\\\\ude00\"", LONE_SURROGATE, 1),
        MEMBERS("\"\\\\ud83d\"", OK, 0), /* a backslash and letters */
        MEMBERS("\"\\uD7FF\\uE000\"", OK, 0),
        MEMBERS("{\"\\udc00\":1}", LONE_SURROGATE, 2),
        MEMBERS("\"\\u0000\"", ESCAPED_NUL, 1),
        MEMBERS("{\"a\\u0000\":1}", ESCAPED_NUL, 3),
        MEMBERS("\"\\\\u0000\\u0001\"", OK, 0),
    };
    assert_members(examples, COUNT_OF(examples));
}
END_TEST

START_TEST(core_whole_text)
{
    static const struct member_example examples[] = {
        MEMBERS("", OK, 0),
        MEMBERS("{}\0", NUL, 2),
        MEMBERS("\xEF\xBB\xBF{}", BOM, 0),
        MEMBERS("\"\xEF\xBB\xBF\"", OK, 0), /* a zero width no-break space */
        MEMBERS("\"\xC3\xA4\xFF\"", UTF8, 3),
        MEMBERS("\"\xED\xA0\x80\"", UTF8, 1),
        MEMBERS("\"a\xE2\x82\"", UTF8, 2),
        MEMBERS("\"ab\xE2\x82", UTF8, 3),
        MEMBERS("[[[[[1]]]]]", TOO_DEEP, 4),
    };
    assert_members(examples, COUNT_OF(examples));
}
END_TEST

/* In a text that is long enough to be searched by pieces, what is no UTF-8 is found wherever it is. */
START_TEST(limits_ill_formed)
{
    static const struct {
        const char *sequence;
        size_t start; /* of what is ill-formed in it */
    } cases[] = {{"\xFF", 0}, {"\xE2\x82\"", 0}, {"\xC3\xA4\x80", 2}, {"\x80\x80\x80\x80\x80", 0}, {"\xF0\x9F\x98", 0}};
    const struct json_bounds any = {.max_size = SIZE_MAX, .max_depth = 1};
    uint8_t bytes[3 * 4096];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const size_t size = strlen(cases[i].sequence);
        for (size_t at = 4096 - 8; at + size <= sizeof(bytes); at += at % 4096 < 4 || at % 4096 > 4090 ? 1 : 7) {
            bytes[0] = 'a';
            for (size_t fill = at % 2; fill < at; fill += 2) { /* characters of two octets, across the cuts or not */
                memcpy(bytes + fill, "\xC3\xA4", 2);
            }
            memcpy(bytes + at, cases[i].sequence, size);
            memset(bytes + at + size, 'a', sizeof(bytes) - at - size);
            size_t offset = 0;
            ck_assert_int_eq(json_bounds_find(&any, bytes, sizeof(bytes), &offset), JSON_BOUNDS_UTF8);
            ck_assert_uint_eq(offset, at + cases[i].start);
        }
    }
}
END_TEST

/* What is not asked for is not looked at. */
START_TEST(core_options_are_off)
{
    static const char *const texts[] = {
        "[1,2,3,4,5,6,7,8]", "{\"a\":1,\"a\":2}", "123456789012345678901234567890",
        "\"\\ud83d\"",       "\"\\u0000\"",       "{\"a\":[1,{\"b\":1,\"b\":1}]}",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        ck_assert_int_eq(json_bounds_check(&bounds, (const uint8_t *)texts[i], strlen(texts[i])), JSON_BOUNDS_OK);
    }
}
END_TEST

START_TEST(core_each_status_has_words)
{
#define COUNT_ONE(name, label, sentence) +1
    const int count = 0 JSON_BOUNDS_TABLE(COUNT_ONE);
#undef COUNT_ONE
    for (int i = 0; i < count; i++) {
        const char *label = json_bounds_label((enum json_bounds_status)i);
        const char *sentence = json_bounds_sentence((enum json_bounds_status)i);
        ck_assert_uint_eq(strspn(label, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(label));
        ck_assert_int_eq(sentence[strlen(sentence) - 1], '.');
        for (int j = 0; j < i; j++) {
            ck_assert_str_ne(label, json_bounds_label((enum json_bounds_status)j));
        }
    }
}
END_TEST

/* Neither JSON nor over a bound: whatever it is taken for, nothing is read that is not there. */
START_TEST(hostile_no_json)
{
    static const struct member_example examples[] = {
        MEMBERS("{\"", OK, 0),
        MEMBERS("{\"\\", OK, 0),
        MEMBERS("{\"\\u", OK, 0),
        MEMBERS("{\"\\u00", OK, 0),
        MEMBERS("{\"\\u0061", OK, 0),
        MEMBERS("{\"a\":1,\"a", OK, 0),
        MEMBERS("{\"\\ud83d\\", LONE_SURROGATE, 2),
        MEMBERS("{\"\\ud83d\\ude0", LONE_SURROGATE, 2),
        MEMBERS("{\"\\uZZZZ\":1}", OK, 0),
        MEMBERS("{\"\\q\":1}", OK, 0),
        MEMBERS("{\"a\":1,\"a\":1", OK, 0),
        MEMBERS("{\"a\" \"a\"}", OK, 0),
        MEMBERS("}},,{{]]", OK, 0),
        MEMBERS("[{]}", OK, 0),
        MEMBERS(",,,,,,", OK, 0),
        MEMBERS("-", OK, 0),
        MEMBERS("[-", OK, 0),
        MEMBERS("[,,,", TOO_MANY_ITEMS, 3),
    };
    assert_members(examples, COUNT_OF(examples));
}
END_TEST

/* Text of any size. */
struct text {
    char *bytes;
    size_t size;
    size_t capacity;
};

static void append(struct text *text, const char *piece)
{
    const size_t size = strlen(piece);
    if (text->bytes == NULL || size > text->capacity - text->size) {
        text->capacity = 2 * text->capacity + size;
        text->bytes = realloc(text->bytes, text->capacity);
        ck_assert_ptr_nonnull(text->bytes);
    }
    memcpy(text->bytes + text->size, piece, size);
    text->size += size;
}

static enum json_bounds_status find(const struct json_bounds *limits, const struct text *text, size_t *offset_r)
{
    return json_bounds_find(limits, (const uint8_t *)text->bytes, text->size, offset_r);
}

#define MANY_KEYS 1000000

START_TEST(hostile_million_keys)
{
    struct json_bounds limits = {.max_size = SIZE_MAX, .max_depth = 1, .refuse_duplicate_keys = true};
    struct text text = {0};
    char key[32];
    for (unsigned i = 0; i < MANY_KEYS; i++) {
        (void)snprintf(key, sizeof(key), "%c\"%u\":0", i == 0 ? '{' : ',', i);
        append(&text, key);
    }
    size_t offset = 0;
    const size_t end = text.size;
    append(&text, "}");
    ck_assert_int_eq(find(&limits, &text, &offset), JSON_BOUNDS_OK);
    limits.max_keys = MANY_KEYS;
    ck_assert_int_eq(find(&limits, &text, &offset), JSON_BOUNDS_OK);
    limits.max_keys = MANY_KEYS - 1;
    ck_assert_int_eq(find(&limits, &text, &offset), JSON_BOUNDS_TOO_MANY_KEYS);
    limits.max_keys = 0;
    text.size = end;
    append(&text, ",\"777777\":0,\"0\":0}");
    ck_assert_int_eq(find(&limits, &text, &offset), JSON_BOUNDS_DUPLICATE_KEY);
    ck_assert_uint_eq(offset, end + 1);
    free(text.bytes);
}
END_TEST

/* All counts around those where sorting changes its way, and memory is asked for. */
START_TEST(limits_key_counts)
{
    const struct json_bounds limits = {.max_size = SIZE_MAX, .max_depth = 2, .refuse_duplicate_keys = true};
    char key[32];
    for (unsigned count = 1; count <= 200; count++) {
        for (unsigned twice = 0; twice < count; twice += 1 + count / 8) {
            struct text text = {0};
            append(&text, "[{");
            for (unsigned i = 0; i < count; i++) {
                (void)snprintf(key, sizeof(key), "\"%u\":0,", i * 7919 % 1009);
                append(&text, key);
            }
            const size_t end = text.size;
            append(&text, "\"x\":0}]");
            size_t offset = 0;
            ck_assert_int_eq(find(&limits, &text, &offset), JSON_BOUNDS_OK);
            text.size = end;
            (void)snprintf(key, sizeof(key), "\"%u\":0}]", twice * 7919 % 1009);
            append(&text, key);
            ck_assert_int_eq(find(&limits, &text, &offset), JSON_BOUNDS_DUPLICATE_KEY);
            ck_assert_uint_eq(offset, end);
            free(text.bytes);
        }
    }
}
END_TEST

/* Keys whose comparison is as dear as can be: long, and the same but for their ends. Quadratic work would not end in time. */
START_TEST(hostile_long_common_prefixes)
{
    const struct json_bounds limits = {.max_size = SIZE_MAX, .max_depth = 1, .refuse_duplicate_keys = true};
    struct text text = {0};
    char key[1100];
    char prefix[1001];
    memset(prefix, 'p', sizeof(prefix) - 1);
    prefix[sizeof(prefix) - 1] = '\0';
    for (unsigned i = 0; i < 5000; i++) {
        (void)snprintf(key, sizeof(key), "%c\"%s%04u\":0", i == 0 ? '{' : ',', prefix, i);
        append(&text, key);
    }
    append(&text, "}");
    size_t offset = 0;
    ck_assert_int_eq(find(&limits, &text, &offset), JSON_BOUNDS_OK);
    free(text.bytes);
}
END_TEST

#define DEEP 100000

START_TEST(hostile_deep_members)
{
    struct json_bounds limits = {
        .max_size = SIZE_MAX, .max_depth = DEEP, .max_keys = 1, .max_items = 1, .refuse_duplicate_keys = true};
    struct text text = {0};
    for (unsigned i = 0; i < DEEP / 2; i++) {
        append(&text, "[{\"a\":");
    }
    append(&text, "0");
    for (unsigned i = 0; i < DEEP / 2; i++) {
        append(&text, "}]");
    }
    size_t offset = 0;
    ck_assert_int_eq(find(&limits, &text, &offset), JSON_BOUNDS_OK);
    limits.max_depth = DEEP - 1;
    ck_assert_int_eq(find(&limits, &text, &offset), JSON_BOUNDS_TOO_DEEP);
    limits.max_depth = DEEP;
    text.size -= 2;
    append(&text, ",\"b\":0}]"); /* the outermost object */
    ck_assert_int_eq(find(&limits, &text, &offset), JSON_BOUNDS_TOO_MANY_KEYS);
    limits.max_keys = 0;
    text.size -= strlen(",\"b\":0}]");
    append(&text, ",\"a\":0}]");
    ck_assert_int_eq(find(&limits, &text, &offset), JSON_BOUNDS_DUPLICATE_KEY);
    free(text.bytes);
}
END_TEST

START_TEST(hostile_long_number)
{
    const struct json_bounds limits = {.max_size = SIZE_MAX, .max_depth = 1, .max_number_size = 1000000};
    struct text text = {0};
    append(&text, "[");
    for (unsigned i = 0; i < 100000; i++) {
        append(&text, "0123456789");
    }
    const size_t end = text.size;
    size_t offset = 0;
    append(&text, "]");
    ck_assert_int_eq(find(&limits, &text, &offset), JSON_BOUNDS_OK);
    text.size = end;
    append(&text, "0]");
    ck_assert_int_eq(find(&limits, &text, &offset), JSON_BOUNDS_NUMBER_TOO_LONG);
    ck_assert_uint_eq(offset, 1);
    free(text.bytes);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json_bounds");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_examples);
    tcase_add_test(core, core_random_texts);
    tcase_add_test(core, core_members);
    tcase_add_test(core, core_scalars);
    tcase_add_test(core, core_whole_text);
    tcase_add_test(core, core_options_are_off);
    tcase_add_test(core, core_each_status_has_words);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_size);
    tcase_add_test(limits, limits_depth);
    tcase_add_test(limits, limits_key_counts);
    tcase_add_test(limits, limits_ill_formed);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_examples);
    tcase_add_test(hostile, hostile_no_json);
    tcase_add_test(hostile, hostile_million_keys);
    tcase_add_test(hostile, hostile_long_common_prefixes);
    tcase_add_test(hostile, hostile_deep_members);
    tcase_add_test(hostile, hostile_long_number);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
