/*
 * deflate - the payload of compressed messages (RFC 7692 §7.2), over zlib. On buffers; one thread at a time for each
 * object.
 *
 * An object serves a connection with context takeover, or any number of connections without: then it starts anew with
 * each message and what it did before does not matter. Memory, as measured with zlib 1.2.13:
 *
 *   inflater   7 KiB, and its window of 2^bits bytes with the first message: 40 KB for 15 bits
 *   deflater   6 KiB + 2^(bits + 2) + 2^(memory level + 9): 268 KB for 15 bits and level 8
 */
#ifndef PORTCULLIS_WS_DEFLATE_H
#define PORTCULLIS_WS_DEFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Output, which grows as it is needed and is kept for the next message. Zero-initialised; freed with deflate_buffer_free(). */
struct deflate_buffer {
    uint8_t *bytes; /* owned */
    size_t capacity;
};

void deflate_buffer_free(struct deflate_buffer *buffer);

/* ---- the client's messages ---- */

enum inflater_status {
    INFLATER_OK,
    INFLATER_CORRUPT, /* not DEFLATE data, or not all of it */
    INFLATER_UTF8,    /* the text is not UTF-8 */
    INFLATER_TOO_BIG, /* more than max_size */
    INFLATER_RATIO,   /* more than max_ratio allows */
    INFLATER_MEMORY,
};

/* For close reasons and logs; static, at most WS_CLOSE_REASON_MAX bytes. */
const char *inflater_status_text(enum inflater_status status);

/* A message may become this large whatever its ratio: small ones repeat themselves a lot, and harm nobody. */
#define INFLATER_RATIO_FLOOR (UINT64_C(1) << 20)

struct inflater_limits {
    uint64_t max_size;  /* bytes of the inflated message */
    uint32_t max_ratio; /* inflated to compressed size, past INFLATER_RATIO_FLOOR; 0: no limit */
};

struct inflater;

/* `window_bits` of the peer's compressor, 8 to 15. NULL when memory is short. */
struct inflater *inflater_create(unsigned window_bits);
void inflater_destroy(struct inflater **inflater);

/*
 * Inflates one message, whose payload is whole: all fragments together, unmasked. With `takeover` its references may
 * reach into the messages before. With `text` it must be UTF-8.
 *
 * The limits and UTF-8 are checked as the bytes come out, so that no more than max_size + 1 bytes are ever made. On
 * INFLATER_OK the message is the first *size_r bytes of `out`; after anything else a connection with takeover cannot go
 * on.
 */
enum inflater_status __attribute__((warn_unused_result))
inflater_message(struct inflater *inflater, bool takeover, const uint8_t *payload, size_t size, bool text,
                 const struct inflater_limits *limits, struct deflate_buffer *out, size_t *size_r);

/* The most bytes that a message of `size` bytes takes up compressed by any sensible compressor: zlib's bound for stored
 * blocks of its smallest buffer. What is longer is padding. UINT64_MAX when that is too large to tell. */
uint64_t deflate_bound(uint64_t size);

/* ---- ours ---- */

struct deflater_options {
    uint8_t window_bits;  /* 8 to 15 */
    uint8_t level;        /* 1 to 9 */
    uint8_t memory_level; /* 1 to 9 */
};

/* A message of two pieces, either of which may be empty. */
struct deflater_message {
    const void *head;
    size_t head_size;
    const void *body;
    size_t body_size;
};

enum deflater_status {
    DEFLATER_OK,
    DEFLATER_SKIPPED, /* to be sent as it is: it would not get smaller, or memory is short. Nothing has happened */
    DEFLATER_BROKEN,  /* only with takeover: memory ran out half-way, and the connection cannot go on */
};

struct deflater;

/* NULL when memory is short. */
struct deflater *deflater_create(const struct deflater_options *options);
void deflater_destroy(struct deflater **deflater);
const struct deflater_options *deflater_options(const struct deflater *deflater);
/* Another effort from the next message on, which must be one without takeover. Costs next to nothing. */
void deflater_set_level(struct deflater *deflater, uint8_t level);

/* Bytes that they take at most, as in the table above. */
size_t inflater_memory(unsigned window_bits);
size_t deflater_memory(const struct deflater_options *options);

/* The smallest window, up to `max_bits`, that holds a message of `size` bytes whole; 0 when none does. */
uint8_t deflater_window_for(size_t size, uint8_t max_bits);

/*
 * Compresses a message. On DEFLATER_OK the payload is the first *size_r bytes of `out`.
 *
 * Without takeover the result is smaller than the message. With takeover it may be larger: the window holds the message
 * by the time that shows, so the peer's must, too.
 */
enum deflater_status __attribute__((warn_unused_result))
deflater_message(struct deflater *deflater, bool takeover, const struct deflater_message *message,
                 struct deflate_buffer *out, size_t *size_r);

#endif
