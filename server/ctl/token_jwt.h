/*
 * token_jwt - signing by libjwt, which has HS256 to HS512, RS256 to RS512 and ES256 to ES512. One thread.
 *
 * It takes no other payload than a JSON object, has no PS* and no EdDSA, and with a key of length 0 makes a token without a
 * signature: so what goes into it is a key that has been judged, and what comes out of it is verified by whoever asked.
 */
#ifndef PORTCULLIS_CTL_TOKEN_JWT_H
#define PORTCULLIS_CTL_TOKEN_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/key.h"

bool token_jwt_signs(enum algorithm algorithm);

/* A token with this payload, a JSON object, and with the key's algorithm and "kid"; to be freed. `bytes` is the file that `key` was made
 * of. NULL when libjwt does not do it, or without memory. */
char *token_jwt_sign(const struct key *key, const uint8_t *bytes, size_t size, const char *payload);

#endif
