/*
 * request - the lobby's HTTP part: the whole head, its strict check, the way to civetweb and back, and the few answers that
 * need no civetweb. Runs on the lobby threads.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "server/door/retry.h"
#include "server/lobby/slot.h"

/* After an answer, for the peer to take it and to close. */
#define LEAVE_MS 2000

/* ---- answers ---- */

static void leave(struct slot *slot)
{
    transport_shutdown(&slot->transport);
    slot->state = SLOT_LINGER;
    slot_watch(slot, EPOLLIN);
}

/* From here on the slot only waits for the peer to take what it was told. */
static void begin_leaving(struct slot *slot)
{
    struct lobby_thread *home = slot->home;
    list_remove(&slot->age);
    list_remove(&slot->queue);
    list_push_back(&home->leaving, &slot->age);
    slot->due_ms = loop_now_ms(home->loop) + LEAVE_MS;
    lobby_due(home, slot->due_ms);
    slot->state = SLOT_ANSWER;
    slot->sent = 0;
}

void slot_answer_ready(struct slot *slot)
{
    if (slot->sent < slot->size) {
        struct iovec piece = {.iov_base = slot->bytes + slot->sent, .iov_len = slot->size - slot->sent};
        size_t written = 0;
        enum transport_status status = transport_write(&slot->transport, &piece, 1, &written);
        slot->sent += written;
        switch (status) {
        case TRANSPORT_OK:
            break;
        case TRANSPORT_WANT_READ:
            slot_watch(slot, EPOLLIN);
            return;
        case TRANSPORT_WANT_WRITE:
            slot_watch(slot, EPOLLOUT);
            return;
        case TRANSPORT_END:
        case TRANSPORT_LOST:
        case TRANSPORT_TLS_ERROR:
            slot_release(slot, true);
            return;
        }
    }
    leave(slot);
}

void slot_answer(struct slot *slot, unsigned status, const char *text)
{
    bool without_body = slot->size > 0 && head_wants_no_body(slot->bytes, slot->size);
    slot->size = 0;
    if (status != 0) {
        char *bytes = realloc(slot->bytes, ANSWER_SIZE_MAX);
        if (bytes == NULL) {
            slot_release(slot, true);
            return;
        }
        slot->bytes = bytes;
        struct answer answer = {.status = status,
                                .text = text,
                                .retry_after_s = status == 503 ? retry_after_s() : 0,
                                .without_body = without_body};
        slot->size = answer_format(&answer, time(NULL), slot->bytes, ANSWER_SIZE_MAX);
        assert(slot->size > 0);
    }
    begin_leaving(slot);
    slot_answer_ready(slot);
}

void slot_linger_ready(struct slot *slot)
{
    struct lobby_thread *home = slot->home;
    /* Below TLS: what still comes is thrown away unread. */
    ssize_t count = recv(slot->transport.fd, home->scratch, home->scratch_size, 0);
    if (count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR))) {
        return;
    }
    slot_release(slot, false);
}

/* ---- the way to civetweb ---- */

/* sendmsg() only reads what the pieces point to; struct iovec has no const. */
static int add_piece(struct iovec *pieces, int count, const char *bytes, size_t size)
{
    pieces[count] = (struct iovec){.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    return count + 1;
}

/* Writes the head with its target in origin-form: the only form civetweb routes (RFC 9112 §3.2.1). One write: it fits
 * an empty socketpair. */
static bool write_head(int fd, char *bytes, const struct head *head)
{
    /* White space is white space (RFC 9110 §5.6.3), but civetweb refuses a head with a tab in it. */
    for (char *tab = bytes; (tab = memchr(tab, '\t', head->size - (size_t)(tab - bytes))) != NULL;) {
        *tab = ' ';
    }
    struct iovec pieces[4];
    int count = 0;
    if (head->target.bytes[0] == '/') {
        count = add_piece(pieces, count, bytes, head->size);
    } else {
        const char *rest = head->target.bytes + head->target.size;
        count = add_piece(pieces, count, "GET ", 4);
        count = add_piece(pieces, count, head->path.bytes, head->path.size);
        if (head->query.size > 0) {
            count = add_piece(pieces, count, head->query.bytes - 1, head->query.size + 1); /* with its "?" */
        }
        count = add_piece(pieces, count, rest, head->size - (size_t)(rest - bytes));
    }
    size_t total = 0;
    for (int i = 0; i < count; i++) {
        total += pieces[i].iov_len;
    }
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = (size_t)count};
    return sendmsg(fd, &message, MSG_NOSIGNAL) == (ssize_t)total;
}

static void busy(struct slot *slot, const char *detail)
{
    slot_report(slot, LOBBY_BUSY, detail);
    slot_answer(slot, 503, "The server is busy; try again later.");
}

/* Gives a good head to civetweb. What it needs stays in the slot until civetweb has closed its end. */
static void hand_over(struct slot *slot, const struct head *head)
{
    struct lobby_thread *home = slot->home;
    struct lobby *lobby = home->lobby;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        busy(slot, "no socketpair");
        return;
    }
    if (!write_head(pair[0], slot->bytes, head) || !loop_add(home->loop, &slot->relay, pair[0], EPOLLIN)) {
        close(pair[0]);
        close(pair[1]);
        busy(slot, "the head cannot be handed over");
        return;
    }
    /* The client's socket may soon belong to a session: from here on this loop does not look at it. */
    loop_remove(home->loop, &slot->client);
    slot->state = SLOT_HANDED;
    slot->civetweb_fd = pair[1];
    atomic_store_explicit(&slot->decided, SLOT_UNDECIDED, memory_order_relaxed);
    struct ready_entry entry = {.fd = pair[1], .ticket = slot->ticket, .generation = slot->generation};
    if (!ready_ring_push(lobby->ring, &entry)) {
        /* Cannot be: it has room for all that lobby threads may hand over. The relay sees the end and answers. */
        assert(false);
        close(pair[1]);
    }
    home->handed_count++;
}

/* A head that was good before. */
static struct head parse_again(const struct slot *slot)
{
    struct head head;
    struct head_scan scan = {0};
    enum head_status status = head_check(slot->bytes, slot->size, slot->config->limits.max_head, &scan, &head);
    assert(status == HEAD_OK);
    (void)status;
    return head;
}

/* The early bytes and the head stay where they are: in slot->bytes. */
static void parse_again_and_hand_over(struct slot *slot)
{
    struct head head = parse_again(slot);
    hand_over(slot, &head);
}

void lobby_hand_next(struct lobby_thread *home)
{
    while (home->handed_count < LOBBY_HANDED_MAX && !list_is_empty(&home->ready)) {
        struct slot *slot = CONTAINER_OF(list_first(&home->ready), struct slot, queue);
        list_remove(&slot->queue);
        parse_again_and_hand_over(slot);
    }
}

/* ---- the head ---- */

void slot_head_begin(struct slot *slot)
{
    slot->state = SLOT_HEAD;
    slot->scan = (struct head_scan){0};
    slot_watch(slot, EPOLLIN);
    if (transport_has_pending(&slot->transport)) {
        slot_head_ready(slot);
    }
}

static void on_bad_head(struct slot *slot, enum head_status status)
{
    slot_report(slot, LOBBY_BAD_REQUEST, head_status_label(status));
    slot_answer(slot, head_status_code(status), head_status_text(status));
}

/* The server is stopping: whatever was asked for. */
static void turn_away(struct slot *slot, const struct head *head)
{
    slot_report_stopping(slot, 503, head);
    slot_answer(slot, 503, "The server is shutting down.");
}

static void on_good_head(struct slot *slot, const struct head *head)
{
    struct lobby_thread *home = slot->home;
    if (!readiness_ready(home->lobby->readiness)) {
        turn_away(slot, head);
        return;
    }
    slot->head_size = head->size;
    list_remove(&slot->age);
    if (home->handed_count < LOBBY_HANDED_MAX && list_is_empty(&home->ready)) {
        hand_over(slot, head);
        return;
    }
    slot->state = SLOT_READY;
    slot_watch(slot, 0);
    list_push_back(&home->ready, &slot->queue);
}

static bool keep(struct slot *slot, const char *bytes, size_t size)
{
    char *grown = realloc(slot->bytes, slot->size + size);
    if (grown == NULL) {
        return false;
    }
    memcpy(grown + slot->size, bytes, size);
    slot->bytes = grown;
    slot->size += size;
    return true;
}

static void take_head(struct slot *slot, const char *bytes, size_t size)
{
    if (!keep(slot, bytes, size)) {
        slot_report(slot, LOBBY_BUSY, "no memory");
        slot_release(slot, true);
        return;
    }
    struct head head;
    enum head_status status = head_check(slot->bytes, slot->size, slot->config->limits.max_head, &slot->scan, &head);
    if (status == HEAD_OK) {
        on_good_head(slot, &head);
    } else if (status != HEAD_MORE) {
        on_bad_head(slot, status);
    }
}

void slot_head_ready(struct slot *slot)
{
    struct lobby_thread *home = slot->home;
    do {
        size_t size = 0;
        enum transport_status status =
            transport_read(&slot->transport, home->scratch, slot->config->limits.max_head, &size);
        switch (status) {
        case TRANSPORT_OK:
            take_head(slot, home->scratch, size);
            break;
        case TRANSPORT_WANT_READ:
            slot_watch(slot, EPOLLIN);
            return;
        case TRANSPORT_WANT_WRITE:
            slot_watch(slot, EPOLLOUT);
            return;
        case TRANSPORT_END:
        case TRANSPORT_LOST:
        case TRANSPORT_TLS_ERROR:
            slot_report(slot, LOBBY_LEFT, slot->size > 0 ? "in its request" : NULL);
            slot_release(slot, status == TRANSPORT_TLS_ERROR);
            return;
        }
    } while (slot->state == SLOT_HEAD && transport_has_pending(&slot->transport));
}

/* ---- the way back ---- */

static void relay_answer(struct slot *slot, bool answered)
{
    if (!answered && !readiness_ready(slot->home->lobby->readiness)) {
        struct head head = parse_again(slot);
        slot->size = slot->head_size;
        turn_away(slot, &head);
        return;
    }
    if (!answered && (!slot->relayed || slot->relay_lost)) {
        /* It had not the memory to read the request, say, or we had none for what it wrote. */
        busy(slot, slot->relay_lost ? "no memory for the answer" : "civetweb closed it without an answer");
        return;
    }
    if (!answered) {
        /* Civetweb found fault with a head that passed our check. Its own page is not for clients. */
        slot->size = 0;
        slot_report(slot, LOBBY_BAD_REQUEST, "civetweb did not take it");
        slot_answer(slot, 400, "The server could not make sense of this request.");
        return;
    }
    slot->size -= slot->head_size;
    memmove(slot->bytes, slot->bytes + slot->head_size, slot->size);
    begin_leaving(slot);
    slot_answer_ready(slot);
}

/* Civetweb has closed its end. Either a session has the connection, or what it wrote is the answer. */
static void on_relay_end(struct slot *slot)
{
    struct lobby_thread *home = slot->home;
    int fd = slot->relay.fd;
    loop_remove(home->loop, &slot->relay);
    close(fd);
    home->handed_count--;
    unsigned char decided = atomic_load_explicit(&slot->decided, memory_order_acquire);
    if (decided == SLOT_TAKEN) {
        slot->transport = (struct transport){.fd = -1};
        slot_release(slot, false);
    } else if (!loop_add(home->loop, &slot->client, slot->transport.fd, 0)) {
        slot_report(slot, LOBBY_BUSY, strerror(errno));
        slot_release(slot, true);
    } else {
        slot->interest = 0;
        relay_answer(slot, decided == SLOT_ANSWERED && slot->relayed && !slot->relay_lost);
    }
    lobby_hand_next(home);
}

void slot_relay_ready(struct loop_source *source, uint32_t events)
{
    (void)events;
    struct slot *slot = CONTAINER_OF(source, struct slot, relay);
    struct lobby_thread *home = slot->home;
    for (;;) {
        ssize_t count = recv(slot->relay.fd, home->scratch, home->scratch_size, 0);
        if (count > 0) {
            /* An answer: it stands behind the head, in the place of the early bytes, which nobody wants any more. */
            if (!slot->relayed) {
                slot->relayed = true;
                slot->size = slot->head_size;
            }
            slot->relay_lost = !keep(slot, home->scratch, (size_t)count) || slot->relay_lost;
            continue;
        }
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0 && errno == EAGAIN) {
            return;
        }
        if (count <= 0) {
            on_relay_end(slot);
            return;
        }
    }
}
