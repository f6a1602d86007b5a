/*
 * schema_marks - sets of positions. Called by the checker of schemas; any thread.
 */
#include "validate/schema_marks.h"

#include <stdlib.h>
#include <string.h>

#define WORD_BITS 64

static size_t words_of(size_t count)
{
    return count / WORD_BITS + 1;
}

bool schema_marks_init(struct schema_marks *marks, size_t count, struct schema_marks_pool *pool)
{
    *marks = (struct schema_marks){.count = count};
    if (count <= WORD_BITS) {
        return true;
    }
    const size_t words = words_of(count);
    if (words <= SCHEMA_MARKS_POOL_WORDS - pool->used) {
        marks->pool = pool;
        marks->many = pool->words + pool->used;
        pool->used += words;
        memset(marks->many, 0, words * sizeof(*marks->many));
        return true;
    }
    marks->many = calloc(words, sizeof(*marks->many));
    return marks->many != NULL;
}

void schema_marks_deinit(struct schema_marks *marks)
{
    if (marks->pool != NULL) {
        marks->pool->used -= words_of(marks->count);
    } else {
        free(marks->many);
    }
    marks->many = NULL;
}

void schema_marks_set(struct schema_marks *marks, size_t position)
{
    uint64_t *words = marks->many != NULL ? marks->many : &marks->few;
    words[position / WORD_BITS] |= UINT64_C(1) << position % WORD_BITS;
}

bool schema_marks_has(const struct schema_marks *marks, size_t position)
{
    const uint64_t *words = marks->many != NULL ? marks->many : &marks->few;
    return marks->all || (words[position / WORD_BITS] >> position % WORD_BITS & 1) != 0;
}

void schema_marks_add(struct schema_marks *marks, const struct schema_marks *more)
{
    marks->all = marks->all || more->all;
    marks->few |= more->few;
    for (size_t i = 0; marks->many != NULL && i < words_of(marks->count); i++) {
        marks->many[i] |= more->many[i];
    }
}
