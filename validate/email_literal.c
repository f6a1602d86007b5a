/*
 * email_literal - reads literals from left to right. Called by email_check(); any thread.
 */
#include "validate/email_literal.h"

#include <string.h>
#include <strings.h>

#define IPV4_NUMBERS 4
#define IPV6_GROUPS  8

/* RFC 5321 §4.1.3: dcontent */
static bool is_content(uint8_t byte)
{
    return byte >= '!' && byte <= '~' && byte != '[' && byte != '\\' && byte != ']';
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_hexadecimal(uint8_t byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

static bool is_letter_or_digit(uint8_t byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* Snum: up to three digits. Returns how many, 0 when they are no number up to 255. */
static size_t number_size(const uint8_t *bytes, size_t size)
{
    unsigned value = 0;
    size_t digits = 0;
    while (digits < size && is_digit(bytes[digits])) {
        if (digits == 3) {
            return 0;
        }
        value = value * 10 + (unsigned)(bytes[digits] - '0');
        digits++;
    }
    return value <= UINT8_MAX ? digits : 0;
}

static bool is_ipv4(const uint8_t *bytes, size_t size)
{
    for (unsigned number = 0; number < IPV4_NUMBERS; number++) {
        if (number > 0) {
            if (size == 0 || bytes[0] != '.') {
                return false;
            }
            bytes++;
            size--;
        }
        const size_t digits = number_size(bytes, size);
        if (digits == 0) {
            return false;
        }
        bytes += digits;
        size -= digits;
    }
    return size == 0;
}

static size_t group_size(const uint8_t *bytes, size_t size)
{
    size_t digits = 0;
    while (digits < size && digits < 4 && is_hexadecimal(bytes[digits])) {
        digits++;
    }
    return digits;
}

/* RFC 4291 §2.2: groups, at most one "::" among them, and an IPv4 address in place of the last two. */
static bool is_ipv6(const uint8_t *bytes, size_t size)
{
    size_t groups = 0;
    bool compressed = false;
    bool after_colon = true; /* where a group may start; true at the start and behind a colon */
    if (size > 0 && bytes[0] == ':' && (size < 2 || bytes[1] != ':')) {
        return false;
    }
    while (size > 0) {
        if (bytes[0] == ':' && size >= 2 && bytes[1] == ':') {
            if (compressed) {
                return false;
            }
            compressed = true;
            after_colon = true;
            bytes += 2;
            size -= 2;
            if (size == 0) {
                after_colon = false; /* "::" may be the last, ":" may not */
            }
        } else if (bytes[0] == ':' && !after_colon) {
            after_colon = true;
            bytes++;
            size--;
        } else {
            const size_t digits = after_colon ? group_size(bytes, size) : 0;
            if (digits == 0) {
                return false;
            }
            if (digits < size && bytes[digits] == '.') {
                groups += 2;
                return is_ipv4(bytes, size) && (compressed ? groups < IPV6_GROUPS : groups == IPV6_GROUPS);
            }
            if (groups == IPV6_GROUPS) {
                return false;
            }
            groups++;
            after_colon = false;
            bytes += digits;
            size -= digits;
        }
    }
    return !after_colon && (compressed ? groups < IPV6_GROUPS : groups == IPV6_GROUPS);
}

/* Standardized-tag: Ldh-str, which ends with a letter or digit. */
static bool is_tag(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (!is_letter_or_digit(bytes[i]) && bytes[i] != '-') {
            return false;
        }
    }
    return size > 0 && bytes[size - 1] != '-';
}

static enum email_status check_content(const uint8_t *bytes, size_t size, bool any_tag)
{
    static const char ipv6_tag[] = "IPv6";
    const uint8_t *colon = size > 0 ? memchr(bytes, ':', size) : NULL;
    if (colon == NULL) {
        return is_ipv4(bytes, size) ? EMAIL_VALID : EMAIL_LITERAL_IPV4;
    }
    const size_t tag_size = (size_t)(colon - bytes);
    const size_t rest_size = size - tag_size - 1;
    if (tag_size == sizeof(ipv6_tag) - 1 && strncasecmp((const char *)bytes, ipv6_tag, tag_size) == 0) {
        return is_ipv6(colon + 1, rest_size) ? EMAIL_VALID : EMAIL_LITERAL_IPV6;
    }
    return any_tag && is_tag(bytes, tag_size) && rest_size > 0 ? EMAIL_VALID : EMAIL_LITERAL_TAG;
}

enum email_status email_literal_check(const uint8_t *bytes, size_t size, bool any_tag, size_t *content_size_r)
{
    size_t content_size = 0;
    while (content_size < size && is_content(bytes[content_size])) {
        content_size++;
    }
    if (content_size == size) {
        return EMAIL_LITERAL_OPEN;
    }
    if (bytes[content_size] != ']') {
        return EMAIL_LITERAL_CHARACTER;
    }
    const enum email_status status = check_content(bytes, content_size, any_tag);
    if (status == EMAIL_VALID) {
        *content_size_r = content_size;
    }
    return status == EMAIL_VALID && content_size + 2 > EMAIL_DOMAIN_MAX ? EMAIL_DOMAIN_TOO_LONG : status;
}
