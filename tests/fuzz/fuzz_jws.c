/*
 * fuzz_jws - tokens from any bytes. An input that starts with a brace is a header, which is put into a token with the right
 * signature, so that the fuzzer need not learn base64url and HMAC; any other input is a token as it is.
 *
 * Aborts when a token passes that has a second text, is out of the bounds that jws.h states, or whose signature is not what
 * signing it again gives.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/base64url.h"
#include "auth/jws.h"
#include "validate/utf8.h"

#define require(condition)                                                          \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                \
        }                                                                           \
    } while (0)

static struct key *make_key(void)
{
    static const char secret[] = "0123456789abcdef0123456789abcdef";
    const struct key_setup setup = {"", ALGORITHM_HS256, "", "", false};
    struct key *key = NULL;
    require(key_from_secret(&setup, (const uint8_t *)secret, sizeof(secret) - 1, &key) == KEY_OK);
    return key;
}

static void require_text(const uint8_t *bytes, size_t size, const char *text, size_t text_size)
{
    const size_t again_size = base64url_encoded_size(size);
    char *again = malloc(again_size + 1);
    require(again != NULL && again_size == text_size);
    base64url_encode(bytes, size, again);
    require(memcmp(again, text, text_size) == 0);
    free(again);
}

static void check_key_id(const char *key_id)
{
    const size_t size = strlen(key_id);
    require(size <= JWS_KEY_ID_MAX && utf8_valid((const uint8_t *)key_id, size));
    for (size_t i = 0; i < size; i++) {
        require((unsigned char)key_id[i] >= ' ' && key_id[i] != 0x7F);
    }
}

/* What a token that passed must look like. */
static void check_good(const char *token, size_t size, const struct jws *jws)
{
    const char *first = memchr(token, '.', size);
    require(first != NULL && size <= JWS_TOKEN_MAX);
    const size_t header_size = (size_t)(first - token);
    require(base64url_decoded_size(header_size) <= JWS_HEADER_MAX);
    require((const char *)jws->input == token && jws->input_size < size && jws->input_size > header_size);
    require(token[jws->input_size] == '.');
    require_text(jws->payload, jws->payload_size, first + 1, jws->input_size - header_size - 1);
    require_text(jws->signature, jws->signature_size, token + jws->input_size + 1, size - jws->input_size - 1);
    check_key_id(jws->key_id);
    require(algorithm_name(jws->algorithm) != NULL);
}

static bool is_signed(const struct key *key, const struct jws *jws)
{
    uint8_t signature[KEY_SIGNATURE_MAX];
    size_t size = 0;
    require(key_sign(key, jws->input, jws->input_size, signature, &size) == KEY_OK);
    return size == jws->signature_size && memcmp(signature, jws->signature, size) == 0;
}

static bool check_token(const struct key *key, const char *token, size_t size)
{
    struct jws jws;
    if (jws_parse(token, size, &jws) != JWS_OK) {
        return false;
    }
    check_good(token, size, &jws);
    const bool good = jws_verify(&jws, key);
    require(good == (jws.algorithm == ALGORITHM_HS256 && is_signed(key, &jws)));
    jws_free(&jws);
    require(jws.memory == NULL);
    return good;
}

static void check_header(const struct key *key, const uint8_t *header, size_t size)
{
    static const char payload[] = ".e30";
    const size_t header_end = base64url_encoded_size(size);
    const size_t input_size = header_end + sizeof(payload) - 1;
    uint8_t signature[KEY_SIGNATURE_MAX];
    size_t signature_size = 0;
    char *token = malloc(input_size + 1 + base64url_encoded_size(KEY_SIGNATURE_MAX));
    require(token != NULL);
    base64url_encode(header, size, token);
    memcpy(token + header_end, payload, sizeof(payload) - 1);
    require(key_sign(key, (const uint8_t *)token, input_size, signature, &signature_size) == KEY_OK);
    token[input_size] = '.';
    base64url_encode(signature, signature_size, token + input_size + 1);
    if (check_token(key, token, input_size + 1 + base64url_encoded_size(signature_size))) {
        require(memchr(header, '\0', size) == NULL && utf8_valid(header, size));
    }
    free(token);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct key *key;
    if (key == NULL) {
        key = make_key();
    }
    if (size > 0 && data[0] == '{') {
        check_header(key, data, size);
    } else {
        (void)check_token(key, (const char *)data, size);
    }
    return 0;
}
