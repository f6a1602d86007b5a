/*
 * token_jwt - see token_jwt.h. Called by token_sign.c.
 */
#include "server/ctl/token_jwt.h"

#include <limits.h>

#include <jwt.h>

/* "none" for what libjwt has not. */
static jwt_alg_t algorithm_of(enum algorithm algorithm)
{
    switch (algorithm) {
    case ALGORITHM_HS256:
        return JWT_ALG_HS256;
    case ALGORITHM_HS384:
        return JWT_ALG_HS384;
    case ALGORITHM_HS512:
        return JWT_ALG_HS512;
    case ALGORITHM_RS256:
        return JWT_ALG_RS256;
    case ALGORITHM_RS384:
        return JWT_ALG_RS384;
    case ALGORITHM_RS512:
        return JWT_ALG_RS512;
    case ALGORITHM_ES256:
        return JWT_ALG_ES256;
    case ALGORITHM_ES384:
        return JWT_ALG_ES384;
    case ALGORITHM_ES512:
        return JWT_ALG_ES512;
    case ALGORITHM_PS256:
    case ALGORITHM_PS384:
    case ALGORITHM_PS512:
    case ALGORITHM_EdDSA:
        break;
    }
    return JWT_ALG_NONE;
}

bool token_jwt_signs(enum algorithm algorithm)
{
    return algorithm_of(algorithm) != JWT_ALG_NONE;
}

char *token_jwt_sign(const struct key *key, const uint8_t *bytes, size_t size, const char *payload)
{
    const jwt_alg_t algorithm = algorithm_of(key_algorithm(key));
    const bool hmac = algorithm_family(key_algorithm(key)) == ALGORITHM_HMAC;
    const size_t used = hmac ? key_secret_size(bytes, size) : size;
    jwt_t *jwt = NULL;
    char *token = NULL;
    if (algorithm == JWT_ALG_NONE || used == 0 || used > INT_MAX) {
        return NULL;
    }
    if (jwt_new(&jwt) == 0 && jwt_add_grants_json(jwt, payload) == 0 &&
        (key_id(key)[0] == '\0' || jwt_add_header(jwt, "kid", key_id(key)) == 0) &&
        jwt_set_alg(jwt, algorithm, bytes, (int)used) == 0) {
        token = jwt_encode_str(jwt);
    }
    jwt_free(jwt);
    return token;
}
