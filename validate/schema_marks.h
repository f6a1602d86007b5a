/*
 * schema_marks - which members of an object, or items of an array, some keyword has evaluated: what unevaluatedProperties and
 * unevaluatedItems ask (Core §11). By position; the first 64 without an allocation. One thread at a time.
 */
#ifndef PORTCULLIS_VALIDATE_SCHEMA_MARKS_H
#define PORTCULLIS_VALIDATE_SCHEMA_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct schema_marks {
    uint64_t *many; /* NULL: `few` is used */
    uint64_t few;
    size_t count;
    bool all;
};

/* False without memory. */
__attribute__((warn_unused_result)) bool schema_marks_init(struct schema_marks *marks, size_t count);
void schema_marks_deinit(struct schema_marks *marks);
void schema_marks_set(struct schema_marks *marks, size_t position);
bool schema_marks_has(const struct schema_marks *marks, size_t position);
/* Adds the marks of another of the same count. */
void schema_marks_add(struct schema_marks *marks, const struct schema_marks *more);

#endif
