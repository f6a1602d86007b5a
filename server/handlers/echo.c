/*
 * echo - sends each message back: text behind the endpoint's reply_prefix, binary as it came. For a first try and for
 * benchmarks. Runs on the session's loop.
 */
#include "server/handlers/handler.h"

#include <string.h>
#include <sys/uio.h>

#include "server/config/config.h"
#include "server/session/session.h"

static void echo_message(struct session *session, enum ws_opcode opcode, uint8_t *data, size_t size)
{
    const char *prefix = session_endpoint(session)->reply_prefix;
    size_t prefix_size = opcode == WS_TEXT ? strlen(prefix) : 0;
    session_send(session, opcode, prefix, prefix_size, data, size);
}

const struct handler echo_handler = {
    .name = "echo",
    .message = echo_message,
};
