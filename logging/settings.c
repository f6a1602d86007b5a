/*
 * settings - copies of the log's configuration. Made by the thread that opens or reopens, freed by either side.
 */
#include "logging/settings.h"

#include <stdlib.h>
#include <string.h>

static const char *or_none(const char *path)
{
    return path != NULL ? path : "";
}

struct settings *settings_new(const struct log_config *config)
{
    struct settings *settings = calloc(1, sizeof *settings);
    if (settings == NULL) {
        return NULL;
    }
    const char *main_path = or_none(config->file);
    const char *error_path = or_none(config->error_file);
    settings->level = config->level;
    settings->format = config->format;
    settings->paths[TARGET_MAIN] = strdup(main_path);
    settings->paths[TARGET_ERROR] = strdup(strcmp(main_path, error_path) == 0 ? "" : error_path);
    settings->paths[TARGET_AUDIT] = strdup(or_none(config->audit_file));
    for (size_t i = 0; i < TARGET_COUNT; i++) {
        if (settings->paths[i] == NULL) {
            settings_free(&settings);
            break;
        }
    }
    return settings;
}

void settings_free(struct settings **settings)
{
    if (*settings == NULL) {
        return;
    }
    for (size_t i = 0; i < TARGET_COUNT; i++) {
        free((*settings)->paths[i]);
    }
    free(*settings);
    *settings = NULL;
}
