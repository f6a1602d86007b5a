/*
 * check_prefix_set - longest prefix match, held against a plain search through all prefixes.
 */
#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "server/gate/prefix_set.h"

static struct prefix parsed_prefix(const char *text)
{
    struct prefix prefix;
    ck_assert_msg(prefix_parse(text, strlen(text), &prefix) == ADDRESS_OK, "%s", text);
    return prefix;
}

static uint32_t find(const struct prefix_set *set, const char *text)
{
    struct address address;
    ck_assert_msg(address_parse(text, strlen(text), &address) == ADDRESS_OK, "%s", text);
    return prefix_set_find(set, &address);
}

/* xorshift64*: the same numbers on every run. */
static uint64_t random_state;

static uint64_t random_word(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(0x2545f4914f6cdd1d);
}

static uint32_t random_below(uint32_t bound)
{
    return (uint32_t)((random_word() >> 32) * bound >> 32);
}

static uint32_t find_plainly(const struct prefix *prefixes, size_t count, const struct address *address)
{
    uint32_t best = PREFIX_SET_NONE;
    for (size_t i = 0; i < count; i++) {
        if (prefix_contains(&prefixes[i], address) &&
            (best == PREFIX_SET_NONE || prefixes[i].bits > prefixes[best].bits)) {
            best = (uint32_t)i;
        }
    }
    return best;
}

START_TEST(core_nesting)
{
    static const char *const texts[] = {
        "0.0.0.0/0",     "10.0.0.0/8",      "10.1.0.0/16",  "10.1.2.0/24", "10.1.2.3",
        "10.1.2.3/32",   "10.0.0.0/8",      "192.0.2.0/31", "255.0.0.0/8", "255.255.255.255",
        "2001:db8::/32", "2001:db8:1::/48", "2001:db8::1",  "ffff::/16",   "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    };
    enum { COUNT = sizeof(texts) / sizeof(texts[0]) };
    struct prefix prefixes[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        prefixes[i] = parsed_prefix(texts[i]);
    }
    struct prefix_set *set = prefix_set_create(prefixes, COUNT);
    ck_assert_ptr_nonnull(set);
    ck_assert_uint_eq(find(set, "0.0.0.0"), 0);
    ck_assert_uint_eq(find(set, "9.255.255.255"), 0);
    ck_assert_uint_eq(find(set, "10.0.0.0"), 1); /* of equal prefixes the first */
    ck_assert_uint_eq(find(set, "10.0.255.255"), 1);
    ck_assert_uint_eq(find(set, "10.1.0.0"), 2);
    ck_assert_uint_eq(find(set, "10.1.2.0"), 3);
    ck_assert_uint_eq(find(set, "10.1.2.2"), 3);
    ck_assert_uint_eq(find(set, "10.1.2.3"), 4);
    ck_assert_uint_eq(find(set, "10.1.2.4"), 3);
    ck_assert_uint_eq(find(set, "10.1.3.0"), 2);
    ck_assert_uint_eq(find(set, "10.2.0.0"), 1);
    ck_assert_uint_eq(find(set, "11.0.0.0"), 0);
    ck_assert_uint_eq(find(set, "192.0.2.1"), 7);
    ck_assert_uint_eq(find(set, "192.0.2.2"), 0);
    ck_assert_uint_eq(find(set, "255.255.255.254"), 8);
    ck_assert_uint_eq(find(set, "255.255.255.255"), 9);
    ck_assert_uint_eq(find(set, "::ffff:10.1.2.3"), 4);
    ck_assert_uint_eq(find(set, "::"), PREFIX_SET_NONE);
    ck_assert_uint_eq(find(set, "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"), PREFIX_SET_NONE);
    ck_assert_uint_eq(find(set, "2001:db8::"), 10);
    ck_assert_uint_eq(find(set, "2001:db8::1"), 12);
    ck_assert_uint_eq(find(set, "2001:db8::2"), 10);
    ck_assert_uint_eq(find(set, "2001:db8:1::"), 11);
    ck_assert_uint_eq(find(set, "2001:db8:2::"), 10);
    ck_assert_uint_eq(find(set, "2001:db9::"), PREFIX_SET_NONE);
    ck_assert_uint_eq(find(set, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"), 13);
    ck_assert_uint_eq(find(set, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 14);
    prefix_set_destroy(&set);
    ck_assert_ptr_null(set);
}
END_TEST

START_TEST(core_families_apart)
{
    const struct prefix all6 = parsed_prefix("::/0");
    struct prefix_set *set = prefix_set_create(&all6, 1);
    ck_assert_ptr_nonnull(set);
    ck_assert_uint_eq(find(set, "::"), 0);
    ck_assert_uint_eq(find(set, "::fffe:ffff:ffff"), 0);
    ck_assert_uint_eq(find(set, "::1:0:0:0"), 0);
    ck_assert_uint_eq(find(set, "0.0.0.0"), PREFIX_SET_NONE);
    ck_assert_uint_eq(find(set, "255.255.255.255"), PREFIX_SET_NONE);
    prefix_set_destroy(&set);

    const struct prefix all4 = parsed_prefix("0.0.0.0/0");
    set = prefix_set_create(&all4, 1);
    ck_assert_ptr_nonnull(set);
    ck_assert_uint_eq(find(set, "0.0.0.0"), 0);
    ck_assert_uint_eq(find(set, "255.255.255.255"), 0);
    ck_assert_uint_eq(find(set, "::fffe:ffff:ffff"), PREFIX_SET_NONE);
    ck_assert_uint_eq(find(set, "::1:0:0:0"), PREFIX_SET_NONE);
    prefix_set_destroy(&set);
}
END_TEST

START_TEST(limits_empty)
{
    struct prefix_set *set = prefix_set_create(NULL, 0);
    ck_assert_ptr_nonnull(set);
    ck_assert_uint_eq(find(set, "0.0.0.0"), PREFIX_SET_NONE);
    ck_assert_uint_eq(find(set, "255.255.255.255"), PREFIX_SET_NONE);
    ck_assert_uint_eq(find(set, "::"), PREFIX_SET_NONE);
    ck_assert_uint_eq(find(set, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), PREFIX_SET_NONE);
    prefix_set_destroy(&set);
    prefix_set_destroy(&set); /* NULL is fine */
}
END_TEST

/* Every length around one address: as deep as nesting gets, in the worst order. */
START_TEST(limits_deepest_nesting)
{
    static const char *const addresses[] = {
        "255.255.255.255",
        "0.0.0.0",
        "170.85.170.85",
        "::",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:db8:5555:aaaa:5555:aaaa:5555:aaaa",
    };
    for (size_t a = 0; a < sizeof(addresses) / sizeof(addresses[0]); a++) {
        struct address address;
        ck_assert(address_parse(addresses[a], strlen(addresses[a]), &address) == ADDRESS_OK);
        unsigned least = address_is_ipv4(&address) ? 96 : 0;
        struct prefix prefixes[2 * 129];
        size_t count = 0;
        for (unsigned bits = 128; bits > least; bits--) {
            prefixes[count++] = prefix_of(&address, (uint8_t)bits);
            prefixes[count++] = prefix_of(&address, (uint8_t)bits);
        }
        prefixes[count++] = prefix_of(&address, (uint8_t)least);
        struct prefix_set *set = prefix_set_create(prefixes, count);
        ck_assert_ptr_nonnull(set);
        ck_assert_uint_eq(prefix_set_find(set, &address), 0);
        /* With one bit turned over, the prefixes up to that bit are left. */
        for (unsigned bit = least; bit < 128; bit++) {
            struct address other = address;
            other.bytes[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
            if (address_is_ipv4(&other) == (least == 96)) {
                ck_assert_uint_eq(prefix_set_find(set, &other), 2 * (128 - bit));
            }
        }
        prefix_set_destroy(&set);
    }
}
END_TEST

/* An address that is worth asking for: anywhere, or at the edge of a prefix, or one step beyond it. */
static struct address interesting_address(const struct prefix *prefixes, size_t count)
{
    struct address address;
    if (count == 0 || random_below(4) == 0) {
        for (size_t i = 0; i < sizeof(address.bytes); i++) {
            address.bytes[i] = (uint8_t)random_word();
        }
        if (random_below(2) == 0) {
            memcpy(address.bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
        }
        return address;
    }
    const struct prefix *prefix = &prefixes[random_below((uint32_t)count)];
    address = prefix->address;
    uint32_t how = random_below(5);
    for (unsigned bit = prefix->bits; bit < 128; bit++) { /* first, last or any address of it */
        if (how == 1 || how == 3 || (how == 4 && (random_word() >> 63) != 0)) {
            address.bytes[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
        }
    }
    if (how == 2 || how == 3) { /* one before the first or behind the last */
        uint8_t carry = how == 2 ? 0xff : 0x01;
        for (size_t i = sizeof(address.bytes); i-- > 0;) {
            address.bytes[i] = (uint8_t)(address.bytes[i] + carry);
            if (address.bytes[i] != (how == 2 ? 0xff : 0x00)) {
                break;
            }
        }
    }
    return address;
}

/* Prefixes that nest, touch and repeat: bits from few values in few places. */
static struct prefix entangled_prefix(void)
{
    static const uint8_t bytes[] = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff};
    struct address address;
    for (size_t i = 0; i < sizeof(address.bytes); i++) {
        address.bytes[i] = random_below(8) == 0 ? (uint8_t)random_word() : bytes[random_below(sizeof(bytes))];
    }
    bool ipv4 = random_below(2) == 0;
    if (ipv4) {
        memcpy(address.bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
    }
    return prefix_of(&address, (uint8_t)(ipv4 ? 96 + random_below(33) : random_below(129)));
}

enum {
    ROUNDS = 400,
    PREFIXES_MAX = 100,
    LOOKUPS = 2500, /* a round: a million in all */
};

START_TEST(hostile_random)
{
    static struct prefix prefixes[PREFIXES_MAX];
    random_state = UINT64_C(0x9e3779b97f4a7c15);
    for (int round = 0; round < ROUNDS; round++) {
        size_t count = round < 8 ? (size_t)round : random_below(PREFIXES_MAX + 1);
        for (size_t i = 0; i < count; i++) {
            prefixes[i] = entangled_prefix();
        }
        struct prefix_set *set = prefix_set_create(prefixes, count);
        ck_assert_ptr_nonnull(set);
        for (int i = 0; i < LOOKUPS; i++) {
            struct address address = interesting_address(prefixes, count);
            uint32_t found = prefix_set_find(set, &address);
            uint32_t expected = find_plainly(prefixes, count, &address);
            if (found != expected) {
                char text[ADDRESS_TEXT_SIZE];
                ck_abort_msg("round %d: %s: %u instead of %u", round, address_format(&address, text), found, expected);
            }
        }
        prefix_set_destroy(&set);
    }
}
END_TEST

/* So many that the first-level index has its full size. Equal prefixes excepted, each is found at its own address when
 * nothing longer covers it, which the plain search confirms for a sample. */
START_TEST(limits_many)
{
    enum { COUNT = 200000, SAMPLE = 300 };
    struct prefix *prefixes = malloc(COUNT * sizeof(*prefixes));
    ck_assert_ptr_nonnull(prefixes);
    random_state = 42;
    for (size_t i = 0; i < COUNT; i++) {
        struct address address;
        for (size_t j = 0; j < sizeof(address.bytes); j++) {
            address.bytes[j] = (uint8_t)random_word();
        }
        if (i % 2 == 0) {
            memcpy(address.bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
            prefixes[i] = prefix_of(&address, (uint8_t)(96 + 12 + random_below(21)));
        } else {
            address.bytes[0] = 0x20;
            prefixes[i] = prefix_of(&address, (uint8_t)(16 + random_below(113)));
        }
    }
    struct prefix_set *set = prefix_set_create(prefixes, COUNT);
    ck_assert_ptr_nonnull(set);
    for (size_t i = 0; i < SAMPLE; i++) {
        struct address address = interesting_address(prefixes, COUNT);
        ck_assert_uint_eq(prefix_set_find(set, &address), find_plainly(prefixes, COUNT, &address));
    }
    for (size_t i = 0; i < COUNT; i++) {
        uint32_t found = prefix_set_find(set, &prefixes[i].address);
        ck_assert_uint_lt(found, COUNT);
        ck_assert(prefix_contains(&prefixes[found], &prefixes[i].address));
        ck_assert_uint_ge(prefixes[found].bits, prefixes[i].bits);
    }
    prefix_set_destroy(&set);
    free(prefixes);
}
END_TEST

START_TEST(limits_too_many)
{
    const struct prefix all = parsed_prefix("::/0"); /* the count alone must suffice to refuse */
    ck_assert_ptr_null(prefix_set_create(&all, (size_t)PREFIX_SET_COUNT_MAX + 1));
    ck_assert_ptr_null(prefix_set_create(&all, SIZE_MAX));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("prefix_set");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_nesting);
    tcase_add_test(core, core_families_apart);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_set_timeout(limits, 60);
    tcase_add_test(limits, limits_empty);
    tcase_add_test(limits, limits_deepest_nesting);
    tcase_add_test(limits, limits_many);
    tcase_add_test(limits, limits_too_many);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_set_timeout(hostile, 100);
    tcase_add_test(hostile, hostile_random);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
