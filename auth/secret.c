/*
 * secret - loading of secret files. Called at start, on reload and by command-line tools; not on a pool thread.
 */
#define _DEFAULT_SOURCE /* explicit_bzero */
#include "auth/secret.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REACHED_BY_OTHERS (S_IRWXG | S_IRWXO)

/* Opens and judges. On SECRET_OK the caller owns *fd_r. */
static enum secret_status open_checked(const char *path, int *fd_r, off_t *size_r)
{
    /* Non-blocking: a FIFO put in the file's place must not hang the start. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return errno == ENOENT ? SECRET_MISSING : SECRET_UNREADABLE;
    }
    enum secret_status status = SECRET_OK;
    struct stat info;
    if (fstat(fd, &info) != 0) {
        status = SECRET_UNREADABLE;
    } else if (!S_ISREG(info.st_mode)) {
        status = SECRET_NOT_REGULAR;
    } else if ((info.st_mode & REACHED_BY_OTHERS) != 0) {
        status = SECRET_EXPOSED;
    } else if (info.st_size == 0) {
        status = SECRET_EMPTY;
    }
    if (status != SECRET_OK) {
        const int saved = errno;
        close(fd);
        errno = saved;
        return status;
    }
    *fd_r = fd;
    *size_r = info.st_size;
    return SECRET_OK;
}

/* Reads until `size` bytes or the end; the count read, or -1 with errno. */
static ssize_t read_up_to(int fd, uint8_t *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        const ssize_t got = read(fd, bytes + done, size - done);
        if (got == 0) {
            break;
        }
        if (got > 0) {
            done += (size_t)got;
        } else if (errno != EINTR) {
            return -1;
        }
    }
    return (ssize_t)done;
}

enum secret_status secret_load(const char *path, size_t max_size, struct secret *secret_r)
{
    assert(max_size < SIZE_MAX);
    struct secret secret = {NULL, 0};
    size_t room = 0;
    int fd = -1;
    off_t file_size = 0;
    int saved = 0;
    enum secret_status status = open_checked(path, &fd, &file_size);
    if (status != SECRET_OK) {
        return status;
    }
    if ((uintmax_t)file_size > max_size) {
        status = SECRET_TOO_LARGE;
        goto done;
    }
    secret.size = (size_t)file_size;
    room = secret.size + 1; /* one more: for the NUL, and to see that the file has grown */
    secret.bytes = malloc(room);
    if (secret.bytes == NULL) {
        status = SECRET_NO_MEMORY;
        goto done;
    }
    const ssize_t got = read_up_to(fd, secret.bytes, room);
    if (got < 0) {
        status = SECRET_UNREADABLE;
    } else if ((size_t)got != secret.size) {
        status = SECRET_CHANGED;
    } else {
        secret.bytes[secret.size] = '\0';
        *secret_r = secret;
        secret.bytes = NULL;
    }
done:
    saved = errno;
    if (secret.bytes != NULL) {
        explicit_bzero(secret.bytes, room);
        free(secret.bytes);
    }
    close(fd);
    errno = saved;
    return status;
}

enum secret_status secret_check(const char *path)
{
    int fd = -1;
    off_t size = 0;
    const enum secret_status status = open_checked(path, &fd, &size);
    if (status == SECRET_OK) {
        close(fd);
    }
    return status;
}

void secret_free(struct secret *secret)
{
    if (secret->bytes != NULL) {
        explicit_bzero(secret->bytes, secret->size);
        free(secret->bytes);
    }
    secret->bytes = NULL;
    secret->size = 0;
}

const char *secret_status_text(enum secret_status status)
{
    switch (status) {
    case SECRET_OK:
        return "is in order";
    case SECRET_MISSING:
        return "does not exist";
    case SECRET_UNREADABLE:
        return "cannot be read";
    case SECRET_NOT_REGULAR:
        return "is not a regular file";
    case SECRET_EXPOSED:
        return "is open to group or others (chmod 600)";
    case SECRET_EMPTY:
        return "is empty";
    case SECRET_TOO_LARGE:
        return "is too large";
    case SECRET_CHANGED:
        return "changed while it was read";
    case SECRET_UNMADE:
        return "cannot be made";
    case SECRET_NO_MEMORY:
        return "does not fit into memory";
    }
    return "has an unknown status";
}
