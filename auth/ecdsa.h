/*
 * ecdsa - signatures as JWS has them, r and s at full length one behind the other (RFC 7518 §3.4), and as OpenSSL has them,
 * in DER (RFC 3279 §2.2.3). Any thread.
 */
#ifndef PORTCULLIS_AUTH_ECDSA_H
#define PORTCULLIS_AUTH_ECDSA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ECDSA_INTEGER_MAX 66                                /* bytes of r or s on P-521 */
#define ECDSA_DER_MAX     (3 + 2 * (3 + ECDSA_INTEGER_MAX)) /* a leading zero where the highest bit is set */

/* `raw` has 2 * integer_size bytes; integer_size is ECDSA_INTEGER_MAX at most. False without memory. */
__attribute__((warn_unused_result)) bool ecdsa_to_der(const uint8_t *raw, size_t integer_size,
                                                      uint8_t der[ECDSA_DER_MAX], size_t *der_size_r);
/* Writes 2 * integer_size bytes. False when it is no such signature, or without memory. */
__attribute__((warn_unused_result)) bool ecdsa_from_der(const uint8_t *der, size_t der_size, uint8_t *raw,
                                                        size_t integer_size);

#endif
