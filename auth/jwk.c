/*
 * jwk - see jwk.h. Called by the thread that fetches key sets. The key is judged by key_from_evp(), as those of files are.
 */
#include "auth/jwk.h"

#include <stdint.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "auth/base64url.h"
#include "auth/jws.h"
#include "auth/key_evp.h"

#define RSA_EXPONENT_MAX (64 / 8)
#define COORDINATE_MAX   ((521 + 7) / 8)
#define UNCOMPRESSED     4 /* SEC 1 §2.3.3: what a point's octets begin with when both coordinates follow */

/* Octets of a member. */
struct octets {
    uint8_t bytes[KEY_RSA_BITS_MAX / 8];
    size_t size;
};

/* -- members ----------------------------------------------------------------------------------------------------- */

static bool is_text(const json_t *member, const char *text)
{
    return json_string_length(member) == strlen(text) && memcmp(json_string_value(member), text, strlen(text)) == 0;
}

/* KEY_SYNTAX when it is not base64url; KEY_WEAK when it is larger than anything that is taken. */
static enum key_status read_octets(const json_t *jwk, const char *name, size_t max_size, struct octets *octets_r)
{
    const json_t *member = json_object_get(jwk, name);
    const size_t length = json_string_length(member);
    if (!json_is_string(member) || length == 0) {
        return KEY_SYNTAX;
    }
    octets_r->size = base64url_decoded_size(length);
    if (octets_r->size > max_size) {
        return KEY_WEAK;
    }
    return base64url_decode(json_string_value(member), length, octets_r->bytes) ? KEY_OK : KEY_SYNTAX;
}

/* A Base64urlUInt has as few octets as it can (RFC 7518 §2). */
static enum key_status read_number(const json_t *jwk, const char *name, size_t max_size, BIGNUM **number_r)
{
    struct octets octets;
    const enum key_status status = read_octets(jwk, name, max_size, &octets);
    if (status != KEY_OK) {
        return status;
    }
    if (octets.bytes[0] == 0) {
        return KEY_SYNTAX;
    }
    *number_r = BN_bin2bn(octets.bytes, (int)octets.size, NULL);
    return *number_r != NULL ? KEY_OK : KEY_NO_MEMORY;
}

/* "kid", as tokens may have it; "" where there is none. */
static enum key_status read_id(const json_t *jwk, const char **id_r)
{
    const json_t *member = json_object_get(jwk, "kid");
    const size_t size = json_string_length(member);
    const char *id = member == NULL ? "" : json_string_value(member);
    if (id == NULL || size > JWS_KEY_ID_MAX) {
        return KEY_SYNTAX;
    }
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)id[i] < ' ' || id[i] == '\x7F') {
            return KEY_SYNTAX;
        }
    }
    *id_r = id;
    return KEY_OK;
}

/* RFC 7517 §4.3: no operation twice. */
static enum key_status judge_operations(const json_t *operations)
{
    bool verifies = false;
    if (!json_is_array(operations)) {
        return KEY_SYNTAX;
    }
    for (size_t i = 0; i < json_array_size(operations); i++) {
        const json_t *operation = json_array_get(operations, i);
        if (!json_is_string(operation) || (verifies && is_text(operation, "verify"))) {
            return KEY_SYNTAX;
        }
        verifies = verifies || is_text(operation, "verify");
    }
    return verifies ? KEY_OK : KEY_UNUSABLE;
}

static enum key_status judge_purpose(const json_t *jwk)
{
    const json_t *use = json_object_get(jwk, "use");
    const json_t *operations = json_object_get(jwk, "key_ops");
    if (use != NULL && !json_is_string(use)) {
        return KEY_SYNTAX;
    }
    if (use != NULL && !is_text(use, "sig")) {
        return KEY_UNUSABLE;
    }
    return operations == NULL ? KEY_OK : judge_operations(operations);
}

/* Of "alg", where there is one. */
static enum key_status read_algorithm(const json_t *jwk, enum algorithm *algorithm)
{
    const json_t *member = json_object_get(jwk, "alg");
    if (member == NULL) {
        return KEY_OK;
    }
    if (!json_is_string(member)) {
        return KEY_SYNTAX;
    }
    return algorithm_find(json_string_value(member), json_string_length(member), algorithm) ? KEY_OK : KEY_UNUSABLE;
}

static bool has_private(const json_t *jwk)
{
    static const char *const names[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (json_object_get(jwk, names[i]) != NULL) {
            return true;
        }
    }
    return false;
}

/* -- kinds ------------------------------------------------------------------------------------------------------- */

/* What OpenSSL does not take is no key of that kind: a point off its curve, mostly. */
static enum key_status make_evp(const char *kind, OSSL_PARAM_BLD *builder, EVP_PKEY **pkey_r)
{
    enum key_status status = KEY_NO_MEMORY;
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, kind, NULL);
    if (parameters != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1) {
        status = EVP_PKEY_fromdata(context, pkey_r, EVP_PKEY_PUBLIC_KEY, parameters) == 1 ? KEY_OK : KEY_WEAK;
    }
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(parameters);
    return status;
}

static enum key_status build_rsa(const BIGNUM *modulus, const BIGNUM *exponent, EVP_PKEY **pkey_r)
{
    enum key_status status = KEY_NO_MEMORY;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (builder != NULL && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1) {
        status = make_evp("RSA", builder, pkey_r);
    }
    OSSL_PARAM_BLD_free(builder);
    return status;
}

/* RFC 7518 §6.3.1 */
static enum key_status read_rsa(const json_t *jwk, enum algorithm *algorithm, EVP_PKEY **pkey_r)
{
    BIGNUM *modulus = NULL;
    BIGNUM *exponent = NULL;
    *algorithm = ALGORITHM_RS256;
    enum key_status status = read_number(jwk, "n", KEY_RSA_BITS_MAX / 8, &modulus);
    if (status == KEY_OK) {
        status = read_number(jwk, "e", RSA_EXPONENT_MAX, &exponent);
    }
    if (status == KEY_OK) {
        status = build_rsa(modulus, exponent, pkey_r);
    }
    BN_free(exponent);
    BN_free(modulus);
    return status;
}

static const struct curve {
    const char *name;  /* RFC 7518 §6.2.1.1 */
    const char *group; /* OpenSSL's */
    size_t size;       /* octets of a coordinate */
    enum algorithm algorithm;
} curves[] = {
    {"P-256", "prime256v1", 32, ALGORITHM_ES256},
    {"P-384", "secp384r1", 48, ALGORITHM_ES384},
    {"P-521", "secp521r1", COORDINATE_MAX, ALGORITHM_ES512},
};

static const struct curve *find_curve(const json_t *jwk)
{
    const json_t *name = json_object_get(jwk, "crv");
    for (size_t i = 0; json_is_string(name) && i < sizeof(curves) / sizeof(curves[0]); i++) {
        if (is_text(name, curves[i].name)) {
            return &curves[i];
        }
    }
    return NULL;
}

static enum key_status read_coordinate(const json_t *jwk, const char *name, const struct curve *curve, uint8_t *point)
{
    struct octets octets;
    const enum key_status status = read_octets(jwk, name, sizeof(octets.bytes), &octets);
    if (status != KEY_OK) {
        return status;
    }
    if (octets.size != curve->size) { /* "MUST be the full size" (RFC 7518 §6.2.1.2) */
        return KEY_SYNTAX;
    }
    memcpy(point, octets.bytes, octets.size);
    return KEY_OK;
}

static enum key_status build_ec(const struct curve *curve, const uint8_t *point, EVP_PKEY **pkey_r)
{
    enum key_status status = KEY_NO_MEMORY;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    if (builder != NULL && OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * curve->size) == 1) {
        status = make_evp("EC", builder, pkey_r);
    }
    OSSL_PARAM_BLD_free(builder);
    return status;
}

/* RFC 7518 §6.2.1 */
static enum key_status read_ec(const json_t *jwk, enum algorithm *algorithm, EVP_PKEY **pkey_r)
{
    uint8_t point[1 + 2 * COORDINATE_MAX] = {UNCOMPRESSED};
    const struct curve *curve = find_curve(jwk);
    if (curve == NULL) {
        return KEY_WRONG_KIND;
    }
    *algorithm = curve->algorithm;
    enum key_status status = read_coordinate(jwk, "x", curve, point + 1);
    if (status == KEY_OK) {
        status = read_coordinate(jwk, "y", curve, point + 1 + curve->size);
    }
    return status == KEY_OK ? build_ec(curve, point, pkey_r) : status;
}

/* RFC 8037 §2. Of the kind's curves, the two that sign. */
static enum key_status read_okp(const json_t *jwk, enum algorithm *algorithm, EVP_PKEY **pkey_r)
{
    const json_t *curve = json_object_get(jwk, "crv");
    struct octets octets;
    if (!is_text(curve, "Ed25519") && !is_text(curve, "Ed448")) {
        return KEY_WRONG_KIND;
    }
    *algorithm = ALGORITHM_EdDSA;
    const enum key_status status = read_octets(jwk, "x", sizeof(octets.bytes), &octets);
    if (status != KEY_OK) {
        return status;
    }
    /* It looks at the size, and at nothing else. */
    *pkey_r = EVP_PKEY_new_raw_public_key_ex(NULL, is_text(curve, "Ed448") ? "ED448" : "ED25519", NULL, octets.bytes,
                                             octets.size);
    return *pkey_r != NULL ? KEY_OK : KEY_SYNTAX;
}

static enum key_status read_kind(const json_t *jwk, enum algorithm *algorithm, EVP_PKEY **pkey_r)
{
    const json_t *kind = json_object_get(jwk, "kty");
    if (!json_is_string(kind)) {
        return KEY_SYNTAX;
    }
    if (is_text(kind, "RSA")) {
        return read_rsa(jwk, algorithm, pkey_r);
    }
    if (is_text(kind, "EC")) {
        return read_ec(jwk, algorithm, pkey_r);
    }
    return is_text(kind, "OKP") ? read_okp(jwk, algorithm, pkey_r) : KEY_WRONG_KIND;
}

static enum key_status read_key(const json_t *jwk, struct key_setup *setup, struct key **key_r)
{
    EVP_PKEY *pkey = NULL;
    enum key_status status = judge_purpose(jwk);
    if (status == KEY_OK) {
        status = read_id(jwk, &setup->id);
    }
    if (status == KEY_OK) {
        status = read_kind(jwk, &setup->algorithm, &pkey);
    }
    if (status == KEY_OK) {
        status = read_algorithm(jwk, &setup->algorithm);
    }
    if (status == KEY_OK) {
        status = key_from_evp(setup, pkey, false, key_r);
    }
    EVP_PKEY_free(pkey);
    return status;
}

enum key_status jwk_read(const json_t *jwk, const char *issuer, const char *audience, bool *private_r,
                         struct key **key_r)
{
    struct key_setup setup = {.id = "", .issuer = issuer, .audience = audience};
    ERR_clear_error();
    const enum key_status status = read_key(jwk, &setup, key_r);
    ERR_clear_error();
    *private_r = has_private(jwk);
    return status;
}
