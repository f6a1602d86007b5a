/*
 * player - for tests of the reader: feeds it a stream, cut into buffers in any way, and writes down as one line of
 * text, a transcript, what it reports: "text[Hello] ping[] close 1000[bye] error(frame is not masked) ".
 *
 * Each buffer is a copy in memory of exactly its size, so that a sanitizer sees a step beyond it, and what is handed
 * out is overwritten. Failures end the test.
 */
#ifndef PORTCULLIS_TESTS_PLAYER_H
#define PORTCULLIS_TESTS_PLAYER_H

#include <stdio.h>

#include "server/ws/reader.h"

/* A reader, the transcript of what it has said and how many bytes it had been given when it reported an error. */
struct player {
    struct reader reader;
    struct reader_limits limits;
    char *text;
    size_t text_size;
    FILE *transcript;
    size_t fed;
    size_t error_at;
};

/* Whether reader_next() is running: what is allocated now is the reader's. */
extern bool player_in_reader;

/* 1,000 bytes, 10 fragments. */
extern const struct reader_limits usual_limits;

void player_init(struct player *player, const struct reader_limits *limits);
void player_deinit(struct player *player);
void player_feed(struct player *player, const uint8_t *bytes, size_t size);
/* The transcript so far; valid until the next call. */
const char *player_text(struct player *player);

/* Adds an event to a transcript and overwrites its bytes. */
void player_record(FILE *transcript, enum reader_event event, struct reader_output *output);

/* Plays the stream cut at `first` and then after every `step` bytes. */
void check_cut(const char *name, const struct reader_limits *limits, const uint8_t *bytes, size_t size, size_t first,
               size_t step, const char *expect, size_t error_at);
/* Plays the stream whole, byte by byte and cut in two at every place. `error_at`: bytes after which, and not before,
 * the error must be reported; 0 when that does not matter. */
void check_stream(const char *name, const struct reader_limits *limits, const uint8_t *bytes, size_t size,
                  const char *expect, size_t error_at);

/* Bytes on their way to a reader; zero-initialised, freed by whoever has it. */
struct stream {
    uint8_t *bytes; /* owned */
    size_t size;
    size_t capacity;
};

void stream_add(struct stream *stream, const uint8_t *bytes, size_t size);
/* A masked frame; `first` is the first byte of its header. */
void stream_add_frame(struct stream *stream, uint8_t first, const uint8_t *payload, size_t size);

/* First bytes: with FIN, and as first fragments. */
enum {
    TEXT = 0x81,
    BINARY = 0x82,
    LAST = 0x80, /* a continuation with FIN */
    CLOSE = 0x88,
    PING = 0x89,
    PONG = 0x8A,
    TEXT_FIRST = 0x01,
    BINARY_FIRST = 0x02,
    MIDDLE = 0x00,
};

struct frame {
    uint8_t first;
    const char *payload; /* NULL: behind the last frame of a row */
    size_t size;
};

#define PAYLOAD(literal) (literal), sizeof(literal) - 1

/* The frames up to one without a payload, `count` at most. */
struct stream stream_of(const struct frame *frames, size_t count);

/* The transcript of one message of `size` times "x". Owned by the caller. */
char *letters_text(const char *kind, size_t size);

/* xorshift32: the same numbers on every run. The seed is not 0. */
uint32_t next_random(uint32_t *seed);

#endif
