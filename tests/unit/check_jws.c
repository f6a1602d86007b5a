/*
 * check_jws - published tokens pass, everything that is not exactly such a token does not, and each refusal has its own reason.
 */
#include "auth/jws.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "auth/base64url.h"
#include "tests/unit/jws_vectors.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define STACK_SIZE (100 * 1024) /* of the server's threads */

static const char secret[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static struct key *make_key(enum algorithm algorithm, const char *text)
{
    const struct key_setup setup = {"", algorithm, "", "", false};
    struct key *key = NULL;
    uint8_t bytes[256];
    if (algorithm_family(algorithm) == ALGORITHM_HMAC) {
        ck_assert(base64url_decode(text, strlen(text), bytes));
        ck_assert_int_eq(key_from_secret(&setup, bytes, base64url_decoded_size(strlen(text)), &key), KEY_OK);
    } else {
        ck_assert_int_eq(key_from_pem(&setup, (const uint8_t *)text, strlen(text), &key), KEY_OK);
    }
    return key;
}

static struct key *make_secret_key(enum algorithm algorithm)
{
    const struct key_setup setup = {"a", algorithm, "", "", false};
    struct key *key = NULL;
    ck_assert_int_eq(key_from_secret(&setup, (const uint8_t *)secret, sizeof(secret) - 1, &key), KEY_OK);
    return key;
}

START_TEST(core_published)
{
    const struct jws_vector *vector = &jws_vectors[_i];
    struct key *key = make_key(vector->algorithm, vector->key);
    struct jws jws;
    ck_assert_int_eq(jws_parse(vector->token, strlen(vector->token), &jws), JWS_OK);
    ck_assert_int_eq(jws.algorithm, vector->algorithm);
    ck_assert_str_eq(jws.key_id, vector->key_id);
    ck_assert(jws_verify(&jws, key));
    jws_free(&jws);
    key_unref(&key);
}
END_TEST

START_TEST(core_round_trip)
{
    struct key *key = make_secret_key((enum algorithm)_i);
    const char payload[] = "{\"sub\":\"me\"}";
    char *token = jws_sign(key, (const uint8_t *)payload, strlen(payload));
    ck_assert_ptr_nonnull(token);
    struct jws jws;
    ck_assert_int_eq(jws_parse(token, strlen(token), &jws), JWS_OK);
    ck_assert_str_eq(jws.key_id, "a");
    ck_assert_uint_eq(jws.payload_size, strlen(payload));
    ck_assert_mem_eq(jws.payload, payload, strlen(payload));
    ck_assert(jws_verify(&jws, key));
    jws_free(&jws);
    free(token);
    key_unref(&key);
}
END_TEST

/* A token with this header, its signature right. The caller frees it. */
static char *sign_with_header(const struct key *key, const void *header, size_t header_size, const void *payload,
                              size_t payload_size)
{
    const size_t header_end = base64url_encoded_size(header_size);
    const size_t input_size = header_end + 1 + base64url_encoded_size(payload_size);
    uint8_t signature[KEY_SIGNATURE_MAX];
    size_t size = 0;
    char *token = calloc(1, input_size + 1 + base64url_encoded_size(KEY_SIGNATURE_MAX) + 1);
    ck_assert_ptr_nonnull(token);
    base64url_encode(header, header_size, token);
    token[header_end] = '.';
    base64url_encode(payload, payload_size, token + header_end + 1);
    ck_assert_int_eq(key_sign(key, (const uint8_t *)token, input_size, signature, &size), KEY_OK);
    token[input_size] = '.';
    base64url_encode(signature, size, token + input_size + 1);
    return token;
}

/* Parses a copy of exact size, so that a sanitizer sees a read behind it. */
static enum jws_status parse(const char *token, size_t size)
{
    char *copy = malloc(size + (size == 0));
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, token, size);
    struct jws jws = {.memory = NULL};
    const enum jws_status status = jws_parse(copy, size, &jws);
    ck_assert((status == JWS_OK) == (jws.memory != NULL)); /* written on success only */
    jws_free(&jws);
    ck_assert_ptr_null(jws.memory);
    free(copy);
    return status;
}

static enum jws_status parse_header(const void *header, size_t size)
{
    struct key *key = make_secret_key(ALGORITHM_HS256);
    char *token = sign_with_header(key, header, size, "{}", 2);
    const enum jws_status status = parse(token, strlen(token));
    free(token);
    key_unref(&key);
    return status;
}

START_TEST(core_any_payload)
{
    static const char *const payloads[] = {"", "x", "[]", "null", "{\"a\":1,\"a\":2}", "\xFF\xFE", "\n"};
    struct key *key = make_secret_key(ALGORITHM_HS384);
    for (size_t i = 0; i < COUNT_OF(payloads); i++) {
        char *token = jws_sign(key, (const uint8_t *)payloads[i], strlen(payloads[i]));
        struct jws jws;
        ck_assert_int_eq(jws_parse(token, strlen(token), &jws), JWS_OK);
        ck_assert(jws_verify(&jws, key));
        ck_assert_uint_eq(jws.payload_size, strlen(payloads[i]));
        ck_assert_mem_eq(jws.payload, payloads[i], jws.payload_size);
        jws_free(&jws);
        free(token);
    }
    key_unref(&key);
}
END_TEST

START_TEST(core_header_of_signed)
{
    struct key_setup setup = {"a \"key\" \xC3\xA4", ALGORITHM_HS256, "", "", false};
    struct key *key = NULL;
    struct jws jws;
    ck_assert_int_eq(key_from_secret(&setup, (const uint8_t *)secret, sizeof(secret) - 1, &key), KEY_OK);
    char *token = jws_sign(key, NULL, 0);
    ck_assert_int_eq(jws_parse(token, strlen(token), &jws), JWS_OK);
    ck_assert_str_eq(jws.key_id, setup.id);
    jws_free(&jws);
    free(token);
    key_unref(&key);

    setup.id = "";
    ck_assert_int_eq(key_from_secret(&setup, (const uint8_t *)secret, sizeof(secret) - 1, &key), KEY_OK);
    token = jws_sign(key, (const uint8_t *)"{}", 2);
    static const char expected[] = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30."; /* {"alg":"HS256","typ":"JWT"} */
    ck_assert_mem_eq(token, expected, sizeof(expected) - 1);
    free(token);
    key_unref(&key);

    setup.id = "\xFF"; /* cannot be said in JSON */
    ck_assert_int_eq(key_from_secret(&setup, (const uint8_t *)secret, sizeof(secret) - 1, &key), KEY_OK);
    ck_assert_ptr_null(jws_sign(key, (const uint8_t *)"{}", 2));
    key_unref(&key);
}
END_TEST

START_TEST(core_texts)
{
    for (int status = JWS_OK; status <= JWS_NO_MEMORY; status++) {
        ck_assert_uint_gt(strlen(jws_status_text((enum jws_status)status)), 0);
    }
}
END_TEST

/* -- limits ------------------------------------------------------------------------------------------------------ */

START_TEST(limits_token_size)
{
    struct key *key = make_secret_key(ALGORITHM_HS256);
    static uint8_t payload[JWS_TOKEN_MAX];
    size_t largest = 0;
    for (size_t size = 48900; size < 49152; size++) {
        char *token = jws_sign(key, payload, size);
        if (token != NULL) {
            ck_assert_uint_eq(largest == 0 || size == largest + 1, 1);
            ck_assert_uint_le(strlen(token), JWS_TOKEN_MAX);
            largest = size;
            free(token);
        }
    }
    ck_assert(largest > 48900 && largest < 49151);
    char *token = jws_sign(key, payload, largest);
    struct jws jws;
    ck_assert_int_eq(jws_parse(token, strlen(token), &jws), JWS_OK);
    ck_assert(jws_verify(&jws, key));
    jws_free(&jws);
    free(token);
    ck_assert_ptr_null(jws_sign(key, payload, sizeof(payload)));
    ck_assert_ptr_null(jws_sign(key, payload, SIZE_MAX));
    key_unref(&key);
}
END_TEST

START_TEST(limits_megabyte)
{
    const size_t size = (size_t)1024 * 1024;
    char *token = malloc(size);
    memset(token, 'A', size);
    ck_assert_int_eq(parse(token, size), JWS_TOO_LARGE);
    ck_assert_int_eq(parse(token, JWS_TOKEN_MAX + 1), JWS_TOO_LARGE);
    ck_assert_int_eq(parse(token, JWS_TOKEN_MAX), JWS_SYNTAX);
    memset(token, '.', size);
    ck_assert_int_eq(parse(token, JWS_TOKEN_MAX), JWS_SYNTAX);
    free(token);
}
END_TEST

/* A header of this size, filled up with a long name. */
static enum jws_status parse_header_of(size_t size)
{
    char *header = malloc(size + 1);
    const int length = snprintf(header, size + 1, "{\"alg\":\"HS256\",\"%0*d\":1}", (int)size - 20, 0);
    ck_assert_int_eq(length, (int)size);
    const enum jws_status status = parse_header(header, size);
    free(header);
    return status;
}

START_TEST(limits_header_size)
{
    ck_assert_int_eq(parse_header_of(JWS_HEADER_MAX), JWS_OK);
    ck_assert_int_eq(parse_header_of(JWS_HEADER_MAX + 1), JWS_HEADER);
    ck_assert_int_eq(parse_header_of(16384), JWS_HEADER);
}
END_TEST

START_TEST(limits_key_id)
{
    char header[JWS_KEY_ID_MAX + 64];
    snprintf(header, sizeof(header), "{\"alg\":\"HS256\",\"kid\":\"%0*d\"}", JWS_KEY_ID_MAX, 0);
    ck_assert_int_eq(parse_header(header, strlen(header)), JWS_OK);
    snprintf(header, sizeof(header), "{\"alg\":\"HS256\",\"kid\":\"%0*d\"}", JWS_KEY_ID_MAX + 1, 0);
    ck_assert_int_eq(parse_header(header, strlen(header)), JWS_KEY_ID);
}
END_TEST

/* `depth` arrays inside one another, as a member of the header's object. */
static enum jws_status parse_nested(unsigned depth, char open, char close)
{
    char header[8192];
    size_t size = (size_t)snprintf(header, sizeof(header), "{\"alg\":\"HS256\",\"x\":");
    memset(header + size, open, depth);
    size += depth;
    if (close != '\0') {
        memset(header + size, close, depth);
        size += depth;
        header[size++] = '}';
    }
    return parse_header(header, size);
}

static void *parse_depths(void *context)
{
    unsigned *wrong = context;
    *wrong += parse_nested(JWS_DEPTH_MAX - 1, '[', ']') != JWS_OK;
    *wrong += parse_nested(JWS_DEPTH_MAX, '[', ']') != JWS_HEADER;
    *wrong += parse_nested(1000, '[', ']') != JWS_HEADER;
    *wrong += parse_nested(2020, '[', '\0') != JWS_HEADER; /* as many as fit, never closed */
    *wrong += parse_nested(2040, '[', '\0') != JWS_HEADER;
    *wrong += parse_nested(2040, '[', ']') != JWS_HEADER;
    *wrong += parse_nested(2040, '{', '\0') != JWS_HEADER;
    return NULL;
}

/* On a stack as small as the server's threads have, which a parser that follows every bracket would overflow. */
START_TEST(limits_depth)
{
    pthread_t thread;
    pthread_attr_t small;
    unsigned wrong = 0;
    ck_assert_int_eq(pthread_attr_init(&small), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&small, STACK_SIZE), 0);
    ck_assert_int_eq(pthread_create(&thread, &small, parse_depths, &wrong), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(wrong, 0);
    pthread_attr_destroy(&small);
}
END_TEST

/* -- hostile ----------------------------------------------------------------------------------------------------- */

/* Each header is signed as it is, so that nothing but the header can be the reason. */
START_TEST(hostile_headers)
{
    static const struct {
        const char *header;
        enum jws_status expected;
    } examples[] = {
        {"{\"alg\":\"HS256\"}", JWS_OK},
        {" {\"alg\":\"HS256\"}\r\n", JWS_OK},
        {"{\"alg\":\"HS256\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"},\"jku\":\"https://evil.example/\"}",
         JWS_OK}, /* unread */

        {"{\"alg\":\"none\"}", JWS_ALGORITHM},
        {"{\"alg\":\"None\"}", JWS_ALGORITHM},
        {"{\"alg\":\"NONE\"}", JWS_ALGORITHM},
        {"{\"alg\":\"nOnE\"}", JWS_ALGORITHM},
        {"{\"alg\":\"none \"}", JWS_ALGORITHM},
        {"{\"alg\":\"\\u006eone\"}", JWS_ALGORITHM},
        {"{\"alg\":\"\"}", JWS_ALGORITHM},
        {"{\"alg\":null}", JWS_ALGORITHM},
        {"{\"alg\":256}", JWS_ALGORITHM},
        {"{\"alg\":[\"HS256\"]}", JWS_ALGORITHM},
        {"{\"alg\":{\"HS256\":1}}", JWS_ALGORITHM},
        {"{\"alg\":\"hs256\"}", JWS_ALGORITHM},
        {"{\"alg\":\"HS256 \"}", JWS_ALGORITHM},
        {"{\"alg\":\"HS2567\"}", JWS_ALGORITHM},
        {"{\"alg\":\"HS25\"}", JWS_ALGORITHM},
        {"{\"alg\":\"ES256K\"}", JWS_ALGORITHM},
        {"{\"alg\":\"RS1\"}", JWS_ALGORITHM},
        {"{\"alg\":\"RSA-OAEP\"}", JWS_ALGORITHM},
        {"{\"alg\":\"dir\",\"enc\":\"A128GCM\"}", JWS_ALGORITHM},
        {"{\"Alg\":\"HS256\"}", JWS_ALGORITHM},
        {"{}", JWS_ALGORITHM},

        {"{\"alg\":\"HS256\",\"alg\":\"none\"}", JWS_DUPLICATE},
        {"{\"alg\":\"none\",\"alg\":\"HS256\"}", JWS_DUPLICATE},
        {"{\"alg\":\"HS256\",\"\\u0061lg\":\"HS256\"}", JWS_DUPLICATE},
        {"{\"alg\":\"HS256\",\"kid\":\"a\",\"k\\u0069d\":\"b\"}", JWS_DUPLICATE},
        {"{\"alg\":\"HS256\",\"x\":1,\"x\":1}", JWS_DUPLICATE},
        {"{\"alg\":\"HS256\",\"x\":{\"y\":1,\"y\":1}}", JWS_DUPLICATE},

        {"{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}", JWS_CRITICAL},
        {"{\"alg\":\"HS256\",\"crit\":[]}", JWS_CRITICAL},
        {"{\"alg\":\"HS256\",\"crit\":null}", JWS_CRITICAL},
        {"{\"alg\":\"HS256\",\"\\u0063rit\":[]}", JWS_CRITICAL},
        {"{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}", JWS_CRITICAL},
        {"{\"alg\":\"HS256\",\"b64\":true}", JWS_CRITICAL},

        {"{\"alg\":\"HS256\",\"typ\":1}", JWS_TYPE},
        {"{\"alg\":\"HS256\",\"typ\":null}", JWS_TYPE},
        {"{\"alg\":\"HS256\",\"cty\":[]}", JWS_TYPE},

        {"{\"alg\":\"HS256\",\"kid\":1}", JWS_KEY_ID},
        {"{\"alg\":\"HS256\",\"kid\":null}", JWS_KEY_ID},
        {"{\"alg\":\"HS256\",\"kid\":[\"a\"]}", JWS_KEY_ID},
        {"{\"alg\":\"HS256\",\"kid\":{}}", JWS_KEY_ID},
        {"{\"alg\":\"HS256\",\"kid\":true}", JWS_KEY_ID},
        {"{\"alg\":\"HS256\",\"kid\":\"a\\nb\"}", JWS_KEY_ID},
        {"{\"alg\":\"HS256\",\"kid\":\"\\u007f\"}", JWS_KEY_ID},
        {"{\"alg\":\"HS256\",\"kid\":\"../../dev/null\"}", JWS_OK}, /* a name to compare, never a path */

        {"[]", JWS_HEADER},
        {"[\"alg\",\"HS256\"]", JWS_HEADER},
        {"\"HS256\"", JWS_HEADER},
        {"null", JWS_HEADER},
        {"1", JWS_HEADER},
        {" ", JWS_HEADER},
        {"{\"alg\":\"HS256\"", JWS_HEADER},
        {"{\"alg\":\"HS256\"}}", JWS_HEADER},
        {"{\"alg\":\"HS256\"}{}", JWS_HEADER},
        {"{\"alg\":\"HS256\"} x", JWS_HEADER},
        {"{\"alg\":\"HS256\",}", JWS_HEADER},
        {"{'alg':'HS256'}", JWS_HEADER},
        {"{alg:\"HS256\"}", JWS_HEADER},
        {"{\"alg\":\"HS256\"/**/}", JWS_HEADER},
        {"{\"alg\":\"HS256\",\"x\":1e999}", JWS_HEADER},
        {"{\"alg\":\"HS256\",\"x\":99999999999999999999}", JWS_HEADER},
        {"{\"alg\":\"HS256\",\"x\":NaN}", JWS_HEADER},
        {"{\"alg\":\"HS256\",\"x\":\"\\u0000\"}", JWS_HEADER},
        {"{\"alg\":\"HS256\",\"kid\":\"a\\u0000b\"}", JWS_HEADER},
        {"{\"alg\":\"HS256\",\"a\\u0000\":1}", JWS_HEADER},
        {"{\"alg\":\"HS256\",\"x\":\"\\ud800\"}", JWS_HEADER},
        {"{\"alg\":\"HS256\",\"x\":\"\xFF\"}", JWS_HEADER},
        {"\xEF\xBB\xBF{\"alg\":\"HS256\"}", JWS_HEADER},
        {"{\0\"\0a\0l\0g\0", JWS_HEADER},
    };
    for (size_t i = 0; i < COUNT_OF(examples); i++) {
        const enum jws_status status = parse_header(examples[i].header, strlen(examples[i].header));
        ck_assert_msg(status == examples[i].expected, "%s: %s", examples[i].header, jws_status_text(status));
    }
    static const char with_nul[] = "{\"alg\":\"HS256\"}\0";
    ck_assert_int_eq(parse_header(with_nul, sizeof(with_nul) - 1), JWS_HEADER);
}
END_TEST

START_TEST(hostile_shapes)
{
    /* The token of RFC 7515 A.1, changed; none of it is to pass, whoever signed it. */
    static const char *const tokens[] = {
        "",
        ".",
        "..",
        "...",
        "eyJhbGciOiJIUzI1NiJ9",
        "eyJhbGciOiJIUzI1NiJ9.",
        "eyJhbGciOiJIUzI1NiJ9.e30",
        ".e30.AAAA",
        "eyJhbGciOiJIUzI1NiJ9.e30.AAAA.",
        ".eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
        "eyJhbGciOiJIUzI1NiJ9..e30.AAAA",
        "eyJhbGciOiJIUzI1NiJ9.e30.AAAA.AAAA.AAAA", /* as JWE has them */
        "eyJhbGciOiJIUzI1NiJ9.e30.AAAA=",
        "eyJhbGciOiJIUzI1NiJ9.e30=.AAAA",
        "eyJhbGciOiJIUzI1NiJ9=.e30.AAAA",
        "eyJhbGciOiJIUzI1NiJ9.e30.AA==",
        "eyJhbGciOiJIUzI1NiJ9.e30.AB", /* the last four bits stand for nothing */
        "eyJhbGciOiJIUzI1NiJ9.e31.AAAA",
        "eyJhbGciOiJIUzI1NiJ.e30.AAAA", /* cut within a byte */
        "eyJhbGciOiJIUzI1NiJ9.e30.AA+A",
        "eyJhbGciOiJIUzI1NiJ9.e30.AA/A",
        " eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
        "eyJhbGciOiJIUzI1NiJ9.e30.AAAA ",
        "eyJhbGciOiJIUzI1NiJ9.e30.AAAA\n",
        "eyJhbGciOiJIUzI1NiJ9.e3\n0.AAAA",
        "eyJhbGciOiJIUzI1NiJ9.e30.A",
        "Bearer eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
        "{\"payload\":\"e30\",\"protected\":\"eyJhbGciOiJIUzI1NiJ9\",\"signature\":\"AAAA\"}",
    };
    for (size_t i = 0; i < COUNT_OF(tokens); i++) {
        const enum jws_status status = parse(tokens[i], strlen(tokens[i]));
        const bool empty_header = strcmp(tokens[i], "..") == 0 || tokens[i][0] == '.';
        ck_assert_msg(status == JWS_SYNTAX || (empty_header && status == JWS_HEADER), "%s: %s", tokens[i],
                      jws_status_text(status));
    }
    static const char with_nul[] = "eyJhbGciOiJIUzI1NiJ9.e30.AAAA\0";
    ck_assert_int_eq(parse(with_nul, sizeof(with_nul) - 1), JWS_SYNTAX);
    ck_assert_int_eq(parse(with_nul, sizeof(with_nul) - 2), JWS_OK);
}
END_TEST

START_TEST(hostile_unsecured)
{
    /* RFC 7515 A.5, as published and with a signature of some kind. */
    static const char header_and_payload[] =
        "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9l"
        "eGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    static const char *const signatures[] = {".", ".AA", ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"};
    for (size_t i = 0; i < COUNT_OF(signatures); i++) {
        char token[256];
        snprintf(token, sizeof(token), "%s%s", header_and_payload, signatures[i]);
        ck_assert_int_eq(parse(token, strlen(token)), JWS_ALGORITHM);
    }
}
END_TEST

/* Each published token with each single bit of its signature and each character of what is signed changed. */
START_TEST(hostile_changed)
{
    const struct jws_vector *vector = &jws_vectors[_i];
    struct key *key = make_key(vector->algorithm, vector->key);
    char *token = strdup(vector->token);
    const size_t size = strlen(token);
    struct jws jws;
    for (size_t i = 0; i < size; i += 1 + size / 64) {
        const char kept = token[i];
        token[i] = kept == 'A' ? 'B' : 'A';
        if (kept != '.' && jws_parse(token, size, &jws) == JWS_OK) {
            ck_assert_msg(!jws_verify(&jws, key), "%s: character %zu", vector->name, i);
            jws_free(&jws);
        }
        token[i] = kept;
    }
    ck_assert_int_eq(jws_parse(token, size, &jws), JWS_OK);
    ck_assert(jws_verify(&jws, key));
    const size_t right = jws.signature_size;
    for (jws.signature_size = 0; jws.signature_size < right; jws.signature_size += 1 + right / 16) {
        ck_assert(!jws_verify(&jws, key));
    }
    jws.signature_size = right;
    jws_free(&jws);
    free(token);
    key_unref(&key);
}
END_TEST

/* Every published token against every other key: no key is taken for another algorithm's, and none for another's key. */
START_TEST(hostile_other_keys)
{
    struct jws jws;
    ck_assert_int_eq(jws_parse(jws_vectors[_i].token, strlen(jws_vectors[_i].token), &jws), JWS_OK);
    for (size_t i = 0; i < COUNT_OF(jws_vectors); i++) {
        struct key *key = make_key(jws_vectors[i].algorithm, jws_vectors[i].key);
        ck_assert(jws_verify(&jws, key) == (i == (size_t)_i));
        key_unref(&key);
    }
    jws_free(&jws);
}
END_TEST

/* An attacker has the public key, as PEM, and signs with it as if it were a secret. */
START_TEST(hostile_public_key_as_secret)
{
    const struct jws_vector *vector = &jws_vectors[1];
    ck_assert_int_eq(vector->algorithm, ALGORITHM_RS256);
    struct key *key = make_key(vector->algorithm, vector->key);
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned mac_size = 0;
    char token[512] = "eyJhbGciOiJIUzI1NiJ9.e30";
    const size_t input_size = strlen(token);
    ck_assert_ptr_nonnull(
        HMAC(EVP_sha256(), vector->key, (int)strlen(vector->key), (const uint8_t *)token, input_size, mac, &mac_size));
    token[input_size] = '.';
    base64url_encode(mac, mac_size, token + input_size + 1);
    struct jws jws;
    ck_assert_int_eq(jws_parse(token, strlen(token), &jws), JWS_OK);
    ck_assert_int_eq(jws.algorithm, ALGORITHM_HS256);
    ck_assert(!jws_verify(&jws, key));
    jws.algorithm = ALGORITHM_RS256; /* even had the header lied */
    ck_assert(!jws_verify(&jws, key));
    jws_free(&jws);
    key_unref(&key);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("jws");
    TCase *core = tcase_create("core");
    tcase_add_loop_test(core, core_published, 0, COUNT_OF(jws_vectors));
    tcase_add_loop_test(core, core_round_trip, ALGORITHM_HS256, ALGORITHM_HS512 + 1);
    tcase_add_test(core, core_any_payload);
    tcase_add_test(core, core_header_of_signed);
    tcase_add_test(core, core_texts);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_token_size);
    tcase_add_test(limits, limits_megabyte);
    tcase_add_test(limits, limits_header_size);
    tcase_add_test(limits, limits_key_id);
    tcase_add_test(limits, limits_depth);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_headers);
    tcase_add_test(hostile, hostile_shapes);
    tcase_add_test(hostile, hostile_unsecured);
    tcase_add_loop_test(hostile, hostile_changed, 0, COUNT_OF(jws_vectors));
    tcase_add_loop_test(hostile, hostile_other_keys, 0, COUNT_OF(jws_vectors));
    tcase_add_test(hostile, hostile_public_key_as_secret);
    suite_add_tcase(suite, hostile);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
