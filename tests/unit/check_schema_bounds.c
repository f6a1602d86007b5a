/*
 * check_schema_bounds - checks that would go deep, or take long: the stack that the deepest take, and that the work is bounded
 * whatever schema and value are.
 */
#include "validate/schema.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/unit/runner.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Threads of the server have 100 KiB, and need some of it before they check anything. Sanitizers make frames larger. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED
#define STACK_SIZE ((size_t)512 << 10)
#define MANY       ((size_t)100000)
#else
#define MANY       ((size_t)1000000)
#define STACK_SIZE ((size_t)80 << 10)
#endif

#define NESTED_MAX 1000 /* levels of a value */
#define CHAIN      200  /* more than SCHEMA_DEPTH_MAX */

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, JSON_DECODE_ANY, &error);
    ck_assert_msg(value != NULL, "%s: %s", text, error.text);
    return value;
}

static struct schema *compile(const char *text)
{
    const struct schema_options options = {.assert_format = true};
    struct schema_error error;
    json_t *document = parse(text);
    struct schema *schema = schema_compile(document, &options, &error);
    ck_assert_msg(schema != NULL, "%s: %s", text, schema == NULL ? error.sentence : "");
    json_decref(document);
    return schema;
}

/* `depth` levels of {"a":…}, or of […], around a 1. */
static json_t *nested(size_t depth, bool object)
{
    json_t *value = json_integer(1);
    for (size_t i = 0; i < depth; i++) {
        value = object ? json_pack("{s:o}", "a", value) : json_pack("[o]", value);
        ck_assert_ptr_nonnull(value);
    }
    return value;
}

struct deep {
    const struct schema *schema;
    json_t *value;
    struct schema_scratch *scratch;
    struct schema_error error;
    bool valid;
};

static void *check_deep(void *data)
{
    struct deep *deep = data;
    struct schema_report report = {&deep->error, 1, 0};
    deep->valid = schema_check(deep->schema, deep->value, deep->scratch, &report);
    return NULL;
}

static void check_on_small_stack(struct deep *deep)
{
    pthread_attr_t attributes;
    pthread_t thread;
    ck_assert_int_eq(pthread_attr_init(&attributes), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, STACK_SIZE), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, check_deep, deep), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(pthread_attr_destroy(&attributes), 0);
}

/* A schema in which each subschema leads to the next by `way`, whose reference is "#". */
static struct schema *compile_chain(const char *way)
{
    const size_t room = 65536;
    char *text = malloc(room);
    ck_assert_ptr_nonnull(text);
    const char *mark = strstr(way, "\"#\"");
    ck_assert_ptr_nonnull(mark);
    size_t size = (size_t)snprintf(text, room, "{\"$ref\":\"#/$defs/a0\",\"$defs\":{");
    for (int i = 0; i < CHAIN; i++) {
        size += (size_t)snprintf(text + size, room - size, "\"a%d\":%.*s\"#/$defs/a%d\"%s,", i, (int)(mark - way), way,
                                 i + 1, mark + 3);
    }
    (void)snprintf(text + size, room - size, "\"a%d\":true}}", CHAIN);
    struct schema *schema = compile(text);
    free(text);
    return schema;
}

/* Every way for one subschema to lead to the next, gone until the bound on depth says no. */
START_TEST(limits_stack)
{
    static const struct {
        const char *schema;
        bool object;
    } ways[] = {
        {"{\"$ref\":\"#\"}", true},
        {"{\"additionalProperties\":{\"$dynamicRef\":\"#\"}}", true},
        {"{\"allOf\":[{\"$ref\":\"#\"}]}", true},
        {"{\"allOf\":[{\"$ref\":\"#\"}],\"unevaluatedProperties\":false}", true},
        {"{\"anyOf\":[{\"$ref\":\"#\"}],\"unevaluatedProperties\":false}", true},
        {"{\"oneOf\":[{\"anyOf\":[{\"$ref\":\"#\"}]}]}", true},
        {"{\"not\":{\"$ref\":\"#\"}}", true},
        {"{\"if\":{\"$ref\":\"#\"}}", true},
        {"{\"if\":true,\"then\":{\"$ref\":\"#\"}}", true},
        {"{\"dependentSchemas\":{\"a\":{\"$ref\":\"#\"}}}", true},
        {"{\"properties\":{\"a\":{\"$ref\":\"#\"}}}", true},
        {"{\"patternProperties\":{\"^a$\":{\"$ref\":\"#\"}},\"unevaluatedProperties\":true}", true},
        {"{\"additionalProperties\":{\"$ref\":\"#\"}}", true},
        {"{\"unevaluatedProperties\":{\"anyOf\":[{\"$ref\":\"#\"}]}}", true},
        {"{\"items\":{\"allOf\":[{\"$ref\":\"#\"}]}}", false},
        {"{\"prefixItems\":[{\"$ref\":\"#\"}]}", false},
        {"{\"contains\":{\"$ref\":\"#\"}}", false},
        {"{\"unevaluatedItems\":{\"$ref\":\"#\"}}", false},
        {"{\"uniqueItems\":true,\"items\":{\"anyOf\":[{\"$ref\":\"#\"}]}}", false},
    };
    struct schema_scratch *scratch = schema_scratch_create();
    ck_assert_ptr_nonnull(scratch);
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        struct schema *schema = compile_chain(ways[i].schema);
        struct deep deep = {.schema = schema, .value = nested(NESTED_MAX, ways[i].object), .scratch = scratch};
        check_on_small_stack(&deep);
        ck_assert_msg(!deep.valid, "%s", ways[i].schema);
        ck_assert_msg(strcmp(deep.error.keyword, "depth") == 0, "%s: %s", ways[i].schema, deep.error.keyword);
        json_decref(deep.value);
        schema_free(schema);
    }
    schema_scratch_free(scratch);
}
END_TEST

/* Values are compared without being checked. */
START_TEST(limits_stack_of_comparisons)
{
    struct schema_scratch *scratch = schema_scratch_create();
    struct schema *schema = compile("{\"uniqueItems\":true}");
    for (int object = 0; object < 2; object++) {
        json_t *one = nested(NESTED_MAX, object != 0);
        json_t *other = nested(NESTED_MAX, object != 0);
        struct deep deep = {.schema = schema, .value = json_pack("[o, o]", one, other), .scratch = scratch};
        check_on_small_stack(&deep);
        ck_assert(!deep.valid);
        ck_assert_str_eq(deep.error.keyword, "depth");
        json_decref(deep.value);
    }
    schema_free(schema);
    schema_scratch_free(scratch);
}
END_TEST

/* What 32 levels of a message may meet at each: a reference, an allOf, a reference in it, and what all of them evaluated. */
START_TEST(limits_real_depth)
{
    static const char text[] =
        "{\"$ref\":\"#/$defs/node\",\"$defs\":{\"base\":{\"properties\":{\"a\":{\"$ref\":\"#/$defs/node\"}}},"
        "\"node\":{\"allOf\":[{\"$ref\":\"#/$defs/base\"}],\"unevaluatedProperties\":false}}}";
    struct schema_scratch *scratch = schema_scratch_create();
    struct schema *schema = compile(text);
    struct deep deep = {.schema = schema, .value = nested(31, true), .scratch = scratch};
    check_on_small_stack(&deep);
    ck_assert_msg(deep.valid, "%s", deep.error.sentence);
    json_decref(deep.value);
    deep.value = parse("{\"a\":{\"a\":{\"b\":1}}}");
    check_on_small_stack(&deep);
    ck_assert(!deep.valid);
    ck_assert_str_eq(deep.error.path, "/a/a/b");
    json_decref(deep.value);
    schema_free(schema);
    schema_scratch_free(scratch);
}
END_TEST

/* JSON text against `schema`: the keyword of the first error, or "" where it is valid. */
static const char *check_text(const char *schema_text, const char *text, size_t size)
{
    static struct schema_error error;
    const struct json_bounds bounds = {.max_size = (size_t)1 << 26,
                                       .max_depth = 32,
                                       .refuse_duplicate_keys = true,
                                       .refuse_lone_surrogates = true,
                                       .refuse_escaped_nul = true};
    struct schema_report report = {&error, 1, 0};
    struct schema_scratch *scratch = schema_scratch_create();
    struct schema *schema = compile(schema_text);
    const bool valid = schema_check_bytes(schema, &bounds, (const uint8_t *)text, size, scratch, &report);
    ck_assert_uint_eq(report.count, valid ? 0 : 1);
    schema_free(schema);
    schema_scratch_free(scratch);
    return valid ? "" : error.keyword;
}

START_TEST(limits_numbers)
{
    static const struct {
        const char *schema;
        const char *text;
        const char *keyword;
    } rows[] = {
        {"true", "1e999999", "number_range"},
        {"true", "-1e309", "number_range"},
        {"true", "9223372036854775808", "number_range"},
        {"true", "-9223372036854775809", "number_range"},
        {"true", "[9223372036854775807,-9223372036854775808]", ""},
        {"true", "[1e-400]", "number_range"},
        {"{\"exclusiveMinimum\":0}", "1e-400", "number_range"},
        {"{\"minimum\":9007199254740993}", "9007199254740993.0", "number_range"},
        {"{\"minimum\":9007199254740993}", "9007199254740992", "minimum"},
        {"{\"minimum\":9007199254740993}", "9007199254740993", ""},
        {"{\"maximum\":0.1}", "0.10000000000000001", "number_range"},
        {"{\"maximum\":0.2}", "0.10000000000000001", ""},
        {"{\"maximum\":0.3}", "0.30000000000000004", "maximum"},
        {"{\"not\":{\"maximum\":0.1}}", "0.10000000000000001", "number_range"},
        {"{\"multipleOf\":0.01}", "0.070000000000000007", "number_range"},
        {"{\"multipleOf\":0.01}", "0.07", ""},
        {"{\"type\":\"integer\"}", "1.00000000000000000001", "number_range"},
        {"{\"type\":\"number\"}", "1.00000000000000000001", ""},
        {"{\"type\":\"integer\"}", "1.00000000000000000000", ""},
        {"{\"const\":0.1}", "0.1000000000000000055511151231257827", "number_range"},
        {"{\"const\":0.1}", "0.2000000000000000055511151231257827", "const"},
        {"{\"enum\":[1,2]}", "1.00000000000000000001", "number_range"},
        {"{\"enum\":[1,2]}", "1.0", ""},
        {"{\"const\":0}", "-0.0", ""},
        {"{\"uniqueItems\":true}", "[0.1,0.10000000000000001]", "number_range"},
        {"{\"uniqueItems\":true}", "[0.1,0.30000000000000004,0.3]", ""},
        {"{\"uniqueItems\":true}", "[1,2,1.0]", "uniqueItems"},
        {"{\"uniqueItems\":true}", "[0,-0.0]", "uniqueItems"},
        {"{\"uniqueItems\":true}", "[9007199254740992,9007199254740993]", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *keyword = check_text(rows[i].schema, rows[i].text, strlen(rows[i].text));
        ck_assert_msg(strcmp(keyword, rows[i].keyword) == 0, "%s with %s: '%s'", rows[i].schema, rows[i].text, keyword);
    }
}
END_TEST

START_TEST(hostile_texts)
{
    static const struct {
        const char *text;
        const char *keyword;
    } rows[] = {
        {"\xEF\xBB\xBF{}", "bounds"},
        {"\"\xC0\x80\"", "bounds"},
        {"\"\\ud800\"", "bounds"},
        {"\"\\u0000\"", "bounds"},
        {"\"\xED\xA0\x80\"", "bounds"},
        {"{\"a\":1,\"\\u0061\":2}", "bounds"},
        {"", "json"},
        {"nul", "json"},
        {"1 2", "json"},
        {"[1,]", "json"},
        {"01", "json"},
        {"-", "json"},
        {"+1", "json"},
        {"1.", "json"},
        {"-0", ""},
        {"\"\\ud83d\\ude00\"", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *keyword = check_text("true", rows[i].text, strlen(rows[i].text));
        ck_assert_msg(strcmp(keyword, rows[i].keyword) == 0, "%zu %s: %s", i, rows[i].text, keyword);
    }
    static char deep[100000];
    memset(deep, '[', sizeof(deep));
    ck_assert_str_eq(check_text("{\"items\":{\"$ref\":\"#\"}}", deep, sizeof(deep)), "bounds");
}
END_TEST

/* `unit` as often as fits 64 KiB, between `start` and `end`. */
static char *filled(const char *start, const char *unit, const char *end, size_t *size_r)
{
    const size_t room = 65536;
    char *text = malloc(room + 1);
    ck_assert_ptr_nonnull(text);
    size_t size = (size_t)snprintf(text, room, "%s", start);
    while (size + strlen(unit) + strlen(end) < room) {
        size += (size_t)snprintf(text + size, room - size, "%s", unit);
    }
    size += (size_t)snprintf(text + size, room - size, "%s", end);
    *size_r = size;
    return text;
}

/* `count` members or items, with their number for the # in `format`, between `start` and `end`. */
static char *listed(const char *start, const char *format, size_t count, const char *end)
{
    const size_t room = 1 << 20;
    char *text = malloc(room);
    ck_assert_ptr_nonnull(text);
    size_t size = (size_t)snprintf(text, room, "%s", start);
    for (size_t i = 0; i < count; i++) {
        char piece[256];
        const char *mark = strchr(format, '#');
        (void)snprintf(piece, sizeof(piece), "%s%.*s%zu%s", i > 0 ? "," : "", (int)(mark - format), format, i,
                       mark + 1);
        size += (size_t)snprintf(text + size, room - size, "%s", piece);
    }
    (void)snprintf(text + size, room - size, "%s", end);
    return text;
}

/* Work that would take minutes ends with the steps. Nothing here takes a time; the suite's own limit is what it would break. */
START_TEST(hostile_work)
{
    static const struct {
        const char *schema;
        const char *start;
        const char *unit;
        const char *end;
        const char *keyword;
    } rows[] = {
        {"{\"items\":{\"pattern\":\"^(a+)+$\"}}", "[\"\"", ",\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"", "]", "pattern"},
        {"{\"pattern\":\"(a*)*[bc]\"}", "\"", "a", "\"", "pattern"},
        {"{\"pattern\":\"(a+)\\\\1*[cd]\"}", "\"", "a", "\"", "pattern"},
        {"{\"not\":{\"pattern\":\".*.*.*[xy]\"}}", "\"", "a", "\"", "pattern"},
        {"{\"patternProperties\":{\"^(a|b)*x?$\":true},\"propertyNames\":{\"pattern\":\"^(a+)+$\"}}", "{\"a\":1", "",
         ",\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\":1}", "pattern"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t size = 0;
        char *text = NULL;
        if (rows[i].unit[0] == '\0') {
            text = malloc(256);
            size = (size_t)snprintf(text, 256, "%s%s", rows[i].start, rows[i].end);
        } else {
            text = filled(rows[i].start, rows[i].unit, rows[i].end, &size);
        }
        const char *keyword = check_text(rows[i].schema, text, size);
        ck_assert_msg(strcmp(keyword, rows[i].keyword) == 0, "%s: '%s'", rows[i].schema, keyword);
        free(text);
    }
}
END_TEST

START_TEST(hostile_schemas_of_much_work)
{
    static const struct {
        const char *start;
        const char *format;
        size_t count;
        const char *end;
        const char *unit;
    } rows[] = {
        {"{\"items\":{\"not\":{\"anyOf\":[", "{\"required\":[\"r#\"]}", 1000, "]}}}", ",{}"},
        {"{\"items\":{\"dependentRequired\":{", "\"r#\":[\"x\"]", 1000, "}}}", ",{}"},
        {"{\"unevaluatedItems\":false,\"anyOf\":[", "{\"contains\":{\"const\":-#}}", 500, ",{\"items\":true}]}", ",1"},
        {"{\"items\":{\"allOf\":[", "{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":-#}]}", 500, "]}}", ",1"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t size = 0;
        char *schema = listed(rows[i].start, rows[i].format, rows[i].count, rows[i].end);
        char first[8];
        (void)snprintf(first, sizeof(first), "[%s", rows[i].unit + 1);
        char *text = filled(first, rows[i].unit, "]", &size);
        const char *keyword = check_text(schema, text, size);
        ck_assert_msg(strcmp(keyword, "steps") == 0, "%s: '%s'", rows[i].format, keyword);
        free(text);
        free(schema);
    }
    /* 2^40 ways */
    size_t used = 0;
    char *ways = malloc(8192);
    ck_assert_ptr_nonnull(ways);
    used = (size_t)snprintf(ways, 8192, "{\"$ref\":\"#/$defs/a0\",\"$defs\":{");
    for (int i = 0; i < 40; i++) {
        used += (size_t)snprintf(ways + used, 8192 - used,
                                 "\"a%d\":{\"anyOf\":[{\"$ref\":\"#/$defs/a%d\"},{\"$ref\":\"#/$defs/a%d\"}]},", i,
                                 i + 1, i + 1);
    }
    (void)snprintf(ways + used, 8192 - used, "\"a40\":false}}");
    ck_assert_str_eq(check_text(ways, "{\"a\":1}", 7), "steps");
    free(ways);
}
END_TEST

/* Names in schemas may be long, and are looked up in each value. */
START_TEST(hostile_long_names)
{
    static const char *const ways[][2] = {
        {"{\"items\":{\"anyOf\":[{\"required\":[\"", "\"]},true]}}"},
        {"{\"items\":{\"dependentRequired\":{\"", "\":[]}}}"},
        {"{\"items\":{\"anyOf\":[{\"dependentRequired\":{\"a\":[\"", "\"]}},true]}}"},
        {"{\"items\":{\"dependentSchemas\":{\"", "\":true}}}"},
    };
    const size_t room = ((size_t)1 << 20) + 256;
    size_t size = 0;
    char *name = malloc(room);
    char *schema = malloc(room);
    char *text = filled("[{\"a\":1}", ",{\"a\":1}", "]", &size);
    ck_assert(name != NULL && schema != NULL);
    memset(name, 'k', room - 256);
    name[room - 256] = '\0';
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        (void)snprintf(schema, room, "%s%s%s", ways[i][0], name, ways[i][1]);
        const char *keyword = check_text(schema, text, size);
        ck_assert_msg(strcmp(keyword, "steps") == 0, "%s: '%s'", ways[i][0], keyword);
    }
    free(text);
    free(schema);
    free(name);
}
END_TEST

/* Much of it is no offence. */
START_TEST(limits_many)
{
    struct schema_scratch *scratch = schema_scratch_create();
    struct schema *unique = compile("{\"uniqueItems\":true}");
    struct schema *keys =
        compile("{\"additionalProperties\":{\"type\":\"integer\"},\"propertyNames\":{\"maxLength\":9}}");
    json_t *array = json_array();
    json_t *object = json_object();
    for (size_t i = 0; i < MANY; i++) {
        char key[16];
        (void)snprintf(key, sizeof(key), "k%zu", i);
        ck_assert_int_eq(json_array_append_new(array, json_integer((json_int_t)((i * 7919) % MANY))), 0);
        ck_assert_int_eq(json_object_set_new_nocheck(object, key, json_integer(1)), 0);
    }
    ck_assert(schema_check(unique, array, scratch, NULL));
    ck_assert(schema_check(keys, object, scratch, NULL));
    ck_assert_int_eq(json_array_append_new(array, json_real(7.0)), 0);
    ck_assert(!schema_check(unique, array, scratch, NULL));
    json_decref(array);
    json_decref(object);
    schema_free(unique);
    schema_free(keys);
    schema_scratch_free(scratch);
}
END_TEST

START_TEST(core_sentences)
{
    static const struct {
        const char *schema;
        const char *text;
        const char *path;
        const char *sentence;
    } rows[] = {
        {"{\"maximum\":5}", "6", "", "is greater than 5"},
        {"{\"multipleOf\":0.1}", "0.25", "", "is no multiple of 0.1"},
        {"{\"exclusiveMinimum\":1e300}", "1", "", "is not greater than 1e300"},
        {"{\"enum\":[1,2,3]}", "4", "", "is none of the 3 values that are allowed"},
        {"{\"type\":[\"null\",\"integer\"]}", "\"x\"", "", "is a string where null or an integer is expected"},
        {"{\"anyOf\":[{\"type\":\"null\"},{\"required\":[\"a\"]}]}", "{}", "",
         "matches none of 2 alternatives; the closest, anyOf/1, finds that it lacks the member a"},
        {"{\"oneOf\":[{\"properties\":{\"k\":{\"const\":\"a\"}},\"required\":[\"k\"]},"
         "{\"properties\":{\"k\":{\"const\":\"b\"},\"n\":{\"type\":\"integer\"}},\"required\":[\"k\"]}]}",
         "{\"k\":\"b\",\"n\":\"x\"}", "",
         "matches none of 2 alternatives; the closest, oneOf/1, finds that /n is a string where an integer is "
         "expected"},
        {"{\"oneOf\":[false,true,{\"minimum\":1}]}", "2", "",
         "matches alternatives 1 and 2 of 3, of which only one may"},
        {"{\"properties\":{\"a/~\\n\":false}}", "{\"a/~\\n\":1}", "/a~1~0?", "is not allowed"},
    };
    struct schema_scratch *scratch = schema_scratch_create();
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct schema_error error;
        struct schema_report report = {&error, 1, 0};
        struct schema *schema = compile(rows[i].schema);
        json_t *value = parse(rows[i].text);
        ck_assert_msg(!schema_check(schema, value, scratch, &report), "%s", rows[i].schema);
        ck_assert_str_eq(error.sentence, rows[i].sentence);
        ck_assert_str_eq(error.path, rows[i].path);
        json_decref(value);
        schema_free(schema);
    }
    schema_scratch_free(scratch);
}
END_TEST

#define THREADS 4
#define ROUNDS  200

struct sharer {
    const struct schema *schema;
    bool right;
};

static void *share(void *data)
{
    struct sharer *sharer = data;
    struct schema_scratch *scratch = schema_scratch_create();
    json_t *good = json_pack("{s:[i, i, i], s:s}", "a", 1, 2, 3, "b", "xyz");
    json_t *bad = json_pack("{s:[i, i, i], s:s}", "a", 1, 2, 1, "b", "xyz");
    sharer->right = scratch != NULL && good != NULL && bad != NULL;
    for (int i = 0; i < ROUNDS && sharer->right; i++) {
        struct schema_error error;
        struct schema_report report = {&error, 1, 0};
        sharer->right = schema_check(sharer->schema, good, scratch, &report) &&
                        !schema_check(sharer->schema, bad, scratch, &report);
    }
    json_decref(good);
    json_decref(bad);
    schema_scratch_free(scratch);
    return NULL;
}

START_TEST(core_threads)
{
    struct schema *schema = compile("{\"properties\":{\"a\":{\"uniqueItems\":true},\"b\":{\"pattern\":\"^[x-z]+$\"}},"
                                    "\"anyOf\":[{\"required\":[\"c\"]},{\"required\":[\"a\"]}],"
                                    "\"unevaluatedProperties\":false}");
    struct sharer sharers[THREADS];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        sharers[i].schema = schema;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, share, &sharers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert(sharers[i].right);
    }
    schema_free(schema);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schema_bounds");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_sentences);
    tcase_add_test(core, core_threads);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_stack);
    tcase_add_test(limits, limits_stack_of_comparisons);
    tcase_add_test(limits, limits_real_depth);
    tcase_add_test(limits, limits_numbers);
    tcase_add_test(limits, limits_many);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_texts);
    tcase_add_test(hostile, hostile_work);
    tcase_add_test(hostile, hostile_schemas_of_much_work);
    tcase_add_test(hostile, hostile_long_names);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
