/*
 * schema_marks - which members of an object, or items of an array, some keyword has evaluated: what unevaluatedProperties and
 * unevaluatedItems ask (Core §11). By position. Sets of up to 64 take no memory, larger ones come out of a pool while it lasts.
 * One thread at a time.
 */
#ifndef PORTCULLIS_VALIDATE_SCHEMA_MARKS_H
#define PORTCULLIS_VALIDATE_SCHEMA_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 8 KiB: 65,536 positions. What is taken last is given back first. */
#define SCHEMA_MARKS_POOL_WORDS 1024
struct schema_marks_pool {
    uint64_t words[SCHEMA_MARKS_POOL_WORDS];
    size_t used;
};

struct schema_marks {
    uint64_t *many; /* NULL: `few` is used */
    uint64_t few;
    size_t count;
    bool all;
    struct schema_marks_pool *pool; /* where `many` is from; NULL: memory of its own */
};

/* False without memory. */
__attribute__((warn_unused_result)) bool schema_marks_init(struct schema_marks *marks, size_t count,
                                                           struct schema_marks_pool *pool);
void schema_marks_deinit(struct schema_marks *marks);
void schema_marks_set(struct schema_marks *marks, size_t position);
bool schema_marks_has(const struct schema_marks *marks, size_t position);
/* Adds the marks of another of the same count. */
void schema_marks_add(struct schema_marks *marks, const struct schema_marks *more);

#endif
