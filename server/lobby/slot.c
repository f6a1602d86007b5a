/*
 * slot - the life of a connection in the lobby: taken in, watched, timed out, evicted, released. Runs on the lobby threads.
 */
#include "server/lobby/slot.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/lobby/accept.h"

/* A detail may have words of the peer in it: the name that a ClientHello asks for. */
static void report(struct lobby *lobby, const struct config *config, enum lobby_cause cause, enum log_level level,
                   const struct gate_pass *pass, uint16_t port, bool tls, const char *detail)
{
    atomic_fetch_add_explicit(&lobby->counts[cause], 1, memory_order_relaxed);
    audit_event_limited(lobby->log, &config->audit, level, "request_refused", lobby_cause_label(cause),
                        audit_peer(&pass->from, port), audit_plain(log_bool("tls", tls)),
                        audit_plain(log_str("cause", lobby_cause_label(cause))),
                        audit_free(log_str("detail", detail != NULL ? detail : lobby_cause_text(cause))));
}

void slot_report(const struct slot *slot, enum lobby_cause cause, const char *detail)
{
    /* A health probe connects and leaves without a word: no offence, and nothing for the log of a busy day. */
    bool probe = cause == LOBBY_LEFT && slot->size == 0;
    report(slot->home->lobby, slot->config, cause, probe ? LOG_DEBUG : LOG_INFO, &slot->pass, slot->port, slot->tls,
           detail);
}

void slot_report_stopping(const struct slot *slot, unsigned status, const struct head *head)
{
    struct lobby *lobby = slot->home->lobby;
    const char *label = lobby_cause_label(LOBBY_STOPPING);
    atomic_fetch_add_explicit(&lobby->counts[LOBBY_STOPPING], 1, memory_order_relaxed);
    audit_event_limited(lobby->log, &slot->config->audit, LOG_INFO, "request_refused", label,
                        audit_peer(&slot->pass.from, slot->port), audit_plain(log_bool("tls", slot->tls)),
                        audit_plain(log_str("cause", label)), audit_plain(log_u64("status", status)),
                        audit_free(log_bytes("path", head->path.bytes, head->path.size)),
                        audit_plain(log_str("detail", lobby_cause_text(LOBBY_STOPPING))));
}

void lobby_due(struct lobby_thread *home, uint64_t due_ms)
{
    timer_set_earlier(loop_timers(home->loop), &home->timer, due_ms);
}

/* Nobody would hear of it any more. It goes soon, but not at once: callers are at work on it. */
static void abandon(struct slot *slot, const char *detail)
{
    struct lobby_thread *home = slot->home;
    if (slot->state == SLOT_TLS) {
        slot_handshake_over(slot);
    }
    if (slot->state != SLOT_ANSWER && slot->state != SLOT_LINGER) {
        slot_report(slot, LOBBY_BUSY, detail);
    }
    list_remove(&slot->age);
    list_remove(&slot->queue);
    list_push_front(&home->leaving, &slot->age);
    slot->state = SLOT_LINGER;
    slot->due_ms = loop_now_ms(home->loop);
    lobby_due(home, slot->due_ms);
}

void slot_watch(struct slot *slot, uint32_t events)
{
    struct loop *loop = slot->home->loop;
    bool watched = slot->client.fd >= 0;
    if (watched && slot->interest != events) {
        loop_modify(loop, &slot->client, events);
    }
    if (!watched && !loop_add(loop, &slot->client, slot->transport.fd, events)) {
        abandon(slot, strerror(errno));
        return;
    }
    slot->interest = events;
}

void slot_release(struct slot *slot, bool reset)
{
    struct lobby_thread *home = slot->home;
    assert(slot->state != SLOT_FREE);
    if (slot->state == SLOT_TLS) {
        slot_handshake_over(slot);
    }
    bool taken = slot->transport.fd < 0;
    loop_forget(home->loop, &slot->client); /* it is closed next; a session's was removed when it was handed over */
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

/* A free slot, if need be that of the one that has been leaving for longest, then of the oldest newcomer. NULL when civetweb has
 * them all. */
static struct slot *obtain_slot(struct lobby_thread *home)
{
    if (list_is_empty(&home->free)) {
        struct slot *oldest = oldest_of(&home->leaving);
        if (oldest == NULL && (oldest = oldest_of(&home->age)) != NULL) {
            slot_report(oldest, LOBBY_EVICTED, NULL);
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

/* ---- taking in ---- */

/* There is no slot to answer from. */
static void refuse(struct lobby_thread *home, const struct newcomer *newcomer)
{
    struct gate_pass pass = newcomer->pass;
    report(home->lobby, home->config, LOBBY_BUSY, LOG_INFO, &pass, newcomer->port, newcomer->tls,
           "no worker has answered any of those who fill the lobby");
    atomic_fetch_sub_explicit(&home->occupied, 1, memory_order_relaxed);
    accept_reset(newcomer->fd);
    gate_release(home->lobby->gate, &pass);
}

void slot_take_in(struct lobby_thread *home, const struct newcomer *newcomer)
{
    struct slot *slot = obtain_slot(home);
    if (slot == NULL) {
        refuse(home, newcomer);
        return;
    }
    slot->client = (struct loop_source){.on_ready = on_client, .fd = -1};
    slot->transport = (struct transport){.fd = newcomer->fd};
    slot->pass = newcomer->pass;
    slot->config = config_ref(home->config);
    slot->port = newcomer->port;
    slot->tls = newcomer->tls;
    slot->low_water = 1;
    slot->sent = 0;
    slot->head_size = 0;
    slot->due_ms = loop_now_ms(home->loop) + home->config->limits.handshake_timeout_ms;
    list_push_back(&home->age, &slot->age);
    lobby_due(home, slot->due_ms);
    /* What it has to say has often come along with it; if not, it is watched. */
    if (newcomer->tls) {
        slot_hello_begin(slot);
    } else {
        slot_head_begin(slot);
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

void lobby_on_timer(struct timer *timer, uint64_t now_ms)
{
    struct lobby_thread *home = CONTAINER_OF(timer, struct lobby_thread, timer);
    struct slot *slot;
    while ((slot = oldest_of(&home->age)) != NULL && slot->due_ms <= now_ms) {
        on_timeout(slot);
    }
    while ((slot = oldest_of(&home->leaving)) != NULL && slot->due_ms <= now_ms) {
        slot_release(slot, true);
    }
    /* In the order in which they got ready, which is nearly that of their deadlines: one behind a younger one is told late,
     * by one timeout at most. */
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
