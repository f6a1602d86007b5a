/*
 * schema_meta - the meta-schemas of draft 2020-12 as their specification publishes them (https://json-schema.org/draft/2020-12),
 * without their white space. Data only. Called by schema_ref as references name them; any thread.
 */
#include "validate/schema_meta.h"

#include <string.h>

#define BASE "https://json-schema.org/draft/2020-12/"

struct meta {
    const char *uri;
    const char *text;
};

static const struct meta metas[] = {
    {BASE "schema", "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$id\":\"https://json-sc"
                    "hema.org/draft/2020-12/schema\",\"$vocabulary\":{\"https://json-schema.org/draft/202"
                    "0-12/vocab/core\":true,\"https://json-schema.org/draft/2020-12/vocab/applicator\":t"
                    "rue,\"https://json-schema.org/draft/2020-12/vocab/unevaluated\":true,\"https://json"
                    "-schema.org/draft/2020-12/vocab/validation\":true,\"https://json-schema.org/draft/"
                    "2020-12/vocab/meta-data\":true,\"https://json-schema.org/draft/2020-12/vocab/forma"
                    "t-annotation\":true,\"https://json-schema.org/draft/2020-12/vocab/content\":true},\""
                    "$dynamicAnchor\":\"meta\",\"title\":\"Core and Validation specifications meta-schema\","
                    "\"allOf\":[{\"$ref\":\"meta/core\"},{\"$ref\":\"meta/applicator\"},{\"$ref\":\"meta/unevaluat"
                    "ed\"},{\"$ref\":\"meta/validation\"},{\"$ref\":\"meta/meta-data\"},{\"$ref\":\"meta/format-a"
                    "nnotation\"},{\"$ref\":\"meta/content\"}],\"type\":[\"object\",\"boolean\"],\"$comment\":\"Thi"
                    "s meta-schema also defines keywords that have appeared in previous drafts in ord"
                    "er to prevent incompatible extensions as they remain in common use.\",\"properties"
                    "\":{\"definitions\":{\"$comment\":\"\\\"definitions\\\" has been replaced by \\\"$defs\\\".\",\""
                    "type\":\"object\",\"additionalProperties\":{\"$dynamicRef\":\"#meta\"},\"deprecated\":true,"
                    "\"default\":{}},\"dependencies\":{\"$comment\":\"\\\"dependencies\\\" has been split and re"
                    "placed by \\\"dependentSchemas\\\" and \\\"dependentRequired\\\" in order to serve their"
                    " differing semantics.\",\"type\":\"object\",\"additionalProperties\":{\"anyOf\":[{\"$dynam"
                    "icRef\":\"#meta\"},{\"$ref\":\"meta/validation#/$defs/stringArray\"}]},\"deprecated\":tru"
                    "e,\"default\":{}},\"$recursiveAnchor\":{\"$comment\":\"\\\"$recursiveAnchor\\\" has been re"
                    "placed by \\\"$dynamicAnchor\\\".\",\"$ref\":\"meta/core#/$defs/anchorString\",\"deprecate"
                    "d\":true},\"$recursiveRef\":{\"$comment\":\"\\\"$recursiveRef\\\" has been replaced by \\\"$"
                    "dynamicRef\\\".\",\"$ref\":\"meta/core#/$defs/uriReferenceString\",\"deprecated\":true}}}"},
    {BASE "meta/core", "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$id\":\"https://json-sc"
                       "hema.org/draft/2020-12/meta/core\",\"$dynamicAnchor\":\"meta\",\"title\":\"Core vocabula"
                       "ry meta-schema\",\"type\":[\"object\",\"boolean\"],\"properties\":{\"$id\":{\"$ref\":\"#/$defs"
                       "/uriReferenceString\",\"$comment\":\"Non-empty fragments not allowed.\",\"pattern\":\"^["
                       "^#]*#?$\"},\"$schema\":{\"$ref\":\"#/$defs/uriString\"},\"$ref\":{\"$ref\":\"#/$defs/uriRefe"
                       "renceString\"},\"$anchor\":{\"$ref\":\"#/$defs/anchorString\"},\"$dynamicRef\":{\"$ref\":\"#"
                       "/$defs/uriReferenceString\"},\"$dynamicAnchor\":{\"$ref\":\"#/$defs/anchorString\"},\"$v"
                       "ocabulary\":{\"type\":\"object\",\"propertyNames\":{\"$ref\":\"#/$defs/uriString\"},\"additi"
                       "onalProperties\":{\"type\":\"boolean\"}},\"$comment\":{\"type\":\"string\"},\"$defs\":{\"type\""
                       ":\"object\",\"additionalProperties\":{\"$dynamicRef\":\"#meta\"}}},\"$defs\":{\"anchorStrin"
                       "g\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z_][-A-Za-z0-9._]*$\"},\"uriString\":{\"type\":"
                       "\"string\",\"format\":\"uri\"},\"uriReferenceString\":{\"type\":\"string\",\"format\":\"uri-ref"
                       "erence\"}}}"},
    {BASE "meta/applicator",
     "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$id\":\"https://json-sc"
     "hema.org/draft/2020-12/meta/applicator\",\"$dynamicAnchor\":\"meta\",\"title\":\"Applica"
     "tor vocabulary meta-schema\",\"type\":[\"object\",\"boolean\"],\"properties\":{\"prefixIte"
     "ms\":{\"$ref\":\"#/$defs/schemaArray\"},\"items\":{\"$dynamicRef\":\"#meta\"},\"contains\":{\""
     "$dynamicRef\":\"#meta\"},\"additionalProperties\":{\"$dynamicRef\":\"#meta\"},\"properties"
     "\":{\"type\":\"object\",\"additionalProperties\":{\"$dynamicRef\":\"#meta\"},\"default\":{}},"
     "\"patternProperties\":{\"type\":\"object\",\"additionalProperties\":{\"$dynamicRef\":\"#met"
     "a\"},\"propertyNames\":{\"format\":\"regex\"},\"default\":{}},\"dependentSchemas\":{\"type\":"
     "\"object\",\"additionalProperties\":{\"$dynamicRef\":\"#meta\"},\"default\":{}},\"propertyN"
     "ames\":{\"$dynamicRef\":\"#meta\"},\"if\":{\"$dynamicRef\":\"#meta\"},\"then\":{\"$dynamicRef\""
     ":\"#meta\"},\"else\":{\"$dynamicRef\":\"#meta\"},\"allOf\":{\"$ref\":\"#/$defs/schemaArray\"},"
     "\"anyOf\":{\"$ref\":\"#/$defs/schemaArray\"},\"oneOf\":{\"$ref\":\"#/$defs/schemaArray\"},\"n"
     "ot\":{\"$dynamicRef\":\"#meta\"}},\"$defs\":{\"schemaArray\":{\"type\":\"array\",\"minItems\":1"
     ",\"items\":{\"$dynamicRef\":\"#meta\"}}}}"},
    {BASE "meta/unevaluated",
     "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$id\":\"https://json-sc"
     "hema.org/draft/2020-12/meta/unevaluated\",\"$dynamicAnchor\":\"meta\",\"title\":\"Uneval"
     "uated applicator vocabulary meta-schema\",\"type\":[\"object\",\"boolean\"],\"properties"
     "\":{\"unevaluatedItems\":{\"$dynamicRef\":\"#meta\"},\"unevaluatedProperties\":{\"$dynamic"
     "Ref\":\"#meta\"}}}"},
    {BASE "meta/validation",
     "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$id\":\"https://json-sc"
     "hema.org/draft/2020-12/meta/validation\",\"$dynamicAnchor\":\"meta\",\"title\":\"Validat"
     "ion vocabulary meta-schema\",\"type\":[\"object\",\"boolean\"],\"properties\":{\"type\":{\"a"
     "nyOf\":[{\"$ref\":\"#/$defs/simpleTypes\"},{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/s"
     "impleTypes\"},\"minItems\":1,\"uniqueItems\":true}]},\"const\":true,\"enum\":{\"type\":\"arr"
     "ay\",\"items\":true},\"multipleOf\":{\"type\":\"number\",\"exclusiveMinimum\":0},\"maximum\":"
     "{\"type\":\"number\"},\"exclusiveMaximum\":{\"type\":\"number\"},\"minimum\":{\"type\":\"number"
     "\"},\"exclusiveMinimum\":{\"type\":\"number\"},\"maxLength\":{\"$ref\":\"#/$defs/nonNegative"
     "Integer\"},\"minLength\":{\"$ref\":\"#/$defs/nonNegativeIntegerDefault0\"},\"pattern\":{\""
     "type\":\"string\",\"format\":\"regex\"},\"maxItems\":{\"$ref\":\"#/$defs/nonNegativeInteger\""
     "},\"minItems\":{\"$ref\":\"#/$defs/nonNegativeIntegerDefault0\"},\"uniqueItems\":{\"type\""
     ":\"boolean\",\"default\":false},\"maxContains\":{\"$ref\":\"#/$defs/nonNegativeInteger\"},"
     "\"minContains\":{\"$ref\":\"#/$defs/nonNegativeInteger\",\"default\":1},\"maxProperties\":"
     "{\"$ref\":\"#/$defs/nonNegativeInteger\"},\"minProperties\":{\"$ref\":\"#/$defs/nonNegati"
     "veIntegerDefault0\"},\"required\":{\"$ref\":\"#/$defs/stringArray\"},\"dependentRequired"
     "\":{\"type\":\"object\",\"additionalProperties\":{\"$ref\":\"#/$defs/stringArray\"}}},\"$def"
     "s\":{\"nonNegativeInteger\":{\"type\":\"integer\",\"minimum\":0},\"nonNegativeIntegerDefau"
     "lt0\":{\"$ref\":\"#/$defs/nonNegativeInteger\",\"default\":0},\"simpleTypes\":{\"enum\":[\"a"
     "rray\",\"boolean\",\"integer\",\"null\",\"number\",\"object\",\"string\"]},\"stringArray\":{\"ty"
     "pe\":\"array\",\"items\":{\"type\":\"string\"},\"uniqueItems\":true,\"default\":[]}}}"},
    {BASE "meta/meta-data",
     "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$id\":\"https://json-sc"
     "hema.org/draft/2020-12/meta/meta-data\",\"$dynamicAnchor\":\"meta\",\"title\":\"Meta-dat"
     "a vocabulary meta-schema\",\"type\":[\"object\",\"boolean\"],\"properties\":{\"title\":{\"ty"
     "pe\":\"string\"},\"description\":{\"type\":\"string\"},\"default\":true,\"deprecated\":{\"type"
     "\":\"boolean\",\"default\":false},\"readOnly\":{\"type\":\"boolean\",\"default\":false},\"writ"
     "eOnly\":{\"type\":\"boolean\",\"default\":false},\"examples\":{\"type\":\"array\",\"items\":tru"
     "e}}}"},
    {BASE "meta/format-annotation",
     "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$id\":\"https://json-sc"
     "hema.org/draft/2020-12/meta/format-annotation\",\"$dynamicAnchor\":\"meta\",\"title\":\""
     "Format vocabulary meta-schema for annotation results\",\"type\":[\"object\",\"boolean\""
     "],\"properties\":{\"format\":{\"type\":\"string\"}}}"},
    {BASE "meta/format-assertion",
     "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$id\":\"https://json-sc"
     "hema.org/draft/2020-12/meta/format-assertion\",\"$dynamicAnchor\":\"meta\",\"title\":\"F"
     "ormat vocabulary meta-schema for assertion results\",\"type\":[\"object\",\"boolean\"],"
     "\"properties\":{\"format\":{\"type\":\"string\"}}}"},
    {BASE "meta/content",
     "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"$id\":\"https://json-sc"
     "hema.org/draft/2020-12/meta/content\",\"$dynamicAnchor\":\"meta\",\"title\":\"Content vo"
     "cabulary meta-schema\",\"type\":[\"object\",\"boolean\"],\"properties\":{\"contentEncoding"
     "\":{\"type\":\"string\"},\"contentMediaType\":{\"type\":\"string\"},\"contentSchema\":{\"$dyna"
     "micRef\":\"#meta\"}}}"},
};

const char *schema_meta_text(const char *uri)
{
    for (size_t i = 0; i < sizeof(metas) / sizeof(metas[0]); i++) {
        if (strcmp(metas[i].uri, uri) == 0) {
            return metas[i].text;
        }
    }
    return NULL;
}
