/*
 * accept - see accept.h. The one file of the lobby that needs accept4(), which is not POSIX.
 *
 * Lock: `spare_lock` guards the spare descriptor while it is given up, so that of all threads in need only one counts on
 * the number that gets free. Nothing under it blocks: listeners are non-blocking.
 */
#define _GNU_SOURCE

#include "server/lobby/accept.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static pthread_mutex_t spare_lock = PTHREAD_MUTEX_INITIALIZER;
static int spare = -1;

static int accept_on(int listener, struct sockaddr_storage *from, socklen_t *size)
{
    return accept4(listener, (struct sockaddr *)(void *)from, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
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
    *from_r = address_from_sockaddr((const struct sockaddr *)(const void *)&from);
    *port_r = from.ss_family == AF_INET ? ntohs(((const struct sockaddr_in *)(const void *)&from)->sin_port)
                                        : ntohs(((const struct sockaddr_in6 *)(const void *)&from)->sin6_port);
    return fd;
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
    return spare >= 0;
}

bool accept_reserve(void)
{
    pthread_mutex_lock(&spare_lock);
    bool reserved = reserve_locked();
    pthread_mutex_unlock(&spare_lock);
    return reserved;
}

bool accept_with_spare(int listener)
{
    pthread_mutex_lock(&spare_lock);
    bool had = spare >= 0;
    if (had) {
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
