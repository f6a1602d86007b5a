/*
 * claims - the payload of a JSON Web Token (RFC 7519 §4), read: each claim that decides anything, with its type checked.
 *
 * For token.c alone, on its thread. The payload is read when its signature is known to be right, and not before.
 */
#ifndef PORTCULLIS_AUTH_CLAIMS_H
#define PORTCULLIS_AUTH_CLAIMS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/pack.h"
#include "auth/permissions.h"
#include "auth/token.h"

#define CLAIMS_TIME_MAX     (INT64_C(1) << 53) /* beyond it doubles skip integers */
#define CLAIMS_NUMBER_SIZE  sizeof("-9223372036854775808")
#define CLAIMS_PATTERN_MAX  255  /* bytes of a channel or a pattern of channels */
#define CLAIMS_ENDPOINT_MAX 1024 /* bytes of a path */

/* All is borrowed from `root`, which is NULL when there are no claims. */
struct claims {
    json_t *root;
    int64_t expires_s; /* IDENTITY_NO_TIME when absent; so are the next two */
    int64_t not_before_s;
    int64_t issued_s;
    const char *issuer; /* NULL when absent; so is the next one */
    const char *token_id;
    const json_t *audience;  /* a string or an array of strings; NULL when absent */
    const json_t *endpoints; /* NULL when absent; so are the next two */
    const json_t *channels;
    const json_t *capabilities;
};

/* TOKEN_PAYLOAD_VERDICT, TOKEN_DUPLICATE_VERDICT, TOKEN_CLAIM_TYPE_VERDICT, or TOKEN_OK_VERDICT: then give *claims_r back with
 * claims_free(). `detail_r` is set on TOKEN_CLAIM_TYPE_VERDICT: the name of the claim, static; or "" when it was no one claim. */
enum token_verdict claims_read(const uint8_t *payload, size_t size, struct claims *claims_r, const char **detail_r);
void claims_free(struct claims *claims);

/* Whether "aud" is or holds `audience` (RFC 7519 §4.1.3). */
bool claims_have_audience(const struct claims *claims, const char *audience);

/* The value of the first of these claims that there is: a string, or an integer but for "sub" (RFC 7519 §4.1.2), in decimal in `number`.
 * TOKEN_USER_VERDICT, TOKEN_CLAIM_TYPE_VERDICT, TOKEN_OK_VERDICT. `*claim_r` is its name, or NULL. */
enum token_verdict claims_user(const struct claims *claims, const char *const *names, size_t count,
                               char number[CLAIMS_NUMBER_SIZE], const char **user_r, const char **claim_r);

/* Whether "endpoints", "channels" and "caps" are as auth/permissions.h says. */
bool claims_permissions_valid(const struct claims *claims);
/* Lays them out; only when they are valid. */
void claims_pack_permissions(const struct claims *claims, struct pack *pack, struct permissions *permissions_r);

#endif
