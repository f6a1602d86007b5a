/*
 * secret - reads files that hold keys, tokens and other secrets, and refuses those that others can reach.
 *
 * A secret that group or others may read is no secret, and one they may write is theirs: such a file is an error, not a
 * warning. All checks are made on the opened file, so that it cannot be exchanged in between. Any thread.
 */
#ifndef PORTCULLIS_AUTH_SECRET_H
#define PORTCULLIS_AUTH_SECRET_H

#include <stddef.h>
#include <stdint.h>

enum secret_status {
    SECRET_OK,
    SECRET_MISSING,     /* there is no such file */
    SECRET_UNREADABLE,  /* open or read failed; errno says why */
    SECRET_NOT_REGULAR, /* a folder, FIFO, socket or device */
    SECRET_EXPOSED,     /* group or others have any permission on it */
    SECRET_EMPTY,
    SECRET_TOO_LARGE,
    SECRET_CHANGED, /* its size changed while it was read */
    SECRET_UNMADE,  /* secret_make() failed; errno says why */
    SECRET_NO_MEMORY
};

/* Bytes as they are in the file: a newline at the end is part of them. A NUL that `size` does not count follows. */
struct secret {
    uint8_t *bytes;
    size_t size;
};

/* Reads all of `path`, `max_size` bytes at most (below SIZE_MAX). On SECRET_OK, *secret_r owns the bytes: give them back with
 * secret_free(). Symbolic links are followed; never waits for a FIFO. */
__attribute__((warn_unused_result)) enum secret_status secret_load(const char *path, size_t max_size,
                                                                   struct secret *secret_r);

/* What secret_load() would say about kind, permissions and emptiness, without reading: for configuration checks. */
__attribute__((warn_unused_result)) enum secret_status secret_check(const char *path);

/* Wipes and frees; leaves *secret empty. An empty one (all zero) is fine. */
void secret_free(struct secret *secret);

#define SECRET_RANDOM_MAX 64 /* bytes */

/* Makes `path`, with `size` (up to SECRET_RANDOM_MAX) random bytes as base64url text without newline, for the eyes of its owner
 * alone: whoever calls. It appears whole or not at all, and stays through a loss of power. One that appeared in the meantime is left as
 * it is: SECRET_OK. */
__attribute__((warn_unused_result)) enum secret_status secret_make(const char *path, size_t size);

/* A clause for messages: "PATH: TEXT". For SECRET_UNREADABLE and SECRET_UNMADE the caller adds errno's. */
const char *secret_status_text(enum secret_status status);

#endif
