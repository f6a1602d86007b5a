/*
 * state_dir - the folder of what the server makes and keeps. Main thread or that of a reload.
 */
#ifndef PORTCULLIS_STATE_DIR_H
#define PORTCULLIS_STATE_DIR_H

#include <stdbool.h>
#include <stddef.h>

#include "server/config/config.h"

/* Makes it, if it is missing, for whom the server is to become. While it is root, if it is. False: `error` says why. */
__attribute__((warn_unused_result)) bool state_dir_make(const struct config *config, char *error, size_t error_size);

#endif
