/*
 * file_limit - see file_limit.h. Called by server.c at the start and at each reload.
 */
#include "server/file_limit.h"

#include <sys/resource.h>

#include "server/admin/front.h"
#include "server/lobby/lobby.h"

/* Of a request that civetweb has: a pair of sockets and a duplicate. */
#define FILES_PER_REQUEST 3
/* An epoll set, an eventfd and a ring. */
#define FILES_PER_LOOP 3
/* A connection, and the end of a socketpair that civetweb has of its request. */
#define FILES_PER_OPERATOR 2
/* Standard streams, logs, the store, eventfds, what is read at a reload, and what libraries open. */
#define FILES_OF_OUR_OWN 64

/* Every connection that the gate lets in, sessions and lobby; requests at civetweb; operators; what the threads have. */
static rlim_t files_needed(const struct config *config, unsigned session_threads)
{
    rlim_t loops = (rlim_t)config->pool.lobby_threads + session_threads + 1; /* and that of the admin listener */
    return (rlim_t)config->firewall.total_connections + config->listener_count + loops * FILES_PER_LOOP +
           (rlim_t)config->pool.lobby_threads * LOBBY_HANDED_MAX * FILES_PER_REQUEST +
           (rlim_t)FRONT_SLOTS * FILES_PER_OPERATOR + FILES_OF_OUR_OWN;
}

void file_limit_raise(const struct config *config, unsigned session_threads, struct log *log)
{
    rlim_t need = files_needed(config, session_threads);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need) {
        return;
    }
    const struct rlimit wish = {.rlim_cur = need, .rlim_max = need < limit.rlim_max ? limit.rlim_max : need};
    if (setrlimit(RLIMIT_NOFILE, &wish) != 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < need) {
        log_event(log, LOG_WARNING, "file_limit", log_u64("limit", limit.rlim_cur), log_u64("needed", need),
                  log_str("detail", "the process may open fewer files than the limits of the config add up to: "
                                    "connections past that are reset; raise it with ulimit -n or LimitNOFILE="));
    }
}
