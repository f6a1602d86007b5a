/*
 * The life of one client connection. Called by the worker that owns it, for every event of its epoll.
 */
#include "tests/bench/connection.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

/* Close 1000, masked (RFC 6455 §5.5.1): a key of zeros would be legal, but unlike any real client's. */
static const uint8_t close_frame[] = {0x88, 0x82, 0x11, 0x22, 0x33, 0x44, 0x03 ^ 0x11, 0xe8 ^ 0x22};
static const uint8_t pong_key[4] = {0x5a, 0xc3, 0x96, 0x3c};

#define EVENTS        (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)
#define READS_MAX     4 /* of a connection in a row */
#define OPCODE_PONG   0xA
#define PONG_SIZE_MAX (REPLY_UNIT_MAX + sizeof pong_key)

uint64_t clock_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static bool is_opening(const struct connection *connection)
{
    return connection->state == CONNECTION_CONNECTING || connection->state == CONNECTION_TLS ||
           connection->state == CONNECTION_UPGRADING;
}

/* What the end of the stream means in the present state. */
static enum failure failure_of_end(const struct connection *connection)
{
    switch (connection->state) {
    case CONNECTION_CONNECTING:
        return FAILURE_CONNECT;
    case CONNECTION_TLS:
        return FAILURE_TLS;
    case CONNECTION_UPGRADING:
        return FAILURE_UPGRADE;
    case CONNECTION_OPEN:
        return FAILURE_CLOSED;
    case CONNECTION_CLOSED:
    case CONNECTION_CLOSING:
        break;
    }
    return FAILURE_COUNT;
}

/* What a connection is before it is started: what the worker gave it stays. */
static void reset(struct connection *connection)
{
    const unsigned number = connection->number;
    uint64_t *const sent_ns = connection->sent_ns;

    memset(connection, 0, sizeof *connection);
    connection->state = CONNECTION_CLOSED;
    connection->number = number;
    connection->sent_ns = sent_ns;
    connection->link.fd = -1;
}

void connection_end(struct connection *connection, struct crew *crew, enum failure failure)
{
    if (connection->state == CONNECTION_CLOSED) {
        return;
    }
    if (failure != FAILURE_COUNT) {
        crew->tally.failures[failure]++;
        crew->failed_in_row++;
    }
    if (is_opening(connection)) {
        crew->opening--;
    } else {
        crew->open--;
    }
    crew->unanswered -= connection->unanswered;
    link_close(&connection->link);
    free(connection->head);
    free(connection->pong);
    reset(connection);
}

void connection_start(struct connection *connection, struct crew *crew)
{
    struct epoll_event event = {.events = EVENTS, .data.ptr = connection};

    connection->began_ns = clock_ns();
    if (!link_open(&connection->link, &crew->plan->target, connection->number)) {
        crew->tally.failures[FAILURE_CONNECT]++;
        crew->failed_in_row++;
        return;
    }
    connection->state = CONNECTION_CONNECTING;
    crew->opening++;
    if (epoll_ctl(crew->epoll, EPOLL_CTL_ADD, connection->link.fd, &event) != 0) {
        connection_end(connection, crew, FAILURE_CONNECT);
    }
}

/* Points `out` at what is to be written next; false when there is nothing. */
static bool refill(struct connection *connection, struct crew *crew)
{
    const struct plan *plan = crew->plan;

    if (connection->pong_size > 0) {
        connection->out = connection->pong;
        connection->out_left = connection->pong_size;
        connection->pong_size = 0;
        return true;
    }
    if (connection->due == 0) {
        return false;
    }
    if (connection->due > plan->frame_count - crew->next_frame) {
        crew->next_frame = 0;
    }
    connection->out = plan->frames + crew->next_frame * plan->frame_size;
    connection->out_left = connection->due * plan->frame_size;
    connection->due = 0;
    crew->next_frame++;
    return true;
}

static void flush(struct connection *connection, struct crew *crew)
{
    while (connection->out_left > 0 || refill(connection, crew)) {
        size_t put = 0;
        switch (link_write(&connection->link, connection->out, connection->out_left, &put)) {
        case LINK_OK:
            connection->out += put;
            connection->out_left -= put;
            break;
        case LINK_WAIT:
            return;
        case LINK_END:
        case LINK_ERROR:
            connection_end(connection, crew, failure_of_end(connection));
            return;
        }
    }
}

/* One message more, to be written by the next flush(). */
static void add_message(struct connection *connection, struct crew *crew, uint64_t sent_ns)
{
    connection->sent_ns[(connection->oldest + connection->unanswered) % crew->plan->options->pipeline] = sent_ns;
    connection->unanswered++;
    connection->due++;
    crew->unanswered++;
}

void connection_send(struct connection *connection, struct crew *crew, unsigned count, uint64_t now_ns)
{
    for (unsigned i = 0; i < count; i++) {
        add_message(connection, crew, now_ns);
    }
    flush(connection, crew);
}

uint64_t connection_due_ns(const struct connection *connection, const struct crew *crew)
{
    return pace_due_ns(&crew->pace, connection->number, connection->turn);
}

void connection_send_due(struct connection *connection, struct crew *crew, uint64_t now_ns)
{
    uint64_t due_ns = 0;

    while (connection->unanswered < crew->plan->options->pipeline &&
           (due_ns = connection_due_ns(connection, crew)) <= now_ns) {
        add_message(connection, crew, due_ns);
        connection->turn++;
    }
    if (connection->due > 0) {
        flush(connection, crew);
    }
}

void connection_count_overdue(const struct connection *connection, struct crew *crew, uint64_t now_ns)
{
    const unsigned ring_size = crew->plan->options->pipeline;
    uint64_t due_ns = 0;

    for (unsigned i = 0; i < connection->unanswered; i++) {
        histogram_record(&crew->tally.latency, now_ns - connection->sent_ns[(connection->oldest + i) % ring_size]);
        crew->tally.overdue++;
    }
    for (uint64_t turn = connection->turn; (due_ns = pace_due_ns(&crew->pace, connection->number, turn)) <= now_ns;
         turn++) {
        histogram_record(&crew->tally.latency, now_ns - due_ns);
        crew->tally.overdue++;
    }
}

static void answer_ping(struct connection *connection, struct crew *crew, const struct reply_piece *ping)
{
    bool is_writing = connection->out_left > 0 && connection->pong != NULL && connection->out >= connection->pong &&
                      connection->out < connection->pong + PONG_SIZE_MAX;

    if (is_writing) {
        return;
    }
    if (connection->pong == NULL) {
        connection->pong = malloc(PONG_SIZE_MAX);
        if (connection->pong == NULL) {
            return;
        }
    }
    connection->pong_size = plan_write_frame(connection->pong, OPCODE_PONG, pong_key, ping->bytes, ping->size);
    flush(connection, crew);
}

/* Whether a piece of a reply is what it has to be; of one that completes a message, that it is the message's end. */
static bool is_expected(const struct connection *connection, const struct crew *crew, enum reply_event event,
                        const struct reply_piece *piece)
{
    const struct plan *plan = crew->plan;

    if (connection->unanswered == 0) {
        return false;
    }
    if (event == REPLY_MESSAGE && connection->reply.length != plan->expected_size) {
        return false;
    }
    if (connection->checked && !plan->options->check_all) {
        return true;
    }
    return piece->offset <= plan->expected_size && piece->size <= plan->expected_size - piece->offset &&
           memcmp(plan->expected + piece->offset, piece->bytes, piece->size) == 0;
}

static void count_reply(struct connection *connection, struct crew *crew, uint64_t now_ns)
{
    histogram_record(&crew->tally.latency, now_ns - connection->sent_ns[connection->oldest]);
    crew->tally.messages++;
    crew->unanswered--;
    connection->unanswered--;
    connection->oldest = (connection->oldest + 1) % crew->plan->options->pipeline;
    connection->checked = true;
    connection->answered = true;
}

/* The next messages, when replies have arrived. */
static void answer_replies(struct connection *connection, struct crew *crew, unsigned count, uint64_t now_ns)
{
    if (crew->plan->options->rate > 0) {
        connection_send_due(connection, crew, now_ns);
    } else {
        connection_send(connection, crew, count, now_ns);
    }
}

static void take_frames(struct connection *connection, struct crew *crew, const uint8_t *bytes, size_t size)
{
    const uint64_t now_ns = clock_ns();
    struct reply_piece piece = {0};
    unsigned complete = 0;

    while (connection->state != CONNECTION_CLOSED) {
        enum reply_event event = reply_next(&connection->reply, &bytes, &size, &piece);
        switch (event) {
        case REPLY_MORE:
            if (complete > 0 && crew->flowing) {
                answer_replies(connection, crew, complete, now_ns);
            }
            return;
        case REPLY_DATA:
        case REPLY_MESSAGE:
            if (!is_expected(connection, crew, event, &piece)) {
                connection_end(connection, crew, FAILURE_REPLY);
            } else if (event == REPLY_MESSAGE) {
                count_reply(connection, crew, now_ns);
                complete++;
            }
            break;
        case REPLY_PING:
            answer_ping(connection, crew, &piece);
            break;
        case REPLY_PONG:
            break;
        case REPLY_CLOSE:
            connection_end(connection, crew, failure_of_end(connection));
            break;
        case REPLY_BROKEN:
            connection_end(connection, crew, FAILURE_REPLY);
            break;
        }
    }
}

static void upgraded(struct connection *connection, struct crew *crew)
{
    const struct options *options = crew->plan->options;
    const uint64_t now_ns = clock_ns();

    connection->state = CONNECTION_OPEN;
    crew->opening--;
    crew->open++;
    crew->failed_in_row = 0;
    crew->tally.opened++;
    crew->tally.tls_version = link_tls_version(&connection->link);
    crew->tally.tls_cipher = link_tls_cipher(&connection->link);
    if (options->mode == LOAD_HANDSHAKE) {
        crew->tally.handshakes++;
        crew->tally.resumed += link_is_resumed(&connection->link) ? 1 : 0;
        histogram_record(&crew->tally.latency, now_ns - connection->began_ns);
        if (options->reset) {
            connection_end(connection, crew, FAILURE_COUNT);
            return;
        }
        connection->state = CONNECTION_CLOSING;
        connection->out = close_frame;
        connection->out_left = sizeof close_frame;
        flush(connection, crew);
    } else if (crew->flowing && options->rate == 0) {
        connection_send(connection, crew, options->pipeline, now_ns);
    }
}

/* Keeps an incomplete head; one that comes in pieces is read again from its beginning, which is rare. */
static bool stash_head(struct connection *connection, const uint8_t *bytes, size_t size)
{
    if (connection->head == NULL) {
        connection->head = malloc(PLAN_HEAD_MAX);
        if (connection->head == NULL) {
            return false;
        }
    }
    if (size > PLAN_HEAD_MAX - connection->head_size) {
        return false;
    }
    memcpy(connection->head + connection->head_size, bytes, size);
    connection->head_size += size;
    return true;
}

static void take_head(struct connection *connection, struct crew *crew, const uint8_t *bytes, size_t size)
{
    size_t head_size = 0;

    if (connection->head != NULL) {
        if (!stash_head(connection, bytes, size)) {
            connection_end(connection, crew, FAILURE_UPGRADE);
            return;
        }
        bytes = connection->head;
        size = connection->head_size;
    }
    switch (plan_read_head(bytes, size, &head_size)) {
    case PLAN_HEAD_SHORT:
        if (connection->head == NULL && !stash_head(connection, bytes, size)) {
            connection_end(connection, crew, FAILURE_UPGRADE);
        }
        break;
    case PLAN_HEAD_REFUSED:
        connection_end(connection, crew, FAILURE_UPGRADE);
        break;
    case PLAN_HEAD_UPGRADED:
        upgraded(connection, crew);
        if (connection->state != CONNECTION_CLOSED) {
            take_frames(connection, crew, bytes + head_size, size - head_size);
        }
        free(connection->head);
        connection->head = NULL;
        break;
    }
}

/* Asks the edge-triggered epoll to report the connection again, so that the others have their turn before. */
static void rearm(struct connection *connection, struct crew *crew)
{
    struct epoll_event event = {.events = EVENTS, .data.ptr = connection};

    if (epoll_ctl(crew->epoll, EPOLL_CTL_MOD, connection->link.fd, &event) != 0) {
        connection_end(connection, crew, failure_of_end(connection));
    }
}

/* Reads until the socket is empty, or often enough; what OpenSSL holds, no event will report. */
static void receive(struct connection *connection, struct crew *crew, bool ended)
{
    for (unsigned reads = 1; connection->state != CONNECTION_CLOSED; reads++) {
        size_t got = 0;
        switch (link_read(&connection->link, crew->buffer, CREW_BUFFER_SIZE, &got)) {
        case LINK_OK:
            break;
        case LINK_WAIT:
            return;
        case LINK_END:
        case LINK_ERROR:
            connection_end(connection, crew, failure_of_end(connection));
            return;
        }
        if (connection->state == CONNECTION_UPGRADING) {
            take_head(connection, crew, crew->buffer, got);
        } else {
            take_frames(connection, crew, crew->buffer, got);
        }
        if (connection->state == CONNECTION_CLOSED || link_has_pending(&connection->link)) {
            continue;
        }
        if (connection->link.is_drained && !ended) {
            return;
        }
        if (reads >= READS_MAX) {
            rearm(connection, crew);
            return;
        }
    }
}

static void drive_tls(struct connection *connection, struct crew *crew)
{
    switch (link_handshake(&connection->link)) {
    case LINK_OK:
        connection->state = CONNECTION_UPGRADING;
        connection->out = crew->plan->request;
        connection->out_left = crew->plan->request_size;
        break;
    case LINK_WAIT:
        break;
    case LINK_END:
    case LINK_ERROR:
        connection_end(connection, crew, FAILURE_TLS);
        break;
    }
}

void connection_drive(struct connection *connection, struct crew *crew, bool ended)
{
    if (connection->state == CONNECTION_CONNECTING) {
        SSL_SESSION **session = crew->plan->options->resume ? &crew->session : NULL;
        if (link_connected(&connection->link, &crew->plan->target, session) != LINK_OK) {
            connection_end(connection, crew, FAILURE_CONNECT);
            return;
        }
        connection->state = CONNECTION_TLS;
    }
    if (connection->state == CONNECTION_TLS) {
        drive_tls(connection, crew);
    }
    if (connection->state == CONNECTION_UPGRADING || connection->state == CONNECTION_OPEN ||
        connection->state == CONNECTION_CLOSING) {
        flush(connection, crew);
        receive(connection, crew, ended);
    }
}
