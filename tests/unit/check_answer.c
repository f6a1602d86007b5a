/*
 * check_answer - the small HTTP answers: exact bytes, what each status must bring, small buffers, values not fit to send.
 */
#include "runner.h"
#include "server/door/answer.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/lobby/head.h"

#define RFC_TIME ((time_t)784111777) /* the example of RFC 9110 §5.6.7 */
#define RFC_DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

/* Formats into a buffer of exactly that size, so that a sanitizer sees any byte too many; the text ends with a NUL. */
static size_t format(const struct answer *answer, time_t now, size_t out_size, char text_r[ANSWER_SIZE_MAX + 1])
{
    char *out = malloc(out_size > 0 ? out_size : 1);
    ck_assert_ptr_nonnull(out);
    size_t size = answer_format(answer, now, out, out_size);
    ck_assert_uint_le(size, out_size);
    memcpy(text_r, out, size);
    text_r[size] = '\0';
    free(out);
    return size;
}

static void assert_has(const char *text, const char *line)
{
    ck_assert_msg(strstr(text, line) != NULL, "no %s in:\n%s", line, text);
}

static void assert_lacks(const char *text, const char *line)
{
    ck_assert_msg(strstr(text, line) == NULL, "%s in:\n%s", line, text);
}

START_TEST(whole_answer)
{
    struct answer answer = {.status = 404, .text = "There is no endpoint at this path."};
    char text[ANSWER_SIZE_MAX + 1];
    size_t size = format(&answer, RFC_TIME, ANSWER_SIZE_MAX, text);
    static const char expected[] = "HTTP/1.1 404 Not Found\r\n" RFC_DATE "Connection: close\r\n"
                                   "Cache-Control: no-store\r\n"
                                   "X-Content-Type-Options: nosniff\r\n"
                                   "Content-Type: text/plain; charset=utf-8\r\n"
                                   "Content-Length: 35\r\n"
                                   "\r\n"
                                   "There is no endpoint at this path.\n";
    ck_assert_str_eq(text, expected);
    ck_assert_uint_eq(size, sizeof(expected) - 1);
}
END_TEST

static const struct {
    unsigned status;
    const char *line; /* the status line */
    const char *has;  /* a field that this status must bring */
} statuses[] = {
    {400, "HTTP/1.1 400 Bad Request\r\n", "\r\nConnection: close\r\n"},
    {401, "HTTP/1.1 401 Unauthorized\r\n", "\r\nWWW-Authenticate: Bearer realm=\"portcullis\"\r\n"},
    {403, "HTTP/1.1 403 Forbidden\r\n", "\r\nConnection: close\r\n"},
    {404, "HTTP/1.1 404 Not Found\r\n", "\r\nConnection: close\r\n"},
    {405, "HTTP/1.1 405 Method Not Allowed\r\n", "\r\nAllow: GET\r\n"},
    {408, "HTTP/1.1 408 Request Timeout\r\n", "\r\nConnection: close\r\n"},
    {413, "HTTP/1.1 413 Content Too Large\r\n", "\r\nConnection: close\r\n"},
    {414, "HTTP/1.1 414 URI Too Long\r\n", "\r\nConnection: close\r\n"},
    {417, "HTTP/1.1 417 Expectation Failed\r\n", "\r\nConnection: close\r\n"},
    {426, "HTTP/1.1 426 Upgrade Required\r\n",
     "\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"},
    {429, "HTTP/1.1 429 Too Many Requests\r\n", "\r\nRetry-After: 7\r\n"},
    {431, "HTTP/1.1 431 Request Header Fields Too Large\r\n", "\r\nConnection: close\r\n"},
    {500, "HTTP/1.1 500 Internal Server Error\r\n", "\r\nConnection: close\r\n"},
    {501, "HTTP/1.1 501 Not Implemented\r\n", "\r\nConnection: close\r\n"},
    {503, "HTTP/1.1 503 Service Unavailable\r\n", "\r\nRetry-After: 7\r\n"},
    {505, "HTTP/1.1 505 HTTP Version Not Supported\r\n", "\r\nConnection: close\r\n"},
};

START_TEST(each_status)
{
    struct answer answer = {.status = statuses[_i].status, .text = "Because.", .retry_after_s = 7};
    char text[ANSWER_SIZE_MAX + 1];
    ck_assert_uint_gt(format(&answer, RFC_TIME, ANSWER_SIZE_MAX, text), 0);
    ck_assert_int_eq(strncmp(text, statuses[_i].line, strlen(statuses[_i].line)), 0);
    assert_has(text, statuses[_i].has);
    assert_has(text, "\r\nContent-Length: 9\r\n");
    assert_has(text, "\r\n\r\nBecause.\n");
    assert_lacks(text, "Server:");
    bool delays = answer.status == 429 || answer.status == 503;
    ck_assert_int_eq(strstr(text, "Retry-After") != NULL, delays);
    ck_assert_int_eq(strstr(text, "WWW-Authenticate") != NULL, answer.status == 401);
    ck_assert_int_eq(strstr(text, "Allow") != NULL, answer.status == 405);
    ck_assert_int_eq(strstr(text, "Upgrade:") != NULL, answer.status == 426);
}
END_TEST

START_TEST(what_the_caller_adds)
{
    char text[ANSWER_SIZE_MAX + 1];
    struct answer answer = {.status = 401, .text = "No.", .challenge = "Bearer error=\"invalid_token\""};
    ck_assert_uint_gt(format(&answer, RFC_TIME, ANSWER_SIZE_MAX, text), 0);
    assert_has(text, "\r\nWWW-Authenticate: Bearer error=\"invalid_token\"\r\n");
    answer = (struct answer){.status = 503, .text = "Busy."};
    ck_assert_uint_gt(format(&answer, RFC_TIME, ANSWER_SIZE_MAX, text), 0);
    assert_lacks(text, "Retry-After");
    answer.retry_after_s = UINT32_MAX;
    ck_assert_uint_gt(format(&answer, RFC_TIME, ANSWER_SIZE_MAX, text), 0);
    assert_has(text, "\r\nRetry-After: 4294967295\r\n");
}
END_TEST

START_TEST(without_body)
{
    struct answer answer = {.status = 405, .text = "Only GET is allowed.", .without_body = true};
    char text[ANSWER_SIZE_MAX + 1];
    size_t size = format(&answer, RFC_TIME, ANSWER_SIZE_MAX, text);
    ck_assert_uint_gt(size, 4);
    assert_has(text, "\r\nContent-Length: 21\r\n");
    ck_assert_str_eq(text + size - 4, "\r\n\r\n");
    ck_assert_ptr_eq(strstr(text, "\r\n\r\n"), text + size - 4);
}
END_TEST

static const struct {
    int64_t now;
    const char *date; /* NULL: left out */
} dates[] = {
    {0, "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"},
    {784111777, RFC_DATE},
    {951782400, "Date: Tue, 29 Feb 2000 00:00:00 GMT\r\n"},
    {2147483648, "Date: Tue, 19 Jan 2038 03:14:08 GMT\r\n"},
    {-1, "Date: Wed, 31 Dec 1969 23:59:59 GMT\r\n"},
    {253402300799, "Date: Fri, 31 Dec 9999 23:59:59 GMT\r\n"},
    {253402300800, NULL},
    {-62135596800, "Date: Mon, 01 Jan 0001 00:00:00 GMT\r\n"},
    {-62135596801, NULL},
    {INT64_MAX, NULL},
    {INT64_MIN, NULL},
};

START_TEST(date)
{
    struct answer answer = {.status = 400, .text = "No."};
    char text[ANSWER_SIZE_MAX + 1];
    ck_assert_uint_gt(format(&answer, (time_t)dates[_i].now, ANSWER_SIZE_MAX, text), 0);
    if (dates[_i].date == NULL) {
        assert_lacks(text, "Date:");
    } else {
        assert_has(text, dates[_i].date);
    }
}
END_TEST

START_TEST(upgrade)
{
    char out[ANSWER_SIZE_MAX];
    /* RFC 6455 §1.3 */
    static const char plain[] = "HTTP/1.1 101 Switching Protocols\r\n"
                                "Upgrade: websocket\r\n"
                                "Connection: Upgrade\r\n"
                                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                                "\r\n";
    size_t size = answer_upgrade("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", NULL, NULL, out, sizeof(out));
    ck_assert_uint_eq(size, sizeof(plain) - 1);
    ck_assert_mem_eq(out, plain, size);

    static const char chat[] = "HTTP/1.1 101 Switching Protocols\r\n"
                               "Upgrade: websocket\r\n"
                               "Connection: Upgrade\r\n"
                               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                               "Sec-WebSocket-Protocol: chat\r\n"
                               "Sec-WebSocket-Extensions: x; y=1\r\n"
                               "\r\n";
    size = answer_upgrade("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "chat", "x; y=1", out, sizeof(out));
    ck_assert_uint_eq(size, sizeof(chat) - 1);
    ck_assert_mem_eq(out, chat, size);
}
END_TEST

/* Whatever the check of the head finds can be answered with its own code and text. */
START_TEST(every_head_status)
{
    enum head_status status = (enum head_status)_i;
    struct answer answer = {.status = head_status_code(status), .text = head_status_text(status)};
    char text[ANSWER_SIZE_MAX + 1];
    ck_assert_str_ne(head_status_text(status), "");
    ck_assert_str_ne(head_status_label(status), "");
    size_t size = format(&answer, RFC_TIME, ANSWER_SIZE_MAX, text);
    if (status == HEAD_OK || status == HEAD_MORE) {
        ck_assert_uint_eq(answer.status, 0);
        ck_assert_uint_eq(size, 0);
    } else {
        ck_assert_uint_gt(size, 0);
    }
}
END_TEST

START_TEST(every_buffer_size)
{
    struct answer answer = {.status = statuses[_i].status, .text = "Because.", .retry_after_s = 7};
    char text[ANSWER_SIZE_MAX + 1];
    size_t whole = format(&answer, RFC_TIME, ANSWER_SIZE_MAX, text);
    ck_assert_uint_gt(whole, 0);
    for (size_t size = 0; size < whole; size++) {
        ck_assert_uint_eq(format(&answer, RFC_TIME, size, text), 0);
    }
    ck_assert_uint_eq(format(&answer, RFC_TIME, whole, text), whole);
}
END_TEST

START_TEST(every_upgrade_buffer_size)
{
    char whole[ANSWER_SIZE_MAX];
    size_t whole_size = answer_upgrade("accept", "chat", "x", whole, sizeof(whole));
    ck_assert_uint_gt(whole_size, 0);
    for (size_t size = 1; size <= whole_size; size++) {
        char *out = malloc(size);
        ck_assert_ptr_nonnull(out);
        ck_assert_uint_eq(answer_upgrade("accept", "chat", "x", out, size), size == whole_size ? whole_size : 0);
        free(out);
    }
}
END_TEST

/* The promise of ANSWER_SIZE_MAX, and that more than that fails cleanly. */
START_TEST(long_values)
{
    char value[ANSWER_SIZE_MAX + 1];
    char text[ANSWER_SIZE_MAX + 1];
    memset(value, 'x', sizeof(value));
    value[256] = '\0';
    struct answer answer = {
        .status = statuses[_i].status, .text = value, .retry_after_s = UINT32_MAX, .challenge = value};
    ck_assert_uint_gt(format(&answer, RFC_TIME, ANSWER_SIZE_MAX, text), 0);
    value[256] = 'x';
    value[ANSWER_SIZE_MAX] = '\0';
    ck_assert_uint_eq(format(&answer, RFC_TIME, ANSWER_SIZE_MAX, text), 0);
}
END_TEST

static const unsigned no_statuses[] = {0, 1, 99, 100, 101, 200, 204, 302, 399, 402, 406, 499, 502, 600, UINT32_MAX};

START_TEST(status_unknown)
{
    struct answer answer = {.status = no_statuses[_i], .text = "No."};
    char text[ANSWER_SIZE_MAX + 1];
    ck_assert_uint_eq(format(&answer, RFC_TIME, ANSWER_SIZE_MAX, text), 0);
}
END_TEST

static const char *const unfit[] = {"a\r\nSet-Cookie: b", "a\n", "\r", "\t", "\x1b[2J", "\x7f", "caf\xc3\xa9", "\xff"};

START_TEST(nothing_forges_fields)
{
    char text[ANSWER_SIZE_MAX + 1];
    char out[ANSWER_SIZE_MAX];
    struct answer answer = {.status = 401, .text = unfit[_i]};
    ck_assert_uint_eq(format(&answer, RFC_TIME, ANSWER_SIZE_MAX, text), 0);
    answer = (struct answer){.status = 401, .text = "No.", .challenge = unfit[_i]};
    ck_assert_uint_eq(format(&answer, RFC_TIME, ANSWER_SIZE_MAX, text), 0);
    ck_assert_uint_eq(answer_upgrade(unfit[_i], NULL, NULL, out, sizeof(out)), 0);
    ck_assert_uint_eq(answer_upgrade("accept", unfit[_i], NULL, out, sizeof(out)), 0);
    ck_assert_uint_eq(answer_upgrade("accept", NULL, unfit[_i], out, sizeof(out)), 0);
}
END_TEST

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

static Suite *answer_suite(void)
{
    Suite *suite = suite_create("answer");

    TCase *core = tcase_create("core");
    tcase_add_test(core, whole_answer);
    tcase_add_loop_test(core, each_status, 0, COUNT_OF(statuses));
    tcase_add_test(core, what_the_caller_adds);
    tcase_add_test(core, without_body);
    tcase_add_loop_test(core, date, 0, COUNT_OF(dates));
    tcase_add_test(core, upgrade);
    tcase_add_loop_test(core, every_head_status, HEAD_OK, HEAD_EXPECT + 1);
    suite_add_tcase(suite, core);

    TCase *limits = tcase_create("limits");
    tcase_add_loop_test(limits, every_buffer_size, 0, COUNT_OF(statuses));
    tcase_add_test(limits, every_upgrade_buffer_size);
    tcase_add_loop_test(limits, long_values, 0, COUNT_OF(statuses));
    suite_add_tcase(suite, limits);

    TCase *hostile = tcase_create("hostile");
    tcase_add_loop_test(hostile, status_unknown, 0, COUNT_OF(no_statuses));
    tcase_add_loop_test(hostile, nothing_forges_fields, 0, COUNT_OF(unfit));
    suite_add_tcase(suite, hostile);
    return suite;
}

int main(void)
{
    return runner_run(answer_suite());
}
