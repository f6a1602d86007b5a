/*
 * head - judges a request head as its bytes arrive; called by the lobby threads, and by upgrade workers for the fields.
 *
 * Pure: any thread. Bytes are taken one by one until a line is whole, then the line is judged at once; so the verdict
 * is a function of the bytes alone, however they were cut.
 */
#include "server/lobby/head.h"

#include <string.h>

#include "server/lobby/span.h"
#include "server/lobby/target.h"

#define STATUS_TABLE(X)                                                                     \
    X(OK, 0, "ok", "The request head is well-formed.")                                      \
    X(MORE, 0, "more", "The request head is not complete.")                                 \
    X(NOT_HTTP, 400, "not_http", "This is not an HTTP request.")                            \
    X(TLS, 400, "tls_on_plain_port", "This port speaks plain HTTP, not TLS.")               \
    X(REQUEST_LINE, 400, "request_line", "The request line is malformed.")                  \
    X(VERSION, 505, "http_version", "Only HTTP/1.1 is supported.")                          \
    X(TARGET, 400, "target", "The request target is malformed or not allowed.")             \
    X(TARGET_TOO_LONG, 414, "target_too_long", "The request target is too long.")           \
    X(METHOD, 405, "method", "Only GET is allowed.")                                        \
    X(METHOD_UNKNOWN, 501, "method_unknown", "The request method is not known.")            \
    X(BARE_LF, 400, "bare_lf", "A line of the request head does not end with CR LF.")       \
    X(FIELD_NAME, 400, "field_name", "A header field name is malformed.")                   \
    X(FIELD_VALUE, 400, "field_value", "A header field value contains control characters.") \
    X(OBS_FOLD, 400, "obs_fold", "A header field is continued on another line.")            \
    X(TOO_MANY_FIELDS, 431, "too_many_fields", "The request has too many header fields.")   \
    X(TOO_LARGE, 431, "head_too_large", "The request head is too large.")                   \
    X(DUPLICATE, 400, "duplicate_field", "A header field that may occur once is repeated.") \
    X(HOST_MISSING, 400, "host_missing", "The Host header field is missing.")               \
    X(HOST_SYNTAX, 400, "host_syntax", "The host is malformed.")                            \
    X(BODY, 400, "body", "A request body is not accepted here.")                            \
    X(BODY_TOO_LARGE, 413, "body_too_large", "The request must not have a body.")           \
    X(EXPECT, 417, "expect", "Expectations are not supported.")

unsigned head_status_code(enum head_status status)
{
    switch (status) {
#define STATUS_CODE_(name, code, label, text) \
    case HEAD_##name:                         \
        return code;
        STATUS_TABLE(STATUS_CODE_)
#undef STATUS_CODE_
    }
    return 0;
}

const char *head_status_text(enum head_status status)
{
    switch (status) {
#define STATUS_TEXT_(name, code, label, text) \
    case HEAD_##name:                         \
        return text;
        STATUS_TABLE(STATUS_TEXT_)
#undef STATUS_TEXT_
    }
    return "";
}

const char *head_status_label(enum head_status status)
{
    switch (status) {
#define STATUS_LABEL_(name, code, label, text) \
    case HEAD_##name:                          \
        return label;
        STATUS_TABLE(STATUS_LABEL_)
#undef STATUS_LABEL_
    }
    return "";
}

/* ---- Request line (RFC 9112 §3). ---- */

static enum head_status check_version(struct head_span version)
{
    if (version.size != strlen("HTTP/1.1") || memcmp(version.bytes, "HTTP/", 5) != 0 ||
        !char_is_digit(version.bytes[5]) || version.bytes[6] != '.' || !char_is_digit(version.bytes[7])) {
        return HEAD_REQUEST_LINE;
    }
    return span_equals(version, "HTTP/1.1") ? HEAD_OK : HEAD_VERSION;
}

/* The version goes first: another one has other targets, such as the "*" of HTTP/2's preface (RFC 9113 §3.4). */
static enum head_status parse_request_line(struct head_span line, struct head *head)
{
    if (!span_cut(&line, ' ', &head->method) || !span_cut(&line, ' ', &head->target) || head->target.size == 0) {
        return HEAD_REQUEST_LINE;
    }
    enum head_status status = check_version(line);
    return status != HEAD_OK ? status : target_parse(head->target, head);
}

static enum head_status check_method(struct head_span method)
{
    /* RFC 9110 §9.1 and RFC 5789 */
    static const char others[][8] = {"HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};
    if (span_equals(method, "GET")) {
        return HEAD_OK;
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (span_equals(method, others[i])) {
            return HEAD_METHOD;
        }
    }
    return HEAD_METHOD_UNKNOWN;
}

/* ---- Fields (RFC 9112 §5). ---- */

enum known_field {
    FIELD_HOST,
    FIELD_CONTENT_LENGTH,
    FIELD_TRANSFER_ENCODING,
    FIELD_EXPECT,
    FIELD_ORIGIN,
    FIELD_AUTHORIZATION,
    FIELD_UPGRADE,
    FIELD_WS_KEY,
    FIELD_WS_VERSION,
    FIELD_WS_ACCEPT,
    FIELD_COUNT
};

#define SEEN(field) (1U << (field))

/* `once`: where two parsers might each believe another one of two. */
static const struct {
    const char *name;
    bool once;
} known_fields[FIELD_COUNT] = {
    [FIELD_HOST] = {"Host", true},
    [FIELD_CONTENT_LENGTH] = {"Content-Length", true},
    [FIELD_TRANSFER_ENCODING] = {"Transfer-Encoding", false},
    [FIELD_EXPECT] = {"Expect", false},
    [FIELD_ORIGIN] = {"Origin", true},
    [FIELD_AUTHORIZATION] = {"Authorization", true},
    [FIELD_UPGRADE] = {"Upgrade", true},
    [FIELD_WS_KEY] = {"Sec-WebSocket-Key", true},
    [FIELD_WS_VERSION] = {"Sec-WebSocket-Version", true},
    [FIELD_WS_ACCEPT] = {"Sec-WebSocket-Accept", true},
};

/* A length is digits alone. */
static enum head_status note_content_length(struct head_scan *scan, struct head_span value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (!char_is_digit(value.bytes[i])) {
            return HEAD_BODY;
        }
        uint64_t digit = (uint64_t)(value.bytes[i] - '0');
        bool fits = scan->content_length <= (UINT64_MAX - digit) / 10;
        scan->content_length = fits ? scan->content_length * 10 + digit : UINT64_MAX;
    }
    return value.size > 0 ? HEAD_OK : HEAD_BODY;
}

static enum head_status note_known_field(struct head_scan *scan, struct head_span name, struct head_span value)
{
    unsigned field = 0;
    while (field < FIELD_COUNT && !span_equals_without_case(name, known_fields[field].name)) {
        field++;
    }
    if (field == FIELD_COUNT) {
        return HEAD_OK;
    }
    if (known_fields[field].once && (scan->seen & SEEN(field)) != 0) {
        return HEAD_DUPLICATE;
    }
    scan->seen |= SEEN(field);
    if (field == FIELD_HOST && !target_host_is_valid(value)) {
        return HEAD_HOST_SYNTAX;
    }
    return field == FIELD_CONTENT_LENGTH ? note_content_length(scan, value) : HEAD_OK;
}

static bool field_name_is_valid(struct head_span name)
{
    for (size_t i = 0; i < name.size; i++) {
        if (!char_is_token(name.bytes[i])) {
            return false;
        }
    }
    return name.size > 0;
}

/* Octets from 0x80 up pass (obs-text, RFC 9110 §5.5). */
static bool field_value_is_valid(struct head_span value)
{
    for (size_t i = 0; i < value.size; i++) {
        if (char_is_control(value.bytes[i]) && value.bytes[i] != '\t') {
            return false;
        }
    }
    return true;
}

static enum head_status take_field(struct head_scan *scan, struct head_span line)
{
    struct head_span name;
    if (char_is_one_of(line.bytes[0], " \t")) {
        return HEAD_OBS_FOLD;
    }
    if (!span_cut(&line, ':', &name) || !field_name_is_valid(name)) {
        return HEAD_FIELD_NAME;
    }
    if (!field_value_is_valid(line)) {
        return HEAD_FIELD_VALUE;
    }
    if (scan->field_count == HEAD_FIELDS_MAX) {
        return HEAD_TOO_MANY_FIELDS;
    }
    scan->field_count++;
    return note_known_field(scan, name, span_trim(line));
}

/* ---- The whole head. ---- */

/*
 * For a first byte that starts no method, an empty line's CR included: civetweb skips those and then reads past the
 * request. HEAD_MORE while it may still become a TLS record of a handshake (0x16, major version 3: RFC 8446 §5.1) or
 * an SSL 2 hello (length with its top bit set, type 1, version: RFC 5246 appendix E.2).
 */
static enum head_status check_foreign_start(const char *bytes, size_t size)
{
    unsigned char first = (unsigned char)bytes[0];
    if (first == 0x16) {
        return size < 2 ? HEAD_MORE : bytes[1] == 3 ? HEAD_TLS : HEAD_NOT_HTTP;
    }
    if ((first & 0x80) == 0 || (size > 2 && bytes[2] != 1)) {
        return HEAD_NOT_HTTP;
    }
    return size < 4 ? HEAD_MORE : bytes[3] == 3 || bytes[3] == 0 ? HEAD_TLS : HEAD_NOT_HTTP;
}

static enum head_status take_line(struct head_scan *scan, struct head_span line)
{
    struct head ignored = {0};
    if (line.size == 0) {
        scan->complete = true;
        return HEAD_OK;
    }
    return scan->line == 0 ? parse_request_line(line, &ignored) : take_field(scan, line);
}

/* HEAD_OK to go on. */
static enum head_status take_byte(struct head_scan *scan, const char *bytes)
{
    size_t at = scan->scanned;
    bool behind_cr = at > 0 && bytes[at - 1] == '\r';
    if (behind_cr != (bytes[at] == '\n')) {
        return HEAD_BARE_LF;
    }
    if (behind_cr) {
        struct head_span line = {bytes + scan->line, at - 1 - scan->line};
        enum head_status status = take_line(scan, line);
        scan->line = at + 1;
        return status;
    }
    if (!scan->method_whole && bytes[at] != '\r') {
        scan->method_whole = bytes[at] == ' ';
        return scan->method_whole || char_is_token(bytes[at]) ? HEAD_OK : HEAD_NOT_HTTP;
    }
    return HEAD_OK;
}

static enum head_status take_bytes(struct head_scan *scan, const char *bytes, size_t size)
{
    enum head_status status = HEAD_OK;
    while (status == HEAD_OK && !scan->complete && scan->scanned < size) {
        status = take_byte(scan, bytes);
        scan->scanned++;
    }
    return status == HEAD_OK && !scan->complete ? HEAD_MORE : status;
}

/* What only the whole head can tell. Errors of syntax have gone before. */
static enum head_status finish(const struct head_scan *scan, const char *bytes, struct head *head_r)
{
    struct head head = {
        .size = scan->scanned, .field_count = scan->field_count, .content_length = scan->content_length};
    struct head_span rest = {bytes, scan->scanned};
    struct head_span line = rest;
    (void)span_cut(&rest, '\r', &line);
    enum head_status status = parse_request_line(line, &head);
    if (status != HEAD_OK) {
        return status; /* not reached: the same line has passed before */
    }
    if ((scan->seen & SEEN(FIELD_HOST)) == 0) {
        return HEAD_HOST_MISSING;
    }
    status = scan->takes_bodies ? HEAD_OK : check_method(head.method);
    if (status != HEAD_OK) {
        return status;
    }
    if ((scan->seen & SEEN(FIELD_TRANSFER_ENCODING)) != 0) {
        return HEAD_BODY;
    }
    if (scan->content_length != 0 && !scan->takes_bodies) {
        return HEAD_BODY_TOO_LARGE;
    }
    if ((scan->seen & SEEN(FIELD_EXPECT)) != 0) {
        return HEAD_EXPECT;
    }
    if (head.host.bytes == NULL) {
        head.host = head_field(bytes, &head, known_fields[FIELD_HOST].name);
    }
    *head_r = head;
    return HEAD_OK;
}

enum head_status head_check(const char *bytes, size_t size, size_t max, struct head_scan *scan, struct head *head_r)
{
    if (scan->failed != HEAD_OK) {
        return scan->failed;
    }
    size_t limit = size < max ? size : max;
    enum head_status status =
        limit > 0 && !char_is_token(bytes[0]) ? check_foreign_start(bytes, limit) : take_bytes(scan, bytes, limit);
    if (status == HEAD_MORE && limit == max) {
        status = scan->method_whole && scan->line == 0 ? HEAD_TARGET_TOO_LONG : HEAD_TOO_LARGE;
    }
    if (status == HEAD_OK) {
        status = finish(scan, bytes, head_r);
    }
    if (status != HEAD_OK && status != HEAD_MORE) {
        scan->failed = status;
    }
    return status;
}

bool head_wants_no_body(const char *bytes, size_t size)
{
    struct head_span rest = {bytes, size};
    struct head_span method;
    return span_cut(&rest, ' ', &method) && span_equals(method, "HEAD");
}

bool head_next_field(const char *bytes, const struct head *head, size_t *cursor, struct head_span *name_r,
                     struct head_span *value_r)
{
    struct head_span rest = {bytes + *cursor, head->size - *cursor};
    struct head_span line = {0};
    if (*cursor == 0) {
        (void)span_cut(&rest, '\n', &line);
    }
    if (!span_cut(&rest, '\r', &line) || !span_cut(&line, ':', name_r)) {
        return false; /* the blank line */
    }
    *value_r = span_trim(line);
    *cursor = (size_t)(rest.bytes + 1 - bytes);
    return true;
}

struct head_span head_field(const char *bytes, const struct head *head, const char *name)
{
    size_t cursor = 0;
    struct head_span found;
    struct head_span value;
    while (head_next_field(bytes, head, &cursor, &found, &value)) {
        if (span_equals_without_case(found, name)) {
            return value;
        }
    }
    return (struct head_span){NULL, 0};
}

int head_decode_path(const struct head *head, char *out, size_t out_size)
{
    return target_decode_path(head->path, out, out_size);
}
