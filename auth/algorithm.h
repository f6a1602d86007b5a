/*
 * algorithm - the signature algorithms of JSON Web Signatures that are spoken (RFC 7518 §3, RFC 8037 §3.1). Constant data:
 * any thread.
 */
#ifndef PORTCULLIS_AUTH_ALGORITHM_H
#define PORTCULLIS_AUTH_ALGORITHM_H

#include <stdbool.h>
#include <stddef.h>

enum algorithm_family { ALGORITHM_HMAC, ALGORITHM_RSA, ALGORITHM_RSA_PSS, ALGORITHM_ECDSA, ALGORITHM_EDDSA };

/* Columns: name in C and as "alg" has it, family, bits of the hash (0: the algorithm's own business). */
#define ALGORITHM_TABLE(X)           \
    X(HS256, ALGORITHM_HMAC, 256)    \
    X(HS384, ALGORITHM_HMAC, 384)    \
    X(HS512, ALGORITHM_HMAC, 512)    \
    X(RS256, ALGORITHM_RSA, 256)     \
    X(RS384, ALGORITHM_RSA, 384)     \
    X(RS512, ALGORITHM_RSA, 512)     \
    X(PS256, ALGORITHM_RSA_PSS, 256) \
    X(PS384, ALGORITHM_RSA_PSS, 384) \
    X(PS512, ALGORITHM_RSA_PSS, 512) \
    X(ES256, ALGORITHM_ECDSA, 256)   \
    X(ES384, ALGORITHM_ECDSA, 384)   \
    X(ES512, ALGORITHM_ECDSA, 512)   \
    X(EdDSA, ALGORITHM_EDDSA, 0)

enum algorithm {
#define ALGORITHM_ENUM_(name, family, bits) ALGORITHM_##name,
    ALGORITHM_TABLE(ALGORITHM_ENUM_)
#undef ALGORITHM_ENUM_
};

/* Names are compared with case (RFC 7515 §4.1.1): "none" and "hs256" are none. False when there is no such algorithm. */
__attribute__((warn_unused_result)) bool algorithm_find(const char *name, size_t size, enum algorithm *algorithm_r);
const char *algorithm_name(enum algorithm algorithm);
enum algorithm_family algorithm_family(enum algorithm algorithm);
unsigned algorithm_hash_bits(enum algorithm algorithm);

#endif
