/*
 * check_auth - keys and their files, key sets, and what endpoints say of tokens, origins and permissions.
 * Called by check.c, on the thread that loads.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "auth/key.h"
#include "auth/keyring.h"
#include "auth/secret.h"
#include "server/config/check_private.h"
#include "server/config/file.h"

#define PEM_MAX    (64 * 1024)          /* bytes of a key's file: a chain of certificates may follow the first */
#define SECRET_MAX (KEY_SECRET_MAX + 2) /* with the newline that is not part of it */

/* ---- keys ---- */

/* Reports a file where the algorithm has no use for one. */
static void refuse_file(struct check *check, size_t index, const char *member, const char *file, const char *algorithm)
{
    if (file[0] != '\0') {
        struct place place;
        place_of_member(&place, check, "auth", "keys", index, member);
        report_error(check->report, place.line, place.path, "not for %s", algorithm);
    }
}

/* Whether the key names the files that its algorithm wants and no others. */
static bool check_key_files(struct check *check, const struct config_key *key, size_t index, bool hmac)
{
    const unsigned errors = check->report->errors;
    struct place place;
    if (hmac) {
        refuse_file(check, index, "public_key_file", key->public_key_file, key->algorithm);
        refuse_file(check, index, "private_key_file", key->private_key_file, key->algorithm);
        if (key->secret_file[0] == '\0') {
            place_of_member(&place, check, "auth", "keys", index, "secret_file");
            report_error(check->report, place.line, place.path, "missing; %s wants one", key->algorithm);
        }
    } else {
        refuse_file(check, index, "secret_file", key->secret_file, key->algorithm);
        if (key->public_key_file[0] == '\0' && key->private_key_file[0] == '\0') {
            place_of_member(&place, check, "auth", "keys", index, "public_key_file");
            report_error(check->report, place.line, place.path, "missing; %s wants it, or private_key_file",
                         key->algorithm);
        }
        if (key->weak) {
            place_of_member(&place, check, "auth", "keys", index, "weak");
            report_error(check->report, place.line, place.path, "not for %s: it is about secrets", key->algorithm);
        }
    }
    return check->report->errors == errors;
}

static bool report_key(struct check *check, const struct place *place, const char *file, enum key_status status)
{
    if (status != KEY_OK) {
        report_error(check->report, place->line, place->path, "%s %s", file, key_status_text(status));
    }
    return status == KEY_OK;
}

/* What only its owner may read: an HMAC secret, or a private key. NULL when it cannot be used, which is reported, or is not there
 * yet. */
static struct key *load_secret(struct check *check, const struct key_setup *setup, const struct place *place,
                               const char *file, bool hmac)
{
    struct key *key = NULL;
    struct secret secret = {NULL, 0};
    const unsigned errors = check->report->errors;
    check_secret_file(check, place, file, hmac);
    if (check->report->errors > errors) {
        return NULL;
    }
    const enum secret_status status = secret_load(file, hmac ? SECRET_MAX : PEM_MAX, &secret);
    if (status == SECRET_OK) {
        (void)report_key(check, place, file,
                         hmac ? key_from_secret(setup, secret.bytes, secret.size, &key)
                              : key_from_pem(setup, secret.bytes, secret.size, &key));
    } else if (status != SECRET_MISSING || !hmac) {
        report_error(check->report, place->line, place->path, "%s %s", file, secret_status_text(status));
    }
    secret_free(&secret);
    return key;
}

/* A public key may lie open. A private one in its place would lie open, too. */
static struct key *load_public(struct check *check, const struct key_setup *setup, const struct place *place,
                               const char *file)
{
    struct key *key = NULL;
    char *bytes = NULL;
    size_t size = 0;
    const char *error = file_read(file, PEM_MAX, &bytes, &size);
    if (error != NULL) {
        report_error(check->report, place->line, place->path, "%s cannot be read: %s", file, error);
    } else if (strstr(bytes, "PRIVATE KEY") != NULL) {
        report_error(check->report, place->line, place->path, "%s holds a private key: name it private_key_file", file);
    } else {
        (void)report_key(check, place, file, key_from_pem(setup, (const uint8_t *)bytes, size, &key));
    }
    free(bytes);
    return key;
}

/* Resolves a key's files, and loads the one that verifies. NULL when there is none, or not yet. */
static struct key *check_key(struct check *check, struct config_key *key, size_t index)
{
    enum algorithm algorithm;
    if (!algorithm_find(key->algorithm, strlen(key->algorithm), &algorithm)) {
        return NULL; /* reported with its value */
    }
    const bool hmac = algorithm_family(algorithm) == ALGORITHM_HMAC;
    const bool named = check_key_files(check, key, index, hmac);
    key->secret_file = check_resolve(check, check->config->state_dir, key->secret_file);
    key->public_key_file = check_resolve(check, check->folder, key->public_key_file);
    key->private_key_file = check_resolve(check, check->folder, key->private_key_file);
    if (!named || !check->use_files || check->arena->failed) {
        return NULL;
    }
    const struct key_setup setup = {
        .id = key->id,
        .algorithm = algorithm,
        .issuer = key->issuer,
        .audience = key->audience,
        .weak = key->weak,
    };
    const bool public = key->public_key_file[0] != '\0';
    struct place place;
    place_of_member(&place, check, "auth", "keys", index,
                    hmac     ? "secret_file"
                    : public ? "public_key_file"
                             : "private_key_file");
    if (public) {
        return load_public(check, &setup, &place, key->public_key_file);
    }
    return load_secret(check, &setup, &place, hmac ? key->secret_file : key->private_key_file, hmac);
}

/* Fills `loaded`, which has room for all; returns how many there are. */
static size_t check_keys(struct check *check, struct key **loaded)
{
    struct config *config = check->config;
    struct config_key *keys = check_copy_array(check, config->auth.keys, config->auth.key_count, sizeof(*keys));
    size_t count = 0;
    for (size_t i = 0; keys != NULL && i < config->auth.key_count; i++) {
        struct place place;
        place_of_member(&place, check, "auth", "keys", i, "id");
        for (size_t j = 0; j < i; j++) {
            if (check_repeated(check, &place, keys[i].id, keys[j].id, j)) {
                break;
            }
        }
        loaded[count] = check_key(check, &keys[i], i);
        count += loaded[count] != NULL;
    }
    if (keys != NULL) {
        config->auth.keys = keys;
    }
    return count;
}

static struct keyring *make_keyring(struct check *check)
{
    /* One more: an array of none is no memory to some allocators. */
    struct key **loaded = calloc(check->config->auth.key_count + 1, sizeof(struct key *));
    struct keyring *ring = NULL;
    if (loaded != NULL) {
        const size_t count = check_keys(check, loaded);
        ring = keyring_create(loaded, count);
        for (size_t i = 0; i < count; i++) {
            key_unref(&loaded[i]);
        }
    }
    free(loaded);
    check->arena->failed = check->arena->failed || ring == NULL;
    return ring;
}

/* ---- key sets ---- */

static void check_jwks(struct check *check)
{
    struct config *config = check->config;
    struct config_jwks *sets = check_copy_array(check, config->auth.jwks, config->auth.jwks_count, sizeof(*sets));
    for (size_t i = 0; sets != NULL && i < config->auth.jwks_count; i++) {
        struct place place;
        place_of_member(&place, check, "auth", "jwks", i, "url");
        for (size_t j = 0; j < i; j++) {
            if (check_repeated(check, &place, sets[i].url, sets[j].url, j)) {
                break;
            }
        }
        place_of_member(&place, check, "auth", "jwks", i, "ca_file");
        sets[i].ca_file = check_resolve(check, check->folder, sets[i].ca_file);
        if (sets[i].ca_file[0] != '\0') {
            check_certificate(check, &place, sets[i].ca_file);
        }
        place_of_member(&place, check, "auth", "jwks", i, "max_age");
        if (sets[i].max_age_ms < sets[i].ttl_ms) {
            report_error(check->report, place.line, place.path, "less than ttl: there would be times without keys");
        }
    }
    if (sets != NULL) {
        config->auth.jwks = sets;
    }
}

void check_auth(struct check *check)
{
    struct config *config = check->config;
    check_jwks(check);
    config->auth.policy = (struct token_policy){
        .keys = make_keyring(check),
        .issuers = config->auth.issuers,
        .issuer_count = config->auth.issuer_count,
        .audiences = config->auth.audiences,
        .audience_count = config->auth.audience_count,
        .user_claims = config->auth.user_claims,
        .user_claim_count = config->auth.user_claim_count,
        .require_expiry = config->auth.require_expiry,
        .leeway_s = (config->auth.leeway_ms + 999) / 1000, /* rather more than none */
        .max_lifetime_s = (int64_t)(config->auth.max_token_lifetime_ms / 1000),
        .max_size = config->auth.max_token,
    };
}

/* ---- endpoints ---- */

/* Reports words of endpoints[index].`member` that stand there twice. */
static void check_words(struct check *check, size_t index, const char *member, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct place place;
        place_of_member(&place, check, "endpoints", NULL, index, member);
        place_go(&place, NULL, i);
        for (size_t j = 0; j < i; j++) {
            if (check_repeated(check, &place, words[i], words[j], j)) {
                break;
            }
        }
    }
}

static unsigned source_bit(const char *word)
{
    static const struct {
        const char *word;
        enum config_token_source bit;
    } sources[] = {
        {"header", CONFIG_TOKEN_HEADER},
        {"subprotocol", CONFIG_TOKEN_SUBPROTOCOL},
        {"message", CONFIG_TOKEN_MESSAGE},
        {"query", CONFIG_TOKEN_QUERY},
    };
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        if (strcmp(word, sources[i].word) == 0) {
            return sources[i].bit;
        }
    }
    return 0; /* reported with its value */
}

static void add_rules(struct permission_rule *rules, size_t *count, const char *const *patterns, size_t pattern_count,
                      enum permission allowed)
{
    for (size_t i = 0; i < pattern_count; i++) {
        rules[(*count)++] = (struct permission_rule){
            .pattern = patterns[i],
            .wildcard = strchr(patterns[i], '*') != NULL,
            .allowed = allowed,
        };
    }
}

/* The endpoint's channels as rules. Which paths a token is for, tokens alone say. */
static void make_defaults(struct check *check, struct config_endpoint *endpoint)
{
    const size_t most = endpoint->permissions.subscribe_count + endpoint->permissions.publish_count +
                        endpoint->permissions.presence_count + endpoint->permissions.history_count;
    struct permission_rule *rules = arena_array(check->arena, most, sizeof(*rules));
    size_t count = 0;
    if (rules == NULL) {
        return;
    }
    add_rules(rules, &count, endpoint->permissions.subscribe, endpoint->permissions.subscribe_count,
              PERMISSION_SUBSCRIBE);
    add_rules(rules, &count, endpoint->permissions.publish, endpoint->permissions.publish_count, PERMISSION_PUBLISH);
    add_rules(rules, &count, endpoint->permissions.presence, endpoint->permissions.presence_count, PERMISSION_PRESENCE);
    add_rules(rules, &count, endpoint->permissions.history, endpoint->permissions.history_count, PERMISSION_HISTORY);
    endpoint->defaults = (struct permissions){.rules = rules, .rule_count = count};
}

void check_endpoint_access(struct check *check, struct config_endpoint *endpoint, size_t index)
{
    check_words(check, index, "token_sources", endpoint->token_source_words, endpoint->token_source_count);
    check_words(check, index, "origins", endpoint->origins, endpoint->origin_count);
    endpoint->token_sources = 0;
    for (size_t i = 0; i < endpoint->token_source_count; i++) {
        endpoint->token_sources |= source_bit(endpoint->token_source_words[i]);
    }
    make_defaults(check, endpoint);
}

/* ---- warnings ---- */

/* The first listener through which tokens would travel in the clear, or listener_count. */
static size_t find_open_listener(const struct config *config)
{
    size_t i = 0;
    while (i < config->listener_count &&
           (config->listeners[i].tls || address_is_loopback(&config->listeners[i].address))) {
        i++;
    }
    return i;
}

static void warn_endpoint(struct check *check, size_t index, size_t open_listener)
{
    const struct config *config = check->config;
    const struct config_endpoint *endpoint = &config->endpoints[index];
    struct place place;
    place_of_member(&place, check, "endpoints", NULL, index, "auth");
    if (config->auth.key_count == 0 && config->auth.jwks_count == 0) {
        report_warning(check->report, place.line, place.path,
                       "auth.keys and auth.jwks are empty: no token can be checked, and nobody comes in");
    }
    if (open_listener < config->listener_count) {
        report_warning(check->report, place.line, place.path,
                       "tokens cross the network unencrypted: listeners[%zu] is neither TLS nor loopback",
                       open_listener);
    }
    if ((endpoint->token_sources & CONFIG_TOKEN_QUERY) != 0) {
        place_of_member(&place, check, "endpoints", NULL, index, "token_sources");
        report_warning(check->report, place.line, place.path,
                       "\"query\": URLs are kept in histories and in the logs of proxies, and tokens with them");
    }
}

void check_warn_access(struct check *check)
{
    const struct config *config = check->config;
    const size_t open_listener = find_open_listener(config);
    for (size_t i = 0; i < config->endpoint_count; i++) {
        if (config->endpoints[i].auth == CONFIG_AUTH_TOKEN) {
            warn_endpoint(check, i, open_listener);
        }
    }
}
