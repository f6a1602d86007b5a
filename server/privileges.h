/*
 * privileges - gives up what the process may beyond serving: root's powers, capabilities, the way back to them.
 *
 * Called by server.c on the main thread, once: after what only root may do (ports below 1024, keys, limits), before any
 * other thread exists and before any byte of a peer is read.
 */
#ifndef PORTCULLIS_PRIVILEGES_H
#define PORTCULLIS_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Who to become. */
struct privileges {
    const char *user;  /* "": whoever started the process */
    const char *group; /* "": the user's own */
    uid_t uid;         /* of `user` */
    gid_t gid;         /* of `group`, or the user's own */
};

enum privileges_status {
    PRIVILEGES_KEPT,    /* the process is who it was, without capabilities unless that is root */
    PRIVILEGES_DROPPED, /* it was root and is `user` now, for good */
    PRIVILEGES_FAILED,  /* `error` says why; what the process may now is not known: it must end */
};

/* With a `user` and as root: its groups, gid, uid, no capability in any set, no core dumps or tracing by others of that user;
 * then it is tried out that there is no way back. As that user already: nothing to become. As anybody else: an error.
 * Whoever it is, execve() grants nothing any more (no_new_privs). */
enum privileges_status __attribute__((warn_unused_result))
privileges_drop(const struct privileges *wanted, char *error, size_t error_size);

/* Whether the process has all powers of root. */
bool privileges_are_root(void);

#endif
