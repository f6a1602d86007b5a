/*
 * fuzz_config - a config file's text, as it comes from a disk.
 *
 * No file that the text names is touched. What is accepted must hold what the rest of the server relies on.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/config/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct counts {
    unsigned errors;
    unsigned lines;
};

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Every line is printable, whatever the text was. */
static void count(void *context, bool is_error, const char *line)
{
    struct counts *counts = context;
    counts->errors += is_error;
    counts->lines++;
    require(strncmp(line, "f.conf:", strlen("f.conf:")) == 0);
    for (; *line != '\0'; line++) {
        require(*line >= 0x20 && *line < 0x7f);
    }
}

static void check_rules(const struct config *config, const struct config_rules *rules)
{
    const struct json_bounds *bounds = &rules->checked.bounds;
    require(bounds->max_size >= 1 && bounds->max_size <= config->limits.max_message);
    require(bounds->max_depth >= 1 && bounds->max_depth <= 32);
    require(rules->checked.schema == NULL); /* no file is looked at */
    require(!rules->checked.json || (rules->any && rules->type != RULES_BINARY));
}

static void check(const struct config *config)
{
    require(config->listener_count >= 1);
    require(config->limits.max_message >= 125 && config->limits.max_message <= 64 * 1024 * 1024);
    require(config->limits.max_fragments >= 1 && config->limits.max_fragments <= 100000);
    require(config->firewall.total_connections > config->limits.max_connections);
    require(config->firewall.connection_rate.burst >= 1 && config->firewall.tls_rate.burst >= 1);
    for (size_t i = 0; i < config->endpoint_count; i++) {
        require(config->endpoints[i].path[0] == '/');
        require(config_endpoint_for(config, config->endpoints[i].path) == &config->endpoints[i]);
        check_rules(config, &config->endpoints[i].rules);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct counts counts = {0};
    const struct config *config = config_parse((const char *)data, size, "f.conf", false, count, &counts);
    require((config == NULL) == (counts.errors > 0));
    if (config != NULL) {
        check(config);
        config_report_restart(config, config, count, &counts);
    }
    config_unref(&config);
    return 0;
}
