/*
 * jwks_source - one source of keys: what the config says of it, the last good set, and when it is to be fetched. State without
 * clock, lock or socket; jwks.c has those.
 */
#ifndef PORTCULLIS_AUTH_JWKS_SOURCE_H
#define PORTCULLIS_AUTH_JWKS_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/jwks.h"

#define JWKS_NEVER INT64_MAX

struct jwks_fetch;

struct source {
    struct jwks_source config; /* strings are owned */
    struct keyring *keys;      /* the last good set, or NULL */
    struct jwks_fetch *fetch;  /* while one is under way; the fetching thread's */
    bool fetching;             /* the same, for the others */
    struct source *next;       /* among those that the config has dropped */

    /* Milliseconds of the monotonic clock. */
    int64_t due_ms;     /* when it is fetched next */
    int64_t began_ms;   /* the last fetch; -JWKS_NEVER: none yet */
    int64_t fetched_ms; /* the last good one ended */

    /* For people. */
    int64_t fetched_s;
    int64_t attempted_s;
    uint64_t failures;
    char error[256];
};

/* Due at once. NULL without memory. */
struct source *source_create(const struct jwks_source *config, int64_t now_ms);
void source_destroy(struct source **source);

/* Whether what was fetched for `source` is what `config` asks for: the same place, and keys that may sign the same. */
bool source_matches(const struct source *source, const struct jwks_source *config);
/* Takes the times of a config that it matches. */
void source_retime(struct source *source, const struct jwks_source *config, int64_t now_ms);

/* A token names a key that no set has. True when it is being fetched, or is now due. */
bool source_miss(struct source *source, int64_t now_ms);

void source_began(struct source *source, int64_t now_ms, int64_t now_s);
/* Takes the reference. */
void source_succeeded(struct source *source, struct keyring *keys, uint32_t random, int64_t now_ms, int64_t now_s);
void source_failed(struct source *source, const char *error, uint32_t random, int64_t now_ms);

/* When its set is too old to be used; JWKS_NEVER when it has none. */
int64_t source_expires_ms(const struct source *source);

#endif
