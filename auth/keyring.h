/*
 * keyring - an immutable set of keys, found by "kid" and algorithm. Counted by references; any thread.
 */
#ifndef PORTCULLIS_AUTH_KEYRING_H
#define PORTCULLIS_AUTH_KEYRING_H

#include <stddef.h>

#include "auth/key.h"

#define KEYRING_KEYS_MAX 1024 /* all that 16 key sets can have */

struct keyring;

/* References the keys. NULL without memory or with more than KEYRING_KEYS_MAX. */
struct keyring *keyring_create(struct key *const *keys, size_t count);
struct keyring *keyring_ref(struct keyring *ring);
void keyring_unref(struct keyring **ring);

size_t keyring_count(const struct keyring *ring);
struct key *keyring_key(const struct keyring *ring, size_t index); /* borrowed */

#endif
