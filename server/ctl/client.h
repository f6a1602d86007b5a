/*
 * client - one request to the admin API, and its answer. One thread.
 */
#ifndef PORTCULLIS_CTL_CLIENT_H
#define PORTCULLIS_CTL_CLIENT_H

#include <stddef.h>

#include <jansson.h>

#include "server/ctl/command.h"

#define CLIENT_PATH_MAX 2048

/* "name=value" appended to a path, %-encoded, behind "?" or "&". False when it does not fit, which has been reported. */
__attribute__((warn_unused_result)) bool client_add_parameter(char path[CLIENT_PATH_MAX], const char *name,
                                                              const char *value);

/* Asks and waits. `body` is borrowed, and may be NULL. On CTL_DONE *answer_r is the caller's. Else the reason has been reported:
 * CTL_FAILED when the server refused, CTL_UNREACHABLE, or CTL_USAGE when an option cannot be used. With --json what the server said is
 * printed as it is, whatever it said. */
__attribute__((warn_unused_result)) int client_call(const struct ctl_options *options, const char *method,
                                                    const char *path, const json_t *body, json_t **answer_r);

/* Asks for page after page of a list, `path` with the conditions of it, until there are `limit` items. On CTL_DONE *answer_r is the
 * caller's, and as if the server had said it all at once: the array `member`, and "next". Else, and with --json, as client_call(). */
__attribute__((warn_unused_result)) int client_list(const struct ctl_options *options, const char *path,
                                                    const char *member, size_t limit, json_t **answer_r);

#endif
