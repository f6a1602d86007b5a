/*
 * schema_marks - sets of positions. Called by the checker of schemas; any thread.
 */
#include "validate/schema_marks.h"

#include <stdlib.h>

#define WORD_BITS 64

bool schema_marks_init(struct schema_marks *marks, size_t count)
{
    *marks = (struct schema_marks){.count = count};
    if (count <= WORD_BITS) {
        return true;
    }
    marks->many = calloc(count / WORD_BITS + 1, sizeof(*marks->many));
    return marks->many != NULL;
}

void schema_marks_deinit(struct schema_marks *marks)
{
    free(marks->many);
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
    for (size_t i = 0; marks->many != NULL && i <= marks->count / WORD_BITS; i++) {
        marks->many[i] |= more->many[i];
    }
}
