/*
 * base64url - the URL-safe alphabet of RFC 4648 §5, without padding (RFC 7515 §2). Pure: any thread.
 *
 * Strict: each sequence of octets has exactly one text. Padding, line breaks, other alphabets, a single character too many
 * and bits of the last character that stand for nothing (RFC 4648 §3.5) are refused.
 */
#ifndef PORTCULLIS_AUTH_BASE64URL_H
#define PORTCULLIS_AUTH_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters that stand for `size` octets; `size` is below SIZE_MAX / 2. */
size_t base64url_encoded_size(size_t size);
/* Octets that `size` characters stand for when they are well-formed. */
size_t base64url_decoded_size(size_t size);

/* Writes base64url_encoded_size(size) characters, and no NUL. */
void base64url_encode(const uint8_t *bytes, size_t size, char *text);

/* Writes base64url_decoded_size(size) octets at most. False when `text` is not well-formed; what `bytes` holds is then
 * unspecified. */
__attribute__((warn_unused_result)) bool base64url_decode(const char *text, size_t size, uint8_t *bytes);

#endif
