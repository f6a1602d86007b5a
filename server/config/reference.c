/*
 * reference - all keys as text, from the table.
 * Called for `portcullis --help-config`, and by the test that holds the sample config against it. Any thread.
 */
#include "server/config/reference.h"

#include <stdio.h>

#include "server/config/config.h"
#include "server/config/value.h"

#define PREFIX_SIZE 64 /* of "firewall.connection_rate." */

const char *reference_line(const struct row *row, bool restart, char out[REFERENCE_LINE_SIZE])
{
    char range[VALUE_EXPECTED_SIZE];
    const char *separator = row->type == ROW_BOOL ? "" : row->words != NULL ? " " : ", ";
    (void)snprintf(out, REFERENCE_LINE_SIZE, "%s: %s%s%s; %s%s; %s. %s", row->name, value_type_name(row->type),
                   separator, value_range(row, range), row->fallback != NULL ? "default " : "must be given",
                   row->fallback != NULL ? row->fallback : "", restart ? "restart" : "reload", row->text);
    return out;
}

/* Recurses as deep as the table: three levels. */
static void write_rows(FILE *out, const struct row *rows, size_t count, bool restart, const char *prefix)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        bool row_restart = restart || row->restart;
        char inner[PREFIX_SIZE];
        char line[REFERENCE_LINE_SIZE];
        if (row->type == ROW_GROUP) {
            (void)fprintf(out, "%s%s: group. %s\n", prefix, row->name, row->text);
        } else {
            (void)fprintf(out, "%s%s\n", prefix, reference_line(row, row_restart, line));
        }
        if (row->type == ROW_GROUP || row->type == ROW_LIST) {
            (void)snprintf(inner, sizeof(inner), "%s%s%s.", prefix, row->name, row->type == ROW_LIST ? "[]" : "");
            write_rows(out, row->rows, row->row_count, row_restart, inner);
        }
    }
}

void config_write_reference(FILE *out)
{
    write_rows(out, table_rows, table_row_count, false, "");
}
