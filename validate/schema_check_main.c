/*
 * portcullis-schema-check - answers lines of JSON, {"schema":…,"data":…,"format":bool,"documents":…}, with
 * {"valid":bool,"errors":[…]} a line each, in order; for whoever compares this implementation of JSON Schema with others.
 * `documents` and `format` may be absent. One thread.
 *
 * Of a line that is too large only so much is kept that this is known.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/version.h"
#include "validate/json_bounds.h"
#include "validate/schema.h"

#define LINE_MAX_SIZE  ((size_t)64 << 20)
#define LINE_MAX_DEPTH 1000 /* jansson's recursion fits the main thread's stack by far */
#define LINE_ROOM_MIN  ((size_t)4096)
#define ERRORS_MAX     32
#define DOCUMENTS_MAX  256

#define EXIT_USAGE 2

struct line {
    char *text;
    size_t size;
    size_t room;
};

static void print_help(FILE *out)
{
    fputs("usage: portcullis-schema-check [OPTION]\n"
          "\n"
          "Reads a line of JSON at a time: {\"schema\": SCHEMA, \"data\": VALUE, \"format\": BOOL, \"documents\": "
          "SCHEMAS}.\n"
          "Answers each with a line of JSON: {\"valid\": BOOL, \"errors\": [...]}.\n"
          "\n"
          "  -V, --version           print the version\n"
          "  -h, --help              print this\n"
          "\n"
          "Exit codes: 0 all lines are answered, 1 they could not be read or answered, 2 the command line is wrong.\n",
          out);
}

static json_t *error_json(const struct schema_error *error)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "path", error->path, "keyword",
                     error->keyword != NULL ? error->keyword : "", "location", error->location, "message",
                     error->sentence);
}

/* Takes the errors and the text of a schema's error, which may be NULL. */
static void answer(bool valid, json_t *errors, json_t *schema_error)
{
    json_t *line = json_pack("{s:b, s:o}", "valid", valid ? 1 : 0, "errors", errors);
    if (schema_error != NULL) {
        (void)json_object_set_new(line, "schema_error", schema_error);
    }
    (void)json_dumpf(line, stdout, JSON_COMPACT);
    (void)putchar('\n');
    (void)fflush(stdout);
    json_decref(line);
}

static void answer_fault(const char *keyword, const char *sentence)
{
    struct schema_error error = {.keyword = keyword};
    (void)snprintf(error.sentence, sizeof(error.sentence), "%s", sentence);
    answer(false, json_pack("[o]", error_json(&error)), NULL);
}

/* An array of schemas, each with an $id, or an object of schemas by URI. Returns how many there are, or DOCUMENTS_MAX + 1 of
 * too many. */
static size_t list_documents(json_t *documents, struct schema_document list[DOCUMENTS_MAX])
{
    const size_t count = json_is_array(documents) ? json_array_size(documents) : json_object_size(documents);
    size_t member = 0;
    if (count > DOCUMENTS_MAX) {
        return DOCUMENTS_MAX + 1;
    }
    for (size_t i = 0; i < json_array_size(documents); i++) {
        list[i] = (struct schema_document){.json = json_array_get(documents, i)};
    }
    for (void *i = json_object_iter(documents); i != NULL; i = json_object_iter_next(documents, i)) {
        list[member++] = (struct schema_document){json_object_iter_value(i), json_object_iter_key(i)};
    }
    return count;
}

/* Bytes of the line. */
struct piece {
    const char *text;
    size_t size;
};

static bool ends_value(char c)
{
    return c != '\0' && strchr(",:]} \t\r\n", c) != NULL;
}

/* Moves from the front of `rest`, which is a value or a key, behind it; returns it. */
static struct piece take_value(struct piece *rest)
{
    size_t depth = 0;
    size_t at = 0;
    bool quoted = false;
    for (; at < rest->size && (quoted || depth > 0 || !ends_value(rest->text[at])); at++) {
        const char c = rest->text[at];
        if (quoted && c == '\\') {
            at++;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && (c == '{' || c == '[')) {
            depth++;
        } else if (!quoted && (c == '}' || c == ']')) {
            depth--;
        }
    }
    const struct piece value = {rest->text, at};
    *rest = (struct piece){rest->text + at, rest->size - at};
    return value;
}

static void skip(struct piece *rest, const char *bytes)
{
    while (rest->size > 0 && rest->text[0] != '\0' && strchr(bytes, rest->text[0]) != NULL) {
        rest->text++;
        rest->size--;
    }
}

/* The text of `data`, whose numbers are what it says. Of a line that has the name with escapes, all of it. */
static struct piece find_data(struct piece line)
{
    static const char name[] = "\"data\"";
    struct piece rest = line;
    skip(&rest, "{ \t\r\n");
    while (rest.size > 0 && rest.text[0] == '"') {
        const struct piece key = take_value(&rest);
        skip(&rest, ": \t\r\n");
        const struct piece value = take_value(&rest);
        if (key.size == strlen(name) && memcmp(key.text, name, key.size) == 0) {
            return value;
        }
        skip(&rest, ", \t\r\n");
    }
    return line;
}

static void check_pair(json_t *line, struct piece text, struct schema_scratch *scratch)
{
    static struct schema_error errors[ERRORS_MAX];
    static struct schema_document documents[DOCUMENTS_MAX];
    json_t *data = json_object_get(line, "data");
    const struct schema_options options = {
        .assert_format = json_is_true(json_object_get(line, "format")),
        .documents = documents,
        .document_count = list_documents(json_object_get(line, "documents"), documents),
    };
    struct schema_report report = {errors, ERRORS_MAX, 0};
    if (options.document_count > DOCUMENTS_MAX) {
        answer_fault("json", "a line has too many documents");
        return;
    }
    struct schema *schema = schema_compile(json_object_get(line, "schema"), &options, &errors[0]);
    if (schema == NULL) {
        answer(false, json_pack("[o]", error_json(&errors[0])), json_string(errors[0].sentence));
        return;
    }
    const bool valid = schema_check_parsed(schema, data, (const uint8_t *)text.text, text.size, scratch, &report);
    json_t *list = json_array();
    for (size_t i = 0; i < report.count; i++) {
        (void)json_array_append_new(list, error_json(&errors[i]));
    }
    answer(valid, list, NULL);
    schema_free(schema);
}

static void check_line(const char *line, size_t size, struct schema_scratch *scratch)
{
    const struct json_bounds bounds = {.max_size = LINE_MAX_SIZE, .max_depth = LINE_MAX_DEPTH};
    const enum json_bounds_status status = json_bounds_check(&bounds, (const uint8_t *)line, size);
    if (status != JSON_BOUNDS_OK) {
        answer_fault("bounds", json_bounds_sentence(status));
        return;
    }
    json_error_t error;
    json_t *pair = json_loadb(line, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (pair == NULL) {
        const bool range = json_error_code(&error) == json_error_numeric_overflow;
        answer_fault(range ? "number_range" : "json", range ? "a number is too large" : error.text);
    } else if (json_object_get(pair, "schema") == NULL || json_object_get(pair, "data") == NULL) {
        answer_fault("json", "a line is an object with schema and data");
    } else {
        check_pair(pair, find_data((struct piece){line, size}), scratch);
    }
    json_decref(pair);
}

/* A byte of the line, which is dropped where LINE_MAX_SIZE is exceeded already. False without memory. */
static bool keep(struct line *line, int byte)
{
    if (line->size > LINE_MAX_SIZE) {
        return true;
    }
    if (line->size == line->room) {
        const size_t room = line->room > 0 ? 2 * line->room : LINE_ROOM_MIN;
        char *text = realloc(line->text, room);
        if (text == NULL) {
            return false;
        }
        line->text = text;
        line->room = room;
    }
    line->text[line->size++] = (char)byte;
    return true;
}

/* False: there is no line any more, or it cannot be read. The last need not end with LF. */
static bool read_line(struct line *line)
{
    int byte = getc_unlocked(stdin);
    bool ok = byte != EOF;
    line->size = 0;
    for (; ok && byte != EOF && byte != '\n'; byte = getc_unlocked(stdin)) {
        ok = keep(line, byte);
    }
    return ok;
}

/* Whether all lines were read and answered. */
static bool check_lines(void)
{
    struct line line = {0};
    struct schema_scratch *scratch = schema_scratch_create();
    bool ok = scratch != NULL;
    while (ok && read_line(&line)) {
        check_line(line.size > 0 ? line.text : "", line.size, scratch);
        ok = !ferror(stdout);
    }
    free(line.text);
    schema_scratch_free(scratch);
    return ok && feof(stdin) && !ferror(stdin);
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const int code = getopt_long(argc, argv, "Vh", known, NULL);
    if (code == 'V') {
        puts("portcullis-schema-check " PORTCULLIS_VERSION);
        return EXIT_SUCCESS;
    }
    if (code == 'h') {
        print_help(stdout);
        return EXIT_SUCCESS;
    }
    if (code != -1 || optind < argc) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (!check_lines()) {
        perror("portcullis-schema-check");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
