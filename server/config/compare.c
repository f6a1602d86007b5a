/*
 * compare - which keys that need a restart differ between two configs.
 * Called at a reload, on its thread.
 */
#include "server/config/config.h"

#include <string.h>

#include "server/config/report.h"
#include "server/config/table.h"

/* NOLINTBEGIN(misc-no-recursion): as deep as the table is, which is three levels */

static bool rows_equal(const struct row *rows, size_t count, const unsigned char *a, const unsigned char *b);

static const void *pointer_at(const unsigned char *base, size_t offset)
{
    const void *pointer = NULL;
    memcpy(&pointer, base + offset, sizeof(pointer));
    return pointer;
}

static size_t count_at(const unsigned char *base, size_t offset)
{
    size_t count = 0;
    memcpy(&count, base + offset, sizeof(count));
    return count;
}

static bool texts_equal(const char *const *a, const char *const *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(a[i], b[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* Arrays: of strings, of prefixes, of structs with rows of their own. */
static bool arrays_equal(const struct row *row, const unsigned char *a, const unsigned char *b)
{
    size_t count = count_at(a, row->count_offset);
    if (count != count_at(b, row->count_offset)) {
        return false;
    }
    const void *a_array = pointer_at(a, row->offset);
    const void *b_array = pointer_at(b, row->offset);
    if (row->type == ROW_STRINGS) {
        return texts_equal(a_array, b_array, count);
    }
    if (row->type == ROW_PREFIXES) {
        return count == 0 || memcmp(a_array, b_array, count * sizeof(struct prefix)) == 0;
    }
    for (size_t i = 0; i < count; i++) {
        size_t at = i * row->element_size;
        if (!rows_equal(row->rows, row->row_count, (const unsigned char *)a_array + at,
                        (const unsigned char *)b_array + at)) {
            return false;
        }
    }
    return true;
}

static bool row_equal(const struct row *row, const unsigned char *a, const unsigned char *b)
{
    switch (row->type) {
    case ROW_BOOL:
    case ROW_INTEGER:
    case ROW_NUMBER:
    case ROW_SIZE:
    case ROW_DURATION:
    case ROW_CHOICE:
        return memcmp(a + row->offset, b + row->offset, row->width) == 0;
    case ROW_WORD:
    case ROW_STRING:
        return strcmp(pointer_at(a, row->offset), pointer_at(b, row->offset)) == 0;
    case ROW_STRINGS:
    case ROW_PREFIXES:
    case ROW_LIST:
        return arrays_equal(row, a, b);
    case ROW_GROUP:
        return rows_equal(row->rows, row->row_count, a, b);
    }
    return false;
}

static bool rows_equal(const struct row *rows, size_t count, const unsigned char *a, const unsigned char *b)
{
    for (size_t i = 0; i < count; i++) {
        if (!row_equal(&rows[i], a, b)) {
            return false;
        }
    }
    return true;
}

/* Groups are gone into, so that the key itself is named; of a list, the list. */
static void compare_rows(const struct row *rows, size_t count, bool restart, const struct path *parent,
                         const unsigned char *a, const unsigned char *b, struct report *report)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        bool row_restart = restart || row->restart;
        struct path path = {.parent = parent, .name = row->name, .name_size = strlen(row->name)};
        if (row->type == ROW_GROUP) {
            compare_rows(row->rows, row->row_count, row_restart, &path, a, b, report);
        } else if (row_restart && !row_equal(row, a, b)) {
            report_warning(report, 0, &path, "changed; it takes effect at a restart");
        }
    }
}

/* NOLINTEND(misc-no-recursion) */

void config_report_restart(const struct config *old, const struct config *new_config, config_report_fn *report,
                           void *context)
{
    struct report lines = {.show = report, .context = context, .file = new_config->file};
    compare_rows(table_rows, table_row_count, false, NULL, (const unsigned char *)old,
                 (const unsigned char *)new_config, &lines);
}
