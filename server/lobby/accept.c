/*
 * accept - see accept.h. The one file of the lobby that needs accept4(), which is not POSIX.
 *
 * Lock: `spare_lock` guards the spare descriptor while it is given up, so that of all threads in need only one counts on
 * the number that gets free. Nothing under it blocks: listeners are non-blocking. Threads that are not in need accept without it and may
 * be quicker to take that number: `spare_lost` tells them to give it back.
 */
#define _GNU_SOURCE

#include "server/lobby/accept.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static pthread_mutex_t spare_lock = PTHREAD_MUTEX_INITIALIZER;
static int spare = -1;
static atomic_bool spare_lost; /* given up, and not had back yet */

static int accept_on(int listener, struct sockaddr_storage *from, socklen_t *size)
{
    return accept4(listener, (struct sockaddr *)(void *)from, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

void accept_reset(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    (void)close(fd);
}

static bool reserve_locked(void)
{
    if (spare < 0) {
        spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    atomic_store(&spare_lost, spare < 0);
    return spare >= 0;
}

bool accept_reserve(void)
{
    pthread_mutex_lock(&spare_lock);
    bool reserved = reserve_locked();
    pthread_mutex_unlock(&spare_lock);
    return reserved;
}

int accept_next(int listener, struct address *from_r, uint16_t *port_r)
{
    struct sockaddr_storage from;
    memset(&from, 0, sizeof(from));
    socklen_t size = sizeof(from);
    int fd = accept_on(listener, &from, &size);
    if (fd < 0) {
        return -1;
    }
    if (atomic_load(&spare_lost) && !accept_reserve()) {
        accept_reset(fd); /* it has the number that the spare one had */
        (void)accept_reserve();
        errno = EMFILE;
        return -1;
    }
    *from_r = address_from_sockaddr((const struct sockaddr *)(const void *)&from);
    *port_r = from.ss_family == AF_INET ? ntohs(((const struct sockaddr_in *)(const void *)&from)->sin_port)
                                        : ntohs(((const struct sockaddr_in6 *)(const void *)&from)->sin6_port);
    return fd;
}

bool accept_with_spare(int listener)
{
    pthread_mutex_lock(&spare_lock);
    bool had = spare >= 0;
    if (had) {
        atomic_store(&spare_lost, true); /* before anybody can have its number */
        close(spare);
        spare = -1;
        struct sockaddr_storage from;
        socklen_t size = sizeof(from);
        int fd = accept_on(listener, &from, &size);
        if (fd >= 0) {
            accept_reset(fd);
        }
    }
    bool reserved = reserve_locked();
    pthread_mutex_unlock(&spare_lock);
    return had && reserved;
}
