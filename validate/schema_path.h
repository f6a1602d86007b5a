/*
 * schema_path - JSON pointers (RFC 6901) written into a buffer of a fixed size; what does not fit is cut and ends in "...".
 * Control characters become '?'. Pure: any thread.
 */
#ifndef PORTCULLIS_VALIDATE_SCHEMA_PATH_H
#define PORTCULLIS_VALIDATE_SCHEMA_PATH_H

#include <stddef.h>

struct schema_path {
    char *text;
    size_t capacity; /* with the NUL; at least 4 */
    size_t size;
};

void schema_path_start(struct schema_path *path, char *text, size_t capacity);
/* As it is, without a slash in front or escapes. */
void schema_path_add_text(struct schema_path *path, const char *text, size_t size);
void schema_path_add_key(struct schema_path *path, const char *key, size_t size);
void schema_path_add_index(struct schema_path *path, size_t index);

#endif
