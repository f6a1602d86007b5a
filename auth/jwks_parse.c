/*
 * jwks_parse - key sets (RFC 7517 §5) from bytes. Called by the thread that fetches them; pure.
 */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "auth/jwk.h"
#include "auth/jwks.h"
#include "validate/json_bounds.h"
#include "validate/json_parse.h"

#define DEPTH_MAX 16 /* of nested JSON; a set needs four, and what else it may hold hardly more */

/* A set on its way to a ring. */
struct set {
    const char *issuer;
    const char *audience;
    struct key *keys[JWKS_KEYS_MAX];
    size_t count;
    size_t skipped;
    size_t with_private;
    enum key_status status; /* of the last that was skipped */
    bool no_memory;
};

/* The object, owned; NULL: `error` says why. */
static json_t *parse_json(const uint8_t *bytes, size_t size, char *error, size_t error_size)
{
    const struct json_bounds bounds = {.max_size = JWKS_SIZE_MAX, .max_depth = DEPTH_MAX};
    const enum json_bounds_status status = json_bounds_check(&bounds, bytes, size);
    json_error_t reason;
    if (status != JSON_BOUNDS_OK) {
        (void)snprintf(error, error_size, "no key set: %s",
                       status == JSON_BOUNDS_TOO_LARGE ? "It is larger than 256 KiB." : json_bounds_sentence(status));
        return NULL;
    }
    json_t *root = json_parse(bytes, size, JSON_REJECT_DUPLICATES, &reason);
    if (root == NULL) {
        /* Without the parser's own text, which quotes what somebody sent. */
        (void)snprintf(error, error_size, "no key set: not JSON, or a member twice (line %d, column %d)", reason.line,
                       reason.column);
    }
    return root;
}

/* A second key of the same "kid" and algorithm could not be told from the first: the first is it. */
static bool is_duplicate(const struct set *set, const struct key *key)
{
    for (size_t i = 0; i < set->count; i++) {
        if (key_id(key)[0] != '\0' && key_algorithm(set->keys[i]) == key_algorithm(key) &&
            strcmp(key_id(set->keys[i]), key_id(key)) == 0) {
            return true;
        }
    }
    return false;
}

static void take_key(struct set *set, const json_t *jwk)
{
    struct key *key = NULL;
    bool has_private = false;
    enum key_status status = KEY_SYNTAX;
    if (json_is_object(jwk)) {
        status = jwk_read(jwk, set->issuer, set->audience, &has_private, &key);
        set->with_private += has_private ? 1 : 0;
    }
    if (status == KEY_OK && !is_duplicate(set, key)) {
        set->keys[set->count++] = key;
        return;
    }
    set->no_memory = set->no_memory || status == KEY_NO_MEMORY;
    if (status != KEY_OK) {
        set->status = status;
    }
    set->skipped++;
    key_unref(&key);
}

static void take_keys(struct set *set, const json_t *jwks)
{
    const size_t count = json_array_size(jwks);
    for (size_t i = 0; i < count; i++) {
        if (set->count == JWKS_KEYS_MAX) {
            set->skipped += count - i;
            return;
        }
        take_key(set, json_array_get(jwks, i));
    }
}

/* What is wrong with the set as a whole, or NULL. */
static const char *judge(const struct set *set)
{
    if (set->no_memory) {
        return "no memory";
    }
    if (set->count > 0) {
        return NULL;
    }
    return set->skipped == 0 ? "there is no key in it" : key_status_text(set->status);
}

struct keyring *jwks_parse(const uint8_t *bytes, size_t size, const char *issuer, const char *audience,
                           size_t *skipped_r, char *error, size_t error_size)
{
    struct set set = {.issuer = issuer, .audience = audience};
    struct keyring *ring = NULL;
    json_t *root = parse_json(bytes, size, error, error_size);
    if (root == NULL) {
        return NULL;
    }
    const json_t *jwks = json_object_get(root, "keys");
    if (!json_is_array(jwks)) {
        (void)snprintf(error, error_size, "no key set: not an object with an array \"keys\"");
        goto done;
    }
    take_keys(&set, jwks);
    const char *wrong = judge(&set);
    if (wrong == NULL && (ring = keyring_create(set.keys, set.count)) == NULL) {
        wrong = "no memory";
    }
    if (wrong != NULL) {
        (void)snprintf(error, error_size, "none of its keys can be used: %s%s", set.skipped > 0 ? "the last " : "",
                       wrong);
        goto done;
    }
    (void)snprintf(error, error_size, "%s",
                   set.with_private > 0 ? "the set publishes private members of its keys, which everybody can use"
                                        : "");
    *skipped_r = set.skipped;
done:
    for (size_t i = 0; i < set.count; i++) {
        key_unref(&set.keys[i]);
    }
    json_decref(root);
    return ring;
}
