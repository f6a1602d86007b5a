/*
 * slot - the members that the files of the lobby share: a connection in the lobby and the thread it belongs to.
 *
 * All of it belongs to the lobby thread. While a slot is SLOT_HANDED, a civetweb worker reads the transport, pass, port, config
 * and early bytes, and says what became of it. The ready ring and the inbox order the two: the worker begins after
 * the slot's ticket was put into the one, and the lobby goes on after `done` was put into the other.
 */
#ifndef PORTCULLIS_LOBBY_SLOT_H
#define PORTCULLIS_LOBBY_SLOT_H

#include <stdatomic.h>

#include "server/door/answer.h"
#include "server/lobby/hatch.h"
#include "server/lobby/head.h"
#include "server/lobby/lobby.h"
#include "server/loop/list.h"
#include "server/loop/loop.h"

enum slot_state {
    SLOT_FREE,
    SLOT_HELLO,  /* TLS: the first record is not whole; it stays in the kernel */
    SLOT_PARKED, /* TLS: it is, and waits for its turn among limits.max_tls_handshakes */
    SLOT_TLS,    /* in the handshake */
    SLOT_HEAD,   /* the request head is arriving */
    SLOT_READY,  /* it is good, and waits for its turn among LOBBY_HANDED_MAX */
    SLOT_HANDED, /* civetweb has it */
    SLOT_ANSWER, /* an HTTP answer is being written */
    SLOT_LINGER, /* FIN sent: input is discarded until the peer's, so that no RST overtakes the answer */
};

/* What a worker made of the request. */
enum slot_decision {
    SLOT_UNDECIDED, /* none has seen it */
    SLOT_ANSWERED,  /* `bytes` is the answer */
    SLOT_FORGOTTEN, /* there is an answer, but no memory for it */
    SLOT_TAKEN,     /* a session has the transport and the pass */
};

struct slot {
    struct loop_source client;
    struct list age;          /* in lobby_thread.age, by deadline: what may be evicted or times out */
    struct list queue;        /* in lobby_thread.parked, .handshakes, .ready, or .free */
    struct loop_message done; /* civetweb is done with the request */
    struct hatch hatch;       /* while SLOT_HANDED: the head went through it */
    struct lobby_thread *home;
    struct transport transport;
    struct gate_pass pass;
    const struct config *config; /* one reference, from accept on */
    uint64_t due_ms;
    uint64_t since_ms; /* of the TLS handshake */
    char *bytes;       /* owned: what has arrived of the head, and behind it; later the answer */
    size_t size;
    size_t sent; /* of the answer */
    struct head_scan scan;
    uint32_t interest;
    uint32_t low_water; /* SO_RCVLOWAT, as last set */
    uint32_t ticket;
    size_t head_size; /* once the head is good: early bytes stand behind it */
    uint16_t generation;
    uint16_t port;
    uint8_t state; /* enum slot_state */
    bool tls;
    uint8_t decided; /* enum slot_decision */
    bool closed;     /* civetweb closes civetweb_fd, or has; when it is stopped before, nobody does */
    bool malformed;  /* undecided, for civetweb's parser refused the head */
    int civetweb_fd; /* where it reads the head from */
};

/* An admitted connection on its way to a slot, perhaps on another thread. */
struct newcomer {
    struct loop_message message;
    struct lobby_thread *to;
    struct gate_pass pass;
    int fd;
    uint16_t port;
    bool tls;
};

struct lobby_accept {
    struct loop_source source;
    struct lobby_thread *home;
    bool tls;
};

struct lobby_thread {
    struct loop *loop;
    struct lobby *lobby;
    struct lobby_accept *accepts; /* one a listener */
    struct slot *slots;
    struct list free;
    struct list age; /* all up to and including SLOT_HEAD, oldest first */
    struct list parked;
    struct list handshakes; /* SLOT_TLS, oldest first */
    struct list ready;
    struct list leaving; /* SLOT_ANSWER and SLOT_LINGER */
    struct hatch_set hatches;
    struct timer timer; /* the earliest deadline of all lists */
    char *scratch;      /* scratch_size bytes that one read may fill */
    size_t scratch_size;
    atomic_uint occupied; /* any thread: slots in use, and newcomers on their way to one */
    unsigned handshake_count;
    unsigned handed_count;
    const struct config *config;
    SSL_CTX *tls;
    struct loop_message admit;
    struct loop_message stop_admitting;
    struct timer admit_timer; /* to watch the listeners again after a shortage */
    bool admitting;
};

struct lobby {
    struct log *log;
    struct gate *gate;
    struct ready_ring *ring;
    unsigned threads;
    size_t slots_per_thread;
    struct lobby_thread *thread;
    struct lobby_listener *listeners;
    size_t listener_count;
    atomic_uint_least64_t counts[LOBBY_CAUSE_COUNT]; /* any thread */
    bool stop_asked;                                 /* main thread: of stop_admitting */
    atomic_uint stopped_admitting;                   /* any thread: how many threads have */
    atomic_uint reloaded;                            /* any thread: how many threads have */
    const struct readiness *readiness;
};

/* admit.c. False when memory is short. */
bool admit_init(struct lobby_thread *home);

/* slot.c */
/* Takes an admitted connection in, which is counted in home->occupied: a slot, a deadline, and whatever its listener
 * speaks. */
void slot_take_in(struct lobby_thread *home, const struct newcomer *newcomer);
void lobby_on_timer(struct timer *timer, uint64_t now_ms);
/* The connection is over: closed (with a RST when `reset`), given back to the gate, the slot free. */
void slot_release(struct slot *slot, bool reset);
/* From the first time on the client's events are told. Without memory for that the slot is on its way out afterwards, so it has to be
 * the last that is done with it. */
void slot_watch(struct slot *slot, uint32_t events);
void slot_report(const struct slot *slot, enum lobby_cause cause, const char *detail);
/* As the door logs what it refuses: this is a good request that did not come that far. */
void slot_report_stopping(const struct slot *slot, unsigned status, const struct head *head);
/* Makes sure the thread wakes up for this deadline. */
void lobby_due(struct lobby_thread *home, uint64_t due_ms);

/* secure.c: ClientHello and handshake. */
void slot_hello_begin(struct slot *slot);
void slot_hello_ready(struct slot *slot, uint32_t events);
void slot_handshake_ready(struct slot *slot);
/* A handshake has ended, one way or the other; the state is SLOT_HEAD. The next parked one may begin. */
void slot_handshake_over(struct slot *slot);
void lobby_unpark(struct lobby_thread *home);

/* request.c: head, hand-over to civetweb, answers. */
void slot_head_begin(struct slot *slot);
void slot_head_ready(struct slot *slot);
/* Civetweb is done with one: the next that is ready may go. */
void lobby_hand_next(struct lobby_thread *home);
/* Civetweb is done with a request. */
void slot_on_done(struct loop_message *message);
/* Answers without civetweb. `status` as in answer.h; `text` is a sentence. */
void slot_answer(struct slot *slot, unsigned status, const char *text);
void slot_answer_ready(struct slot *slot);
void slot_linger_ready(struct slot *slot);

#endif
