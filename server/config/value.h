/*
 * value - one value of the config: from libconfig's tree into memory, checked against its row of the table.
 *
 * The thread that loads.
 */
#ifndef PORTCULLIS_CONFIG_VALUE_H
#define PORTCULLIS_CONFIG_VALUE_H

#include <libconfig.h>
#include <stdbool.h>

#include "server/config/arena.h"
#include "server/config/report.h"
#include "server/config/table.h"

#define VALUE_EXPECTED_SIZE 256 /* of the texts below, NUL included */

struct value_reader {
    struct report *report;
    struct arena *arena; /* takes strings and arrays */
};

/* Any row but ROW_GROUP and ROW_LIST. Writes into the struct at `base` on success only; reports what is wrong. */
bool value_read(struct value_reader *reader, const struct row *row, const config_setting_t *setting,
                const struct path *path, void *base);

/* "expected X, found Y" */
void value_report_type(struct report *report, const struct row *row, const config_setting_t *setting,
                       const struct path *path);

/* What a row takes, e.g. "a size from 125 to 64M": for errors. Returns `out`. */
const char *value_expected(const struct row *row, char out[VALUE_EXPECTED_SIZE]);

/* The range alone, e.g. "125 to 64M"; "" when the type says it all. For the reference. Returns `out`. */
const char *value_range(const struct row *row, char out[VALUE_EXPECTED_SIZE]);

/* "integer", "size", … Static. */
const char *value_type_name(enum row_type type);

#endif
