/*
 * front - see front.h. All of it runs on the front's thread, except what is for workers and front_stop().
 *
 * A slot's `claim` says whose it is: its generation, and whether it waits for a worker or has one. It changes hands by
 * compare-and-swap, so that a request that civetweb lost is given up by its deadline and a late worker finds nothing.
 */
#include "server/admin/front.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "server/admin/reply.h"
#include "server/lobby/accept.h"
#include "server/loop/list.h"
#include "server/loop/loop.h"

#define BACKLOG 64
/* From accept to the last byte of the request. */
#define READ_TIMEOUT_MS 5000
/* Until a worker takes it. Longer than a worker may be busy with the requests in front of it. */
#define WAIT_TIMEOUT_MS 60000
/* From the answer to its last byte. */
#define SEND_TIMEOUT_MS 5000
/* From the answer's last byte to the peer's end: closing before would let a reset overtake the answer. */
#define LINGER_TIMEOUT_MS 1000
/* For what is under way when the front stops. */
#define STOP_TIMEOUT_MS 1000
/* What a request takes at first: most are no larger. */
#define BUFFER_START 2048
/* Answers of all slots, and the order to stop. */
#define INBOX_MAX (FRONT_SLOTS + 1)

enum slot_state { SLOT_FREE, SLOT_READING, SLOT_WAITING, SLOT_SENDING, SLOT_LINGERING };

/* The low bits of `claim`; the rest is the slot's generation. */
enum { CLAIM_NONE, CLAIM_OFFERED, CLAIM_TAKEN };
#define CLAIM(generation, what) ((uint32_t)(generation) << 2 | (uint32_t)(what))

struct front_slot {
    struct front *front;
    struct list link; /* in the front's list of its state: free, reading or lingering, the last two oldest first */
    int fd;
    struct loop_source source;   /* watched but while a worker has the request */
    struct loop_message message; /* the answer, on its way back */
    struct timer timer;
    enum slot_state state;
    atomic_uint_least32_t claim;
    uint16_t generation;
    struct address from;
    uint16_t port;

    char *bytes; /* the request */
    size_t size;
    size_t capacity;
    struct head_scan scan;
    struct head head; /* of size 0 until it has been judged; its views hold while a worker has the request */

    char *answer;
    size_t answer_size;
    size_t sent;
};

struct front {
    struct front_setup setup;
    struct loop *loop;
    struct loop_source listener;
    struct loop_message stop;
    struct timer stop_timer;
    uint16_t bound_port;
    bool listening; /* the loop watches the listener */
    bool stopping;
    size_t open;
    struct list free;
    struct list reading;
    struct list lingering;
    struct front_slot slots[FRONT_SLOTS];
};

static void on_ready(struct loop_source *source, uint32_t events);

/* ---- the listener ---- */

/* The slot for a newcomer: a free one, or else that of who has his answer, or else of who has not said what he wants. NULL: all
 * are with workers, or have an answer that is not sent. */
static struct list *next_slot(const struct front *front)
{
    struct list *link = list_first(&front->free);
    link = link != NULL ? link : list_first(&front->lingering);
    return link != NULL ? link : list_first(&front->reading);
}

/* After each change of those lists. */
static void listen_on(struct front *front)
{
    bool wanted = !front->stopping && next_slot(front) != NULL;
    if (wanted != front->listening) {
        loop_modify(front->loop, &front->listener, wanted ? EPOLLIN : 0);
        front->listening = wanted;
    }
}

static void set_deadline(struct front_slot *slot, uint64_t timeout_ms)
{
    struct loop *loop = slot->front->loop;
    timer_set(loop_timers(loop), &slot->timer, loop_now_ms(loop) + timeout_ms);
}

static void end_loop_if_done(struct front *front)
{
    if (front->stopping && front->open == 0) {
        loop_stop(front->loop);
    }
}

/* A request may hold a token: nothing of it stays in memory. */
static void forget_request(struct front_slot *slot)
{
    if (slot->bytes != NULL) {
        OPENSSL_cleanse(slot->bytes, slot->capacity);
        free(slot->bytes);
    }
    slot->bytes = NULL;
    slot->size = 0;
    slot->capacity = 0;
    slot->head = (struct head){0};
    slot->scan = (struct head_scan){.takes_bodies = true};
}

static void close_slot(struct front_slot *slot)
{
    struct front *front = slot->front;
    loop_remove(front->loop, &slot->source);
    (void)close(slot->fd);
    timer_cancel(loop_timers(front->loop), &slot->timer);
    forget_request(slot);
    free(slot->answer);
    slot->answer = NULL;
    slot->state = SLOT_FREE;
    list_remove(&slot->link);
    list_push_back(&front->free, &slot->link);
    front->open--;
    listen_on(front);
    end_loop_if_done(front);
}

/* Closes the slot when that is impossible. */
static void watch(struct front_slot *slot, uint32_t events)
{
    if (slot->source.fd >= 0) {
        loop_modify(slot->front->loop, &slot->source, events);
    } else if (!loop_add(slot->front->loop, &slot->source, slot->fd, events)) {
        close_slot(slot);
    }
}

static struct front_slot *take_slot(struct front *front)
{
    struct front_slot *slot = CONTAINER_OF(next_slot(front), struct front_slot, link);
    if (slot->state != SLOT_FREE) {
        close_slot(slot);
    }
    list_remove(&slot->link);
    return slot;
}

static void on_newcomer(struct loop_source *source, uint32_t events)
{
    (void)events;
    struct front *front = CONTAINER_OF(source, struct front, listener);
    struct address from;
    uint16_t port;
    if (!front->listening) {
        return; /* since the loop has seen it, the last slot has gone to a worker */
    }
    int fd = accept_next(source->fd, &from, &port);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE) {
            (void)accept_with_spare(source->fd);
        }
        return;
    }
    struct front_slot *slot = take_slot(front);
    slot->generation++;
    slot->fd = fd;
    slot->from = from;
    slot->port = port;
    slot->state = SLOT_READING;
    front->open++;
    list_push_back(&front->reading, &slot->link);
    set_deadline(slot, READ_TIMEOUT_MS);
    watch(slot, EPOLLIN);
    listen_on(front);
}

/* ---- the answer ---- */

static void linger(struct front_slot *slot)
{
    slot->state = SLOT_LINGERING;
    list_push_back(&slot->front->lingering, &slot->link);
    listen_on(slot->front);
    (void)shutdown(slot->fd, SHUT_WR);
    set_deadline(slot, LINGER_TIMEOUT_MS);
    watch(slot, EPOLLIN);
}

static void send_some(struct front_slot *slot)
{
    while (slot->sent < slot->answer_size) {
        ssize_t sent = send(slot->fd, slot->answer + slot->sent, slot->answer_size - slot->sent, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            watch(slot, EPOLLOUT);
            return;
        }
        if (sent < 0) {
            close_slot(slot);
            return;
        }
        slot->sent += (size_t)sent;
    }
    linger(slot);
}

/* Takes `bytes`. */
static void begin_answer(struct front_slot *slot, char *bytes, size_t size)
{
    forget_request(slot);
    if (bytes == NULL) {
        close_slot(slot);
        return;
    }
    list_remove(&slot->link);
    listen_on(slot->front);
    slot->state = SLOT_SENDING;
    slot->answer = bytes;
    slot->answer_size = size;
    slot->sent = 0;
    set_deadline(slot, SEND_TIMEOUT_MS);
    send_some(slot);
}

static void answer_error(struct front_slot *slot, unsigned status, const char *code, const char *text)
{
    struct reply reply = reply_error(status, code, "%s", text);
    bool without_body = slot->bytes != NULL && head_wants_no_body(slot->bytes, slot->size);
    size_t size = 0;
    char *bytes = reply_format(&reply, without_body, &size);
    reply_clear(&reply);
    begin_answer(slot, bytes, size);
}

static void on_answered(struct loop_message *message)
{
    struct front_slot *slot = CONTAINER_OF(message, struct front_slot, message);
    char *bytes = slot->answer;
    slot->answer = NULL;
    begin_answer(slot, bytes, slot->answer_size);
}

/* ---- the request ---- */

/* One end of a socketpair, for civetweb, with a request in it that stands for the peer's: nothing of his gets there, no token in
 * particular. */
static bool offer(struct front_slot *slot)
{
    struct front *front = slot->front;
    static const char stand_in[] = "GET / HTTP/1.1\r\nHost: portcullis\r\n\r\n";
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
        return false;
    }
    bool whole =
        send(pair[0], stand_in, sizeof(stand_in) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)(sizeof(stand_in) - 1);
    (void)close(pair[0]);
    const struct ready_entry entry = {
        .fd = pair[1], .ticket = (uint32_t)(slot - front->slots), .generation = slot->generation};
    atomic_store_explicit(&slot->claim, CLAIM(slot->generation, CLAIM_OFFERED), memory_order_release);
    if (whole && ready_ring_push(front->setup.ring, &entry)) {
        return true;
    }
    atomic_store_explicit(&slot->claim, CLAIM_NONE, memory_order_relaxed);
    (void)close(pair[1]);
    return false;
}

/* The whole request is there, and moves no more: now views into its head hold. */
static void hand_over(struct front_slot *slot)
{
    struct head_scan scan = {.takes_bodies = true};
    enum head_status status = head_check(slot->bytes, slot->size, FRONT_HEAD_MAX, &scan, &slot->head);
    assert(status == HEAD_OK); /* as before */
    (void)status;
    list_remove(&slot->link);
    slot->state = SLOT_WAITING;
    set_deadline(slot, WAIT_TIMEOUT_MS);
    loop_remove(slot->front->loop, &slot->source);
    if (!offer(slot)) {
        answer_error(slot, 503, "unavailable", "The server is short of descriptors; try again.");
    }
    listen_on(slot->front);
}

static const char *text_of(enum head_status status)
{
    return status == HEAD_BODY ? "A body's length must be given by one Content-Length of digits alone."
                               : head_status_text(status);
}

/* What has arrived so far. Whoever sends more than his request is not listened to: the connection ends with the answer. */
static void judge(struct front_slot *slot)
{
    if (slot->head.size == 0) {
        enum head_status status = head_check(slot->bytes, slot->size, FRONT_HEAD_MAX, &slot->scan, &slot->head);
        if (status == HEAD_MORE) {
            return;
        }
        if (status != HEAD_OK) {
            answer_error(slot, head_status_code(status), head_status_label(status), text_of(status));
            return;
        }
    }
    if (slot->head.content_length > FRONT_BODY_MAX) {
        answer_error(slot, 413, "body_too_large", "The body is larger than 65536 bytes.");
    } else if (slot->size - slot->head.size >= slot->head.content_length) {
        hand_over(slot);
    }
}

/* Moved by hand, so that no copy of a token is left behind. */
static bool grow(struct front_slot *slot)
{
    size_t capacity = slot->capacity == 0 ? BUFFER_START : slot->capacity * 2;
    if (capacity > FRONT_HEAD_MAX + FRONT_BODY_MAX) {
        capacity = FRONT_HEAD_MAX + FRONT_BODY_MAX;
    }
    char *bytes = malloc(capacity);
    if (bytes == NULL) {
        return false;
    }
    if (slot->size > 0) {
        memcpy(bytes, slot->bytes, slot->size);
        OPENSSL_cleanse(slot->bytes, slot->size);
    }
    free(slot->bytes);
    slot->bytes = bytes;
    slot->capacity = capacity;
    return true;
}

static void read_some(struct front_slot *slot)
{
    if (slot->size == slot->capacity && !grow(slot)) {
        answer_error(slot, 503, "unavailable", "The server is short of memory; try again.");
        return;
    }
    ssize_t got = recv(slot->fd, slot->bytes + slot->size, slot->capacity - slot->size, 0);
    if (got > 0) {
        slot->size += (size_t)got;
        judge(slot);
    } else if (got == 0 || errno != EAGAIN) {
        close_slot(slot);
    }
}

/* The peer's end, after whatever it still had to say. */
static void discard_some(struct front_slot *slot)
{
    char bytes[2048];
    ssize_t got = recv(slot->fd, bytes, sizeof(bytes), 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        close_slot(slot);
    }
}

static void on_ready(struct loop_source *source, uint32_t events)
{
    (void)events;
    struct front_slot *slot = CONTAINER_OF(source, struct front_slot, source);
    switch (slot->state) {
    case SLOT_READING:
        read_some(slot);
        break;
    case SLOT_SENDING:
        send_some(slot);
        break;
    case SLOT_LINGERING:
        discard_some(slot);
        break;
    case SLOT_WAITING:
    case SLOT_FREE:
        assert(false); /* not watched */
        break;
    }
}

/* Nobody has taken the request: it is given up, and the worker that comes for it after all finds nothing. */
static void give_up(struct front_slot *slot)
{
    uint_least32_t offered = CLAIM(slot->generation, CLAIM_OFFERED);
    if (atomic_compare_exchange_strong(&slot->claim, &offered, CLAIM_NONE)) {
        answer_error(slot, 503, "unavailable", "The server is busy; try again.");
    }
    /* Else it is a worker's, and comes back from there. */
}

static void on_due(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    struct front_slot *slot = CONTAINER_OF(timer, struct front_slot, timer);
    switch (slot->state) {
    case SLOT_READING:
        answer_error(slot, 408, "timeout", "The request took too long.");
        break;
    case SLOT_WAITING:
        give_up(slot);
        break;
    case SLOT_SENDING:
    case SLOT_LINGERING:
        close_slot(slot);
        break;
    case SLOT_FREE:
        assert(false);
        break;
    }
}

/* ---- life ---- */

static void on_stop_due(struct timer *timer, uint64_t now_ms)
{
    (void)now_ms;
    loop_stop(CONTAINER_OF(timer, struct front, stop_timer)->loop);
}

static void on_stop(struct loop_message *message)
{
    struct front *front = CONTAINER_OF(message, struct front, stop);
    front->stopping = true;
    listen_on(front);
    while (!list_is_empty(&front->reading)) {
        close_slot(CONTAINER_OF(list_first(&front->reading), struct front_slot, link));
    }
    timer_set(loop_timers(front->loop), &front->stop_timer, loop_now_ms(front->loop) + STOP_TIMEOUT_MS);
    end_loop_if_done(front);
}

static bool bind_listener(struct front *front)
{
    const struct front_setup *setup = &front->setup;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(setup->port)};
    socklen_t size = sizeof(address);
    int on = 1;
    memcpy(&address.sin_addr, setup->address.bytes + 12, sizeof(address.sin_addr));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (const struct sockaddr *)(const void *)&address, size) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)(void *)&address, &size) != 0 ||
        !loop_add(front->loop, &front->listener, fd, EPOLLIN)) {
        int error = errno;
        (void)close(fd);
        errno = error;
        return false;
    }
    front->bound_port = ntohs(address.sin_port);
    front->listening = true;
    return true;
}

static void init_slot(struct front *front, struct front_slot *slot)
{
    slot->front = front;
    slot->source = (struct loop_source){.on_ready = on_ready, .fd = -1};
    slot->message.deliver = on_answered;
    slot->scan.takes_bodies = true;
    timer_init(&slot->timer, on_due);
    list_push_back(&front->free, &slot->link);
}

struct front *front_create(const struct front_setup *setup, char *error, size_t error_size)
{
    char text[ADDRESS_TEXT_SIZE];
    struct front *front = calloc(1, sizeof(*front));
    struct loop *loop = loop_create(INBOX_MAX);
    if (front == NULL || loop == NULL) {
        snprintf(error, error_size, "%s", strerror(errno));
        free(front);
        loop_destroy(&loop);
        return NULL;
    }
    front->setup = *setup;
    front->loop = loop;
    front->listener = (struct loop_source){.on_ready = on_newcomer, .fd = -1};
    front->stop.deliver = on_stop;
    timer_init(&front->stop_timer, on_stop_due);
    list_init(&front->free);
    list_init(&front->reading);
    list_init(&front->lingering);
    for (size_t i = 0; i < FRONT_SLOTS; i++) {
        init_slot(front, &front->slots[i]);
    }
    if (!bind_listener(front)) {
        snprintf(error, error_size, "%s: %s", address_format_port(&setup->address, setup->port, text), strerror(errno));
        front_destroy(&front);
    }
    return front;
}

void front_destroy(struct front **front_pointer)
{
    struct front *front = *front_pointer;
    if (front == NULL) {
        return;
    }
    *front_pointer = NULL;
    for (size_t i = 0; i < FRONT_SLOTS; i++) {
        struct front_slot *slot = &front->slots[i];
        if (slot->state != SLOT_FREE) {
            (void)close(slot->fd);
            forget_request(slot);
            free(slot->answer);
        }
    }
    if (front->listener.fd >= 0) {
        (void)close(front->listener.fd);
    }
    loop_destroy(&front->loop);
    free(front);
}

uint16_t front_port(const struct front *front)
{
    return front->bound_port;
}

void front_run(struct front *front)
{
    loop_run(front->loop);
}

void front_stop(struct front *front)
{
    bool posted = loop_post(front->loop, &front->stop);
    assert(posted); /* there is room: each slot has one message at most */
    (void)posted;
}

/* ---- for workers ---- */

struct front_slot *front_find(struct front *front, uint32_t ticket, uint16_t generation)
{
    if (ticket >= FRONT_SLOTS) {
        return NULL;
    }
    struct front_slot *slot = &front->slots[ticket];
    uint_least32_t offered = CLAIM(generation, CLAIM_OFFERED);
    bool taken = atomic_compare_exchange_strong(&slot->claim, &offered, CLAIM(generation, CLAIM_TAKEN));
    return taken ? slot : NULL;
}

void front_request_of(const struct front_slot *slot, struct front_request *request_r)
{
    *request_r = (struct front_request){
        .bytes = slot->bytes,
        .head = slot->head,
        .body = slot->bytes + slot->head.size,
        .body_size = (size_t)slot->head.content_length,
        .from = slot->from,
        .port = slot->port,
    };
}

void front_answer(struct front_slot *slot, char *bytes, size_t size)
{
    slot->answer = bytes;
    slot->answer_size = size;
    bool posted = loop_post(slot->front->loop, &slot->message);
    (void)posted; /* if not, the loop has ended, and the answer is freed with the front */
}
