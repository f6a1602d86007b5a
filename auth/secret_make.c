/*
 * secret_make - makes a secret's file. Called at start and at a reload, for files that the config names and nobody has made.
 */
#define _GNU_SOURCE /* mkostemp, explicit_bzero */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "auth/base64url.h"
#include "auth/secret.h"

static bool write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        const ssize_t written = write(fd, text, size);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            text += written;
            size -= (size_t)written;
        }
    }
    return true;
}

/* So that the new name is on the disk, too. */
static bool sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    const size_t size = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    char *folder = slash == NULL ? strdup(".") : strndup(path, size);
    const int fd = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool good = fd >= 0 && fsync(fd) == 0;
    const int saved = errno;
    if (fd >= 0) {
        close(fd);
    }
    free(folder);
    errno = saved;
    return good;
}

/* Writes `text` into a file next to `path` that nobody else knows, and gives it that name when it is whole. */
static bool write_file(const char *path, const char *text, size_t size)
{
    char *temporary = NULL;
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
        errno = ENOMEM;
        return false;
    }
    const int fd = mkostemp(temporary, O_CLOEXEC); /* O_EXCL and mode 0600 */
    bool good = false;
    int saved = errno;
    if (fd >= 0) {
        good = write_all(fd, text, size) && fsync(fd) == 0 && (link(temporary, path) == 0 || errno == EEXIST) &&
               sync_folder(path);
        saved = errno;
        close(fd);
        (void)unlink(temporary);
    }
    free(temporary);
    errno = saved;
    return good;
}

enum secret_status secret_make(const char *path, size_t size)
{
    uint8_t bytes[SECRET_RANDOM_MAX];
    char text[2 * SECRET_RANDOM_MAX]; /* base64 takes four characters for three bytes */
    assert(size > 0 && size <= sizeof(bytes));
    /* Waits for the kernel to have seeded its generator, early at boot; up to 256 bytes then come at once (getrandom(2)). */
    if (getrandom(bytes, size, 0) != (ssize_t)size) {
        return SECRET_UNMADE;
    }
    base64url_encode(bytes, size, text);
    const bool good = write_file(path, text, base64url_encoded_size(size));
    const int saved = errno;
    explicit_bzero(bytes, sizeof(bytes));
    explicit_bzero(text, sizeof(text));
    errno = saved;
    return good ? SECRET_OK : SECRET_UNMADE;
}
