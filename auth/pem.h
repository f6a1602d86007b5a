/*
 * pem - the first key in a PEM file (RFC 7468): public key, certificate or private key. Pure; any thread; asks nobody for a
 * pass phrase.
 */
#ifndef PORTCULLIS_AUTH_PEM_H
#define PORTCULLIS_AUTH_PEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "auth/key.h"

/* On KEY_OK, *pkey_r is the caller's and *private_r says whether it has its private part. KEY_ENCRYPTED, KEY_SYNTAX,
 * KEY_TOO_LARGE or KEY_NO_MEMORY otherwise. Blocks with other labels (curve parameters) are passed over. */
__attribute__((warn_unused_result)) enum key_status pem_read(const uint8_t *bytes, size_t size, EVP_PKEY **pkey_r,
                                                             bool *private_r);

#endif
