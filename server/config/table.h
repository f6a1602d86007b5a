/*
 * table - every key of the config file: name, type, range, default, reload or restart, one sentence.
 *
 * Reading, errors, defaults, the reference and the comparison of two configs all follow it. Constant data: any thread.
 */
#ifndef PORTCULLIS_CONFIG_TABLE_H
#define PORTCULLIS_CONFIG_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum row_type {
    ROW_BOOL,     /* bool */
    ROW_INTEGER,  /* an integer of `width` bytes */
    ROW_NUMBER,   /* double; written as an integer or with a point */
    ROW_SIZE,     /* an integer of `width` bytes: bytes */
    ROW_DURATION, /* an integer of `width` bytes: milliseconds */
    ROW_CHOICE,   /* an enum: the index of the word in `words` */
    ROW_WORD,     /* const char *: one of `words` */
    ROW_STRING,   /* const char * */
    ROW_STRINGS,  /* const char *const *, and size_t at `count_offset` */
    ROW_PREFIXES, /* const struct prefix *, and size_t at `count_offset` */
    ROW_GROUP,    /* { ... }: `rows`, in the same struct */
    ROW_LIST, /* ( { ... }, ... ): `rows` of elements of `element_size` bytes; pointer, and size_t at `count_offset` */
};

/* NULL when `text` is right, else what was expected, for "expected %s". */
typedef const char *row_syntax_fn(const char *text);

struct row {
    const char *name; /* within its group */
    enum row_type type;
    bool restart; /* takes effect at a restart only; of a list or group: all that is in it */
    const char *
        fallback; /* the default, as it would stand in the file; NULL: must be given (or, of a group, its rows say it) */
    int64_t min;  /* of the value; of strings the bytes, of lists the elements; ROW_NUMBER: whole numbers */
    int64_t max;  /* below INT64_MAX, which stands for "beyond 64 bits" (scan.h) */
    const char *const *words; /* ends in NULL */
    row_syntax_fn *syntax;    /* of ROW_STRING and each of ROW_STRINGS; may be NULL */
    const char *text;         /* one sentence */
    size_t offset;
    size_t width;
    size_t count_offset;
    const struct row *rows;
    size_t row_count;
    size_t element_size;
};

/* The sections. */
extern const struct row table_rows[];
extern const size_t table_row_count;

/* NULL when there is none. */
const struct row *table_find(const struct row *rows, size_t count, const char *name);

#endif
