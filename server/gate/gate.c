/*
 * gate - computes verdicts: one ordered function over the rules, on a snapshot of them and the table of sources.
 * Called by lobby threads (new connections, TLS, end of the lobby), by whoever ends a connection, and by the reload.
 */
#include "server/gate/gate.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "server/gate/prefix_set.h"
#include "server/gate/snapshot.h"
#include "server/gate/source_table.h"

#define UNTRACKED UINT32_MAX /* the source of an exempt address: no name in the table reaches it */

/* What the config says, ready for use. Immutable once published. */
struct rules {
    struct prefix_set *lists; /* all allow prefixes, then all deny prefixes: so allow wins at equal length */
    size_t allow_count;
    struct prefix_set *exempt;
    bool allow_only;
    struct source_limits source;
    uint32_t total_connections;
};

struct gate {
    struct snapshot *rules;
    struct source_table *sources;
    _Atomic(uint32_t) connections;
    _Atomic(uint32_t) in_lobby;
    _Atomic(uint32_t) in_tls;
    _Atomic(uint64_t) verdicts[GATE_VERDICT_COUNT];
    _Atomic(uint64_t) offences[GATE_OFFENCE_COUNT];
    _Atomic(uint64_t) exempt_offences[GATE_OFFENCE_COUNT];
};

static const struct {
    const char *label;
    const char *text;
} verdict_names[GATE_VERDICT_COUNT] = {
    [GATE_ADMIT] = {"admitted", "admitted"},
    [GATE_DENIED] = {"denied", "the address is on the deny list"},
    [GATE_NOT_ALLOWED] = {"not_allowed", "only listed addresses are allowed, and this one is not listed"},
    [GATE_RATE] = {"connection_rate", "too many new connections in a short time from this source"},
    [GATE_SOURCE_CONNECTIONS] = {"source_connections", "too many open connections from this source"},
    [GATE_SOURCE_LOBBY] = {"source_lobby", "too many unfinished handshakes from this source"},
    [GATE_TLS_RATE] = {"tls_rate", "too many TLS handshakes in a short time from this source"},
    [GATE_SOURCE_TLS] = {"source_tls", "too many TLS handshakes in progress from this source"},
    [GATE_TOTAL_CONNECTIONS] = {"total_connections", "the server has as many connections as it may"},
    [GATE_TABLE_FULL] = {"table_full", "the table of sources is full of sources with open connections"},
};

const char *gate_verdict_label(enum gate_verdict verdict)
{
    assert(verdict < GATE_VERDICT_COUNT);
    return verdict_names[verdict].label;
}

const char *gate_verdict_text(enum gate_verdict verdict)
{
    assert(verdict < GATE_VERDICT_COUNT);
    return verdict_names[verdict].text;
}

static const struct {
    const char *label;
    const char *text;
} offence_names[GATE_OFFENCE_COUNT] = {
#define GATE_OFFENCE_ROW_(name, label, text) [GATE_OFFENCE_##name] = {label, text},
    GATE_OFFENCE_TABLE(GATE_OFFENCE_ROW_)
#undef GATE_OFFENCE_ROW_
};

const char *gate_offence_label(enum gate_offence kind)
{
    assert((unsigned)kind < GATE_OFFENCE_COUNT);
    return offence_names[kind].label;
}

const char *gate_offence_text(enum gate_offence kind)
{
    assert((unsigned)kind < GATE_OFFENCE_COUNT);
    return offence_names[kind].text;
}

static void rules_destroy(struct rules *rules)
{
    if (rules != NULL) {
        prefix_set_destroy(&rules->lists);
        prefix_set_destroy(&rules->exempt);
        free(rules);
    }
}

static struct prefix_set *lists_create(const struct gate_config *config)
{
    if (config->allow_count > PREFIX_SET_COUNT_MAX || config->deny_count > PREFIX_SET_COUNT_MAX) {
        return NULL;
    }
    size_t count = config->allow_count + config->deny_count;
    struct prefix *prefixes = malloc((count + 1) * sizeof(*prefixes)); /* never zero bytes */
    if (prefixes == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < config->allow_count; i++) {
        prefixes[i] = config->allow[i];
    }
    for (size_t i = 0; i < config->deny_count; i++) {
        prefixes[config->allow_count + i] = config->deny[i];
    }
    struct prefix_set *lists = prefix_set_create(prefixes, count);
    free(prefixes);
    return lists;
}

static struct rules *rules_create(const struct gate_config *config)
{
    struct rules *rules = calloc(1, sizeof(*rules));
    if (rules == NULL) {
        return NULL;
    }
    rules->allow_count = config->allow_count;
    rules->allow_only = config->allow_only;
    rules->source = (struct source_limits){
        .connection_rate = bucket_limit_of(config->connection_rate.rate, config->connection_rate.burst),
        .tls_rate = bucket_limit_of(config->tls_rate.rate, config->tls_rate.burst),
        .connections = config->source_connections,
        .lobby = config->source_lobby,
        .tls = config->source_tls,
    };
    rules->total_connections = config->total_connections;
    rules->lists = lists_create(config);
    rules->exempt = prefix_set_create(config->exempt, config->exempt_count);
    if (rules->lists == NULL || rules->exempt == NULL) {
        rules_destroy(rules);
        return NULL;
    }
    return rules;
}

struct gate *gate_create(const struct gate_config *config)
{
    struct rules *rules = rules_create(config);
    struct gate *gate = calloc(1, sizeof(*gate));
    if (rules == NULL || gate == NULL) {
        goto fail;
    }
    gate->sources = source_table_create(config->table_size);
    if (gate->sources == NULL) {
        goto fail;
    }
    gate->rules = snapshot_create(rules);
    if (gate->rules == NULL) {
        goto fail;
    }
    return gate;
fail:
    if (gate != NULL) {
        source_table_destroy(&gate->sources);
    }
    free(gate);
    rules_destroy(rules);
    return NULL;
}

void gate_destroy(struct gate **gate)
{
    if (*gate == NULL) {
        return;
    }
    rules_destroy(snapshot_destroy(&(*gate)->rules));
    source_table_destroy(&(*gate)->sources);
    free(*gate);
    *gate = NULL;
}

bool gate_reconfigure(struct gate *gate, const struct gate_config *config)
{
    struct rules *rules = rules_create(config);
    if (rules == NULL) {
        return false;
    }
    rules_destroy(snapshot_replace(gate->rules, rules));
    return true;
}

static enum gate_verdict judge_lists(const struct rules *rules, const struct address *from)
{
    uint32_t longest = prefix_set_find(rules->lists, from);
    if (longest == PREFIX_SET_NONE) {
        return rules->allow_only ? GATE_NOT_ALLOWED : GATE_ADMIT;
    }
    return longest < rules->allow_count ? GATE_ADMIT : GATE_DENIED;
}

static bool is_exempt(const struct rules *rules, const struct address *from)
{
    return prefix_set_find(rules->exempt, from) != PREFIX_SET_NONE;
}

/* Counts a connection unless the server has as many as it may: never more, whoever else counts at the same time. */
static bool count_connection(struct gate *gate, uint32_t cap)
{
    uint32_t count = atomic_load_explicit(&gate->connections, memory_order_relaxed);
    do {
        if ((cap != 0 && count >= cap) || count == UINT32_MAX) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&gate->connections, &count, count + 1, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

/* The rules in their order, on one snapshot of them. */
static enum gate_verdict judge(struct gate *gate, const struct rules *rules, const struct address *from,
                               uint64_t now_ms, uint32_t *source_r)
{
    enum gate_verdict verdict = judge_lists(rules, from);
    if (verdict != GATE_ADMIT) {
        return verdict;
    }
    uint32_t source = UNTRACKED;
    if (!is_exempt(rules, from)) {
        verdict = source_table_admit(gate->sources, &rules->source, from, now_ms, &source);
        if (verdict != GATE_ADMIT) {
            return verdict;
        }
    }
    if (!count_connection(gate, rules->total_connections)) {
        if (source != UNTRACKED) {
            source_table_give_back(gate->sources, source, GATE_HOLDS_CONNECTION | GATE_HOLDS_LOBBY);
        }
        return GATE_TOTAL_CONNECTIONS;
    }
    *source_r = source;
    return GATE_ADMIT;
}

static void count_verdict(struct gate *gate, enum gate_verdict verdict)
{
    atomic_fetch_add_explicit(&gate->verdicts[verdict], 1, memory_order_relaxed);
}

enum gate_verdict gate_admit(struct gate *gate, const struct address *from, uint64_t now_ms, struct gate_pass *pass_r)
{
    uint32_t source;
    struct snapshot_reader reader = snapshot_enter(gate->rules);
    enum gate_verdict verdict = judge(gate, reader.value, from, now_ms, &source);
    snapshot_leave(gate->rules, reader);

    count_verdict(gate, verdict);
    if (verdict == GATE_ADMIT) {
        atomic_fetch_add_explicit(&gate->in_lobby, 1, memory_order_relaxed);
        *pass_r = (struct gate_pass){
            .from = *from,
            .source = source,
            .held = GATE_HOLDS_CONNECTION | GATE_HOLDS_LOBBY,
        };
    }
    return verdict;
}

enum gate_verdict gate_check_lists(const struct gate *gate, const struct address *from)
{
    struct snapshot_reader reader = snapshot_enter(gate->rules);
    enum gate_verdict verdict = judge_lists(reader.value, from);
    snapshot_leave(gate->rules, reader);
    return verdict;
}

bool gate_is_exempt(const struct gate *gate, const struct address *from)
{
    struct snapshot_reader reader = snapshot_enter(gate->rules);
    bool exempt = is_exempt(reader.value, from);
    snapshot_leave(gate->rules, reader);
    return exempt;
}

enum gate_verdict gate_tls_begin(struct gate *gate, struct gate_pass *pass, uint64_t now_ms)
{
    assert((pass->held & GATE_HOLDS_CONNECTION) != 0 && (pass->held & GATE_HOLDS_TLS) == 0);
    if (pass->source != UNTRACKED) {
        struct snapshot_reader reader = snapshot_enter(gate->rules);
        const struct rules *rules = reader.value;
        enum gate_verdict verdict = source_table_begin_tls(gate->sources, &rules->source, pass->source, now_ms);
        snapshot_leave(gate->rules, reader);
        if (verdict != GATE_ADMIT) {
            count_verdict(gate, verdict);
            return verdict;
        }
    }
    atomic_fetch_add_explicit(&gate->in_tls, 1, memory_order_relaxed);
    pass->held |= GATE_HOLDS_TLS;
    return GATE_ADMIT;
}

static void give_back(struct gate *gate, struct gate_pass *pass, unsigned what)
{
    unsigned held = pass->held & what; /* nothing is given back twice, with or without assertions */
    if (pass->source != UNTRACKED && held != 0) {
        source_table_give_back(gate->sources, pass->source, held);
    }
    if ((held & GATE_HOLDS_TLS) != 0) {
        atomic_fetch_sub_explicit(&gate->in_tls, 1, memory_order_relaxed);
    }
    if ((held & GATE_HOLDS_LOBBY) != 0) {
        atomic_fetch_sub_explicit(&gate->in_lobby, 1, memory_order_relaxed);
    }
    if ((held & GATE_HOLDS_CONNECTION) != 0) {
        atomic_fetch_sub_explicit(&gate->connections, 1, memory_order_relaxed);
    }
    pass->held = (uint8_t)(pass->held & ~what);
}

void gate_tls_end(struct gate *gate, struct gate_pass *pass)
{
    assert((pass->held & GATE_HOLDS_TLS) != 0);
    give_back(gate, pass, GATE_HOLDS_TLS);
}

void gate_leave_lobby(struct gate *gate, struct gate_pass *pass)
{
    assert((pass->held & GATE_HOLDS_LOBBY) != 0);
    give_back(gate, pass, GATE_HOLDS_LOBBY);
}

void gate_release(struct gate *gate, struct gate_pass *pass)
{
    assert((pass->held & GATE_HOLDS_CONNECTION) != 0);
    give_back(gate, pass, GATE_HOLDS_CONNECTION | GATE_HOLDS_LOBBY | GATE_HOLDS_TLS);
}

void gate_report_offence(struct gate *gate, const struct address *from, enum gate_offence kind, uint64_t now_ms)
{
    assert((unsigned)kind < GATE_OFFENCE_COUNT);
    (void)now_ms; /* counts do not fade */
    atomic_fetch_add_explicit(&gate->offences[kind], 1, memory_order_relaxed);
    if (gate_is_exempt(gate, from)) {
        atomic_fetch_add_explicit(&gate->exempt_offences[kind], 1, memory_order_relaxed);
    }
}

struct gate_stats gate_stats(const struct gate *gate)
{
    struct gate_stats stats = {
        .connections = atomic_load_explicit(&gate->connections, memory_order_relaxed),
        .in_lobby = atomic_load_explicit(&gate->in_lobby, memory_order_relaxed),
        .in_tls = atomic_load_explicit(&gate->in_tls, memory_order_relaxed),
        .sources = source_table_count(gate->sources),
    };
    for (size_t i = 0; i < GATE_VERDICT_COUNT; i++) {
        stats.verdicts[i] = atomic_load_explicit(&gate->verdicts[i], memory_order_relaxed);
    }
    for (size_t i = 0; i < GATE_OFFENCE_COUNT; i++) {
        stats.offences[i] = atomic_load_explicit(&gate->offences[i], memory_order_relaxed);
        stats.exempt_offences[i] = atomic_load_explicit(&gate->exempt_offences[i], memory_order_relaxed);
    }
    return stats;
}
