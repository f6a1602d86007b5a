/*
 * permissions - what a session may do, as data: which endpoints it may use, and what it may do with which channels.
 *
 * From a token come (named as Centrifugo names them) "channels", a list of names to subscribe to, and "caps", a list of
 * {"channels": [...], "match": "wildcard"?, "allow": ["sub", "pub", "prs", "hst"]}; furthermore "endpoints", a list of paths
 * outside of which the token is not valid. The endpoint's own come from its config and are for everybody there. What either
 * allows is allowed. Pure; any thread.
 */
#ifndef PORTCULLIS_AUTH_PERMISSIONS_H
#define PORTCULLIS_AUTH_PERMISSIONS_H

#include <stdbool.h>
#include <stddef.h>

enum permission {
    PERMISSION_SUBSCRIBE = 1,
    PERMISSION_PUBLISH = 2,
    PERMISSION_PRESENCE = 4,
    PERMISSION_HISTORY = 8,
};

struct permission_rule {
    const char *pattern; /* of channels */
    bool wildcard;       /* "*" stands for any bytes; else the channel itself */
    unsigned allowed;    /* of enum permission */
};

struct permissions {
    const char *const *endpoints; /* paths; NULL: any */
    size_t endpoint_count;
    const struct permission_rule *rules;
    size_t rule_count;
};

/* Whether the endpoint of that path may be used. */
bool permissions_allow_endpoint(const struct permissions *permissions, const char *path);

/* Whether one of them (either may be NULL) allows `what` on `channel`. Linear in pattern and channel together, whatever both
 * are. */
bool permissions_allow(const struct permissions *permissions, const struct permissions *defaults, enum permission what,
                       const char *channel, size_t channel_size);

#endif
