/*
 * file - a regular file of bounded size, read whole; and where relative names lead.
 * Called by the config, on the thread that loads.
 */
#include "server/config/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads until the end or `size_max` + 1 bytes: the file may have grown since its size was taken. */
static const char *read_all(int fd, char *bytes, size_t size_max, size_t *size_r)
{
    size_t size = 0;
    while (size <= size_max) {
        ssize_t got = read(fd, bytes + size, size_max + 1 - size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return strerror(errno);
        }
        if (got == 0) {
            bytes[size] = '\0';
            *size_r = size;
            return NULL;
        }
        size += (size_t)got;
    }
    return "it changes while it is read";
}

const char *file_read(const char *path, size_t size_max, char **bytes_r, size_t *size_r)
{
    const char *error = NULL;
    char *bytes = NULL;
    size_t size = 0;
    struct stat status;
    /* Non-blocking, so that a FIFO without a writer opens at once; it is refused then. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &status) != 0) {
        error = strerror(errno);
        goto out;
    }
    if (!S_ISREG(status.st_mode)) {
        error = S_ISDIR(status.st_mode) ? "it is a folder" : "it is not a regular file";
        goto out;
    }
    if (status.st_size < 0 || (uintmax_t)status.st_size > size_max) {
        error = "it is too large";
        goto out;
    }
    /* Files whose size is not known beforehand (/proc) say 0: they are read as far as the bound, too. */
    size_t room = status.st_size > 0 ? (size_t)status.st_size : size_max;
    bytes = malloc(room + 1);
    if (bytes == NULL) {
        error = "no memory to read it";
        goto out;
    }
    error = read_all(fd, bytes, room, &size);
    if (error == NULL) {
        *bytes_r = bytes;
        *size_r = size;
        bytes = NULL;
    }
out:
    free(bytes);
    if (fd >= 0) {
        (void)close(fd);
    }
    return error;
}

const char *file_resolve(struct arena *arena, const char *folder, const char *name)
{
    if (name[0] == '/' || name[0] == '\0' || strcmp(folder, ".") == 0) {
        return name;
    }
    size_t folder_size = strlen(folder);
    size_t name_size = strlen(name);
    char *path = arena_alloc(arena, folder_size + 1 + name_size + 1);
    if (path != NULL) {
        memcpy(path, folder, folder_size);
        path[folder_size] = '/';
        memcpy(path + folder_size + 1, name, name_size);
    }
    return path;
}

const char *file_folder(struct arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return ".";
    }
    /* "/portcullis.conf" is in "/", which file_resolve() then writes as "//": the same folder. */
    return arena_text(arena, path, slash == path ? 1 : (size_t)(slash - path));
}
