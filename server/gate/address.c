/*
 * address - IP addresses and prefixes: text to value, value to text.
 * Called by the config, the gate, the logs and the admin side. Pure functions: any thread.
 */
#include "server/gate/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define ADDRESS_BITS     128u
#define IPV4_OFFSET      12 /* where the four bytes stand in the mapped form */
#define IPV4_PREFIX_BITS 96u
#define GROUP_COUNT      8 /* of 16 bits, in the text of an IPv6 address */

static const uint8_t ipv4_mapped[IPV4_OFFSET] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
static const struct address ipv6_loopback = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

const char *address_status_text(enum address_status status)
{
    switch (status) {
    case ADDRESS_OK:
        return "a valid address";
    case ADDRESS_SYNTAX:
        return "not an IPv4 or IPv6 address";
    case ADDRESS_ZONE:
        return "an address with a zone id means nothing outside its interface";
    case ADDRESS_MASK:
        return "the prefix length is not a number from 0 to 32 (IPv4) or 128 (IPv6)";
    case ADDRESS_HOST_BITS:
        return "bits set behind the prefix length";
    }
    return "unknown";
}

bool address_is_ipv4(const struct address *address)
{
    return memcmp(address->bytes, ipv4_mapped, sizeof(ipv4_mapped)) == 0;
}

bool address_is_loopback(const struct address *address)
{
    if (address_is_ipv4(address)) {
        return address->bytes[IPV4_OFFSET] == 127; /* RFC 1122 §3.2.1.3: all of 127.0.0.0/8 */
    }
    return address_equal(address, &ipv6_loopback);
}

bool address_equal(const struct address *a, const struct address *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static struct address address_from_ipv4(const struct in_addr *ipv4)
{
    struct address address;
    memcpy(address.bytes, ipv4_mapped, sizeof(ipv4_mapped));
    memcpy(address.bytes + IPV4_OFFSET, ipv4, sizeof(*ipv4));
    return address;
}

struct address address_from_sockaddr(const struct sockaddr *from)
{
    assert(from->sa_family == AF_INET || from->sa_family == AF_INET6);
    /* Copied out: `from` may be any buffer of bytes, aligned for neither of the two. */
    if (from->sa_family == AF_INET) {
        struct sockaddr_in ipv4;
        memcpy(&ipv4, from, sizeof(ipv4));
        return address_from_ipv4(&ipv4.sin_addr);
    }
    struct sockaddr_in6 ipv6;
    memcpy(&ipv6, from, sizeof(ipv6));
    struct address address;
    memcpy(address.bytes, &ipv6.sin6_addr, sizeof(address.bytes));
    return address;
}

/* The whole of `text` as an address without a zone. inet_pton() is strict where it matters (four decimal parts without
 * leading zeros; at most one "::"), but wants a NUL, and so must not see one inside. */
static bool parse_plain(const char *text, size_t size, struct address *address_r)
{
    char copy[INET6_ADDRSTRLEN];
    if (size >= sizeof(copy) || memchr(text, '\0', size) != NULL) {
        return false;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';

    struct in_addr ipv4;
    struct in6_addr ipv6;
    if (inet_pton(AF_INET, copy, &ipv4) == 1) {
        *address_r = address_from_ipv4(&ipv4);
        return true;
    }
    if (inet_pton(AF_INET6, copy, &ipv6) == 1) {
        memcpy(address_r->bytes, &ipv6, sizeof(address_r->bytes));
        return true;
    }
    return false;
}

enum address_status address_parse(const char *text, size_t size, struct address *address_r)
{
    if (size == 0) {
        return ADDRESS_SYNTAX; /* and `text` may be NULL */
    }
    const char *zone = memchr(text, '%', size);
    if (zone == NULL) {
        return parse_plain(text, size, address_r) ? ADDRESS_OK : ADDRESS_SYNTAX;
    }
    /* Only behind an IPv6 address is it a zone; anywhere else it is rubbish. */
    struct address scoped;
    size_t plain = (size_t)(zone - text);
    bool has_zone = memchr(text, ':', plain) != NULL && parse_plain(text, plain, &scoped);
    return has_zone ? ADDRESS_ZONE : ADDRESS_SYNTAX;
}

/* A decimal number of one to three digits without leading zeros, up to `max`. */
static bool parse_length(const char *text, size_t size, unsigned max, unsigned *length_r)
{
    if (size == 0 || size > 3 || (size > 1 && text[0] == '0')) {
        return false;
    }
    unsigned length = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        length = length * 10 + (unsigned)(text[i] - '0');
    }
    if (length > max) {
        return false;
    }
    *length_r = length;
    return true;
}

enum address_status prefix_parse(const char *text, size_t size, struct prefix *prefix_r)
{
    const char *slash = size > 0 ? memchr(text, '/', size) : NULL;
    size_t address_size = slash != NULL ? (size_t)(slash - text) : size;
    struct address address;
    enum address_status status = address_parse(text, address_size, &address);
    if (status != ADDRESS_OK) {
        return status;
    }

    unsigned bits = ADDRESS_BITS;
    if (slash != NULL) {
        /* How the address was written decides what its length counts: 10.0.0.0/8, but ::ffff:10.0.0.0/104. */
        bool dotted = memchr(text, ':', address_size) == NULL;
        unsigned base = dotted ? IPV4_PREFIX_BITS : 0;
        if (!parse_length(slash + 1, size - address_size - 1, ADDRESS_BITS - base, &bits)) {
            return ADDRESS_MASK;
        }
        bits += base;
    }

    struct prefix prefix = prefix_of(&address, (uint8_t)bits);
    if (!address_equal(&prefix.address, &address)) {
        return ADDRESS_HOST_BITS;
    }
    *prefix_r = prefix;
    return ADDRESS_OK;
}

struct zero_run {
    int first;
    int count;
};

/* RFC 5952 §4.2: the longest run of two or more zero groups, the first of equals. */
static struct zero_run find_zero_run(const uint16_t groups[GROUP_COUNT])
{
    struct zero_run best = {-1, 1};
    struct zero_run run = {0, 0};
    for (int i = 0; i < GROUP_COUNT; i++) {
        run.count = groups[i] == 0 ? run.count + 1 : 0;
        if (run.count == 1) {
            run.first = i;
        }
        if (run.count > best.count) {
            best = run;
        }
    }
    return best;
}

static void format_ipv6(const struct address *address, char out[ADDRESS_TEXT_SIZE])
{
    uint16_t groups[GROUP_COUNT];
    for (size_t i = 0; i < GROUP_COUNT; i++) {
        groups[i] = (uint16_t)(address->bytes[2 * i] << 8 | address->bytes[2 * i + 1]);
    }
    struct zero_run run = find_zero_run(groups);

    size_t used = 0;
    for (int i = 0; i < GROUP_COUNT;) {
        const char *colon = i > 0 && i != run.first + run.count ? ":" : "";
        int written;
        if (i == run.first) {
            written = snprintf(out + used, ADDRESS_TEXT_SIZE - used, "::");
            i += run.count;
        } else {
            written = snprintf(out + used, ADDRESS_TEXT_SIZE - used, "%s%x", colon, (unsigned)groups[i]);
            i++;
        }
        used += (size_t)written; /* eight groups of at most five characters always fit */
    }
}

const char *address_format(const struct address *address, char out[ADDRESS_TEXT_SIZE])
{
    if (address_is_ipv4(address)) {
        const uint8_t *part = address->bytes + IPV4_OFFSET;
        snprintf(out, ADDRESS_TEXT_SIZE, "%u.%u.%u.%u", (unsigned)part[0], (unsigned)part[1], (unsigned)part[2],
                 (unsigned)part[3]);
    } else {
        format_ipv6(address, out);
    }
    return out;
}

const char *address_format_port(const struct address *address, uint16_t port, char out[ADDRESS_TEXT_SIZE])
{
    char text[ADDRESS_TEXT_SIZE];
    address_format(address, text);
    if (address_is_ipv4(address)) {
        snprintf(out, ADDRESS_TEXT_SIZE, "%.15s:%u", text, (unsigned)port);
    } else {
        snprintf(out, ADDRESS_TEXT_SIZE, "[%.39s]:%u", text, (unsigned)port);
    }
    return out;
}

const char *prefix_format(const struct prefix *prefix, char out[PREFIX_TEXT_SIZE])
{
    char text[ADDRESS_TEXT_SIZE];
    unsigned base = address_is_ipv4(&prefix->address) ? IPV4_PREFIX_BITS : 0;
    address_format(&prefix->address, text);
    snprintf(out, PREFIX_TEXT_SIZE, "%.39s/%u", text, prefix->bits - base);
    return out;
}

struct prefix prefix_of(const struct address *address, uint8_t bits)
{
    assert(bits <= ADDRESS_BITS);
    struct prefix prefix = {.bits = bits};
    size_t whole = bits / 8u;
    memcpy(prefix.address.bytes, address->bytes, whole);
    if (bits % 8u != 0) {
        prefix.address.bytes[whole] = address->bytes[whole] & (uint8_t)(0xff00u >> (bits % 8u));
    }
    return prefix;
}

bool prefix_contains(const struct prefix *prefix, const struct address *address)
{
    if (address_is_ipv4(&prefix->address) != address_is_ipv4(address)) {
        return false;
    }
    struct prefix other = prefix_of(address, prefix->bits);
    return address_equal(&other.address, &prefix->address);
}
