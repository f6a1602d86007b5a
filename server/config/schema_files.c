/*
 * schema_files - schemas from files.
 * Called by check_rules.c on the thread that loads a config, and by portcullisctl.
 */
#include "server/config/schema_files.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "server/config/file.h"
#include "validate/json_bounds.h"
#include "validate/json_parse.h"

#define NO_MEMORY "no memory to read it"

/* A file that was read, or not: `json` is NULL then, and why has been told. */
struct file {
    struct file *next;
    json_t *json;
    char name[];
};

/* A schema that was compiled, or not: `schema` is NULL then. */
struct compiled {
    struct compiled *next;
    struct schema *schema;
    bool formats;
    size_t count;
    struct file *parts[]; /* the schema's file, then those of the documents */
};

struct schema_files {
    struct file *files;
    struct compiled *compiled;
};

struct schema_files *schema_files_create(void)
{
    return calloc(1, sizeof(struct schema_files));
}

void schema_files_free(struct schema_files *files)
{
    if (files == NULL) {
        return;
    }
    for (struct compiled *compiled = files->compiled, *next = NULL; compiled != NULL; compiled = next) {
        next = compiled->next;
        schema_free(compiled->schema);
        free(compiled);
    }
    for (struct file *file = files->files, *next = NULL; file != NULL; file = next) {
        next = file->next;
        json_decref(file->json);
        free(file);
    }
    free(files);
}

/* ---- faults ---- */

static void fault_say(struct schema_files_fault *fault, const char *sentence)
{
    (void)snprintf(fault->sentence, sizeof(fault->sentence), "%s", sentence);
}

/* Line and column of a byte. Characters are counted as UTF-8 begins them, whatever the text is. */
static void fault_place(struct schema_files_fault *fault, const char *text, size_t offset)
{
    fault->line = 1;
    fault->column = 1;
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            fault->line++;
            fault->column = 1;
        } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
            fault->column++;
        }
    }
}

/* ---- reading ---- */

/* Parses what keeps the bounds. Escaped NULs may be meant: a schema can be about them. */
static json_t *parse_text(const char *text, size_t size, struct schema_files_fault *fault)
{
    const struct json_bounds bounds = {
        .max_size = SCHEMA_FILES_SIZE_MAX,
        .max_depth = SCHEMA_FILES_DEPTH_MAX,
        .refuse_duplicate_keys = true,
        .refuse_lone_surrogates = true,
    };
    size_t offset = 0;
    const enum json_bounds_status status = json_bounds_find(&bounds, (const uint8_t *)text, size, &offset);
    if (status != JSON_BOUNDS_OK) {
        fault_place(fault, text, offset);
        fault_say(fault, json_bounds_sentence(status));
        return NULL;
    }
    json_error_t error;
    json_t *json = json_parse(text, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (json == NULL) {
        /* What it met is at the position's end; at the end of the text there is nothing to be met. */
        fault_place(fault, text, error.position > 0 ? (size_t)error.position - 1 : 0);
        fault_say(fault, error.text);
    }
    return json;
}

static json_t *read_json(const char *name, struct schema_files_fault *fault)
{
    char *text = NULL;
    size_t size = 0;
    const char *error = file_read(name, SCHEMA_FILES_SIZE_MAX, &text, &size);
    if (error != NULL) {
        fault->unreadable = true;
        fault_say(fault, error);
        return NULL;
    }
    json_t *json = parse_text(text, size, fault);
    free(text);
    return json;
}

/* The file of that name, read if nobody has. NULL without memory. */
static struct file *get_file(struct schema_files *files, const char *name, size_t index, schema_files_fault_fn *tell,
                             void *context)
{
    for (struct file *file = files->files; file != NULL; file = file->next) {
        if (strcmp(file->name, name) == 0) {
            return file;
        }
    }
    const size_t size = strlen(name) + 1;
    struct file *file = calloc(1, sizeof(*file) + size);
    if (file == NULL) {
        return NULL;
    }
    memcpy(file->name, name, size);
    file->next = files->files;
    files->files = file;
    struct schema_files_fault fault = {.file = name, .index = index};
    file->json = read_json(name, &fault);
    if (file->json == NULL) {
        tell(context, &fault);
    }
    return file;
}

/* ---- compiling ---- */

static bool is_same(const struct compiled *a, const struct compiled *b)
{
    return a->formats == b->formats && a->count == b->count &&
           memcmp(a->parts, b->parts, a->count * sizeof(struct file *)) == 0;
}

static const struct compiled *find_compiled(const struct schema_files *files, const struct compiled *wanted)
{
    const struct compiled *compiled = files->compiled;
    while (compiled != NULL && !is_same(compiled, wanted)) {
        compiled = compiled->next;
    }
    return compiled;
}

/* Fills `parts`. Returns whether all of them could be read. */
static bool get_parts(struct schema_files *files, struct compiled *compiled, const struct schema_files_source *source,
                      schema_files_fault_fn *tell, void *context)
{
    bool good = true;
    for (size_t i = 0; i < compiled->count; i++) {
        const char *name = i == 0 ? source->schema : source->documents[i - 1];
        struct file *file = get_file(files, name, i, tell, context);
        if (file == NULL) {
            struct schema_files_fault fault = {.file = name, .index = i, .unreadable = true};
            fault_say(&fault, NO_MEMORY);
            tell(context, &fault);
        }
        compiled->parts[i] = file;
        good = good && file != NULL && file->json != NULL;
    }
    return good;
}

/* Tells what is wrong with which of the parts. */
static void tell_error(const struct compiled *compiled, const struct schema_error *error, schema_files_fault_fn *tell,
                       void *context)
{
    const size_t index = error->document < compiled->count ? error->document : 0; /* beyond: it is a meta-schema */
    struct schema_files_fault fault = {.file = compiled->parts[index]->name, .index = index};
    (void)snprintf(fault.sentence, sizeof(fault.sentence), "%s%s%s", error->location,
                   error->location[0] != '\0' ? ": " : "", error->sentence);
    tell(context, &fault);
}

static void compile(struct compiled *compiled, schema_files_fault_fn *tell, void *context)
{
    struct schema_error error = {.sentence = NO_MEMORY};
    assert(compiled->count > 0); /* the schema's own file */
    const size_t document_count = compiled->count - 1;
    /* One more: an array of none is no memory to some allocators. */
    struct schema_document *documents = calloc(compiled->count, sizeof(*documents));
    if (documents != NULL) {
        for (size_t i = 0; i < document_count; i++) {
            documents[i].json = compiled->parts[i + 1]->json;
        }
        const struct schema_options options = {
            .assert_format = compiled->formats,
            .documents = documents,
            .document_count = document_count,
        };
        compiled->schema = schema_compile(compiled->parts[0]->json, &options, &error);
    }
    if (compiled->schema == NULL) {
        tell_error(compiled, &error, tell, context);
    }
    free(documents);
}

const struct schema *schema_files_load(struct schema_files *files, const struct schema_files_source *source,
                                       schema_files_fault_fn *tell, void *context)
{
    const size_t count = source->document_count + 1;
    struct compiled *compiled = calloc(1, sizeof(*compiled) + count * sizeof(struct file *));
    if (compiled == NULL) {
        struct schema_files_fault fault = {.file = source->schema, .unreadable = true};
        fault_say(&fault, NO_MEMORY);
        tell(context, &fault);
        return NULL;
    }
    compiled->count = count;
    compiled->formats = source->formats;
    if (!get_parts(files, compiled, source, tell, context)) {
        free(compiled);
        return NULL;
    }
    const struct compiled *earlier = find_compiled(files, compiled);
    if (earlier != NULL) {
        free(compiled);
        return earlier->schema;
    }
    compile(compiled, tell, context);
    compiled->next = files->compiled;
    files->compiled = compiled;
    return compiled->schema;
}
