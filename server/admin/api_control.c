/*
 * api_control - reload, drain, health and readiness: what is asked of the server as a whole; see route.h. A worker.
 */
#include <stdlib.h>
#include <string.h>

#include "server/admin/route.h"

/* A reload reads certificates and lists of any size, from disks of any speed. */
#define ORDER_TIMEOUT_MS 60000

/* Lines as an array. */
static json_t *lines_of(const char *text)
{
    json_t *lines = json_array();
    while (lines != NULL && text != NULL && *text != '\0') {
        size_t size = strcspn(text, "\n");
        if (size > 0 && json_array_append_new(lines, json_stringn(text, size)) != 0) {
            /* Not UTF-8, or no memory: the line is in the log. */
            (void)json_array_append_new(lines, json_string("(see the log)"));
        }
        text += size + (text[size] == '\n' ? 1 : 0);
    }
    return lines;
}

static struct reply refuse_order(enum order_status status)
{
    switch (status) {
    case ORDER_LATE:
        return reply_error(503, "late", "The server has not come to it yet; see its log for what became of it.");
    case ORDER_STOPPING:
        return reply_error(503, "stopping", "The server is stopping.");
    case ORDER_NO_MEMORY:
    case ORDER_DONE:
    case ORDER_REFUSED:
        break;
    }
    return reply_json(503, NULL);
}

struct reply api_reload(const struct api_call *call)
{
    char *detail = NULL;
    enum order_status status = orders_give(call->api->orders, ADMIN_RELOAD, ORDER_TIMEOUT_MS, &detail);
    struct reply reply;
    if (status == ORDER_DONE) {
        api_audit(call, "reload", &(const struct api_subject){0});
        reply = reply_json(200, json_pack("{sbso}", "reloaded", 1, "warnings", lines_of(detail)));
    } else if (status == ORDER_REFUSED) {
        reply = reply_error(422, "config_refused", "The config was not taken over; the running one stays in force.");
        (void)json_object_set_new(json_object_get(reply.body, "error"), "details", lines_of(detail));
    } else {
        reply = refuse_order(status);
    }
    free(detail);
    return reply;
}

struct reply api_drain(const struct api_call *call)
{
    char *detail = NULL;
    /* First, so that it is there whatever the end does to the log. */
    api_audit(call, "drain", &(const struct api_subject){0});
    enum order_status status = orders_give(call->api->orders, ADMIN_DRAIN, ORDER_TIMEOUT_MS, &detail);
    free(detail);
    return status == ORDER_DONE ? reply_json(202, json_pack("{sb}", "draining", 1)) : refuse_order(status);
}

struct reply api_health(const struct api_call *call)
{
    (void)call;
    return reply_json(200, json_pack("{ss}", "status", "ok"));
}

struct reply api_readiness(const struct api_call *call)
{
    return readiness_ready(call->api->readiness)
               ? reply_json(200, json_pack("{ss}", "status", "ready"))
               : reply_error(503, "not_ready", "The server does not take new sessions.");
}
