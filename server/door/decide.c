/*
 * decide - runs on civetweb's upgrade workers, one request at a time, after the strict check of its head; see decide.h.
 */
#include "server/door/decide.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include <civetweb.h>

#include "logging/clock.h"
#include "server/door/answer.h"
#include "server/door/credential.h"
#include "server/door/origin.h"
#include "server/door/retry.h"
#include "server/handlers/handler.h"
#include "server/lobby/head.h"
#include "server/session/session.h"
#include "server/ws/extension.h"
#include "server/ws/handshake.h"

/* The fields of a list together, where there are several: Connection, Sec-WebSocket-Protocol or Sec-WebSocket-Extensions. */
#define LIST_MAX 1024

/* RFC 6750 §3: what a token that was refused is told, and no more than that. */
#define CHALLENGE_INVALID "Bearer realm=\"portcullis\", error=\"invalid_token\""
/* A key set is fetched within seconds. */
#define RETRY_TOKEN_S 1

static const char *const labels[DECIDE_TOKEN] = {
#define DECIDE_CAUSE_LABEL_(name, label) [DECIDE_##name] = label,
    DECIDE_CAUSE_TABLE(DECIDE_CAUSE_LABEL_)
#undef DECIDE_CAUSE_LABEL_
};

const char *decide_cause_label(enum decide_cause cause)
{
    return cause < DECIDE_TOKEN ? labels[cause] : token_verdict_label((enum token_verdict)(cause - DECIDE_TOKEN));
}

/* What is to be answered, and why; nothing else matters for a 101. */
struct verdict {
    unsigned status;
    enum decide_cause cause;
    const char *text;       /* for the peer */
    const char *detail;     /* for the log; NULL: the same */
    const char *challenge;  /* of a 401; NULL: a plain one */
    unsigned retry_after_s; /* of a 503; 0: as for any */
};

/* One request. */
struct asking {
    struct mg_connection *connection;
    const struct mg_request_info *info;
    struct lobby_request request;
    struct decide_context *context;
    const struct config_endpoint *endpoint; /* once it is known */
    const char *protocols;                  /* likewise; Sec-WebSocket-Protocol, all of its fields; NULL: none */
    const char *extensions;
    struct identity *identity;             /* owned, until a session has it; NULL: none */
    enum config_token_source token_source; /* of that */
    bool awaits_token;
};

static const struct verdict too_long = {
    .status = 431, .cause = DECIDE_BAD_HANDSHAKE, .text = "The fields of a list are too long together."};
static const struct verdict bad_extensions = {
    .status = 400, .cause = DECIDE_BAD_HANDSHAKE, .text = "Sec-WebSocket-Extensions is not a list of extensions."};
static const struct verdict not_found = {.status = 404, .cause = DECIDE_NOT_FOUND, .text = "There is nothing here."};
static const struct verdict bad_origin = {
    .status = 403, .cause = DECIDE_BAD_ORIGIN, .text = "Web pages of this origin may not connect."};
static const struct verdict not_permitted = {
    .status = 403, .cause = DECIDE_NOT_PERMITTED, .text = "The token is not for this endpoint."};
static const struct verdict broken = {
    .status = 500, .cause = DECIDE_INTERNAL, .text = "The server could not answer this request."};
static const struct verdict passed = {.status = 101};

static struct verdict refusal(unsigned status, enum decide_cause cause, const char *text)
{
    return (struct verdict){.status = status, .cause = cause, .text = text};
}

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
    return refusal(code, DECIDE_BAD_HANDSHAKE, handshake_status_text(status));
}

static struct verdict verdict_of_session(enum session_status status)
{
    switch (status) {
    case SESSION_OK:
        break;
    case SESSION_FULL:
        return refusal(503, DECIDE_FULL, "The server has as many sessions as it may; try again later.");
    case SESSION_CROWDED:
        return refusal(503, DECIDE_CROWDED, "The server has little memory left; try again later.");
    case SESSION_STOPPING:
        return refusal(503, DECIDE_STOPPING, "The server is shutting down.");
    case SESSION_MEMORY:
        return refusal(503, DECIDE_BUSY, "The server is short of memory; try again later.");
    case SESSION_BUSY:
        return refusal(503, DECIDE_BUSY, "The server is busy; try again later.");
    case SESSION_USER_EXCESS:
        return refusal(429, DECIDE_USER_SESSIONS, "The user has as many sessions as it may; end one of them first.");
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

/* ---- tokens ---- */

static struct verdict verdict_of_credential(enum credential_status status)
{
    const char *text = credential_status_text(status);
    switch (status) {
    case CREDENTIAL_FOUND:
        break;
    case CREDENTIAL_NONE:
        return refusal(401, DECIDE_TOKEN + TOKEN_MISSING_VERDICT, "This endpoint needs a token.");
    case CREDENTIAL_SEVERAL:
        return refusal(400, DECIDE_SEVERAL_TOKENS, text);
    case CREDENTIAL_BAD_HEADER:
        return refusal(400, DECIDE_BAD_AUTHORIZATION, text);
    case CREDENTIAL_BAD_PROTOCOL:
        return refusal(400, DECIDE_BAD_BEARER_PROTOCOL, text);
    case CREDENTIAL_BAD_QUERY:
        return refusal(400, DECIDE_BAD_TOKEN_PARAMETER, text);
    case CREDENTIAL_NO_MEMORY:
        return refusal(503, DECIDE_BUSY, text);
    }
    return broken;
}

/* The log gets the reason; the peer only hears of a genuine token that its time is over. */
static struct verdict verdict_of_token(enum token_verdict verdict)
{
    struct verdict refused = {.status = 401,
                              .cause = DECIDE_TOKEN + verdict,
                              .text = "Authentication failed",
                              .detail = token_verdict_sentence(verdict),
                              .challenge = CHALLENGE_INVALID};
    switch (token_verdict_answer(verdict)) {
    case TOKEN_ACCEPTED:
        return passed;
    case TOKEN_EXPIRED:
        refused.text = "Token Expired";
        break;
    case TOKEN_REFUSED:
        break;
    case TOKEN_RETRY:
        refused.status = 503;
        refused.text = "The token cannot be checked yet; try again.";
        refused.retry_after_s = RETRY_TOKEN_S;
        break;
    }
    return refused;
}

/* Finds out who asks, where the endpoint wants to know. {101}: `asking` has the identity, or the token is to come as a message. */
static struct verdict authenticate(struct asking *asking)
{
    const struct config_endpoint *endpoint = asking->endpoint;
    const struct credential_places places = {
        .sources = endpoint->token_sources,
        .authorization = mg_get_header(asking->connection, "Authorization"),
        .protocols = asking->protocols,
        .query = asking->info->query_string,
        .parameter = endpoint->query_parameter,
    };
    struct credential credential = {0};
    enum credential_status status = credential_find(&places, &credential);
    if (status == CREDENTIAL_NONE && (endpoint->token_sources & CONFIG_TOKEN_MESSAGE) != 0) {
        asking->awaits_token = true;
        return passed;
    }
    if (status != CREDENTIAL_FOUND) {
        return verdict_of_credential(status);
    }
    enum token_verdict verdict =
        token_check(&asking->request.config->auth.policy, asking->context->tokens, credential.token, credential.size,
                    clock_real_ms() / 1000, &asking->identity);
    asking->token_source = credential.source;
    credential_free(&credential);
    if (verdict != TOKEN_OK_VERDICT) {
        return verdict_of_token(verdict);
    }
    return permissions_allow_endpoint(&asking->identity->permissions, endpoint->path) ? passed : not_permitted;
}

/* ---- the request as a whole ---- */

/* Makes a session of the request; {101} when that worked. */
static struct verdict upgrade(struct asking *asking, const struct handshake_request *handshake)
{
    const struct lobby_request *request = &asking->request;
    const struct config_endpoint *endpoint = asking->endpoint;
    char accept[HANDSHAKE_ACCEPT_SIZE];
    char agreed[EXTENSION_ANSWER_SIZE];
    char answer[ANSWER_SIZE_MAX];
    const struct extension_policy policy = policy_of(request->config);
    struct extension_agreed compression;
    if (!extension_negotiate(asking->extensions, &policy, &compression, agreed)) {
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
        .identity = asking->identity,
        .token_source = asking->token_source,
        .awaits_token = asking->awaits_token,
    };
    if (offer.handler == NULL || offer.answer_size == 0) {
        return broken;
    }
    enum session_status status = session_start(asking->context->sessions, &offer);
    if (status != SESSION_OK) {
        return verdict_of_session(status);
    }
    asking->identity = NULL;
    return passed;
}

/* The handshake before all else: what is no WebSocket gets the same answer whether or not there is a token. */
static struct verdict judge(struct asking *asking)
{
    struct mg_connection *connection = asking->connection;
    asking->endpoint = route(asking->info, asking->request.config);
    if (asking->endpoint == NULL) {
        return not_found;
    }
    struct list connections;
    struct list protocols;
    struct list extensions;
    if (!find_list(asking->info, "Connection", &connections) ||
        !find_list(asking->info, "Sec-WebSocket-Protocol", &protocols) ||
        !find_list(asking->info, "Sec-WebSocket-Extensions", &extensions)) {
        return too_long;
    }
    const struct handshake_request handshake = {
        .method = asking->info->request_method,
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
    if (!origin_admits(origin_check(mg_get_header(connection, "Origin"), mg_get_header(connection, "Host"),
                                    asking->request.tls, asking->endpoint->origins, asking->endpoint->origin_count))) {
        return bad_origin;
    }
    asking->protocols = protocols.value;
    asking->extensions = extensions.value;
    if (asking->endpoint->auth == CONFIG_AUTH_TOKEN) {
        struct verdict verdict = authenticate(asking);
        if (verdict.status != passed.status) {
            return verdict;
        }
    }
    return upgrade(asking, &handshake);
}

static unsigned retry_after_of(const struct verdict *verdict)
{
    if (verdict->status != 503) {
        return 0;
    }
    return verdict->retry_after_s != 0 ? verdict->retry_after_s : retry_after_s();
}

static void answer_with(struct slot *slot, const struct verdict *verdict)
{
    char bytes[ANSWER_SIZE_MAX];
    struct answer answer = {.status = verdict->status,
                            .text = verdict->text,
                            .retry_after_s = retry_after_of(verdict),
                            .challenge = verdict->challenge};
    size_t size = answer_format(&answer, time(NULL), bytes, sizeof(bytes));
    lobby_answered(slot, bytes, size);
}

/* Without its query, which may hold a token. That of an endpoint is the config's; any other is what the peer made it. */
static struct audit_field path_of(const struct asking *asking)
{
    return asking->endpoint != NULL ? audit_plain(log_str("path", asking->endpoint->path))
                                    : audit_free(log_str("path", asking->info->local_uri_raw));
}

/* No field of the request but the path. */
static void log_refused(const struct asking *asking, const struct verdict *verdict)
{
    struct decide_context *context = asking->context;
    const struct lobby_request *request = &asking->request;
    const struct identity *identity = asking->identity;
    const char *label = decide_cause_label(verdict->cause);
    atomic_fetch_add_explicit(&context->counts[verdict->cause], 1, memory_order_relaxed);
    audit_event_limited(context->log, &request->config->audit, LOG_INFO, "request_refused", label,
                        audit_peer(&request->pass.from, request->port), audit_plain(log_bool("tls", request->tls)),
                        audit_plain(log_str("cause", label)), audit_plain(log_u64("status", verdict->status)),
                        path_of(asking), audit_user("user", identity == NULL ? NULL : identity->user),
                        audit_plain(log_str("key", identity == NULL ? NULL : identity->key_id)),
                        audit_plain(log_str("detail", verdict->detail != NULL ? verdict->detail : verdict->text)));
}

int decide_request(struct mg_connection *connection, struct slot *slot, struct decide_context *context)
{
    struct asking asking = {.connection = connection, .info = mg_get_request_info(connection), .context = context};
    lobby_request_of(slot, &asking.request);
    struct verdict verdict = judge(&asking);
    if (verdict.status == passed.status) {
        lobby_taken(slot);
    } else {
        log_refused(&asking, &verdict);
        answer_with(slot, &verdict);
    }
    identity_free(&asking.identity);
    return (int)verdict.status;
}
