/*
 * table - rows of text in aligned columns, on standard output. Cells are escaped: no byte of a peer reaches the terminal. One
 * thread.
 */
#ifndef PORTCULLIS_CTL_TABLE_H
#define PORTCULLIS_CTL_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define TABLE_COLUMNS_MAX 8

struct table_column {
    const char *title;
    const char
        *member; /* of the objects in a JSON array: text, number or null; NULL in the last one ends the columns */
};

/* One row for each object of `items`. False when standard output fails. */
__attribute__((warn_unused_result)) bool table_print(const struct table_column *columns, const json_t *items);

#endif
