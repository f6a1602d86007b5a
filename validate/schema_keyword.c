/*
 * schema_keyword - finds the keywords of subschemas and judges the shape of their values, as the draft's meta-schemas do. Called by
 * schema_compile, on the thread that compiles.
 */
#include "validate/schema_keyword.h"

#include <stdlib.h>
#include <string.h>

#include "validate/json_order.h"
#include "validate/schema_node.h"
#include "validate/schema_number.h"

#define VOCABULARY_BASE "https://json-schema.org/draft/2020-12/vocab/"

static const struct {
    const char *text;
    enum schema_vocabulary vocabulary;
    enum schema_shape shape;
} keywords_known[] = {
#define KNOWN(name, text, vocabulary, shape) {text, SCHEMA_VOCABULARY_##vocabulary, SCHEMA_SHAPE_##shape},
    SCHEMA_KEYWORD_TABLE(KNOWN)
#undef KNOWN
};

const char *schema_keyword_text(enum schema_keyword keyword)
{
    return keywords_known[keyword].text;
}

enum schema_vocabulary schema_keyword_vocabulary(enum schema_keyword keyword)
{
    return keywords_known[keyword].vocabulary;
}

enum schema_shape schema_keyword_shape(enum schema_keyword keyword)
{
    return keywords_known[keyword].shape;
}

/* SCHEMA_KEYWORD_COUNT: there is none. */
static size_t find_keyword(const char *text)
{
    size_t low = 0;
    size_t high = SCHEMA_KEYWORD_COUNT;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(text, keywords_known[middle].text);
        if (order == 0) {
            return middle;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return SCHEMA_KEYWORD_COUNT;
}

void schema_keyword_collect(json_t *object, unsigned vocabularies, struct schema_keywords *keywords_r)
{
    *keywords_r = (struct schema_keywords){{NULL}};
    vocabularies |= SCHEMA_VOCABULARY_FORMER;
    /* Either vocabulary of formats has the keyword. */
    if ((vocabularies & SCHEMA_VOCABULARY_FORMAT_ASSERTION) != 0) {
        vocabularies |= SCHEMA_VOCABULARY_FORMAT_ANNOTATION;
    }
    for (void *i = json_object_iter(object); i != NULL; i = json_object_iter_next(object, i)) {
        const size_t keyword = find_keyword(json_object_iter_key(i));
        if (keyword < SCHEMA_KEYWORD_COUNT && (vocabularies & keywords_known[keyword].vocabulary) != 0) {
            keywords_r->values[keyword] = json_object_iter_value(i);
        }
    }
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Core §8.2.2: a letter or an underscore, then these, hyphens, digits and dots. */
static bool is_anchor(const json_t *value)
{
    const char *text = json_string_value(value);
    if (text == NULL || (!is_letter(text[0]) && text[0] != '_')) {
        return false;
    }
    for (; *text != '\0'; text++) {
        if (!is_letter(*text) && (*text < '0' || *text > '9') && strchr("_-.", *text) == NULL) {
            return false;
        }
    }
    return true;
}

/* Core §8.2.1: a URI reference with no fragment, or an empty one. */
static bool is_id(const json_t *value)
{
    const char *text = json_string_value(value);
    const char *fragment = text != NULL ? strchr(text, '#') : NULL;
    return text != NULL && (fragment == NULL || fragment[1] == '\0');
}

static bool is_size(const json_t *value)
{
    return json_is_number(value) && schema_number_is_integer(value) && json_number_value(value) >= 0;
}

static bool has_twins(json_t **values, size_t count)
{
    json_order_sort(values, count);
    for (size_t i = 1; i < count; i++) {
        if (json_order(values[i - 1], values[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* An array of strings no two of which are equal. */
static bool is_string_list(const json_t *value)
{
    const size_t count = json_array_size(value);
    if (!json_is_array(value)) {
        return false;
    }
    json_t **texts = malloc((count + 1) * sizeof(json_t *));
    bool right = texts != NULL;
    for (size_t i = 0; right && i < count; i++) {
        texts[i] = json_array_get(value, i);
        right = json_is_string(texts[i]);
    }
    right = right && !has_twins(texts, count);
    free(texts);
    return right;
}

static bool is_schema(const json_t *value)
{
    return json_is_object(value) || json_is_boolean(value);
}

static bool is_dependency(const json_t *value)
{
    return is_schema(value) || is_string_list(value);
}

static bool is_true_or_false(const json_t *value)
{
    return json_is_boolean(value);
}

static bool is_map(json_t *value, bool (*is_right)(const json_t *))
{
    for (void *i = json_object_iter(value); i != NULL; i = json_object_iter_next(value, i)) {
        if (!is_right(json_object_iter_value(i))) {
            return false;
        }
    }
    return json_is_object(value);
}

static bool is_type(const json_t *value)
{
    if (!json_is_array(value)) {
        return schema_type_named(json_string_value(value)) != 0;
    }
    unsigned seen = 0;
    for (size_t i = 0; i < json_array_size(value); i++) {
        const unsigned type = schema_type_named(json_string_value(json_array_get(value, i)));
        if (type == 0 || (seen & type) != 0) {
            return false;
        }
        seen |= type;
    }
    return seen != 0;
}

/* NULL, or what the value should have been. Subschemas say themselves what is wrong with them. */
static const char *fault_of(enum schema_shape shape, json_t *value)
{
    switch (shape) {
    case SCHEMA_SHAPE_ANY:
    case SCHEMA_SHAPE_SCHEMA:
        return NULL;
    case SCHEMA_SHAPE_ANCHOR:
        return is_anchor(value)
                   ? NULL
                   : "a string that starts with a letter or _ and goes on with letters, digits, _, - and .";
    case SCHEMA_SHAPE_ARRAY:
        return json_is_array(value) ? NULL : "an array";
    case SCHEMA_SHAPE_BOOLEAN:
        return json_is_boolean(value) ? NULL : "a boolean";
    case SCHEMA_SHAPE_BOOLEAN_MAP:
        return is_map(value, is_true_or_false) ? NULL : "an object of booleans";
    case SCHEMA_SHAPE_DEPENDENCY_MAP:
        return is_map(value, is_dependency) ? NULL : "an object of schemas and of arrays of strings";
    case SCHEMA_SHAPE_ID:
        return is_id(value) ? NULL : "a URI reference without a fragment";
    case SCHEMA_SHAPE_NUMBER:
        return json_is_number(value) ? NULL : "a number";
    case SCHEMA_SHAPE_POSITIVE_NUMBER:
        return json_is_number(value) && json_number_value(value) > 0 ? NULL : "a number greater than 0";
    case SCHEMA_SHAPE_SCHEMA_LIST:
        return json_array_size(value) > 0 ? NULL : "an array of at least one schema";
    case SCHEMA_SHAPE_PATTERN_MAP:
    case SCHEMA_SHAPE_SCHEMA_MAP:
        return json_is_object(value) ? NULL : "an object of schemas";
    case SCHEMA_SHAPE_SIZE:
        return is_size(value) ? NULL : "a whole number that is not negative";
    case SCHEMA_SHAPE_PATTERN:
    case SCHEMA_SHAPE_STRING:
    case SCHEMA_SHAPE_URI:
    case SCHEMA_SHAPE_URI_REFERENCE:
        return json_is_string(value) ? NULL : "a string";
    case SCHEMA_SHAPE_STRING_LIST:
        return is_string_list(value) ? NULL : "an array of strings, each of them once";
    case SCHEMA_SHAPE_STRING_LIST_MAP:
        return is_map(value, is_string_list) ? NULL : "an object of arrays of strings, each of them once";
    case SCHEMA_SHAPE_TYPE:
        return is_type(value) ? NULL : "the name of a type, or an array of such names, each of them once";
    case SCHEMA_SHAPE_COUNT:
        break;
    }
    return NULL;
}

const char *schema_keyword_fault(const struct schema_keywords *keywords, enum schema_keyword *keyword_r)
{
    for (size_t i = 0; i < SCHEMA_KEYWORD_COUNT; i++) {
        json_t *value = keywords->values[i];
        const char *fault = value != NULL ? fault_of(keywords_known[i].shape, value) : NULL;
        if (fault != NULL) {
            *keyword_r = (enum schema_keyword)i;
            return fault;
        }
    }
    return NULL;
}

unsigned schema_vocabulary_named(const char *uri)
{
    static const struct {
        const char *name;
        enum schema_vocabulary vocabulary;
    } vocabularies[] = {
        {"core", SCHEMA_VOCABULARY_CORE},
        {"applicator", SCHEMA_VOCABULARY_APPLICATOR},
        {"unevaluated", SCHEMA_VOCABULARY_UNEVALUATED},
        {"validation", SCHEMA_VOCABULARY_VALIDATION},
        {"meta-data", SCHEMA_VOCABULARY_META_DATA},
        {"format-annotation", SCHEMA_VOCABULARY_FORMAT_ANNOTATION},
        {"format-assertion", SCHEMA_VOCABULARY_FORMAT_ASSERTION},
        {"content", SCHEMA_VOCABULARY_CONTENT},
    };
    const size_t base = strlen(VOCABULARY_BASE);
    for (size_t i = 0; strncmp(uri, VOCABULARY_BASE, base) == 0 && i < sizeof(vocabularies) / sizeof(vocabularies[0]);
         i++) {
        if (strcmp(uri + base, vocabularies[i].name) == 0) {
            return vocabularies[i].vocabulary;
        }
    }
    return 0;
}

unsigned schema_type_named(const char *name)
{
    static const struct {
        const char *name;
        enum schema_type type;
    } types[] = {
        {"null", SCHEMA_TYPE_NULL},       {"boolean", SCHEMA_TYPE_BOOLEAN}, {"object", SCHEMA_TYPE_OBJECT},
        {"array", SCHEMA_TYPE_ARRAY},     {"number", SCHEMA_TYPE_NUMBER},   {"string", SCHEMA_TYPE_STRING},
        {"integer", SCHEMA_TYPE_INTEGER},
    };
    for (size_t i = 0; name != NULL && i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].name, name) == 0) {
            return types[i].type;
        }
    }
    return 0;
}
