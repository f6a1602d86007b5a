/*
 * route - the table of what the admin API can be asked. A row more is all that a new route takes. Any thread.
 */
#ifndef PORTCULLIS_ADMIN_ROUTE_H
#define PORTCULLIS_ADMIN_ROUTE_H

#include <stdbool.h>

#include "server/admin/api.h"

/* Who may. */
enum route_access {
    ROUTE_OPEN,  /* peers of admin.open_to, and every token */
    ROUTE_READ,  /* every token */
    ROUTE_WRITE, /* tokens with the role "write" */
};

struct route {
    const char *method;
    const char *pattern; /* a path; "*" at its end stands for one segment */
    enum route_access access;
    const char *const *parameters; /* of the query; ends with NULL */
    const char *const *fields;     /* of the JSON body, which there then must be; NULL: no body */
    struct reply (*answer)(const struct api_call *call);
};

/* NULL: there is none; `allow` then lists the methods of that path, or is "" when there is no such path. `*item_r` points into
 * `path`. */
const struct route *route_find(const char *method, const char *path, const char **item_r, char allow[REPLY_ALLOW_SIZE]);

/* ---- what they call: one file each ---- */

struct reply api_list_sessions(const struct api_call *call); /* api_sessions.c */
struct reply api_show_session(const struct api_call *call);
struct reply api_kick_session(const struct api_call *call);
struct reply api_kick_sessions(const struct api_call *call);
struct reply api_list_revocations(const struct api_call *call); /* api_revocations.c */
struct reply api_add_revocation(const struct api_call *call);
struct reply api_delete_revocation(const struct api_call *call);
struct reply api_delete_revocations(const struct api_call *call);
struct reply api_reload(const struct api_call *call); /* api_control.c */
struct reply api_drain(const struct api_call *call);
struct reply api_health(const struct api_call *call);
struct reply api_readiness(const struct api_call *call);

#endif
