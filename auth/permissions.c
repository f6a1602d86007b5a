/*
 * permissions - matching of endpoints and channels. Called by whoever holds a session, on its thread.
 */
#define _GNU_SOURCE /* memmem */
#include "auth/permissions.h"

#include <string.h>

bool permissions_allow_endpoint(const struct permissions *permissions, const char *path)
{
    if (permissions->endpoints == NULL) {
        return true;
    }
    for (size_t i = 0; i < permissions->endpoint_count; i++) {
        if (strcmp(permissions->endpoints[i], path) == 0) {
            return true;
        }
    }
    return false;
}

/*
 * Each text between two "*" is looked for behind the one before it and never again: the first place is as good as any other, because
 * what follows is then left the most room. memmem() of the C library takes linear time, and so does all of it.
 */
static bool wildcard_matches(const char *pattern, const char *channel, size_t channel_size)
{
    const char *end = channel + channel_size;
    const char *star = strchr(pattern, '*');
    if (star == NULL) {
        return strlen(pattern) == channel_size && memcmp(pattern, channel, channel_size) == 0;
    }
    const size_t head = (size_t)(star - pattern);
    if (head > channel_size || memcmp(pattern, channel, head) != 0) {
        return false;
    }
    channel += head;
    for (;;) {
        const char *part = star + 1;
        star = strchr(part, '*');
        if (star == NULL) { /* the end of the pattern is the end of the channel */
            const size_t tail = strlen(part);
            return tail <= (size_t)(end - channel) && memcmp(part, end - tail, tail) == 0;
        }
        const size_t size = (size_t)(star - part);
        const char *found = memmem(channel, (size_t)(end - channel), part, size);
        if (found == NULL) {
            return false;
        }
        channel = found + size;
    }
}

static bool rule_matches(const struct permission_rule *rule, const char *channel, size_t channel_size)
{
    if (rule->wildcard) {
        return wildcard_matches(rule->pattern, channel, channel_size);
    }
    return strlen(rule->pattern) == channel_size && memcmp(rule->pattern, channel, channel_size) == 0;
}

static bool rules_allow(const struct permissions *permissions, enum permission what, const char *channel,
                        size_t channel_size)
{
    for (size_t i = 0; permissions != NULL && i < permissions->rule_count; i++) {
        const struct permission_rule *rule = &permissions->rules[i];
        if ((rule->allowed & (unsigned)what) != 0 && rule_matches(rule, channel, channel_size)) {
            return true;
        }
    }
    return false;
}

bool permissions_allow(const struct permissions *permissions, const struct permissions *defaults, enum permission what,
                       const char *channel, size_t channel_size)
{
    return rules_allow(permissions, what, channel, channel_size) || rules_allow(defaults, what, channel, channel_size);
}
