/*
 * token - the two halves of `portcullisctl token`: signing and inspecting. One thread.
 */
#ifndef PORTCULLIS_CTL_TOKEN_H
#define PORTCULLIS_CTL_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "server/config/config.h"

struct token_order {
    const char *key_id; /* NULL: the first of auth.keys */
    const char *user;
    int64_t ttl_s;
    char *const *claims; /* "NAME=VALUE" */
    size_t claim_count;
};

/* Prints a token. Secrets that nobody has made yet are made as the server does, and *config exchanged for one that has them: `file` is
 * loaded again. Returns one of enum ctl_exit. */
int ctl_token_sign(const char *file, const struct config **config, const struct token_order *order);

/* Says what the server would decide about `token`, "-" for the one on standard input, and why. Returns one of enum ctl_exit. */
int ctl_token_inspect(const struct config *config, const char *token);

#endif
