/*
 * check_escape - what bytes of peers become in a line: the escaping itself, and whole lines in text and JSON, which is
 * parsed back with jansson.
 */
#include "logging/escape.h"
#include "runner.h"

#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logging/line.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define TIME_MS         INT64_C(1772366400123)
#define STAMP           "2026-03-01T12:00:00.123Z"

/* --- characters --- */

struct row {
    size_t size;
    const char *bytes;
    const char *text;
    const char *json;
};
#define ROW(bytes, text, json)                 \
    {                                          \
        sizeof(bytes) - 1, (bytes), text, json \
    }
#define ASIS(bytes) ROW(bytes, bytes, bytes)

static const struct row rows[] = {
    ASIS("plain"),
    ASIS(" !#$%&'()*+,-./:;<=>?@[]^_`{|}~"),
    ASIS("caf\xc3\xa9 \xe2\x82\xac \xe6\xb0\xb4 \xf0\x9f\x98\x80"),
    ASIS("\xc2\xa0"),         /* U+00A0, right behind C1 */
    ASIS("\xef\xbf\xbd"),     /* a genuine U+FFFD */
    ASIS("\xed\x9f\xbf"),     /* U+D7FF, right before the surrogates */
    ASIS("\xf4\x8f\xbf\xbd"), /* U+10FFFD */
    ROW("\"\\", "\\\"\\\\", "\\\"\\\\"),
    ROW("\n\r\t", "\\n\\r\\t", "\\n\\r\\t"),
    ROW("\x1b[31m", "\\x1b[31m", "\\u001b[31m"),
    ROW("\x01\x08\x7f", "\\x01\\x08\\x7f", "\\u0001\\u0008\\u007f"),
    ROW("a\0b", "a\\x00b", "a\\ufffdb"),
    ROW("\xc2\x80\xc2\x9b\xc2\x9f", "\\u0080\\u009b\\u009f", "\\u0080\\u009b\\u009f"),
    ROW("\xe2\x80\x8e\xe2\x80\x8f", "\\u200e\\u200f", "\\u200e\\u200f"),
    ROW("\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029", "\\u2028\\u2029"),
    ROW("\xe2\x80\xaa\xe2\x80\xae\xe2\x80\xac\xe2\x80\xac", "\\u202a\\u202e\\u202c\\u202c",
        "\\u202a\\u202e\\u202c\\u202c"),
    ROW("\xe2\x81\xa6\xe2\x81\xa9", "\\u2066\\u2069", "\\u2066\\u2069"),
    ROW("\xe2\x80\x8b", "\\u200b", "\\u200b"),
    ROW("\xd8\x9c", "\\u061c", "\\u061c"),
    ROW("\xef\xbb\xbf", "\\ufeff", "\\ufeff"),
    ROW("\xef\xbf\xbe\xef\xbf\xbf", "\\ufffe\\uffff", "\\ufffe\\uffff"),
    ROW("\xf3\xa0\x80\x81", "\\U000e0001", "\\udb40\\udc01"),
    ROW("\xf4\x8f\xbf\xbf", "\\U0010ffff", "\\udbff\\udfff"),
    /* Ill-formed: every octet for itself. */
    ROW("\x80", "\\x80", "\\ufffd"),
    ROW("\xff\xfe", "\\xff\\xfe", "\\ufffd\\ufffd"),
    ROW("\xc0\x8a", "\\xc0\\x8a", "\\ufffd\\ufffd"),                                 /* overlong LF */
    ROW("\xe0\x80\x8a", "\\xe0\\x80\\x8a", "\\ufffd\\ufffd\\ufffd"),                 /* the same in three */
    ROW("\xed\xa0\x80", "\\xed\\xa0\\x80", "\\ufffd\\ufffd\\ufffd"),                 /* a surrogate */
    ROW("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"), /* past U+10FFFF */
    ROW("\xf8\x88", "\\xf8\\x88", "\\ufffd\\ufffd"),
    ROW("\xe2\x80", "\\xe2\\x80", "\\ufffd\\ufffd"), /* cut off */
    ROW("\xe2\nx", "\\xe2\\nx", "\\ufffd\\nx"),      /* LF where a continuation belongs */
    ROW("\xf0\x9f\x98\"", "\\xf0\\x9f\\x98\\\"", "\\ufffd\\ufffd\\ufffd\\\""),
};

/* From a heap copy of exactly `size` octets, so that a sanitizer sees any octet read too many. */
static void escape_all(enum escape_form form, const void *bytes, size_t size, char *out, size_t out_max)
{
    uint8_t *copy = malloc(size + (size == 0));
    memcpy(copy, bytes, size);
    size_t at = 0;
    for (size_t taken = 0; taken < size;) {
        const struct escaped unit = escape_next(form, copy + taken, size - taken);
        ck_assert_uint_ge(unit.taken, 1);
        ck_assert_uint_le(unit.taken, size - taken);
        ck_assert_uint_le(unit.size, ESCAPE_SIZE_MAX);
        ck_assert_uint_lt(unit.size, out_max - at);
        memcpy(out + at, unit.bytes, unit.size);
        at += unit.size;
        taken += unit.taken;
    }
    out[at] = '\0';
    free(copy);
}

START_TEST(characters)
{
    char out[256];
    escape_all(ESCAPE_TEXT, rows[_i].bytes, rows[_i].size, out, sizeof out);
    ck_assert_str_eq(out, rows[_i].text);
    escape_all(ESCAPE_JSON, rows[_i].bytes, rows[_i].size, out, sizeof out);
    ck_assert_str_eq(out, rows[_i].json);
}
END_TEST

START_TEST(bare_values)
{
    static const char *const bare[] = {"a", "192.0.2.1:4711", "--", "/x?y", "a,b;c"};
    static const char *const quoted[] = {"", "-", "a b", "a=b", "a\"", "a\\", "a\n", "\x7f", "caf\xc3\xa9", "\x80"};
    for (size_t i = 0; i < COUNT_OF(bare); i++) {
        ck_assert(escape_is_bare((const uint8_t *)bare[i], strlen(bare[i])));
    }
    for (size_t i = 0; i < COUNT_OF(quoted); i++) {
        ck_assert(!escape_is_bare((const uint8_t *)quoted[i], strlen(quoted[i])));
    }
}
END_TEST

/* Undoes the text form as escape.h promises that it can be undone. */
static size_t unescape(const char *text, uint8_t *out)
{
    size_t size = 0;
    while (*text != '\0') {
        if (*text != '\\') {
            out[size++] = (uint8_t)*text++;
        } else if (text[1] == 'x') {
            const char digits[3] = {text[2], text[3], '\0'};
            out[size++] = (uint8_t)strtoul(digits, NULL, 16);
            text += 4;
        } else {
            out[size++] = text[1] == 'n' ? '\n' : text[1] == 'r' ? '\r' : text[1] == 't' ? '\t' : (uint8_t)text[1];
            text += 2;
        }
    }
    return size;
}

START_TEST(text_can_be_undone)
{
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            const uint8_t bytes[2] = {(uint8_t)first, (uint8_t)second};
            char text[2 * ESCAPE_SIZE_MAX + 1];
            uint8_t back[sizeof text];
            escape_all(ESCAPE_TEXT, bytes, 2, text, sizeof text);
            if (strstr(text, "\\u") != NULL && !(first == '\\' || second == '\\')) {
                continue; /* a code point; table-driven above */
            }
            ck_assert_uint_eq(unescape(text, back), 2);
            ck_assert_mem_eq(back, bytes, 2);
        }
    }
}
END_TEST

/* --- lines --- */

static char *format(enum log_format form, const struct log_field *fields, size_t count)
{
    struct line line;
    line_format(&line, form, LOG_INFO, TIME_MS, "thing_done", fields, count);
    ck_assert_uint_le(line.size, LOG_LINE_MAX);
    ck_assert_uint_ge(line.size, 1);
    ck_assert_ptr_eq(memchr(line.bytes, '\n', line.size), line.bytes + line.size - 1);
    char *text = strndup(line.bytes, line.size - 1);
    ck_assert_uint_eq(strlen(text), line.size - 1);
    return text;
}

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    ck_assert_msg(root != NULL, "%s in %s", error.text, text);
    ck_assert_str_eq(json_string_value(json_object_get(root, "time")), STAMP);
    ck_assert_str_eq(json_string_value(json_object_get(root, "event")), "thing_done");
    return root;
}

START_TEST(fields_of_all_kinds)
{
    const struct log_field fields[] = {log_str("peer", "192.0.2.1:4711"),
                                       log_str("agent", "a \"b\""),
                                       log_str("none", NULL),
                                       log_str("dash", "-"),
                                       log_str("empty", ""),
                                       log_bytes("raw", "\0\xff", 2),
                                       log_i64("low", INT64_MIN),
                                       log_u64("high", INT64_MAX),
                                       log_bool("yes", true),
                                       log_bool("no", false),
                                       log_seconds("took", 62007)};
    char *text = format(LOG_TEXT, fields, COUNT_OF(fields));
    ck_assert_str_eq(text,
                     STAMP " info thing_done peer=192.0.2.1:4711 agent=\"a \\\"b\\\"\" none=- dash=\"-\" empty=\"\""
                           " raw=\"\\x00\\xff\" low=-9223372036854775808 high=9223372036854775807"
                           " yes=true no=false took=62.007");
    free(text);
    text = format(LOG_JSON, fields, COUNT_OF(fields));
    ck_assert_str_eq(text, "{\"time\":\"" STAMP "\",\"level\":\"info\",\"event\":\"thing_done\","
                           "\"peer\":\"192.0.2.1:4711\",\"agent\":\"a \\\"b\\\"\",\"none\":null,\"dash\":\"-\","
                           "\"empty\":\"\",\"raw\":\"\\ufffd\\ufffd\",\"low\":-9223372036854775808,"
                           "\"high\":9223372036854775807,\"yes\":true,\"no\":false,\"took\":62.007}");
    free(text);
}
END_TEST

START_TEST(time_stamps)
{
    static const struct {
        int64_t time_ms;
        const char *stamp;
    } times[] = {{0, "1970-01-01T00:00:00.000Z"},
                 {-1, "1970-01-01T00:00:00.000Z"},
                 {INT64_MIN, "1970-01-01T00:00:00.000Z"},
                 {INT64_C(951782400999), "2000-02-29T00:00:00.999Z"},
                 {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
                 {INT64_MAX, "9999-12-31T23:59:59.999Z"}};
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        struct line line;
        line_format(&line, LOG_TEXT, LOG_DEBUG, times[i].time_ms, "x", NULL, 0);
        ck_assert_mem_eq(line.bytes, times[i].stamp, strlen(times[i].stamp));
    }
}
END_TEST

/* The name of an event is no way in either, should a program ever pass something foreign. */
START_TEST(names_stay_names)
{
    struct line line;
    const struct log_field field = log_bool("a b=\"\n", true);
    line_format(&line, LOG_TEXT, LOG_ERROR, TIME_MS, "x\ny", &field, 1);
    ck_assert_uint_eq(line.size, strlen(STAMP " error x_y a_b___=true\n"));
    ck_assert_mem_eq(line.bytes, STAMP " error x_y a_b___=true\n", line.size);
}
END_TEST

static void assert_value_cut(size_t size, size_t kept, const char *filler, const char *last)
{
    char value[LOG_VALUE_MAX + 8];
    for (size_t i = 0; i < sizeof value; i++) {
        value[i] = filler[0];
    }
    memcpy(value + size - strlen(last), last, strlen(last));
    const struct log_field fields[] = {log_bytes("v", value, size), log_bool("after", true)};
    char *text = format(LOG_JSON, fields, COUNT_OF(fields));
    json_t *root = parse(text);
    ck_assert_uint_eq(json_string_length(json_object_get(root, "v")), kept);
    ck_assert_int_eq(json_integer_value(json_object_get(root, "v_cut")), (json_int_t)(size - kept));
    ck_assert(json_is_true(json_object_get(root, "after")));
    json_decref(root);
    free(text);
}

START_TEST(long_values_are_cut)
{
    assert_value_cut(LOG_VALUE_MAX, LOG_VALUE_MAX, "a", "");
    assert_value_cut(LOG_VALUE_MAX + 1, LOG_VALUE_MAX, "a", "");
    /* Never in the middle of a character. */
    assert_value_cut(LOG_VALUE_MAX, LOG_VALUE_MAX, "a", "\xe2\x82\xac");
    assert_value_cut(LOG_VALUE_MAX + 1, LOG_VALUE_MAX - 2, "a", "\xe2\x82\xac");
    assert_value_cut(LOG_VALUE_MAX + 3, LOG_VALUE_MAX, "a", "\xe2\x82\xac");
}
END_TEST

START_TEST(cut_is_marked_in_text)
{
    char value[LOG_VALUE_MAX + 3];
    memset(value, 'a', sizeof value);
    const struct log_field field = log_bytes("v", value, sizeof value);
    char *text = format(LOG_TEXT, &field, 1);
    ck_assert_str_eq(text + strlen(text) - strlen("a v_cut=3"), "a v_cut=3");
    free(text);
}
END_TEST

/* Lines of every size around the limit: what finds no room is said, and the line stays one. */
START_TEST(full_lines)
{
    enum { FIELDS = 64 };
    char value[LOG_VALUE_MAX];
    struct log_field fields[FIELDS];
    memset(value, _i % 2 == 0 ? 'a' : '\x01', sizeof value);
    for (size_t i = 0; i < FIELDS; i++) {
        fields[i] = i % 3 == 2 ? log_u64("n", UINT64_MAX) : log_bytes("v", value, (size_t)(_i * 7) % LOG_VALUE_MAX);
    }
    for (size_t count = 0; count <= FIELDS; count++) {
        free(format(LOG_TEXT, fields, count));
        char *text = format(LOG_JSON, fields, count);
        json_t *root = json_loads(text, 0, NULL);
        ck_assert_ptr_nonnull(root);
        json_decref(root);
        free(text);
    }
}
END_TEST

START_TEST(fields_without_room_are_counted)
{
    char value[LOG_VALUE_MAX];
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
    struct log_field fields[COUNT_OF(names)];
    memset(value, 'x', sizeof value);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        fields[i] = log_bytes(names[i], value, sizeof value);
    }
    char *text = format(LOG_JSON, fields, COUNT_OF(fields));
    json_t *root = parse(text);
    const json_int_t cut = json_integer_value(json_object_get(root, "fields_cut"));
    ck_assert_int_ge(cut, 1);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const bool there = json_object_get(root, names[i]) != NULL;
        ck_assert_int_eq(there, i < COUNT_OF(names) - (size_t)cut);
    }
    json_decref(root);
    free(text);
}
END_TEST

/* jansson, like others, refuses integers beyond 64 signed bits: a peer must not be able to write one. */
START_TEST(large_numbers_can_be_parsed)
{
    const struct log_field field = log_u64("n", UINT64_MAX);
    char *text = format(LOG_JSON, &field, 1);
    json_t *root = parse(text);
    ck_assert_str_eq(json_string_value(json_object_get(root, "n")), "18446744073709551615");
    json_decref(root);
    free(text);
    const struct log_field seconds = log_seconds("n", UINT64_MAX);
    text = format(LOG_JSON, &seconds, 1);
    json_decref(parse(text));
    free(text);
}
END_TEST

static const char *const attacks[] = {
    "x\n2026-03-01T12:00:00.123Z info login user=root",
    "x\r\n\r\nHTTP/1.1 200 OK",
    "x\" admin=true y=\"",
    "x\",\"admin\":true,\"y\":\"",
    "x\\\",\"admin\":true,\"y\":\"",
    "\\",
    "x\\",
    "\\\"",
    "\\u0022,\\u0022admin\\u0022:true",
    "x admin=true",
    "\x1b]0;title\x07\x1b[2J",
    "\xc2\x9bK",
    "\xe2\x80\xa8{\"admin\":true}",
    "\xe2\x80\xaenimda=eurt\xe2\x80\xac",
    "\xc0\xa2 admin=true",
    "\xe2\x80\"} ",
    "</script><script>",
    "%n%s%s%s",
};

START_TEST(attacks_stay_values)
{
    const struct log_field fields[] = {log_str("v", attacks[_i]), log_str("end", "here")};
    char *text = format(LOG_JSON, fields, COUNT_OF(fields));
    json_t *root = parse(text);
    ck_assert_uint_eq(json_object_size(root), 5);
    ck_assert_ptr_null(json_object_get(root, "admin"));
    ck_assert_str_eq(json_string_value(json_object_get(root, "end")), "here");
    if (strpbrk(attacks[_i], "\xc0\xe2") == NULL || strstr(attacks[_i], "\xe2\x80\xa8") != NULL) {
        ck_assert_str_eq(json_string_value(json_object_get(root, "v")), attacks[_i]);
    }
    json_decref(root);
    free(text);
}
END_TEST

/* Walks a text line as a strict reader of logfmt would; returns the number of NAME=VALUE pairs. */
static size_t count_pairs(const char *text)
{
    size_t pairs = 0;
    const char *at = text + strlen(STAMP " info thing_done");
    while (*at != '\0') {
        ck_assert_int_eq(*at, ' ');
        at += 1 + strspn(at + 1, "abcdefghijklmnopqrstuvwxyz_");
        ck_assert_int_eq(*at, '=');
        at++;
        if (*at == '"') {
            for (at++; *at != '"'; at++) {
                ck_assert_int_ne(*at, '\0');
                at += *at == '\\';
            }
            at++;
        } else {
            at += strcspn(at, " =\"\\");
        }
        pairs++;
    }
    return pairs;
}

/* Bytes that are random, but the same each time. */
static uint8_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return (uint8_t)(*state >> 24);
}

START_TEST(random_bytes)
{
    uint32_t state = (uint32_t)_i;
    uint8_t bytes[300];
    /* Half of them from a few that matter. */
    static const char special[] = "\"\\\n\r =\x1b\xe2\x80\xa8\xae\xc2\x9b\xf0\x9f";
    for (size_t i = 0; i < sizeof bytes; i++) {
        const uint8_t octet = next_random(&state);
        bytes[i] = octet % 2 == 0 ? (uint8_t)special[octet / 2 % (sizeof special - 1)] : next_random(&state);
    }
    const struct log_field fields[] = {log_bytes("v", bytes, sizeof bytes), log_str("attack", attacks[0])};
    char *text = format(LOG_TEXT, fields, COUNT_OF(fields));
    ck_assert_uint_eq(count_pairs(text), 2);
    for (const char *at = text; *at != '\0'; at++) {
        ck_assert(*at != 0x7F && ((uint8_t)*at >= ' '));
    }
    free(text);
    text = format(LOG_JSON, fields, COUNT_OF(fields));
    json_t *root = parse(text);
    ck_assert_uint_eq(json_object_size(root), 5);
    json_decref(root);
    free(text);
}
END_TEST

static Suite *escape_suite(void)
{
    Suite *suite = suite_create("escape");

    TCase *core = tcase_create("core");
    tcase_add_loop_test(core, characters, 0, COUNT_OF(rows));
    tcase_add_test(core, bare_values);
    tcase_add_test(core, text_can_be_undone);
    tcase_add_test(core, fields_of_all_kinds);
    tcase_add_test(core, time_stamps);
    suite_add_tcase(suite, core);

    TCase *limits = tcase_create("limits");
    tcase_set_timeout(limits, 60);
    tcase_add_test(limits, long_values_are_cut);
    tcase_add_test(limits, cut_is_marked_in_text);
    tcase_add_loop_test(limits, full_lines, 0, 80);
    tcase_add_test(limits, fields_without_room_are_counted);
    tcase_add_test(limits, large_numbers_can_be_parsed);
    suite_add_tcase(suite, limits);

    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, names_stay_names);
    tcase_add_loop_test(hostile, attacks_stay_values, 0, COUNT_OF(attacks));
    tcase_add_loop_test(hostile, random_bytes, 0, 200);
    suite_add_tcase(suite, hostile);
    return suite;
}

int main(void)
{
    return runner_run(escape_suite());
}
