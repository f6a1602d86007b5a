/*
 * ip_text - the syntax of IP addresses. Called by uri and schema_format; any thread.
 */
#include "validate/ip_text.h"

#include <string.h>

#define V6_GROUPS 8

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* The size of a number from 0 to 255 without leading zeros, which some readers take for octal; 0 if there is none. */
static size_t octet_size(const char *text, size_t size)
{
    unsigned value = 0;
    size_t digits = 0;
    while (digits < size && digits < 4 && is_digit(text[digits])) {
        value = value * 10 + (unsigned)(text[digits] - '0');
        digits++;
    }
    return value > 255 || digits > 3 || (digits > 1 && text[0] == '0') ? 0 : digits;
}

bool ip_text_is_v4(const char *text, size_t size)
{
    size_t at = 0;
    for (int part = 0; part < 4; part++) {
        if (part > 0 && (at == size || text[at++] != '.')) {
            return false;
        }
        const size_t digits = octet_size(text + at, size - at);
        if (digits == 0) {
            return false;
        }
        at += digits;
    }
    return at == size;
}

bool ip_text_is_v6(const char *text, size_t size)
{
    int groups = 0;
    bool elided = false; /* "::" was seen */
    size_t at = 0;
    if (size >= 2 && memcmp(text, "::", 2) == 0) {
        elided = true;
        at = 2;
    }
    while (at < size) {
        size_t digits = 0;
        while (at + digits < size && digits < 5 && is_hex(text[at + digits])) {
            digits++;
        }
        if (at + digits < size && text[at + digits] == '.') {
            groups += 2;
            at = ip_text_is_v4(text + at, size - at) ? size : at;
            break;
        }
        if (digits == 0 || digits > 4) {
            return false;
        }
        groups++;
        at += digits;
        if (at == size) {
            break;
        }
        if (text[at++] != ':' || at == size) {
            return false;
        }
        if (text[at] == ':') {
            if (elided) {
                return false;
            }
            elided = true;
            at++;
        }
    }
    return at == size && (elided ? groups < V6_GROUPS : groups == V6_GROUPS);
}
