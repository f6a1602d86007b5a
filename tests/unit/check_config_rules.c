/*
 * Tests of config: what endpoints ask of messages, and the files with the schemas; each test in a folder of its own.
 */
#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/config/parse.h"
#include "server/config/report.h"
#include "server/config/schema_files.h"

#define COUNT(array)      (sizeof(array) / sizeof((array)[0]))
#define SMALL_STACK_SIZE  ((size_t)100 * 1024)
#define LEVEL             "{\"x\":" /* x is no keyword: nothing but the parser goes into it */
#define RULES(text)       "endpoints = ( { path = \"/\"; rules = { " text " }; } );"
#define OTHER_SCHEMA      "{\"$id\":\"https://a.example/other\",\"$defs\":{\"name\":{\"type\":\"string\"}}}"
#define SCHEMA_WITH_OTHER "{\"$ref\":\"https://a.example/other#/$defs/name\"}"

static char seen[8 * REPORT_LINE_SIZE];
static char folder[] = "/tmp/check_config_rules_XXXXXX";

static void show(void *context, bool is_error, const char *line)
{
    (void)context;
    size_t used = strlen(seen);
    (void)snprintf(seen + used, sizeof(seen) - used, "%s%s\n", is_error ? "" : "warning: ", line);
}

static const char *in_folder(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text, size_t size)
{
    FILE *file = fopen(in_folder(name), "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

static void write_text(const char *name, const char *text)
{
    write_file(name, text, strlen(text));
}

static void make_folder(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/check_config_rules_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(mkdir(in_folder("sub"), 0700), 0);
    ck_assert_int_eq(mkfifo(in_folder("fifo"), 0600), 0);
    write_text("a.json", "{\"type\":\"object\"}");
    write_text("other.json", OTHER_SCHEMA);
    write_text("with_other.json", SCHEMA_WITH_OTHER);
}

static void remove_folder(void)
{
    static const char *const names[] = {"sub", "fifo", "a.json", "b.json", "other.json", "with_other.json"};
    for (size_t i = 0; i < COUNT(names); i++) {
        (void)remove(in_folder(names[i]));
    }
    ck_assert_int_eq(rmdir(folder), 0);
}

static const struct config *parse(const char *text)
{
    char name[256];
    (void)snprintf(name, sizeof(name), "%s", in_folder("p.conf"));
    seen[0] = '\0';
    return config_parse(text, strlen(text), name, true, show, NULL);
}

/* All that was reported; "@" stands for the folder. Lines that have no end are the beginning of it: the sentences of the library of schemas
 * are its own. */
static void expect_seen(const char *lines)
{
    char expected[sizeof(seen)];
    size_t used = 0;
    for (; *lines != '\0'; lines++) {
        used += (size_t)snprintf(expected + used, sizeof(expected) - used, *lines == '@' ? "%s" : "%.1s",
                                 *lines == '@' ? folder : lines);
        ck_assert_uint_lt(used, sizeof(expected));
    }
    expected[used] = '\0';
    if (used == 0 || expected[used - 1] == '\n') {
        ck_assert_str_eq(seen, expected);
    }
    ck_assert_msg(strncmp(seen, expected, used) == 0, "%s instead of %s", seen, expected);
}

static bool is_valid(const struct config_rules *rules, const char *message)
{
    struct schema_scratch *scratch = schema_scratch_create();
    ck_assert_ptr_nonnull(scratch);
    const bool valid = schema_check_bytes(rules->checked.schema, &rules->checked.bounds, (const uint8_t *)message,
                                          strlen(message), scratch, NULL);
    schema_scratch_free(scratch);
    return valid;
}

START_TEST(test_defaults)
{
    const struct config *config = parse("endpoints = ( { path = \"/\"; } );");
    ck_assert_msg(config != NULL, "%s", seen);
    const struct config_rules *rules = &config->endpoints[0].rules;
    ck_assert(!rules->any && !rules->json && !rules->checked.json && rules->formats);
    ck_assert_int_eq(rules->type, RULES_ANY);
    ck_assert_uint_eq(rules->max_size, 0);
    ck_assert_uint_eq(rules->max_depth, 32);
    ck_assert_uint_eq(rules->max_keys, 1024);
    ck_assert_uint_eq(rules->max_items, 65536);
    ck_assert_uint_eq(rules->max_number_size, 64);
    ck_assert_str_eq(rules->schema, "");
    ck_assert_uint_eq(rules->schema_document_count, 0);
    ck_assert_uint_eq(rules->messages_per_second, 0);
    ck_assert_uint_eq(rules->bytes_per_second, 0);
    ck_assert_int_eq(rules->on_violation, CONFIG_VIOLATION_REJECT);
    ck_assert_uint_eq(rules->max_violations, 10);
    ck_assert_uint_eq(rules->violation_window_ms, 60000);
    ck_assert_ptr_null(rules->checked.schema);
    ck_assert_uint_eq(rules->checked.bounds.max_size, config->limits.max_message);
    config_unref(&config);
}
END_TEST

START_TEST(test_all_keys)
{
    const struct config *config =
        parse(RULES("type = \"text\"; max_size = \"4K\"; max_depth = 3; max_keys = 4; max_items = 5; "
                    "max_number_size = 6; schema = \"with_other.json\"; schema_documents = [ \"other.json\" ]; "
                    "formats = false; messages_per_second = 7; bytes_per_second = \"8K\"; on_violation = \"close\"; "
                    "max_violations = 9; violation_window = \"10s\";"));
    ck_assert_msg(config != NULL && seen[0] == '\0', "%s", seen);
    const struct config_rules *rules = &config->endpoints[0].rules;
    ck_assert(rules->any && !rules->json && rules->checked.json && !rules->formats);
    ck_assert_int_eq(rules->checked.type, RULES_TEXT);
    ck_assert_uint_eq(rules->checked.max_size, 4096);
    ck_assert_uint_eq(rules->checked.bounds.max_size, 4096);
    ck_assert_uint_eq(rules->checked.bounds.max_depth, 3);
    ck_assert_uint_eq(rules->checked.bounds.max_keys, 4);
    ck_assert_uint_eq(rules->checked.bounds.max_items, 5);
    ck_assert_uint_eq(rules->checked.bounds.max_number_size, 6);
    ck_assert(rules->checked.bounds.refuse_duplicate_keys && rules->checked.bounds.refuse_escaped_nul &&
              rules->checked.bounds.refuse_lone_surrogates);
    ck_assert_str_eq(rules->schema, in_folder("with_other.json"));
    ck_assert_str_eq(rules->schema_documents[0], in_folder("other.json"));
    ck_assert_uint_eq(rules->messages_per_second, 7);
    ck_assert_uint_eq(rules->bytes_per_second, 8192);
    ck_assert_int_eq(rules->on_violation, CONFIG_VIOLATION_CLOSE);
    ck_assert_uint_eq(rules->max_violations, 9);
    ck_assert_uint_eq(rules->violation_window_ms, 10000);
    ck_assert(is_valid(rules, "\"ann\"") && !is_valid(rules, "1"));
    config_unref(&config);
}
END_TEST

/* Whatever a rule is, there is something to be checked then. */
START_TEST(test_any)
{
    static const char *const texts[] = {
        RULES("type = \"binary\";"),
        RULES("max_size = 1;"),
        RULES("json = true;"),
        RULES("schema = \"a.json\";"),
        RULES("messages_per_second = 1;"),
        RULES("bytes_per_second = 1;"),
    };
    const struct config *config = parse(texts[_i]);
    ck_assert_msg(config != NULL && seen[0] == '\0', "%s", seen);
    ck_assert(config->endpoints[0].rules.any);
    config_unref(&config);
}
END_TEST

START_TEST(test_compiled_once)
{
    const struct config *config =
        parse("endpoints = (\n"
              "{ path = \"/0\"; rules = { schema = \"a.json\"; }; },\n"
              "{ path = \"/1\"; rules = { schema = \"a.json\"; max_depth = 2; }; },\n"
              "{ path = \"/2\"; rules = { schema = \"a.json\"; formats = false; }; },\n"
              "{ path = \"/3\"; rules = { schema = \"a.json\"; schema_documents = [ \"other.json\" ]; }; },\n"
              "{ path = \"/4\"; rules = { schema_documents = [ \"other.json\" ]; schema = \"a.json\"; }; } );");
    ck_assert_msg(config != NULL, "%s", seen);
    const struct schema *schemas[5];
    for (size_t i = 0; i < COUNT(schemas); i++) {
        schemas[i] = config->endpoints[i].rules.checked.schema;
        ck_assert_ptr_nonnull(schemas[i]);
    }
    ck_assert_ptr_eq(schemas[0], schemas[1]);
    ck_assert_ptr_ne(schemas[0], schemas[2]);
    ck_assert_ptr_ne(schemas[0], schemas[3]);
    ck_assert_ptr_eq(schemas[3], schemas[4]);
    config_unref(&config);
}
END_TEST

/* What a config was loaded with stays, whatever happens to the files. */
START_TEST(test_old_config_keeps_its_schema)
{
    const struct config *old = parse(RULES("schema = \"a.json\";"));
    ck_assert_msg(old != NULL, "%s", seen);
    write_text("a.json", "{\"type\":\"array\"}");
    const struct config *changed = parse(RULES("schema = \"a.json\";"));
    ck_assert_msg(changed != NULL, "%s", seen);
    ck_assert(is_valid(&old->endpoints[0].rules, "{}") && !is_valid(&old->endpoints[0].rules, "[]"));
    ck_assert(!is_valid(&changed->endpoints[0].rules, "{}") && is_valid(&changed->endpoints[0].rules, "[]"));
    config_unref(&changed);
    write_text("a.json", "{");
    ck_assert_ptr_null(parse(RULES("schema = \"a.json\";")));
    ck_assert(is_valid(&old->endpoints[0].rules, "{}"));
    config_unref(&old);
}
END_TEST

/* Without files the names alone are looked at. */
START_TEST(test_without_files)
{
    static const char text[] = RULES("schema = \"absent.json\";");
    seen[0] = '\0';
    const struct config *config = config_parse(text, strlen(text), "p.conf", false, show, NULL);
    ck_assert_msg(config != NULL && seen[0] == '\0', "%s", seen);
    ck_assert(config->endpoints[0].rules.checked.json);
    ck_assert_ptr_null(config->endpoints[0].rules.checked.schema);
    config_unref(&config);
}
END_TEST

/* ---- limits ---- */

static void write_nested(const char *name, size_t depth)
{
    FILE *file = fopen(in_folder(name), "wb");
    ck_assert_ptr_nonnull(file);
    for (size_t i = 0; i < depth; i++) {
        (void)fputs(i + 1 < depth ? LEVEL : "{", file);
    }
    for (size_t i = 0; i < depth; i++) {
        (void)fputc('}', file);
    }
    ck_assert_int_eq(fclose(file), 0);
}

static void *unref(void *context)
{
    config_unref(context);
    return NULL;
}

/* Sessions drop the last reference to a config that was replaced, on their small stacks. */
START_TEST(test_depth)
{
    write_nested("b.json", SCHEMA_FILES_DEPTH_MAX);
    const struct config *config = parse(RULES("schema = \"b.json\";"));
    ck_assert_msg(config != NULL, "%s", seen);
    pthread_t thread;
    pthread_attr_t small;
    ck_assert_int_eq(pthread_attr_init(&small), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&small, SMALL_STACK_SIZE), 0);
    ck_assert_int_eq(pthread_create(&thread, &small, unref, &config), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    (void)pthread_attr_destroy(&small);
    ck_assert_ptr_null(config);
    write_nested("b.json", SCHEMA_FILES_DEPTH_MAX + 1);
    ck_assert_ptr_null(parse(RULES("schema = \"b.json\";")));
    char lines[256];
    (void)snprintf(lines, sizeof(lines),
                   "@/p.conf:1: endpoints[0].rules.schema: @/b.json cannot be used\n"
                   "@/b.json:1:%zu: Arrays or objects are nested too deep.\n",
                   strlen(LEVEL) * SCHEMA_FILES_DEPTH_MAX + 1);
    expect_seen(lines);
}
END_TEST

START_TEST(test_size)
{
    FILE *file = fopen(in_folder("b.json"), "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fputs("true", file) < 0, 0);
    for (size_t i = strlen("true"); i < SCHEMA_FILES_SIZE_MAX; i++) {
        (void)putc(' ', file);
    }
    ck_assert_int_eq(fflush(file), 0);
    const struct config *config = parse(RULES("schema = \"b.json\";"));
    ck_assert_msg(config != NULL, "%s", seen);
    config_unref(&config);
    (void)putc(' ', file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_ptr_null(parse(RULES("schema = \"b.json\";")));
    expect_seen("@/p.conf:1: endpoints[0].rules.schema: @/b.json cannot be read: it is too large\n");
}
END_TEST

/* ---- hostile ---- */

static const struct {
    const char *text;
    const char *lines;
} rule_cases[] = {
    {RULES("type = \"binary\"; json = true;"),
     "@/p.conf:1: endpoints[0].rules.json: JSON is text, and type = \"binary\" takes none\n"},
    {RULES("type = \"binary\"; schema = \"a.json\";"),
     "@/p.conf:1: endpoints[0].rules.schema: JSON is text, and type = \"binary\" takes none\n"},
    {RULES("type = \"txt\";"),
     "@/p.conf:1: endpoints[0].rules.type: expected one of \"any\", \"text\", \"binary\", found the string \"txt\"\n"},
    {RULES("max_depth = 33;"),
     "@/p.conf:1: endpoints[0].rules.max_depth: expected an integer from 1 to 32, found the integer 33\n"},
    {RULES("max_depth = 0;"),
     "@/p.conf:1: endpoints[0].rules.max_depth: expected an integer from 1 to 32, found the integer 0\n"},
    {RULES("violation_window = 0;"),
     "@/p.conf:1: endpoints[0].rules.violation_window: expected a duration from 1s to 1d (seconds, or text such as "
     "\"250ms\", \"10s\", \"5m\", \"1h\", \"1d\"), found the integer 0\n"},
    {RULES("schemas = \"a.json\";"), "@/p.conf:1: endpoints[0].rules.schemas: unknown key; did you mean \"schema\"?\n"},
    {RULES("schema_documents = [ \"other.json\" ];"),
     "@/p.conf:1: endpoints[0].rules.schema_documents: schema is missing, which they go with\n"},
    {RULES("schema = \"a.json\"; schema_documents = [ \"other.json\", \"other.json\" ];"),
     "@/p.conf:1: endpoints[0].rules.schema_documents[1]: \"@/other.json\" is taken by element 0 already\n"},
    /* Right, but hardly meant. */
    {RULES("max_size = \"1M\";"),
     "warning: @/p.conf:1: endpoints[0].rules.max_size: more than limits.max_message, past "
     "which the session ends first\n"},
    {RULES("type = \"text\"; max_depth = 3; max_keys = 3; max_items = 3; max_number_size = 3; formats = true;"),
     "warning: @/p.conf:1: endpoints[0].rules.max_depth: has no effect without json or schema\n"
     "warning: @/p.conf:1: endpoints[0].rules.max_keys: has no effect without json or schema\n"
     "warning: @/p.conf:1: endpoints[0].rules.max_items: has no effect without json or schema\n"
     "warning: @/p.conf:1: endpoints[0].rules.max_number_size: has no effect without json or schema\n"
     "warning: @/p.conf:1: endpoints[0].rules.formats: has no effect without schema\n"},
    {RULES("on_violation = \"close\"; max_violations = 1; violation_window = 1;"),
     "warning: @/p.conf:1: endpoints[0].rules.on_violation: has no effect without a rule\n"
     "warning: @/p.conf:1: endpoints[0].rules.max_violations: has no effect without a rule\n"
     "warning: @/p.conf:1: endpoints[0].rules.violation_window: has no effect without a rule\n"},
    /* No files. */
    {RULES("schema = \"absent\";"),
     "@/p.conf:1: endpoints[0].rules.schema: @/absent cannot be read: No such file or directory\n"},
    {RULES("schema = \"sub\";"), "@/p.conf:1: endpoints[0].rules.schema: @/sub cannot be read: it is a folder\n"},
    {RULES("schema = \"fifo\";"),
     "@/p.conf:1: endpoints[0].rules.schema: @/fifo cannot be read: it is not a regular file\n"},
    {RULES("schema = \"/dev/zero\";"),
     "@/p.conf:1: endpoints[0].rules.schema: /dev/zero cannot be read: it is not a regular file\n"},
    {RULES("schema = \"absent\"; schema_documents = [ \"fifo\", \"other.json\", \"sub\" ];"),
     "@/p.conf:1: endpoints[0].rules.schema: @/absent cannot be read: No such file or directory\n"
     "@/p.conf:1: endpoints[0].rules.schema_documents[0]: @/fifo cannot be read: it is not a regular file\n"
     "@/p.conf:1: endpoints[0].rules.schema_documents[2]: @/sub cannot be read: it is a folder\n"},
    {RULES("schema = \"with_other.json\";"), "@/p.conf:1: endpoints[0].rules.schema: @/with_other.json cannot be used\n"
                                             "@/with_other.json: #/$ref: https://a.example/other#/$defs/name "},
};

START_TEST(test_rule_reports)
{
    const struct config *config =
        parse(rule_cases[_i].text); /* it listens on loopback or says nothing of tokens: no other warning */
    expect_seen(rule_cases[_i].lines);
    ck_assert((config == NULL) == (strncmp(seen, "warning: ", strlen("warning: ")) != 0));
    config_unref(&config);
}
END_TEST

#define TEXT(literal) literal, sizeof(literal) - 1

static const struct {
    const char *text;
    size_t size;
    const char *line; /* behind the file's name; without an end where the library of schemas says more */
} file_cases[] = {
    {TEXT(""), ":1:1: unexpected token near end of file\n"},
    {TEXT("{\n  \"type\": \"object\",\n}\n"), ":3:1: string or '}' expected near '}'\n"},
    {TEXT("{ \"\xc3\xa4\": nul }"), ":1:10: invalid token near 'nul'\n"},
    {TEXT("{}\n{}"), ":2:1: end of file expected near '{'\n"},
    {TEXT("\xef\xbb\xbf{}"), ":1:1: The text starts with a byte order mark.\n"},
    {TEXT("{\"a\":\n\"\xff\"}"), ":2:2: The text is not UTF-8.\n"},
    {TEXT("{}\0"), ":1:3: The text has a NUL byte.\n"},
    {TEXT("{\"type\":\"string\",\n \"type\":\"object\"}"), ":2:2: An object has a key twice.\n"},
    {TEXT("{\"const\":\"\\ud800\"}"), ":1:11: A string has half of a surrogate pair.\n"},
    {TEXT("1"), ": #: "},
    {TEXT("{\"type\":\"strng\"}"), ": #/type: "},
    {TEXT("{\"properties\":{\"a\":{\"pattern\":\"(\"}}}"), ": #/properties/a/pattern: "},
    {TEXT("{\"$ref\":\"https://a.example/s.json\"}"), ": #/$ref: https://a.example/s.json "},
};

START_TEST(test_file_reports)
{
    char lines[1024];
    (void)snprintf(lines, sizeof(lines), "@/p.conf:2: endpoints[0].rules.schema: @/b.json cannot be used\n@/b.json%s",
                   file_cases[_i].line);
    write_file("b.json", file_cases[_i].text, file_cases[_i].size);
    ck_assert_ptr_null(parse("endpoints = ( { path = \"/\"; rules = {\nschema = \"b.json\"; }; } );"));
    expect_seen(lines);
}
END_TEST

/* The place in a file that several endpoints use is told once, and each of them is told of. */
START_TEST(test_told_once)
{
    write_text("b.json", "{");
    ck_assert_ptr_null(parse("endpoints = (\n"
                             "{ path = \"/0\"; rules = { schema = \"b.json\"; }; },\n"
                             "{ path = \"/1\"; rules = { schema = \"a.json\"; }; },\n"
                             "{ path = \"/2\"; rules = { schema = \"b.json\"; }; } );"));
    expect_seen(
        "@/p.conf:2: endpoints[0].rules.schema: @/b.json cannot be used\n"
        "@/b.json:1:1: string or '}' expected near end of file\n"
        "@/p.conf:4: endpoints[2].rules.schema: @/b.json, or a file that goes with it, cannot be used, as above\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_rules");
    TCase *core = tcase_create("core");
    TCase *limits = tcase_create("limits");
    TCase *hostile = tcase_create("hostile");
    tcase_add_checked_fixture(core, make_folder, remove_folder);
    tcase_add_checked_fixture(limits, make_folder, remove_folder);
    tcase_add_checked_fixture(hostile, make_folder, remove_folder);
    tcase_add_test(core, test_defaults);
    tcase_add_test(core, test_all_keys);
    tcase_add_loop_test(core, test_any, 0, 6);
    tcase_add_test(core, test_compiled_once);
    tcase_add_test(core, test_old_config_keeps_its_schema);
    tcase_add_test(core, test_without_files);
    tcase_add_test(limits, test_depth);
    tcase_add_test(limits, test_size);
    tcase_add_loop_test(hostile, test_rule_reports, 0, (int)COUNT(rule_cases));
    tcase_add_loop_test(hostile, test_file_reports, 0, (int)COUNT(file_cases));
    tcase_add_test(hostile, test_told_once);
    suite_add_tcase(suite, core);
    suite_add_tcase(suite, limits);
    suite_add_tcase(suite, hostile);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
