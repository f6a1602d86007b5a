/*
 * schema_keyword - the keywords of JSON Schema draft 2020-12 as data: the vocabulary of each, and the shape that its meta-schema
 * asks its value to have. A part of the compiler of schemas; on the thread that compiles.
 */
#ifndef PORTCULLIS_VALIDATE_SCHEMA_KEYWORD_H
#define PORTCULLIS_VALIDATE_SCHEMA_KEYWORD_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* Core §4.3.1; the last part of the URI below https://json-schema.org/draft/2020-12/vocab/ */
enum schema_vocabulary {
    SCHEMA_VOCABULARY_CORE = 1,
    SCHEMA_VOCABULARY_APPLICATOR = 2,
    SCHEMA_VOCABULARY_UNEVALUATED = 4,
    SCHEMA_VOCABULARY_VALIDATION = 8,
    SCHEMA_VOCABULARY_META_DATA = 16,
    SCHEMA_VOCABULARY_FORMAT_ANNOTATION = 32,
    SCHEMA_VOCABULARY_CONTENT = 64,
    SCHEMA_VOCABULARY_FORMAT_ASSERTION = 128,
    SCHEMA_VOCABULARY_FORMER = 256 /* no vocabulary, but keywords of former drafts that the meta-schema describes */
};

/* What "https://json-schema.org/draft/2020-12/schema" asks for. */
#define SCHEMA_VOCABULARIES_STANDARD 127U

/* What a value may be; the meta-schemas say the same of the keywords (schema_meta). */
enum schema_shape {
    SCHEMA_SHAPE_ANY,
    SCHEMA_SHAPE_ANCHOR,
    SCHEMA_SHAPE_ARRAY,
    SCHEMA_SHAPE_BOOLEAN,
    SCHEMA_SHAPE_BOOLEAN_MAP,
    SCHEMA_SHAPE_DEPENDENCY_MAP,
    SCHEMA_SHAPE_ID,
    SCHEMA_SHAPE_NUMBER,
    SCHEMA_SHAPE_PATTERN, /* by the compiler, which says what is wrong with it */
    SCHEMA_SHAPE_PATTERN_MAP,
    SCHEMA_SHAPE_POSITIVE_NUMBER,
    SCHEMA_SHAPE_SCHEMA,
    SCHEMA_SHAPE_SCHEMA_LIST,
    SCHEMA_SHAPE_SCHEMA_MAP,
    SCHEMA_SHAPE_SIZE,
    SCHEMA_SHAPE_STRING,
    SCHEMA_SHAPE_STRING_LIST,
    SCHEMA_SHAPE_STRING_LIST_MAP,
    SCHEMA_SHAPE_TYPE,
    SCHEMA_SHAPE_URI, /* strings: their format is an annotation */
    SCHEMA_SHAPE_URI_REFERENCE,
    SCHEMA_SHAPE_COUNT
};

/* Name, text, vocabulary, shape; in the order of the texts, for they are searched. */
#define SCHEMA_KEYWORD_TABLE(X)                                             \
    X(ANCHOR, "$anchor", CORE, ANCHOR)                                      \
    X(COMMENT, "$comment", CORE, STRING)                                    \
    X(DEFS, "$defs", CORE, SCHEMA_MAP)                                      \
    X(DYNAMIC_ANCHOR, "$dynamicAnchor", CORE, ANCHOR)                       \
    X(DYNAMIC_REF, "$dynamicRef", CORE, URI_REFERENCE)                      \
    X(ID, "$id", CORE, ID)                                                  \
    X(RECURSIVE_ANCHOR, "$recursiveAnchor", FORMER, ANCHOR)                 \
    X(RECURSIVE_REF, "$recursiveRef", FORMER, URI_REFERENCE)                \
    X(REF, "$ref", CORE, URI_REFERENCE)                                     \
    X(SCHEMA, "$schema", CORE, URI)                                         \
    X(VOCABULARY, "$vocabulary", CORE, BOOLEAN_MAP)                         \
    X(ADDITIONAL_PROPERTIES, "additionalProperties", APPLICATOR, SCHEMA)    \
    X(ALL_OF, "allOf", APPLICATOR, SCHEMA_LIST)                             \
    X(ANY_OF, "anyOf", APPLICATOR, SCHEMA_LIST)                             \
    X(CONST, "const", VALIDATION, ANY)                                      \
    X(CONTAINS, "contains", APPLICATOR, SCHEMA)                             \
    X(CONTENT_ENCODING, "contentEncoding", CONTENT, STRING)                 \
    X(CONTENT_MEDIA_TYPE, "contentMediaType", CONTENT, STRING)              \
    X(CONTENT_SCHEMA, "contentSchema", CONTENT, SCHEMA)                     \
    X(DEFAULT, "default", META_DATA, ANY)                                   \
    X(DEFINITIONS, "definitions", FORMER, SCHEMA_MAP)                       \
    X(DEPENDENCIES, "dependencies", FORMER, DEPENDENCY_MAP)                 \
    X(DEPENDENT_REQUIRED, "dependentRequired", VALIDATION, STRING_LIST_MAP) \
    X(DEPENDENT_SCHEMAS, "dependentSchemas", APPLICATOR, SCHEMA_MAP)        \
    X(DEPRECATED, "deprecated", META_DATA, BOOLEAN)                         \
    X(DESCRIPTION, "description", META_DATA, STRING)                        \
    X(ELSE, "else", APPLICATOR, SCHEMA)                                     \
    X(ENUM, "enum", VALIDATION, ARRAY)                                      \
    X(EXAMPLES, "examples", META_DATA, ARRAY)                               \
    X(EXCLUSIVE_MAXIMUM, "exclusiveMaximum", VALIDATION, NUMBER)            \
    X(EXCLUSIVE_MINIMUM, "exclusiveMinimum", VALIDATION, NUMBER)            \
    X(FORMAT, "format", FORMAT_ANNOTATION, STRING)                          \
    X(IF, "if", APPLICATOR, SCHEMA)                                         \
    X(ITEMS, "items", APPLICATOR, SCHEMA)                                   \
    X(MAX_CONTAINS, "maxContains", VALIDATION, SIZE)                        \
    X(MAX_ITEMS, "maxItems", VALIDATION, SIZE)                              \
    X(MAX_LENGTH, "maxLength", VALIDATION, SIZE)                            \
    X(MAX_PROPERTIES, "maxProperties", VALIDATION, SIZE)                    \
    X(MAXIMUM, "maximum", VALIDATION, NUMBER)                               \
    X(MIN_CONTAINS, "minContains", VALIDATION, SIZE)                        \
    X(MIN_ITEMS, "minItems", VALIDATION, SIZE)                              \
    X(MIN_LENGTH, "minLength", VALIDATION, SIZE)                            \
    X(MIN_PROPERTIES, "minProperties", VALIDATION, SIZE)                    \
    X(MINIMUM, "minimum", VALIDATION, NUMBER)                               \
    X(MULTIPLE_OF, "multipleOf", VALIDATION, POSITIVE_NUMBER)               \
    X(NOT, "not", APPLICATOR, SCHEMA)                                       \
    X(ONE_OF, "oneOf", APPLICATOR, SCHEMA_LIST)                             \
    X(PATTERN, "pattern", VALIDATION, PATTERN)                              \
    X(PATTERN_PROPERTIES, "patternProperties", APPLICATOR, PATTERN_MAP)     \
    X(PREFIX_ITEMS, "prefixItems", APPLICATOR, SCHEMA_LIST)                 \
    X(PROPERTIES, "properties", APPLICATOR, SCHEMA_MAP)                     \
    X(PROPERTY_NAMES, "propertyNames", APPLICATOR, SCHEMA)                  \
    X(READ_ONLY, "readOnly", META_DATA, BOOLEAN)                            \
    X(REQUIRED, "required", VALIDATION, STRING_LIST)                        \
    X(THEN, "then", APPLICATOR, SCHEMA)                                     \
    X(TITLE, "title", META_DATA, STRING)                                    \
    X(TYPE, "type", VALIDATION, TYPE)                                       \
    X(UNEVALUATED_ITEMS, "unevaluatedItems", UNEVALUATED, SCHEMA)           \
    X(UNEVALUATED_PROPERTIES, "unevaluatedProperties", UNEVALUATED, SCHEMA) \
    X(UNIQUE_ITEMS, "uniqueItems", VALIDATION, BOOLEAN)                     \
    X(WRITE_ONLY, "writeOnly", META_DATA, BOOLEAN)

enum schema_keyword {
#define SCHEMA_KEYWORD_NAME(name, text, vocabulary, shape) SCHEMA_KEYWORD_##name,
    SCHEMA_KEYWORD_TABLE(SCHEMA_KEYWORD_NAME)
#undef SCHEMA_KEYWORD_NAME
        SCHEMA_KEYWORD_COUNT
};

/* The values of one subschema's keywords; NULL: absent. */
struct schema_keywords {
    json_t *values[SCHEMA_KEYWORD_COUNT];
};

/* Static text. */
const char *schema_keyword_text(enum schema_keyword keyword);
enum schema_vocabulary schema_keyword_vocabulary(enum schema_keyword keyword);
enum schema_shape schema_keyword_shape(enum schema_keyword keyword);

/* Finds the keywords in an object, as far as the vocabularies have them: what they have not is an annotation. */
void schema_keyword_collect(json_t *object, unsigned vocabularies, struct schema_keywords *keywords_r);

/* What the first value of a wrong shape should have been, as in "minLength is ...", with the keyword; NULL if all are right, as
 * far as that can be said without a look into subschemas. Patterns are not looked at. */
const char *schema_keyword_fault(const struct schema_keywords *keywords, enum schema_keyword *keyword_r);

/* The vocabulary of that URI; 0: unknown. */
unsigned schema_vocabulary_named(const char *uri);

/* The type of that name (of enum schema_type); 0: there is none. */
unsigned schema_type_named(const char *name);

#endif
