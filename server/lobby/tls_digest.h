/*
 * tls_digest - what a TLS context is made of, as one number: whether a reload has to make another.
 */
#ifndef PORTCULLIS_LOBBY_TLS_DIGEST_H
#define PORTCULLIS_LOBBY_TLS_DIGEST_H

#include <stdbool.h>

#include "server/config/config.h"

#define TLS_DIGEST_SIZE 32

/* SHA-256 of all in the section tls that a context depends on, and of the files that it names. False when a file cannot be read or
 * used, or memory is short: then a context is to be made, which reports why. Main thread or that of a reload. */
bool tls_digest(const struct config *config, unsigned char digest_r[TLS_DIGEST_SIZE]);

#endif
