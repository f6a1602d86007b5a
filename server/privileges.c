/*
 * privileges - see privileges.h. On the main thread, while it is the only one: capabilities, the bounding set and
 * no_new_privs belong to a thread, and threads made later inherit them.
 */
#define _GNU_SOURCE /* setresuid, syscall */

#include "server/privileges.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* capget(2): version 3 has 64 capabilities, in two halves. */
#define HALVES 2

static bool failed(const char *what, char *error, size_t error_size)
{
    (void)snprintf(error, error_size, "%s: %s", what, strerror(errno));
    return false;
}

static bool wrong(const char *what, char *error, size_t error_size)
{
    (void)snprintf(error, error_size, "%s", what);
    return false;
}

bool privileges_are_root(void)
{
    return geteuid() == 0;
}

/* ---- capabilities ---- */

/* What execve() could give back. Without CAP_SETPCAP it stays, and no_new_privs stands in for it. */
static void drop_bounding_set(void)
{
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++) {
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) {
            return;
        }
    }
}

static bool has_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[HALVES] = {{0, 0, 0}};
    if (syscall(SYS_capget, &header, sets) != 0) {
        return true;
    }
    for (size_t i = 0; i < HALVES; i++) {
        if ((sets[i].effective | sets[i].permitted | sets[i].inheritable) != 0) {
            return true;
        }
    }
    return false;
}

/* Whether none is left. A filter of system calls may forbid it; with none to begin with, that is no matter. */
static bool clear_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[HALVES] = {{0, 0, 0}};
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    (void)syscall(SYS_capset, &header, none);
    return !has_capabilities();
}

/* ---- user and groups ---- */

static bool is_all_of(const struct privileges *wanted)
{
    uid_t uids[3];
    gid_t gids[3];
    if (getresuid(&uids[0], &uids[1], &uids[2]) != 0 || getresgid(&gids[0], &gids[1], &gids[2]) != 0) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        if (uids[i] != wanted->uid || gids[i] != wanted->gid) {
            return false;
        }
    }
    return true;
}

/* Tries the ways back. One that is open is not closed again: the process ends. */
static bool can_return(void)
{
    return setuid(0) == 0 || seteuid(0) == 0 || setresuid((uid_t)-1, (uid_t)-1, 0) == 0 || setgroups(0, NULL) == 0;
}

static bool become(const struct privileges *wanted, char *error, size_t error_size)
{
    drop_bounding_set();
    if (initgroups(wanted->user, wanted->gid) != 0) {
        return failed("initgroups", error, error_size);
    }
    if (setresgid(wanted->gid, wanted->gid, wanted->gid) != 0) {
        return failed("setresgid", error, error_size);
    }
    if (setresuid(wanted->uid, wanted->uid, wanted->uid) != 0) {
        return failed("setresuid", error, error_size);
    }
    if (!clear_capabilities()) {
        return wrong("capabilities are left", error, error_size);
    }
    /* Neither a core file nor another process of that user is to have the keys. The kernel does this itself unless
     * fs.suid_dumpable says otherwise. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return failed("PR_SET_DUMPABLE", error, error_size);
    }
    if (!is_all_of(wanted) || can_return()) {
        return wrong("the way back to root is open", error, error_size);
    }
    return true;
}

/* Started as somebody else than root: that must be who is wanted. */
static bool is_already(const struct privileges *wanted, char *error, size_t error_size)
{
    if (getuid() != wanted->uid || geteuid() != wanted->uid) {
        (void)snprintf(error, error_size, "only root can become the user %s; this process has uid %ld", wanted->user,
                       (long)geteuid());
        return false;
    }
    if (wanted->group[0] != '\0' && getegid() != wanted->gid) {
        (void)snprintf(error, error_size, "only root can change to the group %s; this process has gid %ld",
                       wanted->group, (long)getegid());
        return false;
    }
    return true;
}

enum privileges_status privileges_drop(const struct privileges *wanted, char *error, size_t error_size)
{
    enum privileges_status status = PRIVILEGES_KEPT;
    bool has_wish = wanted->user[0] != '\0';
    if (has_wish && privileges_are_root() && wanted->uid != 0) {
        if (!become(wanted, error, error_size)) {
            return PRIVILEGES_FAILED;
        }
        status = PRIVILEGES_DROPPED;
    } else if (has_wish && !is_already(wanted, error, error_size)) {
        return PRIVILEGES_FAILED;
    } else if (!privileges_are_root()) {
        (void)clear_capabilities(); /* one for the ports below 1024, say: they are bound */
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        (void)failed("PR_SET_NO_NEW_PRIVS", error, error_size);
        return PRIVILEGES_FAILED;
    }
    return status;
}
