/*
 * reader - a stream of client bytes turned into messages and control frames (RFC 6455 §5, §6.2, §7).
 *
 * Strict: each rule of §5 is checked at the first byte that can break it, in the order of the bytes, so that the same
 * stream gives the same events however it is cut into buffers:
 *
 *   first byte    reserved bit (RSV1 is none at the start of a message, when compression was agreed upon), reserved opcode, control frame without FIN; a continuation of nothing, a new data frame
 *                 inside a message, one frame more than max_fragments
 *   second byte   unmasked, control frame over 125 bytes, Close with one byte
 *   length bytes  not the shortest form, top bit set
 *   whole header  larger than what max_message has left
 *   payload       text that is not UTF-8 (unless it is compressed: whoever inflates it checks), at the byte that shows it or at the message's end inside a character;
 *                 the code, then the reason of a Close, when its frame is whole
 *
 * The caller owns the receive buffer and calls reader_next() over it until READER_MORE. Unmasking happens in
 * place; a whole unfragmented message is handed out as a view into the caller's buffer and costs no memory.
 * Only what is incomplete at the end of the buffer is kept, in one block of the reader's own, which grows with the
 * bytes that have arrived and never with the length a peer merely declared. With the call after a message's it is
 * released: an idle reader owns nothing.
 *
 * One thread at a time; no I/O.
 */
#ifndef PORTCULLIS_WS_READER_H
#define PORTCULLIS_WS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/ws/close.h"
#include "server/ws/frame.h"

struct reader_limits {
    uint64_t max_message;   /* bytes of a message, all fragments together */
    uint32_t max_fragments; /* frames of a message; at least 1 */
    bool compression; /* permessage-deflate was agreed upon (RFC 7692): RSV1 marks a compressed message. While it is
                               compressed, a message may have deflate_bound(max_message) bytes */
};

/* Why a stream is refused. Each has one close code (reader_error_code) and one phrase (reader_error_text). */
enum reader_error {
    READER_ERROR_NONE,
    READER_ERROR_UNMASKED,            /* §5.1: 1002 */
    READER_ERROR_RESERVED_BIT,        /* §5.2: 1002 */
    READER_ERROR_RESERVED_OPCODE,     /* §5.2: 1002 */
    READER_ERROR_LENGTH_FORM,         /* §5.2: 1002 */
    READER_ERROR_CONTROL_FRAGMENTED,  /* §5.5: 1002 */
    READER_ERROR_CONTROL_TOO_LONG,    /* §5.5: 1002 */
    READER_ERROR_CONTINUATION_ALONE,  /* §5.4: 1002 */
    READER_ERROR_MESSAGE_INTERRUPTED, /* §5.4: a new data frame inside a fragmented message: 1002 */
    READER_ERROR_CLOSE_LENGTH,        /* §5.5.1: a body of one byte: 1002 */
    READER_ERROR_CLOSE_CODE,          /* §7.4: 1002 */
    READER_ERROR_CLOSE_UTF8,          /* §5.5.1: 1007 */
    READER_ERROR_TEXT_UTF8,           /* §8.1: 1007 */
    READER_ERROR_MESSAGE_TOO_BIG,     /* 1009 */
    READER_ERROR_TOO_MANY_FRAGMENTS,  /* 1008 */
    READER_ERROR_MEMORY,              /* the assembly buffer could not grow: 1011 */
};

enum ws_close_code reader_error_code(enum reader_error error);
/* For close reasons and logs, e.g. "frame is not masked". At most WS_CLOSE_REASON_MAX bytes. Static. */
const char *reader_error_text(enum reader_error error);

/* What is known of an incomplete message or frame. */
struct reader_partial;

/* A member of a session, hence small; touch it through the functions. */
struct reader {
    struct reader_partial *partial; /* owned; NULL when nothing is incomplete */
    bool closed; /* a Close frame or an error was handed out: all that follows is ignored (§5.5.1) */
};

enum reader_event {
    READER_MORE,    /* all bytes are used, and there is nothing to report: *output_r is not written */
    READER_MESSAGE, /* opcode TEXT or BINARY */
    READER_PING,
    READER_PONG,
    READER_CLOSE, /* code (WS_CLOSE_NO_STATUS if the body is empty) and reason */
    READER_ERROR, /* final: the stream has no meaning from here on; a further call only swallows it */
};

struct reader_output {
    enum ws_opcode opcode;
    uint8_t *data; /* into the caller's buffer or the reader's; valid until the next call. Writable. */
    size_t size;
    bool compressed; /* READER_MESSAGE: data is as RFC 7692 §7.2.1 has made it, and has not been looked at */
    unsigned code;   /* READER_CLOSE; data and size are then the reason */
    enum reader_error error;
};

void reader_init(struct reader *reader);
void reader_deinit(struct reader *reader);

/* Takes bytes from *bytes / *size, advancing both, until there is something to report. May write to the bytes it takes.
 * The limits may differ from call to call (a reloaded config): they hold from the next header on. */
enum reader_event __attribute__((warn_unused_result))
reader_next(struct reader *reader, const struct reader_limits *limits, uint8_t **bytes, size_t *size,
            struct reader_output *output_r);

/* Whether a message or a frame is incomplete: the time such a state may last is bounded by the session. */
bool reader_is_midway(const struct reader *reader);

/* Bytes of memory the reader holds besides itself: at most twice what has arrived of an incomplete message, and half a
 * KiB; 0 when nothing is incomplete, one call after the last message. */
size_t reader_memory(const struct reader *reader);

#endif
