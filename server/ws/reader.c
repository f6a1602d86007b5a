/*
 * reader - the state machine behind reader_next(): whole frames are judged and handed out where they lie, pieces are
 * gathered in one block on the heap. Called by the session loop that owns the connection.
 *
 * States: nothing incomplete (partial is NULL); inside a header, inside a control frame (both keep their bytes in
 * `cut`), inside a data frame, between the fragments of a message. A control frame or its header may come in between
 * the fragments of a message.
 */
#include "server/ws/reader.h"

#include <stdlib.h>
#include <string.h>

#include "server/ws/deflate.h"
#include "validate/utf8.h"

/* The least memory taken for pieces of a message, unless it cannot become that long. */
#define ASSEMBLY_FIRST 128

struct reader_partial {
    size_t capacity;        /* of `assembly` */
    size_t size;            /* payload bytes of the message so far, unmasked */
    uint64_t frame_left;    /* payload bytes of the current frame still to come; 0: not inside a frame */
    uint64_t frame_taken;   /* payload bytes of it that are here */
    uint32_t fragments;     /* frames of the current message so far */
    uint8_t key[4];         /* of the current frame */
    uint8_t message_opcode; /* WS_TEXT or WS_BINARY; 0: no message under way */
    uint8_t frame_opcode;
    bool frame_fin;
    bool compressed; /* the message under way */
    bool spent;      /* nothing is incomplete any more, but the caller may still look at what was handed out */
    utf8_state utf8;
    uint8_t cut_size;
    uint8_t cut[FRAME_CONTROL_MAX]; /* a header, or the payload of a control frame */
    uint8_t assembly[];
};

/* One call of reader_next(). */
struct feed {
    struct reader *reader;
    const struct reader_limits *limits;
    uint8_t *bytes;
    size_t size;
    struct reader_output *output_r;
};

enum ws_close_code reader_error_code(enum reader_error error)
{
    switch (error) {
    case READER_ERROR_NONE:
        return WS_CLOSE_NORMAL;
    case READER_ERROR_UNMASKED:
    case READER_ERROR_RESERVED_BIT:
    case READER_ERROR_RESERVED_OPCODE:
    case READER_ERROR_LENGTH_FORM:
    case READER_ERROR_CONTROL_FRAGMENTED:
    case READER_ERROR_CONTROL_TOO_LONG:
    case READER_ERROR_CONTINUATION_ALONE:
    case READER_ERROR_MESSAGE_INTERRUPTED:
    case READER_ERROR_CLOSE_LENGTH:
    case READER_ERROR_CLOSE_CODE:
        return WS_CLOSE_PROTOCOL_ERROR;
    case READER_ERROR_CLOSE_UTF8:
    case READER_ERROR_TEXT_UTF8:
        return WS_CLOSE_INVALID_DATA;
    case READER_ERROR_MESSAGE_TOO_BIG:
        return WS_CLOSE_TOO_BIG;
    case READER_ERROR_TOO_MANY_FRAGMENTS:
        return WS_CLOSE_POLICY;
    case READER_ERROR_MEMORY:
        return WS_CLOSE_INTERNAL;
    }
    return WS_CLOSE_INTERNAL;
}

const char *reader_error_text(enum reader_error error)
{
    switch (error) {
    case READER_ERROR_NONE:
        return "no error";
    case READER_ERROR_UNMASKED:
        return "frame is not masked";
    case READER_ERROR_RESERVED_BIT:
        return "reserved bit is set";
    case READER_ERROR_RESERVED_OPCODE:
        return "opcode is reserved";
    case READER_ERROR_LENGTH_FORM:
        return "frame length is not in its shortest form or too large";
    case READER_ERROR_CONTROL_FRAGMENTED:
        return "control frame is fragmented";
    case READER_ERROR_CONTROL_TOO_LONG:
        return "control frame is longer than 125 bytes";
    case READER_ERROR_CONTINUATION_ALONE:
        return "continuation without a message";
    case READER_ERROR_MESSAGE_INTERRUPTED:
        return "new message inside a fragmented one";
    case READER_ERROR_CLOSE_LENGTH:
        return "close body is a single byte";
    case READER_ERROR_CLOSE_CODE:
        return "close code may not be sent";
    case READER_ERROR_CLOSE_UTF8:
        return "close reason is not UTF-8";
    case READER_ERROR_TEXT_UTF8:
        return "text is not UTF-8";
    case READER_ERROR_MESSAGE_TOO_BIG:
        return "message is too big";
    case READER_ERROR_TOO_MANY_FRAGMENTS:
        return "message has too many fragments";
    case READER_ERROR_MEMORY:
        return "out of memory";
    }
    return "unknown error";
}

/* ---- events ---- */

static enum reader_event fail(struct feed *feed, enum reader_error error)
{
    *feed->output_r = (struct reader_output){.error = error};
    return READER_ERROR;
}

static enum reader_event message_event(struct feed *feed, uint8_t opcode, bool compressed, uint8_t *data, size_t size)
{
    *feed->output_r =
        (struct reader_output){.opcode = (enum ws_opcode)opcode, .compressed = compressed, .data = data, .size = size};
    return READER_MESSAGE;
}

/* `size` is not 1: the second byte of the header has ruled that out. */
static enum reader_event close_event(struct feed *feed, uint8_t *data, size_t size)
{
    unsigned code = WS_CLOSE_NO_STATUS;
    if (size > 0) {
        code = (unsigned)data[0] << 8 | data[1];
        if (!ws_close_code_valid(code)) {
            return fail(feed, READER_ERROR_CLOSE_CODE);
        }
        data += 2;
        size -= 2;
        if (!utf8_valid(data, size)) {
            return fail(feed, READER_ERROR_CLOSE_UTF8);
        }
    }
    *feed->output_r = (struct reader_output){.opcode = WS_CLOSE, .data = data, .size = size, .code = code};
    return READER_CLOSE;
}

static enum reader_event control_event(struct feed *feed, uint8_t opcode, uint8_t *data, size_t size)
{
    if (opcode == WS_CLOSE) {
        return close_event(feed, data, size);
    }
    *feed->output_r = (struct reader_output){.opcode = (enum ws_opcode)opcode, .data = data, .size = size};
    return opcode == WS_PING ? READER_PING : READER_PONG;
}

/* ---- memory ---- */

static void release(struct reader *reader)
{
    free(reader->partial);
    reader->partial = NULL;
}

/* Makes sure that there is a block, and in it room for `need` more bytes of a message that at most becomes `most`
 * long. */
static bool reserve(struct reader *reader, size_t need, uint64_t most)
{
    struct reader_partial *old = reader->partial;
    size_t size = old != NULL ? old->size : 0;
    size_t capacity = old != NULL ? old->capacity : 0;
    if (old != NULL && need <= capacity - size) {
        return true;
    }
    if (need > SIZE_MAX / 4 - size) {
        return false; /* keeps the doubling and the header's size below from wrapping */
    }
    if (need > 0) {
        size_t wanted = capacity < ASSEMBLY_FIRST / 2 ? ASSEMBLY_FIRST : capacity * 2;
        wanted = wanted > most ? (size_t)most : wanted;
        capacity = wanted > size + need ? wanted : size + need;
    }
    struct reader_partial *grown = realloc(old, sizeof(*grown) + capacity);
    if (grown == NULL) {
        return false;
    }
    if (old == NULL) {
        memset(grown, 0, sizeof(*grown));
    }
    grown->capacity = capacity;
    reader->partial = grown;
    return true;
}

/* ---- the header ---- */

/* The message that a frame would go on with; NULL when none is under way. */
static const struct reader_partial *message_under_way(const struct reader *reader)
{
    return reader->partial != NULL && reader->partial->message_opcode != 0 ? reader->partial : NULL;
}

static bool is_control(uint8_t opcode)
{
    return (opcode & WS_CLOSE) != 0;
}

/* RFC 7692 §6: RSV1 is for the first frame of a data message; with what else it comes, it means nothing. */
static bool may_be_compressed(const struct feed *feed, uint8_t opcode)
{
    return feed->limits->compression && (opcode == WS_TEXT || opcode == WS_BINARY);
}

static enum reader_error check_first_byte(const struct feed *feed, uint8_t byte)
{
    uint8_t opcode = byte & FRAME_OPCODE_BITS;
    uint8_t rsv = byte & FRAME_RSV_BITS;
    if (rsv != 0 && (rsv != FRAME_RSV1_BIT || !may_be_compressed(feed, opcode))) {
        return READER_ERROR_RESERVED_BIT;
    }
    if (is_control(opcode)) {
        if (opcode > WS_PONG) {
            return READER_ERROR_RESERVED_OPCODE;
        }
        return (byte & FRAME_FIN_BIT) != 0 ? READER_ERROR_NONE : READER_ERROR_CONTROL_FRAGMENTED;
    }
    if (opcode > WS_BINARY) {
        return READER_ERROR_RESERVED_OPCODE;
    }
    const struct reader_partial *message = message_under_way(feed->reader);
    if (message == NULL) {
        return opcode == WS_CONTINUATION ? READER_ERROR_CONTINUATION_ALONE : READER_ERROR_NONE;
    }
    if (opcode != WS_CONTINUATION) {
        return READER_ERROR_MESSAGE_INTERRUPTED;
    }
    return message->fragments >= feed->limits->max_fragments ? READER_ERROR_TOO_MANY_FRAGMENTS : READER_ERROR_NONE;
}

static enum reader_error check_second_byte(uint8_t opcode, uint8_t byte)
{
    if ((byte & FRAME_MASK_BIT) == 0) {
        return READER_ERROR_UNMASKED;
    }
    unsigned length = byte & FRAME_LENGTH_BITS;
    if (is_control(opcode) && length > FRAME_CONTROL_MAX) {
        return READER_ERROR_CONTROL_TOO_LONG;
    }
    return opcode == WS_CLOSE && length == 1 ? READER_ERROR_CLOSE_LENGTH : READER_ERROR_NONE;
}

/* The most payload bytes of a message. */
static uint64_t most_payload(const struct feed *feed, bool compressed)
{
    return compressed ? deflate_bound(feed->limits->max_message) : feed->limits->max_message;
}

/* Sizes as they are declared may be anything up to 2^63 - 1; a limit may have been lowered below what is here
 * already. */
static bool fits(const struct feed *feed, const struct frame_header *header)
{
    const struct reader_partial *message = message_under_way(feed->reader);
    bool compressed = message != NULL ? message->compressed : (header->rsv & FRAME_RSV1) != 0;
    uint64_t length = header->length;
    uint64_t max = most_payload(feed, compressed);
    uint64_t here = feed->reader->partial != NULL ? feed->reader->partial->size : 0;
    return here <= max && length <= max - here;
}

/* Judges as much of a header as is there. header_r->size is 0 on return when more bytes are needed. */
static enum reader_error check_head(const struct feed *feed, const uint8_t *head, size_t size,
                                    struct frame_header *header_r)
{
    header_r->size = 0;
    enum reader_error error = check_first_byte(feed, head[0]);
    if (error != READER_ERROR_NONE || size < 2) {
        return error;
    }
    uint8_t opcode = head[0] & FRAME_OPCODE_BITS;
    error = check_second_byte(opcode, head[1]);
    if (error != READER_ERROR_NONE) {
        return error;
    }
    switch (frame_parse(head, size, header_r)) {
    case FRAME_SHORT:
        return READER_ERROR_NONE;
    case FRAME_LENGTH_FORM:
        return READER_ERROR_LENGTH_FORM;
    case FRAME_OK:
        break;
    }
    return is_control(opcode) || fits(feed, header_r) ? READER_ERROR_NONE : READER_ERROR_MESSAGE_TOO_BIG;
}

/* All bytes that are left belong to a header that is not whole. */
static enum reader_error keep_head(struct feed *feed)
{
    if (!reserve(feed->reader, 0, 0)) {
        return READER_ERROR_MEMORY;
    }
    struct reader_partial *partial = feed->reader->partial;
    memcpy(partial->cut + partial->cut_size, feed->bytes, feed->size);
    partial->cut_size = (uint8_t)(partial->cut_size + feed->size);
    feed->bytes += feed->size;
    feed->size = 0;
    return READER_ERROR_NONE;
}

/* Takes a header, part of which may have been kept. header_r->size is 0 on return when it is not whole yet. */
static enum reader_error take_head(struct feed *feed, struct frame_header *header_r)
{
    struct reader_partial *partial = feed->reader->partial;
    size_t kept = partial != NULL ? partial->cut_size : 0;
    enum reader_error error;
    if (kept == 0) {
        error = check_head(feed, feed->bytes, feed->size, header_r);
    } else {
        uint8_t head[FRAME_HEADER_MAX];
        size_t more = sizeof(head) - kept < feed->size ? sizeof(head) - kept : feed->size;
        memcpy(head, partial->cut, kept);
        memcpy(head + kept, feed->bytes, more);
        error = check_head(feed, head, kept + more, header_r);
    }
    if (error != READER_ERROR_NONE) {
        return error;
    }
    if (header_r->size == 0) {
        return keep_head(feed);
    }
    feed->bytes += header_r->size - kept;
    feed->size -= header_r->size - kept;
    if (kept > 0) {
        partial->cut_size = 0;
    }
    return READER_ERROR_NONE;
}

/* ---- the payload ---- */

/* A frame of a message is whole, its payload in the block. */
static enum reader_event end_data_frame(struct feed *feed)
{
    struct reader_partial *partial = feed->reader->partial;
    if (!partial->frame_fin) {
        return READER_MORE;
    }
    if (partial->message_opcode == WS_TEXT && !partial->compressed && partial->utf8 != UTF8_START) {
        return fail(feed, READER_ERROR_TEXT_UTF8);
    }
    uint8_t opcode = partial->message_opcode;
    partial->message_opcode = 0;
    return message_event(feed, opcode, partial->compressed, partial->assembly, partial->size);
}

static enum reader_event take_data(struct feed *feed)
{
    struct reader_partial *partial = feed->reader->partial;
    size_t count = feed->size < partial->frame_left ? feed->size : (size_t)partial->frame_left;
    uint64_t most = partial->frame_fin ? partial->size + partial->frame_left : most_payload(feed, partial->compressed);
    if (!reserve(feed->reader, count, most)) {
        return fail(feed, READER_ERROR_MEMORY);
    }
    partial = feed->reader->partial;
    uint8_t *piece = partial->assembly + partial->size;
    if (count > 0) {
        memcpy(piece, feed->bytes, count);
        frame_unmask(piece, count, partial->key, partial->frame_taken);
    }
    feed->bytes += count;
    feed->size -= count;
    partial->size += count;
    partial->frame_left -= count;
    partial->frame_taken += count;
    if (partial->message_opcode == WS_TEXT && !partial->compressed) {
        partial->utf8 = utf8_feed(partial->utf8, piece, count);
        if (partial->utf8 == UTF8_REJECT) {
            return fail(feed, READER_ERROR_TEXT_UTF8);
        }
    }
    return partial->frame_left == 0 ? end_data_frame(feed) : READER_MORE;
}

static enum reader_event take_control(struct feed *feed)
{
    struct reader_partial *partial = feed->reader->partial;
    size_t count = feed->size < partial->frame_left ? feed->size : (size_t)partial->frame_left;
    uint8_t *piece = partial->cut + partial->cut_size;
    memcpy(piece, feed->bytes, count);
    frame_unmask(piece, count, partial->key, partial->frame_taken);
    feed->bytes += count;
    feed->size -= count;
    partial->cut_size = (uint8_t)(partial->cut_size + count);
    partial->frame_left -= count;
    partial->frame_taken += count;
    if (partial->frame_left > 0) {
        return READER_MORE;
    }
    size_t size = partial->cut_size;
    partial->cut_size = 0;
    return control_event(feed, partial->frame_opcode, partial->cut, size);
}

static enum reader_event take_payload(struct feed *feed)
{
    return is_control(feed->reader->partial->frame_opcode) ? take_control(feed) : take_data(feed);
}

/* A frame that the block is needed for: cut by the end of the buffer, or a fragment. */
static enum reader_event start_partial_frame(struct feed *feed, const struct frame_header *header)
{
    if (!reserve(feed->reader, 0, 0)) {
        return fail(feed, READER_ERROR_MEMORY);
    }
    struct reader_partial *partial = feed->reader->partial;
    partial->frame_opcode = header->opcode;
    partial->frame_fin = header->fin;
    partial->frame_left = header->length;
    partial->frame_taken = 0;
    memcpy(partial->key, header->key, sizeof(partial->key));
    if (!is_control(header->opcode)) {
        partial->fragments++;
        if (header->opcode != WS_CONTINUATION) {
            partial->message_opcode = header->opcode;
            partial->compressed = (header->rsv & FRAME_RSV1) != 0;
        }
    }
    return take_payload(feed);
}

static enum reader_event start_frame(struct feed *feed)
{
    struct frame_header header;
    enum reader_error error = take_head(feed, &header);
    if (error != READER_ERROR_NONE) {
        return fail(feed, error);
    }
    if (header.size == 0) {
        return READER_MORE;
    }
    bool control = is_control(header.opcode);
    bool alone = header.fin && header.opcode != WS_CONTINUATION;
    if (!alone || header.length > feed->size) {
        return start_partial_frame(feed, &header);
    }
    uint8_t *payload = feed->bytes;
    size_t length = (size_t)header.length;
    feed->bytes += length;
    feed->size -= length;
    frame_unmask(payload, length, header.key, 0);
    if (control) {
        return control_event(feed, header.opcode, payload, length);
    }
    bool compressed = (header.rsv & FRAME_RSV1) != 0;
    if (header.opcode == WS_TEXT && !compressed && !utf8_valid(payload, length)) {
        return fail(feed, READER_ERROR_TEXT_UTF8);
    }
    return message_event(feed, header.opcode, compressed, payload, length);
}

/* What was handed out stays readable until the next call; only then its memory goes. */
static void settle(struct reader *reader, enum reader_event event)
{
    if (event == READER_MORE) {
        return;
    }
    reader->closed = event == READER_CLOSE || event == READER_ERROR;
    if (event == READER_ERROR) {
        release(reader);
    }
    if (reader->partial != NULL) {
        reader->partial->spent = reader->closed || reader->partial->message_opcode == 0;
    }
}

enum reader_event reader_next(struct reader *reader, const struct reader_limits *limits, uint8_t **bytes, size_t *size,
                              struct reader_output *output_r)
{
    if (reader->partial != NULL && reader->partial->spent) {
        release(reader);
    }
    if (reader->closed) {
        *bytes += *size;
        *size = 0;
        return READER_MORE;
    }
    struct feed feed = {.reader = reader, .limits = limits, .bytes = *bytes, .size = *size, .output_r = output_r};
    enum reader_event event = READER_MORE;
    while (event == READER_MORE && feed.size > 0) {
        bool in_frame = reader->partial != NULL && reader->partial->frame_left > 0;
        event = in_frame ? take_payload(&feed) : start_frame(&feed);
    }
    settle(reader, event);
    *bytes = feed.bytes;
    *size = feed.size;
    return event;
}

/* ---- life ---- */

void reader_init(struct reader *reader)
{
    *reader = (struct reader){0};
}

void reader_deinit(struct reader *reader)
{
    release(reader);
}

bool reader_is_midway(const struct reader *reader)
{
    return reader->partial != NULL && !reader->partial->spent;
}

size_t reader_memory(const struct reader *reader)
{
    return reader->partial != NULL ? sizeof(*reader->partial) + reader->partial->capacity : 0;
}
