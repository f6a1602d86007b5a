/*
 * compression - picks and makes the streams that a session's messages go through; see compression.h.
 */
#include "server/session/compression.h"

#include <stdlib.h>

/* Buffers up to this size are kept for good. */
#define KEPT_SIZE ((size_t)256 * 1024)

struct codec {
    struct inflater *inflater; /* NULL before it is used */
    struct deflater *deflater;
};

void compression_deinit(struct compression *compression)
{
    inflater_destroy(&compression->inflater);
    for (unsigned bits = 0; bits <= EXTENSION_WINDOW_BITS_MAX; bits++) {
        deflater_destroy(&compression->fitted[bits]);
        deflater_destroy(&compression->full[bits]);
    }
    deflate_buffer_free(&compression->inflated);
    deflate_buffer_free(&compression->deflated);
}

void codec_destroy(struct codec **codec)
{
    if (*codec != NULL) {
        inflater_destroy(&(*codec)->inflater);
        deflater_destroy(&(*codec)->deflater);
        free(*codec);
        *codec = NULL;
    }
}

size_t codec_memory(const struct codec *codec, const struct extension_agreed *agreed)
{
    size_t size = 0;
    if (codec != NULL && codec->inflater != NULL) {
        size += inflater_memory(agreed->client_window_bits);
    }
    if (codec != NULL && codec->deflater != NULL) {
        size += deflater_memory(deflater_options(codec->deflater));
    }
    return size;
}

static bool need_codec(struct codec **codec)
{
    if (*codec == NULL) {
        *codec = calloc(1, sizeof(**codec));
    }
    return *codec != NULL;
}

size_t compression_memory(const struct compression *compression)
{
    return compression->streams_memory + compression->inflated.capacity + compression->deflated.capacity;
}

bool compression_is_large(const struct deflate_buffer *buffer)
{
    return buffer->capacity > KEPT_SIZE;
}

void compression_trim(struct deflate_buffer *buffer)
{
    if (compression_is_large(buffer)) {
        deflate_buffer_free(buffer);
    }
}

/* Without takeover the largest window takes whatever any client has made. */
static struct inflater *find_inflater(struct compression *compression, struct codec **codec,
                                      const struct extension_agreed *agreed)
{
    if (!agreed->client_takeover) {
        if (compression->inflater == NULL) {
            compression->inflater = inflater_create(EXTENSION_WINDOW_BITS_MAX);
            compression->streams_memory +=
                compression->inflater != NULL ? inflater_memory(EXTENSION_WINDOW_BITS_MAX) : 0;
        }
        return compression->inflater;
    }
    if (!need_codec(codec)) {
        return NULL;
    }
    if ((*codec)->inflater == NULL) {
        (*codec)->inflater = inflater_create(agreed->client_window_bits);
    }
    return (*codec)->inflater;
}

enum inflater_status compression_inflate(struct compression *compression, struct codec **codec,
                                         const struct codec_terms *terms, const struct reader_output *message,
                                         size_t *size_r)
{
    struct inflater *inflater = find_inflater(compression, codec, terms->agreed);
    if (inflater == NULL) {
        return INFLATER_MEMORY;
    }
    const struct inflater_limits limits = {.max_size = terms->max_message,
                                           .max_ratio = terms->config->compression.max_ratio};
    return inflater_message(inflater, terms->agreed->client_takeover, message->data, message->size,
                            message->opcode == WS_TEXT, &limits, &compression->inflated, size_r);
}

/* After a reload sessions of either config use it in turn, so that it is never made anew because of their levels: effort is
 * changed in passing, and more memory than one asked for does no harm. */
static void drop_smaller(struct compression *compression, struct deflater **place, uint8_t memory_level)
{
    if (*place != NULL && deflater_options(*place)->memory_level < memory_level) {
        compression->streams_memory -= deflater_memory(deflater_options(*place));
        deflater_destroy(place);
    }
}

/*
 * A loop's deflater for a message of `size` bytes; `options` are the most it may take.
 *
 * zlib clears its hash table, 2^(memory level + 8) bytes, before each message that starts anew, which for a small message would
 * be most of the work. So such a one gets the smallest window that holds it, and the memory level that goes with it: a hash
 * table as large as the window, and room for all its symbols in one block (2^(memory level + 6)).
 */
static struct deflater *find_shared_deflater(struct compression *compression, struct deflater_options options,
                                             size_t size)
{
    uint8_t bits = deflater_window_for(size, options.window_bits);
    struct deflater **place = &compression->full[options.window_bits];
    if (bits != 0) {
        uint8_t level = bits - 6;
        options.window_bits = bits;
        options.memory_level = level < options.memory_level ? level : options.memory_level;
        place = &compression->fitted[bits];
    }
    drop_smaller(compression, place, options.memory_level);
    if (*place == NULL) {
        *place = deflater_create(&options);
        compression->streams_memory += *place != NULL ? deflater_memory(&options) : 0;
    } else {
        deflater_set_level(*place, options.level);
    }
    return *place;
}

static struct deflater *find_own_deflater(struct codec **codec, const struct deflater_options *options)
{
    if (!need_codec(codec)) {
        return NULL;
    }
    if ((*codec)->deflater == NULL) {
        (*codec)->deflater = deflater_create(options);
    }
    return (*codec)->deflater;
}

enum deflater_status compression_deflate(struct compression *compression, struct codec **codec,
                                         const struct codec_terms *terms, const struct deflater_message *message,
                                         size_t *size_r)
{
    const struct extension_agreed *agreed = terms->agreed;
    const struct deflater_options options = {
        .window_bits = agreed->server_window_bits,
        .level = (uint8_t)terms->config->compression.level,
        .memory_level = (uint8_t)terms->config->compression.memory_level,
    };
    size_t size = message->head_size + message->body_size;
    if (size < terms->config->compression.min_size) {
        return DEFLATER_SKIPPED;
    }
    struct deflater *deflater =
        agreed->server_takeover ? find_own_deflater(codec, &options) : find_shared_deflater(compression, options, size);
    if (deflater == NULL) {
        return DEFLATER_SKIPPED;
    }
    return deflater_message(deflater, agreed->server_takeover, message, &compression->deflated, size_r);
}
