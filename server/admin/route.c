/*
 * route - see route.h.
 */
#include "server/admin/route.h"

#include <stdio.h>
#include <string.h>

static const char *const nothing[] = {NULL};
static const char *const sessions_listed[] = {"user", "ip", "endpoint", "after", "limit", NULL};
static const char *const sessions_kicked[] = {"user", "ip", NULL};
static const char *const revocations_listed[] = {"after", "limit", NULL};
static const char *const revocations_deleted[] = {"user", "token_id", "issued_before", NULL};
static const char *const revocation_fields[] = {"user", "token_id", "issued_before", "reason", NULL};

static const struct route routes[] = {
    {"GET", "/healthz", ROUTE_OPEN, nothing, NULL, api_health},
    {"GET", "/readyz", ROUTE_OPEN, nothing, NULL, api_readiness},
    {"GET", "/api/v1/sessions", ROUTE_READ, sessions_listed, NULL, api_list_sessions},
    {"DELETE", "/api/v1/sessions", ROUTE_WRITE, sessions_kicked, NULL, api_kick_sessions},
    {"GET", "/api/v1/sessions/*", ROUTE_READ, nothing, NULL, api_show_session},
    {"DELETE", "/api/v1/sessions/*", ROUTE_WRITE, nothing, NULL, api_kick_session},
    {"GET", "/api/v1/revocations", ROUTE_READ, revocations_listed, NULL, api_list_revocations},
    {"POST", "/api/v1/revocations", ROUTE_WRITE, nothing, revocation_fields, api_add_revocation},
    {"DELETE", "/api/v1/revocations", ROUTE_WRITE, revocations_deleted, NULL, api_delete_revocations},
    {"DELETE", "/api/v1/revocations/*", ROUTE_WRITE, nothing, NULL, api_delete_revocation},
    {"POST", "/api/v1/reload", ROUTE_WRITE, nothing, NULL, api_reload},
    {"POST", "/api/v1/drain", ROUTE_WRITE, nothing, NULL, api_drain},
};

static bool matches(const char *pattern, const char *path, const char **item_r)
{
    size_t size = strcspn(pattern, "*");
    if (pattern[size] == '\0') {
        *item_r = NULL;
        return strcmp(pattern, path) == 0;
    }
    *item_r = path + size;
    return strncmp(pattern, path, size) == 0 && path[size] != '\0' && strchr(path + size, '/') == NULL;
}

const struct route *route_find(const char *method, const char *path, const char **item_r, char allow[REPLY_ALLOW_SIZE])
{
    size_t used = 0;
    allow[0] = '\0';
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        if (!matches(routes[i].pattern, path, item_r)) {
            continue;
        }
        if (strcmp(routes[i].method, method) == 0) {
            return &routes[i];
        }
        int size = snprintf(allow + used, REPLY_ALLOW_SIZE - used, "%s%s", used > 0 ? ", " : "", routes[i].method);
        used += size > 0 && (size_t)size < REPLY_ALLOW_SIZE - used ? (size_t)size : 0;
    }
    return NULL;
}
