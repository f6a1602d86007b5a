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
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "auth/base64url.h"
#include "auth/jws.h"
#include "auth/secret.h"
#include "server/ctl/command.h"
#include "server/ctl/token.h"
#include "server/ctl/token_jwt.h"
#include "server/secrets.h"
#include "validate/json_bounds.h"

#define FILE_MAX      (64 * 1024) /* bytes of a key */
#define TOKEN_ID_SIZE 16          /* random bytes of a "jti": no two are ever alike */

/* A key, and the bytes that it was made of: libjwt makes its own. */
struct signer {
    struct key *key;
    struct secret file;
};

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

static void tell_made(const char *file)
{
    char *path = realpath(file, NULL);
    ctl_error("made %s: the server has to use the same", path != NULL ? path : file);
    free(path);
}

/* A server that is started as another user could not read what root makes here. */
static bool is_ours(const struct config *config)
{
    struct stat folder;
    if (geteuid() != 0 || config->privileges.user[0] != '\0' || stat(config->state_dir, &folder) != 0 ||
        folder.st_uid == 0) {
        return true;
    }
    ctl_error("%s belongs to another user: start the server, which makes the secret, or do this as that user",
              config->state_dir);
    return false;
}

/* As the server does when it starts, unless the secret is there. False: reported. */
static bool make_secret(const char *file, const struct config **config, const char *id)
{
    char error[512];
    const struct config_key *wanted = find_key(*config, id);
    if (wanted == NULL || wanted->secret_file[0] == '\0' || secret_check(wanted->secret_file) != SECRET_MISSING) {
        return wanted != NULL;
    }
    if (!is_ours(*config)) {
        return false;
    }
    if (!secrets_complete(file, config, NULL, error, sizeof(error))) {
        ctl_error("%s", error);
        return false;
    }
    wanted = find_key(*config, id);
    if (wanted != NULL) {
        tell_made(wanted->secret_file);
    }
    return wanted != NULL;
}

static void clear_signer(struct signer *signer)
{
    key_unref(&signer->key);
    secret_free(&signer->file);
}

/* False: reported. */
static bool load_signer(const struct config_key *wanted, struct signer *signer)
{
    struct key_setup setup = {
        .id = wanted->id, .issuer = wanted->issuer, .audience = wanted->audience, .weak = wanted->weak};
    if (!algorithm_find(wanted->algorithm, strlen(wanted->algorithm), &setup.algorithm)) {
        return false; /* no config gets that far */
    }
    const bool hmac = algorithm_family(setup.algorithm) == ALGORITHM_HMAC;
    const char *file = hmac ? wanted->secret_file : wanted->private_key_file;
    if (file[0] == '\0') {
        ctl_error("key %s has no private_key_file: it can verify, but not sign", wanted->id);
        return false;
    }
    errno = 0;
    const enum secret_status status = secret_load(file, FILE_MAX, &signer->file);
    if (status != SECRET_OK) {
        ctl_error("%s %s%s%s", file, secret_status_text(status), status == SECRET_UNREADABLE ? ": " : "",
                  status == SECRET_UNREADABLE ? strerror(errno) : "");
        return false;
    }
    enum key_status parsed = hmac ? key_from_secret(&setup, signer->file.bytes, signer->file.size, &signer->key)
                                  : key_from_pem(&setup, signer->file.bytes, signer->file.size, &signer->key);
    if (parsed == KEY_OK && !key_can_sign(signer->key)) {
        parsed = KEY_NOT_PRIVATE;
    }
    if (parsed != KEY_OK) {
        ctl_error("%s %s", file, key_status_text(parsed));
    }
    return parsed == KEY_OK;
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

/* Whether `token` says these claims, and its signature is right: by other code than has made it. */
static bool is_sound(const struct key *key, const char *token, const json_t *claims)
{
    struct jws jws;
    if (jws_parse(token, strlen(token), &jws) != JWS_OK) {
        return false;
    }
    json_t *said = json_loadb((const char *)jws.payload, jws.payload_size, JSON_REJECT_DUPLICATES, NULL);
    const bool sound =
        strcmp(jws.key_id, key_id(key)) == 0 && jws_verify(&jws, key) && said != NULL && json_equal(said, claims) == 1;
    json_decref(said);
    jws_free(&jws);
    return sound;
}

static char *sign(const struct signer *signer, const char *payload)
{
    return token_jwt_signs(key_algorithm(signer->key))
               ? token_jwt_sign(signer->key, signer->file.bytes, signer->file.size, payload)
               : jws_sign(signer->key, (const uint8_t *)payload, strlen(payload));
}

static void wipe(char *token)
{
    if (token != NULL) {
        explicit_bzero(token, strlen(token));
        free(token);
    }
}

static int print_token(const struct config *config, const struct signer *signer, const json_t *claims)
{
    char *payload = json_dumps(claims, JSON_COMPACT);
    char *token = payload == NULL ? NULL : sign(signer, payload);
    int status = CTL_FAILED;
    free(payload);
    if (token == NULL || strlen(token) > JWS_TOKEN_MAX) {
        ctl_error("it could not be signed: it would have more than %d bytes, or there is no memory", JWS_TOKEN_MAX);
    } else if (!is_sound(signer->key, token, claims)) {
        ctl_error("what was signed is not what was meant to be, and is not shown");
    } else {
        printf("%s\n", token);
        warn_refused(config, token);
        status = CTL_DONE;
    }
    wipe(token);
    return status;
}

int ctl_token_sign(const char *file, const struct config **config, const struct token_order *order)
{
    int status = CTL_USAGE;
    struct signer signer = {NULL, {NULL, 0}};
    json_t *claims = json_object();
    const struct config_key *wanted = find_key(*config, order->key_id);
    if (wanted == NULL) {
        goto done;
    }
    if (!make_secret(file, config, order->key_id) || (wanted = find_key(*config, order->key_id)) == NULL ||
        !load_signer(wanted, &signer)) {
        status = CTL_FAILED;
        goto done;
    }
    if (!set_own(claims, *config, wanted, order)) {
        ctl_error("--user: not UTF-8, or no memory");
        goto done;
    }
    if (set_claims(claims, order)) {
        status = print_token(*config, &signer, claims);
    }
done:
    clear_signer(&signer);
    json_decref(claims);
    return status;
}
