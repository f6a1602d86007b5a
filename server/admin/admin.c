/*
 * admin - civetweb's second context, its threads, and what is behind them; see admin.h.
 *
 * The first of its workers runs the front, the others answer what the front has read. Like the public one it never sees a
 * socket of a peer: see server/door/placeholder.h.
 *
 * Lock: `lock` guards the access in force, for taking a reference or exchanging it, and while starting how far the threads
 * have got.
 */
#include "server/admin/admin.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <civetweb.h>

#include "logging/thread.h"
#include "server/admin/access.h"
#include "server/admin/api.h"
#include "server/admin/front.h"
#include "server/admin/guesses.h"
#include "server/admin/orders.h"
#include "server/config/syntax.h"
#include "server/door/context.h"
#include "server/door/placeholder.h"
#include "server/door/ready_ring.h"

/* Some of them may wait for a disk, a session loop or a reload while the others answer. */
#define WORKERS 8
#define THREADS (WORKERS + 1)
/* How long threads may take to start before that counts as a failure. */
#define START_TIMEOUT_S 10

/* Bytes of a head: civetweb's default, and far more than the request of the front's own that it gets. */
#define REQUEST_SIZE_MAX 16384
#define RING_PLACEHOLDER 0
#define WAKE_PLACEHOLDER 1

struct admin {
    struct api api;
    struct log *log;
    struct front *front;
    struct ready_ring *ring;
    struct orders *orders;
    struct guesses *guesses;
    struct mg_context *context;
    struct placeholder_set placeholders;
    int wake_fd; /* makes civetweb's poll return when it is to stop */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct access *access;
    unsigned started; /* threads that know their role */
    bool attached;    /* the master thread has put the eventfds in place, */
    bool failed;      /* or could not */
};

/* ---- threads ---- */

static unsigned note_start(struct admin *admin, bool is_master, bool failed)
{
    pthread_mutex_lock(&admin->lock);
    unsigned index = admin->started;
    admin->attached = admin->attached || is_master;
    admin->started += is_master ? 0 : 1;
    admin->failed = admin->failed || failed;
    pthread_cond_signal(&admin->changed);
    pthread_mutex_unlock(&admin->lock);
    return index;
}

static void run_role(struct admin *admin)
{
    char name[32]; /* the kernel cuts it at 15 characters */
    unsigned index = note_start(admin, false, false);
    if (index == 0) {
        (void)prctl(PR_SET_NAME, "admin-front");
        front_run(admin->front);
        return;
    }
    snprintf(name, sizeof(name), "admin-%u", index - 1);
    (void)prctl(PR_SET_NAME, name);
}

static void attach(struct admin *admin)
{
    bool attached =
        admin->placeholders.count == PLACEHOLDER_MAX &&
        placeholder_attach(admin->placeholders.fds[RING_PLACEHOLDER], ready_ring_event_fd(admin->ring), admin->ring) &&
        placeholder_attach(admin->placeholders.fds[WAKE_PLACEHOLDER], admin->wake_fd, NULL);
    (void)note_start(admin, true, !attached);
}

static void *on_thread(const struct mg_context *context, int type)
{
    struct admin *admin = mg_get_user_data(context);
    if (type == 0) {
        attach(admin);
    } else if (type == 1) {
        run_role(admin);
    }
    return NULL;
}

/* ---- requests ---- */

static struct access *current_access(struct admin *admin)
{
    pthread_mutex_lock(&admin->lock);
    struct access *access = access_ref(admin->access);
    pthread_mutex_unlock(&admin->lock);
    return access;
}

static void answer(struct admin *admin, struct front_slot *slot)
{
    struct front_request request;
    struct access *access = current_access(admin);
    front_request_of(slot, &request);
    struct reply reply = api_answer(&admin->api, access, &request);
    size_t size = 0;
    char *bytes = reply_format(&reply, head_wants_no_body(request.bytes, request.head.size), &size);
    reply_clear(&reply);
    access_unref(&access);
    front_answer(slot, bytes, size);
}

/* Always > 0: civetweb's own ways of answering are never reached. */
static int on_request(struct mg_connection *connection)
{
    struct admin *admin = mg_get_user_data(mg_get_context(connection));
    const struct mg_request_info *info = mg_get_request_info(connection);
    struct in_addr peer;
    struct front_slot *slot = NULL;
    if (inet_pton(AF_INET, info->remote_addr, &peer) == 1) {
        slot = front_find(admin->front, ntohl(peer.s_addr) & 0x0FFFFFFF, (uint16_t)info->remote_port);
    }
    if (slot != NULL) {
        answer(admin, slot);
    }
    return 200; /* nothing is written: the front answers */
}

static int on_log(const struct mg_connection *connection, const char *message)
{
    const struct admin *admin = mg_get_user_data(mg_get_context(connection));
    log_event_limited(admin == NULL ? NULL : admin->log, LOG_WARNING, "civetweb", NULL, log_str("detail", message));
    return 1;
}

/* ---- start ---- */

static struct mg_context *start_context(struct admin *admin)
{
    const struct context_setup setup = {
        .threads = THREADS, .queue = FRONT_SLOTS, .request_size = REQUEST_SIZE_MAX, .timeout_ms = 3000};
    const struct mg_callbacks callbacks = {
        .begin_request = on_request,
        .log_message = on_log,
        .init_thread = on_thread,
    };
    return context_start(&setup, &callbacks, admin, &admin->placeholders);
}

static bool wait_start(struct admin *admin)
{
    struct timespec limit;
    clock_gettime(CLOCK_MONOTONIC, &limit);
    limit.tv_sec += START_TIMEOUT_S;
    int result = 0;
    pthread_mutex_lock(&admin->lock);
    while ((!admin->attached || admin->started < THREADS) && !admin->failed && result == 0) {
        result = pthread_cond_timedwait(&admin->changed, &admin->lock, &limit);
    }
    bool started = admin->attached && admin->started == THREADS && !admin->failed;
    pthread_mutex_unlock(&admin->lock);
    return started;
}

static bool fail(char *error, size_t error_size, const char *why)
{
    snprintf(error, error_size, "%s", why);
    return false;
}

static bool start_threads(struct admin *admin, char *error, size_t error_size)
{
    mg_init_library(MG_FEATURES_DEFAULT);
    admin->context = start_context(admin);
    if (admin->context == NULL) {
        mg_exit_library();
        return fail(error, error_size, "civetweb did not start");
    }
    return wait_start(admin) || fail(error, error_size, "the threads did not start: is a limit on threads in the way?");
}

/* What the threads need; none runs yet. */
static bool prepare(struct admin *admin, const struct config *config, char *error, size_t error_size)
{
    struct config_listener listener;
    if (!syntax_parse_listener(config->admin.address, &listener)) {
        return fail(error, error_size, "admin.address is no address"); /* not reached: the config was checked */
    }
    admin->ring = ready_ring_create(FRONT_SLOTS);
    admin->orders = orders_create();
    admin->guesses = guesses_create();
    admin->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (admin->ring == NULL || admin->orders == NULL || admin->guesses == NULL || admin->wake_fd < 0) {
        return fail(error, error_size, strerror(errno));
    }
    const struct front_setup front = {
        .address = listener.address, .port = listener.port, .ring = admin->ring, .log = admin->log};
    admin->access = access_create(config, error, error_size);
    admin->front = admin->access == NULL ? NULL : front_create(&front, error, error_size);
    if (admin->front == NULL) {
        return false;
    }
    admin->api.orders = admin->orders;
    admin->api.guesses = admin->guesses;
    admin->api.address = listener.address;
    admin->api.port = front_port(admin->front);
    return true;
}

static void log_start(const struct admin *admin)
{
    char text[ADDRESS_TEXT_SIZE];
    log_event(admin->log, LOG_NOTICE, "admin_listening",
              log_str("address", address_format_port(&admin->api.address, admin->api.port, text)),
              log_u64("tokens", access_config(admin->access)->admin.token_count));
}

struct admin *admin_start(const struct config *config, const struct admin_setup *setup, char *error, size_t error_size)
{
    struct admin *admin = calloc(1, sizeof(*admin));
    if (admin == NULL) {
        (void)fail(error, error_size, strerror(errno));
        return NULL;
    }
    admin->wake_fd = -1;
    admin->log = setup->log;
    admin->api = (struct api){.log = setup->log,
                              .sessions = setup->sessions,
                              .store = setup->store,
                              .revocations = setup->revocations,
                              .readiness = setup->readiness};
    pthread_mutex_init(&admin->lock, NULL);
    condition_init(&admin->changed);
    if (config->admin.address[0] == '\0') {
        return admin;
    }
    if (!prepare(admin, config, error, error_size) || !start_threads(admin, error, error_size)) {
        admin_stop(&admin);
        return NULL;
    }
    log_start(admin);
    return admin;
}

/* ---- reload ---- */

bool admin_prepare(const struct admin *admin, const struct config *config, struct access **access_r, char *error,
                   size_t error_size)
{
    *access_r = admin->front == NULL ? NULL : access_create(config, error, error_size);
    return admin->front == NULL || *access_r != NULL;
}

void admin_commit(struct admin *admin, struct access **access)
{
    if (*access == NULL) {
        return;
    }
    pthread_mutex_lock(&admin->lock);
    struct access *old = admin->access;
    admin->access = *access;
    pthread_mutex_unlock(&admin->lock);
    access_unref(&old);
    *access = NULL;
}

void admin_cancel(struct access **access)
{
    access_unref(access);
}

/* ---- orders ---- */

int admin_event_fd(const struct admin *admin)
{
    return admin->orders == NULL ? -1 : orders_event_fd(admin->orders);
}

bool admin_take_order(struct admin *admin, enum admin_order *order_r)
{
    return admin->orders != NULL && orders_take(admin->orders, order_r);
}

void admin_answer_order(struct admin *admin, bool done, const char *detail)
{
    orders_answer(admin->orders, done, detail);
}

/* ---- stop ---- */

static void stop_threads(struct admin *admin)
{
    uint64_t one = 1;
    orders_close(admin->orders);
    front_stop(admin->front);
    ssize_t written = write(admin->wake_fd, &one, sizeof(one));
    assert(written == (ssize_t)sizeof(one));
    (void)written;
    mg_stop(admin->context);
    for (size_t i = 0; i < admin->placeholders.count; i++) {
        placeholder_detach(admin->placeholders.fds[i]);
    }
    mg_exit_library();
}

void admin_stop(struct admin **admin_pointer)
{
    struct admin *admin = *admin_pointer;
    if (admin == NULL) {
        return;
    }
    *admin_pointer = NULL;
    if (admin->context != NULL) {
        stop_threads(admin);
    }
    front_destroy(&admin->front);
    ready_ring_destroy(&admin->ring);
    orders_destroy(&admin->orders);
    guesses_destroy(&admin->guesses);
    access_unref(&admin->access);
    if (admin->wake_fd >= 0) {
        (void)close(admin->wake_fd);
    }
    pthread_cond_destroy(&admin->changed);
    pthread_mutex_destroy(&admin->lock);
    free(admin);
}
