/*
 * context - see context.h. Called by door.c and by the admin API, on the main thread.
 */
#include "server/door/context.h"

#include <stdio.h>

#define NUMBER_SIZE 16

struct mg_context *context_start(const struct context_setup *setup, const struct mg_callbacks *callbacks, void *user,
                                 struct placeholder_set *placeholders)
{
    char threads[NUMBER_SIZE];
    char queue[NUMBER_SIZE];
    char request_size[NUMBER_SIZE];
    char timeout[NUMBER_SIZE];
    snprintf(threads, sizeof(threads), "%u", setup->threads);
    snprintf(queue, sizeof(queue), "%u", setup->queue);
    snprintf(request_size, sizeof(request_size), "%u", setup->request_size);
    snprintf(timeout, sizeof(timeout), "%u", setup->timeout_ms);
    const char *options[] = {
        "listening_ports",
        "127.0.0.1:0,127.0.0.1:0",
        "num_threads",
        threads,
        "connection_queue",
        queue,
        "max_request_size",
        request_size,
        "request_timeout_ms",
        timeout,
        "enable_keep_alive",
        "no",
        "decode_url",
        "no",
        "decode_query_string",
        "no",
        "enable_directory_listing",
        "no",
        NULL,
    };
    placeholder_note_begin(placeholders);
    struct mg_context *context = mg_start(callbacks, user, options);
    placeholder_note_end();
    return context;
}
