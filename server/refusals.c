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

static void report_violations(struct refusals *last, const struct session_pool *sessions, struct log *log)
{
    struct log_field fields[VIOLATION_COUNT];
    size_t count = 0;
    uint64_t violations[VIOLATION_COUNT];
    session_pool_violations(sessions, violations);
    for (int i = 0; i < VIOLATION_COUNT; i++) {
        count = add(fields, count, violation_label((enum violation_code)i), violations[i], &last->violations[i]);
    }
    if (count > 0) {
        log_write(log, LOG_NOTICE, "violations", fields, count);
        log_write_audit(log, "violations", fields, count);
    }
}

void refusals_report(struct refusals *last, const struct gate *gate, const struct lobby *lobby, const struct door *door,
                     const struct session_pool *sessions, struct log *log)
{
    struct log_field fields[GATE_VERDICT_COUNT + LOBBY_CAUSE_COUNT + DECIDE_CAUSE_COUNT + GATE_OFFENCE_COUNT];
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
    for (int i = 0; i < GATE_OFFENCE_COUNT; i++) {
        count = add(fields, count, gate_offence_label((enum gate_offence)i), stats.offences[i], &last->offences[i]);
    }
    if (count > 0) {
        log_write(log, LOG_NOTICE, "refusals", fields, count);
        log_write_audit(log, "refusals", fields, count);
    }
    report_violations(last, sessions, log);
}
