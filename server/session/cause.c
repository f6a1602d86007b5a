/*
 * cause - look-ups in the table of causes (cause.h). Pure: any thread.
 */
#include "server/session/cause.h"

#include <assert.h>

static const struct {
    const char *label;
    const char *sentence;
    enum cause_side side;
    enum ws_close_code code;
} causes[CAUSE_COUNT] = {
#define CAUSE_ROW_(name, label, side, code, sentence) [CAUSE_##name] = {label, sentence, side, code},
    CAUSE_TABLE(CAUSE_ROW_)
#undef CAUSE_ROW_
};

const char *cause_label(enum cause cause)
{
    assert((unsigned)cause < CAUSE_COUNT);
    return causes[cause].label;
}

const char *cause_sentence(enum cause cause)
{
    assert((unsigned)cause < CAUSE_COUNT);
    return causes[cause].sentence;
}

enum cause_side cause_side(enum cause cause)
{
    assert((unsigned)cause < CAUSE_COUNT);
    return causes[cause].side;
}

const char *cause_side_label(enum cause_side side)
{
    switch (side) {
    case CAUSE_PEER:
        return "client";
    case CAUSE_SERVER:
        return "server";
    case CAUSE_NETWORK:
        return "network";
    }
    return "unknown";
}

enum ws_close_code cause_close_code(enum cause cause)
{
    assert((unsigned)cause < CAUSE_COUNT);
    return causes[cause].code;
}

bool cause_offence(enum cause cause, enum gate_offence *kind_r)
{
    switch (cause) {
    case CAUSE_INVALID_MESSAGE:
    case CAUSE_TOO_MANY_VIOLATIONS:
    case CAUSE_MESSAGE_TOO_BIG:
        *kind_r = GATE_OFFENCE_INVALID_MESSAGES;
        return true;
    case CAUSE_RATE_LIMITED:
        *kind_r = GATE_OFFENCE_MESSAGE_RATE;
        return true;
    case CAUSE_PROTOCOL_ERROR:
    case CAUSE_INVALID_DATA:
    case CAUSE_BAD_COMPRESSION:
    case CAUSE_COMPRESSION_RATIO:
    case CAUSE_TOO_MANY_FRAGMENTS:
        *kind_r = GATE_OFFENCE_PROTOCOL_ERROR;
        return true;
    case CAUSE_CLIENT_CLOSED:
    case CAUSE_CLIENT_GONE:
    case CAUSE_CONNECTION_LOST:
    case CAUSE_TLS_FAILED:
    case CAUSE_IDLE_TIMEOUT:
    case CAUSE_PONG_TIMEOUT:
    case CAUSE_MESSAGE_TIMEOUT:
    case CAUSE_SLOW_CONSUMER:
    case CAUSE_SERVER_STOPPING:
    case CAUSE_SESSION_MEMORY:
    case CAUSE_SERVER_MEMORY:
    case CAUSE_OUT_OF_MEMORY:
    case CAUSE_AUTH_TIMEOUT:
    case CAUSE_AUTH_FAILED:
    case CAUSE_AUTH_UNAVAILABLE:
    case CAUSE_TOKEN_EXPIRED:
    case CAUSE_NOT_PERMITTED:
    case CAUSE_USER_SESSIONS:
    case CAUSE_REPLACED:
    case CAUSE_KICKED:
    case CAUSE_REVOKED:
        return false;
    }
    return false;
}
