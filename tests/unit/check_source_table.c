/*
 * check_source_table - what a source may have open, and who gives way when the table is full.
 */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "server/gate/source_table.h"

#define HELD_IN_LOBBY (GATE_HOLDS_CONNECTION | GATE_HOLDS_LOBBY)

static struct address parsed(const char *text)
{
    struct address address;
    ck_assert_msg(address_parse(text, strlen(text), &address) == ADDRESS_OK, "%s", text);
    return address;
}

/* 10.0.0.0 + number. */
static struct address numbered(uint32_t number)
{
    struct address address = parsed("10.0.0.0");
    address.bytes[13] = (uint8_t)(number >> 16);
    address.bytes[14] = (uint8_t)(number >> 8);
    address.bytes[15] = (uint8_t)number;
    return address;
}

static struct source_table *table_of(uint32_t size)
{
    struct source_table *table = source_table_create(size);
    ck_assert_ptr_nonnull(table);
    return table;
}

static enum gate_verdict admit(struct source_table *table, const struct source_limits *limits, const char *from,
                               uint64_t now_ms, uint32_t *source_r)
{
    struct address address = parsed(from);
    return source_table_admit(table, limits, &address, now_ms, source_r);
}

/* A connection that comes and goes. */
static enum gate_verdict pass_through(struct source_table *table, const struct source_limits *limits,
                                      const struct address *from, uint64_t now_ms)
{
    uint32_t source;
    enum gate_verdict verdict = source_table_admit(table, limits, from, now_ms, &source);
    if (verdict == GATE_ADMIT) {
        source_table_give_back(table, source, HELD_IN_LOBBY);
    }
    return verdict;
}

START_TEST(core_caps)
{
    const struct source_limits limits = {.connections = 3, .lobby = 2, .tls = 1};
    struct source_table *table = table_of(100);
    uint32_t a;
    uint32_t b;
    uint32_t c;
    uint32_t none = 4711;
    ck_assert_int_eq(admit(table, &limits, "192.0.2.1", 0, &a), GATE_ADMIT);
    ck_assert_int_eq(admit(table, &limits, "192.0.2.1", 0, &b), GATE_ADMIT);
    ck_assert_uint_eq(a, b);
    ck_assert_int_eq(admit(table, &limits, "192.0.2.1", 0, &none), GATE_SOURCE_LOBBY);
    source_table_give_back(table, a, GATE_HOLDS_LOBBY);
    ck_assert_int_eq(admit(table, &limits, "192.0.2.1", 0, &c), GATE_ADMIT);
    ck_assert_int_eq(admit(table, &limits, "192.0.2.1", 0, &none), GATE_SOURCE_CONNECTIONS);
    ck_assert_uint_eq(none, 4711);

    ck_assert_int_eq(source_table_begin_tls(table, &limits, b, 0), GATE_ADMIT);
    ck_assert_int_eq(source_table_begin_tls(table, &limits, c, 0), GATE_SOURCE_TLS);
    source_table_give_back(table, b, GATE_HOLDS_TLS);
    ck_assert_int_eq(source_table_begin_tls(table, &limits, c, 0), GATE_ADMIT);

    source_table_give_back(table, a, GATE_HOLDS_CONNECTION);
    source_table_give_back(table, b, HELD_IN_LOBBY);
    source_table_give_back(table, c, HELD_IN_LOBBY | GATE_HOLDS_TLS);
    for (int i = 0; i < 2; i++) { /* all is given back: the caps are as at the beginning */
        ck_assert_int_eq(admit(table, &limits, "192.0.2.1", 0, &a), GATE_ADMIT);
    }
    ck_assert_uint_eq(source_table_count(table), 1);
    source_table_destroy(&table);
    ck_assert_ptr_null(table);
    source_table_destroy(&table); /* NULL is fine */
}
END_TEST

START_TEST(core_rates)
{
    const struct source_limits limits = {
        .connection_rate = bucket_limit_of(1, 3),
        .tls_rate = bucket_limit_of(0.5, 1),
        .connections = 2,
    };
    struct source_table *table = table_of(100);
    uint32_t a;
    uint32_t b;
    uint32_t none;
    ck_assert_int_eq(admit(table, &limits, "192.0.2.1", 0, &a), GATE_ADMIT);
    ck_assert_int_eq(admit(table, &limits, "192.0.2.1", 0, &b), GATE_ADMIT);
    ck_assert_int_eq(admit(table, &limits, "192.0.2.1", 0, &none), GATE_SOURCE_CONNECTIONS); /* paid for all the same */
    ck_assert_int_eq(admit(table, &limits, "192.0.2.1", 0, &none), GATE_RATE);
    ck_assert_int_eq(admit(table, &limits, "192.0.2.1", 999, &none), GATE_RATE);
    ck_assert_int_eq(admit(table, &limits, "192.0.2.1", 1000, &none), GATE_SOURCE_CONNECTIONS);
    source_table_give_back(table, a, HELD_IN_LOBBY);
    ck_assert_int_eq(admit(table, &limits, "192.0.2.1", 1000, &none), GATE_RATE);
    ck_assert_int_eq(admit(table, &limits, "192.0.2.2", 1000, &none), GATE_ADMIT); /* another source, another bucket */
    ck_assert_int_eq(admit(table, &limits, "192.0.2.1", 2000, &a), GATE_ADMIT);

    ck_assert_int_eq(source_table_begin_tls(table, &limits, a, 2000), GATE_ADMIT);
    ck_assert_int_eq(source_table_begin_tls(table, &limits, b, 3999), GATE_TLS_RATE);
    ck_assert_int_eq(source_table_begin_tls(table, &limits, b, 4000), GATE_ADMIT);
    source_table_destroy(&table);
}
END_TEST

START_TEST(core_what_a_source_is)
{
    static const struct {
        const char *a;
        const char *b;
        bool same;
    } cases[] = {
        {"192.0.2.1", "::ffff:192.0.2.1", true},
        {"192.0.2.1", "192.0.2.0", false},
        {"192.0.2.1", "193.0.2.1", false},
        {"2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", true},
        {"2001:db8:0:1::1", "2001:db8:0:2::1", false},
        {"2001:db8:0:1::1", "2001:db9:0:1::1", false},
        {"0.0.0.0", "::", false}, /* an IPv4 address and a /64 with the same number */
        {"1.2.3.4", "0:0:102:304::", false},
        {"1.2.3.4", "::1.2.3.4", false},
    };
    const struct source_limits limits = {.connections = 1};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct source_table *table = table_of(10);
        uint32_t source;
        ck_assert_int_eq(admit(table, &limits, cases[i].a, 0, &source), GATE_ADMIT);
        ck_assert_msg((admit(table, &limits, cases[i].b, 0, &source) == GATE_SOURCE_CONNECTIONS) == cases[i].same,
                      "%s and %s", cases[i].a, cases[i].b);
        ck_assert_uint_eq(source_table_count(table), cases[i].same ? 1 : 2);
        source_table_destroy(&table);
    }
}
END_TEST

START_TEST(limits_full)
{
    const struct source_limits limits = {.connections = 2};
    enum { SIZE = 5 };
    struct source_table *table = table_of(SIZE);
    uint32_t sources[SIZE];
    uint32_t again;
    for (uint32_t i = 0; i < SIZE; i++) {
        struct address from = numbered(i);
        ck_assert_int_eq(source_table_admit(table, &limits, &from, 0, &sources[i]), GATE_ADMIT);
    }
    ck_assert_int_eq(admit(table, &limits, "192.0.2.1", 0, &again), GATE_TABLE_FULL);
    ck_assert_uint_eq(source_table_count(table), SIZE);
    struct address third = numbered(2); /* who is known is not affected */
    ck_assert_int_eq(source_table_admit(table, &limits, &third, 0, &again), GATE_ADMIT);
    ck_assert_uint_eq(again, sources[2]);
    source_table_give_back(table, again, HELD_IN_LOBBY);
    ck_assert_int_eq(admit(table, &limits, "192.0.2.1", 0, &again), GATE_TABLE_FULL);

    source_table_give_back(table, sources[3], HELD_IN_LOBBY);
    ck_assert_int_eq(admit(table, &limits, "192.0.2.1", 0, &again), GATE_ADMIT);
    ck_assert_uint_eq(again, sources[3]); /* the place of the one that was idle */
    ck_assert_int_eq(admit(table, &limits, "192.0.2.2", 0, &again), GATE_TABLE_FULL);
    source_table_destroy(&table);
}
END_TEST

START_TEST(limits_one_entry)
{
    const struct source_limits limits = {.connections = 1};
    struct source_table *table = table_of(1);
    uint32_t source;
    for (uint32_t i = 0; i < 1000; i++) {
        struct address from = numbered(i);
        ck_assert_int_eq(source_table_admit(table, &limits, &from, 0, &source), GATE_ADMIT);
        ck_assert_int_eq(admit(table, &limits, "192.0.2.1", 0, &source), GATE_TABLE_FULL);
        source_table_give_back(table, source, HELD_IN_LOBBY);
    }
    ck_assert_uint_eq(source_table_count(table), 1);
    source_table_destroy(&table);
}
END_TEST

/* Of idle entries the one whose buckets are full goes first, though others have been idle for longer. */
START_TEST(core_prefers_full_buckets)
{
    const struct source_limits limits = {.connection_rate = bucket_limit_of(1, 4)};
    struct source_table *table = table_of(3);
    const struct address spent = numbered(1);
    const struct address tired = numbered(2);
    const struct address fresh = numbered(3);
    const struct address newcomer = numbered(4);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(pass_through(table, &limits, &spent, 1000), GATE_ADMIT);
    }
    ck_assert_int_eq(pass_through(table, &limits, &tired, 1000), GATE_ADMIT);
    ck_assert_int_eq(pass_through(table, &limits, &tired, 1000), GATE_ADMIT);
    ck_assert_int_eq(pass_through(table, &limits, &fresh, 1000), GATE_ADMIT);

    ck_assert_int_eq(pass_through(table, &limits, &newcomer, 2000), GATE_ADMIT); /* in the place of `fresh` */
    ck_assert_int_eq(pass_through(table, &limits, &spent, 2000), GATE_ADMIT);    /* the second's one token */
    ck_assert_int_eq(pass_through(table, &limits, &spent, 2000), GATE_RATE);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(pass_through(table, &limits, &tired, 2000), GATE_ADMIT);
    }
    ck_assert_int_eq(pass_through(table, &limits, &tired, 2000), GATE_RATE);
    source_table_destroy(&table);
}
END_TEST

/* Of equally spent entries the one not seen for longest goes first; a refused attempt is being seen, too. */
START_TEST(core_longest_idle_goes_first)
{
    const struct source_limits limits = {.connection_rate = bucket_limit_of(0.001, 1)};
    struct source_table *table = table_of(2);
    const struct address first = numbered(1);
    const struct address second = numbered(2);
    const struct address newcomer = numbered(3);
    ck_assert_int_eq(pass_through(table, &limits, &first, 0), GATE_ADMIT);
    ck_assert_int_eq(pass_through(table, &limits, &second, 0), GATE_ADMIT);
    ck_assert_int_eq(pass_through(table, &limits, &first, 0), GATE_RATE);
    ck_assert_int_eq(pass_through(table, &limits, &newcomer, 0), GATE_ADMIT); /* in the place of `second` */
    ck_assert_int_eq(pass_through(table, &limits, &first, 0), GATE_RATE);
    ck_assert_int_eq(pass_through(table, &limits, &second, 0), GATE_ADMIT);
    source_table_destroy(&table);
}
END_TEST

/* A peer with as many addresses as it likes can neither make the table grow nor shake off what it has used up, nor push
 * out a source that has a connection open. */
START_TEST(hostile_rotating_addresses)
{
    enum { SIZE = 4096, ROTATIONS = 100000, BURST = 10 };
    const struct source_limits limits = {.connection_rate = bucket_limit_of(0.001, BURST), .connections = 1};
    struct source_table *table = table_of(SIZE);
    const struct address spent = parsed("192.0.2.1");
    const struct address holding = parsed("192.0.2.2");
    uint32_t held;
    uint32_t none;
    for (int i = 0; i < BURST; i++) {
        ck_assert_int_eq(pass_through(table, &limits, &spent, 0), GATE_ADMIT);
    }
    ck_assert_int_eq(source_table_admit(table, &limits, &holding, 0, &held), GATE_ADMIT);
    for (uint32_t i = 0; i < ROTATIONS; i++) {
        struct address from = numbered(i);
        ck_assert_int_eq(pass_through(table, &limits, &from, i / 100), GATE_ADMIT);
    }
    ck_assert_uint_eq(source_table_count(table), SIZE);
    ck_assert_int_eq(pass_through(table, &limits, &spent, ROTATIONS / 100), GATE_RATE);
    ck_assert_int_eq(source_table_admit(table, &limits, &holding, ROTATIONS / 100, &none), GATE_SOURCE_CONNECTIONS);
    source_table_give_back(table, held, HELD_IN_LOBBY);
    ck_assert_int_eq(source_table_admit(table, &limits, &holding, ROTATIONS / 100, &held), GATE_ADMIT);
    source_table_destroy(&table);
}
END_TEST

/* The shards fill evenly: half as many sources as there are places, all with connections, find one each. */
START_TEST(limits_even_shards)
{
    enum { SIZE = 65536, HOLDING = SIZE / 2 };
    const struct source_limits limits = {.connections = 1};
    struct source_table *table = table_of(SIZE);
    for (uint32_t i = 0; i < HOLDING; i++) {
        uint32_t source;
        struct address from = numbered(i);
        ck_assert_int_eq(source_table_admit(table, &limits, &from, 0, &source), GATE_ADMIT);
    }
    ck_assert_uint_eq(source_table_count(table), HOLDING);
    source_table_destroy(&table);
}
END_TEST

/* Every size has as many places as it says, whatever the number of shards; until all are taken, somebody else's shard
 * may be full, so what counts is that all are in use in the end and not one more. */
START_TEST(limits_sizes)
{
    static const uint32_t sizes[] = {1, 2, 3, 1023, 1024, 2047, 2048, 2049, 4097, 70001};
    const struct source_limits limits = {.connections = 1};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct source_table *table = table_of(sizes[i]);
        uint32_t admitted = 0;
        for (uint32_t number = 0; number < 4 * sizes[i] + 100; number++) {
            uint32_t source;
            struct address from = numbered(number);
            admitted += source_table_admit(table, &limits, &from, 0, &source) == GATE_ADMIT;
        }
        ck_assert_uint_eq(admitted, sizes[i]);
        ck_assert_uint_eq(source_table_count(table), sizes[i]);
        source_table_destroy(&table);
    }
}
END_TEST

enum { THREADS = 8, VISITS = 20000 };

struct crowd {
    struct source_table *table;
    struct source_limits limits;
    atomic_uint seed;
    atomic_uint open[16]; /* by source: connections that the threads hold between them */
    atomic_uint beyond_cap;
};

static void *come_and_go(void *argument)
{
    struct crowd *crowd = argument;
    uint32_t random = atomic_fetch_add(&crowd->seed, 1) * UINT32_C(2654435761) + 1;
    for (int i = 0; i < VISITS; i++) {
        random = random * UINT32_C(1664525) + UINT32_C(1013904223);
        uint32_t who = random >> 28; /* more sources than places */
        struct address from = numbered(who);
        uint32_t source;
        if (source_table_admit(crowd->table, &crowd->limits, &from, (uint64_t)i, &source) != GATE_ADMIT) {
            continue;
        }
        if (atomic_fetch_add(&crowd->open[who], 1) >= crowd->limits.connections) {
            atomic_fetch_add(&crowd->beyond_cap, 1);
        }
        unsigned held = HELD_IN_LOBBY;
        if (source_table_begin_tls(crowd->table, &crowd->limits, source, (uint64_t)i) == GATE_ADMIT) {
            held |= GATE_HOLDS_TLS;
        }
        atomic_fetch_sub(&crowd->open[who], 1);
        source_table_give_back(crowd->table, source, held);
    }
    return NULL;
}

START_TEST(hostile_threads)
{
    struct crowd crowd = {
        .table = table_of(6),
        .limits = {.tls_rate = bucket_limit_of(100, 10), .connections = 2, .lobby = 2, .tls = 1},
    };
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, come_and_go, &crowd), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    ck_assert_uint_eq(atomic_load(&crowd.beyond_cap), 0);
    ck_assert_uint_eq(source_table_count(crowd.table), 6);
    /* Nothing was left behind: each place can be had again. */
    uint32_t sources[6];
    for (uint32_t i = 0; i < 6; i++) {
        struct address from = numbered(1000 + i);
        ck_assert_int_eq(source_table_admit(crowd.table, &crowd.limits, &from, VISITS, &sources[i]), GATE_ADMIT);
    }
    source_table_destroy(&crowd.table);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("source_table");
    TCase *core = tcase_create("core");
    tcase_set_timeout(core, 60);
    tcase_add_test(core, core_caps);
    tcase_add_test(core, core_rates);
    tcase_add_test(core, core_what_a_source_is);
    tcase_add_test(core, core_prefers_full_buckets);
    tcase_add_test(core, core_longest_idle_goes_first);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_set_timeout(limits, 60);
    tcase_add_test(limits, limits_full);
    tcase_add_test(limits, limits_one_entry);
    tcase_add_test(limits, limits_even_shards);
    tcase_add_test(limits, limits_sizes);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_set_timeout(hostile, 60);
    tcase_add_test(hostile, hostile_rotating_addresses);
    tcase_add_test(hostile, hostile_threads);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
