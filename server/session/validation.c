/*
 * validation - the endpoint's rules on each message, before its handler sees it. Called by input.c, on the session's loop.
 *
 * Rates come first, being cheapest, then what validate/rules.h checks. What becomes of a message that breaks a rule is the
 * endpoint's on_violation: "reject" answers it with an error and closes the session after max_violations within
 * violation_window (tally.h says how they are counted); "close" ends it at once; "report" delivers the message all the same.
 *
 * What a session needs for this hangs off it once it needs it: where rates are asked for, or after the first violation.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/audit.h"
#include "server/session/error_reply.h"
#include "server/session/session_private.h"
#include "server/session/tally.h"
#include "validate/schema_path.h"

/* What a nanosecond of checking counts for in a turn (TURN_MAX bytes): one byte for 16 of them, so that a turn has 16 ms of it. */
#define NANOSECONDS_A_BYTE 16

struct session_conduct {
    struct rate rate; /* of the rules, besides that of the limits */
    struct tally tally;
    uint64_t violations;
    char reason[WS_CLOSE_REASON_MAX + 1]; /* of the Close frame */
};

/* NULL without memory: the session has ended. */
static struct session_conduct *obtain(struct session *session)
{
    if (session->conduct == NULL) {
        session->conduct = calloc(1, sizeof(*session->conduct));
    }
    if (session->conduct == NULL) {
        session_abort(session, CAUSE_OUT_OF_MEMORY);
    }
    return session->conduct;
}

uint64_t session_violations(const struct session *session)
{
    return session->conduct != NULL ? session->conduct->violations : 0;
}

size_t session_conduct_memory(const struct session *session)
{
    return session->conduct != NULL ? sizeof(*session->conduct) : 0;
}

void session_free_conduct(struct session *session)
{
    free(session->conduct);
    session->conduct = NULL;
}

/* ---- checks ---- */

static bool within_rates(struct session *session, size_t cost, struct violation *violation)
{
    const struct config_rules *rules = &session->endpoint->rules;
    const struct rate_limit limit = {.messages = rules->messages_per_second, .bytes = rules->bytes_per_second};
    if (limit.messages == 0 && limit.bytes == 0) {
        return true;
    }
    struct session_conduct *conduct = obtain(session);
    if (conduct == NULL) {
        violation_set(violation, VIOLATION_NO_MEMORY);
        return false;
    }
    switch (rate_take(&conduct->rate, &limit, cost, session_now_ms(session))) {
    case RATE_OK:
        return true;
    case RATE_MESSAGES:
        violation_set(violation, VIOLATION_MESSAGE_RATE);
        return false;
    case RATE_BYTES:
        violation_set(violation, VIOLATION_BYTE_RATE);
        return false;
    }
    return false;
}

/* The loop's scratch is made for the first message that a schema is asked about. */
static bool keeps_rules(struct session_loop *home, const struct rules *rules, bool text, const uint8_t *data,
                        size_t size, struct violation *violation)
{
    if (rules->schema != NULL && home->scratch == NULL) {
        home->scratch = schema_scratch_create();
        if (home->scratch == NULL) {
            violation_set(violation, VIOLATION_NO_MEMORY);
            return false;
        }
    }
    return rules_check(rules, text, data, size, home->scratch, violation);
}

/* ---- consequences ---- */

static const char *action_label(enum config_on_violation action)
{
    switch (action) {
    case CONFIG_VIOLATION_REJECT:
        return "reject";
    case CONFIG_VIOLATION_CLOSE:
        return "close";
    case CONFIG_VIOLATION_REPORT:
        return "report";
    }
    return "unknown";
}

static void log_violation(const struct session *session, const struct violation *violation)
{
    const char *label = violation_label(violation->code);
    audit_event_limited(
        session->home->pool->log, &session->config->audit, LOG_NOTICE, "message_invalid", label,
        audit_plain(log_u64("session", session->id)), audit_peer(&session->pass.from, session->port),
        audit_user("user", session_user(session)), audit_plain(log_str("endpoint", session->endpoint->path)),
        audit_plain(log_str("action", action_label(session->endpoint->rules.on_violation))),
        audit_plain(log_str("violation", label)), audit_plain(log_str("keyword", violation->error.keyword)),
        audit_free(log_str("path", violation->error.path)), audit_free(log_str("reason", violation->error.sentence)));
}

static enum ws_close_code close_code(enum violation_code code)
{
    switch (code) {
    case VIOLATION_NOT_JSON:
        return WS_CLOSE_INVALID_DATA;
    case VIOLATION_NOT_TEXT:
    case VIOLATION_NOT_BINARY:
        return WS_CLOSE_UNSUPPORTED_DATA;
    case VIOLATION_TOO_LARGE:
        return WS_CLOSE_TOO_BIG;
    case VIOLATION_MESSAGE_RATE:
    case VIOLATION_BYTE_RATE:
        return WS_CLOSE_RATE_LIMIT;
    case VIOLATION_NONE:
    case VIOLATION_JSON_BOUNDS:
    case VIOLATION_NUMBER_RANGE:
    case VIOLATION_SCHEMA:
    case VIOLATION_NO_MEMORY:
        break;
    }
    return WS_CLOSE_POLICY;
}

/* The reason is the label and the path, as far as a Close frame holds them. */
static void close_for(struct session *session, struct session_conduct *conduct, const struct violation *violation)
{
    const char *label = violation_label(violation->code);
    struct schema_path reason;
    schema_path_start(&reason, conduct->reason, sizeof(conduct->reason));
    schema_path_add_text(&reason, label, strlen(label));
    if (violation->error.path[0] != '\0') {
        schema_path_add_text(&reason, ": ", strlen(": "));
        schema_path_add_text(&reason, violation->error.path, strlen(violation->error.path));
    }
    session_end_with(session, CAUSE_INVALID_MESSAGE, close_code(violation->code), conduct->reason);
}

static void reject(struct session *session, struct session_conduct *conduct, const struct violation *violation)
{
    const struct config_rules *rules = &session->endpoint->rules;
    char reply[ERROR_REPLY_SIZE];
    session_send(session, WS_TEXT, NULL, 0, reply, error_reply_write(violation, reply));
    if (rules->max_violations != 0 &&
        tally_add(&conduct->tally, rules->violation_window_ms, session_now_ms(session)) >= rules->max_violations) {
        session_end(session, CAUSE_TOO_MANY_VIOLATIONS);
    }
}

/* True: the handler gets the message nevertheless. Not inlined: its buffers are none of the checker's business, whose recursion wants the
 * stack. */
__attribute__((noinline)) static bool act(struct session *session, const struct violation *violation)
{
    const enum config_on_violation action = session->endpoint->rules.on_violation;
    if (session->state != SESSION_OPEN) {
        return false;
    }
    struct session_conduct *conduct = obtain(session);
    if (conduct == NULL) {
        return false;
    }
    atomic_fetch_add_explicit(&session->home->violations[violation->code], 1, memory_order_relaxed);
    log_violation(session, violation);
    if (violation->code == VIOLATION_NO_MEMORY) { /* no fault of the client's */
        if (action != CONFIG_VIOLATION_REPORT) {
            session_end(session, CAUSE_OUT_OF_MEMORY);
        }
        return action == CONFIG_VIOLATION_REPORT;
    }
    conduct->violations++;
    switch (action) {
    case CONFIG_VIOLATION_REJECT:
        reject(session, conduct, violation);
        return false;
    case CONFIG_VIOLATION_CLOSE:
        close_for(session, conduct, violation);
        return false;
    case CONFIG_VIOLATION_REPORT:
        return true;
    }
    return false;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* What was done since `begin_ns` counts as bytes of the session's turn. */
static void charge(struct session_loop *home, uint64_t begin_ns)
{
    home->turn_size += (size_t)((now_ns() - begin_ns) / NANOSECONDS_A_BYTE);
}

bool session_admits_content(struct session *session, enum ws_opcode opcode, const uint8_t *data, size_t size,
                            size_t cost)
{
    struct session_loop *home = session->home;
    const struct rules *rules = &session->endpoint->rules.checked;
    const bool costly = rules->json || rules->schema != NULL;
    const uint64_t begin_ns = costly ? now_ns() : 0;
    struct violation violation;
    const bool kept =
        within_rates(session, cost, &violation) && keeps_rules(home, rules, opcode == WS_TEXT, data, size, &violation);
    const bool reported =
        session->state == SESSION_OPEN && session->endpoint->rules.on_violation == CONFIG_VIOLATION_REPORT;
    session_audit_message(session, opcode, kept || reported, data, size); /* an end may free the message */
    const bool admitted = kept || act(session, &violation);
    if (costly) {
        charge(home, begin_ns);
    }
    return admitted;
}

void session_audit_message(struct session *session, enum ws_opcode opcode, bool delivered, const uint8_t *data,
                           size_t size)
{
    session->home->turn_size += audit_message(session->home->pool->log, &session->config->audit, session->id,
                                              opcode == WS_TEXT, delivered, data, size);
}

void session_pool_violations(const struct session_pool *pool, uint64_t counts_r[VIOLATION_COUNT])
{
    for (int code = 0; code < VIOLATION_COUNT; code++) {
        counts_r[code] = 0;
        for (unsigned i = 0; i < pool->threads; i++) {
            counts_r[code] += atomic_load_explicit(&pool->loops[i].violations[code], memory_order_relaxed);
        }
    }
}
