/*
 * file - a regular file of bounded size, read whole; and where relative names lead.
 */
#ifndef PORTCULLIS_CONFIG_FILE_H
#define PORTCULLIS_CONFIG_FILE_H

#include <stddef.h>

#include "server/config/arena.h"

/* Reads `path`, `size_max` bytes at most. Returns NULL and writes the bytes, owned (free() them), with a NUL behind them; or
 * returns why not (static text, or strerror()'s). Never waits for a FIFO or a device; symbolic links are followed. */
const char *file_read(const char *path, size_t size_max, char **bytes_r, size_t *size_r);

/* `name` as seen from `folder`: absolute names and "" stay as they are. NULL when memory is short. */
const char *file_resolve(struct arena *arena, const char *folder, const char *name);

/* The folder that `path` is in: "." when it has none. NULL when memory is short. */
const char *file_folder(struct arena *arena, const char *path);

#endif
