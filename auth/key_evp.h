/*
 * key_evp - keys out of what OpenSSL has parsed, for those that read other forms than key.h does: key sets. Any thread.
 */
#ifndef PORTCULLIS_AUTH_KEY_EVP_H
#define PORTCULLIS_AUTH_KEY_EVP_H

#include <stdbool.h>

#include <openssl/evp.h>

#include "auth/key.h"

/* A key for setup->algorithm, not HS256 to HS512. References `pkey`. It is judged as any other is: kind, curve, strength, and
 * whether an elliptic curve's point is on it. `can_sign` says whether it has its private part. */
__attribute__((warn_unused_result)) enum key_status key_from_evp(const struct key_setup *setup, EVP_PKEY *pkey,
                                                                 bool can_sign, struct key **key_r);

#endif
