/*
 * ferry - one system call for the input of a group of sessions, one for their output; see ferry.h. Runs on the session's loop.
 *
 * Only what is simple is taken on board: open sessions that hold nothing back and owe nothing. Over TLS, what is carried is
 * ciphertext: it is decrypted when the session takes it, and encrypted when it hands it over. A session that is
 * acted on again before its output has left, or that ends, is unloaded first (session_output_begin, session_abort).
 */
#include "server/session/ferry.h"

#include <assert.h>
#include <stdlib.h>

#include "server/loop/batch.h"
#include "server/session/session_private.h"

/* The buffers are a cache line further apart than their size: a power of two would have the first lines of all of them,
 * which are all that small messages touch, compete for the same few places in the cache. */
#define INPUT_STRIDE (FERRY_INPUT_SIZE + 64)
/* All that is taken, encrypted. */
#define SEALED_SIZE (SESSION_OUTPUT_SIZE / 2 + LOOP_GROUP * TRANSPORT_SEAL_ROOM)
/* Fewer are not worth a batch. */
#define LOAD_MIN 3

struct freight {
    struct session *session; /* NULL: unloaded */
    size_t start;            /* in the loop's output buffer */
    size_t size;
    size_t sealed_start; /* TLS: in the ferry's `sealed` */
    size_t sealed_size;  /* 0: plain */
    int result;          /* of the send; BATCH_UNDONE: not sent yet */
};

struct ferry {
    struct loop_group group;
    struct session_loop *home;
    struct batch *batch; /* NULL: the kernel no longer plays along */
    bool loading;        /* a group of events is being dispatched */
    unsigned freight_count;
    size_t sealed_size;
    struct freight freight[LOOP_GROUP];
    int input_results[LOOP_GROUP];
    uint8_t input[LOOP_GROUP * INPUT_STRIDE];
    uint8_t sealed[SEALED_SIZE];
};

/* The kernel refuses what it did before: from now on every session reads and writes for itself. */
static void retire(struct ferry *ferry)
{
    log_event(ferry->home->pool->log, LOG_WARNING, "io_uring_lost", log_str("io", "epoll"));
    batch_destroy(&ferry->batch);
}

/* ---- input ---- */

/* OpenSSL must have nothing left to do, or it might not take what was fetched. */
static bool may_fetch(const struct session *session)
{
    return !session->bulky && session->held == NULL && !session->read_wants_write && !session->write_wants_read &&
           !transport_has_pending(&session->transport) && session_wants_input(session);
}

/* Fetches for sessions in `chosen`, whose `place` is then set. */
static void fetch(struct ferry *ferry, struct session *const *chosen, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        batch_receive(ferry->batch, chosen[i]->transport.fd, ferry->input + (size_t)i * INPUT_STRIDE, FERRY_INPUT_SIZE,
                      &ferry->input_results[i]);
    }
    bool works = batch_run(ferry->batch);
    for (unsigned i = 0; i < count; i++) {
        chosen[i]->place = ferry->input_results[i] == BATCH_UNDONE ? 0 : (uint8_t)(i + 1);
    }
    if (!works) {
        retire(ferry);
    }
}

static void before_group(struct loop_group *group, const struct epoll_event *events, int count)
{
    struct ferry *ferry = CONTAINER_OF(group, struct ferry, group);
    ferry->loading = ferry->batch != NULL;
    struct session *chosen[LOOP_GROUP];
    unsigned chosen_count = 0;
    for (int i = 0; i < count && ferry->loading; i++) {
        struct loop_source *source = events[i].data.ptr;
        if (source == NULL || source->on_ready != session_on_ready || (events[i].events & EPOLLIN) == 0) {
            continue;
        }
        struct session *session = CONTAINER_OF(source, struct session, source);
        if (may_fetch(session)) {
            chosen[chosen_count++] = session;
        }
    }
    if (chosen_count >= LOAD_MIN) {
        fetch(ferry, chosen, chosen_count);
    }
}

bool ferry_has_input(const struct session *session)
{
    return session->place != 0;
}

int ferry_take_input(struct session *session, uint8_t **bytes_r, bool *filled_r)
{
    struct ferry *ferry = session->home->ferry;
    unsigned i = session->place - 1U;
    session->place = 0;
    *bytes_r = ferry->input + (size_t)i * INPUT_STRIDE;
    *filled_r = ferry->input_results[i] == FERRY_INPUT_SIZE;
    return ferry->input_results[i];
}

/* ---- output ---- */

static bool may_take_output(const struct session *session)
{
    const struct session_loop *home = session->home;
    return home->ferry != NULL && home->ferry->loading && home->ferry->freight_count < LOOP_GROUP &&
           session->state == SESSION_OPEN && queue_size(&session->queue) == 0 &&
           home->output_size > home->output_start &&
           home->output_size <= SESSION_OUTPUT_SIZE / 2; /* the other half is for those to come */
}

/* Encrypts freight that is for a TLS connection. */
static bool seal(struct ferry *ferry, struct freight *freight)
{
    struct transport *transport = &freight->session->transport;
    if (transport->ssl == NULL) {
        return true;
    }
    freight->sealed_start = ferry->sealed_size;
    if (freight->size > TRANSPORT_SEAL_MAX || freight->size + TRANSPORT_SEAL_ROOM > SEALED_SIZE - ferry->sealed_size ||
        !transport_seal(transport, ferry->home->output + freight->start, freight->size,
                        ferry->sealed + freight->sealed_start, &freight->sealed_size)) {
        return false;
    }
    ferry->sealed_size += freight->sealed_size;
    return true;
}

bool ferry_take_output(struct session *session)
{
    struct session_loop *home = session->home;
    if (!may_take_output(session)) {
        return false;
    }
    struct ferry *ferry = home->ferry;
    struct freight freight = {.session = session,
                              .start = home->output_start,
                              .size = home->output_size - home->output_start,
                              .result = BATCH_UNDONE};
    if (!seal(ferry, &freight)) {
        return false;
    }
    ferry->freight[ferry->freight_count++] = freight;
    session->freight = (uint8_t)ferry->freight_count;
    home->output_start = home->output_size;
    home->output_owner = NULL;
    return true;
}

void ferry_drop(struct session *session)
{
    if (session->freight != 0) {
        session->home->ferry->freight[session->freight - 1].session = NULL;
        session->freight = 0;
    }
}

void ferry_deliver(struct session *session)
{
    if (session->freight == 0) {
        return;
    }
    struct ferry *ferry = session->home->ferry;
    const struct freight *freight = &ferry->freight[session->freight - 1];
    uint8_t *bytes = session->home->output + freight->start;
    ferry_drop(session);
    if (freight->sealed_size > 0) {
        session_output_sealed(session, bytes, freight->size, ferry->sealed + freight->sealed_start,
                              freight->sealed_size, freight->result);
    } else if (freight->result == BATCH_UNDONE) {
        session_output_write(session, bytes, freight->size);
    } else {
        session_output_sent(session, bytes, freight->size, freight->result);
    }
}

static void send_all(struct ferry *ferry)
{
    for (unsigned i = 0; i < ferry->freight_count; i++) {
        struct freight *freight = &ferry->freight[i];
        if (freight->session == NULL) {
            continue;
        }
        int fd = freight->session->transport.fd;
        if (freight->sealed_size > 0) {
            batch_send(ferry->batch, fd, ferry->sealed + freight->sealed_start, freight->sealed_size, &freight->result);
        } else {
            batch_send(ferry->batch, fd, ferry->home->output + freight->start, freight->size, &freight->result);
        }
    }
    if (!batch_run(ferry->batch)) {
        retire(ferry);
    }
}

static void after_group(struct loop_group *group)
{
    struct ferry *ferry = CONTAINER_OF(group, struct ferry, group);
    ferry->loading = false;
    if (ferry->freight_count >= LOAD_MIN && ferry->batch != NULL) {
        send_all(ferry);
    }
    for (unsigned i = 0; i < ferry->freight_count; i++) {
        struct session *session = ferry->freight[i].session;
        if (session != NULL) {
            session_output_begin(session); /* delivers */
            session_finish(session);
        }
    }
    ferry->freight_count = 0;
    ferry->sealed_size = 0;
    ferry->home->output_start = 0;
    ferry->home->output_size = 0;
}

/* ---- life ---- */

struct ferry *ferry_create(struct session_loop *home)
{
    struct ferry *ferry = malloc(sizeof(*ferry)); /* the input is not touched before there is some */
    if (ferry == NULL) {
        return NULL;
    }
    ferry->group = (struct loop_group){.before = before_group, .after = after_group};
    ferry->home = home;
    ferry->loading = false;
    ferry->freight_count = 0;
    ferry->sealed_size = 0;
    ferry->batch = batch_create(LOOP_GROUP);
    if (ferry->batch == NULL) {
        free(ferry);
        return NULL;
    }
    loop_set_group(home->loop, &ferry->group);
    return ferry;
}

void ferry_destroy(struct ferry **ferry_pointer)
{
    struct ferry *ferry = *ferry_pointer;
    if (ferry == NULL) {
        return;
    }
    *ferry_pointer = NULL;
    batch_destroy(&ferry->batch);
    free(ferry);
}
