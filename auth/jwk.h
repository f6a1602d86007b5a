/*
 * jwk - one JSON Web Key (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2) of a set, as a key to verify with.
 *
 * Strict where the standards are: integers without zeros in front, coordinates of their curve's full size. A symmetric key has
 * nothing to seek in a set that is published. Pure: any thread.
 */
#ifndef PORTCULLIS_AUTH_JWK_H
#define PORTCULLIS_AUTH_JWK_H

#include <stdbool.h>

#include <jansson.h>

#include "auth/key.h"

/* Bound to `issuer` and `audience` ("" for any), and to "alg"; without that, RSA is RS256, an elliptic curve's the one of the
 * curve, and OKP EdDSA. The key is the caller's. Private members are not looked at: *private_r says whether there are any. */
__attribute__((warn_unused_result)) enum key_status jwk_read(const json_t *jwk, const char *issuer,
                                                             const char *audience, bool *private_r, struct key **key_r);

#endif
