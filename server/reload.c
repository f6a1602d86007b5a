/*
 * reload - see reload.h. The functions below "the thread" run on it; between reload_begin() and the end of the thread, all
 * but `abandoned` and what only the main thread uses is the thread's.
 */
#define _DEFAULT_SOURCE
#include "server/reload.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "server/key_sets.h"
#include "server/secrets.h"

#define THREAD_NAME "reload"
/* Looking up a user goes through whatever modules the system has for that, which are used to more than civetweb's 100 KiB. */
#define STACK_SIZE ((size_t)1024 * 1024)

/* Bytes of a reload's errors and warnings that are told besides being logged. */
#define NOTES_MAX 16384

struct reload {
    struct reload_setup setup;
    const struct config *old;
    int done_fd;
    bool under_way; /* main thread */
    bool again;     /* main thread */
    bool started;   /* main thread: there is a thread to join */
    pthread_t thread;
    atomic_bool abandoned;
    struct reload_result result;
    char notes[NOTES_MAX]; /* text */
    size_t notes_size;
};

/* ---- the thread ---- */

static void note(struct reload *reload, const char *line)
{
    size_t size = strlen(line);
    if (size + 2 <= sizeof(reload->notes) - reload->notes_size) {
        memcpy(reload->notes + reload->notes_size, line, size);
        memcpy(reload->notes + reload->notes_size + size, "\n", 2);
        reload->notes_size += size + 1;
    }
}

/* For the log, and for who asked for the reload. */
static void report(void *context, bool is_error, const char *line)
{
    struct reload *reload = context;
    log_event(reload->setup.log, is_error ? LOG_ERROR : LOG_WARNING, "config", log_str("detail", line));
    note(reload, line);
}

/* What is taken over at once or, without memory, not at all. */
static bool take_tables(const struct reload *reload, const struct config *config)
{
    const struct reload_setup *setup = &reload->setup;
    if (!key_sets_configure(setup->jwks, config)) {
        return false;
    }
    if (gate_reconfigure(setup->gate, &config->firewall)) {
        return true;
    }
    bool undone = key_sets_configure(setup->jwks, reload->old);
    (void)undone; /* keys that the old config does not name as well would be good until there is memory again */
    return false;
}

/* All of the new config, or nothing of it: what can fail comes first. Returns why it is refused, or NULL. */
static const char *publish(struct reload *reload, const struct config *config, SSL_CTX *tls)
{
    const struct reload_setup *setup = &reload->setup;
    const char *refused = "out of memory";
    struct lobby_reload *lobby = lobby_reload_prepare(setup->lobby, config, tls);
    if (lobby == NULL) {
        return refused;
    }
    if (atomic_load_explicit(&reload->abandoned, memory_order_relaxed)) {
        refused = "the server is stopping";
    } else if (take_tables(reload, config)) {
        config_report_restart(setup->started, config, report, reload);
        lobby_reload_commit(setup->lobby, &lobby);
        refused = NULL;
    }
    lobby_reload_cancel(setup->lobby, &lobby);
    return refused;
}

static bool make_secrets(struct reload *reload, const struct config **config)
{
    char error[512];
    bool complete = secrets_complete(reload->setup.file, config, reload->setup.log, error, sizeof(error));
    if (!complete) {
        report(reload, true, error);
    }
    return complete;
}

static bool prepare_access(struct reload *reload, const struct config *config, struct access **access_r)
{
    char error[512];
    bool prepared = admin_prepare(reload->setup.admin, config, access_r, error, sizeof(error));
    if (!prepared) {
        report(reload, true, error);
    }
    return prepared;
}

static struct reload_result prepare(struct reload *reload)
{
    struct reload_result result = {.config = config_load(reload->setup.file, report, reload)};
    if (result.config == NULL) {
        result.refused = "the config file has errors";
    } else if (!make_secrets(reload, &result.config)) {
        result.refused = "a secret cannot be made";
    } else if (!credentials_prepare(reload->setup.credentials, result.config, report, reload, &result.tls)) {
        result.refused = "a certificate or its key cannot be used";
    } else if (!prepare_access(reload, result.config, &result.access)) {
        result.refused = "an admin token cannot be used";
    } else {
        result.refused = publish(reload, result.config, result.tls);
    }
    if (result.refused != NULL) {
        note(reload, result.refused);
        SSL_CTX_free(result.tls);
        admin_cancel(&result.access);
        config_unref(&result.config);
        result.tls = NULL;
    }
    return result;
}

static void tell_done(const struct reload *reload)
{
    uint64_t one = 1;
    ssize_t written = write(reload->done_fd, &one, sizeof(one));
    assert(written == (ssize_t)sizeof(one)); /* the counter is at 0 before */
    (void)written;
}

static void *run(void *context)
{
    struct reload *reload = context;
    (void)prctl(PR_SET_NAME, THREAD_NAME);
    reload->result = prepare(reload);
    tell_done(reload);
    return NULL;
}

/* ---- the main thread ---- */

struct reload *reload_create(const struct reload_setup *setup)
{
    struct reload *reload = calloc(1, sizeof(*reload));
    if (reload == NULL) {
        return NULL;
    }
    reload->setup = *setup;
    reload->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (reload->done_fd < 0) {
        int error = errno;
        free(reload);
        errno = error;
        return NULL;
    }
    reload->setup.started = config_ref(setup->started);
    return reload;
}

static void join(struct reload *reload)
{
    if (reload->started) {
        int error = pthread_join(reload->thread, NULL);
        assert(error == 0);
        (void)error;
        reload->started = false;
    }
}

void reload_destroy(struct reload **reload_pointer)
{
    struct reload *reload = *reload_pointer;
    if (reload == NULL) {
        return;
    }
    *reload_pointer = NULL;
    reload_abandon(reload);
    join(reload);
    SSL_CTX_free(reload->result.tls);
    admin_cancel(&reload->result.access);
    config_unref(&reload->result.config);
    config_unref(&reload->setup.started);
    close(reload->done_fd);
    free(reload);
}

int reload_event_fd(const struct reload *reload)
{
    return reload->done_fd;
}

static bool start_thread(struct reload *reload)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return false;
    }
    bool started = pthread_attr_setstacksize(&attributes, STACK_SIZE) == 0 &&
                   pthread_create(&reload->thread, &attributes, run, reload) == 0;
    pthread_attr_destroy(&attributes);
    return started;
}

bool reload_begin(struct reload *reload, const struct config *old)
{
    if (reload->under_way) {
        reload->again = true;
        return false;
    }
    reload->under_way = true;
    reload->old = old;
    reload->notes[0] = '\0';
    reload->notes_size = 0;
    reload->started = start_thread(reload);
    if (!reload->started) {
        reload->result = (struct reload_result){.refused = "no thread can be started"};
        tell_done(reload);
    }
    return true;
}

bool reload_collect(struct reload *reload, struct reload_result *result_r, bool *again_r)
{
    uint64_t count;
    if (read(reload->done_fd, &count, sizeof(count)) != (ssize_t)sizeof(count)) {
        return false;
    }
    join(reload);
    *result_r = reload->result;
    *again_r = reload->again;
    reload->result = (struct reload_result){0};
    reload->again = false;
    reload->under_way = false;
    return true;
}

const char *reload_notes(const struct reload *reload)
{
    return reload->notes;
}

void reload_abandon(struct reload *reload)
{
    reload->again = false;
    atomic_store_explicit(&reload->abandoned, true, memory_order_relaxed);
}

bool reload_under_way(const struct reload *reload)
{
    return reload->under_way;
}
