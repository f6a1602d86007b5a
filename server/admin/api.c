/*
 * api - see api.h.
 *
 * The checks go from what costs and tells least to what costs and tells most: host, token, path, method, role, then query and
 * body, then the route.
 */
#include "server/admin/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/admin/route.h"
#include "server/loop/loop.h"

/* The longest method that a route has is "DELETE"; a longer one has none. */
#define METHOD_SIZE  16
#define GUESS_WAIT_S 1

static const char challenge_missing[] = "Bearer realm=\"portcullis\"";
static const char challenge_wrong[] = "Bearer realm=\"portcullis\", error=\"invalid_token\"";

static bool equals(struct head_span span, const char *text)
{
    return span.size == strlen(text) && strncasecmp(span.bytes, text, span.size) == 0;
}

/* The token of "Authorization: Bearer TOKEN" (RFC 6750 §2.1); bytes NULL when there is none. */
static struct head_span bearer_of(const struct front_request *request)
{
    static const char scheme[] = "Bearer ";
    struct head_span value = head_field(request->bytes, &request->head, "Authorization");
    size_t size = strlen(scheme);
    if (value.bytes == NULL || value.size <= size || strncasecmp(value.bytes, scheme, size) != 0) {
        return (struct head_span){NULL, 0};
    }
    return (struct head_span){value.bytes + size, value.size - size};
}

/* ---- logs ---- */

/* All of them to the audit file: those without a right token are few (guesses.h), those with one an operator answers for. */
static void log_refusal(const struct api *api, const struct config *config, const char *by,
                        const struct front_request *request, const struct reply *reply)
{
    const char *cause = reply_code(reply);
    char peer[ADDRESS_TEXT_SIZE];
    const struct log_field method = log_bytes("method", request->head.method.bytes, request->head.method.size);
    const struct log_field path = log_bytes("path", request->head.path.bytes, request->head.path.size);
    log_event_limited(api->log, LOG_WARNING, "admin_refused", cause, log_str("by", by),
                      log_str("peer", address_format_port(&request->from, request->port, peer)), method, path,
                      log_str("cause", cause), log_u64("status", reply->status));
    audit_file(api->log, &config->audit, "admin_refused", audit_plain(log_str("by", by)),
               audit_peer(&request->from, request->port), audit_free(method), audit_free(path),
               audit_plain(log_str("cause", cause)), audit_plain(log_u64("status", reply->status)));
}

/* "user alice, ip 192.0.2.0/24", by the policy. NULL: there is nothing to be said. */
static const char *describe(const struct api_subject *subject, const struct audit_policy *policy,
                            char out[LOG_VALUE_MAX])
{
    static const struct audit_policy plain = {.users = AUDIT_NAMES_PLAIN};
    const struct audit_policy *by = policy != NULL ? policy : &plain;
    const bool shows_addresses = by->addresses == AUDIT_NAMES_PLAIN;
    char user[AUDIT_TEXT_SIZE];
    char token_id[AUDIT_TEXT_SIZE];
    char ip[AUDIT_TEXT_SIZE];
    const struct {
        const char *name;
        const char *text;
    } parts[] = {
        {"", subject->text},
        {"user ", subject->user == NULL ? NULL : audit_user_text(by, subject->user, user)},
        {"token_id ", subject->token_id == NULL ? NULL : audit_user_text(by, subject->token_id, token_id)},
        {"ip ", subject->ip == NULL || shows_addresses ? subject->ip : audit_prefix_text(by, &subject->prefix, ip)},
    };
    size_t size = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].text != NULL && size < LOG_VALUE_MAX) {
            size += (size_t)snprintf(out + size, LOG_VALUE_MAX - size, "%s%s%s", size > 0 ? ", " : "", parts[i].name,
                                     parts[i].text);
        }
    }
    return size > 0 ? out : NULL;
}

void api_audit(const struct api_call *call, const char *what, const struct api_subject *subject)
{
    struct log *log = call->api->log;
    const struct audit_policy *policy = &call->config->audit;
    char text[LOG_VALUE_MAX];
    char peer[ADDRESS_TEXT_SIZE];
    log_event(log, LOG_NOTICE, "admin_change", log_str("by", call->by), log_str("what", what),
              log_str("subject", describe(subject, NULL, text)),
              log_str("peer", address_format_port(call->from, call->port, peer)));
    audit_file(log, policy, "admin_change", audit_plain(log_str("by", call->by)), audit_plain(log_str("what", what)),
               audit_plain(log_str("subject", describe(subject, policy, text))), audit_peer(call->from, call->port));
}

/* ---- who asks ---- */

/* An attempt to get in without the right token. What is beyond the limit leaves no line in the log. */
static struct reply refuse_token(const struct api *api, const struct config *config,
                                 const struct front_request *request, bool given)
{
    bool within = guesses_allow(api->guesses, &request->from, loop_clock_ms());
    struct reply reply =
        !within ? reply_error(429, "too_many_attempts", "Too many attempts without the right token; wait a second.")
        : given ? reply_error(401, "wrong_token", "The token is none of this server's admin tokens.")
                : reply_error(401, "missing_token", "This needs \"Authorization: Bearer TOKEN\" with an admin token.");
    reply.challenge = !within ? NULL : given ? challenge_wrong : challenge_missing;
    reply.retry_after_s = within ? 0 : GUESS_WAIT_S;
    if (within) {
        log_refusal(api, config, NULL, request, &reply);
    }
    return reply;
}

/* ---- what is asked ---- */

static const struct route *find_route(const struct front_request *request, char path[HEAD_PATH_MAX + 1],
                                      const char **item_r, char allow[REPLY_ALLOW_SIZE])
{
    char method[METHOD_SIZE] = "";
    allow[0] = '\0';
    if (request->head.method.size < sizeof(method)) {
        memcpy(method, request->head.method.bytes, request->head.method.size);
        method[request->head.method.size] = '\0';
    }
    return head_decode_path(&request->head, path, HEAD_PATH_MAX + 1) < 0 ? NULL
                                                                         : route_find(method, path, item_r, allow);
}

static struct reply refuse_route(const char *allow)
{
    if (allow[0] == '\0') {
        return reply_error(404, "not_found", "There is nothing under this path.");
    }
    struct reply reply = reply_error(405, "method_not_allowed", "The methods here are: %s.", allow);
    memcpy(reply.allow, allow, sizeof(reply.allow));
    return reply;
}

/* "application/json", perhaps with a charset, which is UTF-8 whatever is said (RFC 8259 §11). */
static bool is_json(const struct front_request *request)
{
    struct head_span type = head_field(request->bytes, &request->head, "Content-Type");
    const char *end = type.bytes == NULL ? NULL : memchr(type.bytes, ';', type.size);
    if (end != NULL) {
        type.size = (size_t)(end - type.bytes);
        while (type.size > 0 && type.bytes[type.size - 1] == ' ') {
            type.size--;
        }
    }
    return type.bytes != NULL && equals(type, "application/json");
}

static bool take_body(const struct route *route, const struct front_request *request, json_t **body_r,
                      struct reply *error_r)
{
    *body_r = NULL;
    if (route->fields == NULL) {
        if (request->body_size > 0) {
            *error_r = reply_error(400, "unexpected_body", "There must be no body here.");
        }
        return request->body_size == 0;
    }
    if (request->body_size == 0) {
        *error_r = reply_error(400, "missing_body", "The body is missing.");
        return false;
    }
    if (!is_json(request)) {
        *error_r = reply_error(415, "unsupported_media_type", "The Content-Type of the body must be application/json.");
        return false;
    }
    return query_parse_body(request->body, request->body_size, route->fields, body_r, error_r);
}

static struct reply run_route(const struct route *route, struct api_call *call, const struct front_request *request)
{
    struct reply reply;
    if (!query_parse(request->head.query, route->parameters, &call->query, &reply)) {
        return reply;
    }
    if (take_body(route, request, &call->body, &reply)) {
        reply = route->answer(call);
    }
    query_free(&call->query);
    json_decref(call->body);
    return reply;
}

/* ---- the whole ---- */

struct reply api_answer(const struct api *api, const struct access *access, const struct front_request *request)
{
    const struct config *config = access_config(access);
    char path[HEAD_PATH_MAX + 1];
    char allow[REPLY_ALLOW_SIZE];
    const char *item = NULL;
    struct reply reply;
    if (!access_host_is_ours(access, request->head.host, &api->address, api->port)) {
        reply = reply_error(421, "wrong_host", "This server does not answer to that Host; see admin.names.");
        if (guesses_allow(api->guesses, &request->from, loop_clock_ms())) {
            log_refusal(api, config, NULL, request, &reply);
        }
        return reply;
    }
    struct head_span bearer = bearer_of(request);
    const struct config_admin_token *token = bearer.bytes == NULL ? NULL : access_find(access, bearer);
    const struct route *route = find_route(request, path, &item, allow);
    bool open = route != NULL && route->access == ROUTE_OPEN && access_is_open_to(access, &request->from);
    if (token == NULL && !open) {
        return refuse_token(api, config, request, bearer.bytes != NULL);
    }
    struct api_call call = {.api = api,
                            .config = config,
                            .by = token == NULL ? "-" : token->name,
                            .from = &request->from,
                            .port = request->port,
                            .item = item};
    if (route == NULL) {
        reply = refuse_route(allow);
    } else if (route->access == ROUTE_WRITE && token->role != CONFIG_ROLE_WRITE) {
        reply = reply_error(403, "forbidden", "The token \"%s\" may read, but not change anything.", token->name);
    } else {
        reply = run_route(route, &call, request);
    }
    if (reply.status >= 400 && !open) {
        log_refusal(api, config, call.by, request, &reply);
    }
    return reply;
}
