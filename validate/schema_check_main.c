/*
 * portcullis-schema-check - answers lines of JSON, {"schema":…,"data":…,"format":bool,"documents":…}, with
 * {"valid":bool,"errors":[…]} a line each, in order; for whoever compares this implementation of JSON Schema with others. One thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "validate/json_bounds.h"
#include "validate/schema.h"

#define LINE_MAX_SIZE  ((size_t)64 << 20)
#define LINE_MAX_DEPTH 1000 /* jansson's recursion fits the main thread's stack by far */
#define ERRORS_MAX     32
#define DOCUMENTS_MAX  256

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

/* An array of schemas, each with an $id, or an object of schemas by URI. Returns how many there are. */
static size_t list_documents(json_t *documents, struct schema_document list[DOCUMENTS_MAX])
{
    size_t count = 0;
    for (; count < json_array_size(documents) && count < DOCUMENTS_MAX; count++) {
        list[count] = (struct schema_document){.json = json_array_get(documents, count)};
    }
    for (void *i = json_object_iter(documents); i != NULL && count < DOCUMENTS_MAX;
         i = json_object_iter_next(documents, i)) {
        list[count++] = (struct schema_document){json_object_iter_value(i), json_object_iter_key(i)};
    }
    return count;
}

static void check_pair(json_t *line, struct schema_scratch *scratch)
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
    struct schema *schema = schema_compile(json_object_get(line, "schema"), &options, &errors[0]);
    if (schema == NULL) {
        answer(false, json_pack("[o]", error_json(&errors[0])), json_string(errors[0].sentence));
        return;
    }
    const bool valid = schema_check(schema, data, scratch, &report);
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
        check_pair(pair, scratch);
    }
    json_decref(pair);
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    struct schema_scratch *scratch = schema_scratch_create();
    if (scratch == NULL) {
        (void)fputs("no memory\n", stderr);
        return EXIT_FAILURE;
    }
    for (ssize_t size = getline(&line, &room, stdin); size >= 0; size = getline(&line, &room, stdin)) {
        check_line(line, (size_t)size, scratch);
    }
    free(line);
    schema_scratch_free(scratch);
    return ferror(stdin) ? EXIT_FAILURE : EXIT_SUCCESS;
}
