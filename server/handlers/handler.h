/*
 * handler - what an endpoint does with the messages of its sessions, behind one small table of functions.
 *
 * All functions run on the session's loop and must not block. They act on the session through session.h.
 */
#ifndef PORTCULLIS_HANDLERS_HANDLER_H
#define PORTCULLIS_HANDLERS_HANDLER_H

#include <stddef.h>
#include <stdint.h>

#include "server/session/cause.h"
#include "server/ws/frame.h"

struct session;

struct handler {
    const char *name; /* as `handler = "…"` in the config names it */

    /* The 101 is on its way, and the peer is who it says it is; the session may be written to. NULL: nothing to do. */
    void (*opened)(struct session *session);

    /* A whole message, WS_TEXT (checked UTF-8) or WS_BINARY. `data` is valid and may be written to during the call. */
    void (*message)(struct session *session, enum ws_opcode opcode, uint8_t *data, size_t size);

    /* The session is over; it can no longer be written to. Only of those that were opened. NULL: nothing to do. */
    void (*closed)(struct session *session, enum cause cause);
};

extern const struct handler echo_handler;

/* NULL when there is none of that name. Any thread. */
const struct handler *handler_find(const char *name);

#endif
