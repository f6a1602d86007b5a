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
#else
#define STACK_SIZE ((size_t)80 << 10)
#endif

#define NESTED_MAX 1000 /* levels of a value */

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

/* Every way for one subschema to lead to the next, gone until the bound on depth says no. */
START_TEST(limits_stack)
{
    static const struct {
        const char *schema;
        bool object;
    } ways[] = {
        {"{\"$ref\":\"#\"}", true},
        {"{\"$dynamicAnchor\":\"x\",\"$dynamicRef\":\"#x\"}", true},
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
        {"{\"propertyNames\":{\"not\":{\"$ref\":\"#/propertyNames\"}}}", true},
        {"{\"items\":{\"allOf\":[{\"$ref\":\"#\"}]}}", false},
        {"{\"prefixItems\":[{\"$ref\":\"#\"}]}", false},
        {"{\"contains\":{\"$ref\":\"#\"}}", false},
        {"{\"unevaluatedItems\":{\"$ref\":\"#\"}}", false},
        {"{\"uniqueItems\":true,\"items\":{\"anyOf\":[{\"$ref\":\"#\"}]}}", false},
    };
    struct schema_scratch *scratch = schema_scratch_create();
    ck_assert_ptr_nonnull(scratch);
    for (size_t i = 0; i < COUNT_OF(ways); i++) {
        struct schema *schema = compile(ways[i].schema);
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

int main(void)
{
    Suite *suite = suite_create("schema_bounds");
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_stack);
    tcase_add_test(limits, limits_stack_of_comparisons);
    tcase_add_test(limits, limits_real_depth);
    suite_add_tcase(suite, limits);
    return runner_run(suite);
}
