/*
 * jwks_source - see jwks_source.h. Called under the lock of jwks.c.
 */
#include "auth/jwks_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A failed fetch is tried again after about one second, then two, four..., up to five minutes or the ttl. */
#define RETRY_MIN_MS       1000
#define RETRY_MAX_MS       (5 * 60 * 1000)
#define RETRY_DOUBLE_UP_TO 16 /* times: more does not fit below the maximum */

struct source *source_create(const struct jwks_source *config, int64_t now_ms)
{
    struct source *source = calloc(1, sizeof(*source));
    if (source == NULL) {
        return NULL;
    }
    source->config = *config;
    source->config.url = strdup(config->url);
    source->config.issuer = strdup(config->issuer);
    source->config.audience = strdup(config->audience);
    source->config.ca_file = strdup(config->ca_file);
    source->due_ms = now_ms;
    source->began_ms = -JWKS_NEVER;
    if (source->config.url == NULL || source->config.issuer == NULL || source->config.audience == NULL ||
        source->config.ca_file == NULL) {
        source_destroy(&source);
    }
    return source;
}

void source_destroy(struct source **source_pointer)
{
    struct source *source = *source_pointer;
    if (source == NULL) {
        return;
    }
    *source_pointer = NULL;
    keyring_unref(&source->keys);
    free((char *)(uintptr_t)source->config.url);
    free((char *)(uintptr_t)source->config.issuer);
    free((char *)(uintptr_t)source->config.audience);
    free((char *)(uintptr_t)source->config.ca_file);
    free(source);
}

bool source_matches(const struct source *source, const struct jwks_source *config)
{
    return strcmp(source->config.url, config->url) == 0 && strcmp(source->config.issuer, config->issuer) == 0 &&
           strcmp(source->config.audience, config->audience) == 0 &&
           strcmp(source->config.ca_file, config->ca_file) == 0;
}

void source_retime(struct source *source, const struct jwks_source *config, int64_t now_ms)
{
    source->config.ttl_ms = config->ttl_ms;
    source->config.cooldown_ms = config->cooldown_ms;
    source->config.max_age_ms = config->max_age_ms;
    const int64_t latest_ms = now_ms + (int64_t)config->ttl_ms;
    if (!source->fetching && source->due_ms > latest_ms) {
        source->due_ms = latest_ms;
    }
}

/* However many tokens ask, and whoever asked last: since the last fetch began, the cooldown must be over. */
bool source_miss(struct source *source, int64_t now_ms)
{
    if (source->fetching || source->due_ms <= now_ms) {
        return true;
    }
    if (source->began_ms != -JWKS_NEVER && now_ms - source->began_ms < (int64_t)source->config.cooldown_ms) {
        return false;
    }
    source->due_ms = now_ms;
    return true;
}

/* `part` of the time less at most, so that many servers do not ask all at once. */
static int64_t with_jitter(int64_t time_ms, int64_t part, uint32_t random)
{
    const int64_t spread_ms = time_ms / part;
    return spread_ms == 0 ? time_ms : time_ms - (int64_t)random % spread_ms;
}

void source_began(struct source *source, int64_t now_ms, int64_t now_s)
{
    source->fetching = true;
    source->began_ms = now_ms;
    source->attempted_s = now_s;
    source->due_ms = JWKS_NEVER;
}

void source_succeeded(struct source *source, struct keyring *keys, uint32_t random, int64_t now_ms, int64_t now_s)
{
    keyring_unref(&source->keys);
    source->keys = keys;
    source->fetching = false;
    source->fetched_ms = now_ms;
    source->fetched_s = now_s;
    source->failures = 0;
    source->error[0] = '\0';
    source->due_ms = now_ms + with_jitter(source->config.ttl_ms, 10, random);
}

void source_failed(struct source *source, const char *error, uint32_t random, int64_t now_ms)
{
    const unsigned doublings = source->failures < RETRY_DOUBLE_UP_TO ? (unsigned)source->failures : RETRY_DOUBLE_UP_TO;
    int64_t wait_ms = (int64_t)RETRY_MIN_MS << doublings;
    const int64_t most_ms = source->config.ttl_ms < RETRY_MAX_MS ? (int64_t)source->config.ttl_ms : RETRY_MAX_MS;
    wait_ms = wait_ms < most_ms ? wait_ms : most_ms;
    source->fetching = false;
    source->failures++;
    (void)snprintf(source->error, sizeof(source->error), "%s", error);
    source->due_ms = now_ms + with_jitter(wait_ms, 2, random);
}

int64_t source_expires_ms(const struct source *source)
{
    if (source->keys == NULL || source->config.max_age_ms > (uint64_t)(JWKS_NEVER - source->fetched_ms)) {
        return JWKS_NEVER;
    }
    return source->fetched_ms + (int64_t)source->config.max_age_ms;
}
