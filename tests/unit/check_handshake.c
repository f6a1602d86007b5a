/*
 * check_handshake - what an opening handshake may look like, and the answer to its key.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "runner.h"
#include "server/ws/handshake.h"

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The key of RFC 6455 §1.3. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="

/* A good request but for one field, which takes each of the row's values. */
enum field { METHOD, UPGRADE, CONNECTION, VERSION, KEY_FIELD, PROTOCOLS };

struct row {
    enum field field;
    const char *value; /* NULL: the field is absent */
};

static struct handshake_request request_with(enum field field, const char *value)
{
    struct handshake_request request = {
        .method = "GET", .upgrade = "websocket", .connection = "Upgrade", .key = KEY, .version = "13"};
    switch (field) {
    case METHOD:
        request.method = value;
        break;
    case UPGRADE:
        request.upgrade = value;
        break;
    case CONNECTION:
        request.connection = value;
        break;
    case VERSION:
        request.version = value;
        break;
    case KEY_FIELD:
        request.key = value;
        break;
    case PROTOCOLS:
        request.protocols = value;
        break;
    }
    return request;
}

static const struct row accepted_rows[] = {
    {METHOD, "GET"},
    {UPGRADE, "websocket"},
    {UPGRADE, "WebSocket"},
    {UPGRADE, "h2c, websocket"},
    {UPGRADE, "websocket, foo/1"},
    {UPGRADE, " \tWEBSOCKET\t ,foo"},
    {UPGRADE, ",,websocket"},
    {CONNECTION, "Upgrade"},
    {CONNECTION, "upgrade"},
    {CONNECTION, "keep-alive, Upgrade"},
    {CONNECTION, "UPGRADE,close"},
    {CONNECTION, "keep-alive\t,\tupgrade\t,"},
    {VERSION, "13"},
    {VERSION, " 13 "},
    {KEY_FIELD, KEY},
    {KEY_FIELD, " " KEY "\t"},
    {KEY_FIELD, "AAAAAAAAAAAAAAAAAAAAAA=="},
    {KEY_FIELD, "//////////////////////=="}, /* unused bits are set: 16 bytes all the same */
    {KEY_FIELD, "+/+/+/+/+/+/+/+/+/+/+w=="},
    {PROTOCOLS, NULL},
    {PROTOCOLS, "chat"},
    {PROTOCOLS, "chat, superchat"},
    {PROTOCOLS, "chat,Chat"}, /* compared with case: these are two */
    {PROTOCOLS, "centrifuge-json,v1.2~x|y`z^!#$%&'*+_"},
    {PROTOCOLS, ", ,chat,,"},
};

static const struct row refused_rows[] = {
    {METHOD, NULL},
    {METHOD, ""},
    {METHOD, "get"},
    {METHOD, "POST"},
    {METHOD, "GETS"},
    {UPGRADE, NULL},
    {UPGRADE, ""},
    {UPGRADE, ","},
    {UPGRADE, "websockets"},
    {UPGRADE, "websocke"},
    {UPGRADE, "websocket/13"},
    {UPGRADE, "web socket"},
    {UPGRADE, "h2c websocket"},
    {UPGRADE, "\"websocket\""},
    {UPGRADE, "websocket\n"},
    {CONNECTION, NULL},
    {CONNECTION, ""},
    {CONNECTION, "keep-alive"},
    {CONNECTION, "not-upgrade"},
    {CONNECTION, "upgrade-insecure"},
    {CONNECTION, "keep-alive Upgrade"},
    {CONNECTION, "keep-alive; Upgrade"},
    {VERSION, NULL},
    {VERSION, ""},
    {VERSION, "8"},
    {VERSION, "14"},
    {VERSION, "013"},
    {VERSION, "+13"},
    {VERSION, "13.0"},
    {VERSION, "1 3"},
    {VERSION, "13, 8"},
    {KEY_FIELD, NULL},
    {KEY_FIELD, ""},
    {KEY_FIELD, "=="},
    {KEY_FIELD, "dGhlIHNhbXBsZSBub25jZQ"},       /* no padding */
    {KEY_FIELD, "dGhlIHNhbXBsZSBub25jZQ="},      /* half of it */
    {KEY_FIELD, "dGhlIHNhbXBsZSBub25jZQ==="},    /* too much of it */
    {KEY_FIELD, "dGhlIHNhbXBsZSBub25j"},         /* 15 bytes */
    {KEY_FIELD, "dGhlIHNhbXBsZSBub25jZQA="},     /* 17 bytes, also 24 characters */
    {KEY_FIELD, "dGhlIHNhbXBsZSBub25jZQAA"},     /* 18 bytes, also 24 characters */
    {KEY_FIELD, "dGhlIHNhbXBsZSBub25jZQ==dGhl"}, /* more behind it */
    {KEY_FIELD, "dGhlIHNhbXBsZSBub25=ZQ=="},
    {KEY_FIELD, "dGhlIHNhbXBsZSBub2 jZQ=="},
    {KEY_FIELD, "dGhlIHNhbXBsZSBub2-jZQ=="}, /* base64url */
    {KEY_FIELD, "dGhlIHNhbXBsZSBub2_jZQ=="},
    {KEY_FIELD, "dGhlIHNhbXBsZSBub2\xC3jZQ=="},
    {PROTOCOLS, ""},
    {PROTOCOLS, " "},
    {PROTOCOLS, ","},
    {PROTOCOLS, "chat chat2"},
    {PROTOCOLS, "chat;q=1"},
    {PROTOCOLS, "chat/2"},
    {PROTOCOLS, "\"chat\""},
    {PROTOCOLS, "ch\xC3\xA4t"},
    {PROTOCOLS, "chat\x7F"},
    {PROTOCOLS, "chat\r\nX: y"},
    {PROTOCOLS, "chat, chat"},
    {PROTOCOLS, "a, b, c, b"},
};

/* The status that a fault of this field alone gives. */
static enum handshake_status fault_of(enum field field)
{
    switch (field) {
    case METHOD:
    case UPGRADE:
    case CONNECTION:
        return HANDSHAKE_NOT_UPGRADE;
    case VERSION:
        return HANDSHAKE_VERSION;
    case KEY_FIELD:
        return HANDSHAKE_KEY;
    case PROTOCOLS:
        return HANDSHAKE_PROTOCOL_SYNTAX;
    }
    return HANDSHAKE_OK;
}

static void check_row(const struct row *row, enum handshake_status expect)
{
    struct handshake_request request = request_with(row->field, row->value);
    ck_assert_msg(handshake_check(&request) == expect, "field %d: %s", (int)row->field,
                  row->value != NULL ? row->value : "(absent)");
}

START_TEST(core_accepted)
{
    for (size_t i = 0; i < ARRAY_COUNT(accepted_rows); i++) {
        check_row(&accepted_rows[i], HANDSHAKE_OK);
    }
}
END_TEST

START_TEST(hostile_refused)
{
    for (size_t i = 0; i < ARRAY_COUNT(refused_rows); i++) {
        check_row(&refused_rows[i], fault_of(refused_rows[i].field));
    }
}
END_TEST

/* Where several rules are broken, the first of the enum is named: a client of another version hears of that first. */
START_TEST(core_precedence)
{
    struct handshake_request request = {0};
    ck_assert_int_eq(handshake_check(&request), HANDSHAKE_NOT_UPGRADE);
    request = (struct handshake_request){.method = "GET", .upgrade = "websocket", .connection = "upgrade"};
    ck_assert_int_eq(handshake_check(&request), HANDSHAKE_VERSION);
    request.version = "13";
    request.protocols = "";
    ck_assert_int_eq(handshake_check(&request), HANDSHAKE_KEY);
    request.key = KEY;
    ck_assert_int_eq(handshake_check(&request), HANDSHAKE_PROTOCOL_SYNTAX);
    request.protocols = NULL;
    ck_assert_int_eq(handshake_check(&request), HANDSHAKE_OK);
}
END_TEST

/* Each of the 255 characters a string can hold, at each place of the key's data. */
START_TEST(limits_key_characters)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t place = 1; place < 21; place++) { /* at the ends white space would be trimmed */
        for (unsigned c = 1; c < 256; c++) {
            char key[] = KEY;
            key[place] = (char)c;
            struct handshake_request request = request_with(KEY_FIELD, key);
            enum handshake_status expect = strchr(alphabet, (int)c) != NULL ? HANDSHAKE_OK : HANDSHAKE_KEY;
            if (handshake_check(&request) != expect) {
                ck_abort_msg("character %u at %zu", c, place);
            }
        }
    }
}
END_TEST

START_TEST(limits_protocol_characters)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (unsigned c = 1; c < 256; c++) {
        const char protocols[] = {'a', (char)c, 'b', '\0'};
        struct handshake_request request = request_with(PROTOCOLS, protocols);
        bool good = strchr(token, (int)c) != NULL || c == ',';
        ck_assert_msg(handshake_check(&request) == (good ? HANDSHAKE_OK : HANDSHAKE_PROTOCOL_SYNTAX), "character %u",
                      c);
    }
}
END_TEST

/* `count` elements, "p00,p01,...", or all but the last one empty. */
static void make_protocols(char *out, size_t size, size_t count, bool named)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        bool last = i == count - 1;
        if (named || last) {
            used += (size_t)snprintf(out + used, size - used, "p%02zu", i);
        }
        used += (size_t)snprintf(out + used, size - used, "%s", last ? "" : ",");
    }
}

START_TEST(limits_protocol_count)
{
    char protocols[(HANDSHAKE_PROTOCOL_MAX + 1) * sizeof("p00,")] = "";
    struct handshake_request request = request_with(PROTOCOLS, protocols);
    for (int named = 0; named <= 1; named++) {
        make_protocols(protocols, sizeof(protocols), HANDSHAKE_PROTOCOL_MAX, named != 0);
        ck_assert_int_eq(handshake_check(&request), HANDSHAKE_OK);
        make_protocols(protocols, sizeof(protocols), HANDSHAKE_PROTOCOL_MAX + 1, named != 0);
        ck_assert_int_eq(handshake_check(&request), HANDSHAKE_PROTOCOL_SYNTAX);
    }
}
END_TEST

START_TEST(core_accept_of_the_rfc)
{
    char accept[HANDSHAKE_ACCEPT_SIZE];
    ck_assert(handshake_accept(KEY, accept));
    ck_assert_str_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    ck_assert(handshake_accept("\t" KEY " ", accept));
    ck_assert_str_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
END_TEST

START_TEST(hostile_accept_without_a_key)
{
    char accept[HANDSHAKE_ACCEPT_SIZE] = "untouched";
    ck_assert(!handshake_accept(NULL, accept));
    ck_assert(!handshake_accept("", accept));
    ck_assert(!handshake_accept(KEY KEY, accept));
    ck_assert_str_eq(accept, "untouched");
}
END_TEST

struct selection {
    const char *protocols;
    const char *expect;
};

static const struct selection selections[] = {
    {NULL, NULL},
    {"other", NULL},
    {"chat", "chat"},
    {"superchat, chat", "superchat"}, /* the client's order decides */
    {"chat, superchat", "chat"},
    {"other,\tsuperchat ,chat", "superchat"},
    {",,superchat", "superchat"},
    {"Chat", NULL},
    {"cha", NULL},
    {"chats", NULL},
};

START_TEST(core_select_protocol)
{
    static const char *const supported[] = {"chat", "superchat"};
    for (size_t i = 0; i < ARRAY_COUNT(selections); i++) {
        const struct selection *row = &selections[i];
        const char *selected = handshake_select_protocol(row->protocols, supported, ARRAY_COUNT(supported));
        if (row->expect == NULL) {
            ck_assert_ptr_null(selected);
        } else {
            ck_assert_str_eq(selected, row->expect);
            ck_assert(selected == supported[0] || selected == supported[1]);
        }
        ck_assert_ptr_null(handshake_select_protocol(row->protocols, NULL, 0));
    }
}
END_TEST

START_TEST(core_texts)
{
    for (int status = HANDSHAKE_OK; status <= HANDSHAKE_PROTOCOL_SYNTAX; status++) {
        const char *text = handshake_status_text((enum handshake_status)status);
        ck_assert_str_ne(text, "");
        ck_assert_str_ne(text, "unknown status");
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("handshake");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_accepted);
    tcase_add_test(core, core_precedence);
    tcase_add_test(core, core_accept_of_the_rfc);
    tcase_add_test(core, core_select_protocol);
    tcase_add_test(core, core_texts);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_key_characters);
    tcase_add_test(limits, limits_protocol_characters);
    tcase_add_test(limits, limits_protocol_count);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_test(hostile, hostile_refused);
    tcase_add_test(hostile, hostile_accept_without_a_key);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
