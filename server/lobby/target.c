/*
 * target - checks targets and hosts for head.c on lobby threads, and decodes a checked path for routing.
 *
 * Pure: any thread.
 */
#include "server/lobby/target.h"

#include <arpa/inet.h>
#include <string.h>

#include "server/lobby/span.h"
#include "validate/utf8.h"

/* ---- Host (RFC 9110 §7.2). ---- */

static bool port_is_valid(struct head_span port)
{
    unsigned value = 0;
    if (port.size == 0 || port.size > strlen("65535")) {
        return false;
    }
    for (size_t i = 0; i < port.size; i++) {
        if (!char_is_digit(port.bytes[i])) {
            return false;
        }
        value = value * 10 + (unsigned)(port.bytes[i] - '0');
    }
    return value >= 1 && value <= 65535;
}

/* What stands in brackets. No zones and no address formats of the future (RFC 3986 §3.2.2). */
static bool ipv6_is_valid(struct head_span span)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (span.size >= sizeof(text)) {
        return false;
    }
    for (size_t i = 0; i < span.size; i++) {
        if (char_hex_value(span.bytes[i]) < 0 && !char_is_one_of(span.bytes[i], ":.")) {
            return false; /* a NUL above all: it would end the text for inet_pton() alone */
        }
    }
    memcpy(text, span.bytes, span.size);
    text[span.size] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

static bool host_name_is_valid(struct head_span name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (!char_is_unreserved(name.bytes[i])) {
            return false;
        }
    }
    return name.size > 0;
}

bool target_host_is_valid(struct head_span host)
{
    struct head_span name = host;
    struct head_span rest = host;
    if (host.size == 0 || host.size > HEAD_HOST_MAX) {
        return false;
    }
    if (host.bytes[0] == '[') {
        span_skip(&rest, 1);
        if (!span_cut(&rest, ']', &name) || !ipv6_is_valid(name)) {
            return false;
        }
        if (rest.size == 0) {
            return true;
        }
        span_skip(&rest, 1);
        return rest.bytes[-1] == ':' && port_is_valid(rest);
    }
    if (span_cut(&rest, ':', &name) && !port_is_valid(rest)) {
        return false;
    }
    return host_name_is_valid(name);
}

/* ---- Target (RFC 9112 §3.2). ---- */

/*
 * Takes one character, encoded or not, off `rest`. False when it is neither a pchar nor one of `more`, and when the
 * encoding is broken or hides a control byte.
 */
static bool take_character(struct head_span *rest, const char *more, unsigned char *octet_r, bool *encoded_r)
{
    char c = rest->bytes[0];
    *encoded_r = c == '%';
    if (!*encoded_r) {
        *octet_r = (unsigned char)c;
        span_skip(rest, 1);
        return char_is_pchar(c) || char_is_one_of(c, more);
    }
    if (rest->size < 3) {
        return false;
    }
    int high = char_hex_value(rest->bytes[1]);
    int low = char_hex_value(rest->bytes[2]);
    if (high < 0 || low < 0) {
        return false;
    }
    *octet_r = (unsigned char)(high * 16 + low);
    span_skip(rest, 3);
    return !char_is_control((char)*octet_r);
}

/* "." and ".." climb in some parsers, an empty segment is dropped by others. */
static bool segment_is_valid(size_t size, size_t dots, bool last)
{
    if (size == 0) {
        return last;
    }
    return dots != size || size > 2;
}

static bool path_is_valid(struct head_span path)
{
    struct head_span rest = path;
    utf8_state state = UTF8_START;
    size_t size = 0; /* of the segment, decoded */
    size_t dots = 0; /* in it */
    if (path.size == 0 || path.bytes[0] != '/') {
        return false;
    }
    span_skip(&rest, 1);
    while (rest.size > 0) {
        unsigned char octet;
        bool encoded;
        if (!take_character(&rest, "/", &octet, &encoded)) {
            return false;
        }
        state = utf8_feed(state, &octet, 1);
        if (octet == '/' && !encoded) {
            if (!segment_is_valid(size, dots, false)) {
                return false;
            }
            size = 0;
            dots = 0;
            continue;
        }
        if (octet == '/' || octet == '\\') {
            return false;
        }
        size++;
        dots += octet == '.';
    }
    return state == UTF8_START && segment_is_valid(size, dots, true);
}

/* RFC 3986 §3.4, and what browsers leave unencoded all the same (the query percent-encode set of the URL standard). */
static bool query_is_valid(struct head_span query)
{
    static const char beyond_pchar[] = "/?[]{}|\\^`";
    while (query.size > 0) {
        unsigned char octet;
        bool encoded;
        if (!take_character(&query, beyond_pchar, &octet, &encoded)) {
            return false;
        }
    }
    return true;
}

/*
 * Takes scheme and authority off an absolute-form target. An empty path is "/" (RFC 9110 §4.2.3): `*path_r` is then the
 * slash in front of the authority, so that it is a view into the head like any other.
 */
static enum head_status take_authority(struct head_span *rest, struct head_span *host_r, struct head_span *path_r)
{
    static const char schemes[][9] = {"http://", "https://", "ws://", "wss://"};
    size_t i = 0;
    while (i < sizeof(schemes) / sizeof(schemes[0]) && !span_starts_without_case(*rest, schemes[i])) {
        i++;
    }
    if (i == sizeof(schemes) / sizeof(schemes[0])) {
        return HEAD_TARGET;
    }
    span_skip(rest, strlen(schemes[i]));
    struct head_span host = {rest->bytes, 0};
    while (host.size < rest->size && !char_is_one_of(rest->bytes[host.size], "/?")) {
        host.size++;
    }
    if (!target_host_is_valid(host)) {
        return HEAD_HOST_SYNTAX;
    }
    span_skip(rest, host.size);
    *host_r = host;
    *path_r = (struct head_span){host.bytes - 1, 1};
    return HEAD_OK;
}

enum head_status target_parse(struct head_span target, struct head *head)
{
    struct head_span rest = target;
    struct head_span path = {target.bytes, 0};
    if (rest.bytes[0] != '/') {
        enum head_status status = take_authority(&rest, &head->host, &path);
        if (status != HEAD_OK) {
            return status;
        }
    }
    struct head_span front = rest;
    struct head_span query = {rest.bytes + rest.size, 0};
    if (span_cut(&rest, '?', &front)) {
        query = rest;
    }
    if (front.size > 0) {
        path = front;
    }
    if (path.size > HEAD_PATH_MAX) {
        return HEAD_TARGET_TOO_LONG;
    }
    if (!path_is_valid(path) || !query_is_valid(query)) {
        return HEAD_TARGET;
    }
    head->path = path;
    head->query = query;
    return HEAD_OK;
}

int target_decode_path(struct head_span path, char *out, size_t out_size)
{
    struct head_span rest = path;
    size_t size = 0;
    while (rest.size > 0) {
        unsigned char octet;
        bool encoded;
        if (!take_character(&rest, "/", &octet, &encoded) || size >= out_size) {
            return -1;
        }
        out[size] = (char)octet;
        size++;
    }
    if (size >= out_size) {
        return -1;
    }
    out[size] = '\0';
    return (int)size;
}
