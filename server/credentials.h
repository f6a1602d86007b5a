/*
 * credentials - what the server proves itself with over time: the TLS context in force, the keys of session tickets, and an eye on
 * when certificates end.
 *
 * Main thread, while the lobby's threads use the context; credentials_prepare() on that of a reload.
 */
#ifndef PORTCULLIS_CREDENTIALS_H
#define PORTCULLIS_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "logging/log.h"
#include "server/config/config.h"

typedef struct ssl_ctx_st SSL_CTX;

struct credentials;

/* From the config, whose every broken file is reported. Logs the certificates. `log` is borrowed. NULL when something cannot be used.
 * Without a listener that uses TLS there is nothing to load, now or later. */
struct credentials *credentials_create(const struct config *config, struct log *log, config_report_fn *report,
                                       void *context);
/* After the last handshake. */
void credentials_destroy(struct credentials **credentials);

/* Borrowed; NULL without TLS. */
SSL_CTX *credentials_context(const struct credentials *credentials);

/* A reload, in two steps: the context for a new config, as one reference more in *next_r (NULL without TLS), or false with all reported;
 * then the exchange, after which the reference is the credentials', and the certificates are logged. Which listeners use TLS was decided
 * at start: when the new config has none, the context that is there serves on. So it does when the section tls and its files are what
 * they were. */
bool credentials_prepare(const struct credentials *credentials, const struct config *config, config_report_fn *report,
                         void *context, SSL_CTX **next_r);
void credentials_commit(struct credentials *credentials, const struct config *config, SSL_CTX **next);

/* Changes ticket keys and looks at the certificates' ends, when it is time. `now_ms` is the loops' clock. Returns when to call next. */
uint64_t credentials_tend(struct credentials *credentials, uint64_t now_ms);

/* For --check-config: loads what the config names, and reports errors, and as warnings which certificates end soon or are not valid. */
bool credentials_check(const struct config *config, config_report_fn *report, void *context);

#endif
