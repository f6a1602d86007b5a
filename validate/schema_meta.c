/*
 * schema_meta - what draft 2020-12 says of its own keywords, as schemas. Called by schema_ref as references name them; any thread.
 *
 * These are the facts of https://json-schema.org/draft/2020-12/schema and of the meta-schemas of its vocabularies: which keywords there
 * are, what their values may be, and the names below $defs. Titles, comments and defaults, which decide nothing, are not here.
 */
#include "validate/schema_meta.h"

#include <string.h>

#include "validate/schema_keyword.h"

#define BASE "https://json-schema.org/draft/2020-12/"

/* Any subschema, and what follows from that. */
#define SUBSCHEMA     "{\"$dynamicRef\":\"#meta\"}"
#define SUBSCHEMA_MAP "\"type\":\"object\",\"additionalProperties\":" SUBSCHEMA
#define TYPE_NAME     "{\"$ref\":\"#/$defs/simpleTypes\"}"

struct meta {
    const char *name; /* behind BASE */
    enum schema_vocabulary vocabulary;
    const char *definitions;
};

static const struct meta metas[] = {
    {"meta/core", SCHEMA_VOCABULARY_CORE,
     "{\"anchorString\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z_][-A-Za-z0-9._]*$\"},"
     "\"uriString\":{\"type\":\"string\",\"format\":\"uri\"},"
     "\"uriReferenceString\":{\"type\":\"string\",\"format\":\"uri-reference\"}}"},
    {"meta/applicator", SCHEMA_VOCABULARY_APPLICATOR,
     "{\"schemaArray\":{\"type\":\"array\",\"minItems\":1,\"items\":" SUBSCHEMA "}}"},
    {"meta/unevaluated", SCHEMA_VOCABULARY_UNEVALUATED, "{}"},
    {"meta/validation", SCHEMA_VOCABULARY_VALIDATION,
     "{\"nonNegativeInteger\":{\"type\":\"integer\",\"minimum\":0},"
     "\"nonNegativeIntegerDefault0\":{\"$ref\":\"#/$defs/nonNegativeInteger\",\"default\":0},"
     "\"simpleTypes\":{\"enum\":[\"array\",\"boolean\",\"integer\",\"null\",\"number\",\"object\",\"string\"]},"
     "\"stringArray\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"uniqueItems\":true}}"},
    {"meta/meta-data", SCHEMA_VOCABULARY_META_DATA, "{}"},
    {"meta/format-annotation", SCHEMA_VOCABULARY_FORMAT_ANNOTATION, "{}"},
    {"meta/content", SCHEMA_VOCABULARY_CONTENT, "{}"},
    {"meta/format-assertion", SCHEMA_VOCABULARY_FORMAT_ASSERTION, "{}"},
    {"schema", SCHEMA_VOCABULARY_FORMER, "{}"},
};

/* The standard vocabularies, which the root refers to, are the first. */
#define STANDARD_COUNT 7

/* References are from the meta-schema that has such keywords. */
static const char *const shapes[SCHEMA_SHAPE_COUNT] = {
    [SCHEMA_SHAPE_ANY] = "true",
    [SCHEMA_SHAPE_ANCHOR] = "{\"$ref\":\"" BASE "meta/core#/$defs/anchorString\"}",
    [SCHEMA_SHAPE_ARRAY] = "{\"type\":\"array\"}",
    [SCHEMA_SHAPE_BOOLEAN] = "{\"type\":\"boolean\"}",
    [SCHEMA_SHAPE_BOOLEAN_MAP] = "{\"type\":\"object\",\"propertyNames\":{\"$ref\":\"#/$defs/uriString\"},"
                                 "\"additionalProperties\":{\"type\":\"boolean\"}}",
    [SCHEMA_SHAPE_DEPENDENCY_MAP] = "{\"type\":\"object\",\"additionalProperties\":{\"anyOf\":[" SUBSCHEMA
                                    ",{\"$ref\":\"meta/validation#/$defs/stringArray\"}]}}",
    [SCHEMA_SHAPE_ID] = "{\"$ref\":\"#/$defs/uriReferenceString\",\"pattern\":\"^[^#]*#?$\"}",
    [SCHEMA_SHAPE_NUMBER] = "{\"type\":\"number\"}",
    [SCHEMA_SHAPE_PATTERN] = "{\"type\":\"string\",\"format\":\"regex\"}",
    [SCHEMA_SHAPE_PATTERN_MAP] = "{" SUBSCHEMA_MAP ",\"propertyNames\":{\"format\":\"regex\"}}",
    [SCHEMA_SHAPE_POSITIVE_NUMBER] = "{\"type\":\"number\",\"exclusiveMinimum\":0}",
    [SCHEMA_SHAPE_SCHEMA] = SUBSCHEMA,
    [SCHEMA_SHAPE_SCHEMA_LIST] = "{\"$ref\":\"#/$defs/schemaArray\"}",
    [SCHEMA_SHAPE_SCHEMA_MAP] = "{" SUBSCHEMA_MAP "}",
    [SCHEMA_SHAPE_SIZE] = "{\"$ref\":\"#/$defs/nonNegativeInteger\"}",
    [SCHEMA_SHAPE_STRING] = "{\"type\":\"string\"}",
    [SCHEMA_SHAPE_STRING_LIST] = "{\"$ref\":\"#/$defs/stringArray\"}",
    [SCHEMA_SHAPE_STRING_LIST_MAP] =
        "{\"type\":\"object\",\"additionalProperties\":{\"$ref\":\"#/$defs/stringArray\"}}",
    [SCHEMA_SHAPE_TYPE] =
        "{\"anyOf\":[" TYPE_NAME ",{\"type\":\"array\",\"items\":" TYPE_NAME ",\"minItems\":1,\"uniqueItems\":true}]}",
    [SCHEMA_SHAPE_URI] = "{\"$ref\":\"" BASE "meta/core#/$defs/uriString\"}",
    [SCHEMA_SHAPE_URI_REFERENCE] = "{\"$ref\":\"" BASE "meta/core#/$defs/uriReferenceString\"}",
};

static const struct meta *find(const char *uri)
{
    for (size_t i = 0; strncmp(uri, BASE, strlen(BASE)) == 0 && i < sizeof(metas) / sizeof(metas[0]); i++) {
        if (strcmp(uri + strlen(BASE), metas[i].name) == 0) {
            return &metas[i];
        }
    }
    return NULL;
}

bool schema_meta_exists(const char *uri)
{
    return find(uri) != NULL;
}

/* Whether the meta-schema describes the keyword; both that are about formats describe `format`. */
static bool describes(const struct meta *meta, enum schema_keyword keyword)
{
    const enum schema_vocabulary vocabulary = schema_keyword_vocabulary(keyword);
    return vocabulary == meta->vocabulary || (vocabulary == SCHEMA_VOCABULARY_FORMAT_ANNOTATION &&
                                              meta->vocabulary == SCHEMA_VOCABULARY_FORMAT_ASSERTION);
}

static bool add_properties(json_t *properties, const struct meta *meta)
{
    for (size_t i = 0; i < SCHEMA_KEYWORD_COUNT; i++) {
        const enum schema_keyword keyword = (enum schema_keyword)i;
        if (describes(meta, keyword) &&
            json_object_set_new(properties, schema_keyword_text(keyword),
                                json_loads(shapes[schema_keyword_shape(keyword)], JSON_DECODE_ANY, NULL)) != 0) {
            return false;
        }
    }
    return true;
}

/* The root has nothing but references to the others, and the keywords of former drafts. */
static bool add_references(json_t *document)
{
    json_t *list = json_array();
    json_t *vocabularies = json_object();
    bool added = true;
    for (size_t i = 0; i < STANDARD_COUNT; i++) {
        json_t *uri = json_sprintf(BASE "vocab/%s", metas[i].name + strlen("meta/"));
        added = added && uri != NULL && json_array_append_new(list, json_pack("{s:s}", "$ref", metas[i].name)) == 0 &&
                json_object_set_new(vocabularies, json_string_value(uri), json_true()) == 0;
        json_decref(uri);
    }
    added = json_object_set_new(document, "allOf", list) == 0 && added;
    return json_object_set_new(document, "$vocabulary", vocabularies) == 0 && added;
}

json_t *schema_meta_document(const char *uri)
{
    const struct meta *meta = find(uri);
    json_t *properties = json_object();
    json_t *document = json_pack("{s:s, s:s, s:s, s:[s, s], s:o, s:O}", "$schema", BASE "schema", "$id", uri,
                                 "$dynamicAnchor", "meta", "type", "object", "boolean", "$defs",
                                 json_loads(meta->definitions, 0, NULL), "properties", properties);
    const bool complete = document != NULL && add_properties(properties, meta) &&
                          (meta->vocabulary != SCHEMA_VOCABULARY_FORMER || add_references(document));
    json_decref(properties);
    if (!complete) {
        json_decref(document);
        return NULL;
    }
    return document;
}
