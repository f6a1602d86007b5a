/*
 * siphash - SipHash-2-4, written from the paper's description.
 * Called by the source table for every connection. Pure function: any thread.
 */
#include "server/gate/siphash.h"

#define WORD_SIZE           8
#define COMPRESSION_ROUNDS  2
#define FINALIZATION_ROUNDS 4

struct state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate_left(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

/* Up to eight bytes, little-endian. */
static uint64_t load(const uint8_t *bytes, size_t size)
{
    uint64_t word = 0;
    for (size_t i = 0; i < size; i++) {
        word |= (uint64_t)bytes[i] << (8 * i);
    }
    return word;
}

static void rounds(struct state *s, int count)
{
    for (int i = 0; i < count; i++) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotate_left(s->v1, 13) ^ s->v0;
        s->v3 = rotate_left(s->v3, 16) ^ s->v2;
        s->v0 = rotate_left(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotate_left(s->v1, 17) ^ s->v2;
        s->v3 = rotate_left(s->v3, 21) ^ s->v0;
        s->v2 = rotate_left(s->v2, 32);
    }
}

static void compress(struct state *s, uint64_t word)
{
    s->v3 ^= word;
    rounds(s, COMPRESSION_ROUNDS);
    s->v0 ^= word;
}

uint64_t siphash(const uint8_t key[SIPHASH_KEY_SIZE], const uint8_t *bytes, size_t size)
{
    uint64_t k0 = load(key, WORD_SIZE);
    uint64_t k1 = load(key + WORD_SIZE, WORD_SIZE);
    /* The constants are "somepseudorandomlygeneratedbytes" in ASCII. */
    struct state s = {
        k0 ^ UINT64_C(0x736f6d6570736575),
        k1 ^ UINT64_C(0x646f72616e646f6d),
        k0 ^ UINT64_C(0x6c7967656e657261),
        k1 ^ UINT64_C(0x7465646279746573),
    };
    size_t left = size;
    for (; left >= WORD_SIZE; left -= WORD_SIZE, bytes += WORD_SIZE) {
        compress(&s, load(bytes, WORD_SIZE));
    }
    compress(&s, (uint64_t)size << 56 | load(bytes, left));
    s.v2 ^= 0xff;
    rounds(&s, FINALIZATION_ROUNDS);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
