/*
 * compression - what sessions that have agreed to permessage-deflate compress and inflate with. One thread: their loop's.
 *
 * Without context takeover a message needs nothing of those before, so that a loop's own streams serve all its sessions
 * and a session costs nothing. With it the streams are the session's; they are made when the first message needs them and
 * live as long as it does.
 */
#ifndef PORTCULLIS_SESSION_COMPRESSION_H
#define PORTCULLIS_SESSION_COMPRESSION_H

#include <stddef.h>

#include "server/config/config.h"
#include "server/ws/deflate.h"
#include "server/ws/extension.h"
#include "server/ws/reader.h"

/* Of a loop; zero-initialised. What it has made it keeps, but for large buffers; see session_settle_compression(). */
struct compression {
    struct inflater *inflater;
    struct deflater *fitted[EXTENSION_WINDOW_BITS_MAX + 1]; /* by window, for messages that fit into it */
    struct deflater *full[EXTENSION_WINDOW_BITS_MAX + 1];   /* for larger ones */
    struct deflate_buffer inflated;                         /* the message being handled */
    struct deflate_buffer deflated;                         /* the message being sent */
    size_t streams_memory;                                  /* bytes of the streams */
};

/* Of a session with context takeover. */
struct codec;

/* What a session is held to. */
struct codec_terms {
    const struct extension_agreed *agreed;
    const struct config *config;
    uint64_t max_message; /* of those that come, inflated */
};

void compression_deinit(struct compression *compression);
void codec_destroy(struct codec **codec);
/* Bytes that it holds; 0 for NULL. `agreed` is its session's. */
size_t codec_memory(const struct codec *codec, const struct extension_agreed *agreed);

/* Inflates a message into compression->inflated. `codec` is made when it is needed. Past anything but INFLATER_OK the session
 * must end. */
enum inflater_status __attribute__((warn_unused_result))
compression_inflate(struct compression *compression, struct codec **codec, const struct codec_terms *terms,
                    const struct reader_output *message, size_t *size_r);

/* Compresses a message into compression->deflated, if it is worth it. */
enum deflater_status __attribute__((warn_unused_result))
compression_deflate(struct compression *compression, struct codec **codec, const struct codec_terms *terms,
                    const struct deflater_message *message, size_t *size_r);

/* Bytes that it holds. */
size_t compression_memory(const struct compression *compression);

/* Whether a buffer of its is too large to be kept for good; if so, gives it back. Not while its message is handled or sent. */
bool compression_is_large(const struct deflate_buffer *buffer);
void compression_trim(struct deflate_buffer *buffer);

#endif
