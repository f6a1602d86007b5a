/*
 * sample_keys - for tests of keys: one of each kind, the files that they come in, and what a good one does. Failures end the test.
 */
#ifndef PORTCULLIS_TESTS_SAMPLE_KEYS_H
#define PORTCULLIS_TESTS_SAMPLE_KEYS_H

#include <stdbool.h>

#include <openssl/bio.h>
#include <openssl/evp.h>

#include "auth/key.h"

#define ALGORITHM_COUNT   (ALGORITHM_EdDSA + 1)
#define SAMPLE_INPUT_SIZE sizeof("what is signed")

/* Kinds of keys that algorithms are tried with. */
enum kind { SECRET, RSA_2048, RSA_PSS_2048, P_256, P_384, P_521, SECP256K1, ED25519, ED448, X25519, KIND_COUNT };

/* What is signed. */
extern const uint8_t sample_input[SAMPLE_INPUT_SIZE];

struct key_setup sample_setup(enum algorithm algorithm);

/* An empty text file in memory. */
BIO *sample_file(void);
BIO *sample_private_file(EVP_PKEY *pkey);
BIO *sample_public_file(EVP_PKEY *pkey);

/* key_from_pem() of a file, which has to leave no error to whoever uses OpenSSL next; but for the first, they take the file. */
enum key_status sample_load_with(const struct key_setup *setup, BIO *file, struct key **key_r);
enum key_status sample_load(enum algorithm algorithm, BIO *file, struct key **key_r);
void sample_refused(enum algorithm algorithm, BIO *file, enum key_status expected);

/* A reference to the one of its kind. */
EVP_PKEY *sample_generate(enum kind kind);
/* Makes all of them: before the tests' processes part. */
void sample_generate_all(void);

/* Whether the algorithm takes that kind. */
bool sample_goes_with(enum algorithm algorithm, enum kind kind);

/* A key that can sign. */
struct key *sample_key(enum algorithm algorithm);
/* It signs, and verifies that and nothing else. */
void sample_signs(const struct key *key);

#endif
