/*
 * email_characters - reads a text once, before its grammar is looked at. Called by email_check(); any thread.
 */
#include "validate/email_characters.h"

#include "validate/utf8.h"

/* Characters beyond ASCII by which an address is read as another one. None may be in a U-label (RFC 5892). */
static bool is_deceptive(uint32_t point)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x0080, 0x00A0},   /* controls, no-break space */
        {0x00AD, 0x00AD},   /* soft hyphen */
        {0x061C, 0x061C},   /* Arabic letter mark */
        {0x1680, 0x1680},   /* Ogham space */
        {0x180E, 0x180E},   /* Mongolian vowel separator */
        {0x2000, 0x200B},   /* spaces; the joiners behind them are part of some scripts */
        {0x200E, 0x200F},   /* marks of direction */
        {0x2024, 0x2024},   /* one dot leader */
        {0x2028, 0x202F},   /* separators, embeddings and overrides */
        {0x205F, 0x206F},   /* mathematical space, invisible operators, isolates */
        {0x3000, 0x3000},   /* ideographic space */
        {0x3002, 0x3002},   /* ideographic full stop: a dot to IDNA2003 */
        {0xE000, 0xF8FF},   /* private use */
        {0xFDD0, 0xFDEF},   /* noncharacters */
        {0xFEFF, 0xFEFF},   /* byte order mark */
        {0xFF0E, 0xFF0E},   /* fullwidth full stop */
        {0xFF61, 0xFF61},   /* halfwidth ideographic full stop */
        {0xFFF0, 0xFFFB},   /* unassigned, interlinear annotations */
        {0xE0000, 0xE0FFF}, /* tags, and what is to be ignored */
        {0xF0000, 0x10FFFF} /* private use */
    };
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (point >= ranges[i].first && point <= ranges[i].last) {
            return true;
        }
    }
    return (point & 0xFFFE) == 0xFFFE; /* the last two of each plane are noncharacters */
}

/* The code point at the place of a character in well-formed UTF-8. */
static uint32_t take_character(const uint8_t **at)
{
    static const uint8_t lead_bits[] = {0x7F, 0x1F, 0x0F, 0x07};
    const uint8_t lead = *(*at)++;
    const unsigned tails = (lead >= 0xC0) + (lead >= 0xE0) + (lead >= 0xF0);
    uint32_t point = lead & lead_bits[tails];
    for (unsigned i = 0; i < tails; i++) {
        point = point << 6 | (*(*at)++ & 0x3F);
    }
    return point;
}

bool email_characters_are_legible(const uint8_t *bytes, size_t size)
{
    const uint8_t *end = bytes + size;
    while (bytes < end) {
        if (is_deceptive(take_character(&bytes))) {
            return false;
        }
    }
    return true;
}

static bool is_ascii(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

enum email_status email_characters_check(const uint8_t *bytes, size_t size, const struct email_options *options)
{
    if (!options->international) {
        return is_ascii(bytes, size) ? EMAIL_VALID : EMAIL_NOT_ASCII;
    }
    if (!utf8_valid(bytes, size)) {
        return EMAIL_BAD_UTF8;
    }
    return options->legible && !email_characters_are_legible(bytes, size) ? EMAIL_CHARACTER : EMAIL_VALID;
}
