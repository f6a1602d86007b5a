/*
 * tls_clients - certificates of clients (mutual TLS): whether they are asked for, and who must have issued them.
 */
#ifndef PORTCULLIS_LOBBY_TLS_CLIENTS_H
#define PORTCULLIS_LOBBY_TLS_CLIENTS_H

#include <stdbool.h>

#include <openssl/sha.h>

#include "server/config/config.h"

typedef struct ssl_ctx_st SSL_CTX;

/* Sets a context up as tls.client_verify and tls.client_ca say. policy_r tells one set of rules from another: what was resumed or
 * granted under one does not count under the next. False: reported. Main thread. */
bool tls_clients_verify(SSL_CTX *tls, const struct config *config, unsigned char policy_r[SHA256_DIGEST_LENGTH],
                        config_report_fn *report, void *context);

#endif
