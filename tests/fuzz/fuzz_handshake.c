/*
 * fuzz_handshake - any header values as an opening handshake: what is accepted has a key of 16 bytes, gets an answer,
 * and a subprotocol only out of its own list.
 *
 * Input: the values of Upgrade, Connection, Sec-WebSocket-Key, Sec-WebSocket-Version and Sec-WebSocket-Protocol, each
 * ended by a line feed; those that are missing at the end are absent.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "server/ws/handshake.h"

#define REQUIRE(condition)                                                  \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                        \
        }                                                                   \
    } while (0)

enum { FIELDS = 5, KEY_TEXT = 24, KEY_BYTES = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next value as a string of its own; NULL when there is none left. */
static char *next_value(const uint8_t **data, size_t *size)
{
    const uint8_t *end = *size > 0 ? memchr(*data, '\n', *size) : NULL;
    if (end == NULL) {
        return NULL;
    }
    size_t length = (size_t)(end - *data);
    char *value = malloc(length + 1);
    REQUIRE(value != NULL);
    memcpy(value, *data, length);
    value[length] = '\0';
    *data += length + 1;
    *size -= length + 1;
    return value;
}

/* The key by OpenSSL's decoder, which also skips white space and counts the padding as zeros. */
static void check_key(const char *key)
{
    unsigned char text[KEY_TEXT + 1];
    unsigned char decoded[KEY_TEXT];
    size_t start = strspn(key, " \t");
    REQUIRE(strlen(key + start) >= KEY_TEXT);
    memcpy(text, key + start, KEY_TEXT);
    text[KEY_TEXT] = '\0';
    REQUIRE(EVP_DecodeBlock(decoded, text, KEY_TEXT) == KEY_BYTES + 2);
    REQUIRE(memcmp(text + KEY_TEXT - 2, "==", 2) == 0 && text[KEY_TEXT - 3] != '=');
    REQUIRE(strspn(key + start + KEY_TEXT, " \t") == strlen(key + start + KEY_TEXT));
}

static void check_selection(const char *protocols)
{
    static const char *const supported[] = {"chat", "v2.chat"};
    const char *selected = handshake_select_protocol(protocols, supported, 2);
    REQUIRE(selected == NULL || selected == supported[0] || selected == supported[1]);
    REQUIRE(selected == NULL || strstr(protocols, selected) != NULL);
}

static void check_accepted(const struct handshake_request *request)
{
    char accept[HANDSHAKE_ACCEPT_SIZE];
    check_key(request->key);
    REQUIRE(handshake_accept(request->key, accept));
    REQUIRE(strlen(accept) == HANDSHAKE_ACCEPT_SIZE - 1 && accept[HANDSHAKE_ACCEPT_SIZE - 2] == '=');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *values[FIELDS];
    for (size_t i = 0; i < FIELDS; i++) {
        values[i] = next_value(&data, &size);
    }
    const struct handshake_request request = {.method = "GET",
                                              .upgrade = values[0],
                                              .connection = values[1],
                                              .key = values[2],
                                              .version = values[3],
                                              .protocols = values[4]};
    enum handshake_status status = handshake_check(&request);
    REQUIRE(handshake_status_text(status)[0] != '\0');
    check_selection(request.protocols);
    if (status == HANDSHAKE_OK) {
        check_accepted(&request);
    }
    for (size_t i = 0; i < FIELDS; i++) {
        free(values[i]);
    }
    return 0;
}
