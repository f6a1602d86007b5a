/*
 * decide - runs on civetweb's upgrade workers, one request at a time, after the strict check of its head; see decide.h.
 */
#include "server/door/decide.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include <civetweb.h>

#include "server/door/answer.h"
#include "server/door/retry.h"
#include "server/handlers/handler.h"
#include "server/lobby/head.h"
#include "server/session/session.h"
#include "server/ws/extension.h"
#include "server/ws/handshake.h"

/* The fields of a list together, where there are several: Connection, Sec-WebSocket-Protocol or Sec-WebSocket-Extensions. */
#define LIST_MAX 1024

static const char *const labels[DECIDE_CAUSE_COUNT] = {
#define DECIDE_CAUSE_LABEL_(name, label) [DECIDE_##name] = label,
    DECIDE_CAUSE_TABLE(DECIDE_CAUSE_LABEL_)
#undef DECIDE_CAUSE_LABEL_
};

const char *decide_cause_label(enum decide_cause cause)
{
    return labels[cause];
}

/* What is to be answered, and why; cause and text do not matter for a 101. */
struct verdict {
    unsigned status;
    enum decide_cause cause;
    const char *text;
};

static const struct verdict too_long = {431, DECIDE_BAD_HANDSHAKE, "The fields of a list are too long together."};
static const struct verdict bad_extensions = {400, DECIDE_BAD_HANDSHAKE,
                                              "Sec-WebSocket-Extensions is not a list of extensions."};
static const struct verdict not_found = {404, DECIDE_NOT_FOUND, "There is nothing here."};
static const struct verdict no_tokens = {503, DECIDE_NO_TOKENS,
                                         "This endpoint needs tokens, which this server cannot check."};
static const struct verdict broken = {500, DECIDE_INTERNAL, "The server could not answer this request."};

/* The fields of that name as one list (RFC 9110 §5.3). False when they do not fit. */
static bool join_fields(const struct mg_request_info *info, const char *name, char *out, size_t out_size)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < info->num_headers; i++) {
        if (strcasecmp(info->http_headers[i].name, name) != 0) {
            continue;
        }
        const char *value = info->http_headers[i].value;
        size_t size = strlen(value);
        size_t comma = used > 0 ? 2 : 0;
        if (size + comma >= out_size - used) {
            return false;
        }
        memcpy(out + used, ", ", comma);
        memcpy(out + used + comma, value, size + 1);
        used += comma + size;
    }
    return true;
}

/* A header field whose value is a list. */
struct list {
    const char *value; /* NULL when absent */
    char joined[LIST_MAX];
};

/* Fields of the same name are one list (RFC 9110 section 5.3; RFC 6455 sections 11.3.2 and 11.3.4 say so of theirs). One field stays
 * where it is, however long. False when several do not fit. */
static bool find_list(const struct mg_request_info *info, const char *name, struct list *list)
{
    size_t found = 0;
    list->value = NULL;
    for (int i = 0; i < info->num_headers; i++) {
        if (strcasecmp(info->http_headers[i].name, name) == 0) {
            list->value = info->http_headers[i].value;
            found++;
        }
    }
    if (found < 2) {
        return true;
    }
    list->value = list->joined;
    return join_fields(info, name, list->joined, sizeof(list->joined));
}

static struct verdict verdict_of_handshake(enum handshake_status status)
{
    unsigned code = status == HANDSHAKE_NOT_UPGRADE || status == HANDSHAKE_VERSION ? 426 : 400;
    return (struct verdict){code, DECIDE_BAD_HANDSHAKE, handshake_status_text(status)};
}

static struct verdict verdict_of_session(enum session_status status)
{
    switch (status) {
    case SESSION_OK:
        break;
    case SESSION_FULL:
        return (struct verdict){503, DECIDE_FULL, "The server has as many sessions as it may; try again later."};
    case SESSION_CROWDED:
        return (struct verdict){503, DECIDE_CROWDED, "The server has little memory left; try again later."};
    case SESSION_STOPPING:
        return (struct verdict){503, DECIDE_STOPPING, "The server is shutting down."};
    case SESSION_MEMORY:
        return (struct verdict){503, DECIDE_BUSY, "The server is short of memory; try again later."};
    case SESSION_BUSY:
        return (struct verdict){503, DECIDE_BUSY, "The server is busy; try again later."};
    }
    return broken;
}

static const struct config_endpoint *route(const struct mg_request_info *info, const struct config *config)
{
    char path[HEAD_PATH_MAX + 1];
    const struct head head = {
        .path = {.bytes = info->local_uri_raw, .size = info->local_uri_raw == NULL ? 0 : strlen(info->local_uri_raw)}};
    if (head.path.bytes == NULL || head_decode_path(&head, path, sizeof(path)) < 0) {
        return NULL;
    }
    return config_endpoint_for(config, path);
}

static struct extension_policy policy_of(const struct config *config)
{
    return (struct extension_policy){
        .enabled = config->compression.enabled,
        .server_takeover = config->compression.server_context_takeover,
        .client_takeover = config->compression.client_context_takeover,
        .server_window_bits = (uint8_t)config->compression.server_max_window_bits,
        .client_window_bits = (uint8_t)config->compression.client_max_window_bits,
    };
}

/* Makes a session of the request; {101} when that worked. */
static struct verdict upgrade(const struct handshake_request *handshake, const char *extensions,
                              const struct lobby_request *request, const struct config_endpoint *endpoint,
                              struct session_pool *sessions)
{
    char accept[HANDSHAKE_ACCEPT_SIZE];
    char agreed[EXTENSION_ANSWER_SIZE];
    char answer[ANSWER_SIZE_MAX];
    const struct extension_policy policy = policy_of(request->config);
    struct extension_agreed compression;
    if (!extension_negotiate(extensions, &policy, &compression, agreed)) {
        return bad_extensions;
    }
    if (!handshake_accept(handshake->key, accept)) {
        return verdict_of_session(SESSION_MEMORY);
    }
    const char *protocol =
        handshake_select_protocol(handshake->protocols, endpoint->subprotocols, endpoint->subprotocol_count);
    struct session_offer offer = {
        .transport = request->transport,
        .pass = request->pass,
        .port = request->port,
        .tls = request->tls,
        .config = request->config,
        .endpoint = endpoint,
        .handler = handler_find(endpoint->handler),
        .protocol = protocol,
        .compression = compression,
        .answer = answer,
        .answer_size = answer_upgrade(accept, protocol, agreed[0] != '\0' ? agreed : NULL, answer, sizeof(answer)),
        .early = request->early,
        .early_size = request->early_size,
    };
    if (offer.handler == NULL || offer.answer_size == 0) {
        return broken;
    }
    enum session_status status = session_start(sessions, &offer);
    return status == SESSION_OK ? (struct verdict){.status = 101} : verdict_of_session(status);
}

static struct verdict judge(const struct mg_request_info *info, const struct lobby_request *request,
                            struct mg_connection *connection, struct session_pool *sessions)
{
    const struct config_endpoint *endpoint = route(info, request->config);
    if (endpoint == NULL) {
        return not_found;
    }
    struct list connections;
    struct list protocols;
    struct list extensions;
    if (!find_list(info, "Connection", &connections) || !find_list(info, "Sec-WebSocket-Protocol", &protocols) ||
        !find_list(info, "Sec-WebSocket-Extensions", &extensions)) {
        return too_long;
    }
    const struct handshake_request handshake = {
        .method = info->request_method,
        .upgrade = mg_get_header(connection, "Upgrade"),
        .connection = connections.value,
        .key = mg_get_header(connection, "Sec-WebSocket-Key"),
        .version = mg_get_header(connection, "Sec-WebSocket-Version"),
        .protocols = protocols.value,
    };
    enum handshake_status status = handshake_check(&handshake);
    if (status != HANDSHAKE_OK) {
        return verdict_of_handshake(status);
    }
    if (endpoint->auth == CONFIG_AUTH_TOKEN) {
        return no_tokens;
    }
    return upgrade(&handshake, extensions.value, request, endpoint, sessions);
}

static void answer_with(struct slot *slot, const struct verdict *verdict)
{
    char bytes[ANSWER_SIZE_MAX];
    struct answer answer = {.status = verdict->status,
                            .text = verdict->text,
                            .retry_after_s = verdict->status == 503 ? retry_after_s() : 0};
    size_t size = answer_format(&answer, time(NULL), bytes, sizeof(bytes));
    lobby_answered(slot, bytes, size);
}

static void log_refused(struct decide_context *context, const struct mg_request_info *info,
                        const struct lobby_request *request, const struct verdict *verdict)
{
    char peer[ADDRESS_TEXT_SIZE];
    atomic_fetch_add_explicit(&context->counts[verdict->cause], 1, memory_order_relaxed);
    log_event_limited(context->log, LOG_INFO, "request_refused", labels[verdict->cause],
                      log_str("peer", address_format_port(&request->pass.from, request->port, peer)),
                      log_bool("tls", request->tls), log_str("cause", labels[verdict->cause]),
                      log_u64("status", verdict->status), log_str("path", info->local_uri_raw),
                      log_str("detail", verdict->text));
}

int decide_request(struct mg_connection *connection, struct slot *slot, struct decide_context *context)
{
    const struct mg_request_info *info = mg_get_request_info(connection);
    struct lobby_request request;
    lobby_request_of(slot, &request);
    struct verdict verdict = judge(info, &request, connection, context->sessions);
    if (verdict.status == 101) {
        lobby_taken(slot);
    } else {
        log_refused(context, info, &request, &verdict);
        answer_with(slot, &verdict);
    }
    return (int)verdict.status;
}
