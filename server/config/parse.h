/*
 * parse - from the text of a config file in memory to a checked config.
 *
 * What config_load() does behind reading the file; apart from it so that tests and the fuzzer need no file. The thread that loads.
 */
#ifndef PORTCULLIS_CONFIG_PARSE_H
#define PORTCULLIS_CONFIG_PARSE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "server/config/arena.h"
#include "server/config/config.h"
#include "server/config/schema_files.h"

/* A config and what only this module knows of it. `config` is first: config_unref() finds the rest through it. */
struct config_holder {
    struct config config;
    atomic_uint references;
    struct arena arena;
    struct schema_files *schemas; /* of the endpoints; NULL until they are checked */
};

/* `name` is shown in errors; relative names in the text are resolved against its folder. Without `use_files` no file that the text
 * names is looked at: neither lists (firewall.deny_files) nor certificates nor secrets. As config_load() otherwise. */
const struct config *config_parse(const char *text, size_t size, const char *name, bool use_files,
                                  config_report_fn *show, void *context);

#endif
