/*
 * check_rules - what an endpoint asks of one message: which rule is broken first, what is said of it, and what is never said.
 */
#include "validate/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "runner.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char chat_schema[] =
    "{\"type\": \"object\", \"additionalProperties\": false, \"required\": [\"text\"], \"properties\": {"
    "\"text\": {\"type\": \"string\", \"maxLength\": 8, \"pattern\": \"^[a-z ]*$\"},"
    "\"age\": {\"type\": \"integer\", \"minimum\": 0, \"maximum\": 150},"
    "\"tags\": {\"type\": \"array\", \"items\": {\"enum\": [\"a\", \"b\"]}}}}";

static struct schema *schema;
static struct schema_scratch *scratch;

static void set_up(void)
{
    json_t *document = json_loads(chat_schema, 0, NULL);
    const struct schema_options options = {.assert_format = true};
    struct schema_error error;
    schema = schema_compile(document, &options, &error);
    ck_assert_ptr_nonnull(schema);
    json_decref(document);
    scratch = schema_scratch_create();
    ck_assert_ptr_nonnull(scratch);
}

static void tear_down(void)
{
    schema_free(schema);
    schema_scratch_free(scratch);
}

/* The rules by name, so that the table below stays readable. */
enum kind { NOTHING, TEXT, BINARY, SMALL, JSON, CHAT, ALL };

static struct rules rules_of(enum kind kind)
{
    struct rules rules = {.bounds = {.max_size = 1024, .max_depth = 4, .max_keys = 3, .max_items = 4}};
    rules.bounds.max_number_size = kind == CHAT ? 24 : 8;
    rules.type = kind == TEXT ? RULES_TEXT : kind == BINARY ? RULES_BINARY : RULES_ANY;
    rules.max_size = kind == SMALL || kind == ALL ? 40 : 0;
    rules.json = kind == JSON || kind == ALL;
    rules.schema = kind == CHAT || kind == ALL ? schema : NULL;
    return rules;
}

#define BYTES(literal) (literal), sizeof(literal) - 1

static const struct {
    enum kind kind;
    bool text;
    const char *bytes;
    size_t size;
    enum violation_code code;
    const char *keyword; /* NULL: none */
    const char *path;
    const char *sentence; /* NULL: that of the code */
} cases[] = {
    {NOTHING, true, BYTES("anything"), VIOLATION_NONE, NULL, "", NULL},
    {NOTHING, false, BYTES("\0\xFF"), VIOLATION_NONE, NULL, "", NULL},
    {NOTHING, true, BYTES(""), VIOLATION_NONE, NULL, "", NULL},

    {TEXT, true, BYTES("x"), VIOLATION_NONE, NULL, "", NULL},
    {TEXT, false, BYTES("x"), VIOLATION_NOT_TEXT, NULL, "", NULL},
    {BINARY, false, BYTES("x"), VIOLATION_NONE, NULL, "", NULL},
    {BINARY, true, BYTES("x"), VIOLATION_NOT_BINARY, NULL, "", NULL},

    {SMALL, true, BYTES("0123456789012345678901234567890123456789"), VIOLATION_NONE, NULL, "", NULL},
    {SMALL, true, BYTES("01234567890123456789012345678901234567890"), VIOLATION_TOO_LARGE, NULL, "", NULL},
    {SMALL, false, BYTES("01234567890123456789012345678901234567890"), VIOLATION_TOO_LARGE, NULL, "", NULL},

    {JSON, true, BYTES("{}"), VIOLATION_NONE, NULL, "", NULL},
    {JSON, true, BYTES(" 1 "), VIOLATION_NONE, NULL, "", NULL},
    {JSON, true, BYTES("\"\\u0041\""), VIOLATION_NONE, NULL, "", NULL},
    {JSON, false, BYTES("{}"), VIOLATION_NOT_TEXT, NULL, "", NULL},
    {JSON, true, BYTES(""), VIOLATION_NOT_JSON, NULL, "", "The JSON ends too early (byte 0)."},
    {JSON, true, BYTES("{\"a\":"), VIOLATION_NOT_JSON, NULL, "", "The JSON ends too early (byte 5)."},
    {JSON, true, BYTES("{} {}"), VIOLATION_NOT_JSON, NULL, "", "There is something behind the JSON (byte 4)."},
    {JSON, true, BYTES("[1,]"), VIOLATION_NOT_JSON, NULL, "", "The message is not JSON (byte 4)."},
    {JSON, true, BYTES("{\"a\": secret}"), VIOLATION_NOT_JSON, NULL, "", "The message is not JSON (byte 12)."},
    {JSON, true, BYTES("\xEF\xBB\xBF{}"), VIOLATION_NOT_JSON, "bom", "",
     "The text starts with a byte order mark (byte 0)."},
    {JSON, true, BYTES("[1\0]"), VIOLATION_NOT_JSON, "nul", "", "The text has a NUL byte (byte 2)."},
    {JSON, true, BYTES("[\"\xFF\"]"), VIOLATION_NOT_JSON, "utf8", "", "The text is not UTF-8 (byte 2)."},
    {JSON, true, BYTES("[[[[1]]]]"), VIOLATION_NONE, NULL, "", NULL},
    {JSON, true, BYTES("[[[[[]]]]]"), VIOLATION_JSON_BOUNDS, "too_deep", "",
     "Arrays or objects are nested too deep (byte 4)."},
    {JSON, true, BYTES("{\"a\":1,\"b\":2,\"c\":3}"), VIOLATION_NONE, NULL, "", NULL},
    {JSON, true, BYTES("{\"a\":1,\"b\":2,\"c\":3,\"d\":4}"), VIOLATION_JSON_BOUNDS, "too_many_keys", "",
     "An object has too many keys (byte 19)."},
    {JSON, true, BYTES("[1,2,3,4]"), VIOLATION_NONE, NULL, "", NULL},
    {JSON, true, BYTES("[1,2,3,4,5]"), VIOLATION_JSON_BOUNDS, "too_many_items", "",
     "An array has too many items (byte 8)."},
    {JSON, true, BYTES("12345678"), VIOLATION_NONE, NULL, "", NULL},
    {JSON, true, BYTES("123456789"), VIOLATION_JSON_BOUNDS, "number_too_long", "",
     "A number has too many characters (byte 0)."},
    {JSON, true, BYTES("{\"a\":1,\"a\":2}"), VIOLATION_JSON_BOUNDS, "duplicate_key", "",
     "An object has a key twice (byte 7)."},
    {JSON, true, BYTES("{\"a\":1,\"\\u0061\":2}"), VIOLATION_JSON_BOUNDS, "duplicate_key", "",
     "An object has a key twice (byte 7)."},
    {JSON, true, BYTES("[\"\\ud800\"]"), VIOLATION_JSON_BOUNDS, "lone_surrogate", "",
     "A string has half of a surrogate pair (byte 2)."},
    {JSON, true, BYTES("[\"\\u0000\"]"), VIOLATION_JSON_BOUNDS, "escaped_nul", "",
     "A string has an escaped NUL (byte 2)."},
    {JSON, true, BYTES("[1e99999]"), VIOLATION_NUMBER_RANGE, NULL, "", "A number is out of range (byte 8)."},

    {CHAT, true, BYTES("{\"text\": \"hello\", \"age\": 7}"), VIOLATION_NONE, NULL, "", NULL},
    {CHAT, false, BYTES("{\"text\": \"hello\"}"), VIOLATION_NOT_TEXT, NULL, "", NULL},
    {CHAT, true, BYTES("{\"text\":\"\",\"age\":1e-400}"), VIOLATION_NUMBER_RANGE, "number_range", "",
     "The message has a number that is too small, but not 0."},
    {CHAT, true, BYTES("[]"), VIOLATION_SCHEMA, "type", "", "The message is an array where an object is expected."},
    {CHAT, true, BYTES("{\"age\": 7}"), VIOLATION_SCHEMA, "required", "", "The message lacks the member text."},
    {CHAT, true, BYTES("{\"text\": 1}"), VIOLATION_SCHEMA, "type", "/text",
     "The value is an integer where a string is expected."},
    {CHAT, true, BYTES("{\"text\": \"hunter two\"}"), VIOLATION_SCHEMA, "maxLength", "/text",
     "The value has 10 characters where at most 8 are allowed."},
    {CHAT, true, BYTES("{\"text\": \"HELLO\"}"), VIOLATION_SCHEMA, "pattern", "/text",
     "The value does not match the pattern ^[a-z ]*$."},
    {CHAT, true, BYTES("{\"text\": \"\", \"age\": 151}"), VIOLATION_SCHEMA, "maximum", "/age",
     "The value is greater than 150."},
    {CHAT, true, BYTES("{\"text\": \"\", \"age\": 150.00000000000000001}"), VIOLATION_NUMBER_RANGE, "number_range",
     "/age", "The value has more digits than can be told from an integer."},
    {CHAT, true, BYTES("{\"text\": \"\", \"age\": 1e-400}"), VIOLATION_NUMBER_RANGE, "number_range", "",
     "The message has a number that is too small, but not 0."},
    {CHAT, true, BYTES("{\"text\": \"\", \"tags\": [\"a\", \"c\"]}"), VIOLATION_SCHEMA, "enum", "/tags/1",
     "The value is none of the 2 values that are allowed."},
    {CHAT, true, BYTES("{\"text\": \"\", \"a/b~\": 1}"), VIOLATION_SCHEMA, "false", "/a~1b~0",
     "The value is not allowed."},

    /* The order: type, size, bounds, syntax, schema. */
    {ALL, false, BYTES("{\"age\": 0000000000000000000000000000000000000000}"), VIOLATION_NOT_TEXT, NULL, "", NULL},
    {ALL, true, BYTES("{\"age\": 0000000000000000000000000000000000000000}"), VIOLATION_TOO_LARGE, NULL, "", NULL},
    {ALL, true, BYTES("{\"age\": 000000000"), VIOLATION_JSON_BOUNDS, "number_too_long", "",
     "A number has too many characters (byte 8)."},
    {ALL, true, BYTES("{\"age\": 151"), VIOLATION_NOT_JSON, NULL, "", "The JSON ends too early (byte 11)."},
    {ALL, true, BYTES("{\"text\": \"\"}"), VIOLATION_NONE, NULL, "", NULL},
};

START_TEST(core_verdicts)
{
    const struct rules rules = rules_of(cases[_i].kind);
    uint8_t *bytes = malloc(cases[_i].size + 1); /* a block of its own, so that what is read beyond it shows */
    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes, cases[_i].bytes, cases[_i].size);
    struct violation violation;
    memset(&violation, 0x5A, sizeof(violation));
    const bool kept = rules_check(&rules, cases[_i].text, bytes, cases[_i].size, scratch, &violation);
    free(bytes);
    ck_assert_msg(kept == (cases[_i].code == VIOLATION_NONE), "case %d, %s: %d", _i, cases[_i].bytes, kept);
    if (kept) {
        return;
    }
    ck_assert_str_eq(violation_label(violation.code), violation_label(cases[_i].code));
    ck_assert_str_eq(violation.error.path, cases[_i].path);
    ck_assert_str_eq(violation.error.sentence,
                     cases[_i].sentence != NULL ? cases[_i].sentence : violation_sentence(cases[_i].code));
    ck_assert_pstr_eq(violation.error.keyword, cases[_i].keyword);
}
END_TEST

START_TEST(core_labels)
{
    for (int i = 0; i < VIOLATION_COUNT; i++) {
        const char *label = violation_label((enum violation_code)i);
        const char *sentence = violation_sentence((enum violation_code)i);
        ck_assert_uint_gt(strlen(label), 0);
        ck_assert_uint_eq(strspn(label, "abcdefghijklmnopqrstuvwxyz_"), strlen(label));
        ck_assert_int_eq(sentence[strlen(sentence) - 1], '.');
        for (int other = 0; other < i; other++) {
            ck_assert_str_ne(label, violation_label((enum violation_code)other));
        }
    }
}
END_TEST

/* A scratch is for schemas alone. */
START_TEST(limits_without_a_scratch)
{
    const struct rules rules = rules_of(JSON);
    struct violation violation;
    ck_assert(rules_check(&rules, true, (const uint8_t *)"[1]", 3, NULL, &violation));
    ck_assert(!rules_check(&rules, true, (const uint8_t *)"[1", 2, NULL, &violation));
    ck_assert_int_eq(violation.code, VIOLATION_NOT_JSON);
}
END_TEST

/* The text of a message, as a whole or in pieces, is nobody's business. Member names alone stand in paths. */
START_TEST(hostile_values_are_not_quoted)
{
    static const char *const messages[] = {
        "{\"text\": hunter2}",
        "{\"text\": \"hunter2",
        "{\"text\": \"hunter2\\x\"}",
        "{\"text\": \"hunter2!\"}",
        "{\"text\": [\"hunter2\"]}",
        "{\"text\": \"a\", \"tags\": [\"hunter2\"]}",
        "\"hunter2\"",
        "\"hunter2\" 1",
        "hunter2",
    };
    const struct rules rules = rules_of(CHAT);
    for (size_t i = 0; i < COUNT_OF(messages); i++) {
        struct violation violation = {0};
        ck_assert(!rules_check(&rules, true, (const uint8_t *)messages[i], strlen(messages[i]), scratch, &violation));
        ck_assert_msg(strstr(violation.error.sentence, "hunter") == NULL, "%s: %s", messages[i],
                      violation.error.sentence);
        ck_assert_msg(strstr(violation.error.path, "hunter") == NULL, "%s: %s", messages[i], violation.error.path);
    }
}
END_TEST

/* Names of members that are too long, or no fit company for a log. */
START_TEST(hostile_names_in_paths)
{
    enum { NAME_SIZE = 600 };
    char message[NAME_SIZE + 64];
    struct rules rules = rules_of(CHAT);
    rules.bounds.max_size = sizeof(message);
    char *at = message + snprintf(message, sizeof(message), "{\"text\":\"\",\"\\u0007\\n\\\"");
    for (int i = 0; i < NAME_SIZE / 3; i++) {
        memcpy(at, "\xE2\x82\xAC", 3);
        at += 3;
    }
    at += snprintf(at, sizeof(message) - (size_t)(at - message), "\": 1}");
    struct violation violation;
    ck_assert(!rules_check(&rules, true, (const uint8_t *)message, (size_t)(at - message), scratch, &violation));
    ck_assert_int_eq(violation.code, VIOLATION_SCHEMA);
    const size_t size = strlen(violation.error.path);
    ck_assert_uint_lt(size, sizeof(violation.error.path));
    ck_assert_str_eq(violation.error.path + size - 3, "...");
    ck_assert(memcmp(violation.error.path, "/??\"\xE2\x82\xAC", 7) == 0);
    ck_assert_uint_eq((size - 3 - 4) % 3, 0); /* whole characters */
}
END_TEST

/* Whatever jansson would do, the text does not reach it. */
START_TEST(hostile_nesting)
{
    enum { DEPTH = 100000 };
    char *message = malloc(DEPTH);
    ck_assert_ptr_nonnull(message);
    memset(message, '[', DEPTH);
    struct rules rules = rules_of(CHAT);
    rules.bounds.max_size = DEPTH;
    struct violation violation;
    ck_assert(!rules_check(&rules, true, (const uint8_t *)message, DEPTH, scratch, &violation));
    ck_assert_str_eq(violation.error.keyword, "too_deep");
    free(message);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rules");
    TCase *core = tcase_create("core");
    tcase_add_checked_fixture(core, set_up, tear_down);
    tcase_add_loop_test(core, core_verdicts, 0, COUNT_OF(cases));
    tcase_add_test(core, core_labels);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_checked_fixture(limits, set_up, tear_down);
    tcase_add_test(limits, limits_without_a_scratch);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_checked_fixture(hostile, set_up, tear_down);
    tcase_add_test(hostile, hostile_values_are_not_quoted);
    tcase_add_test(hostile, hostile_names_in_paths);
    tcase_add_test(hostile, hostile_nesting);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
