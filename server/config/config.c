/*
 * config - loading from a file, sharing, and looking things up.
 * Loaded on the main thread; shared by all.
 */
#include "server/config/config.h"

#include <stdlib.h>
#include <string.h>

#include "server/config/file.h"
#include "server/config/parse.h"
#include "server/config/report.h"

const struct config *config_load(const char *path, config_report_fn *report, void *context)
{
    char *text = NULL;
    size_t size = 0;
    const char *error = file_read(path, CONFIG_FILE_MAX, &text, &size);
    if (error != NULL) {
        struct report lines = {.show = report, .context = context, .file = path};
        report_error(&lines, 0, NULL, "cannot be read: %s", error);
        return NULL;
    }
    const struct config *config = config_parse(text, size, path, true, report, context);
    free(text);
    return config;
}

/* Every config stands at the beginning of a holder. Counting is the one thing that changes in it, so the const goes. */
static struct config_holder *holder_of(const struct config *config)
{
    union {
        const struct config *config;
        struct config_holder *holder;
    } both = {.config = config};
    return both.holder;
}

const struct config *config_ref(const struct config *config)
{
    /* Who takes a reference has one already: nothing is to be ordered. */
    atomic_fetch_add_explicit(&holder_of(config)->references, 1, memory_order_relaxed);
    return config;
}

void config_unref(const struct config **config)
{
    if (*config == NULL) {
        return;
    }
    struct config_holder *holder = holder_of(*config);
    *config = NULL;
    /* Release: what this holder read happened before the memory goes; acquire: so did what all others read. */
    if (atomic_fetch_sub_explicit(&holder->references, 1, memory_order_acq_rel) == 1) {
        if (holder->config.auth.policy.keys != NULL) {
            keyring_unref(&holder->config.auth.policy.keys);
        }
        schema_files_free(holder->schemas);
        audit_release(&holder->config.audit);
        arena_free(&holder->arena);
        free(holder);
    }
}

const char *config_token_source_word(enum config_token_source source)
{
    switch (source) {
    case CONFIG_TOKEN_HEADER:
        return "header";
    case CONFIG_TOKEN_SUBPROTOCOL:
        return "subprotocol";
    case CONFIG_TOKEN_MESSAGE:
        return "message";
    case CONFIG_TOKEN_QUERY:
        return "query";
    }
    return NULL;
}

const struct config_endpoint *config_endpoint_for(const struct config *config, const char *path)
{
    for (size_t i = 0; i < config->endpoint_count; i++) {
        if (strcmp(config->endpoints[i].path, path) == 0) {
            return &config->endpoints[i];
        }
    }
    return NULL;
}
