/*
 * borrow - listen() and accept() as civetweb gets them: it calls both through its PLT, so that these definitions in the
 * executable are the ones it finds.
 *
 * Linked into the executable alone, so that unit tests keep libc's. Without _GNU_SOURCE: glibc's prototypes would have
 * transparent unions. Neither blocks for long; any thread, in practice civetweb's master threads.
 */
#define _DEFAULT_SOURCE /* syscall */

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "server/door/placeholder.h"
#include "server/lobby/accept.h"

/* RFC 1112 §4: class E, on no network. The low 28 bits carry the ticket. */
#define TICKET_NETWORK 0xF0000000u

#define BORROWED __attribute__((visibility("default"), used))

static int accept_ordinary(int fd, struct sockaddr *address, socklen_t *length)
{
    int accepted = (int)syscall(SYS_accept4, fd, address, length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (accepted < 0 && (errno == EMFILE || errno == ENFILE) && !accept_with_spare(fd)) {
        /* civetweb would poll again at once, for ever. */
        struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
        nanosleep(&pause, NULL);
        errno = EMFILE;
    }
    return accepted;
}

/* The made-up peer: its address names the slot, its port the slot's generation. Never more than the caller has room for. */
static void report_peer(const struct ready_entry *entry, struct sockaddr *address, socklen_t *length)
{
    if (address == NULL || length == NULL) {
        return;
    }
    struct sockaddr_in peer;
    memset(&peer, 0, sizeof(peer));
    peer.sin_family = AF_INET;
    peer.sin_port = htons(entry->generation);
    peer.sin_addr.s_addr = htonl(TICKET_NETWORK | entry->ticket);
    memcpy(address, &peer, *length < sizeof(peer) ? *length : sizeof(peer));
    *length = sizeof(peer);
}

BORROWED int accept(int fd, struct sockaddr *address, socklen_t *length)
{
    struct ready_entry entry;
    switch (placeholder_accept(fd, &entry)) {
    case PLACEHOLDER_ENTRY:
        report_peer(&entry, address, length);
        return entry.fd;
    case PLACEHOLDER_EMPTY:
        errno = EAGAIN;
        return -1;
    case PLACEHOLDER_OTHER:
        break;
    }
    return accept_ordinary(fd, address, length);
}

BORROWED int listen(int fd, int backlog)
{
    if (placeholder_listen(fd)) {
        return 0;
    }
    return (int)syscall(SYS_listen, fd, backlog);
}
