/*
 * check_schema - each keyword of JSON Schema against values on both sides of it; schemas that must not compile; errors and
 * where they point; bounds.
 */
#include "validate/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "tests/unit/runner.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define ERRORS_MAX      8

struct example {
    const char *schema;
    const char *valid[6]; /* up to the first NULL */
    const char *invalid[6];
};

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, JSON_DECODE_ANY, &error);
    ck_assert_msg(value != NULL, "%s: %s", text, error.text);
    return value;
}

static struct schema *compile(const char *text, bool format)
{
    const struct schema_options options = {.assert_format = format};
    struct schema_error error;
    json_t *document = parse(text);
    struct schema *schema = schema_compile(document, &options, &error);
    ck_assert_msg(schema != NULL, "%s: %s", text, schema == NULL ? error.sentence : "");
    json_decref(document);
    return schema;
}

static void assert_verdict(const struct schema *schema, struct schema_scratch *scratch, const char *name,
                           const char *text, bool expected)
{
    struct schema_error errors[ERRORS_MAX];
    struct schema_report report = {errors, ERRORS_MAX, 0};
    json_t *value = parse(text);
    const bool quick = schema_check(schema, value, scratch, NULL);
    const bool full = schema_check(schema, value, scratch, &report);
    ck_assert_msg(quick == expected && full == expected && (report.count > 0) == !expected,
                  "%s with %s: %d %d, %zu: %s", name, text, quick, full, report.count,
                  report.count > 0 ? errors[0].sentence : "");
    json_decref(value);
}

static void assert_examples(const struct example *examples, size_t count, bool format)
{
    struct schema_scratch *scratch = schema_scratch_create();
    ck_assert_ptr_nonnull(scratch);
    for (size_t i = 0; i < count; i++) {
        struct schema *schema = compile(examples[i].schema, format);
        for (size_t j = 0; j < COUNT_OF(examples[i].valid) && examples[i].valid[j] != NULL; j++) {
            assert_verdict(schema, scratch, examples[i].schema, examples[i].valid[j], true);
        }
        for (size_t j = 0; j < COUNT_OF(examples[i].invalid) && examples[i].invalid[j] != NULL; j++) {
            assert_verdict(schema, scratch, examples[i].schema, examples[i].invalid[j], false);
        }
        schema_free(schema);
    }
    schema_scratch_free(scratch);
}

START_TEST(core_values)
{
    static const struct example examples[] = {
        {"true", {"1", "{}"}, {NULL}},
        {"false", {NULL}, {"1", "null"}},
        {"{\"type\":\"integer\"}", {"1", "1.0", "-0"}, {"1.5", "\"1\"", "null", "[]"}},
        {"{\"type\":[\"null\",\"string\"]}", {"null", "\"\""}, {"0", "false"}},
        {"{\"type\":\"number\"}", {"1", "1.5"}, {"true"}},
        {"{\"const\":{\"a\":[1,2.0]}}", {"{\"a\":[1.0,2]}"}, {"{\"a\":[2,1]}", "{\"a\":[1,2],\"b\":0}", "{}"}},
        {"{\"const\":false}", {"false"}, {"0", "null", "[]"}},
        {"{\"enum\":[3,\"a\",{\"x\":1},null,[0]]}",
         {"3.0", "{\"x\":1.0}", "null", "[0]"},
         {"4", "[false]", "{\"x\":2}"}},
        {"{\"minimum\":9007199254740993}", {"9007199254740993", "1e17"}, {"9007199254740992", "9007199254740992.0"}},
        {"{\"maximum\":1.1,\"exclusiveMinimum\":-2}", {"1.1", "-1.99"}, {"1.11", "2", "-2", "-2.0"}},
        {"{\"exclusiveMaximum\":3}", {"2.999"}, {"3", "3.0"}},
        {"{\"multipleOf\":0.01}", {"4.35", "0", "19.99", "1e300"}, {"0.005", "4.351"}},
        {"{\"multipleOf\":0.123456789}", {"1.23456789"}, {"1e308"}},
        {"{\"multipleOf\":1e-8}", {"12391239123"}, {"1e-9"}},
        {"{\"minLength\":2,\"maxLength\":3.0}", {"\"\\u00e4\\ud83d\\ude00\"", "5"}, {"\"\\ud83d\\ude00\"", "\"abcd\""}},
        {"{\"pattern\":\"^a+$\"}", {"\"aa\"", "1"}, {"\"aa\\n\"", "\"b\""}},
    };
    assert_examples(examples, COUNT_OF(examples), false);
}
END_TEST

START_TEST(core_objects)
{
    static const struct example examples[] = {
        {"{\"required\":[\"a\"],\"properties\":{\"a\":{\"type\":\"string\"},\"b\":false}}",
         {"{\"a\":\"\"}", "[]"},
         {"{}", "{\"a\":1}", "{\"a\":\"\",\"b\":1}"}},
        {"{\"minProperties\":1,\"maxProperties\":2}", {"{\"a\":1}"}, {"{}", "{\"a\":1,\"b\":1,\"c\":1}"}},
        {"{\"properties\":{\"a\":{}},\"patternProperties\":{\"^x\":{\"type\":\"integer\"}},\"additionalProperties\":"
         "false}",
         {"{\"a\":1,\"xy\":2}"},
         {"{\"xy\":\"\"}", "{\"b\":1}"}},
        {"{\"propertyNames\":{\"maxLength\":2}}", {"{\"ab\":1}"}, {"{\"abc\":1}"}},
        {"{\"dependentRequired\":{\"a\":[\"b\",\"c\"]}}", {"{}", "{\"a\":1,\"b\":1,\"c\":1}"}, {"{\"a\":1,\"b\":1}"}},
        {"{\"dependentSchemas\":{\"a\":{\"minProperties\":2}}}", {"{\"b\":1}", "{\"a\":1,\"b\":1}"}, {"{\"a\":1}"}},
        {"{\"properties\":{\"$ref\":{\"type\":\"string\"}}}", {"{\"$ref\":\"a\"}"}, {"{\"$ref\":1}"}},
    };
    assert_examples(examples, COUNT_OF(examples), false);
}
END_TEST

START_TEST(core_arrays)
{
    static const struct example examples[] = {
        {"{\"minItems\":1,\"maxItems\":2}", {"[1]", "[1,2]"}, {"[]", "[1,2,3]"}},
        {"{\"prefixItems\":[{\"type\":\"string\"}],\"items\":{\"type\":\"integer\"}}",
         {"[]", "[\"\"]", "[\"\",1]"},
         {"[1]", "[\"\",\"\"]"}},
        {"{\"contains\":{\"const\":1}}", {"[0,1]"}, {"[]", "[2]"}},
        {"{\"contains\":{\"const\":1},\"minContains\":0}", {"[]"}, {NULL}},
        {"{\"contains\":{\"const\":1},\"minContains\":2,\"maxContains\":2}", {"[1,1]"}, {"[1]", "[1,1,1]"}},
        {"{\"minContains\":2}", {"[]"}, {NULL}},
        {"{\"uniqueItems\":true}",
         {"[1,true,\"1\",[1],{\"a\":1}]", "[[1],[true]]", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14]"},
         {"[1,1.0]", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,7.0]"}},
        {"{\"uniqueItems\":false}", {"[1,1]"}, {NULL}},
    };
    assert_examples(examples, COUNT_OF(examples), false);
}
END_TEST

START_TEST(core_logic)
{
    static const struct example examples[] = {
        {"{\"allOf\":[{\"minimum\":2},{\"maximum\":4}]}", {"3"}, {"1", "5"}},
        {"{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":4}]}", {"\"\"", "5"}, {"3"}},
        {"{\"oneOf\":[{\"type\":\"integer\"},{\"minimum\":4}]}", {"3", "4.5"}, {"5", "3.5"}},
        {"{\"not\":{\"type\":\"integer\"}}", {"\"\""}, {"1"}},
        {"{\"not\":{\"not\":{}}}", {"1"}, {NULL}},
        {"{\"if\":{\"minimum\":10},\"then\":{\"multipleOf\":10},\"else\":{\"multipleOf\":3}}",
         {"20", "9"},
         {"25", "8"}},
        {"{\"then\":false,\"else\":false}", {"1"}, {NULL}},
        {"{\"if\":false,\"then\":false}", {"1"}, {NULL}},
    };
    assert_examples(examples, COUNT_OF(examples), false);
}
END_TEST

START_TEST(core_unevaluated)
{
    static const struct example examples[] = {
        {"{\"allOf\":[{\"properties\":{\"a\":true}}],\"unevaluatedProperties\":false}", {"{\"a\":1}"}, {"{\"b\":1}"}},
        {"{\"anyOf\":[{\"properties\":{\"a\":{\"const\":1}},\"required\":[\"a\"]},"
         "{\"properties\":{\"b\":{\"const\":2}},\"required\":[\"b\"]}],\"unevaluatedProperties\":false}",
         {"{\"a\":1}", "{\"a\":1,\"b\":2}"},
         {"{\"a\":1,\"b\":3}"}},
        {"{\"if\":{\"properties\":{\"a\":{\"const\":1}},\"required\":[\"a\"]},\"then\":{\"properties\":{\"b\":true}},"
         "\"unevaluatedProperties\":false}",
         {"{\"a\":1,\"b\":2}"},
         {"{\"a\":2}"}},
        {"{\"not\":{\"not\":{\"properties\":{\"a\":true}}},\"unevaluatedProperties\":false}", {"{}"}, {"{\"a\":1}"}},
        {"{\"properties\":{\"a\":true},\"allOf\":[{\"unevaluatedProperties\":false}]}", {"{}"}, {"{\"a\":1}"}},
        {"{\"allOf\":[{\"unevaluatedProperties\":true}],\"unevaluatedProperties\":false}", {"{\"a\":1}"}, {NULL}},
        {"{\"prefixItems\":[true],\"contains\":{\"type\":\"string\"},\"unevaluatedItems\":false}",
         {"[1,\"\"]"},
         {"[1,\"\",2]"}},
        {"{\"allOf\":[{\"items\":true}],\"unevaluatedItems\":false}", {"[1,2]"}, {NULL}},
        {"{\"unevaluatedItems\":{\"type\":\"string\"}}", {"[\"a\"]", "{}"}, {"[1]"}},
    };
    assert_examples(examples, COUNT_OF(examples), false);
}
END_TEST

#define META "https://json-schema.org/draft/2020-12/schema"

START_TEST(core_references)
{
    static const struct example examples[] = {
        {"{\"$defs\":{\"a~/%\":{\"type\":\"string\"}},\"$ref\":\"#/$defs/a~0~1%25\"}", {"\"\""}, {"1"}},
        {"{\"properties\":{\"a\":{\"$ref\":\"#\"}},\"additionalProperties\":false}",
         {"{\"a\":{\"a\":{}}}"},
         {"{\"a\":{\"b\":1}}"}},
        {"{\"$ref\":\"#x\",\"$defs\":{\"y\":{\"$anchor\":\"x\",\"type\":\"null\"}},\"maximum\":1}", {"null"}, {"1"}},
        {"{\"$id\":\"http://example.com/root.json\",\"$ref\":\"other#x\",\"$defs\":{\"o\":{\"$id\":\"other\","
         "\"$defs\":{\"x\":{\"$anchor\":\"x\",\"type\":\"null\"}}}}}",
         {"null"},
         {"1"}},
        {"{\"$id\":\"http://example.com/a/b\",\"$ref\":\"/c/../d\",\"$defs\":{\"d\":{\"$id\":\"../d\",\"minimum\":1}}}",
         {"1"},
         {"0"}},
        {"{\"$id\":\"urn:example:x\",\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"minimum\":1}}}", {"1"}, {"0"}},
        {"{\"$ref\":\"#/unknown/a\",\"unknown\":{\"a\":{\"minimum\":1}}}", {"1"}, {"0"}},
        {"{\"$ref\":\"#/allOf/1\",\"allOf\":[true,{\"minimum\":1}]}", {"1"}, {"0"}},
        {"{\"$ref\":\"" META "\"}",
         {"{\"type\":\"string\"}", "true", "{\"properties\":{\"a\":{\"minLength\":1}}}"},
         {"{\"type\":1}", "{\"properties\":{\"a\":{\"minLength\":-1}}}", "7"}},
        /* the outermost resource with the dynamic anchor decides what a child is */
        {"{\"$id\":\"http://example.com/strict\",\"$dynamicAnchor\":\"node\",\"$ref\":\"tree\","
         "\"unevaluatedProperties\":false,\"$defs\":{\"t\":{\"$id\":\"tree\",\"$dynamicAnchor\":\"node\","
         "\"type\":\"object\",\"properties\":{\"data\":true,\"children\":{\"items\":{\"$dynamicRef\":\"#node\"}}}}}}",
         {"{\"children\":[{\"data\":1}]}"},
         {"{\"children\":[{\"daat\":1}]}"}},
        {"{\"$dynamicRef\":\"#/$defs/a\",\"$defs\":{\"a\":{\"minimum\":1}}}", {"1"}, {"0"}},
    };
    assert_examples(examples, COUNT_OF(examples), false);
}
END_TEST

START_TEST(core_patterns)
{
    static const struct example examples[] = {
        {"{\"pattern\":\"^\\\\d\\\\w$\"}", {"\"1a\""}, {"\"\\u0967a\"", "\"1\\u00e4\""}},
        {"{\"pattern\":\"^\\\\s[\\\\S]$\"}", {"\"\\ufeffa\"", "\"\\u000bx\""}, {"\"  \"", "\"a\\u2003\""}},
        {"{\"pattern\":\"^\\\\p{Letter}+$\"}", {"\"\\u00e4b\""}, {"\"1\""}},
        {"{\"pattern\":\"^\\\\uD83D\\\\uDC32\\\\u{e4}\\\\x41\\\\cC$\"}",
         {"\"\\ud83d\\udc32\\u00e4A\\u0003\""},
         {"\"a\""}},
        {"{\"pattern\":\"^.$\"}", {"\"\\ud83d\\ude00\""}, {"\"\\n\"", "\"\\u2028\"", "\"ab\""}},
        {"{\"pattern\":\"^(?<y>a)\\\\k<y>[]]?|^[^]$\"}", {"\"z\""}, {NULL}},
        {"{\"pattern\":\"a{,2}\"}", {"\"a{,2}\""}, {"\"aa\""}},
    };
    assert_examples(examples, COUNT_OF(examples), false);
}
END_TEST

START_TEST(core_formats)
{
    static const struct example examples[] = {
        {"{\"format\":\"date-time\"}",
         {"\"2024-02-29T23:59:60Z\"", "\"1998-12-31t15:59:60.5-08:00\"", "1"},
         {"\"2023-02-29T00:00:00Z\"", "\"2024-01-01T22:59:60Z\"", "\"2024-01-01T00:00:00\"",
          "\"2024-01-01 00:00:00Z\""}},
        {"{\"format\":\"date\"}", {"\"2000-02-29\""}, {"\"1900-02-29\"", "\"2000-13-01\"", "\"2000-1-01\""}},
        {"{\"format\":\"time\"}", {"\"00:00:00.1z\""}, {"\"24:00:00Z\"", "\"00:00:00.Z\"", "\"00:00:00+24:00\""}},
        {"{\"format\":\"duration\"}",
         {"\"P4DT12H30M5S\"", "\"P1W\"", "\"PT36H\""},
         {"\"P\"", "\"P1YT\"", "\"P1Y2W\"", "\"PT1D\"", "\"P2D1Y\"", "\"P1\""}},
        {"{\"format\":\"email\"}", {"\"a@example.com\""}, {"\"a\"", "\"\\u00e4@example.com\""}},
        {"{\"format\":\"idn-email\"}", {"\"\\u00e4@example.com\""}, {"\"@\""}},
        {"{\"format\":\"hostname\"}", {"\"a.b-c\""}, {"\"-a\"", "\"a..b\"", "\"\"", "\"a_b\""}},
        {"{\"format\":\"ipv4\"}", {"\"1.2.3.255\""}, {"\"1.2.3\"", "\"1.2.3.256\"", "\"1.2.3.04\"", "\"1.2.3.4 \""}},
        {"{\"format\":\"ipv6\"}",
         {"\"::\"", "\"1::d6:192.168.0.1\"", "\"1:2:3:4:5:6:7:8\""},
         {"\":::\"", "\"1::2::3\"", "\"12345::\"", "\"1:2:3:4:5:6:7\"", "\"1:\"", "\"::1%eth0\""}},
        {"{\"format\":\"uri\"}",
         {"\"http://a:b@[::1]:80/c?d#e\"", "\"urn:x:y\""},
         {"\"/a\"", "\"http://a b\"", "\"http://[::1\"", "\"a://b:c\"", "\"a:%zz\"", "\"a:\\u00e4\""}},
        {"{\"format\":\"uri-reference\"}", {"\"/a\"", "\"\"", "\"#x\""}, {"\"\\\\\\\\a\"", "\"1:b\""}},
        {"{\"format\":\"uuid\"}",
         {"\"2eb8aa08-aa98-11ea-b4aa-73b441d16380\""},
         {"\"2eb8aa08aa9811eab4aa73b441d16380\"", "\"2eb8aa08-aa98-11ea-b4ga-73b441d16380\""}},
        {"{\"format\":\"json-pointer\"}", {"\"\"", "\"/a~1b\""}, {"\"a\"", "\"/~2\"", "\"/~\""}},
        {"{\"format\":\"regex\"}",
         {"\"^a\""},
         {"\"(\"", "\"\\\\a\"", "\"a++\"", "\"(?i)a\"", "\"\\\\Z\"", "\"(?>a)\""}},
        {"{\"format\":\"unheard-of\"}", {"\"\""}, {NULL}},
    };
    static const struct example switched_off[] = {{"{\"format\":\"ipv4\"}", {"\"x\""}, {NULL}}};
    assert_examples(examples, COUNT_OF(examples), true);
    assert_examples(switched_off, COUNT_OF(switched_off), false);
}
END_TEST

START_TEST(core_errors)
{
    struct schema_error errors[ERRORS_MAX];
    struct schema_report report = {errors, ERRORS_MAX, 0};
    struct schema_scratch *scratch = schema_scratch_create();
    struct schema *schema = compile("{\"properties\":{\"a/b\":{\"items\":{\"$ref\":\"#/$defs/n\"}}},"
                                    "\"$defs\":{\"n\":{\"type\":\"integer\"}}}",
                                    false);
    json_t *value = parse("{\"a/b\":[1,\"x\",2,null]}");
    ck_assert(!schema_check(schema, value, scratch, &report));
    ck_assert_uint_eq(report.count, 2);
    ck_assert_str_eq(errors[0].path, "/a~1b/1");
    ck_assert_str_eq(errors[0].keyword, "type");
    ck_assert_str_eq(errors[0].location, "#/$defs/n/type");
    ck_assert_str_eq(errors[0].sentence, "is a string where an integer is expected");
    ck_assert_str_eq(errors[1].path, "/a~1b/3");
    report = (struct schema_report){errors, 1, 0};
    ck_assert(!schema_check(schema, value, scratch, &report));
    ck_assert_uint_eq(report.count, 1);
    json_decref(value);
    schema_free(schema);
    schema_scratch_free(scratch);
}
END_TEST

START_TEST(limits_bytes)
{
    static const struct {
        const char *text;
        const char *keyword;
    } texts[] = {
        {"1e999999", "number_range"},  {"12345678901234567890123", "number_range"},
        {"{\"a\":1,\"a\":2}", "json"}, {"[", "json"},
        {"[[[[[1]]]]]", "bounds"},     {"\xFF", "bounds"},
    };
    const struct json_bounds bounds = {.max_size = 64, .max_depth = 4};
    struct schema_scratch *scratch = schema_scratch_create();
    struct schema *schema = compile("true", false);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct schema_error error;
        struct schema_report report = {&error, 1, 0};
        const uint8_t *bytes = (const uint8_t *)texts[i].text;
        ck_assert(!schema_check_bytes(schema, &bounds, bytes, strlen(texts[i].text), scratch, &report));
        ck_assert_uint_eq(report.count, 1);
        ck_assert_str_eq(error.keyword, texts[i].keyword);
    }
    ck_assert(schema_check_bytes(schema, &bounds, (const uint8_t *)"[-0]", 4, scratch, NULL));
    schema_free(schema);
    schema_scratch_free(scratch);
}
END_TEST

START_TEST(hostile_schemas)
{
    static const struct {
        const char *schema;
        const char *keyword;
    } schemas[] = {
        {"{\"$ref\":\"http://example.com/elsewhere\"}", "$ref"},
        {"{\"$ref\":\"#/nothing\"}", "$ref"},
        {"{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}", "$schema"},
        {"{\"type\":\"strnig\"}", "type"},
        {"{\"type\":7}", "type"},
        {"{\"minLength\":-1}", "minLength"},
        {"{\"multipleOf\":0}", "multipleOf"},
        {"{\"pattern\":\"(\"}", "pattern"},
        {"{\"pattern\":\"(?R)\"}", "pattern"},
        {"{\"patternProperties\":{\"[\":{}}}", "patternProperties"},
        {"{\"required\":\"a\"}", "required"},
        {"{\"required\":[1]}", "required"},
        {"{\"enum\":1}", "enum"},
        {"{\"allOf\":[]}", "allOf"},
        {"{\"properties\":[]}", "properties"},
        {"{\"$defs\":{\"a\":{\"$anchor\":\"x\"},\"b\":{\"$anchor\":\"x\"}}}", "$anchor"},
        {"{\"$id\":\"a#b\"}", "$id"},
    };
    const struct schema_options options = {0};
    for (size_t i = 0; i < COUNT_OF(schemas); i++) {
        struct schema_error error;
        json_t *document = parse(schemas[i].schema);
        ck_assert_msg(schema_compile(document, &options, &error) == NULL, "%s", schemas[i].schema);
        ck_assert_msg(error.keyword != NULL && strcmp(error.keyword, schemas[i].keyword) == 0, "%s: %s",
                      schemas[i].schema, error.sentence);
        json_decref(document);
    }
}
END_TEST

START_TEST(hostile_patterns)
{
    static const struct example examples[] = {
        {"{\"pattern\":\"^(a+)+$\"}", {NULL}, {"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\""}},
        {"{\"not\":{\"pattern\":\"^(a+)+$\"}}", {NULL}, {"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\""}},
    };
    assert_examples(examples, COUNT_OF(examples), false);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("schema");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_values);
    tcase_add_test(core, core_objects);
    tcase_add_test(core, core_arrays);
    tcase_add_test(core, core_logic);
    tcase_add_test(core, core_unevaluated);
    tcase_add_test(core, core_references);
    tcase_add_test(core, core_patterns);
    tcase_add_test(core, core_formats);
    tcase_add_test(core, core_errors);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_bytes);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_schemas);
    tcase_add_test(hostile, hostile_patterns);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
