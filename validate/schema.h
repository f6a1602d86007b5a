/*
 * schema - JSON Schema draft 2020-12: compiled once, then asked about as many values as there are.
 *
 * A compiled schema never changes: any number of threads may check with it at once, each with a scratch of its own. Nothing
 * is fetched: what a reference names is in the document or in another one that is given, or is a meta-schema of the draft;
 * anything else fails the compilation. Pure: no I/O, no globals, no log.
 *
 * A schema that compiles is valid by the draft's meta-schema, its patterns by ECMA-262, and no reference in it leads back to itself
 * without going into the value. Unknown keywords are annotations. `$schema` names the draft or a meta-schema among the documents,
 * whose $vocabulary may leave vocabularies out or have formats decide (Core §8.1.2); other drafts are refused. The compiler does not
 * recurse, and its time and memory go by the size of the documents, whatever they hold.
 *
 * Recursion is bounded by SCHEMA_DEPTH_MAX, the work on one value by its size: SCHEMA_STEPS_BASE steps, and
 * SCHEMA_STEPS_PER_BYTE for each byte of its text, whatever the schema. A bound that is reached makes the value invalid and
 * says so, even in a branch of anyOf or not. Valid values cost no allocation, but for propertyNames other than
 * pattern, lengths and formats, for format `regex`, and while a scratch grows to what arrays with uniqueItems and patterns need:
 * it keeps at most some MiB. unevaluated* of several sets of thousands of members within one another take memory, too.
 *
 * Numbers are the decimals that the text has. What the parser's int64 and double do not hold is the error number_range, and never
 * a wrong verdict: integers beyond int64, reals beyond double or smaller than 1e-307 are always one; a real of more digits
 * than its double holds is one where a verdict depends on these digits.
 */
#ifndef PORTCULLIS_VALIDATE_SCHEMA_H
#define PORTCULLIS_VALIDATE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "validate/json_bounds.h"

/* Subschemas within one another, counted through references: what fits a stack of 100 KiB. Enough for values of 32 levels where
 * each passes a reference, an allOf, a reference in it, and unevaluated*, which counts twice. */
#define SCHEMA_DEPTH_MAX 160

/* A step takes some 10 ns. */
#define SCHEMA_STEPS_BASE     UINT64_C(200000)
#define SCHEMA_STEPS_PER_BYTE 24

#define SCHEMA_PATH_SIZE     256 /* with the NUL; what is longer is cut and ends in "..." */
#define SCHEMA_SENTENCE_SIZE 256

struct schema;
struct schema_scratch;

/* A schema that references from others may name: by its $id, and by the URI where it was found (Core §9.1). */
struct schema_document {
    json_t *json;    /* shared, like the main document */
    const char *uri; /* borrowed while schema_compile() runs; NULL: known by its $id alone, which it then must have */
};

struct schema_options {
    bool assert_format;                      /* `format` decides, and does not just annotate (Validation §7.2.2) */
    const struct schema_document *documents; /* besides the main one; all are compiled. Borrowed as `uri` is */
    size_t document_count;
};

/* One reason why a value is not valid, or why a schema does not compile. */
struct schema_error {
    char path[SCHEMA_PATH_SIZE];         /* JSON pointer into the value; empty: the value itself */
    const char *keyword;                 /* static; "false" where the schema is `false` */
    char location[SCHEMA_PATH_SIZE];     /* of the keyword: URI reference with a JSON pointer as fragment */
    char sentence[SCHEMA_SENTENCE_SIZE]; /* for people; no full stop, control characters never */
    size_t document;                     /* of schema_compile(): 0 is the main document, n is documents[n - 1] */
};

/* Where errors go. The first `max` are kept; with max reached, checking ends. count says how many there are. */
struct schema_report {
    struct schema_error *errors; /* borrowed; may be NULL where max is 0: the verdict alone */
    size_t max;
    size_t count;
};

/* Compiles `document` with those of the options, and shares them: nobody may change them until schema_free(). Returns owned, or
 * NULL with *error_r saying which keyword is at fault and where. */
__attribute__((warn_unused_result)) struct schema *
schema_compile(json_t *document, const struct schema_options *options, struct schema_error *error_r);
void schema_free(struct schema *schema);

/* What one thread needs to check values, of any schema, one at a time. Returns owned, or NULL without memory. */
__attribute__((warn_unused_result)) struct schema_scratch *schema_scratch_create(void);
void schema_scratch_free(struct schema_scratch *scratch);

/* Whether `value` is valid. The report may be NULL. */
__attribute__((warn_unused_result)) bool schema_check(const struct schema *schema, json_t *value,
                                                      struct schema_scratch *scratch, struct schema_report *report);

/* The same for a value that was parsed from the text `bytes`, which tells numbers that the parser rounded: the keyword
 * "number_range". schema_check() takes each double for the shortest decimal that reads as it. */
__attribute__((warn_unused_result)) bool schema_check_parsed(const struct schema *schema, json_t *value,
                                                             const uint8_t *bytes, size_t size,
                                                             struct schema_scratch *scratch,
                                                             struct schema_report *report);

/* The same for JSON text, whose bounds are checked before it is parsed. Numbers out of range have the keyword "number_range",
 * what is no JSON has "json", what exceeds the bounds "bounds". Duplicate keys are refused. */
__attribute__((warn_unused_result)) bool schema_check_bytes(const struct schema *schema,
                                                            const struct json_bounds *bounds, const uint8_t *bytes,
                                                            size_t size, struct schema_scratch *scratch,
                                                            struct schema_report *report);

#endif
