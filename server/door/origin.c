/*
 * origin - takes origins apart and compares them; called by upgrade workers for each request that has one. See origin.h.
 */
#include "server/door/origin.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "server/gate/address.h"

#define HOST_SIZE_MAX 255 /* more than any DNS name */
#define PORT_MAX      65535u

/* Part of a text. */
struct span {
    const char *text;
    size_t size;
};

/* The triple of RFC 6454 §4, as views. */
struct origin {
    struct span scheme;
    struct span host; /* without brackets */
    bool is_ipv6;
    struct address address; /* of IPv6 */
    unsigned port;          /* 0: a scheme without a default, and none given */
};

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static bool span_is(struct span span, const char *text)
{
    return span.size == strlen(text) && strncasecmp(span.text, text, span.size) == 0;
}

static bool span_equal(struct span a, struct span b)
{
    return a.size == b.size && strncasecmp(a.text, b.text, a.size) == 0;
}

/* Takes what stands in front of `delimiter` off *rest, and the delimiter. False when there is none. */
static bool cut(struct span *rest, char delimiter, struct span *front_r)
{
    const char *at = memchr(rest->text, delimiter, rest->size);
    if (at == NULL) {
        return false;
    }
    *front_r = (struct span){rest->text, (size_t)(at - rest->text)};
    *rest = (struct span){at + 1, rest->size - front_r->size - 1};
    return true;
}

/* ---- taking apart ---- */

/* RFC 3986 §3.1 */
static bool scheme_valid(struct span scheme)
{
    for (size_t i = 0; i < scheme.size; i++) {
        if (!is_alphanumeric(scheme.text[i]) && (i == 0 || !is_one_of(scheme.text[i], "+-."))) {
            return false;
        }
    }
    return scheme.size > 0 && (scheme.text[0] < '0' || scheme.text[0] > '9');
}

/* No percent-encoding, no byte beyond ASCII: browsers send what names are resolved with. */
static bool host_valid(struct span host)
{
    for (size_t i = 0; i < host.size; i++) {
        if (!is_alphanumeric(host.text[i]) && !is_one_of(host.text[i], "-._~")) {
            return false;
        }
    }
    return host.size > 0 && host.size <= HOST_SIZE_MAX;
}

static bool parse_port(struct span digits, unsigned *port_r)
{
    unsigned port = 0;
    if (digits.size == 0 || digits.size > strlen("65535") || digits.text[0] == '0') {
        return false;
    }
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.text[i] < '0' || digits.text[i] > '9') {
            return false;
        }
        port = port * 10 + (unsigned)(digits.text[i] - '0');
    }
    *port_r = port;
    return port <= PORT_MAX;
}

static unsigned default_port(struct span scheme)
{
    return span_is(scheme, "http") ? 80 : span_is(scheme, "https") ? 443 : 0;
}

/* HOST or [IPv6], then perhaps ":PORT"; the scheme is there already. */
static bool parse_authority(struct span text, struct origin *origin)
{
    struct span rest = text;
    origin->is_ipv6 = text.size > 0 && text.text[0] == '[';
    origin->port = default_port(origin->scheme);
    if (origin->is_ipv6) {
        rest = (struct span){text.text + 1, text.size - 1};
        if (!cut(&rest, ']', &origin->host) ||
            address_parse(origin->host.text, origin->host.size, &origin->address) != ADDRESS_OK ||
            memchr(origin->host.text, ':', origin->host.size) == NULL) {
            return false;
        }
        if (rest.size == 0) {
            return true;
        }
        struct span nothing;
        return cut(&rest, ':', &nothing) && nothing.size == 0 && parse_port(rest, &origin->port);
    }
    if (!cut(&rest, ':', &origin->host)) {
        origin->host = text;
        return host_valid(text);
    }
    return host_valid(origin->host) && parse_port(rest, &origin->port);
}

static bool parse_origin(struct span text, struct origin *origin_r)
{
    struct span rest = text;
    if (!cut(&rest, ':', &origin_r->scheme) || !scheme_valid(origin_r->scheme) || rest.size < 2 ||
        memcmp(rest.text, "//", 2) != 0) {
        return false;
    }
    rest = (struct span){rest.text + 2, rest.size - 2};
    return parse_authority(rest, origin_r);
}

/* ---- comparing ---- */

static bool hosts_equal(const struct origin *a, const struct origin *b)
{
    if (a->is_ipv6 || b->is_ipv6) {
        return a->is_ipv6 && b->is_ipv6 && address_equal(&a->address, &b->address);
    }
    return span_equal(a->host, b->host);
}

/* The host is `suffix` with something in front of it: never the suffix alone, never "evilexample.com". */
static bool is_below(const struct origin *origin, struct span suffix)
{
    size_t size = origin->host.size;
    if (origin->is_ipv6 || size < suffix.size + 2 || origin->host.text[0] == '.') {
        return false;
    }
    struct span tail = {origin->host.text + size - suffix.size, suffix.size};
    return tail.text[-1] == '.' && span_equal(tail, suffix);
}

static bool matches_entry(const struct origin *origin, const char *entry)
{
    static const char below[] = "://*.";
    struct origin listed = {0};
    const char *star = strstr(entry, below);
    if (star == NULL) {
        return parse_origin((struct span){entry, strlen(entry)}, &listed) &&
               span_equal(origin->scheme, listed.scheme) && origin->port == listed.port && hosts_equal(origin, &listed);
    }
    const char *suffix = star + strlen(below);
    listed.scheme = (struct span){entry, (size_t)(star - entry)};
    return parse_authority((struct span){suffix, strlen(suffix)}, &listed) &&
           span_equal(origin->scheme, listed.scheme) && origin->port == listed.port && !listed.is_ipv6 &&
           is_below(origin, listed.host);
}

static bool is_listed(const struct origin *origin, const char *const *listed, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (matches_entry(origin, listed[i])) {
            return true;
        }
    }
    return false;
}

static bool has_entry(const char *const *listed, size_t count, const char *entry)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(listed[i], entry) == 0) {
            return true;
        }
    }
    return false;
}

enum origin_verdict origin_check(const char *origin, const char *host, bool tls, const char *const *listed,
                                 size_t count)
{
    static const char http[] = "http";
    static const char https[] = "https";
    if (origin == NULL) {
        return ORIGIN_ABSENT;
    }
    if (has_entry(listed, count, "*")) {
        return ORIGIN_LISTED;
    }
    if (strcmp(origin, "null") == 0) {
        return has_entry(listed, count, "null") ? ORIGIN_LISTED : ORIGIN_FOREIGN;
    }
    struct origin page = {0};
    struct origin own = {.scheme = tls ? (struct span){https, strlen(https)} : (struct span){http, strlen(http)}};
    if (!parse_origin((struct span){origin, strlen(origin)}, &page)) {
        return ORIGIN_MALFORMED;
    }
    if (host != NULL && parse_authority((struct span){host, strlen(host)}, &own) &&
        span_equal(page.scheme, own.scheme) && page.port == own.port && hosts_equal(&page, &own)) {
        return ORIGIN_SAME;
    }
    return is_listed(&page, listed, count) ? ORIGIN_LISTED : ORIGIN_FOREIGN;
}

bool origin_admits(enum origin_verdict verdict)
{
    return verdict == ORIGIN_ABSENT || verdict == ORIGIN_SAME || verdict == ORIGIN_LISTED;
}
