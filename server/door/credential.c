/*
 * credential - looks for a token in Authorization, Sec-WebSocket-Protocol and the query; called by upgrade workers. See
 * credential.h.
 */
#include "server/door/credential.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#define SCHEME          "Bearer"
#define PROTOCOL_PREFIX "bearer."

const char *credential_status_text(enum credential_status status)
{
    switch (status) {
    case CREDENTIAL_FOUND:
        return "There is a token.";
    case CREDENTIAL_NONE:
        return "There is no token.";
    case CREDENTIAL_SEVERAL:
        return "There is more than one token.";
    case CREDENTIAL_BAD_HEADER:
        return "Authorization is not Bearer and one token.";
    case CREDENTIAL_BAD_PROTOCOL:
        return "An entry bearer. of Sec-WebSocket-Protocol has no token behind it.";
    case CREDENTIAL_BAD_QUERY:
        return "The token in the query is empty or wrongly encoded.";
    case CREDENTIAL_NO_MEMORY:
        return "The server is short of memory; try again later.";
    }
    return "";
}

static bool is_white(char c)
{
    return c == ' ' || c == '\t';
}

/* Notes a token; a second one is one too many. */
static enum credential_status note(struct credential *credential, enum config_token_source source, const char *token,
                                   size_t size)
{
    if (credential->token != NULL) {
        return CREDENTIAL_SEVERAL;
    }
    credential->token = token;
    credential->size = size;
    credential->source = source;
    return CREDENTIAL_FOUND;
}

/* ---- Authorization ---- */

/* b64token (RFC 6750 §2.1): its bytes, with any "=" at the end only. 0 when it is none. */
static size_t b64token_size(const char *text)
{
    static const char symbols[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/";
    size_t size = strspn(text, symbols);
    if (size == 0) {
        return 0;
    }
    size += strspn(text + size, "=");
    const char *rest = text + size;
    while (is_white(*rest)) {
        rest++;
    }
    return *rest == '\0' ? size : 0;
}

static enum credential_status look_into_header(const char *value, struct credential *credential)
{
    if (value == NULL) {
        return CREDENTIAL_NONE;
    }
    value += strspn(value, " \t");
    size_t scheme_size = strcspn(value, " \t");
    if (scheme_size != strlen(SCHEME) || strncasecmp(value, SCHEME, scheme_size) != 0) {
        return CREDENTIAL_NONE;
    }
    const char *token = value + scheme_size;
    token += strspn(token, " "); /* 1*SP */
    size_t size = b64token_size(token);
    return size == 0 ? CREDENTIAL_BAD_HEADER : note(credential, CONFIG_TOKEN_HEADER, token, size);
}

/* ---- Sec-WebSocket-Protocol ---- */

static enum credential_status look_into_protocols(const char *list, struct credential *credential)
{
    const size_t prefix_size = strlen(PROTOCOL_PREFIX);
    enum credential_status status = CREDENTIAL_NONE;
    while (list != NULL && *list != '\0') {
        list += strspn(list, ", \t");
        size_t size = strcspn(list, ", \t");
        if (size >= prefix_size && memcmp(list, PROTOCOL_PREFIX, prefix_size) == 0) {
            status = size == prefix_size
                         ? CREDENTIAL_BAD_PROTOCOL
                         : note(credential, CONFIG_TOKEN_SUBPROTOCOL, list + prefix_size, size - prefix_size);
            if (status != CREDENTIAL_FOUND) {
                return status;
            }
        }
        list += size;
    }
    return status;
}

/* ---- the query ---- */

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Writes no more than there is to read. False: broken, or it hides a NUL. */
static bool decode(const char *text, size_t size, char *out, size_t *size_r)
{
    size_t written = 0;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '%') {
            int high = size - i > 2 ? hex_value(text[i + 1]) : -1;
            int low = size - i > 2 ? hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0 || (high == 0 && low == 0)) {
                return false;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        out[written++] = c;
    }
    *size_r = written;
    return true;
}

/* A token needs no encoding, but may have one: most are left where they are. */
static enum credential_status take_parameter(const char *value, size_t size, struct credential *credential)
{
    if (size == 0) {
        return CREDENTIAL_BAD_QUERY;
    }
    if (memchr(value, '%', size) == NULL || credential->token != NULL) {
        return note(credential, CONFIG_TOKEN_QUERY, value, size);
    }
    credential->decoded = malloc(size);
    credential->decoded_size = size;
    if (credential->decoded == NULL) {
        return CREDENTIAL_NO_MEMORY;
    }
    size_t decoded_size = 0;
    return decode(value, size, credential->decoded, &decoded_size)
               ? note(credential, CONFIG_TOKEN_QUERY, credential->decoded, decoded_size)
               : CREDENTIAL_BAD_QUERY;
}

static enum credential_status look_into_query(const char *query, const char *name, struct credential *credential)
{
    const size_t name_size = strlen(name);
    enum credential_status status = CREDENTIAL_NONE;
    while (query != NULL && *query != '\0') {
        size_t size = strcspn(query, "&");
        if (size > name_size && query[name_size] == '=' && memcmp(query, name, name_size) == 0) {
            status = take_parameter(query + name_size + 1, size - name_size - 1, credential);
            if (status != CREDENTIAL_FOUND) {
                return status;
            }
        }
        query += size + (query[size] == '&');
    }
    return status;
}

/* ---- all of them ---- */

static bool is_error(enum credential_status status)
{
    return status != CREDENTIAL_FOUND && status != CREDENTIAL_NONE;
}

enum credential_status credential_find(const struct credential_places *places, struct credential *credential_r)
{
    struct credential found = {0};
    enum credential_status status = CREDENTIAL_NONE;
    if ((places->sources & CONFIG_TOKEN_HEADER) != 0) {
        status = look_into_header(places->authorization, &found);
    }
    if (!is_error(status) && (places->sources & CONFIG_TOKEN_SUBPROTOCOL) != 0) {
        status = look_into_protocols(places->protocols, &found);
    }
    if (!is_error(status) && (places->sources & CONFIG_TOKEN_QUERY) != 0) {
        status = look_into_query(places->query, places->parameter, &found);
    }
    if (is_error(status)) {
        credential_free(&found);
        return status;
    }
    if (found.token == NULL) {
        return CREDENTIAL_NONE;
    }
    *credential_r = found;
    return CREDENTIAL_FOUND;
}

void credential_free(struct credential *credential)
{
    if (credential->decoded != NULL) {
        OPENSSL_cleanse(credential->decoded, credential->decoded_size);
        free(credential->decoded);
    }
    *credential = (struct credential){0};
}
