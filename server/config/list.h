/*
 * list - files of prefixes, one a line, for firewall.deny_files.
 */
#ifndef PORTCULLIS_CONFIG_LIST_H
#define PORTCULLIS_CONFIG_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "server/config/report.h"
#include "server/gate/address.h"

#define LIST_FILE_MAX     (32 * 1024 * 1024) /* bytes of one file */
#define LIST_PREFIXES_MAX 1000000 /* of all files and the config together: 17 bytes each, held twice at a reload */
#define LIST_ERRORS_MAX   100     /* reported of one file */

/* Grows as prefixes are added. All zero is an empty one; free() `prefixes`. */
struct prefix_list {
    struct prefix *prefixes;
    size_t count;
    size_t max;
};

/* Adds copies. False when there would be more than LIST_PREFIXES_MAX or memory is short; which, it reports for `line` of the
 * config and `path`. */
bool list_add(struct prefix_list *list, const struct prefix *prefixes, size_t count, struct report *report,
              unsigned line, const struct path *path);

/* Adds the prefixes of a text: blanks around them and all from "#" on are passed over. Errors are reported as "FILE:LINE: …". */
void list_parse(struct prefix_list *list, const char *text, size_t size, const char *file, struct report *report,
                unsigned line, const struct path *path);

/* As above from a file. One that cannot be read is reported for `line` of the config and `path`. */
void list_load(struct prefix_list *list, const char *file, struct report *report, unsigned line,
               const struct path *path);

#endif
