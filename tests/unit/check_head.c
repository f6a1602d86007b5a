/*
 * check_head - the strict check of a request head. Every row of the verdicts is fed whole, byte by byte and cut in two at
 * every place, from buffers of exactly the size received, so that a sanitizer sees any byte read too many.
 */
#include "runner.h"
#include "server/lobby/head.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX 8192 /* bytes a head may have, where a test does not say otherwise */

#define HOST          "Host: a\r\n"
#define GET(target)   "GET " target " HTTP/1.1\r\n" HOST "\r\n"
#define METHOD(name)  name " / HTTP/1.1\r\n" HOST "\r\n"
#define FIELDS(lines) "GET / HTTP/1.1\r\n" HOST lines "\r\n"
#define LINE(line)    line "\r\n" HOST "\r\n"
#define HOSTED(value) "GET / HTTP/1.1\r\nHost: " value "\r\n\r\n"

struct row {
    enum head_status status;
    size_t size;
    const char *bytes;
};
#define ROW(status, text)                     \
    {                                         \
        HEAD_##status, sizeof(text) - 1, text \
    }

static const struct row rows[] = {
    /* Good ones. */
    ROW(OK, GET("/")),
    ROW(OK, GET("/chat")),
    ROW(OK, GET("/chat/")),
    ROW(OK, GET("/a/b/c?x=1&y=2")),
    ROW(OK, GET("/?")),
    ROW(OK, GET("/?a?b/c")),
    ROW(OK, GET("/-._~!$&'()*+,;=:@")),
    ROW(OK, GET("/?-._~!$&'()*+,;=:@/?")),
    ROW(OK, GET("/caf%C3%A9")),
    ROW(OK, GET("/%e2%82%ac")),
    ROW(OK, GET("/a%20b")),
    ROW(OK, GET("/%252e%252e/")),
    ROW(OK, GET("/...")),
    ROW(OK, GET("/.a/..b/c..")),
    ROW(OK, GET("/.well-known/x")),
    ROW(OK, GET("/?%ff")),
    ROW(OK, GET("/?next=../x&p=//y")),
    ROW(OK, GET("/?a=%2f%5c")),
    ROW(OK, GET("http://a")),
    ROW(OK, GET("http://a/")),
    ROW(OK, GET("HTTPS://a:443/x?y")),
    ROW(OK, GET("ws://[::1]:8765/x")),
    ROW(OK, GET("wss://a?x=//y")),
    ROW(OK, FIELDS("")),
    ROW(OK, FIELDS("A:\r\n")),
    ROW(OK, FIELDS("A: \t \r\n")),
    ROW(OK, FIELDS("A:b\r\n")),
    ROW(OK, FIELDS("A: b\tc d \r\n")),
    ROW(OK, FIELDS("A: :\r\n")),
    ROW(OK, FIELDS("A: caf\xc3\xa9 \xff\r\n")),
    ROW(OK, FIELDS("!#$%&'*+-.^_`|~09azAZ: x\r\n")),
    ROW(OK, FIELDS("Connection: Upgrade\r\nConnection: keep-alive\r\n")),
    ROW(OK, FIELDS("Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n")),
    ROW(OK, FIELDS("Sec-WebSocket-Extensions: a\r\nSec-WebSocket-Extensions: b\r\n")),
    ROW(OK, FIELDS("Cookie: a=1\r\nCookie: b=2\r\n")),
    ROW(OK, FIELDS("Content-Length: 0\r\n")),
    ROW(OK, FIELDS("Content-Length: 000\r\n")),
    ROW(OK, FIELDS("TE: trailers\r\n")),
    ROW(OK, FIELDS("X-Host: b\r\nHosts: c\r\nHos: d\r\n")),
    ROW(OK, FIELDS("Origin: https://a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n")),
    ROW(OK, FIELDS("") "behind the head \0\r\n\n\n"),
    ROW(OK, "GET / HTTP/1.1\r\nhOsT:a\r\n\r\n"),
    ROW(OK, HOSTED("example.com")),
    ROW(OK, HOSTED("example.com:8765")),
    ROW(OK, HOSTED("a_b-c.d~e")),
    ROW(OK, HOSTED("192.0.2.1:1")),
    ROW(OK, HOSTED("[2001:db8::1]")),
    ROW(OK, HOSTED("[::ffff:192.0.2.1]:65535")),
    ROW(OK, HOSTED("[0000:0000:0000:0000:0000:ffff:255.255.255.255]")),
    ROW(OK, HOSTED(" \t a \t ")),

    /* Not there yet. */
    ROW(MORE, ""),
    ROW(MORE, "G"),
    ROW(MORE, "GET"),
    ROW(MORE, "GET "),
    ROW(MORE, "GET / HTTP/1.1\r"),
    ROW(MORE, "GET / HTTP/1.1\r\n"),
    ROW(MORE, "GET / HTTP/1.1\r\n\r"),
    ROW(MORE, "GET / HTTP/1.1\r\n" HOST),
    ROW(MORE, "GET / HTTP/1.1\r\n" HOST "\r"),
    ROW(MORE, "POST /not yet judged"),
    ROW(MORE, "GET / HTTP/1.1\r\nHost : a"),
    ROW(MORE, "\x16"),
    ROW(MORE, "\x80\x2e\x01"),

    /* Other protocols, and civetweb's stale buffer. */
    ROW(TLS, "\x16\x03"),
    ROW(TLS, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    ROW(TLS, "\x80\x2e\x01\x03"),
    ROW(TLS, "\x80\x2e\x01\x00\x02"),
    ROW(NOT_HTTP, "\x16\x02"),
    ROW(NOT_HTTP, "\x16\r\n\r\n"),
    ROW(NOT_HTTP, "\x80\x2e\x02"),
    ROW(NOT_HTTP, "\x80\x2e\x01\x04"),
    ROW(NOT_HTTP, "\xff\xff\xff"),
    ROW(NOT_HTTP, "\x15\x03\x01"),
    ROW(NOT_HTTP, "\xef\xbb\xbf" GET("/")),
    ROW(NOT_HTTP, "\r"),
    ROW(NOT_HTTP, "\n"),
    ROW(NOT_HTTP, "\r\n\r\n" GET("/")),
    ROW(NOT_HTTP, "\r\n\r\nGET / HTTP/1.1\r\nHost: a"),
    ROW(NOT_HTTP, "\r\n" GET("/")),
    ROW(NOT_HTTP, "\n" GET("/")),
    ROW(NOT_HTTP, " " GET("/")),
    ROW(NOT_HTTP, "\t" GET("/")),
    ROW(NOT_HTTP, "\0" GET("/")),
    ROW(NOT_HTTP, "\x05\x01\x00"),
    ROW(NOT_HTTP, ":"),
    ROW(NOT_HTTP, "\"GET\" / HTTP/1.1\r\n"),
    ROW(NOT_HTTP, "GET\t/ HTTP/1.1\r\n"),
    ROW(NOT_HTTP, "GET\0 / HTTP/1.1\r\n"),
    ROW(NOT_HTTP, "GE\xc3\x89 / HTTP/1.1\r\n"),
    ROW(NOT_HTTP, "GET:/ HTTP/1.1\r\n"),
    ROW(NOT_HTTP, "{\"json\":1}\r\n"),

    /* Request lines. */
    ROW(REQUEST_LINE, LINE("SSH-2.0-OpenSSH_9.2")),
    ROW(REQUEST_LINE, LINE("GET")),
    ROW(REQUEST_LINE, LINE("GET ")),
    ROW(REQUEST_LINE, LINE("GET /")),
    ROW(REQUEST_LINE, LINE("GET / ")),
    ROW(REQUEST_LINE, LINE("GET  HTTP/1.1")),
    ROW(REQUEST_LINE, LINE("GET  / HTTP/1.1")),
    ROW(REQUEST_LINE, LINE("GET /  HTTP/1.1")),
    ROW(REQUEST_LINE, LINE("GET / HTTP/1.1 ")),
    ROW(REQUEST_LINE, LINE("GET / HTTP/1.1\t")),
    ROW(REQUEST_LINE, LINE("GET / HTTP/1.1\0")),
    ROW(REQUEST_LINE, LINE("GET /a b HTTP/1.1")),
    ROW(REQUEST_LINE, LINE("GET / http/1.1")),
    ROW(REQUEST_LINE, LINE("GET / HTTP/1,1")),
    ROW(REQUEST_LINE, LINE("GET / HTTP/11")),
    ROW(REQUEST_LINE, LINE("GET / HTTP/1.10")),
    ROW(REQUEST_LINE, LINE("GET / HTTP/01.1")),
    ROW(REQUEST_LINE, LINE("GET / HTTP/1.")),
    ROW(REQUEST_LINE, LINE("GET / HTTP/1.x")),
    ROW(REQUEST_LINE, LINE("GET / HTTPS/1.1")),
    ROW(REQUEST_LINE, LINE("GET / SIP/2.0")),
    ROW(VERSION, LINE("GET / HTTP/1.0")),
    ROW(VERSION, LINE("GET / HTTP/0.9")),
    ROW(VERSION, LINE("GET / HTTP/1.2")),
    ROW(VERSION, LINE("GET / HTTP/2.0")),
    ROW(VERSION, LINE("GET / HTTP/9.9")),
    ROW(VERSION, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ROW(VERSION, "PRI * HTTP/2.0\r\n"),

    /* Targets. */
    ROW(TARGET, GET("*")),
    ROW(TARGET, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
    ROW(TARGET, "OPTIONS * HTTP/1.1\r\n"),
    ROW(TARGET, "CONNECT example.com:443 HTTP/1.1\r\n" HOST "\r\n"),
    ROW(TARGET, GET("chat")),
    ROW(TARGET, GET("?a")),
    ROW(TARGET, GET("\\")),
    ROW(TARGET, GET("ftp://a/")),
    ROW(TARGET, GET("http:/a")),
    ROW(TARGET, GET("http:")),
    ROW(TARGET, GET("javascript:alert(1)")),
    ROW(TARGET, GET("/a#b")),
    ROW(TARGET, GET("/?a#b")),
    ROW(TARGET, GET("/a\\b")),
    ROW(TARGET, GET("/a\tb")),
    ROW(TARGET, GET("/a\0b")),
    ROW(TARGET, GET("/a\x7f")),
    ROW(TARGET, GET("/a\x1b[2J")),
    ROW(TARGET, GET("/caf\xc3\xa9")),
    ROW(TARGET, GET("/?caf\xc3\xa9")),
    ROW(TARGET, GET("/<script>")),
    ROW(TARGET, GET("/\"")),
    ROW(TARGET, GET("/[1]")),
    ROW(TARGET, GET("/a|b")),
    ROW(TARGET, GET("/?<")),
    ROW(TARGET, GET("/?\"")),
    ROW(TARGET, GET("/%")),
    ROW(TARGET, GET("/%4")),
    ROW(TARGET, GET("/%4g")),
    ROW(TARGET, GET("/%g4")),
    ROW(TARGET, GET("/%%41")),
    ROW(TARGET, GET("/%u0041")),
    ROW(TARGET, GET("/?%")),
    ROW(TARGET, GET("/?%4")),
    ROW(TARGET, GET("/?%zz")),
    ROW(TARGET, GET("/%00")),
    ROW(TARGET, GET("/a%00.txt")),
    ROW(TARGET, GET("/%0d%0aSet-Cookie:%20a")),
    ROW(TARGET, GET("/%0D")),
    ROW(TARGET, GET("/%0A")),
    ROW(TARGET, GET("/%09")),
    ROW(TARGET, GET("/%1b")),
    ROW(TARGET, GET("/%7F")),
    ROW(TARGET, GET("/?%00")),
    ROW(TARGET, GET("/?a=%0d%0a")),
    ROW(TARGET, GET("/a%2fb")),
    ROW(TARGET, GET("/a%2Fb")),
    ROW(TARGET, GET("/a%5cb")),
    ROW(TARGET, GET("/a%5Cb")),
    ROW(TARGET, GET("/.")),
    ROW(TARGET, GET("/..")),
    ROW(TARGET, GET("/./")),
    ROW(TARGET, GET("/../etc/passwd")),
    ROW(TARGET, GET("/a/../b")),
    ROW(TARGET, GET("/a/..?x")),
    ROW(TARGET, GET("/%2e")),
    ROW(TARGET, GET("/%2E%2e/")),
    ROW(TARGET, GET("/a/.%2e/b")),
    ROW(TARGET, GET("/a/%2e./b")),
    ROW(TARGET, GET("//")),
    ROW(TARGET, GET("//evil.example/x")),
    ROW(TARGET, GET("/a//b")),
    ROW(TARGET, GET("http://a//")),
    ROW(TARGET, GET("http://a/..")),
    ROW(TARGET, GET("/%c3")),
    ROW(TARGET, GET("/%c3/%a9")),
    ROW(TARGET, GET("/%a9")),
    ROW(TARGET, GET("/%c0%af")),
    ROW(TARGET, GET("/%c0%80")),
    ROW(TARGET, GET("/%ed%a0%80")),
    ROW(TARGET, GET("/%f4%90%80%80")),
    ROW(TARGET, GET("/%ff")),
    ROW(HOST_SYNTAX, GET("http://")),
    ROW(HOST_SYNTAX, GET("http:///x")),
    ROW(HOST_SYNTAX, GET("http://user@a/")),
    ROW(HOST_SYNTAX, GET("http://a:x/")),
    ROW(HOST_SYNTAX, GET("http://a\\b/")),
    ROW(HOST_SYNTAX, GET("http://a#b")),
    ROW(HOST_SYNTAX, GET("http://[::1\0]/")),
    ROW(HOST_SYNTAX, GET("http://%61/")),

    /* Methods: the target is good and so are the fields. */
    ROW(METHOD, METHOD("HEAD")),
    ROW(METHOD, METHOD("POST")),
    ROW(METHOD, METHOD("PUT")),
    ROW(METHOD, METHOD("DELETE")),
    ROW(METHOD, METHOD("CONNECT")),
    ROW(METHOD, METHOD("OPTIONS")),
    ROW(METHOD, METHOD("TRACE")),
    ROW(METHOD, METHOD("PATCH")),
    ROW(METHOD, "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello"),
    ROW(METHOD, "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ROW(METHOD, "PUT / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"),
    ROW(METHOD_UNKNOWN, METHOD("get")),
    ROW(METHOD_UNKNOWN, METHOD("GETX")),
    ROW(METHOD_UNKNOWN, METHOD("GE")),
    ROW(METHOD_UNKNOWN, METHOD("PROPFIND")),
    ROW(METHOD_UNKNOWN, METHOD("PRI")),
    ROW(METHOD_UNKNOWN, METHOD("!")),
    ROW(TARGET, "POST /.. HTTP/1.1\r\n" HOST "\r\n"),
    ROW(VERSION, "POST / HTTP/1.0\r\n" HOST "\r\n"),
    ROW(FIELD_NAME, "POST / HTTP/1.1\r\n" HOST "a b: c\r\n\r\n"),
    ROW(HOST_MISSING, "POST / HTTP/1.1\r\n\r\n"),
    ROW(BODY, "POST / HTTP/1.1\r\n" HOST "Content-Length: x\r\n\r\n"),

    /* Ends of lines. */
    ROW(BARE_LF, "GET\n"),
    ROW(BARE_LF, "GET /\n"),
    ROW(BARE_LF, "GET / HTTP/1.1\n"),
    ROW(BARE_LF, "GET / HTTP/1.1\nHost: a\n\n"),
    ROW(BARE_LF, "GET / HTTP/1.1\r\n\n"),
    ROW(BARE_LF, "GET / HTTP/1.1\r\nHost: a\n"),
    ROW(BARE_LF, "GET / HTTP/1.1\r\n" HOST "\n"),
    ROW(BARE_LF, "GET / HTTP/1.1\r\n" HOST "\r\r"),
    ROW(BARE_LF, "GET / HTTP/1.1\r\nHost: a\r\r"),
    ROW(BARE_LF, "GET / HTTP/1.1\rHost"),
    ROW(BARE_LF, "GET /\r/"),
    ROW(BARE_LF, "GET\r/"),
    ROW(BARE_LF, "GET / HTTP/1.1\r\nA: b\rc"),
    ROW(BARE_LF, "GET / HTTP/1.1\r\nA\r:"),
    ROW(BARE_LF, "GET / HTTP/1.1\r\n\rH"),

    /* Fields. */
    ROW(FIELD_NAME, "GET / HTTP/1.1\r\nHost : a\r\n"),
    ROW(FIELD_NAME, "GET / HTTP/1.1\r\nHost\t: a\r\n"),
    ROW(FIELD_NAME, FIELDS("A b: c\r\n")),
    ROW(FIELD_NAME, FIELDS(": x\r\n")),
    ROW(FIELD_NAME, FIELDS(":\r\n")),
    ROW(FIELD_NAME, FIELDS("no colon\r\n")),
    ROW(FIELD_NAME, FIELDS("nocolon\r\n")),
    ROW(FIELD_NAME, FIELDS("A\0: b\r\n")),
    ROW(FIELD_NAME, FIELDS("\0: b\r\n")),
    ROW(FIELD_NAME, FIELDS("A(b): c\r\n")),
    ROW(FIELD_NAME, FIELDS("A/b: c\r\n")),
    ROW(FIELD_NAME, FIELDS("A@: c\r\n")),
    ROW(FIELD_NAME, FIELDS("\"A\": c\r\n")),
    ROW(FIELD_NAME, FIELDS("caf\xc3\xa9: c\r\n")),
    ROW(FIELD_NAME, FIELDS("A\x7f: c\r\n")),
    ROW(FIELD_NAME, FIELDS("GET / HTTP/1.1\r\n")),
    ROW(FIELD_VALUE, FIELDS("A: b\0c\r\n")),
    ROW(FIELD_VALUE, FIELDS("A: \0\r\n")),
    ROW(FIELD_VALUE, FIELDS("A: \x01\r\n")),
    ROW(FIELD_VALUE, FIELDS("A: \x0b\r\n")),
    ROW(FIELD_VALUE, FIELDS("A: \x1b[2J\r\n")),
    ROW(FIELD_VALUE, FIELDS("A: \x7f\r\n")),
    ROW(FIELD_VALUE, "GET / HTTP/1.1\r\nHost: a\0b\r\n"),
    ROW(OBS_FOLD, FIELDS(" folded\r\n")),
    ROW(OBS_FOLD, FIELDS("\tfolded\r\n")),
    ROW(OBS_FOLD, FIELDS("A: b\r\n c: d\r\n")),
    ROW(OBS_FOLD, FIELDS(" \r\n")),
    ROW(OBS_FOLD, "GET / HTTP/1.1\r\n Host: a\r\n"),
    ROW(DUPLICATE, FIELDS(HOST)),
    ROW(DUPLICATE, FIELDS("HOST: b\r\n")),
    ROW(DUPLICATE, FIELDS("Origin: a\r\norigin: a\r\n")),
    ROW(DUPLICATE, FIELDS("Authorization: a\r\nX: y\r\nAUTHORIZATION: b\r\n")),
    ROW(DUPLICATE, FIELDS("Upgrade: websocket\r\nUpgrade: h2c\r\n")),
    ROW(DUPLICATE, FIELDS("Content-Length: 0\r\nContent-Length: 0\r\n")),
    ROW(DUPLICATE, FIELDS("Sec-WebSocket-Key: a\r\nsec-websocket-key: a\r\n")),
    ROW(DUPLICATE, FIELDS("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13\r\n")),
    ROW(DUPLICATE, FIELDS("Sec-WebSocket-Accept: a\r\nSec-WebSocket-Accept: b\r\n")),

    /* Hosts. */
    ROW(HOST_MISSING, "GET / HTTP/1.1\r\n\r\n"),
    ROW(HOST_MISSING, "GET / HTTP/1.1\r\nX-Host: a\r\n\r\n"),
    ROW(HOST_MISSING, "GET http://a/ HTTP/1.1\r\n\r\n"),
    ROW(HOST_SYNTAX, "GET / HTTP/1.1\r\nHost:\r\n"),
    ROW(HOST_SYNTAX, HOSTED(" \t")),
    ROW(HOST_SYNTAX, HOSTED(":80")),
    ROW(HOST_SYNTAX, HOSTED("a:")),
    ROW(HOST_SYNTAX, HOSTED("a:0")),
    ROW(HOST_SYNTAX, HOSTED("a:65536")),
    ROW(HOST_SYNTAX, HOSTED("a:4294967376")),
    ROW(HOST_SYNTAX, HOSTED("a:-1")),
    ROW(HOST_SYNTAX, HOSTED("a:80:80")),
    ROW(HOST_SYNTAX, HOSTED("a b")),
    ROW(HOST_SYNTAX, HOSTED("a, b")),
    ROW(HOST_SYNTAX, HOSTED("a/b")),
    ROW(HOST_SYNTAX, HOSTED("a@b")),
    ROW(HOST_SYNTAX, HOSTED("a?b")),
    ROW(HOST_SYNTAX, HOSTED("%61")),
    ROW(HOST_SYNTAX, HOSTED("caf\xc3\xa9")),
    ROW(HOST_SYNTAX, HOSTED("http://a")),
    ROW(HOST_SYNTAX, HOSTED("::1")),
    ROW(HOST_SYNTAX, HOSTED("[::1")),
    ROW(HOST_SYNTAX, HOSTED("[]")),
    ROW(HOST_SYNTAX, HOSTED("[::1]x")),
    ROW(HOST_SYNTAX, HOSTED("[::1]:")),
    ROW(HOST_SYNTAX, HOSTED("[::1]8080")),
    ROW(HOST_SYNTAX, HOSTED("[::1%25eth0]")),
    ROW(HOST_SYNTAX, HOSTED("[v1.a]")),
    ROW(HOST_SYNTAX, HOSTED("[192.0.2.1]")),
    ROW(HOST_SYNTAX, HOSTED("[1:2:3:4:5:6:7:8:9]")),
    ROW(HOST_SYNTAX, HOSTED("[0000:0000:0000:0000:0000:0000:0000:0000:0000]")),
    ROW(HOST_SYNTAX, HOSTED("[0000:0000:0000:0000:0000:ffff:255.255.255.2555]")),
    ROW(HOST_SYNTAX, "GET http://a/ HTTP/1.1\r\nHost: b c\r\n"),

    /* Bodies and expectations. */
    ROW(BODY, FIELDS("Transfer-Encoding: chunked\r\n")),
    ROW(BODY, FIELDS("transfer-encoding: identity\r\n")),
    ROW(BODY, FIELDS("Transfer-Encoding:\r\n")),
    ROW(BODY, FIELDS("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n")),
    ROW(BODY, FIELDS("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")),
    ROW(BODY, FIELDS("Content-Length:\r\n")),
    ROW(BODY, FIELDS("Content-Length: -0\r\n")),
    ROW(BODY, FIELDS("Content-Length: +0\r\n")),
    ROW(BODY, FIELDS("Content-Length: 0x0\r\n")),
    ROW(BODY, FIELDS("Content-Length: 0, 0\r\n")),
    ROW(BODY, FIELDS("Content-Length: 0 0\r\n")),
    ROW(BODY, FIELDS("Content-Length: 1.0\r\n")),
    ROW(BODY, FIELDS("Content-Length: 9223372036854775807x\r\n")),
    ROW(BODY_TOO_LARGE, FIELDS("Content-Length: 1\r\n")),
    ROW(BODY_TOO_LARGE, FIELDS("Content-Length: 0005\r\n")),
    ROW(BODY_TOO_LARGE, FIELDS("Content-Length: 18446744073709551616\r\n")),
    ROW(EXPECT, FIELDS("Expect: 100-continue\r\n")),
    ROW(EXPECT, FIELDS("expect: x\r\n")),
};

/* ---- Feeding. ---- */

/* One call with the first `size` bytes alone in a buffer. */
static enum head_status feed(const char *bytes, size_t size, size_t max, struct head_scan *scan)
{
    struct head head;
    char *copy = malloc(size > 0 ? size : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, bytes, size);
    enum head_status status = head_check(copy, size, max, scan, &head);
    if (status == HEAD_OK) {
        ck_assert_uint_le(head.size, size);
    }
    free(copy);
    return status;
}

static enum head_status feed_whole(const char *bytes, size_t size, size_t max)
{
    struct head_scan scan = {0};
    return feed(bytes, size, max, &scan);
}

/* The verdict of the last call; one that was reached must stay. */
static enum head_status feed_bytewise(const char *bytes, size_t size, size_t max)
{
    struct head_scan scan = {0};
    enum head_status status = feed(bytes, 0, max, &scan);
    for (size_t i = 1; i <= size; i++) {
        enum head_status next = feed(bytes, i, max, &scan);
        ck_assert_msg(status == HEAD_MORE || next == status, "%s became %s at byte %zu", head_status_label(status),
                      head_status_label(next), i);
        status = next;
    }
    return status;
}

static enum head_status feed_in_two(const char *bytes, size_t size, size_t max, size_t cut)
{
    struct head_scan scan = {0};
    enum head_status first = feed(bytes, cut, max, &scan);
    enum head_status second = feed(bytes, size, max, &scan);
    ck_assert(first == HEAD_MORE || first == second);
    return second;
}

static void assert_verdict(enum head_status status, enum head_status expected, const char *how, const char *text)
{
    ck_assert_msg(status == expected, "%s: %s, not %s: %s", how, head_status_label(status), head_status_label(expected),
                  text);
}

static void check_row(const struct row *row)
{
    assert_verdict(feed_whole(row->bytes, row->size, MAX), row->status, "whole", row->bytes);
    assert_verdict(feed_bytewise(row->bytes, row->size, MAX), row->status, "byte by byte", row->bytes);
    for (size_t cut = 0; cut <= row->size; cut++) {
        assert_verdict(feed_in_two(row->bytes, row->size, MAX, cut), row->status, "in two", row->bytes);
    }
}

/* Not a loop test: a process a row would cost a sanitizer most of a minute. The message names the row. */
START_TEST(verdicts)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_row(&rows[i]);
    }
}
END_TEST

/* ---- What a good head holds. ---- */

static void assert_span(struct head_span span, const char *expected)
{
    ck_assert_uint_eq(span.size, strlen(expected));
    ck_assert_mem_eq(span.bytes, expected, span.size);
}

static void check_good(const char *text, struct head *head_r)
{
    struct head_scan scan = {0};
    ck_assert_int_eq(head_check(text, strlen(text), MAX, &scan, head_r), HEAD_OK);
}

static const struct {
    const char *text;
    const char *target;
    const char *path;
    const char *query;
    const char *host;
    const char *decoded;
} parts[] = {
    {GET("/"), "/", "/", "", "a", "/"},
    {GET("/chat?token=x%20y"), "/chat?token=x%20y", "/chat", "token=x%20y", "a", "/chat"},
    {GET("/a?"), "/a?", "/a", "", "a", "/a"},
    {GET("/a?b[]={|}\\^`"), "/a?b[]={|}\\^`", "/a", "b[]={|}\\^`", "a", "/a"},
    {GET("/a??b"), "/a??b", "/a", "?b", "a", "/a"},
    {GET("/caf%C3%A9/%25"), "/caf%C3%A9/%25", "/caf%C3%A9/%25", "", "a", "/caf\xc3\xa9/%"},
    {GET("http://B:80"), "http://B:80", "/", "", "B:80", "/"},
    {GET("wss://b?q=/"), "wss://b?q=/", "/", "q=/", "b", "/"},
    {GET("ws://[::1]/x?y"), "ws://[::1]/x?y", "/x", "y", "[::1]", "/x"},
    {HOSTED(" example.com:8765 "), "/", "/", "", "example.com:8765", "/"},
};

START_TEST(parts_of_a_head)
{
    struct head head;
    char decoded[HEAD_PATH_MAX + 1];
    check_good(parts[_i].text, &head);
    ck_assert_uint_eq(head.size, strlen(parts[_i].text));
    assert_span(head.method, "GET");
    assert_span(head.target, parts[_i].target);
    assert_span(head.path, parts[_i].path);
    assert_span(head.query, parts[_i].query);
    assert_span(head.host, parts[_i].host);
    ck_assert_int_eq(head_decode_path(&head, decoded, sizeof(decoded)), (int)strlen(parts[_i].decoded));
    ck_assert_str_eq(decoded, parts[_i].decoded);
}
END_TEST

START_TEST(fields)
{
    static const char text[] =
        FIELDS("Connection: a\r\nX-Empty:\r\nx-Padded: \t b c \t\r\nconnection: d\r\n") "Behind: x\r\n\r\n";
    static const char *const names[] = {"Host", "Connection", "X-Empty", "x-Padded", "connection"};
    static const char *const values[] = {"a", "a", "", "b c", "d"};
    struct head head;
    struct head_span name;
    struct head_span value;
    size_t cursor = 0;
    check_good(text, &head);
    ck_assert_uint_eq(head.field_count, 5);
    for (size_t i = 0; i < 5; i++) {
        ck_assert(head_next_field(text, &head, &cursor, &name, &value));
        assert_span(name, names[i]);
        assert_span(value, values[i]);
    }
    ck_assert(!head_next_field(text, &head, &cursor, &name, &value));
    ck_assert(!head_next_field(text, &head, &cursor, &name, &value));
    assert_span(head_field(text, &head, "CONNECTION"), "a");
    assert_span(head_field(text, &head, "X-Padded"), "b c");
    ck_assert_ptr_nonnull(head_field(text, &head, "X-Empty").bytes);
    ck_assert_ptr_null(head_field(text, &head, "X-Absent").bytes);
    ck_assert_ptr_null(head_field(text, &head, "Behind").bytes);
    ck_assert_ptr_null(head_field(text, &head, "X-Empt").bytes);
}
END_TEST

START_TEST(wants_no_body)
{
    ck_assert(head_wants_no_body("HEAD / HTTP/1.1\r\n", 17));
    ck_assert(head_wants_no_body("HEAD ", 5));
    ck_assert(!head_wants_no_body("HEAD ", 4));
    ck_assert(!head_wants_no_body("HEADER / ", 9));
    ck_assert(!head_wants_no_body("head / ", 7));
    ck_assert(!head_wants_no_body("GET / ", 6));
    ck_assert(!head_wants_no_body("", 0));
}
END_TEST

/* ---- Limits. ---- */

/* The prefix, `count` times `c`, and the suffix; to be freed. */
static char *long_text(const char *prefix, char c, size_t count, const char *suffix, size_t *size_r)
{
    size_t before = strlen(prefix);
    size_t behind = strlen(suffix);
    char *text = malloc(before + count + behind + 1);
    ck_assert_ptr_nonnull(text);
    memcpy(text, prefix, before);
    memset(text + before, c, count);
    memcpy(text + before + count, suffix, behind + 1);
    *size_r = before + count + behind;
    return text;
}

static const struct {
    const char *prefix;
    size_t count;
    const char *suffix;
    size_t max;
    enum head_status status;
} long_ones[] = {
    {"GET /", HEAD_PATH_MAX - 1, " HTTP/1.1\r\n" HOST "\r\n", MAX, HEAD_OK},
    {"GET /", HEAD_PATH_MAX, " HTTP/1.1\r\n" HOST "\r\n", MAX, HEAD_TARGET_TOO_LONG},
    {"GET /", HEAD_PATH_MAX, "/../ HTTP/1.1\r\n", MAX, HEAD_TARGET_TOO_LONG},
    {"GET /", MAX, " HTTP/1.1\r\n" HOST "\r\n", MAX, HEAD_TARGET_TOO_LONG},
    {"GET http://a/", HEAD_PATH_MAX, " HTTP/1.1\r\n" HOST "\r\n", MAX, HEAD_TARGET_TOO_LONG},
    {"GET /?", 4 * HEAD_PATH_MAX, " HTTP/1.1\r\n" HOST "\r\n", MAX, HEAD_OK},
    {"", MAX, "", MAX, HEAD_TOO_LARGE},
    {"", MAX - 1, "", MAX, HEAD_MORE},
    {"", 100, " / HTTP/1.1\r\n" HOST "\r\n", MAX, HEAD_METHOD_UNKNOWN},
    {"GET / HTTP/1.1\r\nHost: ", HEAD_HOST_MAX, "\r\n\r\n", MAX, HEAD_OK},
    {"GET / HTTP/1.1\r\nHost: ", HEAD_HOST_MAX + 1, "\r\n\r\n", MAX, HEAD_HOST_SYNTAX},
    {"GET / HTTP/1.1\r\n" HOST "A: ", 1048576, "\r\n\r\n", MAX, HEAD_TOO_LARGE},
    {"GET / HTTP/1.1\r\n" HOST "A: ", 1048576, "\r\n\r\n", 2 * 1048576, HEAD_OK},
    {"GET / HTTP/1.1\r\n" HOST, 1048576, ": x\r\n\r\n", MAX, HEAD_TOO_LARGE},
};

START_TEST(long_one)
{
    size_t size;
    char *text = long_text(long_ones[_i].prefix, 'a', long_ones[_i].count, long_ones[_i].suffix, &size);
    size_t max = long_ones[_i].max;
    ck_assert_int_eq(feed_whole(text, size, max), long_ones[_i].status);
    for (size_t cut = 0; cut < size; cut += 1 + size / 13) {
        ck_assert_int_eq(feed_in_two(text, size, max, cut), long_ones[_i].status);
    }
    free(text);
}
END_TEST

/* A head of exactly `max` bytes passes; one byte more does not, and is not waited for. */
START_TEST(size_at_the_limit)
{
    static const char text[] = FIELDS("A: b\r\n");
    size_t size = sizeof(text) - 1;
    for (size_t max = 0; max < size; max++) {
        enum head_status expected =
            max > 3 && max <= strlen("GET / HTTP/1.1\r") ? HEAD_TARGET_TOO_LONG : HEAD_TOO_LARGE;
        ck_assert_int_eq(feed_whole(text, size, max), expected);
        ck_assert_int_eq(feed_whole(text, max, max), expected);
        ck_assert_int_eq(feed_bytewise(text, size, max), expected);
    }
    ck_assert_int_eq(feed_whole(text, size, size), HEAD_OK);
    ck_assert_int_eq(feed_whole(text, size - 1, size), HEAD_MORE);
    ck_assert_int_eq(feed_bytewise(text, size, size), HEAD_OK);
}
END_TEST

/* Writes a head with Host and `count` - 1 other fields. */
static size_t many_fields(size_t count, char *out, size_t out_size)
{
    size_t size = (size_t)snprintf(out, out_size, "GET / HTTP/1.1\r\n" HOST);
    for (size_t i = 1; i < count; i++) {
        size += (size_t)snprintf(out + size, out_size - size, "X-%zu: y\r\n", i);
    }
    return size + (size_t)snprintf(out + size, out_size - size, "\r\n");
}

START_TEST(field_count)
{
    static const struct {
        size_t count;
        enum head_status status;
    } counts[] = {{1, HEAD_OK},
                  {HEAD_FIELDS_MAX, HEAD_OK},
                  {HEAD_FIELDS_MAX + 1, HEAD_TOO_MANY_FIELDS},
                  {100, HEAD_TOO_MANY_FIELDS}};
    char text[2048];
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        size_t size = many_fields(counts[i].count, text, sizeof(text));
        ck_assert_int_eq(feed_whole(text, size, MAX), counts[i].status);
        ck_assert_int_eq(feed_bytewise(text, size, MAX), counts[i].status);
    }
}
END_TEST

START_TEST(decoding_needs_room)
{
    struct head head;
    check_good(GET("/a%20b"), &head);
    for (size_t size = 0; size <= 5; size++) {
        char *out = malloc(size > 0 ? size : 1);
        ck_assert_ptr_nonnull(out);
        ck_assert_int_eq(head_decode_path(&head, out, size), size == 5 ? 4 : -1);
        free(out);
    }
}
END_TEST

/* ---- Hostile. ---- */

/* This byte in every place of a good head, one at a time: one verdict, and no control byte that passes. */
static void check_byte(unsigned char byte)
{
    static const char good[] = GET("/a%41b?c");
    char text[sizeof(good)];
    bool control = (byte < 0x20 && byte != '\t' && byte != '\r' && byte != '\n') || byte == 0x7F;
    for (size_t at = 0; at < sizeof(good) - 1; at++) {
        memcpy(text, good, sizeof(good));
        text[at] = (char)byte;
        enum head_status status = feed_whole(text, sizeof(good) - 1, MAX);
        ck_assert_int_eq(feed_bytewise(text, sizeof(good) - 1, MAX), status);
        if (control) {
            ck_assert_int_ne(status, HEAD_OK);
            ck_assert_int_ne(status, HEAD_MORE);
        }
    }
}

START_TEST(every_byte_everywhere)
{
    for (unsigned byte = 0; byte <= 0xFF; byte++) {
        check_byte((unsigned char)byte);
    }
}
END_TEST

/* An error stays even when the bytes behind it change for the better. */
START_TEST(an_error_stays)
{
    struct head_scan scan = {0};
    ck_assert_int_eq(feed("GET / HTTP/1.1\r\nHost : a\r\n", 26, MAX, &scan), HEAD_FIELD_NAME);
    ck_assert_int_eq(feed(GET("/"), sizeof(GET("/")) - 1, MAX, &scan), HEAD_FIELD_NAME);
}
END_TEST

/* A good head stays good when it is asked about again, with what came behind it. */
START_TEST(a_good_head_stays)
{
    static const char text[] = GET("/") "\x81\x00more";
    size_t head_size = sizeof(GET("/")) - 1;
    struct head_scan scan = {0};
    struct head head;
    for (size_t size = head_size; size < sizeof(text); size++) {
        ck_assert_int_eq(head_check(text, size, MAX, &scan, &head), HEAD_OK);
        ck_assert_uint_eq(head.size, head_size);
        ck_assert_uint_eq(head.field_count, 1);
    }
}
END_TEST

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

static Suite *head_suite(void)
{
    Suite *suite = suite_create("head");

    TCase *core = tcase_create("core");
    tcase_set_timeout(core, 60);
    tcase_add_test(core, verdicts);
    tcase_add_loop_test(core, parts_of_a_head, 0, COUNT_OF(parts));
    tcase_add_test(core, fields);
    tcase_add_test(core, wants_no_body);
    suite_add_tcase(suite, core);

    TCase *limits = tcase_create("limits");
    tcase_set_timeout(limits, 60);
    tcase_add_loop_test(limits, long_one, 0, COUNT_OF(long_ones));
    tcase_add_test(limits, size_at_the_limit);
    tcase_add_test(limits, field_count);
    tcase_add_test(limits, decoding_needs_room);
    suite_add_tcase(suite, limits);

    TCase *hostile = tcase_create("hostile");
    tcase_set_timeout(hostile, 60);
    tcase_add_test(hostile, every_byte_everywhere);
    tcase_add_test(hostile, an_error_stays);
    tcase_add_test(hostile, a_good_head_stays);
    suite_add_tcase(suite, hostile);
    return suite;
}

int main(void)
{
    return runner_run(head_suite());
}
