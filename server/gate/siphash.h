/*
 * siphash - SipHash-2-4 (Aumasson and Bernstein, 2012): a short-input hash under a secret key.
 *
 * For tables whose keys peers choose: without the secret nobody can prepare inputs that collide.
 *
 * Pure function: any thread.
 */
#ifndef PORTCULLIS_GATE_SIPHASH_H
#define PORTCULLIS_GATE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_KEY_SIZE 16 /* bytes */

uint64_t siphash(const uint8_t key[SIPHASH_KEY_SIZE], const uint8_t *bytes, size_t size);

#endif
