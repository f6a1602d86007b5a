/*
 * refusals - who was turned away or put out, summed up once a period: one line in the log and in the audit file, never one a packet.
 */
#ifndef PORTCULLIS_REFUSALS_H
#define PORTCULLIS_REFUSALS_H

#include <stdint.h>

#include "logging/log.h"
#include "server/door/door.h"
#include "server/gate/gate.h"
#include "server/lobby/lobby.h"
#include "server/session/pool.h"

/* What had been counted at the end of the last period. */
struct refusals {
    uint64_t verdicts[GATE_VERDICT_COUNT];
    uint64_t lobby[LOBBY_CAUSE_COUNT];
    uint64_t door[DECIDE_CAUSE_COUNT];
    uint64_t offences[GATE_OFFENCE_COUNT];
    uint64_t violations[VIOLATION_COUNT];
};

/* Logs what has been counted since the last call, if anything; messages that broke a rule in a line of their own ("violations"), as
 * many of them may be on one session that goes on. Main thread. */
void refusals_report(struct refusals *last, const struct gate *gate, const struct lobby *lobby, const struct door *door,
                     const struct session_pool *sessions, struct log *log);

#endif
