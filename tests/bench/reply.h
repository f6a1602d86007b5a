/*
 * reply - reads what a WebSocket server sends (RFC 6455 §5.2), as a client sees it, without keeping payload: a message
 * comes out in the pieces in which it arrived. Pure state on buffers; one thread.
 */
#ifndef PORTCULLIS_BENCH_REPLY_H
#define PORTCULLIS_BENCH_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLY_UNIT_MAX 127 /* header and payload of the largest control frame; longer than any header */

enum reply_event {
    REPLY_MORE,    /* all bytes are taken; a frame or message is not complete */
    REPLY_DATA,    /* a piece of a message */
    REPLY_MESSAGE, /* its last piece, which may be empty */
    REPLY_PING,    /* the piece is the payload */
    REPLY_PONG,
    REPLY_CLOSE,
    REPLY_BROKEN, /* against the protocol; nothing more can be read */
};

/* Starts as all zeros. */
struct reply {
    uint64_t left;   /* payload of the present data frame that has not arrived */
    uint64_t length; /* of the message so far */
    uint8_t stash_size;
    bool in_frame;
    bool in_message;
    bool fin;
    uint8_t stash[REPLY_UNIT_MAX]; /* a header or control frame that is not complete */
};

struct reply_piece {
    const uint8_t *bytes; /* in the input or in the stash: valid until the next call */
    size_t size;
    uint64_t offset; /* in the message */
};

/* Takes bytes from the front of the input, up to the next event; moves *bytes and *size behind what it took. *piece_r is
 * written for every event but REPLY_MORE and REPLY_BROKEN. After REPLY_MESSAGE, reply->length is the message's length. */
enum reply_event __attribute__((warn_unused_result))
reply_next(struct reply *reply, const uint8_t **bytes, size_t *size, struct reply_piece *piece_r);

#endif
