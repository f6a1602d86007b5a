/*
 * check_origin - whose pages may connect: the same origin as browsers mean it, the list, and everything that only looks alike.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <check.h>

#include "server/door/origin.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

struct row {
    const char *origin;
    const char *host;
    bool tls;
    enum origin_verdict verdict;
};

static const struct row same[] = {
    {NULL, "h.example", false, ORIGIN_ABSENT},
    {"http://h.example", "h.example", false, ORIGIN_SAME},
    {"http://h.example", "h.example:80", false, ORIGIN_SAME},
    {"http://h.example:80", "h.example", false, ORIGIN_SAME},
    {"http://h.example:8765", "h.example:8765", false, ORIGIN_SAME},
    {"https://h.example", "h.example", true, ORIGIN_SAME},
    {"https://h.example", "h.example:443", true, ORIGIN_SAME},
    {"https://h.example:8888", "h.example:8888", true, ORIGIN_SAME},
    {"HTTP://H.example", "h.EXAMPLE", false, ORIGIN_SAME},
    {"http://127.0.0.1:8765", "127.0.0.1:8765", false, ORIGIN_SAME},
    {"http://[::1]:8765", "[::1]:8765", false, ORIGIN_SAME},
    {"http://[::1]", "[0:0:0:0:0:0:0:1]:80", false, ORIGIN_SAME},
    {"http://[2001:db8::A]", "[2001:DB8:0::a]", false, ORIGIN_SAME},
    {"http://h.example.", "h.example.", false, ORIGIN_SAME},
    {"http://my_host", "my_host", false, ORIGIN_SAME},
};

static const struct row foreign[] = {
    {"https://h.example", "h.example", false, ORIGIN_FOREIGN}, /* another scheme */
    {"http://h.example", "h.example", true, ORIGIN_FOREIGN},
    {"ws://h.example", "h.example", false, ORIGIN_FOREIGN},
    {"http://h.example:8080", "h.example", false, ORIGIN_FOREIGN}, /* another port */
    {"http://h.example", "h.example:8765", false, ORIGIN_FOREIGN},
    {"http://h.example:443", "h.example", true, ORIGIN_FOREIGN},
    {"http://h.example.", "h.example", false, ORIGIN_FOREIGN}, /* another host */
    {"http://h.example", "h.example.", false, ORIGIN_FOREIGN},
    {"http://evil-h.example", "h.example", false, ORIGIN_FOREIGN},
    {"http://evilh.example", "h.example", false, ORIGIN_FOREIGN},
    {"http://a.h.example", "h.example", false, ORIGIN_FOREIGN},
    {"http://h.example.evil.org", "h.example", false, ORIGIN_FOREIGN},
    {"http://h.exampl", "h.example", false, ORIGIN_FOREIGN},
    {"http://example", "h.example", false, ORIGIN_FOREIGN},
    {"http://[::2]", "[::1]", false, ORIGIN_FOREIGN},
    {"http://[::ffff:127.0.0.1]", "127.0.0.1", false, ORIGIN_FOREIGN},
    {"http://127.1", "127.0.0.1", false, ORIGIN_FOREIGN},
    {"http://h.example", NULL, false, ORIGIN_FOREIGN},
    {"http://h.example", "", false, ORIGIN_FOREIGN},
    {"null", "null", false, ORIGIN_FOREIGN},
    {"chrome-extension://abcdefgh", "h.example", false, ORIGIN_FOREIGN},
};

static const struct row malformed[] = {
    {"", "h.example", false, ORIGIN_MALFORMED},
    {"h.example", "h.example", false, ORIGIN_MALFORMED},
    {"//h.example", "h.example", false, ORIGIN_MALFORMED},
    {"http:", "h.example", false, ORIGIN_MALFORMED},
    {"http:h.example", "h.example", false, ORIGIN_MALFORMED},
    {"http:/h.example", "h.example", false, ORIGIN_MALFORMED},
    {"http://", "h.example", false, ORIGIN_MALFORMED},
    {"http:///h.example", "h.example", false, ORIGIN_MALFORMED},
    {"http://h.example/", "h.example", false, ORIGIN_MALFORMED},
    {"http://h.example?", "h.example", false, ORIGIN_MALFORMED},
    {"http://h.example#", "h.example", false, ORIGIN_MALFORMED},
    {"http://h.example\\@evil.org", "h.example", false, ORIGIN_MALFORMED},
    {"http://user@h.example", "h.example", false, ORIGIN_MALFORMED},
    {"http://h.example@evil.org", "h.example", false, ORIGIN_MALFORMED},
    {"http://h.example:80@evil.org", "h.example", false, ORIGIN_MALFORMED},
    {"http://h.example http://h.example", "h.example", false, ORIGIN_MALFORMED},
    {"http://h.example, http://h.example", "h.example", false, ORIGIN_MALFORMED},
    {" http://h.example", "h.example", false, ORIGIN_MALFORMED},
    {"http://h.example ", "h.example", false, ORIGIN_MALFORMED},
    {"http://h.example:", "h.example", false, ORIGIN_MALFORMED},
    {"http://h.example:0", "h.example:0", false, ORIGIN_MALFORMED},
    {"http://h.example:080", "h.example", false, ORIGIN_MALFORMED},
    {"http://h.example:65536", "h.example:65536", false, ORIGIN_MALFORMED},
    {"http://h.example:4294967376", "h.example", false, ORIGIN_MALFORMED},
    {"http://h.example:8a", "h.example:8a", false, ORIGIN_MALFORMED},
    {"http://h.example:-1", "h.example", false, ORIGIN_MALFORMED},
    {"http://h%2eexample", "h.example", false, ORIGIN_MALFORMED},
    {"http://b\xc3\xbc"
     "cher.example",
     "b\xc3\xbc"
     "cher.example",
     false, ORIGIN_MALFORMED},
    {"http://h.\xef\xbd\x85xample", "h.example", false, ORIGIN_MALFORMED},
    {"http://[::1", "[::1", false, ORIGIN_MALFORMED},
    {"http://[]", "[]", false, ORIGIN_MALFORMED},
    {"http://[::1]8765", "[::1]", false, ORIGIN_MALFORMED},
    {"http://[::1]:", "[::1]", false, ORIGIN_MALFORMED},
    {"http://[::1%25lo]", "[::1]", false, ORIGIN_MALFORMED},
    {"http://[127.0.0.1]", "127.0.0.1", false, ORIGIN_MALFORMED},
    {"http://::1", "[::1]", false, ORIGIN_MALFORMED},
    {"1http://h.example", "h.example", false, ORIGIN_MALFORMED},
    {"null null", "h.example", false, ORIGIN_MALFORMED},
    {"NULL", "h.example", false, ORIGIN_MALFORMED},
};

static void check_row(const struct row *row)
{
    enum origin_verdict verdict = origin_check(row->origin, row->host, row->tls, NULL, 0);
    ck_assert_msg(verdict == row->verdict, "%s at %s: %d", row->origin, row->host, verdict);
    bool admitted = row->verdict == ORIGIN_ABSENT || row->verdict == ORIGIN_SAME;
    ck_assert_int_eq(origin_admits(verdict), admitted);
}

START_TEST(core_same)
{
    check_row(&same[_i]);
}
END_TEST

START_TEST(core_foreign)
{
    check_row(&foreign[_i]);
}
END_TEST

START_TEST(hostile_malformed)
{
    check_row(&malformed[_i]);
}
END_TEST

/* ---- the list ---- */

static const struct {
    const char *origin;
    const char *entry;
    bool admitted;
} lists[] = {
    {"https://app.example", "https://app.example", true},
    {"https://app.example:443", "https://app.example", true},
    {"https://APP.example", "https://app.example", true},
    {"https://app.example:8443", "https://app.example:8443", true},
    {"https://app.example:8443", "https://app.example", false},
    {"http://app.example", "https://app.example", false},
    {"https://app.example.", "https://app.example", false},
    {"https://app.example.evil.org", "https://app.example", false},
    {"https://evil-app.example", "https://app.example", false},
    {"https://a.example", "https://*.example", true},
    {"https://a.b.example", "https://*.example", true},
    {"https://example", "https://*.example", false},
    {"https://.example", "https://*.example", false},
    {"https://evilexample", "https://*.example", false},
    {"https://evil-example", "https://*.example", false},
    {"https://a.example.evil.org", "https://*.example", false},
    {"https://a.example:8443", "https://*.example", false},
    {"https://a.example:8443", "https://*.example:8443", true},
    {"http://a.example", "https://*.example", false},
    {"https://[::1]", "https://[::1]", true},
    {"https://[0::1]:443", "https://[::1]", true},
    {"https://[::2]", "https://[::1]", false},
    {"null", "null", true},
    {"NULL", "null", false},
    {"null", "https://*.example", false},
    {"https://app.example", "null", false},
    {"null", "*", true},
    {"anything at all", "*", true},
    {"chrome-extension://abcdefgh", "chrome-extension://abcdefgh", true},
    {"chrome-extension://abcdefgi", "chrome-extension://abcdefgh", false},
    {"moz-extension://abcdefgh", "chrome-extension://abcdefgh", false},
};

START_TEST(core_lists)
{
    const char *const entries[] = {"https://other.example", lists[_i].entry, "http://last.example:81"};
    enum origin_verdict verdict = origin_check(lists[_i].origin, "h.example", true, entries, 3);
    ck_assert_msg(origin_admits(verdict) == lists[_i].admitted, "%s for %s: %d", lists[_i].origin, lists[_i].entry,
                  verdict);
    ck_assert(!lists[_i].admitted || verdict == ORIGIN_LISTED);
}
END_TEST

START_TEST(limits_sizes)
{
    char name[400];
    char origin[450];
    memset(name, 'a', sizeof(name));
    name[255] = '\0';
    (void)snprintf(origin, sizeof(origin), "http://%s", name);
    ck_assert_int_eq(origin_check(origin, name, false, NULL, 0), ORIGIN_SAME);
    name[255] = 'a';
    name[256] = '\0';
    (void)snprintf(origin, sizeof(origin), "http://%s", name);
    ck_assert_int_eq(origin_check(origin, name, false, NULL, 0), ORIGIN_MALFORMED);
    ck_assert_int_eq(origin_check("http://h:65535", "h:65535", false, NULL, 0), ORIGIN_SAME);
    ck_assert_int_eq(origin_check("http://h:1", "h:1", false, NULL, 0), ORIGIN_SAME);
}
END_TEST

/* ---- properties ---- */

static uint32_t draw(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) % below;
}

/* Whatever one byte of the own origin is exchanged for, inserted or left out, it is another origin: unless only the case differs. */
START_TEST(hostile_one_byte_off)
{
    static const char own[] = "https://chat.example:8443";
    static const char wild[] = "https://*.example:8443";
    const char *const listed[] = {"https://app.example", "null"};
    uint32_t seed = 1;
    for (int round = 0; round < 200000; round++) {
        char bent[sizeof(own) + 1] = {0};
        size_t at = draw(&seed, sizeof(own) - 1);
        char byte = (char)(1 + draw(&seed, 255));
        uint32_t how = draw(&seed, 3);
        memcpy(bent, own, at);
        size_t skip = how == 0 ? 0 : 1; /* insert; exchange and leave out */
        size_t size = at;
        if (how != 2) {
            bent[size++] = byte;
        }
        memcpy(bent + size, own + at + skip, sizeof(own) - 1 - at - skip);
        enum origin_verdict verdict = origin_check(bent, "chat.example:8443", true, listed, 2);
        bool alike = strcasecmp(bent, own) == 0;
        ck_assert_msg((verdict == ORIGIN_SAME) == alike, "%s: %d", bent, verdict);
        ck_assert(alike || !origin_admits(verdict));
        /* Below a listed name it must still end in that name and port. */
        const char *const below[] = {wild};
        if (origin_admits(origin_check(bent, "other", true, below, 1))) {
            static const char tail[] = ".example:8443";
            ck_assert_uint_gt(strlen(bent), strlen("https://") + strlen(tail));
            ck_assert_int_eq(strcasecmp(bent + strlen(bent) - strlen(tail), tail), 0);
            ck_assert_int_eq(strncasecmp(bent, "https://", strlen("https://")), 0);
            ck_assert_ptr_null(strpbrk(bent + strlen("https://"), "/@?#\\ "));
        }
    }
}
END_TEST

/* Two origins made of parts are the same when all their parts are. */
START_TEST(hostile_parts)
{
    static const char *const hosts[] = {"a", "b", "a.b", "a.", "a.b.c", "[::1]", "[::2]", "127.0.0.1", "aa"};
    static const unsigned ports[] = {0, 80, 443, 81, 8080, 65535};
    for (int i = 0; i < COUNT(hosts) * COUNT(hosts) * COUNT(ports) * COUNT(ports) * 4; i++) {
        int rest = i;
        bool page_tls = rest % 2 == 1;
        bool own_tls = (rest /= 2) % 2 == 1;
        const char *page_host = hosts[(rest /= 2) % COUNT(hosts)];
        const char *own_host = hosts[(rest /= COUNT(hosts)) % COUNT(hosts)];
        unsigned page_port = ports[(rest /= COUNT(hosts)) % COUNT(ports)];
        unsigned own_port = ports[rest / COUNT(ports) % COUNT(ports)];
        char origin[64];
        char host[64];
        char digits[16] = "";
        if (page_port != 0) {
            (void)snprintf(digits, sizeof(digits), ":%u", page_port);
        }
        (void)snprintf(origin, sizeof(origin), "%s://%s%s", page_tls ? "https" : "http", page_host, digits);
        digits[0] = '\0';
        if (own_port != 0) {
            (void)snprintf(digits, sizeof(digits), ":%u", own_port);
        }
        (void)snprintf(host, sizeof(host), "%s%s", own_host, digits);
        page_port = page_port != 0 ? page_port : page_tls ? 443 : 80;
        own_port = own_port != 0 ? own_port : own_tls ? 443 : 80;
        bool expected = page_tls == own_tls && page_port == own_port && strcmp(page_host, own_host) == 0;
        ck_assert_msg((origin_check(origin, host, own_tls, NULL, 0) == ORIGIN_SAME) == expected, "%s at %s", origin,
                      host);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("origin");
    TCase *core = tcase_create("core");
    tcase_add_loop_test(core, core_same, 0, COUNT(same));
    tcase_add_loop_test(core, core_foreign, 0, COUNT(foreign));
    tcase_add_loop_test(core, core_lists, 0, COUNT(lists));
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_sizes);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_loop_test(hostile, hostile_malformed, 0, COUNT(malformed));
    tcase_add_test(hostile, hostile_one_byte_off);
    tcase_add_test(hostile, hostile_parts);
    suite_add_tcase(suite, hostile);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
