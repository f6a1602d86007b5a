/*
 * file_limit - as many descriptors as the config adds up to. Main thread.
 */
#ifndef PORTCULLIS_FILE_LIMIT_H
#define PORTCULLIS_FILE_LIMIT_H

#include "logging/log.h"
#include "server/config/config.h"

/* Raises RLIMIT_NOFILE to what the config may need, with so many session loops, or logs what happens otherwise. At the start root
 * raises the hard limit, too; a reload that needs more than that has lost the right to. */
void file_limit_raise(const struct config *config, unsigned session_threads, struct log *log);

#endif
