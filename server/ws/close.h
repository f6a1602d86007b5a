/*
 * close - WebSocket close codes (RFC 6455 §7.4) and the body of a Close frame (§5.5.1). Pure: any thread.
 */
#ifndef PORTCULLIS_WS_CLOSE_H
#define PORTCULLIS_WS_CLOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ws_close_code {
    WS_CLOSE_NONE = 0, /* no code: an empty Close frame, or none at all */
    WS_CLOSE_NORMAL = 1000,
    WS_CLOSE_GOING_AWAY = 1001,
    WS_CLOSE_PROTOCOL_ERROR = 1002,
    WS_CLOSE_UNSUPPORTED_DATA = 1003,
    WS_CLOSE_NO_STATUS = 1005, /* never on the wire */
    WS_CLOSE_ABNORMAL = 1006,  /* never on the wire */
    WS_CLOSE_INVALID_DATA = 1007,
    WS_CLOSE_POLICY = 1008,
    WS_CLOSE_TOO_BIG = 1009,
    WS_CLOSE_INTERNAL = 1011,
    WS_CLOSE_SERVICE_RESTART = 1012,
    WS_CLOSE_TRY_AGAIN = 1013,
    WS_CLOSE_UNAUTHENTICATED = 4401,
    WS_CLOSE_FORBIDDEN = 4403,
    WS_CLOSE_DEADLINE = 4408,
    WS_CLOSE_REVOKED = 4409,
    WS_CLOSE_RATE_LIMIT = 4429,
};

/* Bytes of a reason: a control frame's 125 less the code's 2. */
#define WS_CLOSE_REASON_MAX 123

/* Whether a peer may send this code: 1000–1003, 1007–1014, 3000–4999 (§7.4.1, §7.4.2 and the IANA registry). */
bool ws_close_code_valid(unsigned code);

#endif
