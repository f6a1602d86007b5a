/*
 * error_reply - what a client is told of a message that was not taken: {"error":{"code":…,"reason":…,"path":…}}. Pure: any thread.
 */
#ifndef PORTCULLIS_SESSION_ERROR_REPLY_H
#define PORTCULLIS_SESSION_ERROR_REPLY_H

#include <stddef.h>

#include "validate/rules.h"

/* Room for any: each octet of the sentence and the path becomes six at most. */
#define ERROR_REPLY_SIZE (6 * (SCHEMA_SENTENCE_SIZE + SCHEMA_PATH_SIZE) + 128)

/* Writes it as JSON (RFC 8259), which is UTF-8 whatever the path holds; returns its size. No NUL. */
size_t error_reply_write(const struct violation *violation, char buffer[ERROR_REPLY_SIZE]);

#endif
