/*
 * json_skip - looks at the bytes of a string eight at a time. Called by json_bounds for each string; any thread.
 */
#include "validate/json_skip.h"

#include <string.h>

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The bytes such that the first is the lowest. */
static uint64_t load(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* The upper bit of the lowest byte that is 0; those of bytes above it may be set, too, by what was borrowed. */
static uint64_t find_zero(uint64_t word)
{
    return (word - EACH(1)) & ~word & EACH(0x80);
}

size_t json_skip_plain(const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    for (; size - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
        const uint64_t word = load(bytes + at);
        const uint64_t found = find_zero(word ^ EACH('"')) | find_zero(word ^ EACH('\\'));
        if (found != 0) {
            return at + (size_t)__builtin_ctzll(found) / 8;
        }
    }
    while (at < size && bytes[at] != '"' && bytes[at] != '\\') {
        at++;
    }
    return at;
}
