/*
 * syntax - what single texts of a config must look like.
 * Called by the config through its table.
 */
#include "server/config/syntax.h"

#include <stdint.h>
#include <string.h>

#include "validate/utf8.h"

#define PORT_MAX 65535u

static bool is_alphanumeric(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

static bool has_control(const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte < 0x20 || byte == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool parse_port(const char *text, uint16_t *port_r)
{
    unsigned port = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        port = port * 10 + (unsigned)(*at - '0');
        if (port > PORT_MAX) {
            return false;
        }
    }
    bool has_leading_zero = text[0] == '0' && at - text > 1;
    if (at == text || *at != '\0' || has_leading_zero) {
        return false;
    }
    *port_r = (uint16_t)port;
    return true;
}

bool syntax_parse_listener(const char *text, struct config_listener *listener)
{
    static const struct address unspecified; /* :: */
    const char *colon = strrchr(text, ':');
    uint16_t port = 0;
    if (colon == NULL || !parse_port(colon + 1, &port)) {
        return false;
    }
    const char *host = text;
    size_t size = (size_t)(colon - text);
    struct address address = unspecified;
    bool any = size == 1 && host[0] == '*';
    if (!any) {
        bool in_brackets = size >= 2 && host[0] == '[' && host[size - 1] == ']';
        if (in_brackets) {
            host++;
            size -= 2;
        }
        bool has_colon = memchr(host, ':', size) != NULL;
        if (has_colon != in_brackets || address_parse(host, size, &address) != ADDRESS_OK) {
            return false;
        }
        any = address_equal(&address, &unspecified);
    }
    listener->address = address;
    listener->port = port;
    listener->any = any;
    return true;
}

const char *syntax_listener(const char *text)
{
    struct config_listener listener;
    return syntax_parse_listener(text, &listener)
               ? NULL
               : "\"ADDRESS:PORT\" such as \"127.0.0.1:8765\", \"[::1]:8765\" or, for all addresses, \"*:8765\"";
}

const char *syntax_admin(const char *text)
{
    struct config_listener listener;
    bool right = text[0] == '\0' || (syntax_parse_listener(text, &listener) && address_is_ipv4(&listener.address));
    return right ? NULL : "\"ADDRESS:PORT\" with an IPv4 address such as \"127.0.0.1:9090\", or \"\" for none";
}

const char *syntax_file_or_none(const char *text)
{
    return has_control(text) ? "a file name without control bytes" : NULL;
}

const char *syntax_file(const char *text)
{
    return text[0] == '\0' ? "a file name that is not empty" : syntax_file_or_none(text);
}

const char *syntax_name(const char *text)
{
    const char *at = text;
    while (is_alphanumeric(*at) || (*at != '\0' && strchr("._-", *at) != NULL)) {
        at++;
    }
    return *at == '\0' && at != text ? NULL : "a name of letters, digits, \".\", \"_\" and \"-\"";
}

const char *syntax_account(const char *text)
{
    const char *at = text;
    while (is_alphanumeric(*at) || (*at != '\0' && strchr("._-+@$", *at) != NULL)) {
        at++;
    }
    bool right = *at == '\0' && text[0] != '-';
    return right ? NULL : "the name of a user or group: letters, digits and any of ._-+@$";
}

const char *syntax_endpoint_path(const char *text)
{
    if (text[0] != '/') {
        return "a path that begins with \"/\"";
    }
    if (has_control(text) || strpbrk(text, "?#%\\") != NULL) {
        return "a path as it is when decoded, without \"?\", \"#\", \"%\", \"\\\" and control bytes";
    }
    for (const char *segment = text; segment != NULL; segment = strchr(segment + 1, '/')) {
        const char *start = segment + 1;
        size_t size = strcspn(start, "/");
        bool is_last = start[size] == '\0';
        bool is_dots = (size == 1 && start[0] == '.') || (size == 2 && start[0] == '.' && start[1] == '.');
        if (is_dots || (size == 0 && !is_last)) {
            return "a path without \"//\" and without the segments \".\" and \"..\"";
        }
    }
    return NULL;
}

const char *syntax_token(const char *text)
{
    const char *at = text;
    while (is_alphanumeric(*at) || (*at != '\0' && strchr("!#$%&'*+-.^_`|~", *at) != NULL)) {
        at++;
    }
    return *at == '\0' && at != text ? NULL : "a token (RFC 9110: letters, digits and any of !#$%&'*+-.^_`|~)";
}

/* One or more labels of letters, digits, "-" and "_", separated by single dots. */
static bool is_host_name(const char *text, size_t size)
{
    bool label_open = false;
    for (size_t i = 0; i < size; i++) {
        bool letter = is_alphanumeric(text[i]) || text[i] == '-' || text[i] == '_';
        if (!letter && !(text[i] == '.' && label_open && i + 1 < size)) {
            return false;
        }
        label_open = letter;
    }
    return size > 0 && size <= 253; /* RFC 1035 §2.3.4 */
}

/* HOST or [IPv6], then perhaps ":PORT". */
static bool is_authority(const char *text, size_t size)
{
    const char *end = text + size;
    const char *port = text;
    if (size > 0 && text[0] == '[') {
        const char *bracket = memchr(text, ']', size);
        struct address address;
        if (bracket == NULL || address_parse(text + 1, (size_t)(bracket - text) - 1, &address) != ADDRESS_OK ||
            address_is_ipv4(&address)) {
            return false;
        }
        port = bracket + 1;
    } else {
        const char *colon = memchr(text, ':', size);
        port = colon == NULL ? end : colon;
        if (!is_host_name(text, (size_t)(port - text))) {
            return false;
        }
    }
    if (port == end) {
        return true;
    }
    uint16_t number;
    char digits[sizeof("65535")];
    size_t digit_count = (size_t)(end - port) - 1;
    if (*port != ':' || digit_count == 0 || digit_count >= sizeof(digits)) {
        return false;
    }
    memcpy(digits, port + 1, digit_count);
    digits[digit_count] = '\0';
    return parse_port(digits, &number) && number != 0;
}

const char *syntax_host(const char *text)
{
    return is_host_name(text, strlen(text)) ? NULL : "a host name without port";
}

const char *syntax_https_url(const char *text)
{
    static const char scheme[] = "https://";
    static const char expected[] = "a URL such as \"https://id.example/jwks.json\", without user and fragment";
    if (strncmp(text, scheme, strlen(scheme)) != 0) {
        return expected;
    }
    const char *authority = text + strlen(scheme);
    size_t size = strcspn(authority, "/?");
    bool graphic = true;
    for (const char *at = authority + size; *at != '\0'; at++) {
        graphic = graphic && *at > ' ' && *at < 0x7f && *at != '#';
    }
    return graphic && is_authority(authority, size) ? NULL : expected;
}

const char *syntax_claim(const char *text)
{
    size_t size = strlen(text);
    bool right = size > 0 && size <= 256 && !has_control(text) && utf8_valid((const uint8_t *)text, size);
    return right ? NULL : "1 to 256 bytes of UTF-8 without control bytes";
}

const char *syntax_token_source(const char *text)
{
    static const char *const words[] = {"header", "subprotocol", "message", "query"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i]) == 0) {
            return NULL;
        }
    }
    return "\"header\", \"subprotocol\", \"message\" or \"query\"";
}

const char *syntax_origin(const char *text)
{
    static const char expected[] = "an origin such as \"https://app.example\" or \"https://*.example:8443\" in lower "
                                   "case without default port, or \"null\", or \"*\"";
    if (strcmp(text, "*") == 0 || strcmp(text, "null") == 0) {
        return NULL;
    }
    const char *separator = strstr(text, "://");
    if (separator == NULL || separator == text || strpbrk(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL) {
        return expected;
    }
    for (const char *at = text; at < separator; at++) {
        if (!is_alphanumeric(*at) && strchr("+-.", *at) == NULL) { /* RFC 3986 §3.1; chrome-extension:// is one */
            return expected;
        }
    }
    const char *authority = separator + strlen("://");
    if (strncmp(authority, "*.", strlen("*.")) == 0) {
        authority += strlen("*.");
    }
    size_t size = strlen(authority);
    const char *port = strrchr(authority, ':');
    bool is_default = port != NULL && ((strncmp(text, "https:", 6) == 0 && strcmp(port, ":443") == 0) ||
                                       (strncmp(text, "http:", 5) == 0 && strcmp(port, ":80") == 0));
    return is_authority(authority, size) && !is_default ? NULL : expected;
}

const char *syntax_channel_pattern(const char *text)
{
    size_t size = strlen(text);
    bool right = size > 0 && size <= 255 && !has_control(text) && utf8_valid((const uint8_t *)text, size);
    return right ? NULL : "a channel or a pattern with \"*\": 1 to 255 bytes of UTF-8 without control bytes";
}
