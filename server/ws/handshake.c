/*
 * handshake - judges the header values of an opening handshake and answers its key. Called by the workers that decide
 * requests; any thread.
 */
#include "server/ws/handshake.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/evp.h>

/* §1.3: what the key is joined with, so that no server answers by accident. */
#define ACCEPT_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

#define KEY_CHARACTERS 22 /* base64 of 16 bytes without its padding */
#define KEY_SIZE       24
#define SHA1_SIZE      20

/* Part of a header value. */
struct span {
    const char *text;
    size_t size;
};

const char *handshake_status_text(enum handshake_status status)
{
    switch (status) {
    case HANDSHAKE_OK:
        return "ok";
    case HANDSHAKE_NOT_UPGRADE:
        return "not a request for an upgrade to websocket";
    case HANDSHAKE_VERSION:
        return "Sec-WebSocket-Version is not 13";
    case HANDSHAKE_KEY:
        return "Sec-WebSocket-Key is not the base64 of 16 bytes";
    case HANDSHAKE_PROTOCOL_SYNTAX:
        return "Sec-WebSocket-Protocol is not a list of distinct tokens";
    }
    return "unknown status";
}

/* ---- field values ---- */

static bool is_white(char c)
{
    return c == ' ' || c == '\t';
}

static struct span trim(struct span value)
{
    while (value.size > 0 && is_white(value.text[0])) {
        value.text++;
        value.size--;
    }
    while (value.size > 0 && is_white(value.text[value.size - 1])) {
        value.size--;
    }
    return value;
}

/* A value without the white space around it; an absent one is empty. */
static struct span value_of(const char *text)
{
    return text != NULL ? trim((struct span){text, strlen(text)}) : (struct span){"", 0};
}

static bool span_equal(struct span a, struct span b)
{
    return a.size == b.size && memcmp(a.text, b.text, a.size) == 0;
}

static bool span_is(struct span value, const char *text)
{
    return span_equal(value, (struct span){text, strlen(text)});
}

/* Takes the next element off a list (RFC 9110 §5.6.1), which may be empty. False when there is none left: *rest is then
 * {NULL, 0}. */
static bool next_element(struct span *rest, struct span *element_r)
{
    if (rest->text == NULL) {
        return false;
    }
    const char *comma = memchr(rest->text, ',', rest->size);
    size_t size = comma != NULL ? (size_t)(comma - rest->text) : rest->size;
    *element_r = trim((struct span){rest->text, size});
    *rest = comma != NULL ? (struct span){comma + 1, rest->size - size - 1} : (struct span){NULL, 0};
    return true;
}

/* `token` is in lower case. */
static bool list_has(const char *list, const char *token)
{
    struct span rest = value_of(list);
    struct span element;
    while (next_element(&rest, &element)) {
        if (element.size == strlen(token) && strncasecmp(element.text, token, element.size) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- the rules ---- */

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool key_valid(const char *text)
{
    struct span key = value_of(text);
    if (key.size != KEY_SIZE || memcmp(key.text + KEY_CHARACTERS, "==", KEY_SIZE - KEY_CHARACTERS) != 0) {
        return false;
    }
    for (size_t i = 0; i < KEY_CHARACTERS; i++) {
        if (!is_alphanumeric(key.text[i]) && key.text[i] != '+' && key.text[i] != '/') {
            return false;
        }
    }
    return true;
}

/* RFC 9110 §5.6.2 */
static bool is_token(struct span value)
{
    for (size_t i = 0; i < value.size; i++) {
        char c = value.text[i];
        if (!is_alphanumeric(c) && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) {
            return false;
        }
    }
    return value.size > 0;
}

static bool protocols_valid(const char *protocols)
{
    struct span seen[HANDSHAKE_PROTOCOL_MAX];
    size_t seen_count = 0;
    size_t elements = 0;
    struct span rest = value_of(protocols);
    struct span element;
    while (next_element(&rest, &element)) {
        if (elements == HANDSHAKE_PROTOCOL_MAX) {
            return false;
        }
        elements++;
        if (element.size == 0) {
            continue;
        }
        if (!is_token(element)) {
            return false;
        }
        for (size_t i = 0; i < seen_count; i++) {
            if (span_equal(seen[i], element)) {
                return false;
            }
        }
        seen[seen_count++] = element;
    }
    return seen_count > 0;
}

enum handshake_status handshake_check(const struct handshake_request *request)
{
    if (request->method == NULL || strcmp(request->method, "GET") != 0 || !list_has(request->upgrade, "websocket") ||
        !list_has(request->connection, "upgrade")) {
        return HANDSHAKE_NOT_UPGRADE;
    }
    if (!span_is(value_of(request->version), "13")) {
        return HANDSHAKE_VERSION;
    }
    if (!key_valid(request->key)) {
        return HANDSHAKE_KEY;
    }
    if (request->protocols != NULL && !protocols_valid(request->protocols)) {
        return HANDSHAKE_PROTOCOL_SYNTAX;
    }
    return HANDSHAKE_OK;
}

/* ---- the answer ---- */

bool handshake_accept(const char *key, char out[HANDSHAKE_ACCEPT_SIZE])
{
    char joined[KEY_SIZE + sizeof(ACCEPT_GUID)];
    struct span value = value_of(key);
    if (value.size != KEY_SIZE) {
        return false;
    }
    memcpy(joined, value.text, KEY_SIZE);
    memcpy(joined + KEY_SIZE, ACCEPT_GUID, sizeof(ACCEPT_GUID));
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_size = 0;
    if (EVP_Digest(joined, sizeof(joined) - 1, digest, &digest_size, EVP_sha1(), NULL) != 1 ||
        digest_size != SHA1_SIZE) {
        ERR_clear_error(); /* or the next SSL call on this thread would find it */
        return false;
    }
    (void)EVP_EncodeBlock((unsigned char *)out, digest, SHA1_SIZE);
    return true;
}

const char *handshake_select_protocol(const char *protocols, const char *const *supported, size_t count)
{
    struct span rest = value_of(protocols);
    struct span element;
    while (next_element(&rest, &element)) {
        for (size_t i = 0; i < count; i++) {
            if (span_is(element, supported[i])) {
                return supported[i];
            }
        }
    }
    return NULL;
}
