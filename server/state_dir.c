/*
 * state_dir - see state_dir.h. Called by server.c and secrets.c.
 */
#define _DEFAULT_SOURCE /* lchown */
#include "server/state_dir.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* If somebody else puts a link there in between, the link is what he is given. */
static bool give(const struct config *config)
{
    return config->privileges.user[0] == '\0' || geteuid() != 0 ||
           lchown(config->state_dir, config->privileges.uid, config->privileges.gid) == 0;
}

bool state_dir_make(const struct config *config, char *error, size_t error_size)
{
    const bool made = mkdir(config->state_dir, S_IRWXU) == 0;
    if (made ? give(config) : errno == EEXIST) {
        return true;
    }
    snprintf(error, error_size, "%s cannot be made: %s", config->state_dir, strerror(errno));
    return false;
}
