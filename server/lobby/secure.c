/*
 * secure - the lobby's TLS part: the whole first record is awaited in the kernel's buffer, then OpenSSL shakes hands.
 *
 * A peer that trickles its ClientHello costs a slot and no OpenSSL memory; one that stalls after it costs 43 KB, so these
 * are capped, and once a handshake has had a fair time, it has to make room for the next. Runs on the lobby threads.
 */
#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "server/lobby/slot.h"
#include "server/lobby/tls.h"
#include "server/loop/tls_wire.h"

/* A handshake this old may be evicted for one that waits; two round trips take less on all but the worst lines. */
#define HANDSHAKE_GRACE_MAX_MS 1000

/* Edge-triggered while the first record stays in the kernel: what is looked at and left there must not be told of again. */
#define HELLO_EVENTS (EPOLLIN | EPOLLRDHUP | EPOLLET)

/* Only when it changes: setting it makes the kernel tell again of what is there, which an urgent byte can keep from being enough. */
static void set_low_water(struct slot *slot, size_t need)
{
    if (slot->low_water == need) {
        return;
    }
    slot->low_water = (uint32_t)need;
    int low = (int)need;
    (void)setsockopt(slot->transport.fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low));
}

static void handshake_begin(struct slot *slot)
{
    struct lobby_thread *home = slot->home;
    struct gate *gate = home->lobby->gate;
    enum gate_verdict verdict = gate_tls_begin(gate, &slot->pass, loop_now_ms(home->loop));
    if (verdict != GATE_ADMIT) {
        slot_report(slot, LOBBY_REFUSED, gate_verdict_label(verdict));
        slot_release(slot, true);
        return;
    }
    ERR_clear_error();
    slot->transport.ssl = SSL_new(home->tls);
    if (slot->transport.ssl == NULL || !tls_wire_attach(slot->transport.ssl, slot->transport.fd)) {
        slot_report(slot, LOBBY_BUSY, tls_error_text());
        slot_release(slot, true);
        return;
    }
    SSL_set_accept_state(slot->transport.ssl);
    slot->state = SLOT_TLS;
    slot->since_ms = loop_now_ms(home->loop);
    home->handshake_count++;
    list_push_back(&home->handshakes, &slot->queue);
    slot_handshake_ready(slot);
}

/* The share of limits.max_tls_handshakes that each lobby thread has. */
static unsigned handshake_max(const struct lobby_thread *home)
{
    unsigned share = home->config->limits.max_tls_handshakes / home->lobby->threads;
    return share > 0 ? share : 1;
}

/* Short enough that a lobby full of stalled handshakes passes in half the time that a newcomer has. */
static uint64_t handshake_grace_ms(const struct lobby_thread *home)
{
    uint64_t grace_ms =
        (uint64_t)home->config->limits.handshake_timeout_ms * handshake_max(home) / (2 * home->lobby->slots_per_thread);
    return grace_ms < HANDSHAKE_GRACE_MAX_MS ? grace_ms : HANDSHAKE_GRACE_MAX_MS;
}

void lobby_unpark(struct lobby_thread *home)
{
    while (!list_is_empty(&home->parked)) {
        if (home->handshake_count >= handshake_max(home)) {
            struct slot *oldest = CONTAINER_OF(list_first(&home->handshakes), struct slot, queue);
            uint64_t free_ms = oldest->since_ms + handshake_grace_ms(home);
            if (loop_now_ms(home->loop) < free_ms) {
                lobby_due(home, free_ms);
                return;
            }
            slot_report(oldest, LOBBY_TLS_EVICTED, NULL);
            slot_release(oldest, false);
            continue;
        }
        struct slot *slot = CONTAINER_OF(list_first(&home->parked), struct slot, queue);
        list_remove(&slot->queue);
        handshake_begin(slot);
    }
}

void slot_handshake_over(struct slot *slot)
{
    assert(slot->state == SLOT_TLS);
    slot->state = SLOT_HEAD;
    list_remove(&slot->queue);
    slot->home->handshake_count--;
    gate_tls_end(slot->home->lobby->gate, &slot->pass);
    if (!list_is_empty(&slot->home->parked)) {
        lobby_due(slot->home, loop_now_ms(slot->home->loop)); /* not from here: a handshake may end inside another's */
    }
}

void slot_hello_begin(struct slot *slot)
{
    slot->state = SLOT_HELLO;
    slot_hello_ready(slot, 0);
}

static void on_not_tls(struct slot *slot, enum tls_hello hello)
{
    if (hello == TLS_HELLO_HTTP) {
        slot_report(slot, LOBBY_PLAIN_ON_TLS, NULL);
        slot_answer(slot, 400, "This port speaks TLS: use wss:// or https://.");
    } else {
        slot_report(slot, LOBBY_NOT_TLS, NULL);
        slot_release(slot, true);
    }
}

void slot_hello_ready(struct slot *slot, uint32_t events)
{
    struct lobby_thread *home = slot->home;
    ssize_t count;
    do {
        count = recv(slot->transport.fd, home->scratch, TLS_RECORD_HEADER + TLS_RECORD_MAX, MSG_PEEK);
    } while (count < 0 && errno == EINTR);
    if (count < 0 && errno == EAGAIN) {
        slot_watch(slot, HELLO_EVENTS);
        return;
    }
    size_t need = 0;
    enum tls_hello hello =
        count <= 0 ? TLS_HELLO_MORE : tls_hello_check((const uint8_t *)home->scratch, (size_t)count, &need);
    switch (hello) {
    case TLS_HELLO_MORE:
        if (count <= 0 || (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) {
            slot_report(slot, LOBBY_LEFT, NULL);
            slot_release(slot, false);
        } else {
            set_low_water(slot, need); /* the kernel wakes us when it is all there */
            slot_watch(slot, HELLO_EVENTS);
        }
        break;
    case TLS_HELLO_WHOLE:
        set_low_water(slot, 1);
        slot->state = SLOT_PARKED;
        list_push_back(&home->parked, &slot->queue);
        lobby_unpark(home);
        if (slot->state == SLOT_PARKED) {
            slot_watch(slot, 0);
        }
        break;
    case TLS_HELLO_HTTP:
    case TLS_HELLO_GARBAGE:
        on_not_tls(slot, hello);
        break;
    }
}

void slot_handshake_ready(struct slot *slot)
{
    char why[TLS_FAILURE_SIZE];
    ERR_clear_error();
    int result = SSL_accept(slot->transport.ssl);
    if (result == 1) {
        tls_forget_exchange(slot->transport.ssl);
        slot_handshake_over(slot);
        slot_head_begin(slot);
        return;
    }
    switch (SSL_get_error(slot->transport.ssl, result)) {
    case SSL_ERROR_WANT_READ:
        slot_watch(slot, EPOLLIN);
        break;
    case SSL_ERROR_WANT_WRITE:
        slot_watch(slot, EPOLLOUT);
        break;
    case SSL_ERROR_ZERO_RETURN: /* a FIN */
    case SSL_ERROR_SYSCALL:
        slot_report(slot, LOBBY_LEFT, "in the TLS handshake");
        slot_release(slot, false);
        break;
    default:
        /* The alert is in the socket already; closing with unread input would overtake it with a RST. */
        slot_report(slot, LOBBY_TLS_FAILED, tls_failure_text(slot->transport.ssl, why));
        slot_handshake_over(slot);
        SSL_free(slot->transport.ssl);
        slot->transport.ssl = NULL;
        slot_answer(slot, 0, NULL);
        break;
    }
}
