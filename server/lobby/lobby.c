/*
 * lobby - accept, slots, deadlines and eviction; see lobby.h. lobby_run() and all that it calls run on the lobby's threads,
 * each of which touches its own slots alone.
 */
#include "server/lobby/lobby.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "server/lobby/accept.h"
#include "server/lobby/slot.h"

/* Connections accepted in a row before those inside get their turn. */
#define ACCEPT_BATCH 64
/* Messages that may wait for a lobby thread: newcomers from other threads, reload, stop. */
#define INBOX_MAX 4096
/* How many more connections than another a lobby thread may have before it passes newcomers on. */
#define BALANCE_SLACK 32

static const struct {
    const char *label;
    const char *text;
} causes[LOBBY_CAUSE_COUNT] = {
#define LOBBY_CAUSE_ROW_(name, label, sentence) [LOBBY_##name] = {label, sentence},
    LOBBY_CAUSE_TABLE(LOBBY_CAUSE_ROW_)
#undef LOBBY_CAUSE_ROW_
};

const char *lobby_cause_label(enum lobby_cause cause)
{
    return causes[cause].label;
}

const char *lobby_cause_text(enum lobby_cause cause)
{
    return causes[cause].text;
}

void lobby_counts(const struct lobby *lobby, uint64_t counts_r[LOBBY_CAUSE_COUNT])
{
    for (int i = 0; i < LOBBY_CAUSE_COUNT; i++) {
        counts_r[i] = atomic_load_explicit(&lobby->counts[i], memory_order_relaxed);
    }
}

/* ---- slots ---- */

void slot_report(const struct slot *slot, enum lobby_cause cause, const char *detail)
{
    struct lobby *lobby = slot->home->lobby;
    atomic_fetch_add_explicit(&lobby->counts[cause], 1, memory_order_relaxed);
    /* A health probe connects and leaves without a word: no offence, and nothing for the log of a busy day. */
    bool probe = cause == LOBBY_LEFT && slot->size == 0;
    char peer[ADDRESS_TEXT_SIZE];
    log_event_limited(lobby->log, probe ? LOG_DEBUG : LOG_INFO, "request_refused", causes[cause].label,
                      log_str("peer", address_format_port(&slot->pass.from, slot->port, peer)),
                      log_bool("tls", slot->tls), log_str("cause", causes[cause].label),
                      log_str("detail", detail != NULL ? detail : causes[cause].text));
}

void slot_watch(struct slot *slot, uint32_t events)
{
    if (slot->interest != events) {
        slot->interest = events;
        loop_modify(slot->home->loop, &slot->client, events);
    }
}

void lobby_due(struct lobby_thread *home, uint64_t due_ms)
{
    timer_set_earlier(loop_timers(home->loop), &home->timer, due_ms);
}

void slot_release(struct slot *slot, bool reset)
{
    struct lobby_thread *home = slot->home;
    assert(slot->state != SLOT_FREE);
    if (slot->state == SLOT_TLS) {
        slot_handshake_over(slot);
    }
    bool taken = slot->transport.fd < 0;
    loop_remove(home->loop, &slot->client);
    if (slot->relay.fd >= 0) {
        int fd = slot->relay.fd;
        loop_remove(home->loop, &slot->relay);
        close(fd);
    }
    transport_close(&slot->transport, reset);
    if (!taken) {
        gate_release(home->lobby->gate, &slot->pass);
    }
    config_unref(&slot->config);
    free(slot->bytes);
    slot->bytes = NULL;
    slot->size = 0;
    slot->state = SLOT_FREE;
    slot->generation++;
    list_remove(&slot->age);
    list_remove(&slot->queue);
    list_push_back(&home->free, &slot->queue);
    atomic_fetch_sub_explicit(&home->occupied, 1, memory_order_relaxed);
}

static struct slot *oldest_of(const struct list *list)
{
    struct list *first = list_first(list);
    return first == NULL ? NULL : CONTAINER_OF(first, struct slot, age);
}

/* A free slot, if need be that of the oldest newcomer, then of the oldest that is leaving. NULL when all are being decided. */
static struct slot *obtain_slot(struct lobby_thread *home)
{
    if (list_is_empty(&home->free)) {
        struct slot *oldest = oldest_of(&home->age);
        if (oldest != NULL) {
            slot_report(oldest, LOBBY_EVICTED, NULL);
        } else {
            oldest = oldest_of(&home->leaving);
        }
        if (oldest == NULL) {
            return NULL;
        }
        slot_release(oldest, true);
    }
    struct slot *slot = CONTAINER_OF(list_first(&home->free), struct slot, queue);
    list_remove(&slot->queue);
    return slot;
}

static void on_client(struct loop_source *source, uint32_t events)
{
    struct slot *slot = CONTAINER_OF(source, struct slot, client);
    switch ((enum slot_state)slot->state) {
    case SLOT_HELLO:
        slot_hello_ready(slot, events);
        break;
    case SLOT_TLS:
        slot_handshake_ready(slot);
        break;
    case SLOT_HEAD:
        slot_head_ready(slot);
        break;
    case SLOT_ANSWER:
        slot_answer_ready(slot);
        break;
    case SLOT_LINGER:
        slot_linger_ready(slot);
        break;
    case SLOT_PARKED: /* nothing is awaited from them: only a hang-up or an error is told */
    case SLOT_READY:
        slot_report(slot, LOBBY_LEFT, NULL);
        slot_release(slot, true);
        break;
    case SLOT_FREE:
    case SLOT_HANDED:
        assert(false); /* these are not watched */
        break;
    }
}

/* ---- accept ---- */

/* An admitted connection on its way to a slot, perhaps on another thread. */
struct newcomer {
    struct loop_message message;
    struct lobby_thread *to;
    struct gate_pass pass;
    int fd;
    uint16_t port;
    bool tls;
};

static void refuse(struct lobby_thread *home, int fd, struct gate_pass *pass)
{
    accept_reset(fd);
    gate_release(home->lobby->gate, pass);
    atomic_fetch_add_explicit(&home->lobby->counts[LOBBY_BUSY], 1, memory_order_relaxed);
}

/* Takes an admitted connection in: a slot, a deadline, and whatever its listener speaks. */
static void take_in(struct lobby_thread *home, const struct newcomer *newcomer)
{
    struct gate_pass kept = newcomer->pass;
    int fd = newcomer->fd;
    struct slot *slot = obtain_slot(home);
    if (slot == NULL) {
        refuse(home, fd, &kept);
        return;
    }
    uint32_t events = newcomer->tls ? EPOLLIN | EPOLLRDHUP : EPOLLIN;
    slot->client = (struct loop_source){.on_ready = on_client, .fd = -1};
    slot->relay = (struct loop_source){.on_ready = slot_relay_ready, .fd = -1};
    if (!loop_add(home->loop, &slot->client, fd, events)) {
        list_push_back(&home->free, &slot->queue);
        refuse(home, fd, &kept);
        return;
    }
    slot->interest = events;
    slot->transport = (struct transport){.fd = fd};
    slot->pass = kept;
    slot->config = config_ref(home->config);
    slot->port = newcomer->port;
    slot->tls = newcomer->tls;
    slot->relayed = false;
    slot->sent = 0;
    slot->head_size = 0;
    slot->due_ms = loop_now_ms(home->loop) + home->config->limits.handshake_timeout_ms;
    list_push_back(&home->age, &slot->age);
    lobby_due(home, slot->due_ms);
    atomic_fetch_add_explicit(&home->occupied, 1, memory_order_relaxed);
    if (newcomer->tls) {
        slot_hello_begin(slot);
    } else {
        slot_head_begin(slot);
    }
}

static void on_newcomer(struct loop_message *message)
{
    struct newcomer *newcomer = CONTAINER_OF(message, struct newcomer, message);
    take_in(newcomer->to, newcomer);
    free(newcomer);
}

/* Where a newcomer should go. The kernel wakes whichever thread it likes, often the same; each has its share of the slots, so
 * that one must not fill up while another is empty. */
static struct lobby_thread *choose_thread(struct lobby_thread *home)
{
    struct lobby *lobby = home->lobby;
    struct lobby_thread *best = home;
    unsigned fewest = atomic_load_explicit(&home->occupied, memory_order_relaxed);
    for (unsigned i = 0; i < lobby->threads && fewest > BALANCE_SLACK; i++) {
        unsigned occupied = atomic_load_explicit(&lobby->thread[i].occupied, memory_order_relaxed);
        if (occupied < fewest - BALANCE_SLACK) {
            best = &lobby->thread[i];
            fewest = occupied + BALANCE_SLACK;
        }
    }
    return best;
}

static void admit(struct lobby_thread *home, const struct newcomer *newcomer)
{
    struct lobby_thread *to = choose_thread(home);
    struct newcomer *copy = to == home ? NULL : malloc(sizeof(*copy));
    if (copy != NULL) {
        *copy = *newcomer;
        copy->message.deliver = on_newcomer;
        copy->to = to;
        if (loop_post(to->loop, &copy->message)) {
            return;
        }
        free(copy);
    }
    take_in(home, newcomer);
}

/* No descriptors left: the spare one lets us take the connection and refuse it, instead of finding it again at once. */
static void on_no_files(struct lobby_accept *accept)
{
    struct lobby_thread *home = accept->home;
    atomic_fetch_add_explicit(&home->lobby->counts[LOBBY_NO_FILES], 1, memory_order_relaxed);
    log_event_limited(home->lobby->log, LOG_ERROR, "no_files", NULL,
                      log_str("detail", "no file descriptor is left for a new connection: raise the limit (ulimit -n) "
                                        "or lower limits.max_connections"));
    accept_with_spare(accept->source.fd, &home->spare_fd);
}

static void on_listener(struct loop_source *source, uint32_t events)
{
    (void)events;
    struct lobby_accept *accept = CONTAINER_OF(source, struct lobby_accept, source);
    struct lobby_thread *home = accept->home;
    uint64_t now_ms = loop_now_ms(home->loop);
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        struct address from;
        struct newcomer newcomer = {.tls = accept->tls};
        newcomer.fd = accept_next(source->fd, &from, &newcomer.port);
        if (newcomer.fd < 0) {
            if (errno == EMFILE || errno == ENFILE) {
                on_no_files(accept);
            }
            return; /* EAGAIN, or a connection that is gone already: epoll tells of the next */
        }
        if (gate_admit(home->lobby->gate, &from, now_ms, &newcomer.pass) != GATE_ADMIT) {
            accept_reset(newcomer.fd); /* counted by the gate; no byte is sent and no log line written for it */
            continue;
        }
        admit(home, &newcomer);
    }
}

/* ---- deadlines ---- */

static void on_timeout(struct slot *slot)
{
    static const char *const details[] = {
        [SLOT_HELLO] = "the ClientHello was not whole in time",
        [SLOT_PARKED] = "no turn for the TLS handshake came in time",
        [SLOT_TLS] = "the TLS handshake was not over in time",
        [SLOT_HEAD] = "the request head was not whole in time",
    };
    slot_report(slot, LOBBY_TIMEOUT, details[slot->state]);
    if (slot->state == SLOT_HEAD && slot->size > 0) {
        slot_answer(slot, 408, "The request did not arrive in time.");
    } else {
        slot_release(slot, true);
    }
}

static void on_timer(struct timer *timer, uint64_t now_ms)
{
    struct lobby_thread *home = CONTAINER_OF(timer, struct lobby_thread, timer);
    struct slot *slot;
    while ((slot = oldest_of(&home->age)) != NULL && slot->due_ms <= now_ms) {
        on_timeout(slot);
    }
    while ((slot = oldest_of(&home->leaving)) != NULL && slot->due_ms <= now_ms) {
        slot_release(slot, true);
    }
    struct list *first;
    while ((first = list_first(&home->ready)) != NULL &&
           (slot = CONTAINER_OF(first, struct slot, queue))->due_ms <= now_ms) {
        slot_report(slot, LOBBY_BUSY, "no worker was free in time");
        slot_answer(slot, 503, "The server is busy; try again later.");
    }
    lobby_unpark(home);
    if ((slot = oldest_of(&home->age)) != NULL) {
        lobby_due(home, slot->due_ms);
    }
    if ((slot = oldest_of(&home->leaving)) != NULL) {
        lobby_due(home, slot->due_ms);
    }
    if ((first = list_first(&home->ready)) != NULL) {
        lobby_due(home, CONTAINER_OF(first, struct slot, queue)->due_ms);
    }
}

/* ---- threads ---- */

static void on_stop_admitting(struct loop_message *message)
{
    struct lobby_thread *home = CONTAINER_OF(message, struct lobby_thread, stop_admitting);
    for (size_t i = 0; i < home->lobby->listener_count; i++) {
        loop_remove(home->loop, &home->accepts[i].source);
    }
    atomic_fetch_add_explicit(&home->lobby->stopped_admitting, 1, memory_order_release);
}

struct reload {
    struct loop_message message;
    struct lobby_thread *home;
    const struct config *config;
    SSL_CTX *tls;
};

static void on_reload(struct loop_message *message)
{
    struct reload *reload = CONTAINER_OF(message, struct reload, message);
    struct lobby_thread *home = reload->home;
    config_unref(&home->config);
    home->config = reload->config;
    SSL_CTX_free(home->tls);
    home->tls = reload->tls;
    free(reload);
}

static bool init_thread(struct lobby_thread *home, struct lobby *lobby, const struct lobby_setup *setup, unsigned index)
{
    home->lobby = lobby;
    list_init(&home->free);
    list_init(&home->age);
    list_init(&home->parked);
    list_init(&home->handshakes);
    list_init(&home->ready);
    list_init(&home->leaving);
    timer_init(&home->timer, on_timer);
    home->config = config_ref(setup->config);
    home->tls = setup->tls;
    if (home->tls != NULL) {
        SSL_CTX_up_ref(home->tls);
    }
    home->stop_admitting.deliver = on_stop_admitting;
    home->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    home->scratch_size = CONFIG_HEAD_MAX;
    home->scratch = malloc(home->scratch_size);
    home->slots = calloc(lobby->slots_per_thread, sizeof(*home->slots));
    home->accepts = calloc(lobby->listener_count, sizeof(*home->accepts));
    home->loop = loop_create(INBOX_MAX);
    if (home->spare_fd < 0 || home->scratch == NULL || home->slots == NULL || home->accepts == NULL ||
        home->loop == NULL) {
        return false;
    }
    for (size_t i = 0; i < lobby->slots_per_thread; i++) {
        struct slot *slot = &home->slots[i];
        slot->home = home;
        slot->ticket = (uint32_t)(index * lobby->slots_per_thread + i);
        list_init(&slot->age);
        list_push_back(&home->free, &slot->queue);
    }
    for (size_t i = 0; i < lobby->listener_count; i++) {
        home->accepts[i] = (struct lobby_accept){
            .source = {.on_ready = on_listener, .fd = -1}, .home = home, .tls = lobby->listeners[i].tls};
        if (!loop_add(home->loop, &home->accepts[i].source, lobby->listeners[i].fd, EPOLLIN | EPOLLEXCLUSIVE)) {
            return false;
        }
    }
    return true;
}

static void deinit_thread(struct lobby_thread *home)
{
    if (home->slots != NULL && home->loop != NULL) {
        for (size_t i = 0; i < home->lobby->slots_per_thread; i++) {
            struct slot *slot = &home->slots[i];
            if (slot->state == SLOT_HANDED &&
                atomic_load_explicit(&slot->decided, memory_order_acquire) == SLOT_TAKEN) {
                slot->transport = (struct transport){.fd = -1};
            }
            if (slot->state != SLOT_FREE) {
                slot_release(slot, false);
            }
        }
    }
    loop_destroy(&home->loop);
    config_unref(&home->config);
    SSL_CTX_free(home->tls);
    free(home->scratch);
    free(home->slots);
    free(home->accepts);
    if (home->spare_fd >= 0) {
        close(home->spare_fd);
    }
}

struct lobby *lobby_create(const struct lobby_setup *setup)
{
    struct lobby *lobby = calloc(1, sizeof(*lobby));
    if (lobby == NULL) {
        return NULL;
    }
    lobby->log = setup->log;
    lobby->gate = setup->gate;
    lobby->ring = setup->ring;
    lobby->slots_per_thread = setup->config->limits.max_lobby / setup->threads + BALANCE_SLACK;
    lobby->listeners = calloc(setup->listener_count, sizeof(*lobby->listeners));
    lobby->thread = calloc(setup->threads, sizeof(*lobby->thread));
    if (lobby->listeners == NULL || lobby->thread == NULL) {
        goto failed;
    }
    lobby->listener_count = setup->listener_count;
    for (size_t i = 0; i < setup->listener_count; i++) {
        lobby->listeners[i] = setup->listeners[i];
    }
    for (unsigned i = 0; i < setup->threads; i++) {
        lobby->thread[i].spare_fd = -1;
        lobby->threads++;
        if (!init_thread(&lobby->thread[i], lobby, setup, i)) {
            goto failed;
        }
    }
    return lobby;

failed:;
    int error = errno;
    lobby->listener_count = 0; /* they stay the caller's */
    lobby_destroy(&lobby);
    errno = error;
    return NULL;
}

void lobby_destroy(struct lobby **lobby_pointer)
{
    struct lobby *lobby = *lobby_pointer;
    if (lobby == NULL) {
        return;
    }
    *lobby_pointer = NULL;
    for (unsigned i = 0; i < lobby->threads; i++) {
        deinit_thread(&lobby->thread[i]);
    }
    for (size_t i = 0; i < lobby->listener_count; i++) {
        if (lobby->listeners[i].fd >= 0) {
            close(lobby->listeners[i].fd);
        }
    }
    free(lobby->listeners);
    free(lobby->thread);
    free(lobby);
}

void lobby_run(struct lobby *lobby, unsigned index)
{
    loop_run(lobby->thread[index].loop);
}

static void pause_shortly(void)
{
    struct timespec pause = {.tv_nsec = 1000000};
    nanosleep(&pause, NULL);
}

void lobby_stop_admitting(struct lobby *lobby)
{
    for (unsigned i = 0; i < lobby->threads; i++) {
        while (!loop_post(lobby->thread[i].loop, &lobby->thread[i].stop_admitting)) {
            pause_shortly(); /* full of newcomers, which the thread is taking in */
        }
    }
    while (atomic_load_explicit(&lobby->stopped_admitting, memory_order_acquire) < lobby->threads) {
        pause_shortly();
    }
    for (size_t i = 0; i < lobby->listener_count; i++) {
        close(lobby->listeners[i].fd);
        lobby->listeners[i].fd = -1;
    }
}

void lobby_stop(struct lobby *lobby)
{
    for (unsigned i = 0; i < lobby->threads; i++) {
        loop_stop(lobby->thread[i].loop);
    }
}

bool lobby_reload(struct lobby *lobby, const struct config *config, SSL_CTX *tls)
{
    for (unsigned i = 0; i < lobby->threads; i++) {
        struct reload *reload = malloc(sizeof(*reload));
        if (reload == NULL) {
            return false;
        }
        *reload = (struct reload){
            .message = {.deliver = on_reload}, .home = &lobby->thread[i], .config = config_ref(config), .tls = tls};
        if (tls != NULL) {
            SSL_CTX_up_ref(tls);
        }
        if (!loop_post(lobby->thread[i].loop, &reload->message)) {
            config_unref(&reload->config);
            SSL_CTX_free(reload->tls);
            free(reload);
            return false;
        }
    }
    return true;
}

/* ---- for workers ---- */

struct slot *lobby_find(struct lobby *lobby, uint32_t ticket, uint16_t generation)
{
    if (ticket >= lobby->threads * lobby->slots_per_thread) {
        return NULL;
    }
    struct slot *slot = &lobby->thread[ticket / lobby->slots_per_thread].slots[ticket % lobby->slots_per_thread];
    /* The ticket came through the ring, and the slot waits for civetweb: its owner does not touch it now. */
    return slot->state == SLOT_HANDED && slot->generation == generation ? slot : NULL;
}

void lobby_request_of(const struct slot *slot, struct lobby_request *request_r)
{
    *request_r = (struct lobby_request){
        .transport = slot->transport,
        .pass = slot->pass,
        .port = slot->port,
        .tls = slot->tls,
        .config = slot->config,
        .early = (const uint8_t *)slot->bytes + slot->head_size,
        .early_size = slot->size - slot->head_size,
    };
}

void lobby_taken(struct slot *slot)
{
    atomic_store_explicit(&slot->decided, SLOT_TAKEN, memory_order_release);
}

void lobby_answered(struct slot *slot)
{
    atomic_store_explicit(&slot->decided, SLOT_ANSWERED, memory_order_release);
}
