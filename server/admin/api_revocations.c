/*
 * api_revocations - revocations made, listed and taken back; see route.h. A worker.
 *
 * A revocation is committed to the store, then it counts, then the sessions that it is about end: what has been answered holds
 * after a crash. Made and taken back at the same time, it may go on to count until the next start: never the other way round.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/admin/route.h"
#include "server/admin/when.h"
#include "server/session/directory.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX     1000
/* How far ahead of ours the clock of who says "now" may be. */
#define CLOCK_SKEW_S 60

/* ---- what is meant ---- */

static const struct {
    const char *name;
    enum revocation_kind kind;
} subjects[] = {
    {"user", REVOCATION_USER},
    {"token_id", REVOCATION_TOKEN},
    {"issued_before", REVOCATION_ISSUED_BEFORE},
};
#define SUBJECT_COUNT     (sizeof(subjects) / sizeof(subjects[0]))
#define SUBJECT_TEXT_SIZE 64 /* "issued_before" and a time, "revocation" and a number */

static const char *name_of(enum revocation_kind kind)
{
    for (size_t i = 0; i < SUBJECT_COUNT; i++) {
        if (subjects[i].kind == kind) {
            return subjects[i].name;
        }
    }
    return "";
}

/* For the audit log: a user, a token's id, or "issued_before 2026-11-22T08:15:00Z", which is put into `text`. */
static struct api_subject subject_of(const struct revocation *revocation, char text[SUBJECT_TEXT_SIZE])
{
    char time[WHEN_TEXT_SIZE];
    struct api_subject subject = {0};
    switch (revocation->kind) {
    case REVOCATION_USER:
        subject.user = revocation->subject;
        break;
    case REVOCATION_TOKEN:
        subject.token_id = revocation->subject;
        break;
    case REVOCATION_ISSUED_BEFORE:
        snprintf(text, SUBJECT_TEXT_SIZE, "%s %s", name_of(revocation->kind), when_format(revocation->before_s, time));
        subject.text = text;
        break;
    }
    return subject;
}

/* One of the three, as text. */
static bool take_subject(enum revocation_kind kind, const char *text, size_t size, struct revocation *revocation,
                         struct reply *error_r)
{
    revocation->kind = kind;
    revocation->subject = "";
    if (kind != REVOCATION_ISSUED_BEFORE) {
        revocation->subject = text;
        return query_check_text(name_of(kind), text, size, REVOCATION_SUBJECT_MAX, error_r);
    }
    if (strlen(text) != size || !when_parse(text, &revocation->before_s)) {
        *error_r = reply_error(400, "invalid_field", "\"issued_before\" is neither RFC 3339 nor seconds since 1970.");
        return false;
    }
    return true;
}

static struct reply refuse_count(void)
{
    return reply_error(400, "missing_field", "Exactly one of \"user\", \"token_id\" and \"issued_before\" is wanted.");
}

/* A number stands for seconds. */
static bool take_member(enum revocation_kind kind, const json_t *value, struct revocation *revocation,
                        struct reply *error_r)
{
    if (kind == REVOCATION_ISSUED_BEFORE && json_is_integer(value)) {
        json_int_t seconds = json_integer_value(value);
        revocation->kind = kind;
        revocation->subject = "";
        revocation->before_s = seconds;
        if (seconds >= 0 && seconds <= WHEN_MAX) {
            return true;
        }
    } else if (json_is_string(value)) {
        return take_subject(kind, json_string_value(value), json_string_length(value), revocation, error_r);
    }
    *error_r = reply_error(400, "invalid_field", "\"%s\" has the wrong type or is out of range.", name_of(kind));
    return false;
}

static bool take_reason(const json_t *body, struct revocation *revocation, struct reply *error_r)
{
    const json_t *reason = json_object_get(body, "reason");
    revocation->reason = "";
    if (reason == NULL) {
        return true;
    }
    if (!json_is_string(reason)) {
        *error_r = reply_error(400, "invalid_field", "\"reason\" is not a text.");
        return false;
    }
    revocation->reason = json_string_value(reason);
    return query_check_text("reason", revocation->reason, json_string_length(reason), REVOCATION_REASON_MAX, error_r);
}

static bool take_revocation(const struct api_call *call, int64_t now_s, struct revocation *revocation,
                            struct reply *error_r)
{
    size_t given = 0;
    /* A signer whose clock is ahead by the leeway has dated what it has issued until now as late as that. */
    revocation->before_s = now_s + call->config->auth.policy.leeway_s;
    for (size_t i = 0; i < SUBJECT_COUNT; i++) {
        const json_t *value = json_object_get(call->body, subjects[i].name);
        if (value != NULL && !take_member(subjects[i].kind, value, revocation, error_r)) {
            return false;
        }
        given += value != NULL ? 1 : 0;
    }
    if (given != 1) {
        *error_r = refuse_count();
        return false;
    }
    if (revocation->kind == REVOCATION_ISSUED_BEFORE && revocation->before_s > now_s + CLOCK_SKEW_S) {
        *error_r = reply_error(400, "invalid_field", "\"issued_before\" lies in the future.");
        return false;
    }
    return take_reason(call->body, revocation, error_r);
}

/* ---- shown ---- */

/* "until" is null for ever. */
static json_t *describe(const struct revocation *revocation)
{
    char before[WHEN_TEXT_SIZE];
    char since[WHEN_TEXT_SIZE];
    char until[WHEN_TEXT_SIZE];
    bool whole = revocation->kind == REVOCATION_ISSUED_BEFORE;
    const char *end = revocation->until_s == IDENTITY_FOREVER ? NULL : when_format(revocation->until_s, until);
    json_t *item = json_pack("{sI ss ss? ss ss ss}", "id", (json_int_t)revocation->id, "since",
                             when_format(revocation->since_s, since), "until", end, "by", revocation->by, "reason",
                             revocation->reason, name_of(revocation->kind),
                             whole ? when_format(revocation->before_s, before) : revocation->subject);
    if (item != NULL && revocation->kind == REVOCATION_USER) {
        (void)json_object_set_new(item, "issued_until", json_string(when_format(revocation->before_s, before)));
    }
    return item;
}

static struct reply refuse_store(const struct api_call *call, enum store_status status)
{
    struct store_state state;
    switch (status) {
    case STORE_OK:
    case STORE_NO_MEMORY:
        break;
    case STORE_BROKEN:
        store_describe(call->api->store, &state);
        return reply_error(503, "store_failed", "The store cannot take it: %s.", state.error);
    case STORE_STOPPED:
        return reply_error(503, "stopping", "The server is stopping.");
    case STORE_BUSY:
        return reply_error(503, "busy", "The store has too much to do; try again.");
    case STORE_LATE:
        return reply_error(503, "late", "The disk has not answered in time: it may be done or not; try again.");
    case STORE_FULL:
        return reply_error(507, "store_full", "There are as many revocations as there may be.");
    }
    return reply_json(503, NULL);
}

struct listing {
    json_t *items;
    uint64_t last;
    size_t count;
    bool failed;
};

static void add_item(void *context, const struct revocation *revocation)
{
    struct listing *listing = context;
    listing->failed = json_array_append_new(listing->items, describe(revocation)) != 0 || listing->failed;
    listing->last = revocation->id;
    listing->count++;
}

/* {"revocations": [...], "next": what to give as "after" for more, or null} */
struct reply api_list_revocations(const struct api_call *call)
{
    uint64_t after;
    uint64_t limit;
    struct reply error;
    if (!query_number(&call->query, "after", 0, INT64_MAX, 0, &after, &error) ||
        !query_number(&call->query, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &limit, &error)) {
        return error;
    }
    struct listing listing = {.items = json_array()};
    enum store_status status =
        store_list_revocations(call->api->store, time(NULL), after, (size_t)limit, add_item, &listing);
    if (status != STORE_OK || listing.failed) {
        json_decref(listing.items);
        return status != STORE_OK ? refuse_store(call, status) : reply_json(503, NULL);
    }
    json_t *next = listing.count == limit ? json_integer((json_int_t)listing.last) : json_null();
    return reply_json(200, json_pack("{soso}", "revocations", listing.items, "next", next));
}

/* ---- made ---- */

/* No token that may still be accepted outlives it: `exp` is bounded from "iat", or from when it is shown, and the leeway goes
 * before the one and behind the other. A token that never expires is never forgotten. */
static int64_t end_of(const struct revocation *revocation, const struct token_policy *policy)
{
    const int64_t last_s = revocation->before_s > revocation->since_s ? revocation->before_s : revocation->since_s;
    return policy->require_expiry ? last_s + policy->max_lifetime_s + 2 * policy->leeway_s + 1 : IDENTITY_FOREVER;
}

/* Those that are over make room when it is wanted. */
static enum revocation_status add(const struct api_call *call, const struct revocation *revocation)
{
    enum revocation_status status = revocations_add(call->api->revocations, revocation);
    if (status == REVOCATION_FULL && revocations_expire(call->api->revocations, revocation->since_s) > 0) {
        status = revocations_add(call->api->revocations, revocation);
    }
    return status;
}

/* After the commit. What cannot count is not kept either: nobody has been told that it holds. */
static bool apply(const struct api_call *call, const struct revocation *revocation)
{
    bool applied = add(call, revocation) == REVOCATION_OK;
    if (!applied) {
        bool found;
        enum store_status status = store_remove_revocation(call->api->store, revocation->id, &found);
        (void)status; /* the store says in the log what is wrong with it */
    }
    return applied;
}

/* {"revocation": {...}, "sessions_ended": how many, "complete": whether every loop has answered} */
struct reply api_add_revocation(const struct api_call *call)
{
    char text[SUBJECT_TEXT_SIZE];
    int64_t now_s = time(NULL);
    struct revocation revocation = {.since_s = now_s, .by = call->by};
    struct reply error;
    if (!take_revocation(call, now_s, &revocation, &error)) {
        return error;
    }
    revocation.until_s = end_of(&revocation, &call->config->auth.policy);
    enum store_status status = store_add_revocation(call->api->store, &revocation, &revocation.id);
    if (status != STORE_OK) {
        return refuse_store(call, status);
    }
    if (!apply(call, &revocation)) {
        return refuse_store(call, STORE_NO_MEMORY);
    }
    const struct api_subject subject = subject_of(&revocation, text);
    api_audit(call, "revoke", &subject);
    bool complete = false;
    size_t ended = session_directory_revoke(call->api->sessions, call->api->revocations, &complete);
    return reply_json(201, json_pack("{sosIsb}", "revocation", describe(&revocation), "sessions_ended",
                                     (json_int_t)ended, "complete", complete));
}

/* ---- taken back ---- */

static enum store_status take_back(const struct api_call *call, uint64_t id, bool *found_r)
{
    *found_r = false;
    enum store_status status = store_remove_revocation(call->api->store, id, found_r);
    if (status == STORE_OK) {
        (void)revocations_remove(call->api->revocations, id);
    }
    return status;
}

/* {"removed": how many} */
struct reply api_delete_revocation(const struct api_call *call)
{
    uint64_t id = 0;
    bool found = false;
    char text[SUBJECT_TEXT_SIZE];
    if (query_parse_number(call->item, &id) && id <= INT64_MAX) {
        enum store_status status = take_back(call, id, &found);
        if (status != STORE_OK) {
            return refuse_store(call, status);
        }
    }
    if (!found) {
        return reply_error(404, "not_found", "There is no such revocation.");
    }
    snprintf(text, sizeof(text), "revocation %llu", (unsigned long long)id);
    api_audit(call, "unrevoke", &(const struct api_subject){.text = text});
    return reply_json(200, json_pack("{si}", "removed", 1));
}

#define PAGE 256

/* The ids of a page of all revocations that are about a subject. */
struct search {
    const struct revocation *wanted;
    uint64_t ids[PAGE];
    size_t count;
    uint64_t last;
    size_t seen;
};

static void look_at(void *context, const struct revocation *revocation)
{
    struct search *search = context;
    const struct revocation *wanted = search->wanted;
    search->last = revocation->id;
    search->seen++;
    bool same = revocation->kind == wanted->kind && strcmp(revocation->subject, wanted->subject) == 0 &&
                (wanted->kind != REVOCATION_ISSUED_BEFORE || revocation->before_s == wanted->before_s);
    if (same) {
        search->ids[search->count++] = revocation->id;
    }
}

static enum store_status take_back_page(const struct api_call *call, struct search *search, size_t *removed)
{
    enum store_status status =
        store_list_revocations(call->api->store, time(NULL), search->last, PAGE, look_at, search);
    for (size_t i = 0; i < search->count && status == STORE_OK; i++) {
        bool found;
        status = take_back(call, search->ids[i], &found);
        *removed += found ? 1 : 0;
    }
    return status;
}

struct reply api_delete_revocations(const struct api_call *call)
{
    char text[SUBJECT_TEXT_SIZE];
    struct revocation wanted = {0};
    struct reply error;
    size_t given = 0;
    for (size_t i = 0; i < SUBJECT_COUNT; i++) {
        const char *value = query_value(&call->query, subjects[i].name);
        if (value != NULL && !take_subject(subjects[i].kind, value, strlen(value), &wanted, &error)) {
            return error;
        }
        given += value != NULL ? 1 : 0;
    }
    if (given != 1) {
        return refuse_count();
    }
    size_t removed = 0;
    enum store_status status;
    struct search search = {.wanted = &wanted};
    do {
        search.count = 0;
        search.seen = 0;
        status = take_back_page(call, &search, &removed);
    } while (status == STORE_OK && search.seen == PAGE);
    if (removed > 0) {
        const struct api_subject subject = subject_of(&wanted, text);
        api_audit(call, "unrevoke", &subject);
    }
    if (status != STORE_OK) {
        return refuse_store(call, status);
    }
    return removed > 0 ? reply_json(200, json_pack("{sI}", "removed", (json_int_t)removed))
                       : reply_error(404, "not_found", "There is no such revocation.");
}
