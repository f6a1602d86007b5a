/*
 * fuzz_schema_check - an input is the number of a schema, one byte, and a text that is checked by it.
 *
 * Aborts when the verdict depends on whether errors are asked for, when an invalid text has no error or a valid one has some, or when an
 * error is not text that can be sent on.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "validate/schema.h"
#include "validate/utf8.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SIZE_BOUND      65536
#define MAX_DEPTH       32
#define ERRORS_MAX      3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const documents[] = {
    "{\"$ref\":\"https://json-schema.org/draft/2020-12/schema\"}",
    "{\"uniqueItems\":true,\"items\":{\"anyOf\":[{\"type\":\"integer\"},{\"$ref\":\"#\"},{\"multipleOf\":0.01}]}}",
    "{\"properties\":{\"a\":{\"$ref\":\"#\"},\"b\":{\"enum\":[1,\"x\",null,[1],{\"a\":1}]}},\"required\":[\"a\"],"
    "\"unevaluatedProperties\":{\"type\":\"string\",\"maxLength\":3}}",
    "{\"oneOf\":[{\"properties\":{\"k\":{\"const\":1}},\"required\":[\"k\"]},{\"properties\":{\"k\":{\"const\":2.5}},"
    "\"patternProperties\":{\"^x+$\":{\"minimum\":9007199254740993}}}],\"propertyNames\":{\"pattern\":\"^[a-z/~]*$\"}}",
    "{\"contains\":{\"type\":\"integer\",\"maximum\":0.1},\"minContains\":2,\"prefixItems\":[true],"
    "\"unevaluatedItems\":{\"not\":{\"format\":\"date-time\"}}}",
    "{\"$dynamicAnchor\":\"n\",\"additionalProperties\":{\"$dynamicRef\":\"#n\"},\"if\":{\"minProperties\":2},"
    "\"then\":{\"dependentRequired\":{\"a\":[\"b\"]}},\"else\":{\"allOf\":[{\"$ref\":\"#/$defs/t\"}]},"
    "\"$defs\":{\"t\":{\"type\":[\"object\",\"string\",\"number\"],\"format\":\"email\",\"pattern\":\"(a+)+b|@\"}}}",
};

/* Not assert(): it must hold in release builds, too. */
static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static const struct schema *schema_of(size_t index)
{
    static struct schema *schemas[COUNT_OF(documents)]; /* compiled once, and kept */
    if (schemas[index] == NULL) {
        const struct schema_options options = {.assert_format = true};
        struct schema_error error;
        json_t *document = json_loads(documents[index], 0, NULL);
        schemas[index] = schema_compile(document, &options, &error);
        require(schemas[index] != NULL);
        json_decref(document);
    }
    return schemas[index];
}

static void require_text(const char *text, size_t size)
{
    const char *end = memchr(text, '\0', size);
    require(end != NULL);
    require(utf8_valid((const uint8_t *)text, (size_t)(end - text)));
    for (const char *at = text; at < end; at++) {
        require((unsigned char)*at >= 0x20 && *at != 0x7F);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct schema_scratch *scratch;
    if (size == 0 || size > SIZE_BOUND) {
        return 0;
    }
    if (scratch == NULL) {
        scratch = schema_scratch_create();
        require(scratch != NULL);
    }
    const struct json_bounds bounds = {.max_size = SIZE_BOUND, .max_depth = MAX_DEPTH};
    const struct schema *schema = schema_of(data[0] % COUNT_OF(documents));
    struct schema_error errors[ERRORS_MAX];
    struct schema_report report = {errors, ERRORS_MAX, 0};
    const bool quick = schema_check_bytes(schema, &bounds, data + 1, size - 1, scratch, NULL);
    const bool full = schema_check_bytes(schema, &bounds, data + 1, size - 1, scratch, &report);
    require(quick == full && (report.count == 0) == full && report.count <= ERRORS_MAX);
    for (size_t i = 0; i < report.count; i++) {
        require_text(errors[i].path, sizeof(errors[i].path));
        require_text(errors[i].location, sizeof(errors[i].location));
        require_text(errors[i].sentence, sizeof(errors[i].sentence));
        require(errors[i].keyword != NULL && errors[i].sentence[0] != '\0');
    }
    return 0;
}
