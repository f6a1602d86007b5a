/*
 * check_gate - verdicts: the order of the rules, exact caps, what a reconfiguration changes and what it leaves.
 */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "server/gate/gate.h"
#include "server/gate/prefix_set.h"

static struct address parsed(const char *text)
{
    struct address address;
    ck_assert_msg(address_parse(text, strlen(text), &address) == ADDRESS_OK, "%s", text);
    return address;
}

enum { LIST_MAX = 4 };

/* A list of the config, from text; ended by NULL or by the array's end. */
struct list {
    struct prefix prefixes[LIST_MAX];
    size_t count;
};

static struct list list_of(const char *const texts[LIST_MAX])
{
    struct list list = {.count = 0};
    for (size_t i = 0; i < LIST_MAX && texts[i] != NULL; i++) {
        ck_assert_msg(prefix_parse(texts[i], strlen(texts[i]), &list.prefixes[i]) == ADDRESS_OK, "%s", texts[i]);
        list.count++;
    }
    return list;
}

static struct gate *gate_of(const struct gate_config *config)
{
    struct gate *gate = gate_create(config);
    ck_assert_ptr_nonnull(gate);
    return gate;
}

static enum gate_verdict admit(struct gate *gate, const char *from, uint64_t now_ms, struct gate_pass *pass_r)
{
    struct address address = parsed(from);
    return gate_admit(gate, &address, now_ms, pass_r);
}

/* Admits and releases. */
static enum gate_verdict pass_through(struct gate *gate, const char *from, uint64_t now_ms)
{
    struct gate_pass pass;
    enum gate_verdict verdict = admit(gate, from, now_ms, &pass);
    if (verdict == GATE_ADMIT) {
        gate_release(gate, &pass);
    }
    return verdict;
}

static void assert_gauges(const struct gate *gate, uint32_t connections, uint32_t in_lobby, uint32_t in_tls)
{
    struct gate_stats stats = gate_stats(gate);
    ck_assert_uint_eq(stats.connections, connections);
    ck_assert_uint_eq(stats.in_lobby, in_lobby);
    ck_assert_uint_eq(stats.in_tls, in_tls);
}

/* The lists in all their relations, for one address each. */
static const struct {
    const char *allow[LIST_MAX];
    const char *deny[LIST_MAX];
    const char *exempt[LIST_MAX];
    const char *from;
    enum gate_verdict open;       /* when all may come whom no list names */
    enum gate_verdict allow_only; /* when only the allow list may */
} precedence[] = {
    {{NULL}, {NULL}, {NULL}, "192.0.2.1", GATE_ADMIT, GATE_NOT_ALLOWED},
    {{"192.0.2.0/24"}, {NULL}, {NULL}, "192.0.2.1", GATE_ADMIT, GATE_ADMIT},
    {{"192.0.2.0/24"}, {NULL}, {NULL}, "192.0.3.1", GATE_ADMIT, GATE_NOT_ALLOWED},
    {{NULL}, {"192.0.2.0/24"}, {NULL}, "192.0.2.1", GATE_DENIED, GATE_DENIED},
    {{NULL}, {"192.0.2.0/24"}, {NULL}, "192.0.3.1", GATE_ADMIT, GATE_NOT_ALLOWED},
    /* the longer wins, whichever it is */
    {{"192.0.0.0/16"}, {"192.0.2.0/24"}, {NULL}, "192.0.2.1", GATE_DENIED, GATE_DENIED},
    {{"192.0.0.0/16"}, {"192.0.2.0/24"}, {NULL}, "192.0.3.1", GATE_ADMIT, GATE_ADMIT},
    {{"192.0.2.0/24"}, {"192.0.0.0/16"}, {NULL}, "192.0.2.1", GATE_ADMIT, GATE_ADMIT},
    {{"192.0.2.0/24"}, {"192.0.0.0/16"}, {NULL}, "192.0.3.1", GATE_DENIED, GATE_DENIED},
    {{"192.0.2.1"}, {"0.0.0.0/0"}, {NULL}, "192.0.2.1", GATE_ADMIT, GATE_ADMIT},
    {{"192.0.2.1"}, {"0.0.0.0/0"}, {NULL}, "192.0.2.2", GATE_DENIED, GATE_DENIED},
    {{"0.0.0.0/0"}, {"192.0.2.1"}, {NULL}, "192.0.2.1", GATE_DENIED, GATE_DENIED},
    {{"192.0.2.0/24"}, {"192.0.2.0/25", "192.0.0.0/8"}, {NULL}, "192.0.2.1", GATE_DENIED, GATE_DENIED},
    {{"192.0.2.0/26", "192.0.2.0/24"}, {"192.0.2.0/25"}, {NULL}, "192.0.2.1", GATE_ADMIT, GATE_ADMIT},
    /* allow wins at equal length, however often it is denied */
    {{"192.0.2.0/24"}, {"192.0.2.0/24"}, {NULL}, "192.0.2.1", GATE_ADMIT, GATE_ADMIT},
    {{"192.0.2.1"}, {"192.0.2.1", "192.0.2.1"}, {NULL}, "192.0.2.1", GATE_ADMIT, GATE_ADMIT},
    {{"::/0"}, {"::/0"}, {NULL}, "::1", GATE_ADMIT, GATE_ADMIT},
    /* exempt is neither an allow nor stronger than a deny */
    {{NULL}, {NULL}, {"192.0.2.1"}, "192.0.2.1", GATE_ADMIT, GATE_NOT_ALLOWED},
    {{NULL}, {"192.0.2.0/24"}, {"192.0.2.1"}, "192.0.2.1", GATE_DENIED, GATE_DENIED},
    {{NULL}, {"192.0.2.1"}, {"192.0.2.0/24"}, "192.0.2.1", GATE_DENIED, GATE_DENIED},
    {{"192.0.2.1"}, {"192.0.2.0/24"}, {"192.0.2.1"}, "192.0.2.1", GATE_ADMIT, GATE_ADMIT},
    /* the families stay apart; the mapped form is IPv4 */
    {{NULL}, {"0.0.0.0/0"}, {NULL}, "2001:db8::1", GATE_ADMIT, GATE_NOT_ALLOWED},
    {{NULL}, {"::/0"}, {NULL}, "192.0.2.1", GATE_ADMIT, GATE_NOT_ALLOWED},
    {{NULL}, {"::/0"}, {NULL}, "2001:db8::1", GATE_DENIED, GATE_DENIED},
    {{NULL}, {"192.0.2.0/24"}, {NULL}, "::ffff:192.0.2.1", GATE_DENIED, GATE_DENIED},
    {{NULL}, {"::ffff:192.0.2.0/120"}, {NULL}, "192.0.2.1", GATE_DENIED, GATE_DENIED},
    {{"2001:db8::/48"}, {"2001:db8::/32"}, {NULL}, "2001:db8::1", GATE_ADMIT, GATE_ADMIT},
    {{"2001:db8::/48"}, {"2001:db8::/32"}, {NULL}, "2001:db8:1::1", GATE_DENIED, GATE_DENIED},
};

START_TEST(core_precedence)
{
    struct list allow = list_of(precedence[_i].allow);
    struct list deny = list_of(precedence[_i].deny);
    struct list exempt = list_of(precedence[_i].exempt);
    struct address from = parsed(precedence[_i].from);
    struct gate_config config = {
        .allow = allow.prefixes,
        .allow_count = allow.count,
        .deny = deny.prefixes,
        .deny_count = deny.count,
        .exempt = exempt.prefixes,
        .exempt_count = exempt.count,
        .table_size = 10,
    };
    struct gate *gate = gate_of(&config);
    ck_assert_int_eq(gate_check_lists(gate, &from), precedence[_i].open);
    ck_assert_int_eq(pass_through(gate, precedence[_i].from, 0), precedence[_i].open);
    config.allow_only = true;
    ck_assert(gate_reconfigure(gate, &config));
    ck_assert_int_eq(gate_check_lists(gate, &from), precedence[_i].allow_only);
    ck_assert_int_eq(pass_through(gate, precedence[_i].from, 0), precedence[_i].allow_only);
    ck_assert_int_eq(gate_is_exempt(gate, &from), exempt.count > 0);
    gate_destroy(&gate);
}
END_TEST

START_TEST(core_life_of_a_connection)
{
    const struct gate_config config = {.table_size = 10};
    struct gate *gate = gate_of(&config);
    struct gate_pass a;
    struct gate_pass b;
    ck_assert_int_eq(admit(gate, "192.0.2.1", 0, &a), GATE_ADMIT);
    ck_assert_int_eq(admit(gate, "2001:db8::1", 0, &b), GATE_ADMIT);
    assert_gauges(gate, 2, 2, 0);
    ck_assert_int_eq(gate_tls_begin(gate, &a, 0), GATE_ADMIT);
    assert_gauges(gate, 2, 2, 1);
    gate_tls_end(gate, &a);
    assert_gauges(gate, 2, 2, 0);
    gate_leave_lobby(gate, &a);
    assert_gauges(gate, 2, 1, 0);
    gate_release(gate, &a);
    assert_gauges(gate, 1, 1, 0);
    ck_assert_uint_eq(a.held, 0);

    /* A release in the middle of everything gives back everything. */
    ck_assert_int_eq(gate_tls_begin(gate, &b, 0), GATE_ADMIT);
    assert_gauges(gate, 1, 1, 1);
    gate_release(gate, &b);
    assert_gauges(gate, 0, 0, 0);

    struct gate_stats stats = gate_stats(gate);
    ck_assert_uint_eq(stats.verdicts[GATE_ADMIT], 2); /* of gate_admit() alone */
    ck_assert_uint_eq(stats.sources, 2);
    gate_destroy(&gate);
    ck_assert_ptr_null(gate);
    gate_destroy(&gate); /* NULL is fine */
}
END_TEST

/* Each rule refuses in its turn; the pass is left alone and the refusal counted. */
START_TEST(core_order_of_the_rules)
{
    const struct list deny = list_of((const char *const[LIST_MAX]){"198.51.100.0/24"});
    const struct gate_config config = {
        .deny = deny.prefixes,
        .deny_count = deny.count,
        .connection_rate = {.rate = 1, .burst = 4},
        .tls_rate = {.rate = 1, .burst = 2},
        .source_connections = 2,
        .source_lobby = 1,
        .source_tls = 1,
        .total_connections = 3,
        .table_size = 10,
    };
    struct gate *gate = gate_of(&config);
    struct gate_pass first;
    struct gate_pass second;
    struct gate_pass third;
    struct gate_pass none;
    struct gate_pass untouched;
    memset(&none, 0xa5, sizeof(none));
    memset(&untouched, 0xa5, sizeof(untouched));
    ck_assert_int_eq(admit(gate, "198.51.100.1", 0, &none), GATE_DENIED);
    ck_assert_int_eq(admit(gate, "192.0.2.1", 0, &first), GATE_ADMIT);
    ck_assert_int_eq(admit(gate, "192.0.2.1", 0, &none), GATE_SOURCE_LOBBY);
    gate_leave_lobby(gate, &first);
    ck_assert_int_eq(admit(gate, "192.0.2.1", 0, &second), GATE_ADMIT);
    ck_assert_int_eq(admit(gate, "192.0.2.1", 0, &none), GATE_SOURCE_CONNECTIONS); /* and not the lobby's cap */
    ck_assert_int_eq(admit(gate, "192.0.2.1", 0, &none), GATE_RATE);               /* and not a cap */
    ck_assert_int_eq(admit(gate, "192.0.2.2", 0, &third), GATE_ADMIT);
    ck_assert_int_eq(admit(gate, "192.0.2.3", 0, &none), GATE_TOTAL_CONNECTIONS);
    ck_assert_int_eq(admit(gate, "192.0.2.1", 0, &none), GATE_RATE);
    ck_assert(address_equal(&none.from, &untouched.from));
    ck_assert_uint_eq(none.source, untouched.source);
    ck_assert_uint_eq(none.held, untouched.held);

    ck_assert_int_eq(gate_tls_begin(gate, &first, 0), GATE_ADMIT);
    ck_assert_int_eq(gate_tls_begin(gate, &second, 0), GATE_SOURCE_TLS);
    ck_assert_int_eq(gate_tls_begin(gate, &second, 0), GATE_TLS_RATE);
    gate_tls_end(gate, &first);
    ck_assert_int_eq(gate_tls_begin(gate, &second, 1000), GATE_ADMIT);

    static const uint64_t expected[GATE_VERDICT_COUNT] = {
        [GATE_ADMIT] = 3,        [GATE_DENIED] = 1,   [GATE_RATE] = 2,       [GATE_SOURCE_CONNECTIONS] = 1,
        [GATE_SOURCE_LOBBY] = 1, [GATE_TLS_RATE] = 1, [GATE_SOURCE_TLS] = 1, [GATE_TOTAL_CONNECTIONS] = 1,
    };
    struct gate_stats stats = gate_stats(gate);
    for (int verdict = 0; verdict < GATE_VERDICT_COUNT; verdict++) {
        ck_assert_msg(stats.verdicts[verdict] == expected[verdict], "%s: %lu",
                      gate_verdict_label((enum gate_verdict)verdict), (unsigned long)stats.verdicts[verdict]);
    }
    assert_gauges(gate, 3, 2, 1);
    gate_release(gate, &first);
    gate_release(gate, &second);
    gate_release(gate, &third);
    assert_gauges(gate, 0, 0, 0);
    gate_destroy(&gate);
}
END_TEST

/* A connection that the server's cap refused is not counted for its source either. */
START_TEST(core_total_refusal_counts_nothing)
{
    struct gate_config config = {.source_connections = 1, .total_connections = 1, .table_size = 10};
    struct gate *gate = gate_of(&config);
    struct gate_pass holder;
    ck_assert_int_eq(admit(gate, "192.0.2.1", 0, &holder), GATE_ADMIT);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(pass_through(gate, "192.0.2.2", 0), GATE_TOTAL_CONNECTIONS);
    }
    assert_gauges(gate, 1, 1, 0);
    gate_release(gate, &holder);
    ck_assert_int_eq(pass_through(gate, "192.0.2.2", 0), GATE_ADMIT);
    gate_destroy(&gate);
}
END_TEST

START_TEST(core_exempt)
{
    const struct list exempt = list_of((const char *const[LIST_MAX]){"127.0.0.1", "::1", "2001:db8::/32"});
    const struct gate_config config = {
        .exempt = exempt.prefixes,
        .exempt_count = exempt.count,
        .connection_rate = {.rate = 1, .burst = 1},
        .tls_rate = {.rate = 1, .burst = 1},
        .source_connections = 1,
        .source_lobby = 1,
        .source_tls = 1,
        .total_connections = 6,
        .table_size = 1,
    };
    static const char *const from[] = {"127.0.0.1", "::1", "2001:db8::1"};
    struct gate *gate = gate_of(&config);
    struct gate_pass passes[6];
    for (size_t i = 0; i < 6; i++) {
        ck_assert_int_eq(admit(gate, from[i % 3], 0, &passes[i]), GATE_ADMIT);
        ck_assert_int_eq(gate_tls_begin(gate, &passes[i], 0), GATE_ADMIT);
    }
    assert_gauges(gate, 6, 6, 6);
    ck_assert_uint_eq(gate_stats(gate).sources, 0); /* not tracked at all */
    ck_assert_int_eq(pass_through(gate, "127.0.0.1", 0), GATE_TOTAL_CONNECTIONS);
    for (size_t i = 0; i < 6; i++) {
        gate_release(gate, &passes[i]);
    }
    assert_gauges(gate, 0, 0, 0);

    struct gate_pass neighbour; /* the rest of 127.0.0.0/8 is ordinary */
    ck_assert_int_eq(admit(gate, "127.0.0.2", 0, &neighbour), GATE_ADMIT);
    ck_assert_int_eq(pass_through(gate, "127.0.0.2", 0), GATE_RATE);
    ck_assert_int_eq(pass_through(gate, "127.0.0.3", 0), GATE_TABLE_FULL);
    ck_assert_int_eq(pass_through(gate, "127.0.0.1", 0), GATE_ADMIT); /* needs no place in the table */
    gate_release(gate, &neighbour);
    gate_destroy(&gate);
}
END_TEST

/* An address that becomes exempt, or stops being so, while it has connections: all counters come out even. */
START_TEST(hostile_exempt_changes)
{
    const struct list list = list_of((const char *const[LIST_MAX]){"192.0.2.1"});
    struct gate_config plain = {.source_connections = 1, .source_tls = 1, .table_size = 1};
    struct gate_config exempting = plain;
    exempting.exempt = list.prefixes;
    exempting.exempt_count = list.count;
    struct gate *gate = gate_of(&plain);
    struct gate_pass tracked;
    struct gate_pass untracked;

    ck_assert_int_eq(admit(gate, "192.0.2.1", 0, &tracked), GATE_ADMIT);
    ck_assert(gate_reconfigure(gate, &exempting));
    ck_assert_int_eq(admit(gate, "192.0.2.1", 0, &untracked), GATE_ADMIT);
    ck_assert_int_eq(gate_tls_begin(gate, &tracked, 0), GATE_ADMIT);
    ck_assert_int_eq(pass_through(gate, "192.0.2.2", 0), GATE_TABLE_FULL); /* the entry is still held */
    gate_release(gate, &tracked);
    ck_assert_int_eq(pass_through(gate, "192.0.2.2", 0), GATE_ADMIT);

    ck_assert(gate_reconfigure(gate, &plain));
    ck_assert_int_eq(admit(gate, "192.0.2.1", 0, &tracked), GATE_ADMIT);
    ck_assert_int_eq(gate_tls_begin(gate, &untracked, 0), GATE_ADMIT);
    gate_tls_end(gate, &untracked);
    gate_leave_lobby(gate, &untracked);
    gate_release(gate, &untracked);
    ck_assert_int_eq(pass_through(gate, "192.0.2.1", 0), GATE_SOURCE_CONNECTIONS); /* `tracked` still counts */
    gate_release(gate, &tracked);
    ck_assert_int_eq(pass_through(gate, "192.0.2.1", 0), GATE_ADMIT);
    assert_gauges(gate, 0, 0, 0);
    gate_destroy(&gate);
}
END_TEST

/* New lists, rates and caps at once; what the sources have open and used up stays. */
START_TEST(core_reconfigure)
{
    const struct list deny = list_of((const char *const[LIST_MAX]){"192.0.2.2"});
    struct gate_config config = {.connection_rate = {.rate = 1, .burst = 3}, .table_size = 10};
    struct gate *gate = gate_of(&config);
    struct gate_pass first;
    struct gate_pass second;
    struct gate_pass none;
    ck_assert_int_eq(admit(gate, "192.0.2.1", 0, &first), GATE_ADMIT);
    ck_assert_int_eq(admit(gate, "192.0.2.1", 0, &second), GATE_ADMIT);

    config.deny = deny.prefixes;
    config.deny_count = deny.count;
    config.source_connections = 2;
    config.total_connections = 1; /* below what is open */
    ck_assert(gate_reconfigure(gate, &config));
    ck_assert_int_eq(admit(gate, "192.0.2.2", 0, &none), GATE_DENIED);
    ck_assert_int_eq(admit(gate, "192.0.2.1", 0, &none), GATE_SOURCE_CONNECTIONS);
    ck_assert_int_eq(admit(gate, "192.0.2.1", 0, &none), GATE_RATE); /* three tokens are spent */
    ck_assert_int_eq(admit(gate, "192.0.2.3", 0, &none), GATE_TOTAL_CONNECTIONS);
    gate_release(gate, &first);
    ck_assert_int_eq(admit(gate, "192.0.2.3", 1000, &none), GATE_TOTAL_CONNECTIONS);
    gate_release(gate, &second);
    ck_assert_int_eq(pass_through(gate, "192.0.2.3", 1000), GATE_ADMIT);

    /* The gate borrows nothing from the config once the call is over. */
    struct prefix *heap = malloc(sizeof(*heap));
    ck_assert_ptr_nonnull(heap);
    *heap = deny.prefixes[0];
    config.deny = heap;
    ck_assert(gate_reconfigure(gate, &config));
    memset(heap, 0xff, sizeof(*heap));
    free(heap);
    ck_assert_int_eq(admit(gate, "192.0.2.2", 2000, &none), GATE_DENIED);

    config.deny = NULL;
    config.deny_count = 0;
    ck_assert(gate_reconfigure(gate, &config));
    ck_assert_int_eq(pass_through(gate, "192.0.2.2", 3000), GATE_ADMIT);
    gate_destroy(&gate);
}
END_TEST

/* What cannot be taken changes nothing. */
START_TEST(limits_reconfigure_fails)
{
    const struct list deny = list_of((const char *const[LIST_MAX]){"192.0.2.2"});
    struct gate_config config = {.deny = deny.prefixes, .deny_count = deny.count, .table_size = 10};
    struct gate *gate = gate_of(&config);
    static const size_t counts[] = {(size_t)PREFIX_SET_COUNT_MAX + 1, SIZE_MAX};
    for (size_t i = 0; i < 2; i++) {
        struct gate_config bad = {.deny = deny.prefixes, .deny_count = counts[i], .table_size = 10};
        ck_assert(!gate_reconfigure(gate, &bad));
        bad = (struct gate_config){.allow = deny.prefixes, .allow_count = counts[i], .table_size = 10};
        ck_assert(!gate_reconfigure(gate, &bad));
        bad = (struct gate_config){.exempt = deny.prefixes, .exempt_count = counts[i], .table_size = 10};
        ck_assert(!gate_reconfigure(gate, &bad));
        ck_assert_ptr_null(gate_create(&bad));
    }
    ck_assert_int_eq(pass_through(gate, "192.0.2.2", 0), GATE_DENIED);
    ck_assert_int_eq(pass_through(gate, "192.0.2.1", 0), GATE_ADMIT);
    gate_destroy(&gate);
}
END_TEST

START_TEST(core_names)
{
    for (int a = 0; a < GATE_VERDICT_COUNT; a++) {
        const char *label = gate_verdict_label((enum gate_verdict)a);
        ck_assert_ptr_nonnull(label);
        ck_assert_uint_eq(strspn(label, "abcdefghijklmnopqrstuvwxyz_"), strlen(label));
        ck_assert_uint_gt(strlen(gate_verdict_text((enum gate_verdict)a)), 0);
        for (int b = 0; b < a; b++) {
            ck_assert_str_ne(label, gate_verdict_label((enum gate_verdict)b));
        }
    }
}
END_TEST

START_TEST(core_offences)
{
    for (unsigned kind = 0; kind < GATE_OFFENCE_COUNT; kind++) {
        const char *label = gate_offence_label((enum gate_offence)kind);
        ck_assert_uint_eq(strspn(label, "abcdefghijklmnopqrstuvwxyz_"), strlen(label));
        ck_assert_uint_gt(strlen(gate_offence_text((enum gate_offence)kind)), 0);
        for (int verdict = 0; verdict < GATE_VERDICT_COUNT; verdict++) { /* they stand in one line of the log */
            ck_assert_str_ne(label, gate_verdict_label((enum gate_verdict)verdict));
        }
    }
    const struct list exempt = list_of((const char *[LIST_MAX]){"192.0.2.0/24"});
    struct gate_config config = {.exempt = exempt.prefixes, .exempt_count = exempt.count, .table_size = 16};
    struct gate *gate = gate_of(&config);
    const struct address one = parsed("198.51.100.1");
    const struct address friend = parsed("192.0.2.1");
    for (unsigned kind = 0; kind < GATE_OFFENCE_COUNT; kind++) {
        for (unsigned i = 0; i <= kind; i++) {
            gate_report_offence(gate, &one, (enum gate_offence)kind, 1);
        }
        gate_report_offence(gate, &friend, (enum gate_offence)kind, 2);
    }
    const struct gate_stats stats = gate_stats(gate);
    for (unsigned kind = 0; kind < GATE_OFFENCE_COUNT; kind++) {
        ck_assert_uint_eq(stats.offences[kind], kind + 2);
        ck_assert_uint_eq(stats.exempt_offences[kind], 1);
    }
    struct gate_pass pass;
    ck_assert_int_eq(gate_admit(gate, &one, 3, &pass), GATE_ADMIT); /* they are counted, and that is all */
    gate_release(gate, &pass);
    gate_destroy(&gate);
}
END_TEST

#ifndef NDEBUG
/* Giving back what is not held is a mistake in the program, and found as one. */
static const int misuses = 5;

START_TEST(hostile_misuse)
{
    const struct gate_config config = {.table_size = 10};
    struct gate *gate = gate_of(&config);
    struct gate_pass pass;
    ck_assert_int_eq(admit(gate, "192.0.2.1", 0, &pass), GATE_ADMIT);
    switch (_i) {
    case 0:
        gate_release(gate, &pass);
        gate_release(gate, &pass);
        break;
    case 1:
        gate_leave_lobby(gate, &pass);
        gate_leave_lobby(gate, &pass);
        break;
    case 2:
        gate_tls_end(gate, &pass);
        break;
    case 3:
        (void)gate_tls_begin(gate, &pass, 0);
        (void)gate_tls_begin(gate, &pass, 0);
        break;
    case 4:
        gate_release(gate, &pass);
        (void)gate_tls_begin(gate, &pass, 0);
        break;
    }
}
END_TEST
#endif

enum { THREADS = 8, ATTEMPTS = 2000 };

struct rush {
    struct gate *gate;
    pthread_barrier_t start;
    atomic_uint next_address;
    bool one_source;
    atomic_uint admitted;
    atomic_uint refused[GATE_VERDICT_COUNT];
};

static struct address rush_address(struct rush *rush)
{
    struct address address = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 0}};
    unsigned number = rush->one_source ? 0 : atomic_fetch_add(&rush->next_address, 1);
    address.bytes[13] = (uint8_t)(number >> 16);
    address.bytes[14] = (uint8_t)(number >> 8);
    address.bytes[15] = (uint8_t)number;
    return address;
}

/* Takes all it can get and gives nothing back. */
static void *take_all(void *argument)
{
    struct rush *rush = argument;
    pthread_barrier_wait(&rush->start);
    for (int i = 0; i < ATTEMPTS; i++) {
        struct address from = rush_address(rush);
        struct gate_pass pass;
        enum gate_verdict verdict = gate_admit(rush->gate, &from, 0, &pass);
        atomic_fetch_add(verdict == GATE_ADMIT ? &rush->admitted : &rush->refused[verdict], 1);
    }
    return NULL;
}

static void run_threads(struct rush *rush, void *(*body)(void *))
{
    pthread_t threads[THREADS];
    ck_assert_int_eq(pthread_barrier_init(&rush->start, NULL, THREADS), 0);
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, body, rush), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    pthread_barrier_destroy(&rush->start);
}

/* Caps under eight threads: exactly so many, not one more or less. */
START_TEST(hostile_exact_caps)
{
    static const struct {
        struct gate_config config;
        bool one_source;
        unsigned admitted;
        enum gate_verdict refusal;
    } cases[] = {
        {{.total_connections = 1000, .table_size = 65536}, false, 1000, GATE_TOTAL_CONNECTIONS},
        {{.total_connections = 1000, .table_size = 10}, true, 1000, GATE_TOTAL_CONNECTIONS},
        {{.source_connections = 777, .table_size = 10}, true, 777, GATE_SOURCE_CONNECTIONS},
        {{.source_lobby = 555, .table_size = 10}, true, 555, GATE_SOURCE_LOBBY},
        {{.connection_rate = {1, 333}, .table_size = 10}, true, 333, GATE_RATE},
        {{.table_size = 99}, false, 99, GATE_TABLE_FULL},
        {{.table_size = 10}, true, THREADS * ATTEMPTS, GATE_RATE},
    };
    struct rush rush = {.gate = gate_of(&cases[_i].config), .one_source = cases[_i].one_source};
    run_threads(&rush, take_all);
    ck_assert_uint_eq(atomic_load(&rush.admitted), cases[_i].admitted);
    ck_assert_uint_eq(atomic_load(&rush.refused[cases[_i].refusal]), THREADS * ATTEMPTS - cases[_i].admitted);
    assert_gauges(rush.gate, cases[_i].admitted, cases[_i].admitted, 0);
    struct gate_stats stats = gate_stats(rush.gate);
    ck_assert_uint_eq(stats.verdicts[GATE_ADMIT], cases[_i].admitted);
    ck_assert_uint_eq(stats.verdicts[cases[_i].refusal], THREADS * ATTEMPTS - cases[_i].admitted);
    gate_destroy(&rush.gate);
}
END_TEST

struct load {
    struct gate *gate;
    pthread_barrier_t start;
    atomic_bool stop;
    atomic_uint seed;
    atomic_uint wrong;
};

/* Two configs that agree on some addresses and take turns on others. */
static const char *const load_addresses[] = {
    "192.0.2.1",    /* denied by both */
    "198.51.100.1", /* denied by neither */
    "203.0.113.1",  /* denied by the one */
    "2001:db8::1",  /* exempt in the other */
};

static void *live(void *argument)
{
    struct load *load = argument;
    struct address addresses[4];
    for (size_t i = 0; i < 4; i++) {
        addresses[i] = parsed(load_addresses[i]);
    }
    unsigned turn = atomic_fetch_add(&load->seed, 1);
    pthread_barrier_wait(&load->start);
    while (!atomic_load(&load->stop)) {
        const struct address *from = &addresses[turn++ % 4];
        struct gate_pass pass;
        enum gate_verdict verdict = gate_admit(load->gate, from, turn, &pass);
        bool denied = verdict == GATE_DENIED;
        if ((from == &addresses[0] && !denied) || (from == &addresses[1] && denied)) {
            atomic_fetch_add(&load->wrong, 1);
        }
        (void)gate_check_lists(load->gate, from);
        if (verdict != GATE_ADMIT) {
            continue;
        }
        if (gate_tls_begin(load->gate, &pass, turn) == GATE_ADMIT && turn % 3 == 0) {
            gate_tls_end(load->gate, &pass);
        }
        if (turn % 2 == 0) {
            gate_leave_lobby(load->gate, &pass);
        }
        gate_release(load->gate, &pass);
    }
    return NULL;
}

START_TEST(hostile_reconfigure_under_load)
{
    const struct list deny = list_of((const char *const[LIST_MAX]){"192.0.2.0/24", "203.0.113.0/24"});
    const struct list exempt = list_of((const char *const[LIST_MAX]){"2001:db8::/32"});
    const struct gate_config one = {
        .deny = deny.prefixes,
        .deny_count = 2,
        .tls_rate = {1000, 10},
        .total_connections = 5,
        .table_size = 3,
    };
    const struct gate_config other = {
        .deny = deny.prefixes,
        .deny_count = 1,
        .exempt = exempt.prefixes,
        .exempt_count = exempt.count,
        .source_connections = 2,
        .source_tls = 1,
        .table_size = 3,
    };
    struct load load = {.gate = gate_of(&one)};
    pthread_t threads[THREADS];
    ck_assert_int_eq(pthread_barrier_init(&load.start, NULL, THREADS + 1), 0);
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, live, &load), 0);
    }
    pthread_barrier_wait(&load.start);
    for (int i = 0; i < 100; i++) {
        ck_assert(gate_reconfigure(load.gate, i % 2 == 0 ? &other : &one));
    }
    atomic_store(&load.stop, true);
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    pthread_barrier_destroy(&load.start);
    ck_assert_uint_eq(atomic_load(&load.wrong), 0);
    assert_gauges(load.gate, 0, 0, 0);
    ck_assert_uint_le(gate_stats(load.gate).sources, 3);
    gate_destroy(&load.gate);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("gate");
    TCase *core = tcase_create("core");
    tcase_set_timeout(core, 60);
    tcase_add_loop_test(core, core_precedence, 0, COUNT(precedence));
    tcase_add_test(core, core_life_of_a_connection);
    tcase_add_test(core, core_order_of_the_rules);
    tcase_add_test(core, core_total_refusal_counts_nothing);
    tcase_add_test(core, core_exempt);
    tcase_add_test(core, core_reconfigure);
    tcase_add_test(core, core_names);
    tcase_add_test(core, core_offences);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_set_timeout(limits, 60);
    tcase_add_test(limits, limits_reconfigure_fails);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_set_timeout(hostile, 100);
    tcase_add_test(hostile, hostile_exempt_changes);
    tcase_add_loop_test(hostile, hostile_exact_caps, 0, 7);
    tcase_add_test(hostile, hostile_reconfigure_under_load);
    suite_add_tcase(suite, hostile);

#ifndef NDEBUG
    if (runner_forks()) { /* they end their process */
        tcase_add_loop_test_raise_signal(hostile, hostile_misuse, SIGABRT, 0, misuses);
    }
#endif
    return runner_run(suite);
}
