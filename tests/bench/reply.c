/*
 * Frame by frame. A header or control frame that ends beyond the input is stashed; payload of messages never is.
 * Called by connections in the thread that owns them.
 */
#include "tests/bench/reply.h"

#include <string.h>

enum { OPCODE_CONTINUATION = 0x0, OPCODE_BINARY = 0x2, OPCODE_CLOSE = 0x8, OPCODE_PING = 0x9, OPCODE_PONG = 0xA };

#define BIT_FIN     0x80
#define BIT_RSV     0x70
#define BIT_CONTROL 0x08
#define BIT_MASK    0x80
#define LENGTH_16   126
#define LENGTH_64   127

/* Bytes of the header, or of the whole frame if it is a control frame, as far as `size` bytes tell. */
static size_t unit_size(const uint8_t *bytes, size_t size)
{
    if (size < 2) {
        return 2;
    }
    size_t length = bytes[1] & 0x7fU;
    if (bytes[0] & BIT_CONTROL) {
        return 2 + (length < LENGTH_16 ? length : 0);
    }
    return length == LENGTH_64 ? 10 : length == LENGTH_16 ? 4 : 2;
}

static uint64_t big_endian(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

/* Puts input behind the stash until a unit is complete. Returns the unit, or NULL when the input ended first. */
static const uint8_t *next_unit(struct reply *reply, const uint8_t **bytes, size_t *size, size_t *unit_r)
{
    if (reply->stash_size == 0) {
        size_t unit = unit_size(*bytes, *size);
        if (unit <= *size) {
            const uint8_t *start = *bytes;
            *bytes += unit;
            *size -= unit;
            *unit_r = unit;
            return start;
        }
    }
    for (;;) {
        size_t unit = unit_size(reply->stash, reply->stash_size);
        if (reply->stash_size == unit) {
            reply->stash_size = 0;
            *unit_r = unit;
            return reply->stash;
        }
        if (*size == 0) {
            return NULL;
        }
        reply->stash[reply->stash_size++] = **bytes;
        (*bytes)++;
        (*size)--;
    }
}

static enum reply_event control_frame(const uint8_t *unit, size_t unit_size, struct reply_piece *piece_r)
{
    if (!(unit[0] & BIT_FIN) || (unit[1] & 0x7fU) >= LENGTH_16) {
        return REPLY_BROKEN;
    }
    *piece_r = (struct reply_piece){.bytes = unit + 2, .size = unit_size - 2};
    switch (unit[0] & 0x0f) {
    case OPCODE_CLOSE:
        return REPLY_CLOSE;
    case OPCODE_PING:
        return REPLY_PING;
    case OPCODE_PONG:
        return REPLY_PONG;
    default:
        return REPLY_BROKEN;
    }
}

static bool start_data_frame(struct reply *reply, const uint8_t *unit, size_t unit_size)
{
    unsigned opcode = unit[0] & 0x0f;

    if (opcode > OPCODE_BINARY || (opcode == OPCODE_CONTINUATION) != reply->in_message) {
        return false;
    }
    if (!reply->in_message) {
        reply->length = 0;
    }
    reply->left = unit_size == 2 ? unit[1] : big_endian(unit + 2, unit_size - 2);
    reply->fin = (unit[0] & BIT_FIN) != 0;
    reply->in_frame = true;
    reply->in_message = true;
    return true;
}

static enum reply_event take_payload(struct reply *reply, const uint8_t **bytes, size_t *size,
                                     struct reply_piece *piece_r)
{
    size_t taken = reply->left < *size ? (size_t)reply->left : *size;

    *piece_r = (struct reply_piece){.bytes = *bytes, .size = taken, .offset = reply->length};
    *bytes += taken;
    *size -= taken;
    reply->left -= taken;
    reply->length += taken;
    if (reply->left > 0) {
        return taken > 0 ? REPLY_DATA : REPLY_MORE;
    }
    reply->in_frame = false;
    if (!reply->fin) {
        return REPLY_DATA;
    }
    reply->in_message = false;
    return REPLY_MESSAGE;
}

enum reply_event reply_next(struct reply *reply, const uint8_t **bytes, size_t *size, struct reply_piece *piece_r)
{
    if (!reply->in_frame) {
        size_t unit_size = 0;
        const uint8_t *unit = next_unit(reply, bytes, size, &unit_size);
        if (unit == NULL) {
            return REPLY_MORE;
        }
        if ((unit[0] & BIT_RSV) || (unit[1] & BIT_MASK)) {
            return REPLY_BROKEN;
        }
        if (unit[0] & BIT_CONTROL) {
            return control_frame(unit, unit_size, piece_r);
        }
        if (!start_data_frame(reply, unit, unit_size)) {
            return REPLY_BROKEN;
        }
    }
    return take_payload(reply, bytes, size, piece_r);
}
