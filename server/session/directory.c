/*
 * directory - asks every session loop about its sessions and waits for the answers; see directory.h.
 *
 * One question is an enquiry, shared by who asks and the loops, and freed by whoever is done with it last: a loop that is stuck may come
 * to it long after the asker has gone. Each loop works on its part of it alone, as a walk (walk.c), and hands it back under the lock; the
 * asker looks at those parts only that were handed back. What is to end sessions is carried out by a late loop, too; a list is not.
 *
 * A list takes two rounds: the first collects numbers, so that only what is wanted in the end is copied, whatever each session's claims
 * hold.
 */
#include "server/session/directory.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "logging/clock.h"
#include "logging/mutex.h"
#include "logging/thread.h"
#include "server/session/session_private.h"

/* Without any loop getting on, and altogether. */
#define PATIENCE_S 2
#define WAIT_MAX_S 30

/* In looks at a session; see walk.c. */
#define COST_LOOK 1
#define COST_VIEW 8
#define COST_END  32

#define VIEW_TEXTS 7 /* of a session_view, whose text is copied behind it */

struct record {
    struct session_view view;
    char text[];
};

struct enquiry;

/* What one loop does, and its answer. */
struct part {
    struct walk walk;
    struct loop_message message;
    struct enquiry *enquiry;
    struct session_loop *home;
    size_t met;
    uint64_t *ids; /* in order, `limit` at most */
    size_t id_count;
    struct record **records;
    size_t record_count;
    bool failed;                /* without memory */
    bool answered LOCK_GUARDED; /* from then on the asker's */
};

struct enquiry {
    struct mutex lock;
    pthread_cond_t changed;
    size_t open LOCK_GUARDED; /* parts without an answer */
    atomic_uint progress;     /* visits of loops */
    atomic_uint references;
    atomic_bool abandoned; /* nobody waits any more */
    unsigned (*visit)(struct walk *walk, struct session *session);
    struct session_filter filter; /* its text is owned */
    struct prefix prefix;
    uint64_t after;
    size_t limit;
    const uint64_t *wanted; /* ids in order; owned */
    size_t wanted_count;
    enum cause cause;
    struct revocations *revocations;
    size_t part_count;
    struct part parts[];
};

/* ---- which sessions ---- */

static bool matches_text(const char *wanted, const char *text)
{
    return wanted == NULL || strcmp(wanted, text == NULL ? "" : text) == 0;
}

static bool matches(const struct session_filter *filter, const struct session *session)
{
    return session->state == SESSION_OPEN && (filter->id == 0 || filter->id == session->id) &&
           (filter->prefix == NULL || prefix_contains(filter->prefix, &session->pass.from)) &&
           matches_text(filter->endpoint, session->endpoint->path) && matches_text(filter->user, session_user(session));
}

/* ---- what loops do ---- */

static struct part *part_of(struct walk *walk)
{
    return CONTAINER_OF(walk, struct part, walk);
}

/* Keeps the smallest `limit` of all ids it is given. Those come nearly in order, so that hardly ever one has to be moved. */
static unsigned visit_for_ids(struct walk *walk, struct session *session)
{
    struct part *part = part_of(walk);
    const struct enquiry *enquiry = part->enquiry;
    if (session->id <= enquiry->after || !matches(&enquiry->filter, session)) {
        return COST_LOOK;
    }
    size_t at = part->id_count;
    while (at > 0 && part->ids[at - 1] > session->id) {
        at--;
    }
    if (at == enquiry->limit) {
        return COST_LOOK;
    }
    size_t kept = part->id_count < enquiry->limit ? part->id_count : enquiry->limit - 1;
    memmove(part->ids + at + 1, part->ids + at, (kept - at) * sizeof(*part->ids));
    part->ids[at] = session->id;
    part->id_count = kept + 1;
    return COST_LOOK;
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

static struct session_view view_of(const struct session *session)
{
    const struct identity *identity = session_identity(session);
    uint64_t now_ms = loop_clock_ms();
    int64_t wall_ms = clock_real_ms();
    return (struct session_view){
        .id = session->id,
        .user = identity == NULL ? "" : identity->user,
        .token_id = identity == NULL ? "" : identity->token_id,
        .key_id = identity == NULL ? "" : identity->key_id,
        .endpoint = session->endpoint->path,
        .handler = session->handler->name,
        .protocol = or_empty(session->protocol),
        .address = session->pass.from,
        .port = session->port,
        .tls = session->tls,
        .compressed = session->compression.deflate,
        .authenticated = identity != NULL,
        .claims = identity == NULL ? "" : identity->claims,
        .opened_ms = wall_ms - (int64_t)(now_ms - session->opened_ms),
        .active_ms = wall_ms - (int64_t)(now_ms - session->last_input_ms),
        .expires_s = identity == NULL ? IDENTITY_FOREVER : identity->expires_at_s,
        .messages_in = session->messages_in,
        .messages_out = session->messages_out,
        .bytes_in = session->bytes_in,
        .bytes_out = session->bytes_out,
        .messages_dropped = session_messages_dropped(session),
        .violations = session_violations(session),
        .queued = queue_size(&session->queue),
        .memory = session->memory,
    };
}

/* Copies text behind the record's other text. */
static const char *put_text(char **at, const char *text, size_t size)
{
    char *copy = *at;
    memcpy(copy, text, size);
    copy[size] = '\0';
    *at += size + 1;
    return copy;
}

static struct record *make_record(const struct session *session)
{
    struct session_view view = view_of(session);
    const struct identity *identity = session_identity(session);
    const char **texts[VIEW_TEXTS] = {&view.user,    &view.token_id, &view.key_id, &view.endpoint,
                                      &view.handler, &view.protocol, &view.claims};
    size_t sizes[VIEW_TEXTS];
    size_t size = sizeof(struct record);
    for (size_t i = 0; i < VIEW_TEXTS; i++) {
        sizes[i] = texts[i] == &view.claims && identity != NULL ? identity->claims_size : strlen(*texts[i]);
        size += sizes[i] + 1;
    }
    struct record *record = malloc(size);
    if (record == NULL) {
        return NULL;
    }
    char *at = record->text;
    for (size_t i = 0; i < VIEW_TEXTS; i++) {
        *texts[i] = put_text(&at, *texts[i], sizes[i]);
    }
    record->view = view;
    return record;
}

static unsigned visit_for_views(struct walk *walk, struct session *session)
{
    struct part *part = part_of(walk);
    const struct enquiry *enquiry = part->enquiry;
    if (session->state != SESSION_OPEN ||
        bsearch(&session->id, enquiry->wanted, enquiry->wanted_count, sizeof(*enquiry->wanted), compare_ids) == NULL) {
        return COST_LOOK;
    }
    assert(part->record_count < enquiry->wanted_count);
    struct record *record = make_record(session);
    if (record == NULL) {
        part->failed = true;
        walk->next = NULL;
        return COST_LOOK;
    }
    part->records[part->record_count++] = record;
    return COST_VIEW;
}

static unsigned visit_to_end(struct walk *walk, struct session *session)
{
    struct part *part = part_of(walk);
    const struct enquiry *enquiry = part->enquiry;
    if (!matches(&enquiry->filter, session)) {
        return COST_LOOK;
    }
    part->met++;
    session_close(session, enquiry->cause);
    return COST_END;
}

static unsigned visit_to_revoke(struct walk *walk, struct session *session)
{
    struct part *part = part_of(walk);
    const struct identity *identity = session_identity(session);
    if (session->state != SESSION_OPEN || identity == NULL ||
        !revocations_match(part->enquiry->revocations, identity)) {
        return COST_LOOK;
    }
    part->met++;
    session_close(session, CAUSE_REVOKED);
    return COST_END;
}

static bool only_looks(const struct enquiry *enquiry)
{
    return enquiry->visit == visit_for_ids || enquiry->visit == visit_for_views;
}

static unsigned visit(struct walk *walk, struct session *session)
{
    struct enquiry *enquiry = part_of(walk)->enquiry;
    atomic_fetch_add_explicit(&enquiry->progress, 1, memory_order_relaxed);
    if (only_looks(enquiry) && atomic_load_explicit(&enquiry->abandoned, memory_order_relaxed)) {
        walk->next = NULL;
        return COST_LOOK;
    }
    return enquiry->visit(walk, session);
}

/* ---- an enquiry's life ---- */

UNCHECKED_LOCKING static void release(struct enquiry *enquiry)
{
    if (atomic_fetch_sub_explicit(&enquiry->references, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < enquiry->part_count; i++) {
        struct part *part = &enquiry->parts[i];
        for (size_t k = 0; k < part->record_count; k++) {
            free(part->records[k]);
        }
        free(part->records);
        free(part->ids);
    }
    free((void *)(uintptr_t)enquiry->filter.user);
    free((void *)(uintptr_t)enquiry->filter.endpoint);
    free((void *)(uintptr_t)enquiry->wanted);
    pthread_cond_destroy(&enquiry->changed);
    mutex_destroy(&enquiry->lock);
    free(enquiry);
}

static void answer(struct part *part)
{
    struct enquiry *enquiry = part->enquiry;
    mutex_lock(&enquiry->lock);
    part->answered = true;
    enquiry->open--;
    (void)pthread_cond_signal(&enquiry->changed);
    mutex_unlock(&enquiry->lock);
    release(enquiry);
}

static void on_walked(struct walk *walk)
{
    answer(part_of(walk));
}

static void on_question(struct loop_message *message)
{
    struct part *part = CONTAINER_OF(message, struct part, message);
    walk_begin(part->home, &part->walk);
}

static bool copy_text(const char **place, const char *text)
{
    *place = text == NULL ? NULL : strdup(text);
    return text == NULL || *place != NULL;
}

static bool copy_filter(struct enquiry *enquiry, const struct session_filter *filter)
{
    enquiry->filter.id = filter->id;
    if (filter->prefix != NULL) {
        enquiry->prefix = *filter->prefix;
        enquiry->filter.prefix = &enquiry->prefix;
    }
    return copy_text(&enquiry->filter.user, filter->user) && copy_text(&enquiry->filter.endpoint, filter->endpoint);
}

/* NULL without memory. One reference is the caller's. */
UNCHECKED_LOCKING static struct enquiry *make_enquiry(struct session_pool *pool, const struct session_filter *filter,
                                                      unsigned (*what)(struct walk *, struct session *))
{
    struct enquiry *enquiry = calloc(1, sizeof(*enquiry) + pool->threads * sizeof(enquiry->parts[0]));
    if (enquiry == NULL) {
        return NULL;
    }
    condition_init(&enquiry->changed);
    mutex_init(&enquiry->lock);
    atomic_init(&enquiry->references, 1);
    enquiry->visit = what;
    enquiry->part_count = pool->threads;
    for (unsigned i = 0; i < pool->threads; i++) {
        struct part *part = &enquiry->parts[i];
        part->enquiry = enquiry;
        part->home = &pool->loops[i];
        part->message.deliver = on_question;
        part->walk.visit = visit;
        part->walk.done = on_walked;
    }
    if (!copy_filter(enquiry, filter)) {
        release(enquiry);
        return NULL;
    }
    return enquiry;
}

/* However many arrivals wait in its inbox, a loop gets the question: it may be late, but it ends whom it is told to end. */
static void post(struct part *part)
{
    if (!loop_post_control(part->home->loop, &part->message)) {
        answer(part); /* the loop has ended, and every session of its with it */
    }
}

/* Until there is an answer of each loop, or none gets on any more. */
static bool wait_for_answers(struct enquiry *enquiry)
{
    int64_t begin_ms = clock_monotonic_ms();
    unsigned progress = atomic_load_explicit(&enquiry->progress, memory_order_relaxed);
    struct timespec limit;
    clock_gettime(CLOCK_MONOTONIC, &limit);
    limit.tv_sec += PATIENCE_S;
    mutex_lock(&enquiry->lock);
    while (enquiry->open > 0) {
        if (pthread_cond_timedwait(&enquiry->changed, &enquiry->lock.native, &limit) != ETIMEDOUT) {
            continue;
        }
        unsigned now = atomic_load_explicit(&enquiry->progress, memory_order_relaxed);
        if (now == progress || clock_monotonic_ms() - begin_ms > WAIT_MAX_S * 1000) {
            break;
        }
        progress = now;
        limit.tv_sec += PATIENCE_S;
    }
    bool complete = enquiry->open == 0;
    mutex_unlock(&enquiry->lock);
    return complete;
}

UNCHECKED_LOCKING static void open_parts(struct enquiry *enquiry)
{
    enquiry->open = enquiry->part_count;
    atomic_fetch_add_explicit(&enquiry->references, (unsigned)enquiry->part_count, memory_order_relaxed);
}

/* Asks all loops. True when each has answered. */
static bool ask(struct enquiry *enquiry)
{
    open_parts(enquiry);
    for (size_t i = 0; i < enquiry->part_count; i++) {
        post(&enquiry->parts[i]);
    }
    bool complete = wait_for_answers(enquiry);
    atomic_store_explicit(&enquiry->abandoned, !complete, memory_order_relaxed);
    return complete;
}

/* The part is the asker's by now. */
static bool is_answered(struct enquiry *enquiry, const struct part *part)
{
    mutex_lock(&enquiry->lock);
    bool answered = part->answered;
    mutex_unlock(&enquiry->lock);
    return answered;
}

/* ---- lists ---- */

/* The smallest ids of all that were collected: owned, `limit` at most. NULL without memory. */
static uint64_t *merge_ids(struct enquiry *enquiry, size_t *count_r)
{
    size_t count = 0;
    uint64_t *ids = malloc(enquiry->part_count * enquiry->limit * sizeof(*ids));
    if (ids == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < enquiry->part_count; i++) {
        const struct part *part = &enquiry->parts[i];
        if (is_answered(enquiry, part) && part->id_count > 0) {
            memcpy(ids + count, part->ids, part->id_count * sizeof(*ids));
            count += part->id_count;
        }
    }
    qsort(ids, count, sizeof(*ids), compare_ids);
    *count_r = count < enquiry->limit ? count : enquiry->limit;
    return ids;
}

static bool collect_ids(struct session_pool *pool, const struct session_filter *filter, uint64_t after, size_t limit,
                        uint64_t **ids_r, size_t *count_r)
{
    struct enquiry *enquiry = make_enquiry(pool, filter, visit_for_ids);
    bool complete = enquiry != NULL;
    if (enquiry == NULL) {
        return false;
    }
    enquiry->after = after;
    enquiry->limit = limit;
    for (size_t i = 0; i < enquiry->part_count; i++) {
        enquiry->parts[i].ids = malloc(limit * sizeof(uint64_t));
        complete = complete && enquiry->parts[i].ids != NULL;
    }
    if (complete) {
        complete = ask(enquiry);
        *ids_r = merge_ids(enquiry, count_r);
        complete = complete && *ids_r != NULL;
    }
    release(enquiry);
    return complete;
}

static int compare_records(const void *a, const void *b)
{
    return compare_ids(&(*(struct record *const *)a)->view.id, &(*(struct record *const *)b)->view.id);
}

/* Calls `each` for what loops have found, in order of id. False without memory. */
static bool tell(struct enquiry *enquiry, void (*each)(void *context, const struct session_view *view), void *context)
{
    size_t count = 0;
    bool complete = true;
    struct record **records = malloc(enquiry->wanted_count * sizeof(struct record *));
    if (records == NULL) {
        return false;
    }
    for (size_t i = 0; i < enquiry->part_count; i++) {
        const struct part *part = &enquiry->parts[i];
        if (is_answered(enquiry, part)) {
            complete = complete && !part->failed;
            for (size_t k = 0; k < part->record_count && count < enquiry->wanted_count; k++) {
                records[count++] = part->records[k];
            }
        }
    }
    qsort(records, count, sizeof(struct record *), compare_records);
    for (size_t i = 0; i < count; i++) {
        each(context, &records[i]->view);
    }
    free(records);
    return complete;
}

/* Takes `ids`. */
static bool show(struct session_pool *pool, const uint64_t *ids, size_t count,
                 void (*each)(void *context, const struct session_view *view), void *context)
{
    const struct session_filter any = {0};
    struct enquiry *enquiry = make_enquiry(pool, &any, visit_for_views);
    if (enquiry == NULL) {
        free((void *)(uintptr_t)ids);
        return false;
    }
    bool complete = true;
    enquiry->wanted = ids;
    enquiry->wanted_count = count;
    for (size_t i = 0; i < enquiry->part_count; i++) {
        enquiry->parts[i].records = malloc(count * sizeof(struct record *));
        complete = complete && enquiry->parts[i].records != NULL;
    }
    if (complete) {
        complete = ask(enquiry);
        complete = tell(enquiry, each, context) && complete;
    }
    release(enquiry);
    return complete;
}

bool session_directory_list(struct session_pool *pool, const struct session_filter *filter, uint64_t after,
                            size_t limit, void (*each)(void *context, const struct session_view *view), void *context)
{
    uint64_t *ids = NULL;
    size_t count = 0;
    assert(limit >= 1 && limit <= SESSION_LIST_MAX);
    bool complete = collect_ids(pool, filter, after, limit, &ids, &count);
    if (count == 0) {
        free(ids);
        return complete;
    }
    return show(pool, ids, count, each, context) && complete;
}

/* ---- ends ---- */

static size_t end_all(struct enquiry *enquiry, bool *complete_r)
{
    size_t met = 0;
    *complete_r = ask(enquiry);
    for (size_t i = 0; i < enquiry->part_count; i++) {
        met += is_answered(enquiry, &enquiry->parts[i]) ? enquiry->parts[i].met : 0;
    }
    release(enquiry);
    return met;
}

size_t session_directory_end(struct session_pool *pool, const struct session_filter *filter, enum cause cause,
                             bool *complete_r)
{
    *complete_r = true;
    if (filter->id == 0 && filter->user == NULL && filter->prefix == NULL && filter->endpoint == NULL) {
        return 0;
    }
    struct enquiry *enquiry = make_enquiry(pool, filter, visit_to_end);
    if (enquiry == NULL) {
        *complete_r = false;
        return 0;
    }
    enquiry->cause = cause;
    return end_all(enquiry, complete_r);
}

size_t session_directory_revoke(struct session_pool *pool, struct revocations *revocations, bool *complete_r)
{
    const struct session_filter any = {0};
    struct enquiry *enquiry = make_enquiry(pool, &any, visit_to_revoke);
    if (enquiry == NULL) {
        *complete_r = false;
        return 0;
    }
    enquiry->revocations = revocations;
    return end_all(enquiry, complete_r);
}
