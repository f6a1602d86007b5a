/*
 * key_private - what key.c, which makes keys, and key_use.c, which signs and verifies with them, share. Nobody else's.
 */
#ifndef PORTCULLIS_AUTH_KEY_PRIVATE_H
#define PORTCULLIS_AUTH_KEY_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>

#include "auth/key.h"

/* `mac` and `verifier` are all set up and only ever copied, which does not change them: that costs a fraction of setting them
 * up for each token, and any number of threads may do it. */
struct key {
    atomic_size_t references;
    enum algorithm algorithm;
    EVP_MAC_CTX *mac; /* HMAC: holds the secret; NULL for the others */
    EVP_PKEY *pkey;   /* the others */
    EVP_MD_CTX *verifier;
    size_t signature_size; /* exactly, as a token has it */
    bool can_sign;
    const char *issuer;
    const char *audience;
    char id[]; /* then the issuer's and the audience's text */
};

/* Name of the hash as OpenSSL knows it; NULL for EdDSA, which has its own. */
const char *key_hash_name(enum algorithm algorithm);

/* Sets `context` up to verify, or to sign, with `pkey`. False when the key does not go with the algorithm, or without memory. */
__attribute__((warn_unused_result)) bool key_prepare(EVP_MD_CTX *context, EVP_PKEY *pkey, enum algorithm algorithm,
                                                     bool sign);

#endif
