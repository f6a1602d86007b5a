/*
 * fuzz_frame_reader - any bytes as a client's stream: the same events whether it comes whole, byte by byte or cut as
 * the input says, text that is UTF-8, sizes within the limits, memory within what has arrived.
 *
 * Input: a byte that chooses the limits, a byte that says how many lengths of pieces follow (they are used in turn),
 * these lengths, the stream.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ws/deflate.h"
#include "server/ws/reader.h"
#include "validate/utf8.h"

#define REQUIRE(condition)                                                  \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                        \
        }                                                                   \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was reported: kinds, numbers and bytes one after the other. */
struct record {
    uint8_t *bytes;
    size_t size;
    size_t capacity;
};

static void record_add(struct record *record, const void *bytes, size_t size)
{
    if (size > record->capacity - record->size) {
        record->capacity = record->capacity * 2 + size;
        record->bytes = realloc(record->bytes, record->capacity);
        REQUIRE(record->bytes != NULL);
    }
    if (size > 0) {
        memcpy(record->bytes + record->size, bytes, size);
        record->size += size;
    }
}

static void check_output(const struct reader_limits *limits, enum reader_event event,
                         const struct reader_output *output)
{
    switch (event) {
    case READER_MORE:
        break;
    case READER_MESSAGE:
        REQUIRE(output->opcode == WS_TEXT || output->opcode == WS_BINARY);
        REQUIRE(!output->compressed || limits->compression);
        REQUIRE(output->size <= (output->compressed ? deflate_bound(limits->max_message) : limits->max_message));
        REQUIRE(output->opcode != WS_TEXT || output->compressed ||
                utf8_feed_scalar(UTF8_START, output->data, output->size) == UTF8_START);
        break;
    case READER_PING:
    case READER_PONG:
        REQUIRE(output->opcode == (event == READER_PING ? WS_PING : WS_PONG));
        REQUIRE(output->size <= FRAME_CONTROL_MAX);
        break;
    case READER_CLOSE:
        REQUIRE(output->opcode == WS_CLOSE);
        REQUIRE(output->size <= WS_CLOSE_REASON_MAX);
        REQUIRE(output->code == WS_CLOSE_NO_STATUS || ws_close_code_valid(output->code));
        REQUIRE(utf8_feed_scalar(UTF8_START, output->data, output->size) == UTF8_START);
        break;
    case READER_ERROR:
        REQUIRE(output->error != READER_ERROR_NONE && output->error != READER_ERROR_MEMORY);
        break;
    }
}

/* Feeds one piece, in memory of exactly its size. */
static void feed(struct reader *reader, const struct reader_limits *limits, const uint8_t *bytes, size_t size,
                 struct record *record)
{
    uint8_t *piece = malloc(size > 0 ? size : 1);
    REQUIRE(piece != NULL);
    memcpy(piece, bytes, size);
    uint8_t *next = piece;
    size_t left = size;
    struct reader_output output;
    enum reader_event event;
    while ((event = reader_next(reader, limits, &next, &left, &output)) != READER_MORE) {
        check_output(limits, event, &output);
        record_add(record, &event, sizeof(event));
        record_add(record, &output.opcode, sizeof(output.opcode));
        record_add(record, &output.compressed, sizeof(output.compressed));
        record_add(record, &output.code, sizeof(output.code));
        record_add(record, &output.error, sizeof(output.error));
        record_add(record, &output.size, sizeof(output.size));
        record_add(record, output.data, output.size);
        memset(output.data != NULL ? output.data : piece, 0xEE, output.size);
    }
    REQUIRE(left == 0 && next == piece + size);
    free(piece);
}

/* Plays the stream in pieces of the lengths given, in turn; a length of 0 stands for 256. */
static struct record play(const struct reader_limits *limits, const uint8_t *lengths, size_t length_count,
                          const uint8_t *stream, size_t size)
{
    struct record record = {0};
    struct reader reader;
    reader_init(&reader);
    size_t turn = 0;
    for (size_t at = 0; at < size;) {
        size_t piece = length_count == 0 ? size : lengths[turn++ % length_count];
        piece = piece == 0 ? 256 : piece;
        piece = piece < size - at ? piece : size - at;
        feed(&reader, limits, stream + at, piece, &record);
        at += piece;
        REQUIRE(reader_memory(&reader) <= 2 * at + 512);
        REQUIRE(reader_is_midway(&reader) == (reader_memory(&reader) > 0));
    }
    reader_deinit(&reader);
    return record;
}

static void check_same(const struct record *a, const struct record *b)
{
    REQUIRE(a->size == b->size);
    REQUIRE(a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t sizes[] = {0, 10, 125, 200, 1000, 65536, INT64_MAX, UINT64_MAX};
    static const uint32_t fragments[] = {1, 2, 5, UINT32_MAX};
    static const uint8_t one = 1;
    if (size < 2 || data[1] > size - 2) {
        return 0;
    }
    const struct reader_limits limits = {.max_message = sizes[data[0] % 8],
                                         .max_fragments = fragments[data[0] / 8 % 4],
                                         .compression = data[0] / 32 % 2 != 0};
    const uint8_t *lengths = data + 2;
    size_t length_count = data[1];
    const uint8_t *stream = lengths + length_count;
    size_t stream_size = size - 2 - length_count;
    struct record whole = play(&limits, NULL, 0, stream, stream_size);
    struct record bytewise = play(&limits, &one, 1, stream, stream_size);
    struct record pieces = play(&limits, lengths, length_count, stream, stream_size);
    check_same(&whole, &bytewise);
    check_same(&whole, &pieces);
    free(whole.bytes);
    free(bytewise.bytes);
    free(pieces.bytes);
    return 0;
}
