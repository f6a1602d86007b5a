/*
 * certificate_set - all certificates of the server, and which of them a client gets that asks for a name.
 *
 * Made on the main thread; afterwards immutable, so that lobby threads look names up without a lock.
 */
#ifndef PORTCULLIS_LOBBY_CERTIFICATE_SET_H
#define PORTCULLIS_LOBBY_CERTIFICATE_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "server/config/config.h"
#include "server/lobby/certificate.h"

#define CERTIFICATE_SET_NAMES_MAX 100000 /* of all certificates together: some 15 MB */

struct certificate_set;

/* What a name has: a certificate of each kind of key, or NULL. */
struct certificate_choice {
    const struct certificate *of[CERTIFICATE_KINDS];
};

/* Loads what the section tls names, the default certificate first. Every file that cannot be used is reported as an error; as a
 * warning a name that two certificates of a kind share (the first has it), and one besides the default that has no name at all. NULL when
 * there was an error. */
struct certificate_set *certificate_set_load(const struct config *config, config_report_fn *report, void *context);
void certificate_set_destroy(struct certificate_set **set);

/* For a name as server_name_parse() writes it: the exact one before the wildcard. NULL when no certificate has it. */
const struct certificate_choice *certificate_set_find(const struct certificate_set *set, const char *name);

/* For whoever asks for no name, or for none that is known: the default certificate, and those of other kinds that share its first name. */
const struct certificate_choice *certificate_set_default(const struct certificate_set *set);

size_t certificate_set_count(const struct certificate_set *set);
const struct certificate *certificate_set_at(const struct certificate_set *set, size_t index);

#endif
