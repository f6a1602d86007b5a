/*
 * issue - certificates for unit tests, signed by their own key.
 */
#ifndef PORTCULLIS_UNIT_ISSUE_H
#define PORTCULLIS_UNIT_ISSUE_H

#include <stddef.h>

#include <openssl/x509.h>

/* Writes the name number `index` of a certificate, `size` bytes at most with the NUL. */
typedef void issue_name_fn(char *name, size_t size, size_t index, void *context);

/* A new key on the curve P-256. The caller owns it. */
EVP_PKEY *issue_key(void);

/* A certificate with so many names of type DNS, valid from a day ago for two days. The caller owns it. Failures end the test. */
X509 *issue_certificate(EVP_PKEY *key, size_t name_count, issue_name_fn *name, void *context);

/* Writes it as PEM. */
void issue_write_certificate(const X509 *certificate, const char *file);
void issue_write_key(const EVP_PKEY *key, const char *file);

#endif
