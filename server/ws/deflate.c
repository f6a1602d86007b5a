/*
 * deflate - inflates and compresses one message at a time; see deflate.h. Called by the session loops.
 *
 * A message is compressed as raw DEFLATE that ends in an empty stored block, of which the last four bytes (its length, twice)
 * are left out (RFC 7692 §7.2.1). To inflate is to put these back (§7.2.2).
 */
#include "server/ws/deflate.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

#include "server/ws/extension.h"
#include "validate/utf8.h"

static const uint8_t trailer[] = {0x00, 0x00, 0xFF, 0xFF};

/* What inflate() says of its state in z_stream.data_type. */
enum {
    STATE_UNUSED_BITS = 63,    /* of the last byte taken */
    STATE_BETWEEN_BLOCKS = 128 /* the last block has ended, the header of the next has not come */
};

/* Inflated at once: enough for few calls, little enough to be still in the cache when it is checked for UTF-8. */
#define STEP_SIZE ((size_t)64 * 1024)
/* The least memory for output. */
#define BUFFER_FIRST ((size_t)4 * 1024)

/* zlib's smallest window for raw DEFLATE; see deflater_create(). */
#define ZLIB_WINDOW_BITS_MIN 9
/* zlib keeps that much of a window for the longest match and what it looks at beyond (MIN_LOOKAHEAD). */
#define ZLIB_WINDOW_RESERVE 262
/* Output that deflate() must have room for beyond its bound: bits left of the message before, and the end of a flush, which it
 * would repeat otherwise. */
#define FLUSH_ROOM 16

/* As deflate.h gives them: what an object has at most. */
#define INFLATER_SIZE         ((size_t)7 * 1024)
#define DEFLATER_SIZE         ((size_t)6 * 1024)
#define DEFLATER_WINDOW_SHIFT 2
#define DEFLATER_LEVEL_SHIFT  9

void deflate_buffer_free(struct deflate_buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct deflate_buffer){0};
}

/* Makes room for `capacity` bytes; what is there stays. */
static bool grow(struct deflate_buffer *buffer, size_t capacity)
{
    if (capacity <= buffer->capacity) {
        return true;
    }
    uint8_t *bytes = realloc(buffer->bytes, capacity);
    if (bytes == NULL) {
        return false;
    }
    *buffer = (struct deflate_buffer){.bytes = bytes, .capacity = capacity};
    return true;
}

uint64_t deflate_bound(uint64_t size)
{
    uint64_t overhead = size / 8 + size / 64 + 64;
    return size > UINT64_MAX - overhead ? UINT64_MAX : size + overhead;
}

/* ---- inflating ---- */

struct inflater {
    z_stream stream;
};

/* One call of inflater_message(). */
struct inflation {
    z_stream *stream;
    struct deflate_buffer *out;
    size_t size;    /* of what has come out */
    size_t allowed; /* most bytes that may */
    bool by_ratio;  /* it is max_ratio that says so */
    bool text;
    bool ended; /* the last thing that came was the end of a final block */
    utf8_state utf8;
};

const char *inflater_status_text(enum inflater_status status)
{
    switch (status) {
    case INFLATER_OK:
        return "ok";
    case INFLATER_CORRUPT:
        return "compressed message is corrupt or cut";
    case INFLATER_UTF8:
        return "inflated text is not UTF-8";
    case INFLATER_TOO_BIG:
        return "inflated message is too big";
    case INFLATER_RATIO:
        return "message is compressed too well";
    case INFLATER_MEMORY:
        return "out of memory";
    }
    return "unknown status";
}

struct inflater *inflater_create(unsigned window_bits)
{
    struct inflater *inflater = calloc(1, sizeof(*inflater));
    if (inflater != NULL && inflateInit2(&inflater->stream, -(int)window_bits) != Z_OK) {
        free(inflater);
        return NULL;
    }
    return inflater;
}

void inflater_destroy(struct inflater **inflater)
{
    if (*inflater != NULL) {
        (void)inflateEnd(&(*inflater)->stream);
        free(*inflater);
        *inflater = NULL;
    }
}

size_t inflater_memory(unsigned window_bits)
{
    return INFLATER_SIZE + ((size_t)1 << window_bits);
}

/* Gives the stream somewhere to write: at most one step, and one byte more than is allowed, which shows that it is too much. */
static bool make_room(struct inflation *run)
{
    size_t most = run->allowed + 1;
    if (run->size == run->out->capacity) {
        size_t capacity = run->size < BUFFER_FIRST / 2 ? BUFFER_FIRST : run->size * 2;
        if (!grow(run->out, capacity < most ? capacity : most)) {
            return false;
        }
    }
    size_t room = (run->out->capacity < most ? run->out->capacity : most) - run->size;
    run->stream->next_out = run->out->bytes + run->size;
    run->stream->avail_out = (uInt)(room < STEP_SIZE ? room : STEP_SIZE);
    return true;
}

/* Judges `count` bytes that have come out. */
static enum inflater_status take_output(struct inflation *run, size_t count)
{
    if (count > run->allowed - run->size) {
        return run->by_ratio ? INFLATER_RATIO : INFLATER_TOO_BIG;
    }
    if (run->text) {
        run->utf8 = utf8_feed(run->utf8, run->out->bytes + run->size, count);
        if (run->utf8 == UTF8_REJECT) {
            return INFLATER_UTF8;
        }
    }
    run->size += count;
    return INFLATER_OK;
}

/* One call of inflate(). *more_r: whether another is needed for the same input. */
static enum inflater_status step(struct inflation *run, bool *more_r)
{
    z_stream *stream = run->stream;
    if (!make_room(run)) {
        return INFLATER_MEMORY;
    }
    uInt room = stream->avail_out;
    uInt input = stream->avail_in;
    int code = inflate(stream, Z_SYNC_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
        return code == Z_MEM_ERROR ? INFLATER_MEMORY : INFLATER_CORRUPT;
    }
    if (code == Z_STREAM_END) {
        /* A final block (§7.2.3.4). It ends a DEFLATE stream, not the message: what follows is another. */
        if (inflateReset(stream) != Z_OK) {
            return INFLATER_CORRUPT;
        }
        run->ended = true;
    } else if (stream->avail_in < input || stream->avail_out < room) {
        run->ended = false;
    }
    *more_r = stream->avail_in > 0 || stream->avail_out == 0;
    return take_output(run, room - stream->avail_out);
}

/* Inflates these bytes as far as they go. */
static enum inflater_status pour(struct inflation *run, const uint8_t *bytes, size_t size)
{
    enum inflater_status status = INFLATER_OK;
    while (status == INFLATER_OK && size > 0) {
        uInt part = size < UINT_MAX ? (uInt)size : UINT_MAX;
        run->stream->next_in = bytes;
        run->stream->avail_in = part;
        bytes += part;
        size -= part;
        bool more = true;
        while (status == INFLATER_OK && more) {
            status = step(run, &more);
        }
    }
    return status;
}

/*
 * The end of a message, made as strict as can be. With the trailer put back, the last block must end exactly here, and nothing
 * may come out of the trailer: it was part of a block that was cut then, and not the length of an empty one.
 *
 * A payload that ends with a final block instead of the beginning of an empty one has not been made by §7.2.1; but all of its
 * data is there, and where it ends is beyond doubt. It is taken.
 */
static enum inflater_status finish(struct inflation *run)
{
    if (!run->ended) {
        size_t size = run->size;
        enum inflater_status status = pour(run, trailer, sizeof(trailer));
        if (status != INFLATER_OK || run->size != size) {
            return status == INFLATER_MEMORY ? status : INFLATER_CORRUPT;
        }
        int state = run->stream->data_type;
        if (!run->ended && ((state & STATE_BETWEEN_BLOCKS) == 0 || (state & STATE_UNUSED_BITS) != 0)) {
            return INFLATER_CORRUPT;
        }
    }
    return run->utf8 == UTF8_START ? INFLATER_OK : INFLATER_UTF8;
}

/* How much may come out of `size` bytes. */
static void set_allowed(struct inflation *run, size_t size, const struct inflater_limits *limits)
{
    const uint64_t most = SIZE_MAX / 4; /* so that nothing overflows */
    uint64_t allowed = limits->max_size < most ? limits->max_size : most;
    if (limits->max_ratio != 0) {
        uint64_t by_ratio = size > UINT64_MAX / limits->max_ratio ? UINT64_MAX : (uint64_t)size * limits->max_ratio;
        by_ratio = by_ratio < INFLATER_RATIO_FLOOR ? INFLATER_RATIO_FLOOR : by_ratio;
        run->by_ratio = by_ratio < allowed;
        allowed = by_ratio < allowed ? by_ratio : allowed;
    }
    run->allowed = (size_t)allowed;
}

enum inflater_status inflater_message(struct inflater *inflater, bool takeover, const uint8_t *payload, size_t size,
                                      bool text, const struct inflater_limits *limits, struct deflate_buffer *out,
                                      size_t *size_r)
{
    struct inflation run = {.stream = &inflater->stream, .out = out, .text = text, .utf8 = UTF8_START};
    set_allowed(&run, size, limits);
    if (!make_room(&run)) {
        return INFLATER_MEMORY; /* now, so that an empty message is somewhere, too */
    }
    if (!takeover && inflateReset(run.stream) != Z_OK) {
        return INFLATER_CORRUPT;
    }
    /* No byte at all is what zlib's own flush makes of an empty message behind another. There is no block in it, so there is
     * nothing to put the trailer behind. */
    if (size > 0) {
        enum inflater_status status = pour(&run, payload, size);
        status = status == INFLATER_OK ? finish(&run) : status;
        if (status != INFLATER_OK) {
            return status;
        }
    }
    *size_r = run.size;
    return INFLATER_OK;
}

/* ---- compressing ---- */

struct deflater {
    z_stream stream;
    struct deflater_options options;
};

/* zlib has no raw DEFLATE with a window of 256 bytes. With runs alone (distance 1) any window will do. */
static bool is_tiny(const struct deflater_options *options)
{
    return options->window_bits < ZLIB_WINDOW_BITS_MIN;
}

static int strategy_of(const struct deflater_options *options)
{
    return is_tiny(options) ? Z_RLE : Z_DEFAULT_STRATEGY;
}

struct deflater *deflater_create(const struct deflater_options *options)
{
    struct deflater *deflater = calloc(1, sizeof(*deflater));
    if (deflater == NULL) {
        return NULL;
    }
    int bits = is_tiny(options) ? ZLIB_WINDOW_BITS_MIN : options->window_bits;
    if (deflateInit2(&deflater->stream, options->level, Z_DEFLATED, -bits, options->memory_level,
                     strategy_of(options)) != Z_OK) {
        free(deflater);
        return NULL;
    }
    deflater->options = *options;
    return deflater;
}

void deflater_destroy(struct deflater **deflater)
{
    if (*deflater != NULL) {
        (void)deflateEnd(&(*deflater)->stream);
        free(*deflater);
        *deflater = NULL;
    }
}

const struct deflater_options *deflater_options(const struct deflater *deflater)
{
    return &deflater->options;
}

void deflater_set_level(struct deflater *deflater, uint8_t level)
{
    if (level == deflater->options.level) {
        return;
    }
    /* Of a stream that has just been reset zlib writes nothing out when its level changes; it cannot fail then. */
    (void)deflateReset(&deflater->stream);
    (void)deflateParams(&deflater->stream, level, strategy_of(&deflater->options));
    deflater->options.level = level;
}

size_t deflater_memory(const struct deflater_options *options)
{
    return DEFLATER_SIZE + ((size_t)1 << (options->window_bits + DEFLATER_WINDOW_SHIFT)) +
           ((size_t)1 << (options->memory_level + DEFLATER_LEVEL_SHIFT));
}

uint8_t deflater_window_for(size_t size, uint8_t max_bits)
{
    for (uint8_t bits = ZLIB_WINDOW_BITS_MIN; bits <= max_bits; bits++) {
        if (size <= ((size_t)1 << bits) - ZLIB_WINDOW_RESERVE) {
            return bits;
        }
    }
    return 0;
}

/* Compresses one piece. False when the output is full: that of a message that must get smaller stays so, any other grows. */
static bool press(struct deflater *deflater, bool takeover, const void *bytes, size_t size, int flush,
                  struct deflate_buffer *out, size_t *used)
{
    z_stream *stream = &deflater->stream;
    if (size == 0 && flush == Z_NO_FLUSH) {
        return true;
    }
    stream->next_in = bytes;
    stream->avail_in = (uInt)size;
    for (;;) {
        stream->next_out = out->bytes + *used;
        stream->avail_out = (uInt)(out->capacity - *used);
        (void)deflate(stream, flush); /* Z_OK, or Z_BUF_ERROR when there is nothing to do */
        *used = out->capacity - stream->avail_out;
        if (stream->avail_out > 0) {
            return true;
        }
        if (!takeover || !grow(out, out->capacity + out->capacity / 2 + FLUSH_ROOM)) {
            return false;
        }
    }
}

enum deflater_status deflater_message(struct deflater *deflater, bool takeover, const struct deflater_message *message,
                                      struct deflate_buffer *out, size_t *size_r)
{
    const size_t most = UINT_MAX / 4; /* what zlib counts in, and room for the bound */
    if (message->head_size > most || message->body_size > most || message->head_size + message->body_size == 0) {
        return DEFLATER_SKIPPED;
    }
    size_t size = message->head_size + message->body_size;
    size_t need = takeover ? deflateBound(&deflater->stream, size) + FLUSH_ROOM : size + sizeof(trailer);
    if (!grow(out, need) || (!takeover && deflateReset(&deflater->stream) != Z_OK)) {
        return DEFLATER_SKIPPED;
    }
    /* The buffer may be larger: there is no use in filling it with a message that does not get smaller. */
    struct deflate_buffer room = *out;
    room.capacity = takeover ? room.capacity : need;
    size_t used = 0;
    bool done = press(deflater, takeover, message->head, message->head_size, Z_NO_FLUSH, &room, &used) &&
                press(deflater, takeover, message->body, message->body_size, Z_SYNC_FLUSH, &room, &used);
    if (takeover) {
        *out = room; /* it may have grown */
    }
    if (!done) {
        return takeover ? DEFLATER_BROKEN : DEFLATER_SKIPPED;
    }
    *size_r = used - sizeof(trailer);
    return DEFLATER_OK;
}
