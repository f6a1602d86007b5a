/*
 * inherited - the service manager's sockets, matched with the config by address; see inherited.h.
 *
 * Names (LISTEN_FDNAMES) serve error messages only: a name cannot hold a colon, so it cannot be the address of a listener.
 */
#include "server/lobby/inherited.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

#include "server/gate/address.h"
#include "server/lobby/listener.h"

/* Of a descriptor in an error message: a name has 255 bytes at most, and some words go with it. */
#define DESCRIPTION_SIZE 384

struct inherited {
    int count;
    bool *taken;
    char **names; /* `count` and a NULL; libsystemd's memory, each and all to be freed */
};

static int fd_of(int index)
{
    return SD_LISTEN_FDS_START + index;
}

struct inherited *inherited_create(char *error, size_t error_size)
{
    char **names = NULL;
    int count = sd_listen_fds_with_names(1, &names);
    if (count < 0) {
        snprintf(error, error_size, "cannot take the sockets that LISTEN_FDS declares: %s", strerror(-count));
        return NULL;
    }
    struct inherited *inherited = calloc(1, sizeof(*inherited));
    bool *taken = calloc((size_t)count + 1, sizeof(*taken)); /* never of size 0, which may be NULL */
    if (inherited == NULL || taken == NULL) {
        snprintf(error, error_size, "%s", strerror(ENOMEM));
        free(inherited);
        free(taken);
        return NULL; /* the process ends: descriptors and names go with it */
    }
    *inherited = (struct inherited){.count = count, .taken = taken, .names = names};
    return inherited;
}

void inherited_destroy(struct inherited **inherited_pointer)
{
    struct inherited *inherited = *inherited_pointer;
    if (inherited == NULL) {
        return;
    }
    *inherited_pointer = NULL;
    for (int i = 0; i < inherited->count; i++) {
        if (!inherited->taken[i]) {
            close(fd_of(i));
        }
        if (inherited->names != NULL) {
            free(inherited->names[i]);
        }
    }
    free(inherited->names);
    free(inherited->taken);
    free(inherited);
}

/* Whether it can be a listener at all. */
static bool listens(int fd)
{
    return sd_is_socket_inet(fd, AF_UNSPEC, SOCK_STREAM, 1, 0) > 0;
}

static int take_address(struct inherited *inherited, const struct address *address, uint16_t port)
{
    for (int i = 0; i < inherited->count; i++) {
        struct address bound;
        uint16_t bound_port;
        if (!inherited->taken[i] && listens(fd_of(i)) && listener_address(fd_of(i), &bound, &bound_port) &&
            bound_port == port && address_equal(&bound, address)) {
            inherited->taken[i] = true;
            return fd_of(i);
        }
    }
    return -1;
}

int inherited_take(struct inherited *inherited, const struct config_listener *listener)
{
    /* 0.0.0.0 in the one form that addresses have here. */
    static const struct address any_ipv4 = {.bytes = {[10] = 0xff, [11] = 0xff}};
    if (listener->port == 0) {
        return -1;
    }
    int fd = take_address(inherited, &listener->address, listener->port);
    if (fd < 0 && listener->any) {
        fd = take_address(inherited, &any_ipv4, listener->port);
    }
    return fd;
}

/* "3 (named \"web\", bound to 127.0.0.1:80)". */
static void describe(const struct inherited *inherited, int index, char text_r[DESCRIPTION_SIZE])
{
    struct address address;
    uint16_t port;
    char text[ADDRESS_TEXT_SIZE];
    const char *what = "not a listening TCP socket";
    const char *where = "";
    if (listens(fd_of(index)) && listener_address(fd_of(index), &address, &port)) {
        what = "bound to ";
        where = address_format_port(&address, port, text);
    }
    const char *name = inherited->names == NULL ? "unknown" : inherited->names[index];
    snprintf(text_r, DESCRIPTION_SIZE, "%d (named \"%s\", %s%s)", fd_of(index), name, what, where);
}

bool inherited_all_taken(const struct inherited *inherited, char *error, size_t error_size)
{
    size_t size = 0;
    for (int i = 0; i < inherited->count; i++) {
        if (inherited->taken[i]) {
            continue;
        }
        char text[DESCRIPTION_SIZE];
        describe(inherited, i, text);
        int added = snprintf(error + size, error_size - size, "%s%s",
                             size == 0 ? "no listener of the config is for inherited descriptor " : ", ", text);
        if (added < 0 || (size_t)added >= error_size - size) {
            return false; /* cut short: the first ones say enough */
        }
        size += (size_t)added;
    }
    return size == 0;
}
