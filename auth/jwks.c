/*
 * jwks - the thread that fetches key sets, and what others see of it. Everybody shares the sources and the ring of all their keys
 * under one lock, for a few memory accesses at a time; requests, parsing and logging are done without it. Sources are freed by
 * the thread alone, so that it may use one that the config has just dropped.
 */
#include "auth/jwks.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>

#include <curl/curl.h>

#include "auth/jwks_fetch.h"
#include "auth/jwks_source.h"
#include "logging/clock.h"
#include "logging/mutex.h"
#include "logging/thread.h"

#define THREAD_NAME "key-sets"
#define STACK_SIZE  (512 * 1024) /* libcurl, and OpenSSL's handshake in it */
#define WAIT_MIN_MS 10           /* what is due and cannot be done for want of memory is not tried without a pause */
#define WAIT_MAX_MS 60000

struct jwks {
    struct mutex lock;
    struct source **sources LOCK_GUARDED;
    size_t count LOCK_GUARDED;
    struct source *dropped LOCK_GUARDED; /* for the thread to free */
    struct keyring *keys LOCK_GUARDED;   /* of all sources */
    bool stopping LOCK_GUARDED;
    struct jwks_fetcher *fetcher;
    struct log *log;
    bool running; /* the thread; the main thread's */
    pthread_t thread;
};

static struct keyring *merge(struct source *const *sources, size_t count);
static bool publish_locked(struct jwks *jwks) REQUIRES_LOCK(jwks->lock);
static struct source *take_due_locked(struct jwks *jwks, int64_t now_ms) REQUIRES_LOCK(jwks->lock);
static struct source *expire_locked(struct jwks *jwks, int64_t now_ms) REQUIRES_LOCK(jwks->lock);
static int64_t next_ms_locked(const struct jwks *jwks) REQUIRES_LOCK(jwks->lock);
static bool is_current_locked(const struct jwks *jwks, const struct source *source) REQUIRES_LOCK(jwks->lock);

static int64_t now_s(void)
{
    return clock_real_ms() / 1000;
}

static uint32_t random_number(void)
{
    uint32_t number = 0;
    ssize_t size = getrandom(&number, sizeof(number), GRND_NONBLOCK);
    return size == (ssize_t)sizeof(number) ? number : 0; /* without jitter, then */
}

/* -- the ring of all keys ---------------------------------------------------------------------------------------- */

/* NULL without memory. */
static struct keyring *merge(struct source *const *sources, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        total += sources[i]->keys != NULL ? keyring_count(sources[i]->keys) : 0;
    }
    struct key **keys = calloc(total + 1, sizeof(struct key *));
    if (keys == NULL) {
        return NULL;
    }
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; sources[i]->keys != NULL && j < keyring_count(sources[i]->keys); j++) {
            keys[used++] = keyring_key(sources[i]->keys, j);
        }
    }
    struct keyring *ring = keyring_create(keys, used);
    free(keys);
    return ring;
}

/* False without memory: the old ring stays. */
static bool publish_locked(struct jwks *jwks)
{
    struct keyring *keys = merge(jwks->sources, jwks->count);
    if (keys == NULL) {
        return false;
    }
    keyring_unref(&jwks->keys);
    jwks->keys = keys;
    return true;
}

static bool is_current_locked(const struct jwks *jwks, const struct source *source)
{
    for (size_t i = 0; i < jwks->count; i++) {
        if (jwks->sources[i] == source) {
            return true;
        }
    }
    return false;
}

/* -- the thread: what came of a fetch ---------------------------------------------------------------------------- */

/* Takes the reference, or gives it back: the config dropped the source meanwhile, or there is no memory (false). */
static bool take_keys(struct jwks *jwks, struct source *source, struct keyring *keys)
{
    bool good = true;
    mutex_lock(&jwks->lock);
    if (is_current_locked(jwks, source)) {
        struct keyring *before = source->keys;
        source->keys = keys;
        good = publish_locked(jwks);
        source->keys = before;
    }
    if (good) {
        source_succeeded(source, keys, random_number(), clock_monotonic_ms(), now_s());
    } else {
        keyring_unref(&keys);
    }
    mutex_unlock(&jwks->lock);
    return good;
}

static void fail(struct jwks *jwks, struct source *source, const char *error)
{
    mutex_lock(&jwks->lock);
    const int64_t now_ms = clock_monotonic_ms();
    source_failed(source, error, random_number(), now_ms);
    const bool has_keys = source->keys != NULL;
    const uint64_t failures = source->failures;
    const int64_t wait_ms = source->due_ms - now_ms;
    mutex_unlock(&jwks->lock);
    log_event_limited(jwks->log, has_keys ? LOG_WARNING : LOG_ERROR, "jwks_failed", source->config.url,
                      log_str("url", source->config.url), log_str("error", error), log_u64("failures", failures),
                      log_seconds("retry_in", (uint64_t)wait_ms),
                      log_str("detail", has_keys ? "the last good set stays in use" : "there are no keys of it"));
}

static void judge(struct jwks *jwks, struct source *source, const struct jwks_answer *answer)
{
    char error[256] = "";
    size_t skipped = 0;
    if (answer->error[0] != '\0') {
        fail(jwks, source, answer->error);
        return;
    }
    struct keyring *keys = jwks_parse(answer->bytes, answer->size, source->config.issuer, source->config.audience,
                                      &skipped, error, sizeof(error));
    if (keys == NULL) {
        fail(jwks, source, error);
        return;
    }
    const size_t count = keyring_count(keys);
    if (!take_keys(jwks, source, keys)) {
        fail(jwks, source, strerror(ENOMEM));
        return;
    }
    log_event_limited(jwks->log, LOG_INFO, "jwks_fetched", source->config.url, log_str("url", source->config.url),
                      log_u64("keys", count), log_u64("skipped", skipped));
    if (error[0] != '\0') {
        log_event_limited(jwks->log, LOG_WARNING, "jwks_suspicious", source->config.url,
                          log_str("url", source->config.url), log_str("detail", error));
    }
}

static void take_answer(void *context, const struct jwks_answer *answer)
{
    struct jwks *jwks = context;
    struct source *source = answer->context;
    judge(jwks, source, answer);
    jwks_fetch_end(jwks->fetcher, &source->fetch);
}

/* -- the thread: what is due ------------------------------------------------------------------------------------- */

static struct source *take_due_locked(struct jwks *jwks, int64_t now_ms)
{
    for (size_t i = 0; i < jwks->count; i++) {
        struct source *source = jwks->sources[i];
        if (!source->fetching && source->due_ms <= now_ms) {
            source_began(source, now_ms, now_s());
            return source;
        }
    }
    return NULL;
}

static void begin_due(struct jwks *jwks)
{
    const int64_t now_ms = clock_monotonic_ms();
    for (;;) {
        mutex_lock(&jwks->lock);
        struct source *source = take_due_locked(jwks, now_ms);
        mutex_unlock(&jwks->lock);
        if (source == NULL) {
            return;
        }
        source->fetch = jwks_fetch_begin(jwks->fetcher, source->config.url, source->config.ca_file, source);
        if (source->fetch == NULL) {
            fail(jwks, source, strerror(ENOMEM));
        }
    }
}

/* The first whose set is too old and has been taken away. */
static struct source *expire_locked(struct jwks *jwks, int64_t now_ms)
{
    for (size_t i = 0; i < jwks->count; i++) {
        struct source *source = jwks->sources[i];
        if (source_expires_ms(source) <= now_ms) {
            struct keyring *keys = source->keys;
            source->keys = NULL;
            if (publish_locked(jwks)) {
                keyring_unref(&keys);
                return source;
            }
            source->keys = keys; /* until there is memory */
        }
    }
    return NULL;
}

static void expire(struct jwks *jwks)
{
    const int64_t now_ms = clock_monotonic_ms();
    for (;;) {
        mutex_lock(&jwks->lock);
        const struct source *source = expire_locked(jwks, now_ms);
        const uint64_t max_age_ms = source != NULL ? source->config.max_age_ms : 0; /* a new config may change it */
        mutex_unlock(&jwks->lock);
        if (source == NULL) {
            return;
        }
        log_event(jwks->log, LOG_ERROR, "jwks_dropped", log_str("url", source->config.url),
                  log_seconds("max_age", max_age_ms),
                  log_str("detail", "no newer set could be had for so long; tokens of its keys are refused"));
    }
}

static void free_dropped(struct jwks *jwks)
{
    mutex_lock(&jwks->lock);
    struct source *source = jwks->dropped;
    jwks->dropped = NULL;
    mutex_unlock(&jwks->lock);
    while (source != NULL) {
        struct source *next = source->next;
        jwks_fetch_end(jwks->fetcher, &source->fetch);
        source_destroy(&source);
        source = next;
    }
}

static int64_t next_ms_locked(const struct jwks *jwks)
{
    int64_t next_ms = JWKS_NEVER;
    for (size_t i = 0; i < jwks->count; i++) {
        const struct source *source = jwks->sources[i];
        const int64_t expires_ms = source_expires_ms(source);
        next_ms = source->due_ms < next_ms ? source->due_ms : next_ms;
        next_ms = expires_ms < next_ms ? expires_ms : next_ms;
    }
    return next_ms;
}

/* How long nothing will be due. -1: there is to be an end. */
static int time_to_wait(struct jwks *jwks)
{
    mutex_lock(&jwks->lock);
    const int64_t next_ms = next_ms_locked(jwks);
    const bool stopping = jwks->stopping;
    mutex_unlock(&jwks->lock);
    const int64_t now_ms = clock_monotonic_ms();
    if (stopping) {
        return -1;
    }
    if (next_ms < now_ms + WAIT_MIN_MS) {
        return WAIT_MIN_MS;
    }
    return next_ms < now_ms + WAIT_MAX_MS ? (int)(next_ms - now_ms) : WAIT_MAX_MS;
}

static void *run(void *argument)
{
    struct jwks *jwks = argument;
    int wait_ms;
    (void)prctl(PR_SET_NAME, THREAD_NAME);
    begin_due(jwks);
    while ((wait_ms = time_to_wait(jwks)) >= 0) {
        jwks_fetcher_run(jwks->fetcher, wait_ms, take_answer, jwks);
        free_dropped(jwks);
        expire(jwks);
        begin_due(jwks);
    }
    return NULL;
}

/* -- others ------------------------------------------------------------------------------------------------------ */

struct keyring *jwks_keys(struct jwks *jwks)
{
    mutex_lock(&jwks->lock);
    struct keyring *keys = keyring_ref(jwks->keys);
    mutex_unlock(&jwks->lock);
    return keys;
}

bool jwks_miss(struct jwks *jwks, const char *key_id)
{
    (void)key_id; /* no set has it, so any may get it */
    bool fetching = false;
    bool wake = false;
    const int64_t now_ms = clock_monotonic_ms();
    mutex_lock(&jwks->lock);
    for (size_t i = 0; i < jwks->count; i++) {
        struct source *source = jwks->sources[i];
        const int64_t due_ms = source->due_ms;
        fetching = source_miss(source, now_ms) || fetching;
        wake = wake || source->due_ms != due_ms;
    }
    mutex_unlock(&jwks->lock);
    if (wake) {
        jwks_fetcher_wake(jwks->fetcher);
    }
    return fetching;
}

/* False: there is no source of that number. */
static bool describe_one(struct jwks *jwks, size_t index, char **url_r, struct jwks_state *state_r)
{
    mutex_lock(&jwks->lock);
    const bool found = index < jwks->count;
    if (found) {
        const struct source *source = jwks->sources[index];
        *url_r = strdup(source->config.url);
        state_r->url = *url_r != NULL ? *url_r : "";
        state_r->key_count = source->keys != NULL ? keyring_count(source->keys) : 0;
        state_r->fetched_s = source->fetched_s;
        state_r->attempted_s = source->attempted_s;
        state_r->failures = source->failures;
        memcpy(state_r->error, source->error, sizeof(state_r->error));
    }
    mutex_unlock(&jwks->lock);
    return found;
}

void jwks_describe(struct jwks *jwks, void (*each)(void *context, const struct jwks_state *state), void *context)
{
    struct jwks_state state;
    char *url = NULL;
    for (size_t i = 0; describe_one(jwks, i, &url, &state); i++) {
        each(context, &state);
        free(url);
    }
}

/* -- life: the main thread --------------------------------------------------------------------------------------- */

bool jwks_prepare_process(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

static int start_thread(struct jwks *jwks)
{
    int error = thread_start(&jwks->thread, STACK_SIZE, run, jwks);
    jwks->running = error == 0;
    return error;
}

/* The sources of a new config, of which those that match are the old ones, and the ring of their keys. */
struct plan {
    struct source **sources;
    bool *kept; /* for each: it was there before */
    size_t count;
    struct keyring *keys;
};

static void plan_clear(struct plan *plan)
{
    for (size_t i = 0; i < plan->count && plan->sources != NULL && plan->kept != NULL; i++) {
        if (!plan->kept[i]) {
            source_destroy(&plan->sources[i]);
        }
    }
    keyring_unref(&plan->keys);
    free(plan->sources);
    free(plan->kept);
}

static struct source *find_match_locked(struct jwks *jwks, const struct plan *plan, const struct jwks_source *config)
    REQUIRES_LOCK(jwks->lock);
static bool plan_make_locked(struct jwks *jwks, const struct jwks_source *configs, size_t count, struct plan *plan)
    REQUIRES_LOCK(jwks->lock);
static void plan_execute_locked(struct jwks *jwks, const struct jwks_source *configs, struct plan *plan)
    REQUIRES_LOCK(jwks->lock);

/* One that is there and not yet taken: the same source may be configured twice. */
static struct source *find_match_locked(struct jwks *jwks, const struct plan *plan, const struct jwks_source *config)
{
    for (size_t i = 0; i < jwks->count; i++) {
        bool taken = !source_matches(jwks->sources[i], config);
        for (size_t j = 0; j < plan->count && !taken; j++) {
            taken = plan->sources[j] == jwks->sources[i];
        }
        if (!taken) {
            return jwks->sources[i];
        }
    }
    return NULL;
}

static bool plan_make_locked(struct jwks *jwks, const struct jwks_source *configs, size_t count, struct plan *plan)
{
    const int64_t now_ms = clock_monotonic_ms();
    plan->sources = calloc(count + 1, sizeof(struct source *));
    plan->kept = calloc(count + 1, sizeof(bool));
    if (plan->sources == NULL || plan->kept == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct source *source = find_match_locked(jwks, plan, &configs[i]);
        plan->kept[i] = source != NULL;
        plan->sources[i] = source != NULL ? source : source_create(&configs[i], now_ms);
        if (plan->sources[i] == NULL) {
            return false;
        }
        plan->count++;
    }
    plan->keys = merge(plan->sources, plan->count);
    return plan->keys != NULL;
}

/* Cannot fail. */
static void plan_execute_locked(struct jwks *jwks, const struct jwks_source *configs, struct plan *plan)
{
    const int64_t now_ms = clock_monotonic_ms();
    struct source **before = jwks->sources;
    const size_t before_count = jwks->count;
    jwks->sources = plan->sources;
    jwks->count = plan->count;
    for (size_t i = 0; i < jwks->count; i++) {
        source_retime(jwks->sources[i], &configs[i], now_ms);
    }
    for (size_t i = 0; i < before_count; i++) {
        if (!is_current_locked(jwks, before[i])) {
            before[i]->next = jwks->dropped;
            jwks->dropped = before[i];
        }
    }
    free(before);
    keyring_unref(&jwks->keys);
    jwks->keys = plan->keys;
    free(plan->kept);
    *plan = (struct plan){.count = 0};
}

bool jwks_configure(struct jwks *jwks, const struct jwks_source *sources, size_t count)
{
    struct plan plan = {.count = 0};
    if (!jwks->running && count > 0 && start_thread(jwks) != 0) { /* with nothing to do yet */
        return false;
    }
    mutex_lock(&jwks->lock);
    const bool good = plan_make_locked(jwks, sources, count, &plan);
    if (good) {
        plan_execute_locked(jwks, sources, &plan);
    }
    mutex_unlock(&jwks->lock);
    plan_clear(&plan);
    jwks_fetcher_wake(jwks->fetcher);
    return good;
}

UNCHECKED_LOCKING struct jwks *jwks_start(const struct jwks_source *sources, size_t count, struct log *log)
{
    struct jwks *jwks = calloc(1, sizeof(*jwks));
    if (jwks == NULL) {
        return NULL;
    }
    mutex_init(&jwks->lock);
    jwks->log = log;
    jwks->keys = keyring_create(NULL, 0);
    jwks->fetcher = jwks_fetcher_create();
    if (jwks->keys == NULL || jwks->fetcher == NULL || !jwks_configure(jwks, sources, count)) {
        jwks_stop(&jwks);
        errno = ENOMEM;
    }
    return jwks;
}

static void stop_thread(struct jwks *jwks)
{
    mutex_lock(&jwks->lock);
    jwks->stopping = true;
    mutex_unlock(&jwks->lock);
    jwks_fetcher_wake(jwks->fetcher);
    (void)pthread_join(jwks->thread, NULL);
}

UNCHECKED_LOCKING void jwks_stop(struct jwks **jwks_pointer)
{
    struct jwks *jwks = *jwks_pointer;
    if (jwks == NULL) {
        return;
    }
    *jwks_pointer = NULL;
    if (jwks->running) {
        stop_thread(jwks);
    }
    free_dropped(jwks);
    for (size_t i = 0; i < jwks->count; i++) {
        jwks_fetch_end(jwks->fetcher, &jwks->sources[i]->fetch);
        source_destroy(&jwks->sources[i]);
    }
    free(jwks->sources);
    keyring_unref(&jwks->keys);
    jwks_fetcher_destroy(&jwks->fetcher);
    mutex_destroy(&jwks->lock);
    free(jwks);
}
