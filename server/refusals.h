/*
 * refusals - who was turned away, summed up once a period: one line in the log and in the audit file, never one a packet.
 */
#ifndef PORTCULLIS_REFUSALS_H
#define PORTCULLIS_REFUSALS_H

#include <stdint.h>

#include "logging/log.h"
#include "server/door/door.h"
#include "server/gate/gate.h"
#include "server/lobby/lobby.h"

/* What had been counted at the end of the last period. */
struct refusals {
    uint64_t verdicts[GATE_VERDICT_COUNT];
    uint64_t lobby[LOBBY_CAUSE_COUNT];
    uint64_t door[DECIDE_CAUSE_COUNT];
};

/* Logs what has been counted since the last call, if anything. Main thread. */
void refusals_report(struct refusals *last, const struct gate *gate, const struct lobby *lobby, const struct door *door,
                     struct log *log);

#endif
