/*
 * access - who may do what at the admin API: its tokens, the names it answers to, and who may look without a token. An
 * immutable value made of a config, counted by references; any thread.
 *
 * Of a token only the SHA-256 is kept, and only those are compared, all of them, in constant time.
 */
#ifndef PORTCULLIS_ADMIN_ACCESS_H
#define PORTCULLIS_ADMIN_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/config/config.h"
#include "server/gate/address.h"
#include "server/lobby/head.h"

#define ACCESS_TOKEN_MIN 22  /* characters: 128 bits as base64url */
#define ACCESS_TOKEN_MAX 512 /* characters */

struct access;

/* Reads the token files, after making those that are missing. References `config`. NULL: `error` says why. Main thread. */
struct access *access_create(const struct config *config, char *error, size_t error_size);
struct access *access_ref(struct access *access);
void access_unref(struct access **access);

const struct config *access_config(const struct access *access); /* borrowed */

/* The token of these bytes, or NULL. */
const struct config_admin_token *access_find(const struct access *access, struct head_span token);

/* Whether a request may give `host` (RFC 9110 §7.2) at a listener on that address and port: against DNS rebinding. */
bool access_host_is_ours(const struct access *access, struct head_span host, const struct address *address,
                         uint16_t port);

/* Whether this peer may read health and metrics without a token. */
bool access_is_open_to(const struct access *access, const struct address *peer);

#endif
