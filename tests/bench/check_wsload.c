/*
 * The pure parts of wsload: the histogram's error bound, the pace of a fixed rate, frames as they are written, replies as
 * they are read in any cut of the stream, answers' heads, and the command line.
 */
#include <check.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/histogram.h"
#include "tests/bench/options.h"
#include "tests/bench/pace.h"
#include "tests/bench/plan.h"
#include "tests/bench/reply.h"

START_TEST(quantiles_are_within_the_bound)
{
    static struct histogram histogram;
    const uint64_t count = 100000;

    memset(&histogram, 0, sizeof histogram);
    for (uint64_t i = 1; i <= count; i++) {
        histogram_record(&histogram, i * 1000);
    }
    for (int percent = 1; percent <= 100; percent++) {
        uint64_t exact = (uint64_t)percent * count / 100 * 1000;
        uint64_t found = histogram_quantile(&histogram, percent / 100.0);
        ck_assert_uint_ge(found, exact - 1000);
        ck_assert_uint_le(found, exact + exact / 60);
    }
    ck_assert_uint_eq(histogram.max, count * 1000);
    ck_assert_double_eq_tol(histogram_mean(&histogram), 50000500.0, 1.0);
}
END_TEST

START_TEST(histogram_takes_any_value)
{
    static const uint64_t values[] = {0, 1, 127, 128, 129, 4095, 4096, HISTOGRAM_MAX, HISTOGRAM_MAX + 1, UINT64_MAX};
    static struct histogram histogram;
    static struct histogram sum;

    memset(&sum, 0, sizeof sum);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        uint64_t kept = values[i] < HISTOGRAM_MAX ? values[i] : HISTOGRAM_MAX;
        memset(&histogram, 0, sizeof histogram);
        histogram_record(&histogram, values[i]);
        ck_assert_uint_eq(histogram_quantile(&histogram, 0.5), kept);
        histogram_add(&sum, &histogram);
    }
    ck_assert_uint_eq(sum.count, sizeof values / sizeof values[0]);
    ck_assert_uint_eq(histogram_quantile(&sum, 0.01), 0);
    memset(&histogram, 0, sizeof histogram);
    ck_assert_uint_eq(histogram_quantile(&histogram, 0.99), 0);
}
END_TEST

START_TEST(frames_are_masked_with_the_shortest_length)
{
    static const struct {
        size_t size;
        size_t header;
        uint8_t length[9];
    } cases[] = {
        {0, 6, {0x80}},
        {125, 6, {0x80 | 125}},
        {126, 8, {0x80 | 126, 0, 126}},
        {65535, 8, {0x80 | 126, 0xff, 0xff}},
        {65536, 14, {0x80 | 127, 0, 0, 0, 0, 0, 1, 0, 0}},
    };
    static const uint8_t key[4] = {1, 2, 3, 4};
    static uint8_t payload[65536];
    static uint8_t frame[65536 + 14];

    memset(payload, 'x', sizeof payload);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t header = cases[i].header;
        ck_assert_uint_eq(plan_write_frame(frame, 0x1, key, payload, cases[i].size), header + cases[i].size);
        ck_assert_uint_eq(frame[0], 0x81);
        ck_assert_mem_eq(frame + 1, cases[i].length, header - 5);
        ck_assert_mem_eq(frame + header - 4, key, 4);
        for (size_t at = 0; at < cases[i].size; at++) {
            ck_assert_uint_eq(frame[header + at], 'x' ^ key[at % 4]);
        }
    }
}
END_TEST

/* Reads a stream cut into pieces of `step` bytes. Writes one letter an event and all payload of messages. */
static void read_stream(const uint8_t *stream, size_t size, size_t step, char *events, uint8_t *payload)
{
    static const char letters[] = {
        [REPLY_MESSAGE] = 'm', [REPLY_PING] = 'p', [REPLY_PONG] = 'o', [REPLY_CLOSE] = 'c', [REPLY_BROKEN] = 'b'};
    struct reply reply = {0};

    for (size_t at = 0; at < size; at += step) {
        const uint8_t *bytes = stream + at;
        size_t left = step < size - at ? step : size - at;
        struct reply_piece piece = {0};
        enum reply_event event = REPLY_MORE;
        while ((event = reply_next(&reply, &bytes, &left, &piece)) != REPLY_MORE) {
            if (event == REPLY_DATA || event == REPLY_MESSAGE) {
                memcpy(payload + piece.offset, piece.bytes, piece.size);
            }
            if (event != REPLY_DATA) {
                *events++ = letters[event];
            }
            if (event == REPLY_BROKEN) {
                *events = '\0';
                return;
            }
        }
        ck_assert_uint_eq(left, 0);
    }
    *events = '\0';
}

START_TEST(replies_are_read_in_any_cut)
{
    /* Two messages, one of them in three fragments with a ping between, one with a 16-bit length, a pong and a Close. */
    uint8_t stream[1024] = {0x81, 2,    'h', 'i',  0x01, 1,   'a',  0x89, 3, 'x', 'y',
                            'z',  0x00, 0,   0x80, 1,    'b', 0x82, 126,  0, 200};
    const uint8_t end[] = {0x8a, 0, 0x88, 2, 0x03, 0xe8};
    const size_t size = 21 + 200 + sizeof end;

    memset(stream + 21, 'q', 200);
    memcpy(stream + 221, end, sizeof end);
    for (size_t step = 1; step <= size; step++) {
        char events[64] = "";
        uint8_t payload[256] = {0};
        read_stream(stream, size, step, events, payload);
        ck_assert_str_eq(events, "mpmmoc");
        for (size_t i = 0; i < 200; i++) {
            ck_assert_uint_eq(payload[i], 'q');
        }
    }
}
END_TEST

START_TEST(broken_replies_are_found)
{
    static const struct {
        const char *why;
        uint8_t bytes[4];
        size_t size;
    } cases[] = {
        {"RSV1", {0xc1, 0}, 2},
        {"masked", {0x81, 0x80}, 2},
        {"reserved data opcode", {0x83, 0}, 2},
        {"reserved control opcode", {0x8b, 0}, 2},
        {"continuation of nothing", {0x80, 0}, 2},
        {"fragmented ping", {0x09, 0}, 2},
        {"ping of 126 bytes", {0x89, 126, 0, 126}, 4},
        {"a message in a message", {0x01, 0, 0x81, 0}, 4},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char events[64] = "";
        uint8_t payload[16];
        read_stream(cases[i].bytes, cases[i].size, cases[i].size, events, payload);
        ck_assert_msg(strcmp(events, "b") == 0, "%s: %s", cases[i].why, events);
    }
}
END_TEST

START_TEST(heads_are_judged)
{
    static const char accept[] = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    static const struct {
        const char *start;
        const char *rest; /* behind the header that accepts; NULL: without it */
        enum plan_head head;
    } cases[] = {
        {"HTTP/1.1 101 Switching Protocols\r\n", "Upgrade: websocket\r\n\r\n\x81", PLAN_HEAD_UPGRADED},
        {"HTTP/1.1 101 Switching Protocols\r\n", "\r\n", PLAN_HEAD_UPGRADED},
        {"HTTP/1.1 101 Switching Protocols\r\n", "", PLAN_HEAD_SHORT},
        {"HTTP/1.1 101 Switching Protocols\r\n\r\n", NULL, PLAN_HEAD_REFUSED},
        {"HTTP/1.1 403 Forbidden\r\n", "\r\n", PLAN_HEAD_REFUSED},
        {"HTTP/1.1 1", NULL, PLAN_HEAD_SHORT},
        {"HTTP/1.1 101 Yes\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo\r\n\r\n", NULL, PLAN_HEAD_REFUSED},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        size_t head_size = 0;
        const char *rest = cases[i].rest;
        (void)snprintf(text, sizeof text, "%s%s%s", cases[i].start, rest != NULL ? accept : "",
                       rest != NULL ? rest : "");
        ck_assert_int_eq(plan_read_head((const uint8_t *)text, strlen(text), &head_size), cases[i].head);
        if (cases[i].head == PLAN_HEAD_UPGRADED) {
            ck_assert_ptr_eq(text + head_size, strstr(text, "\r\n\r\n") + 4);
        }
    }
}
END_TEST

START_TEST(endless_heads_are_refused)
{
    static uint8_t text[PLAN_HEAD_MAX];
    static const char start[] = "HTTP/1.1 101 ";
    size_t head_size = 0;

    memset(text, 'a', sizeof text);
    memcpy(text, start, sizeof start - 1);
    ck_assert_int_eq(plan_read_head(text, sizeof text - 1, &head_size), PLAN_HEAD_SHORT);
    ck_assert_int_eq(plan_read_head(text, sizeof text, &head_size), PLAN_HEAD_REFUSED);
}
END_TEST

START_TEST(the_pace_is_even)
{
    const struct pace pace = {.start_ns = 5000, .rate = 3000, .connections = 7};
    const uint64_t start_ns = pace.start_ns;
    uint64_t before_ns = 0;

    for (uint64_t message = 0; message < 10000; message++) {
        uint64_t due_ns = pace_due_ns(&pace, (unsigned)(message % 7), message / 7);
        ck_assert_uint_eq(due_ns, start_ns + message * UINT64_C(1000000) / 3);
        ck_assert(message == 0 || due_ns > before_ns);
        before_ns = due_ns;
    }
}
END_TEST

START_TEST(the_pace_does_not_overflow)
{
    const struct pace fast = {.start_ns = 0, .rate = 10000000, .connections = 1000000};
    const struct pace slow = {.start_ns = 0, .rate = 1, .connections = 1};
    const uint64_t hour_s = 3600;
    const uint64_t hour_ns = hour_s * UINT64_C(1000000000);

    ck_assert_uint_eq(pace_due_ns(&fast, 0, hour_s * 10), hour_ns);
    ck_assert_uint_eq(pace_due_ns(&fast, 1, hour_s * 10), hour_ns + 100);
    ck_assert_uint_eq(pace_due_ns(&slow, 0, hour_s), hour_ns);
}
END_TEST

/* Runs options_parse() on one option and its value behind a URL. */
static enum options_status parse(const char *option, const char *value, const char *mode, struct options *options_r)
{
    char words[][64] = {"wsload", "--url", "ws://localhost/", "--mode", "", "", ""};
    char *argv[] = {words[0], words[1], words[2], words[3], words[4], words[5], words[6], NULL};

    (void)snprintf(words[4], sizeof words[4], "%s", mode);
    (void)snprintf(words[5], sizeof words[5], "%s", option);
    (void)snprintf(words[6], sizeof words[6], "%s", value);
    optind = 1;
    return options_parse(7, argv, options_r);
}

START_TEST(options_have_bounds)
{
    static const struct {
        const char *option;
        const char *value;
        const char *mode;
        enum options_status status;
    } cases[] = {
        {"--rate", "20000", "echo", OPTIONS_OK},
        {"--rate", "0", "idle", OPTIONS_OK},
        {"--rate", "20000", "idle", OPTIONS_BAD},
        {"--rate", "10000001", "echo", OPTIONS_BAD},
        {"--rate", "-1", "echo", OPTIONS_BAD},
        {"--rate", "1e3", "echo", OPTIONS_BAD},
        {"--pipeline", "0", "echo", OPTIONS_BAD},
        {"--connections", "0", "echo", OPTIONS_BAD},
        {"--seconds", "nan", "echo", OPTIONS_BAD},
        {"--seconds", "0.5", "echo", OPTIONS_OK},
        {"--size", "67108864", "echo", OPTIONS_OK},
        {"--size", "67108865", "echo", OPTIONS_BAD},
        {"--header", "no colon", "echo", OPTIONS_BAD},
        {"--header", "A: b", "echo", OPTIONS_OK},
        {"--header", "A: b\r\nC: d", "echo", OPTIONS_BAD},
        {"--size", "1", "other", OPTIONS_BAD},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct options options = {0};
        enum options_status status = parse(cases[i].option, cases[i].value, cases[i].mode, &options);
        ck_assert_msg(status == cases[i].status, "%s %s", cases[i].option, cases[i].value);
    }
}
END_TEST

START_TEST(urls_are_taken_apart)
{
    static const struct {
        const char *url;
        const char *host;
        const char *port;
        const char *path;
        bool tls;
    } cases[] = {
        {"ws://localhost", "localhost", "80", "/", false},
        {"wss://a.example/chat?x=1", "a.example", "443", "/chat?x=1", true},
        {"ws://[::1]:8765/", "::1", "8765", "/", false},
        {"ws://127.0.0.1:0/", NULL, NULL, NULL, false},
        {"ws://127.0.0.1:65536/", NULL, NULL, NULL, false},
        {"ws://[::1/", NULL, NULL, NULL, false},
        {"ws:///", NULL, NULL, NULL, false},
        {"http://localhost/", NULL, NULL, NULL, false},
        {"ws://localhost/a b", NULL, NULL, NULL, false},
        {"ws://localhost:/", NULL, NULL, NULL, false},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct options options = {0};
        bool good = options_read_url(cases[i].url, &options);
        ck_assert_msg(good == (cases[i].host != NULL), "%s", cases[i].url);
        if (good) {
            ck_assert_str_eq(options.host, cases[i].host);
            ck_assert_str_eq(options.port, cases[i].port);
            ck_assert_str_eq(options.path, cases[i].path);
            ck_assert_int_eq(options.tls, cases[i].tls);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wsload");
    TCase *core = tcase_create("core");
    TCase *limits = tcase_create("limits");
    TCase *hostile = tcase_create("hostile");

    tcase_add_test(core, quantiles_are_within_the_bound);
    tcase_add_test(core, replies_are_read_in_any_cut);
    tcase_add_test(core, heads_are_judged);
    tcase_add_test(core, urls_are_taken_apart);
    tcase_add_test(core, the_pace_is_even);
    tcase_add_test(limits, the_pace_does_not_overflow);
    tcase_add_test(limits, options_have_bounds);
    tcase_add_test(limits, histogram_takes_any_value);
    tcase_add_test(limits, frames_are_masked_with_the_shortest_length);
    tcase_add_test(hostile, broken_replies_are_found);
    tcase_add_test(hostile, endless_heads_are_refused);
    suite_add_tcase(suite, core);
    suite_add_tcase(suite, limits);
    suite_add_tcase(suite, hostile);

    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
