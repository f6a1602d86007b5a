/*
 * token_sign - makes a token. Called by token.c.
 */
#define _DEFAULT_SOURCE /* explicit_bzero */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "auth/base64url.h"
#include "auth/jws.h"
#include "auth/secret.h"
#include "server/ctl/command.h"
#include "server/ctl/token.h"
#include "validate/json_bounds.h"

#define PEM_MAX       (64 * 1024)
#define TOKEN_ID_SIZE 16 /* random bytes of a "jti": no two are ever alike */

/* ---- the key ---- */

static const struct config_key *find_key(const struct config *config, const char *id)
{
    for (size_t i = 0; i < config->auth.key_count; i++) {
        if (id == NULL || strcmp(config->auth.keys[i].id, id) == 0) {
            return &config->auth.keys[i];
        }
    }
    if (id == NULL) {
        ctl_error("%s: auth.keys is empty: there is no key to sign with", config->file);
    } else {
        ctl_error("%s: auth.keys has no key with the id %s", config->file, id);
    }
    return NULL;
}

/* A reference to the one that the config has loaded: for HMAC, that is the one to sign with. */
static struct key *shared_key(const struct config *config, const struct config_key *wanted)
{
    const struct keyring *ring = config->auth.policy.keys;
    for (size_t i = 0; i < keyring_count(ring); i++) {
        if (strcmp(key_id(keyring_key(ring, i)), wanted->id) == 0) {
            return key_ref(keyring_key(ring, i));
        }
    }
    ctl_error("%s does not exist: the server makes it when it starts", wanted->secret_file);
    return NULL;
}

static struct key *private_key(const struct config_key *wanted, enum algorithm algorithm)
{
    const struct key_setup setup = {
        .id = wanted->id, .algorithm = algorithm, .issuer = wanted->issuer, .audience = wanted->audience};
    struct secret secret = {NULL, 0};
    struct key *key = NULL;
    if (wanted->private_key_file[0] == '\0') {
        ctl_error("key %s has no private_key_file: it can verify, but not sign", wanted->id);
        return NULL;
    }
    errno = 0;
    const enum secret_status status = secret_load(wanted->private_key_file, PEM_MAX, &secret);
    if (status != SECRET_OK) {
        ctl_error("%s %s%s%s", wanted->private_key_file, secret_status_text(status),
                  status == SECRET_UNREADABLE ? ": " : "", status == SECRET_UNREADABLE ? strerror(errno) : "");
        return NULL;
    }
    const enum key_status parsed = key_from_pem(&setup, secret.bytes, secret.size, &key);
    secret_free(&secret);
    if (parsed != KEY_OK) {
        ctl_error("%s %s", wanted->private_key_file, key_status_text(parsed));
    }
    return key;
}

/* The caller's reference, or NULL with all reported. */
static struct key *signing_key(const struct config *config, const struct config_key *wanted)
{
    enum algorithm algorithm;
    if (!algorithm_find(wanted->algorithm, strlen(wanted->algorithm), &algorithm)) {
        return NULL; /* no config gets that far */
    }
    return algorithm_family(algorithm) == ALGORITHM_HMAC ? shared_key(config, wanted) : private_key(wanted, algorithm);
}

/* ---- the claims ---- */

static json_t *token_id(void)
{
    uint8_t bytes[TOKEN_ID_SIZE];
    char text[2 * TOKEN_ID_SIZE];
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
        return NULL;
    }
    base64url_encode(bytes, sizeof(bytes), text);
    return json_stringn(text, base64url_encoded_size(sizeof(bytes)));
}

/* What the server will ask for: the key's own, or the first that is accepted. */
static const char *first_accepted(const char *bound, const char *const *accepted, size_t count)
{
    return bound[0] != '\0' ? bound : count > 0 ? accepted[0] : NULL;
}

static bool set_text(json_t *claims, const char *name, const char *text)
{
    return text == NULL || json_object_set_new(claims, name, json_string(text)) == 0;
}

/* False without memory, or when the user is no UTF-8. */
static bool set_own(json_t *claims, const struct config *config, const struct config_key *key,
                    const struct token_order *order)
{
    const int64_t now_s = (int64_t)time(NULL);
    const struct token_policy *policy = &config->auth.policy;
    return set_text(claims, policy->user_claims[0], order->user) &&
           json_object_set_new(claims, "iat", json_integer(now_s)) == 0 &&
           json_object_set_new(claims, "exp", json_integer(now_s + order->ttl_s)) == 0 &&
           json_object_set_new(claims, "jti", token_id()) == 0 &&
           set_text(claims, "iss", first_accepted(key->issuer, policy->issuers, policy->issuer_count)) &&
           set_text(claims, "aud", first_accepted(key->audience, policy->audiences, policy->audience_count));
}

/* JSON where it is well-formed, else the text. NULL when it is neither that nor UTF-8, or without memory. */
static json_t *parse_value(const char *text)
{
    static const struct json_bounds bounds = {.max_size = JWS_TOKEN_MAX, .max_depth = JWS_DEPTH_MAX};
    json_t *value = NULL;
    if (json_bounds_check(&bounds, (const uint8_t *)text, strlen(text)) == JSON_BOUNDS_OK) {
        value = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    }
    return value != NULL ? value : json_string(text);
}

static bool set_claims(json_t *claims, const struct token_order *order)
{
    for (size_t i = 0; i < order->claim_count; i++) {
        const char *text = order->claims[i];
        const char *equals = strchr(text, '=');
        if (equals == NULL || equals == text) {
            ctl_error("--claim: expected NAME=VALUE, found %s", text);
            return false;
        }
        const size_t size = (size_t)(equals - text);
        for (size_t j = 0; j < i; j++) {
            if (strncmp(order->claims[j], text, size + 1) == 0) {
                ctl_error("--claim: %.*s is given twice", (int)size, text);
                return false;
            }
        }
        char *name = strndup(text, size);
        const bool set = name != NULL && json_object_set_new(claims, name, parse_value(equals + 1)) == 0;
        free(name);
        if (!set) {
            ctl_error("--claim: %s: not UTF-8, or no memory", text);
            return false;
        }
    }
    return true;
}

/* ---- the token ---- */

/* A token that is not good for this server may be just what is wanted, but not without being told. */
static void warn_refused(const struct config *config, const char *token)
{
    const struct token_context context = {0};
    struct identity *identity = NULL;
    const enum token_verdict verdict =
        token_check(&config->auth.policy, &context, token, strlen(token), (int64_t)time(NULL), &identity);
    identity_free(&identity);
    if (verdict != TOKEN_OK_VERDICT) {
        ctl_error("warning: the server will refuse it: %s", token_verdict_sentence(verdict));
    }
}

static int print_token(const struct config *config, const struct key *key, const json_t *claims)
{
    char *payload = json_dumps(claims, JSON_COMPACT);
    char *token = payload == NULL ? NULL : jws_sign(key, (const uint8_t *)payload, strlen(payload));
    free(payload);
    if (token == NULL) {
        ctl_error("it could not be signed: it would have more than %d bytes, or there is no memory", JWS_TOKEN_MAX);
        return CTL_FAILED;
    }
    printf("%s\n", token);
    warn_refused(config, token);
    explicit_bzero(token, strlen(token));
    free(token);
    return CTL_DONE;
}

int ctl_token_sign(const struct config *config, const struct token_order *order)
{
    int status = CTL_USAGE;
    struct key *key = NULL;
    json_t *claims = json_object();
    const struct config_key *wanted = find_key(config, order->key_id);
    if (wanted == NULL) {
        goto done;
    }
    key = signing_key(config, wanted);
    if (key == NULL) {
        status = CTL_FAILED;
        goto done;
    }
    if (!set_own(claims, config, wanted, order)) {
        ctl_error("--user: not UTF-8, or no memory");
        goto done;
    }
    if (set_claims(claims, order)) {
        status = print_token(config, key, claims);
    }
done:
    if (key != NULL) {
        key_unref(&key);
    }
    json_decref(claims);
    return status;
}
