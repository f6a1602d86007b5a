/*
 * report - errors and warnings of a config as whole lines: "FILE:LINE: KEY: message".
 *
 * What comes out of a file is shown as printable ASCII in bounded length, whatever it holds: these lines go to terminals
 * and logs. The thread that loads.
 */
#ifndef PORTCULLIS_CONFIG_REPORT_H
#define PORTCULLIS_CONFIG_REPORT_H

#include <stddef.h>

#include "server/config/config.h"

#define REPORT_LINE_SIZE  2048 /* bytes of a line and its NUL; a longer one is cut */
#define REPORT_QUOTE_SIZE 64   /* bytes of a quoted text and its NUL; a longer one is cut and ends in "..." */
#define REPORT_LINES_MAX  1000 /* lines shown of one load; the rest is counted and reported as one */

/* Where a value stands: "endpoints[2].path". A chain from the value up to its section; lives on the stack of the walk. */
struct path {
    const struct path *parent; /* NULL for a section */
    const char *name;          /* NULL: element `index` of the parent, a list */
    size_t name_size;
    size_t index;
};

struct report {
    config_report_fn *show; /* may be NULL */
    void *context;
    const char *file; /* borrowed */
    unsigned errors;  /* all, also those not shown */
    unsigned warnings;
};

/* `line` 0 leaves it out, `path` NULL too. */
__attribute__((format(printf, 4, 5))) void report_error(struct report *report, unsigned line, const struct path *path,
                                                        const char *format, ...);
__attribute__((format(printf, 4, 5))) void report_warning(struct report *report, unsigned line, const struct path *path,
                                                          const char *format, ...);

/* An error in another file (a list or a schema that the config names); `column` 0 leaves it out. */
__attribute__((format(printf, 5, 6))) void report_error_in(struct report *report, const char *file, unsigned line,
                                                           unsigned column, const char *format, ...);

/* Says how many lines were not shown, if any. */
void report_end(struct report *report);

/* Writes `text` in double quotes, escaped, cut, and a NUL. Returns `out`. */
const char *report_quote(char out[REPORT_QUOTE_SIZE], const char *text, size_t size);

#endif
