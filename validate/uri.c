/*
 * uri - syntax and resolution of URI references. Called by schema_ref and schema_format; any thread.
 */
#include "validate/uri.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "validate/ip_text.h"

struct part {
    const char *at; /* NULL: absent, which is not the same as empty */
    size_t size;
};

struct uri {
    struct part scheme;    /* without ':' */
    struct part authority; /* without "//" */
    struct part path;
    struct part query;    /* without '?' */
    struct part fragment; /* without '#' */
};

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static size_t span_until(const char *text, size_t size, const char *stops)
{
    size_t span = 0;
    while (span < size && (text[span] == '\0' || strchr(stops, text[span]) == NULL)) {
        span++;
    }
    return span;
}

static size_t scheme_size(const char *text, size_t size)
{
    size_t span = 0;
    while (span < size && (is_alpha(text[span]) ||
                           (span > 0 && (is_digit(text[span]) || (text[span] != '\0' && strchr("+-.", text[span])))))) {
        span++;
    }
    return span > 0 && span < size && text[span] == ':' ? span : 0;
}

/* Appendix B, without judging what the parts consist of. */
static struct uri split(const char *text, size_t size)
{
    struct uri uri = {0};
    const char *end = text + size;
    const size_t scheme = scheme_size(text, size);
    if (scheme > 0) {
        uri.scheme = (struct part){text, scheme};
        text += scheme + 1;
    }
    if (end - text >= 2 && text[0] == '/' && text[1] == '/') {
        text += 2;
        uri.authority = (struct part){text, span_until(text, (size_t)(end - text), "/?#")};
        text += uri.authority.size;
    }
    uri.path = (struct part){text, span_until(text, (size_t)(end - text), "?#")};
    text += uri.path.size;
    if (text < end && *text == '?') {
        text++;
        uri.query = (struct part){text, span_until(text, (size_t)(end - text), "#")};
        text += uri.query.size;
    }
    if (text < end) {
        text++;
        uri.fragment = (struct part){text, (size_t)(end - text)};
    }
    return uri;
}

/* Which characters beyond ASCII a part may have. */
enum beyond { BEYOND_NONE, BEYOND_UCSCHAR, BEYOND_PRIVATE };

/* ucschar of RFC 3987 §2.2: all that Unicode has for text; with BEYOND_PRIVATE also iprivate. */
static bool is_beyond(uint32_t character, enum beyond beyond)
{
    const uint32_t plane_start = 0x10000;
    const uint32_t in_plane = character % plane_start;
    const bool private_use = (character >= 0xE000 && character <= 0xF8FF) || character >= 0xF0000;
    if (beyond == BEYOND_NONE || (private_use && beyond != BEYOND_PRIVATE) || in_plane >= 0xFFFE) {
        return false;
    }
    if (character < plane_start) {
        return character >= 0xA0 && (character < 0xFDD0 || character > 0xFDEF) && character < 0xFFF0;
    }
    return character < 0xE0000 || character >= 0xE1000;
}

/* The octets of the character at `text`, which is UTF-8 and beyond ASCII; 0 where it may not be there. */
static size_t beyond_size(const char *text, size_t size, enum beyond beyond)
{
    const unsigned char first = (unsigned char)text[0];
    const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    uint32_t character = first & (0xFFU >> (length + 1));
    if (length > size) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        character = character << 6 | ((unsigned char)text[i] & 0x3FU);
    }
    return is_beyond(character, beyond) ? length : 0;
}

/* Only unreserved characters, sub-delims, `more`, percent-encoded bytes (§2) and what is allowed beyond ASCII. */
static bool consists_of(struct part part, const char *more, enum beyond beyond)
{
    for (size_t i = 0; i < part.size; i++) {
        const char c = part.at[i];
        if ((unsigned char)c >= 0x80) {
            const size_t taken = beyond_size(part.at + i, part.size - i, beyond);
            if (taken == 0) {
                return false;
            }
            i += taken - 1;
        } else if (c == '%') {
            if (part.size - i < 3 || !is_hex(part.at[i + 1]) || !is_hex(part.at[i + 2])) {
                return false;
            }
            i += 2;
        } else if (!is_alpha(c) && !is_digit(c) &&
                   (c == '\0' || (strchr("-._~!$&'()*+,;=", c) == NULL && strchr(more, c) == NULL))) {
            return false;
        }
    }
    return true;
}

/* IPvFuture = "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ) */
static bool valid_future_address(struct part text)
{
    size_t at = 1;
    while (at < text.size && is_hex(text.at[at])) {
        at++;
    }
    return at > 1 && text.size - at >= 2 && text.at[at] == '.' && memchr(text.at + at, '%', text.size - at) == NULL &&
           consists_of((struct part){text.at + at + 1, text.size - at - 1}, ":", BEYOND_NONE);
}

static bool valid_port(struct part text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!is_digit(text.at[i])) {
            return false;
        }
    }
    return true;
}

static bool valid_host_and_port(struct part text, enum beyond beyond)
{
    size_t host = span_until(text.at, text.size, ":");
    if (text.size > 0 && text.at[0] == '[') {
        host = span_until(text.at, text.size, "]");
        if (host == text.size) {
            return false;
        }
        const struct part literal = {text.at + 1, host - 1};
        const bool future = literal.size > 0 && (literal.at[0] == 'v' || literal.at[0] == 'V');
        if (future ? !valid_future_address(literal) : !ip_text_is_v6(literal.at, literal.size)) {
            return false;
        }
        host++;
    } else if (!consists_of((struct part){text.at, host}, "", beyond)) {
        return false;
    }
    return host == text.size ||
           (text.at[host] == ':' && valid_port((struct part){text.at + host + 1, text.size - host - 1}));
}

static bool valid_authority(struct part authority, enum beyond beyond)
{
    const size_t user = span_until(authority.at, authority.size, "@");
    if (user == authority.size) {
        return valid_host_and_port(authority, beyond);
    }
    return consists_of((struct part){authority.at, user}, ":", beyond) &&
           valid_host_and_port((struct part){authority.at + user + 1, authority.size - user - 1}, beyond);
}

static bool valid(const char *text, size_t size, bool absolute, bool iri)
{
    const enum beyond beyond = iri ? BEYOND_UCSCHAR : BEYOND_NONE;
    const struct uri uri = split(text, size);
    if (absolute && uri.scheme.at == NULL) {
        return false;
    }
    /* Without a scheme, the first segment of a path has no colon (§4.2): it would read as one. */
    const size_t first = span_until(uri.path.at, uri.path.size, "/");
    if (uri.scheme.at == NULL && uri.authority.at == NULL && first > 0 && memchr(uri.path.at, ':', first) != NULL) {
        return false;
    }
    return (uri.authority.at == NULL || valid_authority(uri.authority, beyond)) &&
           consists_of(uri.path, ":@/", beyond) && consists_of(uri.query, ":@/?", iri ? BEYOND_PRIVATE : BEYOND_NONE) &&
           consists_of(uri.fragment, ":@/?", beyond);
}

bool uri_valid(const char *text, size_t size, bool absolute)
{
    return valid(text, size, absolute, false);
}

bool uri_valid_iri(const char *text, size_t size, bool absolute)
{
    return valid(text, size, absolute, true);
}

/* A text that grows in a buffer known to be large enough. */
struct writer {
    char *text;
    size_t size;
};

static void write_bytes(struct writer *writer, const char *bytes, size_t size)
{
    if (size > 0) {
        memcpy(writer->text + writer->size, bytes, size);
        writer->size += size;
    }
}

static void write_part(struct writer *writer, const char *before, struct part part, const char *after)
{
    if (part.at != NULL) {
        write_bytes(writer, before, strlen(before));
        write_bytes(writer, part.at, part.size);
        write_bytes(writer, after, strlen(after));
    }
}

static bool is_dots(const char *segment, size_t size, size_t dots)
{
    return size == dots && memcmp(segment, "..", dots) == 0;
}

/* §5.2.4 on what was written from `start` on. */
static void remove_dot_segments(struct writer *writer, size_t start)
{
    char *path = writer->text + start;
    const size_t size = writer->size - start;
    size_t out = 0;
    for (size_t in = 0; in < size;) {
        const size_t slash = path[in] == '/' ? 1 : 0;
        const size_t segment = in + slash + span_until(path + in + slash, size - in - slash, "/");
        const char *name = path + in + slash;
        const size_t name_size = segment - in - slash;
        const bool up = is_dots(name, name_size, 2);
        if (up || is_dots(name, name_size, 1)) {
            while (up && out > 0 && path[--out] != '/') {
            }
            if (segment == size && slash == 1) {
                path[out++] = '/';
            }
        } else {
            memmove(path + out, path + in, segment - in);
            out += segment - in;
        }
        in = segment;
    }
    writer->size = start + out;
}

/* §5.2.3 */
static void write_merged(struct writer *writer, const struct uri *base, struct part path)
{
    size_t folder = base->path.size;
    while (folder > 0 && base->path.at[folder - 1] != '/') {
        folder--;
    }
    if (folder == 0 && base->authority.at != NULL) {
        write_bytes(writer, "/", 1);
    }
    write_bytes(writer, base->path.at, folder);
    write_bytes(writer, path.at, path.size);
}

char *uri_resolve(const char *base_text, const char *reference)
{
    const struct uri base = split(base_text, strlen(base_text));
    const struct uri ref = split(reference, strlen(reference));
    /* One byte more than the parts for the slash between authority and path, and the NUL. */
    struct writer writer = {malloc(strlen(base_text) + strlen(reference) + 3), 0};
    if (writer.text == NULL) {
        return NULL;
    }
    const bool own_authority = ref.scheme.at != NULL || ref.authority.at != NULL;
    write_part(&writer, "", ref.scheme.at != NULL ? ref.scheme : base.scheme, ":");
    write_part(&writer, "//", own_authority ? ref.authority : base.authority, "");
    const size_t start = writer.size;
    struct part query = ref.query;
    if (!own_authority && ref.path.size == 0) {
        write_bytes(&writer, base.path.at, base.path.size);
        query = ref.query.at != NULL ? ref.query : base.query;
    } else {
        if (own_authority || ref.path.at[0] == '/') {
            write_bytes(&writer, ref.path.at, ref.path.size);
        } else {
            write_merged(&writer, &base, ref.path);
        }
        remove_dot_segments(&writer, start);
    }
    write_part(&writer, "?", query, "");
    write_part(&writer, "#", ref.fragment, "");
    writer.text[writer.size] = '\0';
    return writer.text;
}
