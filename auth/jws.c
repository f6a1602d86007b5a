/*
 * jws - a token taken apart. Called for each token, on upgrade workers and session loops; any thread.
 *
 * What costs least and trusts least comes first: dots, then base64url, then bounds of the header's JSON, and only then a
 * parser.
 */
#include "auth/jws.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>

#include "auth/base64url.h"
#include "validate/json_bounds.h"
#include "validate/json_parse.h"

/* One part between the dots. */
struct part {
    const char *text;
    size_t size;
};

struct parts {
    struct part header;
    struct part payload;
    struct part signature;
};

static bool split(const char *token, size_t size, struct parts *parts_r)
{
    const char *end = token + size;
    const char *first = memchr(token, '.', size);
    if (first == NULL) {
        return false;
    }
    const char *payload = first + 1;
    const char *second = memchr(payload, '.', (size_t)(end - payload));
    if (second == NULL) {
        return false;
    }
    const char *signature = second + 1; /* a third dot is none of base64url's characters */
    parts_r->header = (struct part){token, (size_t)(first - token)};
    parts_r->payload = (struct part){payload, (size_t)(second - payload)};
    parts_r->signature = (struct part){signature, (size_t)(end - signature)};
    return true;
}

static enum jws_status parse_header(const uint8_t *bytes, size_t size, json_t **header_r)
{
    static const struct json_bounds bounds = {.max_size = JWS_HEADER_MAX, .max_depth = JWS_DEPTH_MAX};
    if (json_bounds_check(&bounds, bytes, size) != JSON_BOUNDS_OK) {
        return JWS_HEADER;
    }
    json_error_t error;
    json_t *header = json_parse(bytes, size, JSON_REJECT_DUPLICATES, &error);
    if (header == NULL) {
        const enum json_error_code code = json_error_code(&error);
        return code == json_error_duplicate_key   ? JWS_DUPLICATE
               : code == json_error_out_of_memory ? JWS_NO_MEMORY
                                                  : JWS_HEADER;
    }
    if (!json_is_object(header)) {
        json_decref(header);
        return JWS_HEADER;
    }
    *header_r = header;
    return JWS_OK;
}

static bool is_text_or_absent(const json_t *member)
{
    return member == NULL || json_is_string(member);
}

/* Writes what "kid" says, or "". */
static enum jws_status read_key_id(const json_t *header, char key_id[JWS_KEY_ID_MAX + 1])
{
    const json_t *member = json_object_get(header, "kid");
    const size_t size = json_string_length(member);
    if ((member != NULL && !json_is_string(member)) || size > JWS_KEY_ID_MAX) {
        return JWS_KEY_ID;
    }
    const char *text = member == NULL ? "" : json_string_value(member);
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == '\x7F') {
            return JWS_KEY_ID;
        }
    }
    memcpy(key_id, text, size + 1);
    return JWS_OK;
}

static enum jws_status read_members(const json_t *header, enum algorithm *algorithm_r, char key_id[JWS_KEY_ID_MAX + 1])
{
    if (json_object_get(header, "crit") != NULL || json_object_get(header, "b64") != NULL) {
        return JWS_CRITICAL;
    }
    if (!is_text_or_absent(json_object_get(header, "typ")) || !is_text_or_absent(json_object_get(header, "cty"))) {
        return JWS_TYPE;
    }
    const json_t *name = json_object_get(header, "alg");
    if (!json_is_string(name) || !algorithm_find(json_string_value(name), json_string_length(name), algorithm_r)) {
        return JWS_ALGORITHM;
    }
    return read_key_id(header, key_id);
}

static enum jws_status read_header(const uint8_t *bytes, size_t size, enum algorithm *algorithm_r,
                                   char key_id[JWS_KEY_ID_MAX + 1])
{
    json_t *header = NULL;
    enum jws_status status = parse_header(bytes, size, &header);
    if (status == JWS_OK) {
        status = read_members(header, algorithm_r, key_id);
    }
    json_decref(header);
    return status;
}

/* Decodes all of the token. The result's memory is payload, signature and room for the "kid", in this order. */
static enum jws_status decode(const struct parts *parts, uint8_t header[JWS_HEADER_MAX], struct jws *jws)
{
    jws->payload_size = base64url_decoded_size(parts->payload.size);
    jws->signature_size = base64url_decoded_size(parts->signature.size);
    uint8_t *memory = malloc(jws->payload_size + jws->signature_size + JWS_KEY_ID_MAX + 1);
    if (memory == NULL) {
        return JWS_NO_MEMORY;
    }
    uint8_t *signature = memory + jws->payload_size;
    if (!base64url_decode(parts->header.text, parts->header.size, header) ||
        !base64url_decode(parts->payload.text, parts->payload.size, memory) ||
        !base64url_decode(parts->signature.text, parts->signature.size, signature)) {
        free(memory);
        return JWS_SYNTAX;
    }
    jws->memory = memory;
    jws->payload = memory;
    jws->signature = signature;
    return JWS_OK;
}

enum jws_status jws_parse(const char *token, size_t size, struct jws *jws_r)
{
    if (size > JWS_TOKEN_MAX) {
        return JWS_TOO_LARGE;
    }
    struct parts parts;
    if (size == 0 || !split(token, size, &parts)) {
        return JWS_SYNTAX;
    }
    const size_t header_size = base64url_decoded_size(parts.header.size);
    if (header_size > JWS_HEADER_MAX) {
        return JWS_HEADER;
    }
    uint8_t header[JWS_HEADER_MAX];
    struct jws jws = {.input = (const uint8_t *)token,
                      .input_size = (size_t)(parts.payload.text - token) + parts.payload.size};
    enum jws_status status = decode(&parts, header, &jws);
    if (status != JWS_OK) {
        return status;
    }
    char *key_id = (char *)jws.memory + jws.payload_size + jws.signature_size;
    status = read_header(header, header_size, &jws.algorithm, key_id);
    if (status != JWS_OK) {
        jws_free(&jws);
        return status;
    }
    jws.key_id = key_id;
    *jws_r = jws;
    return JWS_OK;
}

void jws_free(struct jws *jws)
{
    if (jws->memory != NULL) {
        OPENSSL_cleanse(jws->memory, jws->payload_size + jws->signature_size); /* with the header it is the token */
        free(jws->memory);
    }
    *jws = (struct jws){.key_id = ""};
}

bool jws_verify(const struct jws *jws, const struct key *key)
{
    return jws->algorithm == key_algorithm(key) &&
           key_verify(key, jws->input, jws->input_size, jws->signature, jws->signature_size);
}

/* -- signing ----------------------------------------------------------------------------------------------------- */

/* The caller frees it. NULL without memory, or when the key's name is no UTF-8. */
static char *make_header(const struct key *key)
{
    const char *key_id_or_null = key_id(key)[0] == '\0' ? NULL : key_id(key);
    json_t *header =
        json_pack("{s:s, s:s, s:s*}", "alg", algorithm_name(key_algorithm(key)), "typ", "JWT", "kid", key_id_or_null);
    char *text = json_dumps(header, JSON_COMPACT | JSON_PRESERVE_ORDER);
    json_decref(header);
    return text;
}

char *jws_sign(const struct key *key, const uint8_t *payload, size_t payload_size)
{
    char *token = NULL;
    uint8_t signature[KEY_SIGNATURE_MAX];
    size_t signature_size = 0;
    char *header = make_header(key);
    const size_t header_size = header == NULL ? 0 : strlen(header);
    if (header == NULL || header_size > JWS_HEADER_MAX || payload_size > JWS_TOKEN_MAX) {
        goto cleanup;
    }
    const size_t header_end = base64url_encoded_size(header_size);
    const size_t input_size = header_end + 1 + base64url_encoded_size(payload_size);
    token = malloc(input_size + 1 + base64url_encoded_size(KEY_SIGNATURE_MAX) + 1);
    if (token == NULL) {
        goto cleanup;
    }
    base64url_encode((const uint8_t *)header, header_size, token);
    token[header_end] = '.';
    base64url_encode(payload, payload_size, token + header_end + 1);
    const size_t max_signature = input_size < JWS_TOKEN_MAX ? JWS_TOKEN_MAX - input_size - 1 : 0;
    if (key_sign(key, (const uint8_t *)token, input_size, signature, &signature_size) != KEY_OK ||
        base64url_encoded_size(signature_size) > max_signature) {
        free(token);
        token = NULL;
        goto cleanup;
    }
    token[input_size] = '.';
    base64url_encode(signature, signature_size, token + input_size + 1);
    token[input_size + 1 + base64url_encoded_size(signature_size)] = '\0';
cleanup:
    free(header);
    return token;
}

const char *jws_status_text(enum jws_status status)
{
    switch (status) {
    case JWS_OK:
        return "is well-formed";
    case JWS_TOO_LARGE:
        return "is too large";
    case JWS_SYNTAX:
        return "is not three parts of base64url with two dots";
    case JWS_HEADER:
        return "has a header that is not a JSON object within the bounds";
    case JWS_DUPLICATE:
        return "has a header member twice";
    case JWS_CRITICAL:
        return "has \"crit\" or \"b64\" in its header";
    case JWS_TYPE:
        return "has a \"typ\" or \"cty\" that is no string";
    case JWS_ALGORITHM:
        return "has an \"alg\" that is none of those known";
    case JWS_KEY_ID:
        return "has a \"kid\" that is no string, too long, or has control bytes";
    case JWS_NO_MEMORY:
        return "could not be parsed: no memory";
    }
    return "is not known";
}
