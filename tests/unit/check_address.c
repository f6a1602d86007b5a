/*
 * check_address - addresses and prefixes: text to value and back, families, prefixes.
 */
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "server/gate/address.h"

static struct address parsed(const char *text)
{
    struct address address;
    ck_assert_msg(address_parse(text, strlen(text), &address) == ADDRESS_OK, "%s", text);
    return address;
}

static struct prefix parsed_prefix(const char *text)
{
    struct prefix prefix;
    ck_assert_msg(prefix_parse(text, strlen(text), &prefix) == ADDRESS_OK, "%s", text);
    return prefix;
}

/* Good text and how it is written back. */
static const struct {
    const char *text;
    const char *formatted;
} good_addresses[] = {
    {"0.0.0.0", "0.0.0.0"},
    {"1.2.3.4", "1.2.3.4"},
    {"127.0.0.1", "127.0.0.1"},
    {"255.255.255.255", "255.255.255.255"},
    {"::ffff:192.0.2.1", "192.0.2.1"},
    {"::FFFF:192.0.2.1", "192.0.2.1"},
    {"::ffff:c000:201", "192.0.2.1"},
    {"0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"},
    {"0000:0000:0000:0000:0000:ffff:255.255.255.255", "255.255.255.255"},
    {"::", "::"},
    {"::1", "::1"},
    {"1::", "1::"},
    {"0:0:0:0:0:0:0:0", "::"},
    {"0:0:0:0:0:0:0:1", "::1"},
    {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    {"2001:DB8::A", "2001:db8::a"},                   /* RFC 5952 §4.3: lower case */
    {"2001:0db8::0001", "2001:db8::1"},               /* §4.1: no leading zeros */
    {"2001:db8:0:0:0:0:2:1", "2001:db8::2:1"},        /* §4.2.1: as short as possible */
    {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* §4.2.2: not one group alone */
    {"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  /* the same, the other way */
    {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},          /* §4.2.3: the longest run */
    {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},    /* §4.2.3: the first of equals */
    {"0:0:1:2:3:4:0:0", "::1:2:3:4:0:0"},             /* the same, at both ends */
    {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},             /* a run at the end */
    {"0:1:0:1:0:1:0:1", "0:1:0:1:0:1:0:1"},           /* no run at all */
    {"::1.2.3.4", "::102:304"},                       /* IPv4-compatible is plain IPv6 */
    {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},     /* and so is NAT64 */
    {"2001:db8:122:344::192.0.2.33", "2001:db8:122:344::c000:221"},
    {"::ffff:0:1.2.3.4", "::ffff:0:102:304"}, /* IPv4-translated is not IPv4-mapped */
    {"fe80::1", "fe80::1"},
};

START_TEST(core_format)
{
    char out[ADDRESS_TEXT_SIZE];
    struct address address = parsed(good_addresses[_i].text);
    ck_assert_str_eq(address_format(&address, out), good_addresses[_i].formatted);
    struct address again = parsed(out);
    ck_assert(address_equal(&address, &again));
}
END_TEST

static const struct {
    const char *text;
    enum address_status status;
} bad_addresses[] = {
    {"", ADDRESS_SYNTAX},
    {" ", ADDRESS_SYNTAX},
    {"localhost", ADDRESS_SYNTAX},
    {"1", ADDRESS_SYNTAX},
    {"1.2.3", ADDRESS_SYNTAX},
    {"1.2.3.", ADDRESS_SYNTAX},
    {".1.2.3", ADDRESS_SYNTAX},
    {"1..2.3", ADDRESS_SYNTAX},
    {"1.2.3.4.", ADDRESS_SYNTAX},
    {"1.2.3.4.5", ADDRESS_SYNTAX},
    {"1.2.3.256", ADDRESS_SYNTAX},
    {"1.2.3.999999999999", ADDRESS_SYNTAX},
    {"1.2.3.4294967297", ADDRESS_SYNTAX},
    {"01.2.3.4", ADDRESS_SYNTAX},
    {"1.2.3.04", ADDRESS_SYNTAX},
    {"1.2.3.00", ADDRESS_SYNTAX},
    {"0177.0.0.1", ADDRESS_SYNTAX},
    {"0x7f.0.0.1", ADDRESS_SYNTAX},
    {"0x7f000001", ADDRESS_SYNTAX},
    {"2130706433", ADDRESS_SYNTAX},
    {"127.1", ADDRESS_SYNTAX},
    {"-1.2.3.4", ADDRESS_SYNTAX},
    {"+1.2.3.4", ADDRESS_SYNTAX},
    {"1.2.3.4 ", ADDRESS_SYNTAX},
    {" 1.2.3.4", ADDRESS_SYNTAX},
    {"1.2.3 .4", ADDRESS_SYNTAX},
    {"1.2.3.4\n", ADDRESS_SYNTAX},
    {"1.2.3.4:80", ADDRESS_SYNTAX},
    {"1,2,3,4", ADDRESS_SYNTAX},
    {"\xd9\xa1.2.3.4", ADDRESS_SYNTAX}, /* ARABIC-INDIC DIGIT ONE */
    {"1.2.3.4/8", ADDRESS_SYNTAX},
    {":", ADDRESS_SYNTAX},
    {":::", ADDRESS_SYNTAX},
    {"1:", ADDRESS_SYNTAX},
    {":1", ADDRESS_SYNTAX},
    {"1::2::3", ADDRESS_SYNTAX},
    {"1:2:3:4:5:6:7", ADDRESS_SYNTAX},
    {"1:2:3:4:5:6:7:", ADDRESS_SYNTAX},
    {"1:2:3:4:5:6:7:8:9", ADDRESS_SYNTAX},
    {"1:2:3:4:5:6:7:8::", ADDRESS_SYNTAX},
    {"::12345", ADDRESS_SYNTAX},
    {"::00001", ADDRESS_SYNTAX},
    {"::g", ADDRESS_SYNTAX},
    {"::0x1", ADDRESS_SYNTAX},
    {"::-1", ADDRESS_SYNTAX},
    {"::1 ", ADDRESS_SYNTAX},
    {"[::1]", ADDRESS_SYNTAX},
    {"::ffff:1.2.3", ADDRESS_SYNTAX},
    {"::ffff:1.2.3.256", ADDRESS_SYNTAX},
    {"::ffff:01.2.3.4", ADDRESS_SYNTAX},
    {"::1.2.3.4:1", ADDRESS_SYNTAX},
    {"1.2.3.4::", ADDRESS_SYNTAX},
    {"0:0:0:0:0:0:0:1.2.3.4", ADDRESS_SYNTAX},
    {"fe80::1%eth0", ADDRESS_ZONE},
    {"fe80::1%1", ADDRESS_ZONE},
    {"fe80::1%", ADDRESS_ZONE},
    {"fe80::1%25eth0", ADDRESS_ZONE},
    {"::1%%", ADDRESS_ZONE},
    {"::ffff:1.2.3.4%lo", ADDRESS_ZONE},
    {"%", ADDRESS_SYNTAX},
    {"%eth0", ADDRESS_SYNTAX},
    {"1.2.3.4%eth0", ADDRESS_SYNTAX},
    {"fe80:1%eth0", ADDRESS_SYNTAX},
};

START_TEST(hostile_addresses)
{
    struct address address;
    struct address untouched;
    memset(&address, 0xa5, sizeof(address));
    memset(&untouched, 0xa5, sizeof(untouched));
    const char *text = bad_addresses[_i].text;
    ck_assert_msg(address_parse(text, strlen(text), &address) == bad_addresses[_i].status, "%s", text);
    ck_assert(address_equal(&address, &untouched));
}
END_TEST

static const struct {
    const char *text;
    const char *formatted;
} good_prefixes[] = {
    {"10.0.0.0/8", "10.0.0.0/8"},
    {"0.0.0.0/0", "0.0.0.0/0"},
    {"128.0.0.0/1", "128.0.0.0/1"},
    {"192.0.2.0/24", "192.0.2.0/24"},
    {"192.0.2.254/31", "192.0.2.254/31"},
    {"192.0.2.1/32", "192.0.2.1/32"},
    {"192.0.2.1", "192.0.2.1/32"},
    {"::ffff:192.0.2.0/120", "192.0.2.0/24"},
    {"::ffff:192.0.2.1", "192.0.2.1/32"},
    {"::ffff:0:0/96", "0.0.0.0/0"},
    {"::/0", "::/0"},
    {"::/128", "::/128"},
    {"::1", "::1/128"},
    {"8000::/1", "8000::/1"},
    {"2001:db8::/32", "2001:db8::/32"},
    {"2001:db8:8000::/33", "2001:db8:8000::/33"},
    {"2001:db8::/64", "2001:db8::/64"},
    {"2001:db8::1/128", "2001:db8::1/128"},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"},
};

START_TEST(core_prefix_format)
{
    char out[PREFIX_TEXT_SIZE];
    struct prefix prefix = parsed_prefix(good_prefixes[_i].text);
    ck_assert_str_eq(prefix_format(&prefix, out), good_prefixes[_i].formatted);
    struct prefix again = parsed_prefix(out);
    ck_assert(address_equal(&prefix.address, &again.address));
    ck_assert_uint_eq(prefix.bits, again.bits);
}
END_TEST

static const struct {
    const char *text;
    enum address_status status;
} bad_prefixes[] = {
    {"", ADDRESS_SYNTAX},
    {"/", ADDRESS_SYNTAX},
    {"/8", ADDRESS_SYNTAX},
    {"10/8", ADDRESS_SYNTAX},
    {"10.0.0/8", ADDRESS_SYNTAX},
    {"010.0.0.0/8", ADDRESS_SYNTAX},
    {" 10.0.0.0/8", ADDRESS_SYNTAX},
    {"10.0.0.0 /8", ADDRESS_SYNTAX},
    {"fe80::%eth0/64", ADDRESS_ZONE},
    {"fe80::1%eth0", ADDRESS_ZONE},
    {"fe80::/64%eth0", ADDRESS_MASK},
    {"10.0.0.0/", ADDRESS_MASK},
    {"10.0.0.0/33", ADDRESS_MASK},
    {"10.0.0.0/128", ADDRESS_MASK},
    {"10.0.0.0/-1", ADDRESS_MASK},
    {"10.0.0.0/+8", ADDRESS_MASK},
    {"10.0.0.0/08", ADDRESS_MASK},
    {"10.0.0.0/00", ADDRESS_MASK},
    {"10.0.0.0/1e1", ADDRESS_MASK},
    {"10.0.0.0/0x8", ADDRESS_MASK},
    {"10.0.0.0/8 ", ADDRESS_MASK},
    {"10.0.0.0/ 8", ADDRESS_MASK},
    {"10.0.0.0/8/8", ADDRESS_MASK},
    {"10.0.0.0//8", ADDRESS_MASK},
    {"10.0.0.0/255.0.0.0", ADDRESS_MASK},
    {"10.0.0.0/4294967304", ADDRESS_MASK}, /* 2^32 + 8 */
    {"10.0.0.0/264", ADDRESS_MASK},        /* 2^8 + 8 */
    {"::/129", ADDRESS_MASK},
    {"::/999", ADDRESS_MASK},
    {"::/1000", ADDRESS_MASK},
    {"::/064", ADDRESS_MASK},
    {"10.0.0.1/8", ADDRESS_HOST_BITS},
    {"10.0.0.0/6", ADDRESS_HOST_BITS},
    {"0.0.0.1/0", ADDRESS_HOST_BITS},
    {"192.0.2.1/31", ADDRESS_HOST_BITS},
    {"2001:db8::1/64", ADDRESS_HOST_BITS},
    {"2001:db8:8000::/32", ADDRESS_HOST_BITS},
    {"::1/127", ADDRESS_HOST_BITS},
    {"::1/0", ADDRESS_HOST_BITS},
    {"::ffff:10.0.0.0/8", ADDRESS_HOST_BITS}, /* the length counts as the address is written */
    {"::ffff:0:0/95", ADDRESS_HOST_BITS},
};

START_TEST(hostile_prefixes)
{
    struct prefix prefix;
    struct prefix untouched;
    memset(&prefix, 0xa5, sizeof(prefix));
    memset(&untouched, 0xa5, sizeof(untouched));
    const char *text = bad_prefixes[_i].text;
    ck_assert_msg(prefix_parse(text, strlen(text), &prefix) == bad_prefixes[_i].status, "%s", text);
    ck_assert(address_equal(&prefix.address, &untouched.address));
}
END_TEST

/* The size given is what counts, not a NUL: neither one inside nor the missing one behind. */
START_TEST(hostile_sizes)
{
    struct address address;
    struct prefix prefix;
    ck_assert_int_eq(address_parse(NULL, 0, &address), ADDRESS_SYNTAX);
    ck_assert_int_eq(prefix_parse(NULL, 0, &prefix), ADDRESS_SYNTAX);
    ck_assert_int_eq(address_parse("1.2.3.4\0", 8, &address), ADDRESS_SYNTAX);
    ck_assert_int_eq(address_parse("1.2.3.4\0.5", 10, &address), ADDRESS_SYNTAX);
    ck_assert_int_eq(address_parse("\0", 1, &address), ADDRESS_SYNTAX);
    ck_assert_int_eq(address_parse("::1\0%eth0", 9, &address), ADDRESS_SYNTAX);
    ck_assert_int_eq(prefix_parse("10.0.0.0/8\0", 11, &prefix), ADDRESS_MASK);
    ck_assert_int_eq(prefix_parse("10.0.0.0\0/8", 11, &prefix), ADDRESS_SYNTAX);
    ck_assert_int_eq(address_parse("1.2.3.45", 7, &address), ADDRESS_OK);
    struct address expected = parsed("1.2.3.4");
    ck_assert(address_equal(&address, &expected));

    /* On the heap without a byte to spare, so that AddressSanitizer sees any step too far. */
    static const char exact[] = {'1', '0', '.', '0', '.', '0', '.', '0', '/', '8'};
    char *copy = malloc(sizeof(exact));
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, exact, sizeof(exact));
    ck_assert_int_eq(prefix_parse(copy, sizeof(exact), &prefix), ADDRESS_OK);
    ck_assert_int_eq(prefix_parse(copy, sizeof(exact) - 1, &prefix), ADDRESS_MASK);
    free(copy);
}
END_TEST

START_TEST(hostile_long)
{
    enum { SIZE = 1 << 20 };
    static const char fills[] = {'0', '1', ':', '.', '/', '%', 'f', ' ', '\0', '\xff'};
    char *text = malloc(SIZE);
    ck_assert_ptr_nonnull(text);
    struct address address;
    struct prefix prefix;
    for (size_t i = 0; i < sizeof(fills); i++) {
        memset(text, fills[i], SIZE);
        ck_assert_int_ne(address_parse(text, SIZE, &address), ADDRESS_OK);
        ck_assert_int_ne(prefix_parse(text, SIZE, &prefix), ADDRESS_OK);
        memcpy(text, "::1", 3);
        ck_assert_int_ne(address_parse(text, SIZE, &address), ADDRESS_OK);
        memcpy(text, "10.0.0.0/8", 10);
        ck_assert_int_ne(prefix_parse(text, SIZE, &prefix), ADDRESS_OK);
    }
    free(text);
}
END_TEST

START_TEST(limits_text_sizes)
{
    char out[ADDRESS_TEXT_SIZE];
    struct address longest = parsed("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    ck_assert_str_eq(address_format_port(&longest, 65535, out), "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
    struct address longest4 = parsed("255.255.255.255");
    ck_assert_str_eq(address_format_port(&longest4, 65535, out), "255.255.255.255:65535");
    struct address any = parsed("::");
    ck_assert_str_eq(address_format_port(&any, 0, out), "[::]:0");
    struct address any4 = parsed("0.0.0.0");
    ck_assert_str_eq(address_format_port(&any4, 0, out), "0.0.0.0:0");
}
END_TEST

START_TEST(core_families)
{
    static const struct {
        const char *text;
        bool ipv4;
        bool loopback;
    } cases[] = {
        {"127.0.0.1", true, true},
        {"127.255.255.255", true, true},
        {"128.0.0.1", true, false},
        {"126.255.255.255", true, false},
        {"::1", false, true},
        {"::ffff:127.0.0.1", true, true},
        {"::127.0.0.1", false, false},
        {"::2", false, false},
        {"::", false, false},
        {"0.0.0.0", true, false},
        {"::fffe:7f00:1", false, false},
        {"1::ffff:127.0.0.1", false, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address address = parsed(cases[i].text);
        ck_assert_msg(address_is_ipv4(&address) == cases[i].ipv4, "%s", cases[i].text);
        ck_assert_msg(address_is_loopback(&address) == cases[i].loopback, "%s", cases[i].text);
    }
}
END_TEST

/* The same peer, as an IPv4 listener and as a dual-stack one reports it. */
START_TEST(core_sockaddr)
{
    struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(4711)};
    struct sockaddr_in6 mapped = {.sin6_family = AF_INET6, .sin6_port = htons(4711)};
    struct sockaddr_in6 scoped = {.sin6_family = AF_INET6, .sin6_scope_id = 2};
    ck_assert_int_eq(inet_pton(AF_INET, "192.0.2.1", &ipv4.sin_addr), 1);
    ck_assert_int_eq(inet_pton(AF_INET6, "::ffff:192.0.2.1", &mapped.sin6_addr), 1);
    ck_assert_int_eq(inet_pton(AF_INET6, "fe80::1", &scoped.sin6_addr), 1);

    struct address a = address_from_sockaddr((const struct sockaddr *)&ipv4);
    struct address b = address_from_sockaddr((const struct sockaddr *)&mapped);
    struct address c = address_from_sockaddr((const struct sockaddr *)&scoped);
    struct address expected = parsed("192.0.2.1");
    struct address link_local = parsed("fe80::1");
    ck_assert(address_equal(&a, &expected));
    ck_assert(address_equal(&b, &expected));
    ck_assert(address_equal(&c, &link_local));
}
END_TEST

START_TEST(core_contains)
{
    static const struct {
        const char *prefix;
        const char *address;
        bool contained;
    } cases[] = {
        {"10.0.0.0/8", "10.0.0.0", true},
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "9.255.255.255", false},
        {"10.0.0.0/9", "10.128.0.0", false},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.0", false},
        {"192.0.2.0/31", "192.0.2.1", true},
        {"0.0.0.0/0", "255.255.255.255", true},
        {"0.0.0.0/0", "::ffff:1.2.3.4", true},
        {"0.0.0.0/0", "::1", false},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "::1", true},
        {"::/0", "1.2.3.4", false}, /* the families stay apart */
        {"::/64", "1.2.3.4", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"2001:db8::1", "2001:db8::1", true},
        {"2001:db8::1", "2001:db8::2", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct prefix prefix = parsed_prefix(cases[i].prefix);
        struct address address = parsed(cases[i].address);
        ck_assert_msg(prefix_contains(&prefix, &address) == cases[i].contained, "%s in %s", cases[i].address,
                      cases[i].prefix);
    }
}
END_TEST

START_TEST(limits_prefix_of)
{
    struct address ones = parsed("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    for (unsigned bits = 0; bits <= 128; bits++) {
        struct prefix prefix = prefix_of(&ones, (uint8_t)bits);
        ck_assert_uint_eq(prefix.bits, bits);
        for (unsigned i = 0; i < 128; i++) {
            unsigned bit = (prefix.address.bytes[i / 8] >> (7 - i % 8)) & 1u;
            ck_assert_uint_eq(bit, i < bits ? 1 : 0);
        }
    }
}
END_TEST

START_TEST(core_status_texts)
{
    for (int status = ADDRESS_OK; status <= ADDRESS_HOST_BITS; status++) {
        const char *text = address_status_text((enum address_status)status);
        ck_assert_str_ne(text, "");
        ck_assert_str_ne(text, "unknown");
    }
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
    Suite *suite = suite_create("address");
    TCase *core = tcase_create("core");
    tcase_add_loop_test(core, core_format, 0, COUNT(good_addresses));
    tcase_add_loop_test(core, core_prefix_format, 0, COUNT(good_prefixes));
    tcase_add_test(core, core_families);
    tcase_add_test(core, core_sockaddr);
    tcase_add_test(core, core_contains);
    tcase_add_test(core, core_status_texts);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_text_sizes);
    tcase_add_test(limits, limits_prefix_of);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_set_timeout(hostile, 60);
    tcase_add_loop_test(hostile, hostile_addresses, 0, COUNT(bad_addresses));
    tcase_add_loop_test(hostile, hostile_prefixes, 0, COUNT(bad_prefixes));
    tcase_add_test(hostile, hostile_sizes);
    tcase_add_test(hostile, hostile_long);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
