/*
 * error_reply - see error_reply.h. Called by validation.c.
 */
#include "server/session/error_reply.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "logging/escape.h"

static char *put(char *at, const char *text)
{
    const size_t size = strlen(text);
    memcpy(at, text, size);
    return at + size;
}

static char *put_string(char *at, const char *text)
{
    const uint8_t *from = (const uint8_t *)text;
    size_t left = strlen(text);
    *at++ = '"';
    while (left > 0) {
        const struct escaped one = escape_next(ESCAPE_JSON, from, left);
        memcpy(at, one.bytes, one.size);
        at += one.size;
        from += one.taken;
        left -= one.taken;
    }
    *at++ = '"';
    return at;
}

size_t error_reply_write(const struct violation *violation, char buffer[ERROR_REPLY_SIZE])
{
    char *at = put(buffer, "{\"error\":{\"code\":");
    at = put_string(at, violation_label(violation->code));
    at = put(at, ",\"reason\":");
    at = put_string(at, violation->error.sentence);
    at = put(at, ",\"path\":");
    at = put_string(at, violation->error.path);
    at = put(at, "}}");
    assert((size_t)(at - buffer) <= ERROR_REPLY_SIZE);
    return (size_t)(at - buffer);
}
