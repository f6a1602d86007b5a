/*
 * frame - reads and writes frame headers and applies the mask. Called by the reader and by sessions that write
 * frames; any thread.
 */
#include "server/ws/frame.h"

#include <string.h>

/* Values of the 7-bit length that announce a longer form (§5.2). */
enum { LENGTH_16 = 126, LENGTH_64 = 127 };

static uint64_t read_big_endian(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static void write_big_endian(uint8_t *bytes, size_t size, uint64_t value)
{
    for (size_t i = size; i > 0; i--) {
        bytes[i - 1] = (uint8_t)value;
        value >>= 8;
    }
}

/* Two bytes of extended length; `size` of them, possibly fewer, are there. */
static enum frame_status parse_length_16(const uint8_t *bytes, size_t size, uint64_t *length_r)
{
    if (size < 2) {
        return FRAME_SHORT;
    }
    uint64_t length = read_big_endian(bytes, 2);
    if (length < LENGTH_16) {
        return FRAME_LENGTH_FORM;
    }
    *length_r = length;
    return FRAME_OK;
}

/* Eight bytes of extended length. The first one shows the top bit; six zeros show that 16 bits would have done. */
static enum frame_status parse_length_64(const uint8_t *bytes, size_t size, uint64_t *length_r)
{
    if (size >= 1 && (bytes[0] & 0x80) != 0) {
        return FRAME_LENGTH_FORM;
    }
    if (size >= 6 && read_big_endian(bytes, 6) == 0) {
        return FRAME_LENGTH_FORM;
    }
    if (size < 8) {
        return FRAME_SHORT;
    }
    *length_r = read_big_endian(bytes, 8);
    return FRAME_OK;
}

enum frame_status frame_parse(const uint8_t *bytes, size_t size, struct frame_header *header_r)
{
    if (size < 2) {
        return FRAME_SHORT;
    }
    uint64_t length = bytes[1] & FRAME_LENGTH_BITS;
    size_t used = 2;
    enum frame_status status = FRAME_OK;
    if (length == LENGTH_16) {
        status = parse_length_16(bytes + used, size - used, &length);
        used += 2;
    } else if (length == LENGTH_64) {
        status = parse_length_64(bytes + used, size - used, &length);
        used += 8;
    }
    if (status != FRAME_OK) {
        return status;
    }
    bool masked = (bytes[1] & FRAME_MASK_BIT) != 0;
    uint8_t key[4] = {0};
    if (masked) {
        if (size - used < sizeof(key)) {
            return FRAME_SHORT;
        }
        memcpy(key, bytes + used, sizeof(key));
        used += sizeof(key);
    }
    header_r->length = length;
    memcpy(header_r->key, key, sizeof(key));
    header_r->opcode = bytes[0] & FRAME_OPCODE_BITS;
    header_r->rsv = (bytes[0] & FRAME_RSV_BITS) >> 4;
    header_r->size = (uint8_t)used;
    header_r->fin = (bytes[0] & FRAME_FIN_BIT) != 0;
    header_r->masked = masked;
    return FRAME_OK;
}

size_t frame_write_header(uint8_t out[FRAME_SERVER_HEADER_MAX], bool fin, uint8_t rsv, enum ws_opcode opcode,
                          uint64_t length)
{
    out[0] = (uint8_t)((fin ? FRAME_FIN_BIT : 0) | (rsv << 4 & FRAME_RSV_BITS) | (unsigned)opcode);
    if (length < LENGTH_16) {
        out[1] = (uint8_t)length;
        return 2;
    }
    if (length <= UINT16_MAX) {
        out[1] = LENGTH_16;
        write_big_endian(out + 2, 2, length);
        return 4;
    }
    out[1] = LENGTH_64;
    write_big_endian(out + 2, 8, length);
    return 10;
}

void frame_unmask_scalar(uint8_t *bytes, size_t size, const uint8_t key[4], uint64_t offset)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= key[(offset + i) % 4];
    }
}

static void xor_4(uint8_t *bytes, uint32_t mask)
{
    uint32_t word;
    memcpy(&word, bytes, sizeof(word));
    word ^= mask;
    memcpy(bytes, &word, sizeof(word));
}

static void xor_8(uint8_t *bytes, uint64_t mask)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    word ^= mask;
    memcpy(bytes, &word, sizeof(word));
}

/* Four words in a row become two vector operations on x86-64 without being asked for. */
static void xor_32(uint8_t *bytes, uint64_t mask)
{
    uint64_t words[4];
    memcpy(words, bytes, sizeof(words));
    words[0] ^= mask;
    words[1] ^= mask;
    words[2] ^= mask;
    words[3] ^= mask;
    memcpy(bytes, words, sizeof(words));
}

void frame_unmask(uint8_t *bytes, size_t size, const uint8_t key[4], uint64_t offset)
{
    /* All steps but the last are multiples of 4, so the key need only be turned once. */
    uint8_t twice[8];
    memcpy(twice, key, 4);
    memcpy(twice + 4, key, 4);
    const uint8_t *turned = twice + offset % 4;
    uint32_t half;
    memcpy(&half, turned, sizeof(half));
    uint64_t mask = (uint64_t)half << 32 | half;
    while (size >= 32) {
        xor_32(bytes, mask);
        bytes += 32;
        size -= 32;
    }
    while (size >= 8) {
        xor_8(bytes, mask);
        bytes += 8;
        size -= 8;
    }
    if (size >= 4) {
        xor_4(bytes, half);
        bytes += 4;
        size -= 4;
    }
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= turned[i];
    }
}
