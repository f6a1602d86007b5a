/*
 * settings - an owned copy of what log_reopen() may change, on its way to the writer thread.
 */
#ifndef PORTCULLIS_LOGGING_SETTINGS_H
#define PORTCULLIS_LOGGING_SETTINGS_H

#include "logging/log.h"
#include "logging/ring.h"

struct settings {
    enum log_level level;
    enum log_format format;
    char *paths[TARGET_COUNT]; /* "": none */
};

/* NULL paths count as "". An error file that is the main log is none: each line would come twice. Returns owned; NULL:
 * no memory. */
struct settings *settings_new(const struct log_config *config);
void settings_free(struct settings **settings);

#endif
