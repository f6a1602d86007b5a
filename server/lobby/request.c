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

/* What add_absolute() makes of a head. */
#define ABSOLUTE_PIECES_MAX 6

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

/* hatch_pass() only reads what the pieces point to; struct iovec has no const. */
static int add_piece(struct iovec *pieces, int count, const char *bytes, size_t size)
{
    pieces[count] = (struct iovec){.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    return count + 1;
}

/* The pieces of a head with its target in origin-form, and in Host what the target says, whatever Host does (RFC 9112 §3.2.2). */
static int add_absolute(struct iovec *pieces, const char *bytes, const struct head *head)
{
    const struct head_span host = head_field(bytes, head, "Host");
    const char *rest = head->target.bytes + head->target.size;
    const char *behind_host = host.bytes + host.size;
    int count = add_piece(pieces, 0, "GET ", 4);
    count = add_piece(pieces, count, head->path.bytes, head->path.size);
    if (head->query.size > 0) {
        count = add_piece(pieces, count, head->query.bytes - 1, head->query.size + 1); /* with its "?" */
    }
    count = add_piece(pieces, count, rest, (size_t)(host.bytes - rest));
    count = add_piece(pieces, count, head->host.bytes, head->host.size);
    return add_piece(pieces, count, behind_host, head->size - (size_t)(behind_host - bytes));
}

/* Passes the head with its target in origin-form: the only form civetweb routes (RFC 9112 §3.2.1). Returns where civetweb is to
 * read it, or -1. */
static int pass_head(const struct hatch *hatch, char *bytes, const struct head *head)
{
    /* White space is white space (RFC 9110 §5.6.3), but civetweb refuses a head with a tab in it. */
    for (char *tab = bytes; (tab = memchr(tab, '\t', head->size - (size_t)(tab - bytes))) != NULL;) {
        *tab = ' ';
    }
    struct iovec pieces[ABSOLUTE_PIECES_MAX];
    int count =
        head->target.bytes[0] == '/' ? add_piece(pieces, 0, bytes, head->size) : add_absolute(pieces, bytes, head);
    return hatch_pass(hatch, pieces, count);
}

static void busy(struct slot *slot, const char *detail)
{
    slot_report(slot, LOBBY_BUSY, detail);
    slot_answer(slot, 503, "The server is busy; try again later.");
}

/* Gives a good head to civetweb. What it needs stays in the slot until it is done. */
static void hand_over(struct slot *slot, const struct head *head)
{
    struct lobby_thread *home = slot->home;
    if (!hatch_take(&home->hatches, &slot->hatch)) {
        busy(slot, "no socketpair");
        return;
    }
    slot->civetweb_fd = pass_head(&slot->hatch, slot->bytes, head);
    if (slot->civetweb_fd < 0) {
        hatch_close(&slot->hatch);
        busy(slot, "the head cannot be handed over");
        return;
    }
    /* The client's socket may soon belong to a session: from here on this loop does not look at it. */
    loop_remove(home->loop, &slot->client);
    slot->state = SLOT_HANDED;
    slot->decided = SLOT_UNDECIDED;
    slot->closed = false;
    home->handed_count++;
    struct ready_entry entry = {.fd = slot->civetweb_fd, .ticket = slot->ticket, .generation = slot->generation};
    bool taken = ready_ring_push(home->lobby->ring, &entry);
    assert(taken); /* it has room for all that lobby threads may hand over */
    (void)taken;
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
    slot_head_ready(slot);
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
    list_push_back(&home->ready, &slot->queue);
    slot_watch(slot, 0);
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
    if (slot->state == SLOT_HEAD) {
        slot_watch(slot, EPOLLIN);
    }
}

/* ---- the way back ---- */

/* The connection is a session's; what is left of it here goes. */
static void let_go(struct slot *slot)
{
    slot->transport = (struct transport){.fd = -1};
    slot_release(slot, false);
}

/* No worker has seen the request. */
static void on_undecided(struct slot *slot)
{
    if (!readiness_ready(slot->home->lobby->readiness)) {
        struct head head = parse_again(slot);
        turn_away(slot, &head);
        return;
    }
    slot->size = 0;
    if (slot->malformed) {
        slot_report(slot, LOBBY_BAD_REQUEST, "civetweb did not take it");
        slot_answer(slot, 400, "The server could not make sense of this request.");
    } else {
        busy(slot, "civetweb closed it without a decision"); /* it had not the memory for it, say */
    }
}

void slot_on_done(struct loop_message *message)
{
    struct slot *slot = CONTAINER_OF(message, struct slot, done);
    struct lobby_thread *home = slot->home;
    home->handed_count--;
    if (slot->decided == SLOT_UNDECIDED) {
        hatch_close(&slot->hatch); /* the head may still be in it */
    } else {
        hatch_return(&home->hatches, &slot->hatch);
    }
    switch ((enum slot_decision)slot->decided) {
    case SLOT_TAKEN:
        let_go(slot);
        break;
    case SLOT_ANSWERED:
        begin_leaving(slot);
        slot_answer_ready(slot);
        break;
    case SLOT_FORGOTTEN:
        busy(slot, "no memory for the answer");
        break;
    case SLOT_UNDECIDED:
        on_undecided(slot);
        break;
    }
    lobby_hand_next(home);
}
