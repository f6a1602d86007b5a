/*
 * api_sessions - sessions listed, shown and ended; see route.h. A worker.
 */
#include <stdio.h>
#include <string.h>

#include "server/admin/route.h"
#include "server/admin/when.h"
#include "server/session/directory.h"
#include "validate/json_bounds.h"
#include "validate/json_parse.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX     1000
#define CLAIMS_DEPTH  32 /* as deep as a token's may be */

/* An array that is being filled. */
struct listing {
    json_t *items;
    uint64_t last;
    size_t count;
    bool with_claims;
    bool failed;
};

/* A time, or null. */
static json_t *time_of(int64_t seconds)
{
    char text[WHEN_TEXT_SIZE];
    return seconds < 0 || seconds > WHEN_MAX ? json_null() : json_string(when_format(seconds, text));
}

/* Claims have been checked when the token was; checked again, so that no worker's stack depends on it. */
static json_t *claims_of(const char *text)
{
    static const struct json_bounds bounds = {.max_size = SIZE_MAX, .max_depth = CLAIMS_DEPTH};
    size_t size = strlen(text);
    json_t *claims = NULL;
    if (size > 0 && json_bounds_check(&bounds, (const uint8_t *)text, size) == JSON_BOUNDS_OK) {
        claims = json_parse(text, size, JSON_REJECT_DUPLICATES, NULL);
    }
    return claims != NULL ? claims : json_null();
}

static json_t *describe(const struct session_view *view)
{
    char address[ADDRESS_TEXT_SIZE];
    address_format(&view->address, address);
    return json_pack("{sI ss ss ss ss ss ss ss si sb sb sb so so so sI sI sI sI sI sI sI sI}", /* */
                     "id", (json_int_t)view->id, "user", view->user, "token_id", view->token_id, "key_id", view->key_id,
                     "endpoint", view->endpoint, "handler", view->handler, "subprotocol", view->protocol, "ip", address,
                     "port", (int)view->port, "tls", view->tls, "compression", view->compressed, "authenticated",
                     view->authenticated, "opened", time_of(view->opened_ms / 1000), "active",
                     time_of(view->active_ms / 1000), "expires", time_of(view->expires_s), "messages_in",
                     (json_int_t)view->messages_in, "messages_out", (json_int_t)view->messages_out, "bytes_in",
                     (json_int_t)view->bytes_in, "bytes_out", (json_int_t)view->bytes_out, "messages_dropped",
                     (json_int_t)view->messages_dropped, "violations", (json_int_t)view->violations, "queued",
                     (json_int_t)view->queued, "memory", (json_int_t)view->memory);
}

static void add_view(void *context, const struct session_view *view)
{
    struct listing *listing = context;
    json_t *item = describe(view);
    if (listing->with_claims && item != NULL) {
        (void)json_object_set_new(item, "claims", claims_of(view->claims));
    }
    listing->failed = json_array_append_new(listing->items, item) != 0 || listing->failed;
    listing->last = view->id;
    listing->count++;
}

static struct reply loops_busy(void)
{
    return reply_error(503, "busy", "A session loop has not answered in time; try again.");
}

/* "user" and "ip" of the query. */
static bool take_filter(const struct api_call *call, struct session_filter *filter, struct prefix *prefix,
                        struct reply *error_r)
{
    const char *ip = query_value(&call->query, "ip");
    filter->user = query_value(&call->query, "user");
    filter->endpoint = query_value(&call->query, "endpoint");
    if (ip == NULL) {
        return true;
    }
    enum address_status status = prefix_parse(ip, strlen(ip), prefix);
    if (status != ADDRESS_OK) {
        *error_r = reply_error(400, "invalid_parameter", "The parameter \"ip\" is no address or prefix: %s.",
                               address_status_text(status));
        return false;
    }
    filter->prefix = prefix;
    return true;
}

static bool take_id(const struct api_call *call, struct session_filter *filter, struct reply *error_r)
{
    if (query_parse_number(call->item, &filter->id) && filter->id != 0) {
        return true;
    }
    *error_r = reply_error(404, "not_found", "There is no such session.");
    return false;
}

/* {"sessions": [...], "next": what to give as "after" for more, or null} */
struct reply api_list_sessions(const struct api_call *call)
{
    struct session_filter filter = {0};
    struct prefix prefix;
    uint64_t after;
    uint64_t limit;
    struct reply error;
    if (!take_filter(call, &filter, &prefix, &error) ||
        !query_number(&call->query, "after", 0, INT64_MAX, 0, &after, &error) ||
        !query_number(&call->query, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &limit, &error)) {
        return error;
    }
    struct listing listing = {.items = json_array()};
    bool complete = session_directory_list(call->api->sessions, &filter, after, (size_t)limit, add_view, &listing);
    if (!complete || listing.failed) {
        json_decref(listing.items);
        return complete ? reply_json(503, NULL) : loops_busy();
    }
    json_t *next = listing.count == limit ? json_integer((json_int_t)listing.last) : json_null();
    return reply_json(200, json_pack("{soso}", "sessions", listing.items, "next", next));
}

struct reply api_show_session(const struct api_call *call)
{
    struct session_filter filter = {0};
    struct reply reply;
    if (!take_id(call, &filter, &reply)) {
        return reply;
    }
    struct listing listing = {.items = json_array(), .with_claims = true};
    bool complete = session_directory_list(call->api->sessions, &filter, 0, 1, add_view, &listing);
    if (listing.count > 0) {
        reply = reply_json(200, json_incref(json_array_get(listing.items, 0)));
    } else {
        reply = complete ? reply_error(404, "not_found", "There is no such session.") : loops_busy();
    }
    json_decref(listing.items);
    return reply;
}

/* {"ended": how many, "complete": whether every loop has answered} */
static struct reply end_sessions(const struct api_call *call, const struct session_filter *filter,
                                 const struct api_subject *subject)
{
    bool complete = false;
    api_audit(call, "kick", subject);
    size_t ended = session_directory_end(call->api->sessions, filter, CAUSE_KICKED, &complete);
    return reply_json(200, json_pack("{sIsb}", "ended", (json_int_t)ended, "complete", complete));
}

struct reply api_kick_session(const struct api_call *call)
{
    struct session_filter filter = {0};
    struct reply reply;
    if (!take_id(call, &filter, &reply)) {
        return reply;
    }
    reply = end_sessions(call, &filter, &(const struct api_subject){.text = call->item});
    bool gone = json_integer_value(json_object_get(reply.body, "ended")) == 0 &&
                json_is_true(json_object_get(reply.body, "complete"));
    if (gone) {
        reply_clear(&reply);
        return reply_error(404, "not_found", "There is no such session.");
    }
    return reply;
}

struct reply api_kick_sessions(const struct api_call *call)
{
    struct session_filter filter = {0};
    struct prefix prefix;
    struct reply error;
    if (!take_filter(call, &filter, &prefix, &error)) {
        return error;
    }
    if (filter.user == NULL && filter.prefix == NULL) {
        return reply_error(400, "missing_parameter", "Whose sessions? Give \"user\" or \"ip\", or both.");
    }
    struct api_subject subject = {.user = filter.user, .ip = query_value(&call->query, "ip")};
    if (filter.prefix != NULL) {
        subject.prefix = *filter.prefix;
    }
    return end_sessions(call, &filter, &subject);
}
