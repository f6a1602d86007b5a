/*
 * lobby - its threads: made, run, reloaded, stopped; see lobby.h. What happens on them is in admit.c (accept), slot.c (life of
 * a connection), secure.c (TLS) and request.c (HTTP).
 */
#include "server/lobby/lobby.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "server/lobby/accept.h"
#include "server/lobby/slot.h"

/* Messages that may wait for a lobby thread: newcomers from other threads, reload, stop. */
#define INBOX_MAX 4096
/* Between looks at whether all threads have the new config: a turn of a loop takes less, as a rule. */
#define RELOAD_WAIT_NS 1000000

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

/* ---- threads ---- */

/* Swaps: what the thread had goes back with the message, to be freed by the main thread. */
struct lobby_reload {
    struct loop_message message;
    struct lobby_thread *home;
    const struct config *config;
    SSL_CTX *tls;
};

static void on_reload(struct loop_message *message)
{
    struct lobby_reload *reload = CONTAINER_OF(message, struct lobby_reload, message);
    struct lobby_thread *home = reload->home;
    const struct config *config = home->config;
    SSL_CTX *tls = home->tls;
    home->config = reload->config;
    home->tls = reload->tls;
    reload->config = config;
    reload->tls = tls;
    atomic_fetch_add_explicit(&home->lobby->reloaded, 1, memory_order_release);
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
    timer_init(&home->timer, lobby_on_timer);
    home->config = config_ref(setup->config);
    home->tls = setup->tls;
    if (home->tls != NULL) {
        SSL_CTX_up_ref(home->tls);
    }
    home->scratch_size = CONFIG_HEAD_MAX;
    home->scratch = malloc(home->scratch_size);
    home->slots = calloc(lobby->slots_per_thread, sizeof(*home->slots));
    home->loop = loop_create(INBOX_MAX);
    if (home->scratch == NULL || home->slots == NULL || home->loop == NULL || !admit_init(home)) {
        return false;
    }
    hatch_set_init(&home->hatches, home->loop);
    for (size_t i = 0; i < lobby->slots_per_thread; i++) {
        struct slot *slot = &home->slots[i];
        slot->home = home;
        slot->done.deliver = slot_on_done;
        slot->ticket = (uint32_t)(index * lobby->slots_per_thread + i);
        list_init(&slot->age);
        list_push_back(&home->free, &slot->queue);
    }
    return true;
}

/* Civetweb has stopped. What it had not taken from its queue it leaves open. */
static void drop_handed(struct slot *slot)
{
    if (!slot->closed) {
        close(slot->civetweb_fd);
    }
    hatch_close(&slot->hatch);
    if (slot->decided == SLOT_TAKEN) {
        slot->transport = (struct transport){.fd = -1};
    }
}

static void deinit_thread(struct lobby_thread *home)
{
    if (home->loop != NULL) {
        hatch_set_deinit(&home->hatches);
    }
    if (home->slots != NULL && home->loop != NULL) {
        for (size_t i = 0; i < home->lobby->slots_per_thread; i++) {
            struct slot *slot = &home->slots[i];
            if (slot->state == SLOT_HANDED) {
                drop_handed(slot);
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
}

struct lobby *lobby_create(const struct lobby_setup *setup)
{
    struct lobby *lobby = accept_reserve() ? calloc(1, sizeof(*lobby)) : NULL;
    if (lobby == NULL) {
        return NULL;
    }
    lobby->log = setup->log;
    lobby->gate = setup->gate;
    lobby->ring = setup->ring;
    lobby->readiness = setup->readiness;
    lobby->slots_per_thread = (setup->config->limits.max_lobby + setup->threads - 1) / setup->threads;
    lobby->listeners = calloc(setup->listener_count + 1, sizeof(*lobby->listeners));
    lobby->thread = calloc(setup->threads, sizeof(*lobby->thread));
    if (lobby->listeners == NULL || lobby->thread == NULL) {
        goto failed;
    }
    lobby->listener_count = setup->listener_count;
    for (size_t i = 0; i < setup->listener_count; i++) {
        lobby->listeners[i] = setup->listeners[i];
    }
    for (unsigned i = 0; i < setup->threads; i++) {
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

struct loop *lobby_loop(struct lobby *lobby, unsigned index)
{
    return lobby->thread[index].loop;
}

const struct lobby_listener *lobby_listeners(const struct lobby *lobby, size_t *count_r)
{
    *count_r = lobby->listener_count;
    return lobby->listeners;
}

void lobby_admit(struct lobby *lobby)
{
    for (unsigned i = 0; i < lobby->threads; i++) {
        bool runs = loop_post_control(lobby->thread[i].loop, &lobby->thread[i].admit);
        assert(runs);
        (void)runs;
    }
}

static void ask_to_stop_admitting(struct lobby *lobby)
{
    lobby->stop_asked = true;
    for (unsigned i = 0; i < lobby->threads; i++) {
        bool runs = loop_post_control(lobby->thread[i].loop, &lobby->thread[i].stop_admitting);
        assert(runs); /* lobby_stop() comes later */
        (void)runs;
    }
}

bool lobby_stop_admitting(struct lobby *lobby)
{
    if (!lobby->stop_asked) {
        ask_to_stop_admitting(lobby);
    }
    if (atomic_load_explicit(&lobby->stopped_admitting, memory_order_acquire) < lobby->threads) {
        return false;
    }
    for (size_t i = 0; i < lobby->listener_count; i++) {
        if (lobby->listeners[i].fd >= 0) {
            close(lobby->listeners[i].fd);
            lobby->listeners[i].fd = -1;
        }
    }
    return true;
}

void lobby_stop(struct lobby *lobby)
{
    for (unsigned i = 0; i < lobby->threads; i++) {
        loop_stop(lobby->thread[i].loop);
    }
}

struct lobby_reload *lobby_reload_prepare(struct lobby *lobby, const struct config *config, SSL_CTX *tls)
{
    struct lobby_reload *reloads = calloc(lobby->threads, sizeof(*reloads));
    for (unsigned i = 0; reloads != NULL && i < lobby->threads; i++) {
        reloads[i] = (struct lobby_reload){
            .message = {.deliver = on_reload}, .home = &lobby->thread[i], .config = config_ref(config), .tls = tls};
        if (tls != NULL) {
            SSL_CTX_up_ref(tls);
        }
    }
    return reloads;
}

static void free_reloads(struct lobby *lobby, struct lobby_reload *reloads)
{
    for (unsigned i = 0; i < lobby->threads; i++) {
        config_unref(&reloads[i].config);
        SSL_CTX_free(reloads[i].tls);
    }
    free(reloads);
}

void lobby_reload_cancel(struct lobby *lobby, struct lobby_reload **reloads)
{
    if (*reloads != NULL) {
        free_reloads(lobby, *reloads);
        *reloads = NULL;
    }
}

void lobby_reload_commit(struct lobby *lobby, struct lobby_reload **reloads)
{
    const struct timespec pause = {.tv_nsec = RELOAD_WAIT_NS};
    unsigned posted = 0;
    atomic_store_explicit(&lobby->reloaded, 0, memory_order_relaxed);
    for (unsigned i = 0; i < lobby->threads; i++) {
        posted += loop_post_control(lobby->thread[i].loop, &(*reloads)[i].message) ? 1 : 0;
    }
    while (atomic_load_explicit(&lobby->reloaded, memory_order_acquire) < posted) {
        nanosleep(&pause, NULL);
    }
    free_reloads(lobby, *reloads); /* what the threads had before: they swapped */
    *reloads = NULL;
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
    slot->decided = SLOT_TAKEN;
}

void lobby_answered(struct slot *slot, const char *bytes, size_t size)
{
    char *answer = size > 0 ? malloc(size) : NULL;
    if (answer == NULL) {
        slot->decided = SLOT_FORGOTTEN;
        return;
    }
    memcpy(answer, bytes, size);
    free(slot->bytes);
    slot->bytes = answer;
    slot->size = size;
    slot->decided = SLOT_ANSWERED;
}

void lobby_closed(struct slot *slot, bool malformed)
{
    struct loop *loop = slot->home->loop;
    slot->closed = true;
    slot->malformed = malformed;
    /* One a slot at most. An inbox that is closed does not take it: then lobby_destroy() sees to the slot. */
    bool taken = loop_post_control(loop, &slot->done);
    (void)taken;
}
