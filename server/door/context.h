/*
 * context - a civetweb context as both the door and the admin API have it: two placeholders instead of listeners, and nothing of
 * civetweb switched on that it may leave undone.
 */
#ifndef PORTCULLIS_DOOR_CONTEXT_H
#define PORTCULLIS_DOOR_CONTEXT_H

#include <civetweb.h>

#include "server/door/placeholder.h"

struct context_setup {
    unsigned threads;
    unsigned queue;        /* requests that may wait for one: its master never waits for room */
    unsigned request_size; /* bytes of the largest head */
    unsigned timeout_ms;   /* of a worker that reads a request */
};

/* Starts the threads; `user` is what mg_get_user_data() returns. NULL when civetweb refuses. Main thread. */
struct mg_context *context_start(const struct context_setup *setup, const struct mg_callbacks *callbacks, void *user,
                                 struct placeholder_set *placeholders);

#endif
