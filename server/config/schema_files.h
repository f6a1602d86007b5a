/*
 * schema_files - schemas from files: read within bounds, parsed, compiled. Each file is read once and each schema compiled
 * once, however many ask for it.
 *
 * A config has one for its endpoints, portcullisctl one for its command line. One thread while schemas are loaded; what was
 * loaded never changes, and any thread may check with it.
 */
#ifndef PORTCULLIS_CONFIG_SCHEMA_FILES_H
#define PORTCULLIS_CONFIG_SCHEMA_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "validate/schema.h"

#define SCHEMA_FILES_SIZE_MAX ((size_t)16 * 1024 * 1024) /* bytes of one file */
/* Arrays and objects inside one another. Parsing and freeing recurse, 70 bytes of stack a level, and whoever drops the last
 * reference to a config may be on a stack of 100 KiB. */
#define SCHEMA_FILES_DEPTH_MAX     512
#define SCHEMA_FILES_SENTENCE_SIZE 640 /* a location, a keyword and a sentence of schema.h */

struct schema_files;

/* What a schema is made of. */
struct schema_files_source {
    const char *schema;           /* name of its file */
    const char *const *documents; /* more files, which it may refer to by their $id */
    size_t document_count;
    bool formats; /* "format" decides */
};

/* Why a file cannot be used. */
struct schema_files_fault {
    const char *file;
    size_t index;                              /* 0: it is source.schema; else source.documents[index - 1] */
    bool unreadable;                           /* what is in it is not known */
    unsigned line;                             /* from 1; 0: the file as a whole, or where the sentence says */
    unsigned column;                           /* from 1, in characters */
    char sentence[SCHEMA_FILES_SENTENCE_SIZE]; /* for people; may hold bytes of the file, so escape it */
};

typedef void schema_files_fault_fn(void *context, const struct schema_files_fault *fault);

/* Returns owned, or NULL without memory. schema_files_free() frees its schemas, too; NULL is passed over. */
__attribute__((warn_unused_result)) struct schema_files *schema_files_create(void);
void schema_files_free(struct schema_files *files);

/* Returns the schema, borrowed, or NULL when there is none: then each fault that had not been told is told, and the files whose
 * faults had been told are passed over in silence. Never waits for a FIFO or a device. */
__attribute__((warn_unused_result)) const struct schema *schema_files_load(struct schema_files *files,
                                                                           const struct schema_files_source *source,
                                                                           schema_files_fault_fn *tell, void *context);

#endif
