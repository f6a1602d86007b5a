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

/* Groups with a colon between each two, or nothing; an IPv4 address in place of the last two where `last` allows it. */
static bool count_groups(const uint8_t *bytes, size_t size, bool last, size_t *count_r)
{
    size_t count = 0;
    while (size > 0) {
        const size_t digits = group_size(bytes, size);
        if (digits > 0 && digits < size && bytes[digits] == '.') {
            *count_r = count + 2;
            return last && is_ipv4(bytes, size);
        }
        bytes += digits;
        size -= digits;
        count++;
        if (digits == 0 || size == 1 || (size > 0 && bytes[0] != ':')) {
            return false; /* no group, or a colon and nothing, or no colon */
        }
        if (size > 0) {
            bytes++;
            size--;
        }
    }
    *count_r = count;
    return true;
}

/* Eight groups, or less and one "::" among them. */
static enum email_status check_ipv6(const uint8_t *bytes, size_t size, bool obsolete)
{
    size_t before = 0;
    size_t behind = 0;
    for (size_t i = 0; i + 1 < size; i++) {
        if (bytes[i] == ':' && bytes[i + 1] == ':') {
            if (!count_groups(bytes, i, false, &before) || !count_groups(bytes + i + 2, size - i - 2, true, &behind) ||
                before + behind >= IPV6_GROUPS) {
                return EMAIL_LITERAL_IPV6;
            }
            return before + behind + 1 < IPV6_GROUPS || obsolete ? EMAIL_VALID : EMAIL_LITERAL_ELISION;
        }
    }
    return count_groups(bytes, size, true, &behind) && behind == IPV6_GROUPS ? EMAIL_VALID : EMAIL_LITERAL_IPV6;
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

static enum email_status check_content(const uint8_t *bytes, size_t size, const struct email_options *options)
{
    static const char ipv6_tag[] = "IPv6";
    const uint8_t *colon = size > 0 ? memchr(bytes, ':', size) : NULL;
    if (colon == NULL) {
        return is_ipv4(bytes, size) ? EMAIL_VALID : EMAIL_LITERAL_IPV4;
    }
    const size_t tag_size = (size_t)(colon - bytes);
    const size_t rest_size = size - tag_size - 1;
    if (tag_size == sizeof(ipv6_tag) - 1 && strncasecmp((const char *)bytes, ipv6_tag, tag_size) == 0) {
        return check_ipv6(colon + 1, rest_size, options->obsolete);
    }
    return options->general_literals && is_tag(bytes, tag_size) && rest_size > 0 ? EMAIL_VALID : EMAIL_LITERAL_TAG;
}

enum email_status email_literal_check(const uint8_t *bytes, size_t size, const struct email_options *options,
                                      size_t *content_size_r)
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
    const enum email_status status = check_content(bytes, content_size, options);
    if (status == EMAIL_VALID) {
        *content_size_r = content_size;
    }
    return status == EMAIL_VALID && content_size + 2 > EMAIL_DOMAIN_MAX ? EMAIL_DOMAIN_TOO_LONG : status;
}
