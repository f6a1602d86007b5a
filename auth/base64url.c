/*
 * base64url - four characters are three octets. Called for tokens and for keys in sets; any thread.
 */
#include "auth/base64url.h"

#define NONE 0xFF /* no digit: has bits that none of the 64 has */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static const uint8_t digits[256] = {
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, /* 00 */
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, /* 10 */
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, 62,   NONE, NONE, /* 20: - */
    52,   53,   54,   55,   56,   57,   58,   59,   60,   61,   NONE, NONE, NONE, NONE, NONE, NONE, /* 30: 0 to 9 */
    NONE, 0,    1,    2,    3,    4,    5,    6,    7,    8,    9,    10,   11,   12,   13,   14,   /* 40: A to O */
    15,   16,   17,   18,   19,   20,   21,   22,   23,   24,   25,   NONE, NONE, NONE, NONE, 63,   /* 50: P to Z, _ */
    NONE, 26,   27,   28,   29,   30,   31,   32,   33,   34,   35,   36,   37,   38,   39,   40,   /* 60: a to o */
    41,   42,   43,   44,   45,   46,   47,   48,   49,   50,   51,   NONE, NONE, NONE, NONE, NONE, /* 70: p to z */
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, /* 80 */
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, /* 90 */
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, /* A0 */
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, /* B0 */
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, /* C0 */
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, /* D0 */
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, /* E0 */
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, /* F0 */
};

/* Characters for the last `size % 3` octets, octets for the last `size % 4` characters. */
static const uint8_t tail_characters[] = {0, 2, 3};
static const uint8_t tail_octets[] = {0, 0, 1, 2};

size_t base64url_encoded_size(size_t size)
{
    return size / 3 * 4 + tail_characters[size % 3];
}

size_t base64url_decoded_size(size_t size)
{
    return size / 4 * 3 + tail_octets[size % 4];
}

void base64url_encode(const uint8_t *bytes, size_t size, char *text)
{
    for (; size >= 3; size -= 3, bytes += 3) {
        const uint32_t group = (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
        *text++ = alphabet[group >> 18];
        *text++ = alphabet[group >> 12 & 63];
        *text++ = alphabet[group >> 6 & 63];
        *text++ = alphabet[group & 63];
    }
    if (size == 0) {
        return;
    }
    const uint32_t group = (uint32_t)bytes[0] << 16 | (size == 2 ? (uint32_t)bytes[1] << 8 : 0);
    *text++ = alphabet[group >> 18];
    *text++ = alphabet[group >> 12 & 63];
    if (size == 2) {
        *text = alphabet[group >> 6 & 63];
    }
}

static uint32_t digit(const char *text, size_t index)
{
    return digits[(uint8_t)text[index]];
}

/* The last one, two or three characters. */
static bool decode_tail(const char *text, size_t size, uint8_t *bytes)
{
    if (size == 1) {
        return false; /* six bits are no octet */
    }
    const uint32_t first = digit(text, 0);
    const uint32_t second = digit(text, 1);
    const uint32_t third = size == 3 ? digit(text, 2) : 0;
    const uint32_t group = first << 18 | second << 12 | third << 6;
    const uint32_t unused = size == 3 ? 0xFF : 0xFFFF; /* bits that reach into no octet */
    if (((first | second | third) & 0xC0) != 0 || (group & unused) != 0) {
        return false;
    }
    bytes[0] = (uint8_t)(group >> 16);
    if (size == 3) {
        bytes[1] = (uint8_t)(group >> 8);
    }
    return true;
}

bool base64url_decode(const char *text, size_t size, uint8_t *bytes)
{
    uint32_t seen = 0;
    for (; size >= 4; size -= 4, text += 4) {
        const uint32_t first = digit(text, 0);
        const uint32_t second = digit(text, 1);
        const uint32_t third = digit(text, 2);
        const uint32_t fourth = digit(text, 3);
        seen |= first | second | third | fourth;
        const uint32_t group = first << 18 | second << 12 | third << 6 | fourth;
        *bytes++ = (uint8_t)(group >> 16);
        *bytes++ = (uint8_t)(group >> 8);
        *bytes++ = (uint8_t)group;
    }
    if ((seen & 0xC0) != 0) {
        return false;
    }
    return size == 0 || decode_tail(text, size, bytes);
}
