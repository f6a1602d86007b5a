/*
 * table - see table.h. Two passes: how wide the columns are, then the rows.
 */
#include "server/ctl/table.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logging/escape.h"
#include "server/ctl/command.h"

#define GAP 2 /* between columns */

/* Characters of `text` once it is escaped, as a terminal counts those of one column each. */
static size_t width_of(const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t left = strlen(text);
    size_t width = 0;
    while (left > 0) {
        const struct escaped escaped = escape_next(ESCAPE_TEXT, at, left);
        bool plain = *at == '"' || *at == '\\' || escaped.taken == escaped.size;
        width += plain ? 1 : escaped.size;
        at += escaped.taken;
        left -= escaped.taken;
    }
    return width;
}

/* The cell as text; `number` is room for one. */
static const char *text_of(const json_t *value, char number[32])
{
    if (json_is_string(value)) {
        return json_string_length(value) > 0 ? json_string_value(value) : "-";
    }
    if (json_is_integer(value)) {
        snprintf(number, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return number;
    }
    return json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "-";
}

static void print_cell(const char *text, size_t width, bool last)
{
    ctl_print_escaped(text);
    for (size_t at = width_of(text); !last && at < width + GAP; at++) {
        (void)putchar(' ');
    }
}

bool table_print(const struct table_column *columns, const json_t *items)
{
    char number[32];
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    size_t count = 0;
    size_t index;
    const json_t *item;
    for (; columns[count].member != NULL; count++) {
        widths[count] = strlen(columns[count].title);
        json_array_foreach(items, index, item)
        {
            size_t width = width_of(text_of(json_object_get(item, columns[count].member), number));
            widths[count] = width > widths[count] ? width : widths[count];
        }
    }
    for (size_t i = 0; i < count; i++) {
        print_cell(columns[i].title, widths[i], i + 1 == count);
    }
    (void)putchar('\n');
    json_array_foreach(items, index, item)
    {
        for (size_t i = 0; i < count; i++) {
            print_cell(text_of(json_object_get(item, columns[i].member), number), widths[i], i + 1 == count);
        }
        (void)putchar('\n');
    }
    return !ferror(stdout);
}
