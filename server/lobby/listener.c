/*
 * listener - socket, options, bind, listen; see listener.h.
 */
#define _DEFAULT_SOURCE

#include "server/lobby/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the kernel takes of a connection's output before the peer's window lets it go. Without this bound it is megabytes for each
 * peer that does not read, and out of reach of limits.send_queue. */
#define UNSENT_MAX (128 * 1024)

union any_sockaddr {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_storage storage;
};

/* Fills in the address of the wanted family; returns its size. */
static socklen_t fill(const struct config_listener *listener, bool ipv4, union any_sockaddr *address_r)
{
    memset(address_r, 0, sizeof(*address_r));
    if (ipv4) {
        address_r->in.sin_family = AF_INET;
        address_r->in.sin_port = htons(listener->port);
        if (!listener->any) {
            memcpy(&address_r->in.sin_addr, listener->address.bytes + 12, 4);
        }
        return sizeof(address_r->in);
    }
    address_r->in6.sin6_family = AF_INET6;
    address_r->in6.sin6_port = htons(listener->port);
    if (!listener->any) {
        memcpy(&address_r->in6.sin6_addr, listener->address.bytes, 16);
    }
    return sizeof(address_r->in6);
}

static bool set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* What the connections are to inherit. */
static bool set_options(int fd)
{
    return set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) && set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1) &&
           set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_MAX);
}

static int open_family(const struct config_listener *listener, bool ipv4)
{
    int fd = socket(ipv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    union any_sockaddr address;
    socklen_t size = fill(listener, ipv4, &address);
    if (!set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) || !set_options(fd) ||
        (!ipv4 && !set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, listener->any ? 0 : 1)) ||
        bind(fd, &address.any, size) != 0 || listen(fd, listener->backlog) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

int listener_open(const struct config_listener *listener, char *error, size_t error_size)
{
    bool ipv4 = !listener->any && address_is_ipv4(&listener->address);
    int fd = open_family(listener, ipv4);
    if (fd < 0 && listener->any && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
        fd = open_family(listener, true); /* a host without IPv6: "any" is what there is */
    }
    if (fd < 0) {
        snprintf(error, error_size, "cannot listen on %s: %s", listener->text, strerror(errno));
    }
    return fd;
}

/* Sets a flag on top of those that are there, with the given pair of fcntl() commands. */
static bool add_flag(int fd, int get, int set, int flag)
{
    int flags = fcntl(fd, get);
    return flags >= 0 && ((flags & flag) != 0 || fcntl(fd, set, flags | flag) == 0);
}

bool listener_adopt(int fd, const struct config_listener *listener, char *error, size_t error_size)
{
    if (add_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC) && add_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK) && set_options(fd)) {
        return true;
    }
    snprintf(error, error_size, "cannot use the inherited socket for %s: %s", listener->text, strerror(errno));
    return false;
}

bool listener_address(int fd, struct address *address_r, uint16_t *port_r)
{
    union any_sockaddr address;
    socklen_t size = sizeof(address);
    if (getsockname(fd, &address.any, &size) != 0) {
        return false;
    }
    *address_r = address_from_sockaddr(&address.any);
    *port_r = ntohs(address.any.sa_family == AF_INET ? address.in.sin_port : address.in6.sin6_port);
    return true;
}
