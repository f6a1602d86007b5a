/*
 * connection - one client: connects, upgrades, sends messages and checks the replies. It belongs to one thread, and so
 * does the crew, which is what the connections of a thread share.
 */
#ifndef PORTCULLIS_BENCH_CONNECTION_H
#define PORTCULLIS_BENCH_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/link.h"
#include "tests/bench/pace.h"
#include "tests/bench/plan.h"
#include "tests/bench/reply.h"
#include "tests/bench/tally.h"

#define CREW_BUFFER_SIZE (64 * 1024) /* bytes read at once */

struct crew {
    const struct plan *plan;
    int epoll;
    uint8_t *buffer;
    size_t next_frame;    /* of plan->frames, for the next batch */
    SSL_SESSION *session; /* to resume */
    unsigned opening;
    unsigned open;
    unsigned unanswered;    /* messages under way */
    unsigned failed_in_row; /* connections since the last upgrade */
    bool flowing;           /* replies are answered with the next message */
    struct pace pace;       /* while flowing, if the rate is fixed */
    struct tally tally;
};

enum connection_state {
    CONNECTION_CLOSED,
    CONNECTION_CONNECTING,
    CONNECTION_TLS,
    CONNECTION_UPGRADING,
    CONNECTION_OPEN,
    CONNECTION_CLOSING, /* our Close is sent */
};

struct connection {
    enum connection_state state;
    unsigned number; /* of all connections of the load */
    struct link link;
    const uint8_t *out; /* being written; in the plan or in `pong` */
    size_t out_left;
    unsigned due;        /* messages to write after that */
    unsigned unanswered; /* messages whose reply has not arrived; those due count */
    unsigned oldest;     /* of `sent_ns`: the next reply's */
    uint64_t *sent_ns;   /* a ring of options.pipeline; lent by the worker. Fixed rate: when they were due */
    uint64_t turn;       /* fixed rate: messages before the next one */
    uint64_t began_ns;   /* connect() */
    bool checked;        /* the content of a reply was compared */
    bool answered;       /* since measuring began */
    size_t head_size;
    uint8_t *head; /* of an answer that came in several reads; PLAN_HEAD_MAX bytes, or NULL */
    size_t pong_size;
    uint8_t *pong; /* waits to be written, when pong_size is not 0 */
    struct reply reply;
};

/* Starts to connect a closed connection; a failure is counted. */
void connection_start(struct connection *connection, struct crew *crew);
/* After an event of the (edge-triggered) epoll; `ended`: the stream's end or an error was among its flags. */
void connection_drive(struct connection *connection, struct crew *crew, bool ended);
/* Sends `count` messages more, at most options.pipeline unanswered ones in all. */
void connection_send(struct connection *connection, struct crew *crew, unsigned count, uint64_t now_ns);
/* Fixed rate: sends what is due by now, as far as the pipeline lets it. */
void connection_send_due(struct connection *connection, struct crew *crew, uint64_t now_ns);
/* Fixed rate: when the next message is due. */
uint64_t connection_due_ns(const struct connection *connection, const struct crew *crew);
/* Fixed rate: counts what is without a reply at the end, whether it was sent or not. */
void connection_count_overdue(const struct connection *connection, struct crew *crew, uint64_t now_ns);
/* Closes it in any state; counts the failure, if it is one. */
void connection_end(struct connection *connection, struct crew *crew, enum failure failure);

uint64_t clock_ns(void);

#endif
