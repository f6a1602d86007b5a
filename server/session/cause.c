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
