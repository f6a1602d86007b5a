/*
 * check_schema_compile - what schemas do not compile, and what is told of them; references between documents; vocabularies; loops
 * of references; bounds. What compiled schemas say of values is check_schema's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "runner.h"
#include "validate/schema.h"
#include "validate/schema_keyword.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define DIALECT         "https://json-schema.org/draft/2020-12/schema"
#define VOCABULARY      "https://json-schema.org/draft/2020-12/vocab/"
#define DOCUMENTS_MAX   3

/* What compiling a schema leads to. */
struct outcome {
    const char *schema;
    const char *keyword; /* NULL: it compiles */
    const char *location;
    const char *sentence; /* a part of it */
};

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *value = json_loads(text, JSON_DECODE_ANY, &error);
    ck_assert_msg(value != NULL, "%s: %s", text, error.text);
    return value;
}

static bool is_valid(const struct schema *schema, json_t *value)
{
    struct schema_scratch *scratch = schema_scratch_create();
    ck_assert_ptr_nonnull(scratch);
    const bool valid = schema_check(schema, value, scratch, NULL);
    schema_scratch_free(scratch);
    return valid;
}

static void assert_outcome(const struct outcome *outcome, const struct schema_options *options)
{
    struct schema_error error = {0};
    json_t *document = parse(outcome->schema);
    struct schema *schema = schema_compile(document, options, &error);
    ck_assert_msg((schema != NULL) == (outcome->keyword == NULL), "%s: %s", outcome->schema,
                  schema == NULL ? error.sentence : "compiles");
    if (outcome->keyword != NULL) {
        const char *keyword = error.keyword != NULL ? error.keyword : "";
        ck_assert_msg(strcmp(keyword, outcome->keyword) == 0 && strcmp(error.location, outcome->location) == 0 &&
                          strstr(error.sentence, outcome->sentence) != NULL,
                      "%s: %s at %s: %s", outcome->schema, keyword, error.location, error.sentence);
    }
    schema_free(schema);
    json_decref(document);
}

static void assert_outcomes(const struct outcome *outcomes, size_t count)
{
    const struct schema_options options = {0};
    for (size_t i = 0; i < count; i++) {
        assert_outcome(&outcomes[i], &options);
    }
}

/* One value of each wrong shape, in a place that has to be told. */
static const struct outcome shapes[] = {
    {"{\"properties\":{\"a\":{\"minLength\":-1}}}", "minLength", "#/properties/a/minLength", "a whole number"},
    {"{\"minItems\":1.5}", "minItems", "#/minItems", "a whole number"},
    {"{\"minItems\":2.0}", NULL, NULL, NULL},
    {"{\"maximum\":\"1\"}", "maximum", "#/maximum", "is a number"},
    {"{\"multipleOf\":0}", "multipleOf", "#/multipleOf", "greater than 0"},
    {"{\"multipleOf\":-1}", "multipleOf", "#/multipleOf", "greater than 0"},
    {"{\"type\":\"int\"}", "type", "#/type", "name of a type"},
    {"{\"type\":[]}", "type", "#/type", "name of a type"},
    {"{\"type\":[\"null\",\"null\"]}", "type", "#/type", "each of them once"},
    {"{\"type\":null}", "type", "#/type", "name of a type"},
    {"{\"required\":[\"a\",\"b\",\"a\"]}", "required", "#/required", "each of them once"},
    {"{\"required\":{}}", "required", "#/required", "an array of strings"},
    {"{\"dependentRequired\":{\"a\":[1]}}", "dependentRequired", "#/dependentRequired", "arrays of strings"},
    {"{\"enum\":{}}", "enum", "#/enum", "an array"},
    {"{\"enum\":[]}", NULL, NULL, NULL},
    {"{\"allOf\":[]}", "allOf", "#/allOf", "at least one schema"},
    {"{\"anyOf\":{}}", "anyOf", "#/anyOf", "at least one schema"},
    {"{\"oneOf\":[{},1]}", "", "#/oneOf/1", "an object or a boolean"},
    {"{\"items\":[{}]}", "", "#/items", "an object or a boolean"},
    {"{\"properties\":{\"a/~\":3}}", "", "#/properties/a~1~0", "an object or a boolean"},
    {"{\"properties\":[]}", "properties", "#/properties", "an object of schemas"},
    {"{\"uniqueItems\":1}", "uniqueItems", "#/uniqueItems", "a boolean"},
    {"{\"title\":1}", "title", "#/title", "a string"},
    {"{\"deprecated\":\"yes\"}", "deprecated", "#/deprecated", "a boolean"},
    {"{\"examples\":1}", "examples", "#/examples", "an array"},
    {"{\"format\":1}", "format", "#/format", "a string"},
    {"{\"contentSchema\":1}", "", "#/contentSchema", "an object or a boolean"},
    {"{\"definitions\":{\"a\":1}}", "", "#/definitions/a", "an object or a boolean"},
    {"{\"dependencies\":{\"a\":{\"type\":1}}}", "type", "#/dependencies/a/type", "name of a type"},
    {"{\"dependencies\":{\"a\":[1]}}", "dependencies", "#/dependencies", "arrays of strings"},
    {"{\"$vocabulary\":{\"a:b\":1}}", "$vocabulary", "#/$vocabulary", "booleans"},
    {"{\"$anchor\":\"1a\"}", "$anchor", "#/$anchor", "starts with a letter"},
    {"{\"$dynamicAnchor\":\"a b\"}", "$dynamicAnchor", "#/$dynamicAnchor", "starts with a letter"},
    {"{\"$id\":\"a#b\"}", "$id", "a#/$id", "without a fragment"},
    {"{\"$id\":7}", "$id", "#/$id", "without a fragment"},
    {"{\"$ref\":7}", "$ref", "#/$ref", "a string"},
    {"{\"pattern\":\"(\"}", "pattern", "#/pattern", "the pattern ("},
    {"{\"patternProperties\":{\"[\":{}}}", "patternProperties", "#/patternProperties", "the pattern ["},
    {"[]", "", "#", "an object or a boolean"},
    {"{\"minLenght\":-1,\"x-own\":{\"type\":1}}", NULL, NULL, NULL}, /* unknown: an annotation */
};

START_TEST(core_shapes)
{
    assert_outcomes(shapes, COUNT_OF(shapes));
}
END_TEST

/* The compiler's table and the draft's meta-schema have to agree. */
START_TEST(core_meta_schema)
{
    const struct schema_options options = {0};
    struct schema_error error;
    json_t *reference = parse("{\"$ref\":\"" DIALECT "\"}");
    struct schema *meta = schema_compile(reference, &options, &error);
    ck_assert_msg(meta != NULL, "%s", error.sentence);
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        json_t *document = parse(shapes[i].schema);
        const bool pattern = shapes[i].sentence != NULL && strstr(shapes[i].sentence, "the pattern") != NULL;
        ck_assert_msg(is_valid(meta, document) == (shapes[i].keyword == NULL || pattern), "%s", shapes[i].schema);
        json_decref(document);
    }
    schema_free(meta);
    json_decref(reference);
}
END_TEST

START_TEST(core_keywords)
{
    for (size_t i = 1; i < SCHEMA_KEYWORD_COUNT; i++) { /* they are searched by halving */
        ck_assert_str_lt(schema_keyword_text((enum schema_keyword)(i - 1)),
                         schema_keyword_text((enum schema_keyword)i));
    }
}
END_TEST

START_TEST(core_references)
{
    static const struct outcome outcomes[] = {
        {"{\"$ref\":\"http://example.com/x\"}", "$ref", "#/$ref",
         "http://example.com/x names no schema that is loaded"},
        {"{\"items\":{\"$ref\":\"#/$defs/a\"}}", "$ref", "#/items/$ref", "names no schema"},
        {"{\"$ref\":\"#a\"}", "$ref", "#/$ref", "names no schema"},
        {"{\"$dynamicRef\":\"#a\"}", "$dynamicRef", "#/$dynamicRef", "names no schema"},
        {"{\"$ref\":\"#/title\",\"title\":\"a\"}", "", "#/title", "an object or a boolean"},
        {"{\"$ref\":\"#/unknown\",\"unknown\":{\"type\":1}}", "type", "#/unknown/type", "name of a type"},
        {"{\"$defs\":{\"a\":{\"$anchor\":\"x\"},\"b\":{\"$anchor\":\"x\"}}}", "$anchor", "#/$defs/b/$anchor",
         "another schema has the anchor x"},
        {"{\"$id\":\"http://a/\",\"$defs\":{\"a\":{\"$id\":\"/b\"},\"b\":{\"$id\":\"http://a/b\"}}}", "$id",
         "http://a/#/$defs/b/$id", "another schema has the URI http://a/b"},
        {"{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}", "$schema", "#/$schema", "neither draft 2020-12"},
        {"{\"$schema\":\"" DIALECT "#\"}", NULL, NULL, NULL},
        {"{\"$defs\":{\"a\":{\"$id\":\"a\",\"$defs\":{\"b\":{\"$anchor\":\"c\"}}}},\"$ref\":\"a#c\"}", NULL, NULL,
         NULL},
        {"{\"$defs\":{\"a b\":{}},\"$ref\":\"#/$defs/a%20b\"}", NULL, NULL, NULL},
        {"{\"$ref\":\"" DIALECT "\"}", NULL, NULL, NULL},
        {"{\"$ref\":\"https://json-schema.org/draft/2020-12/meta/validation#/$defs/stringArray\"}", NULL, NULL, NULL},
    };
    assert_outcomes(outcomes, COUNT_OF(outcomes));
}
END_TEST

START_TEST(core_pattern_errors)
{
    static const struct outcome outcomes[] = {
        {"{\"pattern\":\"ab(c\"}", "pattern", "#/pattern", "at byte 4"},
        {"{\"pattern\":\"a**\"}", "pattern", "#/pattern", "nothing to repeat, at byte 2"},
        {"{\"pattern\":\"\\\\s\\\\s[z-a]x\"}", "pattern", "#/pattern", "at byte 7"},
        {"{\"pattern\":\"a(?i)b\"}", "pattern", "#/pattern", "at byte 1"},
        {"{\"pattern\":\"(?<=a+)b\"}", "pattern", "#/pattern", "fixed length"},
        {"{\"patternProperties\":{\"\xC3\xA9)\":{}}}", "patternProperties", "#/patternProperties", "at byte 2"},
    };
    assert_outcomes(outcomes, COUNT_OF(outcomes));
}
END_TEST

START_TEST(core_loops)
{
    static const char *const sentence = "leads back to itself";
    const struct outcome outcomes[] = {
        {"{\"$ref\":\"#\"}", "$ref", "#/$ref", sentence},
        {"{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":{\"$ref\":\"#/$defs/a\"}}}", "$ref", "#/$defs/b/$ref",
         sentence},
        {"{\"allOf\":[{},{\"$ref\":\"#\"}]}", "$ref", "#/allOf/1/$ref", sentence},
        {"{\"anyOf\":[{\"$ref\":\"#\"},{}]}", "$ref", "#/anyOf/0/$ref", sentence},
        {"{\"oneOf\":[{\"$ref\":\"#\"},{}]}", "$ref", "#/oneOf/0/$ref", sentence},
        {"{\"not\":{\"$ref\":\"#\"}}", "$ref", "#/not/$ref", sentence},
        {"{\"if\":{\"$ref\":\"#\"}}", "$ref", "#/if/$ref", sentence},
        {"{\"if\":true,\"then\":{\"not\":{\"$ref\":\"#\"}}}", "$ref", "#/then/not/$ref", sentence},
        {"{\"if\":true,\"else\":{\"$ref\":\"#\"}}", "$ref", "#/else/$ref", sentence},
        {"{\"dependentSchemas\":{\"a\":{},\"b\":{\"$ref\":\"#\"}}}", "$ref", "#/dependentSchemas/b/$ref", sentence},
        {"{\"$dynamicAnchor\":\"a\",\"not\":{\"$dynamicRef\":\"#a\"}}", "$dynamicRef", "#/not/$dynamicRef", sentence},
        {"{\"$id\":\"http://a/x\",\"$ref\":\"x\"}", "$ref", "http://a/x#/$ref", sentence},
        {"{\"unknown\":{\"$ref\":\"#/unknown\"},\"items\":{\"$ref\":\"#/unknown\"}}", "$ref", "#/unknown/$ref",
         sentence},
        {"{\"properties\":{\"a\":{\"$ref\":\"#\"}},\"items\":{\"$ref\":\"#\"},\"contains\":{\"$ref\":\"#\"},"
         "\"propertyNames\":{\"$ref\":\"#\"},\"additionalProperties\":{\"$ref\":\"#\"}}",
         NULL, NULL, NULL}, /* each goes into the value */
        {"{\"$defs\":{\"a\":{}},\"allOf\":[{\"$ref\":\"#/$defs/a\"},{\"$ref\":\"#/$defs/a\"}]}", NULL, NULL, NULL},
    };
    assert_outcomes(outcomes, COUNT_OF(outcomes));
}
END_TEST

START_TEST(core_documents)
{
    static const struct {
        const char *schema;
        const char *documents[DOCUMENTS_MAX];
        const char *uris[DOCUMENTS_MAX];
        const char *keyword; /* NULL: compiles, and asks for an integer */
        const char *location;
        size_t document; /* that is at fault */
    } cases[] = {
        {"{\"$ref\":\"http://a/b\"}", {"{\"$id\":\"http://a/b\",\"type\":\"integer\"}"}, {NULL}, NULL, NULL, 0},
        {"{\"$ref\":\"defs.json#/$defs/i\"}",
         {"{\"$defs\":{\"i\":{\"type\":\"integer\"}}}"},
         {"defs.json"},
         NULL,
         NULL,
         0},
        {"{\"$ref\":\"found#x\"}",
         {"{\"$id\":\"http://a/b\",\"$anchor\":\"x\",\"type\":\"integer\"}"},
         {"found"},
         NULL,
         NULL,
         0},
        {"{\"$id\":\"http://a/m\",\"$ref\":\"b\",\"$defs\":{\"i\":{\"type\":\"integer\"}}}",
         {"{\"$id\":\"http://a/b\",\"$ref\":\"c\"}", "{\"$id\":\"http://a/c\",\"$ref\":\"m#/$defs/i\"}"},
         {NULL},
         NULL,
         NULL,
         0},
        {"{\"$ref\":\"no\",\"type\":\"integer\"}", {"false", "true"}, {"yes", "no"}, NULL, NULL, 0},
        {"{}", {"{}"}, {NULL}, "$id", "#/$id", 1},
        {"{}", {"true"}, {NULL}, "$id", "#/$id", 1},
        {"{}", {"{\"$id\":\"a\"}", "{\"$id\":\"a\"}"}, {NULL}, "$id", "#/$id", 2},
        {"{\"$id\":\"a\"}", {"{\"$id\":\"a\"}"}, {NULL}, "$id", "#/$id", 1},
        {"{}", {"{}", "{}"}, {"a", "a"}, "$id", "a#/$id", 2},
        {"{}", {"{\"$id\":\"a\"}", "{\"$id\":\"b\",\"items\":{\"type\":1}}"}, {NULL}, "type", "b#/items/type", 2},
        {"{}", {"{\"$id\":\"a\",\"$ref\":\"b\"}", "{\"$id\":\"b\",\"$ref\":\"c\"}"}, {NULL}, "$ref", "b#/$ref", 2},
        {"{}", {"{\"$id\":\"a\",\"$ref\":\"b\"}", "{\"$id\":\"b\",\"$ref\":\"a\"}"}, {NULL}, "$ref", "b#/$ref", 2},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct schema_document documents[DOCUMENTS_MAX];
        struct schema_options options = {.documents = documents};
        struct schema_error error = {0};
        while (options.document_count < DOCUMENTS_MAX && cases[i].documents[options.document_count] != NULL) {
            documents[options.document_count].uri = cases[i].uris[options.document_count];
            documents[options.document_count].json = parse(cases[i].documents[options.document_count]);
            options.document_count++;
        }
        json_t *main_document = parse(cases[i].schema);
        struct schema *schema = schema_compile(main_document, &options, &error);
        json_decref(main_document);
        for (size_t j = 0; j < options.document_count; j++) {
            json_decref(documents[j].json); /* the schema keeps them */
        }
        ck_assert_msg((schema != NULL) == (cases[i].keyword == NULL), "%zu: %s", i, error.sentence);
        if (schema != NULL) {
            json_t *text = json_string("text");
            json_t *integer = json_integer(1);
            ck_assert(!is_valid(schema, text) && is_valid(schema, integer));
            json_decref(text);
            json_decref(integer);
        } else {
            ck_assert_str_eq(error.keyword, cases[i].keyword);
            ck_assert_str_eq(error.location, cases[i].location);
            ck_assert_uint_eq(error.document, cases[i].document);
        }
        schema_free(schema);
    }
}
END_TEST

START_TEST(core_vocabularies)
{
    static const struct {
        const char *meta;
        const char *schema;
        const char *value;
        bool valid;
    } cases[] = {
        /* no validation: a `minimum`, even of a wrong shape, is an annotation */
        {"{\"$id\":\"m:m\",\"$vocabulary\":{\"" VOCABULARY "core\":true,\"" VOCABULARY "applicator\":true}}",
         "{\"$schema\":\"m:m\",\"minimum\":\"x\",\"not\":{\"maximum\":3}}", "1", false},
        {"{\"$id\":\"m:m\",\"$vocabulary\":{\"" VOCABULARY "core\":true,\"" VOCABULARY "validation\":false}}",
         "{\"$schema\":\"m:m\",\"minimum\":2,\"not\":true}", "3", true},
        {"{\"$id\":\"m:m\",\"$vocabulary\":{\"" VOCABULARY "validation\":true,\"a:b\":false}}",
         "{\"$schema\":\"m:m\",\"minimum\":2}", "1", false},
        {"{\"$id\":\"m:m\",\"$vocabulary\":{\"" VOCABULARY "format-assertion\":true}}",
         "{\"$schema\":\"m:m\",\"format\":\"date\"}", "\"no\"", false},
        {"{\"$id\":\"m:m\",\"$vocabulary\":{\"" VOCABULARY "format-annotation\":true}}",
         "{\"$schema\":\"m:m\",\"format\":\"date\"}", "\"no\"", true},
        {"{\"$id\":\"m:m\"}", "{\"$schema\":\"m:m\",\"minimum\":2}", "1", false},
        /* a resource chooses for itself */
        {"{\"$id\":\"m:m\",\"$vocabulary\":{}}",
         "{\"allOf\":[{\"$id\":\"s:s\",\"$schema\":\"m:m\",\"type\":\"null\"}]}", "1", true},
        {"{\"$id\":\"m:m\",\"$vocabulary\":{}}",
         "{\"$defs\":{\"a\":{\"$id\":\"s:s\",\"$schema\":\"m:m\"}},\"type\":\"null\"}", "1", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct schema_document meta = {.json = parse(cases[i].meta)};
        const struct schema_options options = {.documents = &meta, .document_count = 1};
        struct schema_error error = {0};
        json_t *document = parse(cases[i].schema);
        json_t *value = parse(cases[i].value);
        struct schema *schema = schema_compile(document, &options, &error);
        ck_assert_msg(schema != NULL, "%zu: %s", i, error.sentence);
        ck_assert_msg(is_valid(schema, value) == cases[i].valid, "%zu", i);
        schema_free(schema);
        json_decref(value);
        json_decref(document);
        json_decref(meta.json);
    }
    const struct schema_document meta = {.json = parse("{\"$id\":\"m:m\",\"$vocabulary\":{\"a:b\":true}}")};
    const struct schema_options options = {.documents = &meta, .document_count = 1};
    const struct outcome outcome = {"{\"$schema\":\"m:m\"}", "$schema", "#/$schema", "unknown vocabulary a:b"};
    assert_outcome(&outcome, &options);
    json_decref(meta.json);
}
END_TEST

/* `count` times the piece between two texts. Returns owned. */
static char *repeated(const char *before, const char *piece, size_t count, const char *after)
{
    const size_t size = strlen(piece);
    const size_t start = strlen(before);
    char *text = malloc(start + size * count + strlen(after) + 1);
    ck_assert_ptr_nonnull(text);
    memcpy(text, before, start);
    for (size_t i = 0; i < count; i++) {
        memcpy(text + start + i * size, piece, size);
    }
    memcpy(text + start + size * count, after, strlen(after) + 1);
    return text;
}

static void assert_fails(json_t *document, const char *keyword, const char *sentence)
{
    const struct schema_options options = {0};
    struct schema_error error = {0};
    ck_assert_ptr_null(schema_compile(document, &options, &error));
    ck_assert_msg(strcmp(error.keyword != NULL ? error.keyword : "", keyword) == 0 &&
                      strstr(error.sentence, sentence) != NULL,
                  "%s: %s", error.location, error.sentence);
    json_decref(document);
}

static void assert_compiles(json_t *document)
{
    const struct schema_options options = {0};
    struct schema_error error = {0};
    struct schema *schema = schema_compile(document, &options, &error);
    ck_assert_msg(schema != NULL, "%s: %s", error.location, error.sentence);
    schema_free(schema);
    json_decref(document);
}

START_TEST(limits_nesting)
{
    json_t *document = json_true();
    for (size_t i = 1; i < SCHEMA_DEPTH_MAX; i++) {
        document = json_pack("{s:o}", "not", document);
    }
    assert_compiles(json_incref(document));
    assert_fails(json_pack("{s:o}", "not", document), "", "nest deeper");
    json_t *constant = json_array();
    for (size_t i = 0; i < SCHEMA_DEPTH_MAX; i++) {
        constant = json_pack("[o]", constant);
    }
    assert_fails(json_pack("{s:O}", "const", constant), "const", "nests deeper");
    assert_fails(json_pack("{s:o}", "enum", constant), "enum", "nests deeper");
}
END_TEST

START_TEST(limits_identifiers)
{
    char *id = repeated("http://example.com/", "a", 600, "");
    assert_fails(json_pack("{s:s}", "$id", id), "$id", "the URI has more than");
    free(id);
    json_t *list = json_array();
    for (int i = 0; i < 65; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "a%d", i);
        json_array_append_new(list, json_pack("{s:s}", "$dynamicAnchor", name));
    }
    assert_fails(json_pack("{s:o}", "allOf", list), "$dynamicAnchor", "more than 64");
}
END_TEST

START_TEST(limits_patterns)
{
    json_t *same = json_array();
    json_t *large = json_array();
    for (int i = 0; i < 20000; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "%dabcdefghijklm", i);
        json_array_append_new(same, json_pack("{s:s}", "pattern", "^a$")); /* compiled once */
        json_array_append_new(large, json_pack("{s:s}", "pattern", text));
    }
    assert_compiles(json_pack("{s:o}", "allOf", same));
    assert_fails(json_pack("{s:o}", "allOf", large), "pattern", "more than 16384 patterns");
    large = json_array();
    for (int i = 0; i < 4000; i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "(?:[a-z]b){500}%d", i);
        json_array_append_new(large, json_pack("{s:s}", "pattern", text));
    }
    assert_fails(json_pack("{s:o}", "allOf", large), "pattern", "together take more than");
}
END_TEST

#define MANY 30000 /* with something done for each pair of them, minutes */

/* A member of that many, "d0" and so on, which is {keyword: text}; the text has the member's number plus `shift` in it. */
static json_t *many_members(const char *keyword, const char *before, int shift)
{
    json_t *members = json_object();
    for (int i = 0; i < MANY; i++) {
        char name[32];
        char text[64];
        (void)snprintf(name, sizeof(name), "d%d", i);
        (void)snprintf(text, sizeof(text), "%s%d", before, i + shift);
        json_object_set_new(members, name, json_pack("{s:s}", keyword, text));
    }
    return members;
}

static void add_last(json_t *members, json_t *last)
{
    char name[32];
    (void)snprintf(name, sizeof(name), "d%d", MANY);
    json_object_set_new(members, name, last);
}

START_TEST(hostile_definitions)
{
    assert_compiles(json_pack("{s:o}", "$defs", many_members("$anchor", "a", 0)));
    assert_compiles(json_pack("{s:o, s:o}", "$defs", many_members("$comment", "", 0), "properties",
                              many_members("$ref", "#/$defs/d", 0)));
    assert_compiles(json_pack("{s:o, s:o}", "unknown", many_members("$comment", "", 0), "properties",
                              many_members("$ref", "#/unknown/d", 0)));
}
END_TEST

START_TEST(hostile_chain)
{
    json_t *chain = many_members("$ref", "#/$defs/d", 1);
    add_last(chain, json_true());
    assert_compiles(json_pack("{s:o}", "$defs", chain));
    chain = many_members("$ref", "#/$defs/d", 1);
    add_last(chain, json_pack("{s:s}", "$ref", "#/$defs/d0"));
    assert_fails(json_pack("{s:o}", "$defs", chain), "$ref", "leads back to itself");
}
END_TEST

START_TEST(hostile_lists)
{
    json_t *texts = json_array();
    for (int i = 0; i < MANY; i++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "k%d", i);
        json_array_append_new(texts, json_string(text));
    }
    assert_compiles(json_pack("{s:O, s:O}", "required", texts, "enum", texts));
    json_array_append_new(texts, json_string("k0"));
    assert_fails(json_pack("{s:o}", "required", texts), "required", "each of them once");
}
END_TEST

START_TEST(hostile_texts)
{
    const size_t count = 200000;
    char *reference = repeated("#", "/a", count, "");
    assert_fails(json_pack("{s:s}", "$ref", reference), "$ref", "names no schema");
    free(reference);
    reference = repeated("", "../", count, "a");
    assert_fails(json_pack("{s:s}", "$ref", reference), "$ref", "names no schema");
    free(reference);
    char *id = repeated("", "a/../", count, "a");
    assert_compiles(json_pack("{s:s}", "$id", id)); /* "a" */
    free(id);
}
END_TEST

/* An error's texts are cut between characters, and have no control characters. */
START_TEST(hostile_errors)
{
    char *pattern = repeated("\n", "\xC3\xA9", 300, "[");
    const struct schema_options options = {0};
    struct schema_error error = {0};
    json_t *document = json_pack("{s:{s:{s:s}}}", "properties", "\x01\xF0\x9F\x98\x80", "pattern", pattern);
    ck_assert_ptr_null(schema_compile(document, &options, &error));
    json_t *sentence = json_string(error.sentence); /* NULL: no UTF-8 */
    json_t *location = json_string(error.location);
    ck_assert_ptr_nonnull(sentence);
    ck_assert_ptr_nonnull(location);
    ck_assert_ptr_null(strchr(error.sentence, '\n'));
    ck_assert_str_eq(error.location, "#/properties/?\xF0\x9F\x98\x80/pattern");
    json_decref(sentence);
    json_decref(location);
    json_decref(document);
    free(pattern);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *one = tcase_create(name);
    suite_add_tcase(suite, one);
    return one;
}

int main(void)
{
    Suite *suite = suite_create("schema_compile");
    TCase *core = add_case(suite, "core");
    tcase_add_test(core, core_shapes);
    tcase_add_test(core, core_meta_schema);
    tcase_add_test(core, core_keywords);
    tcase_add_test(core, core_references);
    tcase_add_test(core, core_pattern_errors);
    tcase_add_test(core, core_loops);
    tcase_add_test(core, core_documents);
    tcase_add_test(core, core_vocabularies);
    TCase *limits = add_case(suite, "limits");
    tcase_add_test(limits, limits_nesting);
    tcase_add_test(limits, limits_identifiers);
    tcase_add_test(limits, limits_patterns);
    TCase *hostile = add_case(suite, "hostile");
    tcase_add_test(hostile, hostile_definitions);
    tcase_add_test(hostile, hostile_chain);
    tcase_add_test(hostile, hostile_lists);
    tcase_add_test(hostile, hostile_texts);
    tcase_add_test(hostile, hostile_errors);
    return runner_run(suite);
}
