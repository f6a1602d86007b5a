/*
 * access - see access.h.
 */
#include "server/admin/access.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "auth/secret.h"

#define TOKEN_RANDOM 32 /* bytes of those that are made */

struct hashed_token {
    uint8_t hash[SHA256_DIGEST_LENGTH];
    const struct config_admin_token *token;
};

struct access {
    atomic_uint references;
    const struct config *config;
    size_t count;
    struct hashed_token tokens[];
};

/* What an Authorization field can carry (RFC 6750 §2.1: b64token). */
static bool is_token(const uint8_t *bytes, size_t size)
{
    static const char others[] = "-._~+/=";
    for (size_t i = 0; i < size; i++) {
        uint8_t c = bytes[i];
        bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alphanumeric && (c == '\0' || strchr(others, c) == NULL)) {
            return false;
        }
    }
    return true;
}

/* One newline at the end is not part of it. */
static size_t token_size(const struct secret *secret)
{
    size_t size = secret->size;
    if (size > 0 && secret->bytes[size - 1] == '\n') {
        size--;
    }
    return size;
}

static bool refuse_file(const struct config_admin_token *token, enum secret_status status, char *error,
                        size_t error_size)
{
    bool with_errno = status == SECRET_UNREADABLE || status == SECRET_UNMADE;
    const char *reason = with_errno ? strerror(errno) : "";
    snprintf(error, error_size, "admin token %s: %s %s%s%s", token->name, token->token_file, secret_status_text(status),
             with_errno ? ": " : "", reason);
    return false;
}

/* Makes the file if there is none. */
static bool load_token(const struct config_admin_token *token, struct hashed_token *hashed, char *error,
                       size_t error_size)
{
    struct secret secret = {NULL, 0};
    enum secret_status made = secret_make(token->token_file, TOKEN_RANDOM);
    if (made != SECRET_OK) {
        return refuse_file(token, made, error, error_size);
    }
    enum secret_status status = secret_load(token->token_file, ACCESS_TOKEN_MAX + 1, &secret);
    if (status != SECRET_OK) {
        return refuse_file(token, status, error, error_size);
    }
    size_t size = token_size(&secret);
    bool good = size >= ACCESS_TOKEN_MIN && is_token(secret.bytes, size);
    if (good) {
        hashed->token = token;
        (void)SHA256(secret.bytes, size, hashed->hash);
    } else {
        snprintf(error, error_size,
                 "admin token %s: %s holds no token: it is one line of %d to %d letters, digits and -._~+/=",
                 token->name, token->token_file, ACCESS_TOKEN_MIN, ACCESS_TOKEN_MAX);
    }
    secret_free(&secret);
    return good;
}

struct access *access_create(const struct config *config, char *error, size_t error_size)
{
    size_t count = config->admin.token_count;
    struct access *access = calloc(1, sizeof(*access) + count * sizeof(access->tokens[0]));
    if (access == NULL) {
        snprintf(error, error_size, "%s", strerror(errno));
        return NULL;
    }
    atomic_init(&access->references, 1);
    access->config = config_ref(config);
    for (size_t i = 0; i < count; i++) {
        if (!load_token(&config->admin.tokens[i], &access->tokens[i], error, error_size)) {
            access_unref(&access);
            return NULL;
        }
        access->count++;
    }
    return access;
}

struct access *access_ref(struct access *access)
{
    atomic_fetch_add_explicit(&access->references, 1, memory_order_relaxed);
    return access;
}

void access_unref(struct access **access_pointer)
{
    struct access *access = *access_pointer;
    *access_pointer = NULL;
    if (access != NULL && atomic_fetch_sub_explicit(&access->references, 1, memory_order_acq_rel) == 1) {
        config_unref(&access->config);
        free(access);
    }
}

const struct config *access_config(const struct access *access)
{
    return access->config;
}

/* All are looked at, whichever it is: how long it takes says nothing. */
const struct config_admin_token *access_find(const struct access *access, struct head_span token)
{
    uint8_t hash[SHA256_DIGEST_LENGTH];
    const struct config_admin_token *found = NULL;
    (void)SHA256((const uint8_t *)token.bytes, token.size, hash);
    for (size_t i = 0; i < access->count; i++) {
        bool same = CRYPTO_memcmp(access->tokens[i].hash, hash, sizeof(hash)) == 0;
        found = same ? access->tokens[i].token : found;
    }
    OPENSSL_cleanse(hash, sizeof(hash));
    return found;
}

static bool is_named(const struct access *access, struct head_span name)
{
    for (size_t i = 0; i < access->config->admin.name_count; i++) {
        const char *ours = access->config->admin.names[i];
        if (strlen(ours) == name.size && strncasecmp(ours, name.bytes, name.size) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether the host gives this port, or leaves out the one that is meant then. Cuts it off. The host has passed head_check(). */
static bool take_port(struct head_span *host, uint16_t port)
{
    const char *colon = memchr(host->bytes, ':', host->size);
    if (colon == NULL) {
        return port == 80;
    }
    size_t name_size = (size_t)(colon - host->bytes);
    unsigned given = 0;
    for (size_t i = name_size + 1; i < host->size; i++) {
        if (host->bytes[i] < '0' || host->bytes[i] > '9' || given > UINT16_MAX) {
            return false;
        }
        given = given * 10 + (unsigned)(host->bytes[i] - '0');
    }
    host->size = name_size;
    return given == port;
}

bool access_host_is_ours(const struct access *access, struct head_span host, const struct address *address,
                         uint16_t port)
{
    struct address given;
    if (host.size == 0 || host.bytes[0] == '[' || !take_port(&host, port)) {
        return false;
    }
    return is_named(access, host) ||
           (address_parse(host.bytes, host.size, &given) == ADDRESS_OK && address_equal(&given, address));
}

bool access_is_open_to(const struct access *access, const struct address *peer)
{
    for (size_t i = 0; i < access->config->admin.open_to_count; i++) {
        if (prefix_contains(&access->config->admin.open_to[i], peer)) {
            return true;
        }
    }
    return false;
}
