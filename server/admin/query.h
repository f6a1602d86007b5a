/*
 * query - the parameters of a request to the admin API: those behind "?", and the members of a JSON body. Any thread.
 *
 * Both are taken strictly: what a route does not know is an error that names it, never ignored.
 */
#ifndef PORTCULLIS_ADMIN_QUERY_H
#define PORTCULLIS_ADMIN_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "server/admin/reply.h"
#include "server/lobby/head.h"

#define QUERY_PARAMETERS_MAX 8
#define QUERY_BODY_DEPTH     8 /* of arrays and objects in a body; routes know of none deeper than 1 */

struct query {
    char *text; /* owned; names and values point into it */
    size_t count;
    struct {
        const char *name;
        const char *value; /* UTF-8 without control bytes */
    } parameters[QUERY_PARAMETERS_MAX];
};

/* "a=1&b=2", %-decoded; "+" is itself. `known` ends with NULL. False: *error_r is the reply. */
__attribute__((warn_unused_result)) bool query_parse(struct head_span text, const char *const *known,
                                                     struct query *query_r, struct reply *error_r);
void query_free(struct query *query);

/* NULL when it is not given. */
const char *query_value(const struct query *query, const char *name);

/* A whole number from `least` to `most`, or `fallback` when it is not given. */
__attribute__((warn_unused_result)) bool query_number(const struct query *query, const char *name, uint64_t least,
                                                      uint64_t most, uint64_t fallback, uint64_t *number_r,
                                                      struct reply *error_r);
/* Digits alone, and no more than UINT64_MAX. */
__attribute__((warn_unused_result)) bool query_parse_number(const char *text, uint64_t *number_r);

/* A JSON object with members of `known` (ends with NULL) alone, each once. *body_r is the caller's. */
__attribute__((warn_unused_result)) bool query_parse_body(const char *bytes, size_t size, const char *const *known,
                                                          json_t **body_r, struct reply *error_r);

/* Text of 1 to `max` bytes without control bytes; what is said of it when it is not names `name`. */
__attribute__((warn_unused_result)) bool query_check_text(const char *name, const char *text, size_t size, size_t max,
                                                          struct reply *error_r);

#endif
