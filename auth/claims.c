/*
 * claims - reads a payload with jansson, behind bounds on size and depth. Called by token.c.
 */
#include "auth/claims.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "auth/identity.h"
#include "auth/jws.h"
#include "auth/revocations.h"
#include "validate/json_bounds.h"
#include "validate/json_parse.h"

/* ---- types ---- */

/* A NumericDate (RFC 7519 §2): seconds since the epoch, a fraction cut off. Absent is fine, anything else than a number is not. */
static bool read_time(const json_t *value, int64_t *time_r)
{
    if (value == NULL) {
        *time_r = IDENTITY_NO_TIME;
        return true;
    }
    if (json_is_integer(value)) {
        const json_int_t number = json_integer_value(value);
        *time_r = number;
        return number >= 0 && number <= CLAIMS_TIME_MAX;
    }
    if (json_is_real(value)) {
        const double number = json_real_value(value);
        if (!(number >= 0.0 && number <= (double)CLAIMS_TIME_MAX)) { /* so that no NaN gets through */
            return false;
        }
        *time_r = (int64_t)number;
        return true;
    }
    return false;
}

static bool read_text(const json_t *value, size_t max_size, const char **text_r)
{
    *text_r = json_string_value(value); /* NULL for all else, NULL included */
    return value == NULL || (json_is_string(value) && json_string_length(value) <= max_size);
}

static bool is_array_of_strings(const json_t *value)
{
    size_t index;
    const json_t *element;
    if (!json_is_array(value)) {
        return false;
    }
    json_array_foreach(value, index, element)
    {
        if (!json_is_string(element)) {
            return false;
        }
    }
    return true;
}

static bool read_audience(const json_t *value, const json_t **audience_r)
{
    *audience_r = value;
    return value == NULL || json_is_string(value) || is_array_of_strings(value);
}

/* jansson checks that text is UTF-8 and has no NUL. */
static bool has_control(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return true;
        }
    }
    return false;
}

/* ---- the payload ---- */

static enum token_verdict parse(const uint8_t *payload, size_t size, json_t **root_r)
{
    static const struct json_bounds bounds = {.max_size = JWS_TOKEN_MAX, .max_depth = JWS_DEPTH_MAX};
    json_error_t error;
    if (json_bounds_check(&bounds, payload, size) != JSON_BOUNDS_OK) {
        return TOKEN_PAYLOAD_VERDICT;
    }
    json_t *root = json_parse(payload, size, JSON_REJECT_DUPLICATES, &error);
    if (json_is_object(root)) {
        *root_r = root;
        return TOKEN_OK_VERDICT;
    }
    if (root != NULL) {
        json_decref(root);
        return TOKEN_PAYLOAD_VERDICT;
    }
    const enum json_error_code code = json_error_code(&error);
    return code == json_error_duplicate_key      ? TOKEN_DUPLICATE_VERDICT
           : code == json_error_numeric_overflow ? TOKEN_CLAIM_TYPE_VERDICT
           : code == json_error_out_of_memory    ? TOKEN_NO_MEMORY_VERDICT
                                                 : TOKEN_PAYLOAD_VERDICT;
}

/* The name of the first claim of the wrong type, or NULL. */
static const char *read_registered(struct claims *claims)
{
    const json_t *root = claims->root;
    if (!read_time(json_object_get(root, "exp"), &claims->expires_s)) {
        return "exp";
    }
    if (!read_time(json_object_get(root, "nbf"), &claims->not_before_s)) {
        return "nbf";
    }
    if (!read_time(json_object_get(root, "iat"), &claims->issued_s)) {
        return "iat";
    }
    if (!read_text(json_object_get(root, "iss"), JWS_TOKEN_MAX, &claims->issuer)) {
        return "iss";
    }
    if (!read_audience(json_object_get(root, "aud"), &claims->audience)) {
        return "aud";
    }
    /* A longer one, or one that cannot be written on a command line, could not be revoked. */
    if (!read_text(json_object_get(root, "jti"), REVOCATION_SUBJECT_MAX, &claims->token_id) ||
        (claims->token_id != NULL && has_control(claims->token_id))) {
        return "jti";
    }
    return NULL;
}

enum token_verdict claims_read(const uint8_t *payload, size_t size, struct claims *claims_r, const char **detail_r)
{
    struct claims claims = {0};
    const enum token_verdict verdict = parse(payload, size, &claims.root);
    *detail_r = "";
    if (verdict != TOKEN_OK_VERDICT) {
        return verdict;
    }
    const char *wrong = read_registered(&claims);
    if (wrong != NULL) {
        *detail_r = wrong;
        claims_free(&claims);
        return TOKEN_CLAIM_TYPE_VERDICT;
    }
    claims.endpoints = json_object_get(claims.root, "endpoints");
    claims.channels = json_object_get(claims.root, "channels");
    claims.capabilities = json_object_get(claims.root, "caps");
    *claims_r = claims;
    return TOKEN_OK_VERDICT;
}

void claims_free(struct claims *claims)
{
    json_decref(claims->root);
    *claims = (struct claims){0};
}

/* ---- who, and for whom ---- */

bool claims_have_audience(const struct claims *claims, const char *audience)
{
    size_t index;
    const json_t *element;
    if (json_is_string(claims->audience)) {
        return strcmp(json_string_value(claims->audience), audience) == 0;
    }
    json_array_foreach(claims->audience, index, element)
    {
        if (strcmp(json_string_value(element), audience) == 0) {
            return true;
        }
    }
    return false;
}

enum token_verdict claims_user(const struct claims *claims, const char *const *names, size_t count,
                               char number[CLAIMS_NUMBER_SIZE], const char **user_r, const char **claim_r)
{
    const json_t *value = NULL;
    *claim_r = NULL;
    for (size_t i = 0; i < count && value == NULL; i++) {
        value = json_object_get(claims->root, names[i]);
        *claim_r = value != NULL ? names[i] : NULL;
    }
    if (value == NULL) {
        return TOKEN_USER_VERDICT;
    }
    if (json_is_integer(value) && strcmp(*claim_r, "sub") != 0) {
        (void)snprintf(number, CLAIMS_NUMBER_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        *user_r = number;
        return TOKEN_OK_VERDICT;
    }
    if (!json_is_string(value)) {
        return TOKEN_CLAIM_TYPE_VERDICT;
    }
    const char *user = json_string_value(value);
    if (json_string_length(value) == 0 || json_string_length(value) > IDENTITY_USER_MAX || has_control(user)) {
        return TOKEN_USER_VERDICT;
    }
    *user_r = user;
    return TOKEN_OK_VERDICT;
}

/* ---- permissions ---- */

static const struct {
    const char *name;
    enum permission bit;
} permission_names[] = {
    {"sub", PERMISSION_SUBSCRIBE},
    {"pub", PERMISSION_PUBLISH},
    {"prs", PERMISSION_PRESENCE},
    {"hst", PERMISSION_HISTORY},
};

/* 0 when there is no such permission. */
static unsigned permission_bit(const char *name)
{
    for (size_t i = 0; i < sizeof(permission_names) / sizeof(permission_names[0]); i++) {
        if (strcmp(permission_names[i].name, name) == 0) {
            return permission_names[i].bit;
        }
    }
    return 0;
}

static bool are_channels(const json_t *value)
{
    size_t index;
    const json_t *element;
    if (!is_array_of_strings(value)) {
        return false;
    }
    json_array_foreach(value, index, element)
    {
        const size_t size = json_string_length(element);
        if (size == 0 || size > CLAIMS_PATTERN_MAX || has_control(json_string_value(element))) {
            return false;
        }
    }
    return true;
}

static bool are_paths(const json_t *value)
{
    size_t index;
    const json_t *element;
    if (!is_array_of_strings(value)) {
        return false;
    }
    json_array_foreach(value, index, element)
    {
        const char *path = json_string_value(element);
        if (path[0] != '/' || json_string_length(element) > CLAIMS_ENDPOINT_MAX || has_control(path)) {
            return false;
        }
    }
    return true;
}

static bool is_allowance(const json_t *value)
{
    size_t index;
    const json_t *element;
    if (!is_array_of_strings(value)) {
        return false;
    }
    json_array_foreach(value, index, element)
    {
        if (permission_bit(json_string_value(element)) == 0) {
            return false;
        }
    }
    return true;
}

/* A member that is not known could narrow what the others say: it is refused rather than passed over. */
static bool is_capability(const json_t *value)
{
    const json_t *match = json_object_get(value, "match");
    const size_t known = 2 + (match != NULL);
    if (!json_is_object(value) || json_object_size(value) != known) {
        return false;
    }
    if (match != NULL && (!json_is_string(match) || strcmp(json_string_value(match), "wildcard") != 0)) {
        return false;
    }
    return are_channels(json_object_get(value, "channels")) && is_allowance(json_object_get(value, "allow"));
}

bool claims_permissions_valid(const struct claims *claims)
{
    size_t index;
    const json_t *element;
    if ((claims->endpoints != NULL && !are_paths(claims->endpoints)) ||
        (claims->channels != NULL && !are_channels(claims->channels)) ||
        (claims->capabilities != NULL && !json_is_array(claims->capabilities))) {
        return false;
    }
    json_array_foreach(claims->capabilities, index, element)
    {
        if (!is_capability(element)) {
            return false;
        }
    }
    return true;
}

static size_t count_rules(const struct claims *claims)
{
    size_t count = json_array_size(claims->channels);
    size_t index;
    const json_t *element;
    json_array_foreach(claims->capabilities, index, element)
    {
        count += json_array_size(json_object_get(element, "channels"));
    }
    return count;
}

static const char *pack_string(struct pack *pack, const json_t *string)
{
    return pack_text(pack, json_string_value(string), json_string_length(string));
}

/* Rules for each of `channels`, from rules[*used] on. */
static void pack_rules(struct pack *pack, const json_t *channels, bool wildcard, unsigned allowed,
                       struct permission_rule *rules, size_t *used)
{
    size_t index;
    const json_t *element;
    json_array_foreach(channels, index, element)
    {
        const char *pattern = pack_string(pack, element);
        if (rules != NULL) {
            rules[*used] = (struct permission_rule){.pattern = pattern, .wildcard = wildcard, .allowed = allowed};
        }
        (*used)++;
    }
}

static unsigned allowance(const json_t *names)
{
    unsigned allowed = 0;
    size_t index;
    const json_t *element;
    json_array_foreach(names, index, element)
    {
        allowed |= permission_bit(json_string_value(element));
    }
    return allowed;
}

void claims_pack_permissions(const struct claims *claims, struct pack *pack, struct permissions *permissions_r)
{
    const size_t rule_count = count_rules(claims);
    const size_t endpoint_count = json_array_size(claims->endpoints);
    /* One more: no endpoint at all is not the same as any. */
    const char **endpoints = claims->endpoints == NULL
                                 ? NULL
                                 : pack_room(pack, (endpoint_count + 1) * sizeof(*endpoints), alignof(const char *));
    struct permission_rule *rules = pack_room(pack, rule_count * sizeof(*rules), alignof(struct permission_rule));
    size_t used = 0;
    size_t index;
    const json_t *element;
    json_array_foreach(claims->endpoints, index, element)
    {
        const char *path = pack_string(pack, element);
        if (endpoints != NULL) {
            endpoints[index] = path;
        }
    }
    pack_rules(pack, claims->channels, false, PERMISSION_SUBSCRIBE, rules, &used);
    json_array_foreach(claims->capabilities, index, element)
    {
        pack_rules(pack, json_object_get(element, "channels"), json_object_get(element, "match") != NULL,
                   allowance(json_object_get(element, "allow")), rules, &used);
    }
    *permissions_r = (struct permissions){
        .endpoints = endpoints,
        .endpoint_count = endpoint_count,
        .rules = rules,
        .rule_count = rule_count,
    };
}
