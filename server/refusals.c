/*
 * refusals - called by the server's main loop once a period; see refusals.h.
 */
#include "server/refusals.h"

#include <stddef.h>

/* Adds a field when the counter moved. */
static size_t add(struct log_field *fields, size_t count, const char *label, uint64_t now, uint64_t *last)
{
    if (now == *last) {
        return count;
    }
    fields[count] = log_u64(label, now - *last);
    *last = now;
    return count + 1;
}

void refusals_report(struct refusals *last, const struct gate *gate, const struct lobby *lobby, const struct door *door,
                     struct log *log)
{
    struct log_field fields[GATE_VERDICT_COUNT + LOBBY_CAUSE_COUNT + DECIDE_CAUSE_COUNT];
    size_t count = 0;
    const struct gate_stats stats = gate_stats(gate);
    for (int i = 0; i < GATE_VERDICT_COUNT; i++) {
        if (i != GATE_ADMIT) {
            count = add(fields, count, gate_verdict_label((enum gate_verdict)i), stats.verdicts[i], &last->verdicts[i]);
        }
    }
    uint64_t causes[LOBBY_CAUSE_COUNT];
    lobby_counts(lobby, causes);
    for (int i = 0; i < LOBBY_CAUSE_COUNT; i++) {
        if (i != LOBBY_REFUSED) { /* the gate has counted these by their verdict */
            count = add(fields, count, lobby_cause_label((enum lobby_cause)i), causes[i], &last->lobby[i]);
        }
    }
    uint64_t decided[DECIDE_CAUSE_COUNT];
    door_counts(door, decided);
    for (int i = 0; i < DECIDE_CAUSE_COUNT; i++) {
        count = add(fields, count, decide_cause_label((enum decide_cause)i), decided[i], &last->door[i]);
    }
    if (count > 0) {
        log_write(log, LOG_NOTICE, "refusals", fields, count);
        log_write_audit(log, "refusals", fields, count);
    }
}
