/*
 * digest - SHA-256 (FIPS 180-4) of bytes, or HMAC-SHA-256 of them (RFC 2104) under a key, as text.
 *
 * What the audit file has in place of a message, a user or an address. Without a key, whoever has a digest can find out by
 * trial what it stands for where there are few possibilities, as there are of addresses and users; with one, who has the key.
 *
 * A digest is prepared once and immutable then: any thread, many at a time.
 */
#ifndef PORTCULLIS_AUTH_DIGEST_H
#define PORTCULLIS_AUTH_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#define DIGEST_KEY_MIN 32   /* bytes: as many as the result has, below which a key weakens it (RFC 2104 section 3) */
#define DIGEST_KEY_MAX 4096 /* bytes */
/* "hmac-sha256:", 64 digits in lower case, NUL; SHA-256 has "sha256:" in front. */
#define DIGEST_TEXT_SIZE 77

struct digest;

/* The key of what `label` names, made of a common one: SHA-256 of both, the label first. Digests under one of them tell nothing
 * about those under another, or under the common key itself, not even to whoever has things of his own choice digested. `key_size`
 * is from DIGEST_KEY_MIN to DIGEST_KEY_MAX. NULL: no memory. */
struct digest *digest_create_labelled(const char *label, const void *key, size_t key_size);
/* Under the key as it is, of any length up to DIGEST_KEY_MAX; SHA-256 where it is NULL. NULL: no memory. */
struct digest *digest_create(const void *key, size_t key_size);
/* NULL is fine. */
void digest_destroy(struct digest **digest);

/* Writes the text of `size` bytes, which may be none. False without memory. About a microsecond, and one more for each kilobyte
 * or two, depending on the processor. */
__attribute__((warn_unused_result)) bool digest_of(const struct digest *digest, const void *bytes, size_t size,
                                                   char text_r[DIGEST_TEXT_SIZE]);

#endif
