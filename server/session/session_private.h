/*
 * session_private - what the files of this folder share: the session's and the session loop's members.
 *
 * All of it belongs to the loop's thread, except where a member says otherwise.
 */
#ifndef PORTCULLIS_SESSION_SESSION_PRIVATE_H
#define PORTCULLIS_SESSION_SESSION_PRIVATE_H

#include <stdatomic.h>

#include "server/loop/list.h"
#include "server/loop/loop.h"
#include "server/session/compression.h"
#include "server/session/ferry.h"
#include "server/session/pool.h"
#include "server/session/queue.h"
#include "server/session/rate.h"
#include "server/session/session.h"
#include "server/session/spread.h"
#include "server/session/users.h"
#include "server/ws/reader.h"

/* One read. Larger than a TLS record and than most messages, which are then handled where they were received. */
#define SESSION_INPUT_SIZE (128 * 1024)
/* Replies to the messages of one read are gathered and written at once. */
#define SESSION_OUTPUT_SIZE (128 * 1024)
/* A message this large is written from where it is instead of being gathered (plain connections). */
#define SESSION_DIRECT_SIZE (16 * 1024)
struct session_loop {
    struct loop *loop;
    struct session_pool *pool;
    struct session *first; /* all sessions of this loop, the newest first */
    struct session *last;
    uint8_t *input;      /* SESSION_INPUT_SIZE bytes, of whichever session is being read */
    uint8_t *output;     /* SESSION_OUTPUT_SIZE bytes */
    size_t output_start; /* what is before it belongs to the ferry */
    size_t output_size;
    struct compression compression;
    size_t compression_memory; /* of it, as it was last counted */
    bool compression_busy;     /* a large buffer has been used since trim_timer was set */
    struct timer trim_timer;
    struct ferry *ferry;          /* NULL: every session reads and writes for itself */
    struct session *output_owner; /* whose replies are being gathered; NULL between events */
    bool retried;                 /* past the mark, and the socket has been tried again in this event */
    size_t turn_size;             /* of the messages in this event, where inflating, checking or digesting them costs */
    struct schema_scratch *scratch;                    /* of validation.c; NULL before it is used */
    atomic_uint_least64_t violations[VIOLATION_COUNT]; /* any thread reads, the loop's writes */
    size_t memory;      /* of all its sessions, beyond their structs, and of compression; see memory.c */
    size_t memory_told; /* how much of it the pool knows of */
    bool draining;
    struct spread drain; /* of the Close frames of a drain */
    uint64_t drain_begin_ms;
    struct session *drain_next; /* who is to be told next; NULL: all were */
    size_t drain_done;
    struct timer close_timer; /* for drain_next */
    struct timer drain_timer; /* for the end */
    struct loop_message drain_message;
    struct loop_message hurry_message;
    uint32_t drain_timeout_ms;
    struct list walks; /* see walk.c */
    struct timer walk_timer;
    struct expiry_watch *expiry; /* see expiry.c */
};

struct session_pool {
    struct log *log;
    struct gate *gate;
    const struct token_context *tokens;
    struct users *users;
    unsigned threads;
    struct session_loop *loops;
    atomic_bool draining;                   /* any thread */
    atomic_uint next;                       /* any thread: whose turn it is */
    atomic_size_t open;                     /* any thread: sessions, those on their way to a loop included */
    atomic_uint_least64_t next_id;          /* any thread */
    atomic_size_t memory;                   /* any thread: what the loops have told; see memory.c */
    atomic_uint_least64_t messages_dropped; /* any thread */
};

enum session_state {
    SESSION_OPEN,
    SESSION_CLOSING,   /* our Close frame is under way, the peer's has not come */
    SESSION_LEAVING,   /* both, or the last we have to say: what is queued goes out, then FIN */
    SESSION_LINGERING, /* FIN sent: input is discarded until the peer's, so that a RST cannot overtake our last bytes */
    SESSION_DEAD,      /* to be freed at the end of the event */
};

/* Of a session whose endpoint asks for a token. May outlive the session: see authentication.c. */
struct session_auth {
    struct users_seat seat;
    struct loop_message make_room; /* posted once, by whoever takes a seat that the user has no room for otherwise */
    struct session_loop *home;
    struct session *session;   /* the loop's: NULL before it was adopted and after its end */
    struct identity *identity; /* owned; NULL: the token has not come yet */
    uint64_t due_ms;           /* for the token to come, then for another look at the wall clock; 0: never */
    uint8_t control_frames;    /* before the token */
    bool replaced;             /* to make room, before it was adopted */
    bool expires;              /* counted in home->expiry */
};

/* Kept small: an idle session costs this and nothing else of the heap (OpenSSL's state aside). */
struct session {
    struct loop_source source;
    struct timer timer; /* the earliest of all deadlines; set late rather than moved at each message */
    struct transport transport;
    struct session_loop *home;
    struct session *next;
    struct session *previous;
    const struct config *config; /* one reference */
    const struct config_endpoint *endpoint;
    const struct handler *handler;
    const char *protocol;      /* the subprotocol agreed upon, of the config; or NULL */
    const char *detail;        /* of the end; static, or what lives as long as the session, or NULL */
    struct codec *codec;       /* of context takeover; owned, NULL before it is used */
    struct session_auth *auth; /* NULL where no token is asked for */
    struct reader reader;
    struct queue queue;
    struct gate_pass pass;
    uint64_t id;
    uint64_t opened_ms;
    uint64_t last_input_ms;
    uint64_t last_message_ms;
    uint64_t message_since_ms;         /* an incomplete message; 0: none */
    uint64_t stalled_since_ms;         /* queued output that does not move; 0: none */
    uint64_t paused_since_ms;          /* nothing is read, see input.c; 0: it is */
    struct session_held *held;         /* what was read before the pause; owned, or NULL */
    struct session_overflow *overflow; /* once past the mark; owned, or NULL */
    size_t memory;                     /* beyond this struct, as it was last counted */
    size_t unacknowledged;             /* what the kernel held for the peer when last asked */
    uint64_t pinged_ms;                /* a ping that nothing has answered; 0: none */
    uint64_t close_due_ms;             /* from SESSION_CLOSING on */
    struct rate *rate;                 /* owned; NULL before it is used */
    struct session_conduct *conduct;   /* of validation.c; owned, NULL before it is used */
    uint64_t messages_in;
    uint64_t messages_out;
    uint64_t bytes_in; /* payload */
    uint64_t bytes_out;
    uint32_t interest; /* epoll events asked for */
    uint16_t port;
    uint16_t code_sent;     /* of our Close frame; 0: none */
    uint16_t code_received; /* of the peer's */
    uint8_t state;          /* enum session_state */
    uint8_t cause;          /* enum cause, once state is not SESSION_OPEN */
    struct extension_agreed compression;
    bool tls;
    bool input_ended;  /* the peer's FIN, or TLS close_notify */
    bool end_told;     /* plain: epoll has told of the peer's FIN or of an error, behind what is still unread */
    bool marked;       /* plain: there is an urgent byte, before which a read ends though more may follow */
    bool undrained;    /* plain: the socket may hold input that epoll, being edge-triggered, does not tell of again */
    bool unwritten;    /* plain: it was writable and took nothing, and epoll may not tell again either */
    bool bulky;        /* plain: the last read was too large for the ferry */
    uint8_t place;     /* in the ferry, of input it has fetched, counted from 1; 0: none */
    uint8_t freight;   /* likewise of output */
    bool read_blocked; /* the last read found nothing whole */
    bool read_wants_write; /* TLS: reading goes on when the socket is writable */
    bool write_wants_read; /* TLS: writing goes on when the socket is readable */
    bool introduced;       /* the handler knows of it */
};

/* output.c: between session_output_begin() and session_output_end() what is sent is gathered. They do not nest. */
void session_output_begin(struct session *session);
/* Writes what was gathered; what the socket does not take is queued. */
void session_output_end(struct session *session);
/* Writes as far as the socket takes it and queues the rest; the queue is empty. */
void session_output_write(struct session *session, uint8_t *bytes, size_t size);
/* The same after a send that was made elsewhere and came to `result`, as in transport_sent(). */
void session_output_sent(struct session *session, uint8_t *bytes, size_t size, int result);
/* The same over TLS, of what was encrypted already (transport_seal); BATCH_UNDONE: it is still to be sent. */
void session_output_sealed(struct session *session, uint8_t *bytes, size_t size, const uint8_t *sealed,
                           size_t sealed_size, int result);
/* Goes on with the queue. */
void session_output_resume(struct session *session);
/* Adds a frame of two payload pieces, whatever is queued already: session_admits_message() is asked before. May end the session
 * (out_of_memory, session_memory, server_memory, connection_lost). */
void session_output_frame(struct session *session, enum ws_opcode opcode, const void *head, size_t head_size,
                          const void *body, size_t body_size);

/* overflow.c. Before each message: whether it may be sent. If not, it is to be forgotten: it was dropped and counted, or the
 * session has ended (slow_consumer, connection_lost). */
bool __attribute__((warn_unused_result)) session_admits_message(struct session *session);
/* Sends a pong, or keeps the newest until the peer has read. `size` is at most FRAME_CONTROL_MAX. */
void session_answer_ping(struct session *session, const uint8_t *data, size_t size);
/* Sends a pong that was kept, if it may go now. */
void session_settle_overflow(struct session *session);
uint64_t session_messages_dropped(const struct session *session);
size_t session_overflow_memory(const struct session *session);
void session_free_overflow(struct session *session);

/* validation.c: whether the handler gets this message, of an endpoint that has rules; if not, it was answered, or the session has
 * ended. `cost` is what rates go by. */
bool __attribute__((warn_unused_result))
session_admits_content(struct session *session, enum ws_opcode opcode, const uint8_t *data, size_t size, size_t cost);
/* What the audit file has of a message; `delivered`: its handler gets it. Counts in the session's turn. */
void session_audit_message(struct session *session, enum ws_opcode opcode, bool delivered, const uint8_t *data,
                           size_t size);
/* Messages that broke a rule so far. */
uint64_t session_violations(const struct session *session);
size_t session_conduct_memory(const struct session *session);
void session_free_conduct(struct session *session);

/* memory.c: after blocks have grown or shrunk, between session_output_begin() and session_output_end(). May end the session
 * (session_memory, server_memory) and then frees its incomplete message, its held input and its compression. */
void session_count_memory(struct session *session);
/* After a message was inflated, for the buffer that it is in: may end the session (server_memory). */
void session_count_inflated(struct session *session);
/* After a message was handled or sent: a buffer of the loop's that is large is kept as long as there are more such messages and
 * memory is not short. */
void session_settle_compression(struct session *session, struct deflate_buffer *buffer);
/* Tells the log, once in a while, that all sessions together are close to their limit of `max` bytes. Any thread. */
void session_pool_warn_memory(const struct session_pool *pool, uint64_t max, const char *detail);
/* The loop's, before it runs. */
void session_init_memory(struct session_loop *home);
/* It holds nothing any more. */
void session_uncount_memory(struct session *session);
/* The largest block that the queue may take without being past limits.session_memory. */
size_t session_queue_capacity_max(const struct session *session);

/* session.c: an event goes  session_output_begin() → something → session_finish(). In between the session cannot be freed,
 * whatever the handler or a failed write does to it; session_finish() writes what was gathered, brings epoll and the
 * timer up to date, and frees the session if it is dead. */
void session_finish(struct session *session);
/* Tells the handler of the session, unless it has ended before. From then on the handler will be told of its end. */
void session_introduce(struct session *session);
/* What epoll is asked for when there is to be read. */
uint32_t session_read_events(const struct session *session);
void session_on_ready(struct loop_source *source, uint32_t events);
void session_on_timer(struct timer *timer, uint64_t now_ms);
/* Reads what there is, within reason. */
void session_receive(struct session *session);
/* Bytes from the peer, whichever way they came. */
void session_take_input(struct session *session, uint8_t *bytes, size_t size);
/* Whether anything may be read now: not while the peer leaves its replies unread, and not once its input has ended. */
bool session_wants_input(const struct session *session);
/* Reads when it is not wanted what was fetched already: kept until it is. */
void session_keep_fetched(struct session *session);
/* Whether there is input that epoll knows nothing of: held back, or inside OpenSSL. */
bool session_has_input(const struct session *session);
void session_drop_input(struct session *session);
size_t session_held_memory(const struct session *session);
/* Acts on what is due. */
void session_check_deadlines(struct session *session);
/* After output was written or queued: whether it stalls, and whether reading pauses. */
void session_note_output(struct session *session);
uint64_t session_now_ms(const struct session *session);
/* The timer, for the earliest of all deadlines. */
void session_set_timer(struct session *session);

/* authentication.c: who a session is. */

/* Of a session that `offer` is for; a seat is taken for its identity, which becomes the result's. NULL there: nothing to be kept. */
enum session_status __attribute__((warn_unused_result))
session_auth_create(struct session_loop *home, const struct session_offer *offer, struct session_auth **auth_r);
/* Undoes it; the identity stays with the caller. */
void session_auth_undo(struct session_auth **auth);
/* Adopted, with its 101 on its way. May end the session. True: the handler may be told. */
bool session_auth_begin(struct session *session);
/* The session is no longer open: its user may have another one. */
void session_auth_end(struct session *session);
size_t session_auth_memory(const struct session *session);
/* The session is being freed. */
void session_auth_free(struct session *session);
/* What auth->due_ms was for. */
void session_auth_due(struct session *session);
/* The first message. */
void session_take_token(struct session *session, enum ws_opcode opcode, uint8_t *data, size_t size);
/* A control frame in front of it. False: that was one too many, and the session has ended. */
bool session_admits_control(struct session *session);
/* The text of a user or key for the log: NULL where there is none. */
const char *session_user(const struct session *session);
const char *session_key_id(const struct session *session);

/* Whether the next message is to be the token. */
static inline bool session_awaits_token(const struct session *session)
{
    return session->auth != NULL && session->auth->identity == NULL;
}

/* expiry.c: when identities end. */
struct expiry_watch *expiry_watch_create(struct session_loop *home); /* NULL without memory */
void expiry_watch_destroy(struct expiry_watch **watch);
/* Whether the identity has not ended yet; if so, auth->due_ms is when to look again. */
bool expiry_look(struct session *session);
/* The session is watched, or no longer. */
void expiry_begin(struct session *session);
void expiry_end(struct session *session);

/* walk.c: something done to all sessions of a loop, oldest first, a few at a time. A session that comes meanwhile is met, too. */
struct walk {
    struct list link;
    struct session *next; /* NULL: that was the last */
    /* May end the session, and set `next` to NULL. Returns what that has cost, a look at it being 1. */
    unsigned (*visit)(struct walk *walk, struct session *session);
    void (*done)(struct walk *walk); /* may free the walk */
};
void walk_init(struct session_loop *home);
void walk_begin(struct session_loop *home, struct walk *walk);
/* The session is about to be freed. */
void walk_forget(struct session_loop *home, const struct session *session);
/* The loop has ended and has no session any more. */
void walk_end_all(struct session_loop *home);

/* Ends at once, without a word to the peer. Only the first cause stands. */
void session_abort(struct session *session, enum cause cause);
/* Ends with nothing more to be said but a Close frame of that code, if any: the peer's Close, or its FIN, has come. */
void session_leave(struct session *session, enum cause cause, unsigned code);
/* session_end() for callers outside of an event of this session: writes what is to be said and may free the session. */
void session_close(struct session *session, enum cause cause);
/* Closes and frees; the only place where that happens. */
void session_destroy(struct session *session);

#endif
