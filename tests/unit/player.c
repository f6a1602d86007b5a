/*
 * player - the harness behind check_reader and check_reader_memory.
 */
#include "player.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

/* ---- transcripts ---- */

static const char *event_name(enum reader_event event, const struct reader_output *output)
{
    switch (event) {
    case READER_MORE:
        return "more";
    case READER_MESSAGE:
        return output->opcode == WS_TEXT ? "text" : output->opcode == WS_BINARY ? "binary" : "?";
    case READER_PING:
        return output->opcode == WS_PING ? "ping" : "?";
    case READER_PONG:
        return output->opcode == WS_PONG ? "pong" : "?";
    case READER_CLOSE:
        return output->opcode == WS_CLOSE ? "close" : "?";
    case READER_ERROR:
        return "error";
    }
    return "?";
}

void player_record(FILE *transcript, enum reader_event event, struct reader_output *output)
{
    fprintf(transcript, "%s%s", event == READER_MESSAGE && output->compressed ? "compressed " : "",
            event_name(event, output));
    if (event == READER_ERROR) {
        fprintf(transcript, "(%s) ", reader_error_text(output->error));
        return;
    }
    if (event == READER_CLOSE) {
        fprintf(transcript, " %u", output->code);
    }
    fputc('[', transcript);
    for (size_t i = 0; i < output->size; i++) {
        uint8_t byte = output->data[i];
        fprintf(transcript, byte >= 0x20 && byte < 0x7F ? "%c" : "\\%02x", byte);
        output->data[i] = 0xEE; /* the bytes are the caller's to write */
    }
    fputs("] ", transcript);
}

bool player_in_reader;

const struct reader_limits usual_limits = {.max_message = 1000, .max_fragments = 10};

void player_init(struct player *player, const struct reader_limits *limits)
{
    *player = (struct player){.limits = *limits};
    reader_init(&player->reader);
    player->transcript = open_memstream(&player->text, &player->text_size);
    ck_assert_ptr_nonnull(player->transcript);
}

void player_deinit(struct player *player)
{
    fclose(player->transcript);
    free(player->text);
    reader_deinit(&player->reader);
}

const char *player_text(struct player *player)
{
    fflush(player->transcript);
    return player->text;
}

static enum reader_event next_event(struct player *player, uint8_t **bytes, size_t *size,
                                    struct reader_output *output_r)
{
    player_in_reader = true;
    enum reader_event event = reader_next(&player->reader, &player->limits, bytes, size, output_r);
    player_in_reader = false;
    return event;
}

void player_feed(struct player *player, const uint8_t *bytes, size_t size)
{
    uint8_t *buffer = malloc(size > 0 ? size : 1);
    ck_assert_ptr_nonnull(buffer);
    if (size > 0) {
        memcpy(buffer, bytes, size);
    }
    uint8_t *next = buffer;
    size_t left = size;
    player->fed += size;
    struct reader_output output;
    enum reader_event event;
    while ((event = next_event(player, &next, &left, &output)) != READER_MORE) {
        player_record(player->transcript, event, &output);
        if (event == READER_ERROR) {
            player->error_at = player->fed;
        }
    }
    if (left != 0 || next != buffer + size) {
        ck_abort_msg("%zu bytes were left over", left);
    }
    if (reader_is_midway(&player->reader) != (reader_memory(&player->reader) > 0)) {
        ck_abort_msg("memory %zu", reader_memory(&player->reader));
    }
    free(buffer);
}

void check_cut(const char *name, const struct reader_limits *limits, const uint8_t *bytes, size_t size, size_t first,
               size_t step, const char *expect, size_t error_at)
{
    struct player player;
    player_init(&player, limits);
    player_feed(&player, bytes, first);
    for (size_t at = first; at < size; at += step) {
        player_feed(&player, bytes + at, size - at < step ? size - at : step);
    }
    if (strcmp(player_text(&player), expect) != 0) {
        ck_abort_msg("%s, cut at %zu and every %zu:\n  got      %s\n  expected %s", name, first, step, player.text,
                     expect);
    }
    if (step == 1 && error_at != 0 && player.error_at != error_at) {
        ck_abort_msg("%s: error at byte %zu, expected at %zu", name, player.error_at, error_at);
    }
    player_deinit(&player);
}

void check_stream(const char *name, const struct reader_limits *limits, const uint8_t *bytes, size_t size,
                  const char *expect, size_t error_at)
{
    check_cut(name, limits, bytes, size, 0, 1, expect, error_at);
    for (size_t cut = 0; cut <= size; cut++) {
        check_cut(name, limits, bytes, size, cut, size, expect, 0);
    }
}

/* ---- frames ---- */

void stream_add(struct stream *stream, const uint8_t *bytes, size_t size)
{
    if (size == 0) {
        return;
    }
    if (size > stream->capacity - stream->size) {
        stream->capacity = stream->capacity * 2 + size;
        stream->bytes = realloc(stream->bytes, stream->capacity);
        ck_assert_ptr_nonnull(stream->bytes);
    }
    memcpy(stream->bytes + stream->size, bytes, size);
    stream->size += size;
}

void stream_add_frame(struct stream *stream, uint8_t first, const uint8_t *payload, size_t size)
{
    static const uint8_t key[4] = {0x37, 0xFA, 0x21, 0x3D};
    uint8_t header[FRAME_SERVER_HEADER_MAX];
    size_t header_size = frame_write_header(header, true, 0, WS_TEXT, size);
    header[0] = first;
    header[1] |= FRAME_MASK_BIT;
    stream_add(stream, header, header_size);
    stream_add(stream, key, sizeof(key));
    for (size_t i = 0; i < size; i++) {
        uint8_t masked = payload[i] ^ key[i % 4];
        stream_add(stream, &masked, 1);
    }
}

struct stream stream_of(const struct frame *frames, size_t count)
{
    struct stream stream = {0};
    for (size_t i = 0; i < count && frames[i].payload != NULL; i++) {
        stream_add_frame(&stream, frames[i].first, (const uint8_t *)frames[i].payload, frames[i].size);
    }
    return stream;
}

char *letters_text(const char *kind, size_t size)
{
    char *text = malloc(size + 32);
    ck_assert_ptr_nonnull(text);
    int start = snprintf(text, 32, "%s[", kind);
    memset(text + start, 'x', size);
    snprintf(text + start + size, 8, "] ");
    return text;
}
