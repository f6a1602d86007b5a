/*
 * jwks - key sets (RFC 7517) of identity providers, fetched over HTTPS by a thread of its own.
 *
 * Readers never wait: they take a reference to the last good set. A key that is not in it asks for a fetch, which happens at most
 * once per cooldown, however many such tokens come.
 */
#ifndef PORTCULLIS_AUTH_JWKS_H
#define PORTCULLIS_AUTH_JWKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/keyring.h"
#include "logging/log.h"

#define JWKS_SIZE_MAX   (256 * 1024) /* bytes of a set */
#define JWKS_KEYS_MAX   64           /* of a set that are used */
#define JWKS_TIMEOUT_MS 10000        /* of a fetch, name look-up and all */

struct jwks_source {
    const char *url;
    const char *issuer;
    const char *audience;
    const char *ca_file;
    uint32_t ttl_ms;
    uint32_t cooldown_ms;
    uint64_t max_age_ms;
};

/* How it stands with one source. */
struct jwks_state {
    const char *url; /* valid during the call only */
    size_t key_count;
    int64_t fetched_s;   /* wall clock of the last good fetch; 0: none yet */
    int64_t attempted_s; /* of the last attempt; 0: none yet */
    uint64_t failures;   /* since the last good one */
    char error[256];     /* of the last attempt; "" when it was good */
};

struct jwks;

/* Once, before there is a second thread: what libcurl needs. False when it cannot be used. */
__attribute__((warn_unused_result)) bool jwks_prepare_process(void);

/* Copies the sources and starts the thread (none without sources), which fetches all of them at once. NULL with errno set. Main
 * thread. */
struct jwks *jwks_start(const struct jwks_source *sources, size_t count, struct log *log);
/* Takes new sources; what was fetched of one whose URL, issuer, audience and CA file stay is kept. False without memory: the old ones stay. One thread. */
__attribute__((warn_unused_result)) bool jwks_configure(struct jwks *jwks, const struct jwks_source *sources,
                                                        size_t count);
/* Ends the thread within a second, whatever a server does. Main thread. */
void jwks_stop(struct jwks **jwks);

/* The keys of all sources as they are now, each bound to its source's issuer and audience; the caller's reference. Never NULL. Any
 * thread, without waiting. */
struct keyring *jwks_keys(struct jwks *jwks);
/* A token names a key that is in no set: true when a fetch is under way or has been asked for, false when the cooldown says no. */
bool jwks_miss(struct jwks *jwks, const char *key_id);

/* Calls `each` for every source. Any thread. */
void jwks_describe(struct jwks *jwks, void (*each)(void *context, const struct jwks_state *state), void *context);

/* Parses a set: keys that cannot be used (unknown kinds, "use":"enc", oct, weak ones), those of the same "kid" and algorithm as
 * one before, and those beyond JWKS_KEYS_MAX are left out and counted. NULL when it is no key set, or none of its keys can be
 * used; `error` says why. Of a set that is taken, `error` is a warning, or "". Pure; fuzzed. */
struct keyring *jwks_parse(const uint8_t *bytes, size_t size, const char *issuer, const char *audience,
                           size_t *skipped_r, char *error, size_t error_size);

#endif
