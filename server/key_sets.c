/*
 * key_sets - see key_sets.h.
 */
#include "server/key_sets.h"

#include <errno.h>
#include <stdlib.h>

/* Borrows the config's strings. NULL without memory. */
static struct jwks_source *sources_of(const struct config *config)
{
    struct jwks_source *sources = calloc(config->auth.jwks_count + 1, sizeof(*sources));
    for (size_t i = 0; sources != NULL && i < config->auth.jwks_count; i++) {
        const struct config_jwks *set = &config->auth.jwks[i];
        sources[i] = (struct jwks_source){.url = set->url,
                                          .issuer = set->issuer,
                                          .audience = set->audience,
                                          .ca_file = set->ca_file,
                                          .ttl_ms = set->ttl_ms,
                                          .cooldown_ms = set->cooldown_ms,
                                          .max_age_ms = set->max_age_ms};
    }
    return sources;
}

struct jwks *key_sets_start(const struct config *config, struct log *log)
{
    struct jwks_source *sources = sources_of(config);
    struct jwks *jwks = sources != NULL ? jwks_start(sources, config->auth.jwks_count, log) : NULL;
    int error = errno;
    free(sources);
    errno = error;
    return jwks;
}

bool key_sets_configure(struct jwks *jwks, const struct config *config)
{
    struct jwks_source *sources = sources_of(config);
    bool good = sources != NULL && jwks_configure(jwks, sources, config->auth.jwks_count);
    free(sources);
    return good;
}
