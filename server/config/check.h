/*
 * check - what no row of the table can say alone: names that must differ, keys that need each other, the files behind names.
 *
 * Also completes the config: parsed addresses, resolved file names, the lists of firewall.deny_files.
 */
#ifndef PORTCULLIS_CONFIG_CHECK_H
#define PORTCULLIS_CONFIG_CHECK_H

#include <libconfig.h>
#include <stdbool.h>

#include "server/config/parse.h"
#include "server/config/report.h"

/* `tree` is where the config came from: for line numbers. Values that were wrong hold their defaults, or "", and are passed over.
 * The thread that loads. */
void check_config(struct config_holder *holder, const config_t *tree, struct report *report, bool use_files);

#endif
