/*
 * key - one key that tokens are signed with, ready to verify: parsed once, bound to one algorithm for good.
 *
 * Immutable and counted by references; any thread.
 */
#ifndef PORTCULLIS_AUTH_KEY_H
#define PORTCULLIS_AUTH_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/algorithm.h"

#define KEY_RSA_BITS_MIN  2048 /* RFC 7518 §3.3 */
#define KEY_RSA_BITS_MAX  8192 /* a verification stays below a millisecond */
#define KEY_SIGNATURE_MAX (KEY_RSA_BITS_MAX / 8)
#define KEY_SECRET_MAX    4096 /* bytes of an HMAC secret */

enum key_status {
    KEY_OK,
    KEY_EMPTY,
    KEY_TOO_SHORT, /* an HMAC secret shorter than its algorithm's hash (RFC 7518 §3.2), and not meant to be */
    KEY_TOO_LARGE,
    KEY_SYNTAX,     /* no PEM, or a JWK that is not what RFC 7517 and 7518 say */
    KEY_ENCRYPTED,  /* a private key behind a pass phrase */
    KEY_WRONG_KIND, /* e.g. an EC key for RS256, P-384 for ES256, an "oct" key in a set */
    KEY_WEAK, /* RSA out of KEY_RSA_BITS_MIN..MAX or with an exponent even or out of 3..2^64; no point of its curve; EdDSA: a point of small order */
    KEY_NOT_PRIVATE, /* a public key where one to sign with is wanted */
    KEY_UNUSABLE,    /* "use" or "key_ops" of a JWK say that it is for something else */
    KEY_NO_MEMORY
};

struct key;

/* All but `algorithm` are copied. */
struct key_setup {
    const char *id; /* what "kid" names; "" for none */
    enum algorithm algorithm;
    const char *issuer;   /* "" for any */
    const char *audience; /* "" for any */
    bool weak;            /* HMAC: a short secret is meant; an empty one never is */
};

/* HS256 to HS512. One newline at the end of `bytes` (LF or CRLF) is not part of the secret. PEM is no secret: KEY_WRONG_KIND. */
__attribute__((warn_unused_result)) enum key_status key_from_secret(const struct key_setup *setup, const uint8_t *bytes,
                                                                    size_t size, struct key **key_r);
/* The others: a PEM public key (SubjectPublicKeyInfo), certificate, or private key without pass phrase; the first in `bytes`. */
__attribute__((warn_unused_result)) enum key_status key_from_pem(const struct key_setup *setup, const uint8_t *bytes,
                                                                 size_t size, struct key **key_r);

/* Bytes of `bytes` that are the secret: without that newline. */
size_t key_secret_size(const uint8_t *bytes, size_t size);

struct key *key_ref(struct key *key);
void key_unref(struct key **key);

const char *key_id(const struct key *key);
enum algorithm key_algorithm(const struct key *key);
const char *key_issuer(const struct key *key);
const char *key_audience(const struct key *key);
bool key_can_sign(const struct key *key);

/* Whether `signature` is this key's of `input` (RFC 7515 §5.2). */
__attribute__((warn_unused_result)) bool key_verify(const struct key *key, const uint8_t *input, size_t input_size,
                                                    const uint8_t *signature, size_t signature_size);

/* Signs; KEY_NOT_PRIVATE when this key cannot. `*size_r` bytes are written. */
__attribute__((warn_unused_result)) enum key_status key_sign(const struct key *key, const uint8_t *input,
                                                             size_t input_size, uint8_t signature[KEY_SIGNATURE_MAX],
                                                             size_t *size_r);

/* A clause for messages. Static. */
const char *key_status_text(enum key_status status);

#endif
