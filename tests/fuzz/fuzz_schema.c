/*
 * fuzz_schema - an input is a JSON object with a schema, a value and whether formats decide, as portcullis-schema-check takes
 * it.
 *
 * Aborts when a schema compiles that the draft's meta-schema calls invalid; when a check with a report and one without differ;
 * or when what an error says is empty, no UTF-8 or has control characters.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "validate/json_bounds.h"
#include "validate/schema.h"
#include "validate/utf8.h"

#define SIZE_BOUND 65536
#define MAX_DEPTH  40
#define ERRORS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it must hold in release builds, too. */
static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_text(const char *text)
{
    const size_t size = strlen(text);
    require(utf8_valid((const uint8_t *)text, size));
    for (size_t i = 0; i < size; i++) {
        require((unsigned char)text[i] >= 0x20 && text[i] != 0x7F);
    }
}

static void check_error(const struct schema_error *error)
{
    check_text(error->path);
    check_text(error->location);
    check_text(error->sentence);
    require(error->sentence[0] != '\0');
}

static struct schema *compile(json_t *document, bool format)
{
    struct schema_error error = {0};
    const struct schema_options options = {.assert_format = format};
    struct schema *schema = schema_compile(document, &options, &error);
    if (schema == NULL) {
        check_error(&error);
    }
    return schema;
}

/* Once, for all inputs. */
static const struct schema *meta_schema(void)
{
    static struct schema *meta;
    if (meta == NULL) {
        json_t *document = json_pack("{s:s}", "$ref", "https://json-schema.org/draft/2020-12/schema");
        meta = compile(document, false);
        json_decref(document);
        require(meta != NULL);
    }
    return meta;
}

/* A bound that was reached says nothing about the value. */
static bool is_bound(const char *keyword)
{
    return strcmp(keyword, "depth") == 0 || strcmp(keyword, "steps") == 0 || strcmp(keyword, "memory") == 0;
}

static void check_compiled(json_t *document, struct schema_scratch *scratch)
{
    struct schema_error error;
    struct schema_report report = {&error, 1, 0};
    if (!schema_check(meta_schema(), document, scratch, &report)) {
        require(report.count == 1 && error.keyword != NULL && is_bound(error.keyword));
    }
}

static void check_value(const struct schema *schema, json_t *value, struct schema_scratch *scratch)
{
    struct schema_error errors[ERRORS_MAX];
    struct schema_report report = {errors, ERRORS_MAX, 0};
    const bool valid = schema_check(schema, value, scratch, &report);
    require(valid == (report.count == 0) && report.count <= ERRORS_MAX);
    require(valid == schema_check(schema, value, scratch, NULL));
    for (size_t i = 0; i < report.count; i++) {
        check_error(&errors[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct json_bounds bounds = {.max_size = SIZE_BOUND, .max_depth = MAX_DEPTH};
    if (json_bounds_check(&bounds, data, size) != JSON_BOUNDS_OK) {
        return 0;
    }
    json_t *line = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    json_t *document = json_object_get(line, "schema");
    json_t *value = json_object_get(line, "data");
    if (document != NULL && value != NULL) {
        struct schema_scratch *scratch = schema_scratch_create();
        require(scratch != NULL);
        struct schema *schema = compile(document, json_is_true(json_object_get(line, "format")));
        if (schema != NULL) {
            check_compiled(document, scratch);
            check_value(schema, value, scratch);
        }
        schema_free(schema);
        schema_scratch_free(scratch);
    }
    json_decref(line);
    return 0;
}
