/*
 * secrets - the files of secrets that a config names, those of tokens and that of digests: makes those that nobody has made yet, as
 * many random bytes as the algorithm's hash has. Main thread or that of a reload; `log` may be NULL.
 */
#ifndef PORTCULLIS_SECRETS_H
#define PORTCULLIS_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

#include "logging/log.h"
#include "server/config/config.h"

/* Called with the name of a file. */
typedef void secrets_name_fn(void *context, const char *file);

/* Names the files that are missing; returns how many. */
size_t secrets_missing(const struct config *config, secrets_name_fn *name, void *context);

/* Makes those, and state_dir where it is missing, and logs the name of each; they belong to whom the server is to become, if it is
 * root still. When any was made, `file` is loaded again and *config exchanged for one that has them. False when that fails: `error`
 * says why, and the config stays as it is. */
__attribute__((warn_unused_result)) bool secrets_complete(const char *file, const struct config **config,
                                                          struct log *log, char *error, size_t error_size);

#endif
