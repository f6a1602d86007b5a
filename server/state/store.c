/*
 * store - the writer's thread and its queue: takes all work that waits, does it in two transactions (what only reads, then what
 * writes), and wakes those who waited when they are over. What the work is, is its own business: revocation_rows.c.
 */
#include "server/state/store.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "logging/clock.h"
#include "logging/mutex.h"
#include "logging/thread.h"
#include "server/state/database.h"
#include "server/state/revocation_rows.h"
#include "server/state/store_work.h"

#define THREAD_NAME "state"
#define STACK_SIZE \
    (256 * 1024)        /* SQLite's own functions are moderate; its recursion is bounded by our few statements */
#define WAITING_MAX 256 /* more than all threads that may wait together */

#define EXPIRE_PERIOD_MS (10 * 60 * 1000)
#define EXPIRE_STEP      1000 /* rows a transaction, so that nobody waits for a long one */
/* Kept so long beyond their end: a clock that is wrong for a while must not cost a revocation that still counts. */
#define EXPIRE_GRACE_S   (24 * 60 * 60)
#define PROBE_PERIOD_MS  5000
#define CLOSE_TIMEOUT_MS 10000
/* A disk that takes longer for a commit does not answer. Much longer than others' changes are waited for, see database.c. */
#define WORK_TIMEOUT_MS 10000

struct store {
    struct mutex lock;
    pthread_cond_t work_came; /* or the end */
    pthread_cond_t work_done; /* or the thread has ended, or a caller left */
    struct store_work *first LOCK_GUARDED;
    struct store_work **end LOCK_GUARDED;
    size_t waiting LOCK_GUARDED;
    size_t callers LOCK_GUARDED; /* in store_do() */
    bool stopping LOCK_GUARDED;
    bool ended LOCK_GUARDED;
    bool stuck LOCK_GUARDED; /* somebody has waited in vain, and the writer has not come back since */
    struct store_state state LOCK_GUARDED;
    struct store_rows rows; /* the writer's; `database` itself never changes */
    struct log *log;
    pthread_t thread;
};

static struct store_work *done_locked(struct store *store, struct store_work *works) REQUIRES_LOCK(store->lock);
static bool wait_locked(struct store *store, pthread_cond_t *condition, int64_t until_ms) REQUIRES_LOCK(store->lock);
static struct store_work *take_locked(struct store *store) REQUIRES_LOCK(store->lock);
static void append_locked(struct store *store, struct store_work *work) REQUIRES_LOCK(store->lock);
static void remove_locked(struct store *store, struct store_work *work) REQUIRES_LOCK(store->lock);
static enum store_status refusal_locked(const struct store *store, const struct store_work *work)
    REQUIRES_LOCK(store->lock);
static enum store_status wait_done_locked(struct store *store, struct store_work *work) REQUIRES_LOCK(store->lock);

/* -- health ------------------------------------------------------------------------------------------------------ */

static void note_failure(struct store *store)
{
    char error[sizeof(store->state.error)];
    (void)snprintf(error, sizeof(error), "%s", database_error(store->rows.database));
    mutex_lock(&store->lock);
    store->state.healthy = false;
    store->state.failures++;
    memcpy(store->state.error, error, sizeof(error));
    mutex_unlock(&store->lock);
    log_event_limited(
        store->log, LOG_ERROR, "state_broken", error, log_str("error", error),
        log_str("detail", "changes are refused until it can be written again; what is known still counts"));
}

static void note_commit(struct store *store)
{
    mutex_lock(&store->lock);
    bool recovered = !store->state.healthy;
    store->state.healthy = true;
    store->state.error[0] = '\0';
    store->state.commits++;
    mutex_unlock(&store->lock);
    if (recovered) {
        log_event(store->log, LOG_NOTICE, "state_recovered", log_str("detail", "changes are kept again"));
    }
}

/* -- transactions: the writer's thread --------------------------------------------------------------------------- */

/* False: the transaction can only be rolled back. */
static bool run_one(struct store *store, struct store_work *work)
{
    struct database *database = store->rows.database;
    if (!database_begin_part(database)) {
        return false;
    }
    work->status = work->run(work, &store->rows);
    if (work->status == STORE_BROKEN) {
        note_failure(store);
    }
    if (work->status != STORE_OK) {
        revocation_rows_forget(store->rows.revocations);
    }
    return database_end_part(database, work->status == STORE_OK);
}

static bool run_all(struct store *store, struct store_work *works, bool writes)
{
    for (struct store_work *work = works; work != NULL; work = work->next) {
        if (work->writes == writes && !run_one(store, work)) {
            database_roll_back(store->rows.database);
            return false;
        }
    }
    return true;
}

/* What each has found out for itself stays; whoever believes that it is done learns that it is not. */
static void fail_all(struct store *store, struct store_work *works, bool writes)
{
    note_failure(store);
    revocation_rows_forget(store->rows.revocations);
    for (struct store_work *work = works; work != NULL; work = work->next) {
        if (work->writes == writes && work->status == STORE_OK) {
            work->status = STORE_BROKEN;
        }
    }
}

/* Those that only read go first and alone, so that a disk that takes nothing more can still be read. */
static void transact(struct store *store, struct store_work *works, bool writes)
{
    bool any = false;
    for (const struct store_work *work = works; work != NULL; work = work->next) {
        any = any || work->writes == writes;
    }
    if (!any) {
        return;
    }
    if (database_begin(store->rows.database, writes) && run_all(store, works, writes) &&
        database_commit(store->rows.database)) {
        if (writes) {
            note_commit(store);
        }
    } else {
        fail_all(store, works, writes);
    }
}

static void probe(struct store *store)
{
    if (database_probe(store->rows.database)) {
        note_commit(store);
    } else {
        note_failure(store);
    }
}

struct expire_work {
    struct store_work work;
    size_t count;
};

static enum store_status run_expire(struct store_work *work, struct store_rows *rows)
{
    struct expire_work *expire = (struct expire_work *)(void *)work;
    int64_t before_s = clock_real_ms() / 1000 - EXPIRE_GRACE_S;
    return revocation_rows_expire(rows->revocations, before_s, EXPIRE_STEP, &expire->count) ? STORE_OK : STORE_BROKEN;
}

/* True: there may be more. */
static bool expire(struct store *store)
{
    struct expire_work expire = {.work = {.run = run_expire, .writes = true}};
    transact(store, &expire.work, true);
    return expire.work.status == STORE_OK && expire.count == EXPIRE_STEP;
}

/* -- the thread -------------------------------------------------------------------------------------------------- */

/* Returns what nobody waits for any more, to be discarded without the lock. */
static struct store_work *done_locked(struct store *store, struct store_work *works)
{
    struct store_work *abandoned = NULL;
    while (works != NULL) {
        struct store_work *next = works->next; /* a work that is done is its caller's, and may be gone */
        if (works->abandoned) {
            works->next = abandoned;
            abandoned = works;
        }
        works->done = true;
        store->waiting--;
        works = next;
    }
    store->stuck = false;
    (void)pthread_cond_broadcast(&store->work_done);
    return abandoned;
}

/* False: the time is over. */
static bool wait_locked(struct store *store, pthread_cond_t *condition, int64_t until_ms)
{
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000};
    return pthread_cond_timedwait(condition, &store->lock.native, &until) != ETIMEDOUT;
}

static struct store_work *take_locked(struct store *store)
{
    struct store_work *works = store->first;
    store->first = NULL;
    store->end = &store->first;
    for (struct store_work *work = works; work != NULL; work = work->next) {
        work->taken = true;
    }
    return works;
}

/* Waits for work, the end or `until_ms`. True: there is to be an end, and no work any more. */
static bool next_works(struct store *store, int64_t until_ms, struct store_work **works_r)
{
    mutex_lock(&store->lock);
    while (store->first == NULL && !store->stopping && wait_locked(store, &store->work_came, until_ms)) {
    }
    *works_r = take_locked(store);
    bool over = store->stopping && *works_r == NULL;
    mutex_unlock(&store->lock);
    return over;
}

static void serve(struct store *store, struct store_work *works)
{
    transact(store, works, false);
    transact(store, works, true);
    mutex_lock(&store->lock);
    struct store_work *abandoned = done_locked(store, works);
    mutex_unlock(&store->lock);
    while (abandoned != NULL) {
        struct store_work *next = abandoned->next;
        abandoned->discard(abandoned);
        abandoned = next;
    }
}

static bool is_healthy(struct store *store)
{
    mutex_lock(&store->lock);
    bool healthy = store->state.healthy;
    mutex_unlock(&store->lock);
    return healthy;
}

/* What the writer does by itself: it forgets what is over or, while nothing can be written, tries whether it can. */
struct chores {
    int64_t expire_ms;
    int64_t probe_ms;
};

static int64_t next_chore(struct store *store, const struct chores *chores)
{
    return is_healthy(store) ? chores->expire_ms : chores->probe_ms;
}

static void do_chores(struct store *store, struct chores *chores)
{
    int64_t now_ms = clock_monotonic_ms();
    if (now_ms < next_chore(store, chores)) {
        return;
    }
    if (is_healthy(store)) {
        chores->expire_ms = expire(store) ? now_ms : now_ms + EXPIRE_PERIOD_MS;
    } else {
        probe(store);
        chores->probe_ms = clock_monotonic_ms() + PROBE_PERIOD_MS;
    }
}

static void *run(void *argument)
{
    struct store *store = argument;
    int64_t now_ms = clock_monotonic_ms();
    struct chores chores = {.expire_ms = now_ms + EXPIRE_PERIOD_MS, .probe_ms = now_ms + PROBE_PERIOD_MS};
    struct store_work *works;
    (void)prctl(PR_SET_NAME, THREAD_NAME);
    while (!next_works(store, next_chore(store, &chores), &works)) {
        if (works != NULL) {
            serve(store, works);
        }
        do_chores(store, &chores);
    }
    mutex_lock(&store->lock);
    store->ended = true;
    (void)pthread_cond_broadcast(&store->work_done);
    mutex_unlock(&store->lock);
    return NULL;
}

/* -- callers ----------------------------------------------------------------------------------------------------- */

static void append_locked(struct store *store, struct store_work *work)
{
    work->next = NULL;
    *store->end = work;
    store->end = &work->next;
    store->waiting++;
    (void)pthread_cond_signal(&store->work_came);
}

/* Of one that the writer has not taken yet. */
static void remove_locked(struct store *store, struct store_work *work)
{
    struct store_work **at = &store->first;
    while (*at != work) {
        at = &(*at)->next;
    }
    *at = work->next;
    if (*at == NULL) {
        store->end = at;
    }
    store->waiting--;
}

/* Why work is not taken on, or STORE_OK. */
static enum store_status refusal_locked(const struct store *store, const struct store_work *work)
{
    if (store->stopping) {
        return STORE_STOPPED;
    }
    if (store->stuck && work->discard != NULL) {
        return STORE_BROKEN;
    }
    return store->waiting >= WAITING_MAX ? STORE_BUSY : STORE_OK;
}

/* STORE_LATE: it is the writer's. What he has not taken by then is not done at all. */
static enum store_status wait_done_locked(struct store *store, struct store_work *work)
{
    int64_t until_ms = work->discard != NULL ? clock_monotonic_ms() + WORK_TIMEOUT_MS : INT64_MAX;
    while (!work->done && wait_locked(store, &store->work_done, until_ms)) {
    }
    if (work->done) {
        return work->status;
    }
    static const char error[] = "the disk does not answer";
    store->stuck = true;
    store->state.healthy = false;
    store->state.failures++;
    memcpy(store->state.error, error, sizeof(error));
    if (work->taken) {
        work->abandoned = true;
        return STORE_LATE;
    }
    remove_locked(store, work);
    return STORE_BROKEN;
}

enum store_status store_do(struct store *store, struct store_work *work)
{
    work->taken = false;
    work->done = false;
    work->abandoned = false;
    work->status = STORE_OK;
    bool late = false;
    mutex_lock(&store->lock);
    enum store_status status = refusal_locked(store, work);
    if (status == STORE_OK) {
        store->callers++;
        append_locked(store, work);
        status = wait_done_locked(store, work);
        late = store->stuck;
        store->callers--;
        (void)pthread_cond_broadcast(&store->work_done);
    }
    mutex_unlock(&store->lock);
    if (late) {
        log_event_limited(store->log, LOG_ERROR, "state_stuck", NULL,
                          log_str("detail", "the disk does not answer; changes are refused until it does"));
    }
    return status;
}

void store_describe(struct store *store, struct store_state *state_r)
{
    mutex_lock(&store->lock);
    *state_r = store->state;
    state_r->waiting = store->waiting;
    mutex_unlock(&store->lock);
    state_r->file_size = database_size(store->rows.database);
}

/* -- life: the main thread --------------------------------------------------------------------------------------- */

static void destroy(struct store *store)
{
    revocation_rows_destroy(&store->rows.revocations);
    database_close(&store->rows.database);
    (void)pthread_cond_destroy(&store->work_came);
    (void)pthread_cond_destroy(&store->work_done);
    mutex_destroy(&store->lock);
    free(store);
}

UNCHECKED_LOCKING struct store *store_open(const char *state_dir, struct log *log, char *error, size_t error_size)
{
    struct store *store = calloc(1, sizeof(*store));
    if (store == NULL) {
        (void)snprintf(error, error_size, "%s", strerror(ENOMEM));
        return NULL;
    }
    mutex_init(&store->lock);
    condition_init(&store->work_came);
    condition_init(&store->work_done);
    store->end = &store->first;
    store->log = log;
    store->state.healthy = true;
    int code = 0;
    store->rows.database = database_open(state_dir, error, error_size);
    if (store->rows.database == NULL) {
        destroy(store);
        return NULL;
    }
    store->rows.revocations = revocation_rows_create(store->rows.database);
    if (store->rows.revocations == NULL) {
        (void)snprintf(error, error_size, "%s: its tables are not as they should be; put a backup in its place",
                       state_dir);
        destroy(store);
        return NULL;
    }
    code = thread_start(&store->thread, STACK_SIZE, run, store);
    if (code != 0) {
        (void)snprintf(error, error_size, "no thread for the state: %s", strerror(code));
        destroy(store);
        return NULL;
    }
    return store;
}

/* Whether nobody is in here any more, the thread included. */
static bool leave(struct store *store)
{
    int64_t until_ms = clock_monotonic_ms() + CLOSE_TIMEOUT_MS;
    mutex_lock(&store->lock);
    store->stopping = true;
    (void)pthread_cond_signal(&store->work_came);
    while ((!store->ended || store->callers > 0) && wait_locked(store, &store->work_done, until_ms)) {
    }
    bool left = store->ended && store->callers == 0;
    mutex_unlock(&store->lock);
    return left;
}

void store_close(struct store **store_pointer)
{
    struct store *store = *store_pointer;
    if (store == NULL) {
        return;
    }
    *store_pointer = NULL;
    if (!leave(store)) {
        log_event(store->log, LOG_ERROR, "state_stuck",
                  log_str("detail", "the disk does not answer; changes that nobody was told of may be lost"));
        (void)pthread_detach(store->thread);
        return;
    }
    (void)pthread_join(store->thread, NULL);
    destroy(store);
}
