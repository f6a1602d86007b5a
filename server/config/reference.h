/*
 * reference - one key of the table as a line of text.
 */
#ifndef PORTCULLIS_CONFIG_REFERENCE_H
#define PORTCULLIS_CONFIG_REFERENCE_H

#include <stdbool.h>

#include "server/config/table.h"

#define REFERENCE_LINE_SIZE 512

/* "max_message: size, 125 to 64M; default 65536; reload. Largest message, …": of any row but a group. `restart`: of the row or
 * of what it stands in. Returns `out`. */
const char *reference_line(const struct row *row, bool restart, char out[REFERENCE_LINE_SIZE]);

#endif
