/*
 * Tests of config: defaults, values, references, restarts, and the sample file against the table.
 */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "server/config/parse.h"
#include "server/config/reference.h"
#include "server/config/report.h"
#include "server/config/scan.h"
#include "server/config/suggest.h"
#include "server/config/syntax.h"
#include "server/config/table.h"
#include "server/config/units.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* All that was reported since the last load, a line each. */
static char seen[16 * REPORT_LINE_SIZE];

static void show(void *context, bool is_error, const char *line)
{
    (void)context;
    size_t used = strlen(seen);
    (void)snprintf(seen + used, sizeof(seen) - used, "%s%s\n", is_error ? "" : "warning: ", line);
}

/* Must be accepted. */
static const struct config *parse(const char *text)
{
    seen[0] = '\0';
    const struct config *config = config_parse(text, strlen(text), "t.conf", false, show, NULL);
    ck_assert_msg(config != NULL, "%s", seen);
    return config;
}

static void check_prefix(const struct prefix *prefix, const char *text)
{
    char out[PREFIX_TEXT_SIZE];
    ck_assert_str_eq(prefix_format(prefix, out), text);
}

START_TEST(test_defaults)
{
    const struct config *config = parse("");
    ck_assert_str_eq(config->file, "t.conf");
    ck_assert_str_eq(config->state_dir, "state");
    ck_assert_uint_eq(config->listener_count, 1);
    ck_assert_str_eq(config->listeners[0].text, "[::]:8765");
    ck_assert_uint_eq(config->listeners[0].port, 8765);
    ck_assert(config->listeners[0].any && !config->listeners[0].tls);
    ck_assert_int_eq(config->listeners[0].backlog, 4096);
    ck_assert_str_eq(config->tls.certificate, "");
    ck_assert_str_eq(config->tls.key, "");
    ck_assert_int_eq(config->tls.min_version, CONFIG_TLS_1_2);
    ck_assert_str_eq(config->admin.address, "127.0.0.1:9090");
    ck_assert_uint_eq(config->admin.token_count, 0);
    ck_assert_uint_eq(config->admin.open_to_count, 2);
    check_prefix(&config->admin.open_to[0], "127.0.0.1/32");
    check_prefix(&config->admin.open_to[1], "::1/128");
    ck_assert_uint_eq(config->pool.lobby_threads, 2);
    ck_assert_uint_eq(config->pool.upgrade_threads, 8);
    ck_assert_uint_eq(config->pool.session_threads, 0);
    ck_assert_uint_eq(config->limits.max_message, 65536);
    ck_assert_uint_eq(config->limits.max_fragments, 1024);
    ck_assert_uint_eq(config->limits.max_head, 16384);
    ck_assert_uint_eq(config->limits.max_connections, 10000);
    ck_assert_uint_eq(config->limits.max_lobby, 8192);
    ck_assert_uint_eq(config->limits.max_tls_handshakes, 4096);
    ck_assert_uint_eq(config->limits.messages_per_second, 0);
    ck_assert_uint_eq(config->limits.bytes_per_second, 0);
    ck_assert_uint_eq(config->limits.send_queue, 1048576);
    ck_assert_int_eq(config->limits.slow_consumer, CONFIG_SLOW_CLOSE);
    ck_assert_uint_eq(config->limits.session_memory, 2 * 1048576 + 3 * 65536 + 1048576);
    ck_assert_uint_eq(config->limits.memory, 1u << 30);
    ck_assert_uint_eq(config->limits.handshake_timeout_ms, 10000);
    ck_assert_uint_eq(config->limits.idle_timeout_ms, 0);
    ck_assert_uint_eq(config->limits.ping_interval_ms, 30000);
    ck_assert_uint_eq(config->limits.pong_timeout_ms, 20000);
    ck_assert_uint_eq(config->limits.message_timeout_ms, 30000);
    ck_assert_uint_eq(config->limits.send_timeout_ms, 15000);
    ck_assert_uint_eq(config->limits.close_timeout_ms, 5000);
    ck_assert_uint_eq(config->limits.drain_delay_ms, 0);
    ck_assert_uint_eq(config->limits.drain_window_ms, 5000);
    ck_assert_uint_eq(config->limits.drain_timeout_ms, 10000);
    ck_assert_uint_eq(config->firewall.exempt_count, 2);
    check_prefix(&config->firewall.exempt[0], "127.0.0.1/32");
    check_prefix(&config->firewall.exempt[1], "::1/128");
    ck_assert_uint_eq(config->firewall.allow_count, 0);
    ck_assert_uint_eq(config->firewall.deny_count, 0);
    ck_assert_uint_eq(config->deny_file_count, 0);
    ck_assert(!config->firewall.allow_only);
    ck_assert_double_eq(config->firewall.connection_rate.rate, 20);
    ck_assert_double_eq(config->firewall.connection_rate.burst, 40);
    ck_assert_double_eq(config->firewall.tls_rate.rate, 10);
    ck_assert_double_eq(config->firewall.tls_rate.burst, 20);
    ck_assert_uint_eq(config->firewall.source_connections, 100);
    ck_assert_uint_eq(config->firewall.source_lobby, 32);
    ck_assert_uint_eq(config->firewall.source_tls, 16);
    ck_assert_uint_eq(config->firewall.table_size, 65536);
    ck_assert_uint_eq(config->firewall.total_connections, 10000 + 8192 + 1024 + 64);
    ck_assert_uint_eq(config->auth.key_count, 0);
    ck_assert_int_eq(config->log.level, LOG_INFO);
    ck_assert_int_eq(config->log.format, LOG_TEXT);
    ck_assert_str_eq(config->log.file, "-");
    ck_assert_str_eq(config->log.error_file, "websocket_errors.log");
    ck_assert_str_eq(config->log.audit_file, "");
    ck_assert_int_eq(config->audit.messages, AUDIT_MESSAGES_NONE);
    ck_assert_int_eq(config->audit.users, AUDIT_NAMES_PLAIN);
    ck_assert_int_eq(config->audit.addresses, AUDIT_NAMES_PLAIN);
    ck_assert_str_eq(config->digest_key_file, "");
    ck_assert_uint_eq(config->endpoint_count, 0);
    ck_assert_str_eq(seen, "warning: t.conf: endpoints: none: every request will be answered with 404\n");
    config_unref(&config);
    ck_assert_ptr_null(config);
}
END_TEST

/* Every key away from its default. */
static const char all_set[] =
    "listeners = ( { address = \"127.0.0.1:0\"; },\n"
    "              { address = \"[2001:db8::1]:443\"; tls = true; backlog = 0x10; }, { address = \"*:1\"; } );\n"
    "tls = { certificate = \"c.pem\"; key = \"/k.pem\"; min_version = \"1.3\"; };\n"
    "admin = { address = \"\"; tokens = ( { name = \"a.b-c_d\"; token_file = \"t\"; role = \"write\"; },\n"
    "                                   { name = \"r\"; token_file = \"/t\"; } ); open_to = ( \"10.0.0.0/8\" ); };\n"
    "state_dir = \"/var\" /* one string */ \"/lib\";\n"
    "pool : { lobby_threads = 64, upgrade_threads = 256, session_threads = 256 }\n"
    "limits = { max_message = \"64M\"; max_fragments = 100000L; max_head = \"64K\"; max_connections = 1000000;\n"
    "           max_lobby = 1; max_tls_handshakes = 2; messages_per_second = 3; bytes_per_second = \"8G\";\n"
    "           send_queue = 4096; slow_consumer = \"drop\"; memory = \"140M\"; handshake_timeout = \"250ms\"; "
    "idle_timeout = \"7d\"; ping_interval = 0;\n"
    "           pong_timeout = 1; message_timeout = \"5m\"; close_timeout = \"10ms\"; drain_timeout = \"1h\" };\n"
    "firewall = { exempt = [ ]; allow = [ \"192.0.2.0/24\" ]; deny = [ \"::/0\", \"0.0.0.0/0\" ]; allow_only = true;\n"
    "             deny_files = [ \"d.txt\", \"/d.txt\" ]; connection_rate = { rate = 0; burst = 1; };\n"
    "             tls_rate = { rate = 0.5; burst = 1.5e3; }; source_connections = 0; source_lobby = 1; source_tls = "
    "2;\n"
    "             table_size = 1024; };\n"
    "auth = { keys = ( { id = \"k\"; algorithm = \"HS512\"; secret_file = \"s\"; } ); };\n"
    "log = { level = \"debug\"; format = \"json\"; file = \"l\"; error_file = \"\"; audit_file = \"a\";"
    "  audit_messages = \"size\"; audit_users = \"digest\"; audit_addresses = \"digest\"; digest_key_file = \"k\"; };\n"
    "endpoints = ( { path = \"/\"; },\n"
    "  { path = \"/b\"; handler = \"echo\"; reply_prefix = \"\\xc3\\xa9\\t\\\"\"; auth = \"token\";\n"
    "    subprotocols = [ \"x\", \"y\" ]; } );\n";

START_TEST(test_all_set)
{
    seen[0] = '\0';
    const struct config *config = config_parse(all_set, strlen(all_set), "/etc/p/p.conf", false, show, NULL);
    ck_assert_msg(config != NULL, "%s", seen);
    ck_assert_str_eq(seen,
                     "warning: /etc/p/p.conf:10: limits.memory: one session alone may use all of it: send_queue and "
                     "max_message can lead to 197640K a session; lower them, or give session_memory\n"
                     "warning: /etc/p/p.conf:19: endpoints[1].auth: tokens cross the network unencrypted: "
                     "listeners[2] is neither TLS nor loopback\n");
    ck_assert_uint_eq(config->listener_count, 3);
    ck_assert(!config->listeners[0].any && !config->listeners[0].tls);
    ck_assert_uint_eq(config->listeners[0].port, 0);
    ck_assert(config->listeners[1].tls && !config->listeners[1].any);
    ck_assert_int_eq(config->listeners[1].backlog, 16);
    ck_assert(config->listeners[2].any);
    ck_assert_int_eq(config->listeners[2].backlog, 4096);
    ck_assert_str_eq(config->tls.certificate, "/etc/p/c.pem");
    ck_assert_str_eq(config->tls.key, "/k.pem");
    ck_assert_int_eq(config->tls.min_version, CONFIG_TLS_1_3);
    ck_assert_str_eq(config->admin.address, "");
    ck_assert_uint_eq(config->admin.token_count, 2);
    ck_assert_str_eq(config->admin.tokens[0].name, "a.b-c_d");
    ck_assert_str_eq(config->admin.tokens[0].token_file, "/var/lib/t");
    ck_assert_int_eq(config->admin.tokens[0].role, CONFIG_ROLE_WRITE);
    ck_assert_str_eq(config->admin.tokens[1].token_file, "/t");
    ck_assert_int_eq(config->admin.tokens[1].role, CONFIG_ROLE_READ);
    ck_assert_uint_eq(config->admin.open_to_count, 1);
    check_prefix(&config->admin.open_to[0], "10.0.0.0/8");
    ck_assert_str_eq(config->state_dir, "/var/lib");
    ck_assert_uint_eq(config->pool.lobby_threads, 64);
    ck_assert_uint_eq(config->pool.upgrade_threads, 256);
    ck_assert_uint_eq(config->pool.session_threads, 256);
    ck_assert_uint_eq(config->limits.max_message, 64u << 20);
    ck_assert_uint_eq(config->limits.max_fragments, 100000);
    ck_assert_uint_eq(config->limits.max_head, 65536);
    ck_assert_uint_eq(config->limits.max_connections, 1000000);
    ck_assert_uint_eq(config->limits.max_lobby, 1);
    ck_assert_uint_eq(config->limits.max_tls_handshakes, 2);
    ck_assert_uint_eq(config->limits.messages_per_second, 3);
    ck_assert_uint_eq(config->limits.bytes_per_second, UINT64_C(8) << 30);
    ck_assert_uint_eq(config->limits.send_queue, 4096);
    ck_assert_int_eq(config->limits.slow_consumer, CONFIG_SLOW_DROP);
    ck_assert_uint_eq(config->limits.session_memory, 140u << 20); /* what it may be at most */
    ck_assert_uint_eq(config->limits.memory, 140u << 20);
    ck_assert_uint_eq(config->limits.handshake_timeout_ms, 250);
    ck_assert_uint_eq(config->limits.idle_timeout_ms, 7u * 24 * 3600 * 1000);
    ck_assert_uint_eq(config->limits.ping_interval_ms, 0);
    ck_assert_uint_eq(config->limits.pong_timeout_ms, 1000);
    ck_assert_uint_eq(config->limits.message_timeout_ms, 300000);
    ck_assert_uint_eq(config->limits.close_timeout_ms, 10);
    ck_assert_uint_eq(config->limits.drain_timeout_ms, 3600000);
    ck_assert_uint_eq(config->firewall.exempt_count, 0);
    ck_assert_uint_eq(config->firewall.allow_count, 1);
    ck_assert_uint_eq(config->firewall.deny_count, 2);
    check_prefix(&config->firewall.deny[0], "::/0");
    check_prefix(&config->firewall.deny[1], "0.0.0.0/0");
    ck_assert(config->firewall.allow_only);
    ck_assert_uint_eq(config->deny_file_count, 2);
    ck_assert_str_eq(config->deny_files[0], "/etc/p/d.txt");
    ck_assert_str_eq(config->deny_files[1], "/d.txt");
    ck_assert_double_eq(config->firewall.connection_rate.rate, 0);
    ck_assert_double_eq(config->firewall.connection_rate.burst, 1);
    ck_assert_double_eq(config->firewall.tls_rate.rate, 0.5);
    ck_assert_double_eq(config->firewall.tls_rate.burst, 1500);
    ck_assert_uint_eq(config->firewall.source_connections, 0);
    ck_assert_uint_eq(config->firewall.source_lobby, 1);
    ck_assert_uint_eq(config->firewall.source_tls, 2);
    ck_assert_uint_eq(config->firewall.table_size, 1024);
    ck_assert_uint_eq(config->firewall.total_connections, 1000000 + 1 + 64);
    ck_assert_uint_eq(config->auth.key_count, 1);
    ck_assert_str_eq(config->auth.keys[0].id, "k");
    ck_assert_str_eq(config->auth.keys[0].algorithm, "HS512");
    ck_assert_str_eq(config->auth.keys[0].secret_file, "/var/lib/s");
    ck_assert_int_eq(config->log.level, LOG_DEBUG);
    ck_assert_int_eq(config->log.format, LOG_JSON);
    ck_assert_str_eq(config->log.file, "l");
    ck_assert_str_eq(config->log.error_file, "");
    ck_assert_str_eq(config->log.audit_file, "a");
    ck_assert_int_eq(config->audit.messages, AUDIT_MESSAGES_SIZE);
    ck_assert_int_eq(config->audit.users, AUDIT_NAMES_DIGEST);
    ck_assert_int_eq(config->audit.addresses, AUDIT_NAMES_DIGEST);
    ck_assert_uint_eq(config->endpoint_count, 2);
    ck_assert_uint_eq(config->endpoints[0].line, 18);
    const struct config_endpoint *endpoint = config_endpoint_for(config, "/b");
    ck_assert_ptr_eq(endpoint, &config->endpoints[1]);
    ck_assert_uint_eq(endpoint->line, 19);
    ck_assert_str_eq(endpoint->handler, "echo");
    ck_assert_str_eq(endpoint->reply_prefix, "\xc3\xa9\t\"");
    ck_assert_int_eq(endpoint->auth, CONFIG_AUTH_TOKEN);
    ck_assert_uint_eq(endpoint->subprotocol_count, 2);
    ck_assert_str_eq(endpoint->subprotocols[1], "y");
    ck_assert_ptr_null(config_endpoint_for(config, "/B"));
    ck_assert_ptr_null(config_endpoint_for(config, "/b/"));
    ck_assert_ptr_null(config_endpoint_for(config, ""));
    config_unref(&config);
}
END_TEST

START_TEST(test_units)
{
    static const struct {
        const char *text;
        int64_t ms; /* -1: no duration */
        int64_t bytes;
    } cases[] = {
        {"250ms", 250, -1},
        {"10s", 10000, -1},
        {"5m", 300000, -1},
        {"1h", 3600000, -1},
        {"1d", 86400000, -1},
        {"64K", -1, 65536},
        {"16M", -1, 16777216},
        {"1G", -1, 1 << 30},
        {"0", -1, 0},
        {"007", -1, 7},
        {"", -1, -1},
        {"s", -1, -1},
        {"-1s", -1, -1},
        {" 1s", -1, -1},
        {"1 s", -1, -1},
        {"1S", -1, -1},
        {"1k", -1, -1},
        {"1KB", -1, -1},
        {"1.5s", -1, -1},
        {"1ss", -1, -1},
        {"9223372036854775807", -1, INT64_MAX},
        {"9223372036854775807ms", INT64_MAX, -1},
        {"9223372036854775808ms", -1, -1},
        {"9223372036854775s", INT64_C(9223372036854775000), -1},
        {"9223372036854776s", -1, -1},
        {"8589934592G", -1, -1},
        {"99999999999999999999999999999999", -1, -1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t value = -1;
        ck_assert_int_eq(units_parse_duration(cases[i].text, &value), cases[i].ms >= 0);
        ck_assert_int_eq(value, cases[i].ms);
        value = -1;
        ck_assert_int_eq(units_parse_size(cases[i].text, &value), cases[i].bytes >= 0);
        ck_assert_int_eq(value, cases[i].bytes);
    }
    char out[UNITS_TEXT_SIZE];
    ck_assert_str_eq(units_format_duration(90000, out), "90s");
    ck_assert_str_eq(units_format_duration(7 * INT64_C(86400000), out), "7d");
    ck_assert_str_eq(units_format_duration(INT64_MAX, out), "9223372036854775807ms");
    ck_assert_str_eq(units_format_duration(0, out), "0");
    ck_assert_str_eq(units_format_size(125, out), "125");
    ck_assert_str_eq(units_format_size(67108864, out), "64M");
}
END_TEST

START_TEST(test_suggest)
{
    static const struct {
        const char *a;
        const char *b;
        size_t distance;
    } cases[] = {
        {"", "", 0},
        {"a", "", 1},
        {"", "abc", 3},
        {"max_head", "max_head", 0},
        {"ab", "ba", 1},
        {"abcd", "acbd", 1},
        {"paht", "path", 1},
        {"kitten", "sitting", 3},
        {"Level", "level", 1},
        {"ca", "abc", 3},
        {"listenrs", "listeners", 1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *a = cases[i].a;
        const char *b = cases[i].b;
        ck_assert_uint_eq(suggest_distance(a, strlen(a), b, strlen(b)), cases[i].distance);
        ck_assert_uint_eq(suggest_distance(b, strlen(b), a, strlen(a)), cases[i].distance);
    }
    char name[SUGGEST_NAME_MAX + 1];
    memset(name, 'x', sizeof(name));
    ck_assert_uint_eq(suggest_distance(name, SUGGEST_NAME_MAX, "", 0), SUGGEST_NAME_MAX);
    ck_assert_uint_eq(suggest_distance(name, SUGGEST_NAME_MAX + 1, "", 0), SIZE_MAX);
}
END_TEST

/* What libconfig is given: integers with 64 bits, no comments, the first of two equal keys, strings before line breaks. */
START_TEST(test_scan)
{
    static const struct {
        const char *text;
        const char *rewritten;
        unsigned errors;
    } cases[] = {
        {"", "", 0},
        {" # only a comment", "", 0},
        {"a = 1", "a=1L;", 0},
        {"a : 0xFf, b = +5L c = -007LL;", "a=255L;b=5L;c=-7L;", 0},
        {"a = 4294967297;", "a=4294967297L;", 0},
        {"a = 99999999999999999999;", "a=9223372036854775807L;", 0},
        {"a = -99999999999999999999;", "a=-9223372036854775808L;", 0},
        {"a = -9223372036854775807;", "a=-9223372036854775807L;", 0},
        {"a = TRUE; b = .5; c = 1e5; d = \"# no // comment /* \\\" \";",
         "a=TRUE;b=.5;c=1e5;d=\"# no // comment /* \\\" \";", 0},
        {"a = /* \n */ [\n\"x\" // c\n\"y\"\n,\n\"z\"\n]\n;\nb = 1;", "a=\n[\n\"x\"\"y\",\n\n\n\"z\"];\n\n\nb=1L;", 0},
        {"a = 1; a = { b = ( 1, { a = 2; } ); }; c = 3;", "a=1L;c=3L;", 1},
        {"a = { b = 1; }; b = { a = 1; a = 2; };", "a={b=1L;};b={a=1L;};", 1},
        {"a = 1;\n@include \".\"\nb = 2;", "a=1L;\n\nb=2L;", 1},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct report report = {.show = show, .file = "t.conf"};
        char *rewritten = scan_text(cases[i].text, strlen(cases[i].text), &report);
        ck_assert_ptr_nonnull(rewritten);
        ck_assert_str_eq(rewritten, cases[i].rewritten);
        ck_assert_uint_eq(report.errors, cases[i].errors);
        free(rewritten);
    }
}
END_TEST

START_TEST(test_listeners)
{
    static const struct {
        const char *text;
        const char *address; /* with its port; NULL: not accepted */
        bool any;
    } cases[] = {
        {"[::]:8765", "[::]:8765", true},
        {"*:8765", "[::]:8765", true},
        {"*:0", "[::]:0", true},
        {"0.0.0.0:80", "0.0.0.0:80", false},
        {"127.0.0.1:65535", "127.0.0.1:65535", false},
        {"[2001:db8::1]:1", "[2001:db8::1]:1", false},
        {"[::ffff:192.0.2.1]:1", "192.0.2.1:1", false},
        {"", NULL, false},
        {":", NULL, false},
        {":80", NULL, false},
        {"80", NULL, false},
        {"*", NULL, false},
        {"*:", NULL, false},
        {"*:+1", NULL, false},
        {"*:1x", NULL, false},
        {"*:99999999999999999999", NULL, false},
        {"[]:80", NULL, false},
        {"[:80", NULL, false},
        {"]:80", NULL, false},
        {"[*]:80", NULL, false},
        {"::1:80", NULL, false},
        {"[::1%lo]:80", NULL, false},
        {"1.2.3:80", NULL, false},
        {"01.2.3.4:80", NULL, false},
        {"example.org:80", NULL, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config_listener listener = {0};
        bool good = syntax_parse_listener(cases[i].text, &listener);
        ck_assert_msg(good == (cases[i].address != NULL), "%s", cases[i].text);
        if (good) {
            char out[ADDRESS_TEXT_SIZE];
            ck_assert_str_eq(address_format_port(&listener.address, listener.port, out), cases[i].address);
            ck_assert_int_eq(listener.any, cases[i].any);
        }
    }
}
END_TEST

START_TEST(test_references)
{
    const struct config *config = parse("endpoints = ( { path = \"/\"; } );");
    const struct config *other = config_ref(config);
    ck_assert_ptr_eq(config, other);
    config_unref(&config);
    ck_assert_ptr_null(config);
    ck_assert_str_eq(other->endpoints[0].path, "/"); /* still there: AddressSanitizer would tell */
    config_unref(&other);
    config_unref(&other); /* NULL is fine */
}
END_TEST

static void *take_and_drop(void *config)
{
    for (int i = 0; i < 10000; i++) {
        const struct config *mine = config_ref(config);
        ck_assert_uint_eq(mine->endpoint_count, 1);
        config_unref(&mine);
    }
    const struct config *last = config;
    config_unref(&last);
    return NULL;
}

/* The last of several threads frees it, whichever that is; ThreadSanitizer watches. */
START_TEST(test_references_of_threads)
{
    const struct config *config = parse("endpoints = ( { path = \"/\"; } );");
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++) {
        union {
            const struct config *config;
            void *argument;
        } reference = {.config = config_ref(config)};
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_and_drop, reference.argument), 0);
    }
    config_unref(&config);
    for (size_t i = 0; i < COUNT(threads); i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
}
END_TEST

START_TEST(test_restart)
{
    static const char everything[] = "warning: t.conf: listeners: changed; it takes effect at a restart\n"
                                     "warning: t.conf: admin.address: changed; it takes effect at a restart\n"
                                     "warning: t.conf: state_dir: changed; it takes effect at a restart\n"
                                     "warning: t.conf: pool.lobby_threads: changed; it takes effect at a restart\n"
                                     "warning: t.conf: pool.upgrade_threads: changed; it takes effect at a restart\n"
                                     "warning: t.conf: pool.session_threads: changed; it takes effect at a restart\n"
                                     "warning: t.conf: limits.max_lobby: changed; it takes effect at a restart\n"
                                     "warning: t.conf: firewall.table_size: changed; it takes effect at a restart\n";
    static const struct {
        const char *old;
        const char *new;
        const char *lines;
    } cases[] = {
        {"", "", ""},
        {"", "limits = { max_message = 200; }; log = { level = \"debug\"; };", ""},
        {"", "listeners = ( { address = \"[::]:8765\"; backlog = 4096; } );", ""},
        {"", "listeners = ( { address = \"[::]:8765\"; backlog = 1; } );",
         "warning: t.conf: listeners: changed; it takes effect at a restart\n"},
        {"listeners = ( { address = \"*:1\"; } );", "listeners = ( { address = \"*:1\"; }, { address = \"*:2\"; } );",
         "warning: t.conf: listeners: changed; it takes effect at a restart\n"},
        {"", all_set, everything},
        {all_set, all_set, ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct config *old = parse(cases[i].old);
        const struct config *new = parse(cases[i].new);
        seen[0] = '\0';
        config_report_restart(old, new, show, NULL);
        ck_assert_str_eq(seen, cases[i].lines);
        config_unref(&old);
        config_unref(&new);
    }
}
END_TEST

/* --- the sample file, held against the table --- */

/* Draws blanks, line breaks and "#" together into one blank each, in place. */
static void squeeze(char *text)
{
    size_t used = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (strchr(" \n\t#", *at) == NULL) {
            text[used++] = *at;
        } else if (used > 0 && text[used - 1] != ' ') {
            text[used++] = ' ';
        }
    }
    text[used] = '\0';
}

/* To be freed. */
static char *read_sample(void)
{
    FILE *file = fopen(SAMPLE_CONFIG, "r");
    ck_assert_ptr_nonnull(file);
    char *text = malloc(CONFIG_FILE_MAX);
    ck_assert_ptr_nonnull(text);
    text[fread(text, 1, CONFIG_FILE_MAX - 1, file)] = '\0';
    ck_assert_int_eq(fclose(file), 0);
    return text;
}

/* What the sample sets; all else stands in it as a comment with its default. */
static bool is_set_in_sample(const struct row *row)
{
    static const char *const names[] = {"listeners", "certificate", "key", "tokens", "keys", "endpoints"};
    for (size_t i = 0; i < COUNT(names); i++) {
        if (strcmp(row->name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static const char *expect_text(const char *at, const char *text)
{
    const char *found = strstr(at, text);
    ck_assert_msg(found != NULL, "the sample file lacks, where it belongs:\n%s", text);
    return found + strlen(text);
}

/* NOLINTBEGIN(misc-no-recursion): as deep as the table is */

/* Every row, in the order of the table: its line of the reference and, outside of lists, "NAME = DEFAULT;" behind it. */
static const char *expect_rows(const char *at, const struct row *rows, size_t count, bool restart, bool in_list)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        bool row_restart = restart || row->restart;
        char line[2 * REFERENCE_LINE_SIZE];
        if (row->type == ROW_GROUP) {
            (void)snprintf(line, sizeof(line), "%s: group. %s %s%s", row->name, row->text, in_list ? "" : row->name,
                           in_list ? "" : " = { ");
        } else {
            char reference[REFERENCE_LINE_SIZE];
            bool with_default = !in_list && !is_set_in_sample(row);
            (void)snprintf(line, sizeof(line), "%s %s%s%s%s", reference_line(row, row_restart, reference),
                           with_default ? row->name : "", with_default ? " = " : "", with_default ? row->fallback : "",
                           with_default ? ";" : "");
        }
        squeeze(line);
        at = expect_text(at, line);
        if (row->type == ROW_GROUP || row->type == ROW_LIST) {
            at = expect_rows(at, row->rows, row->row_count, row_restart, in_list || row->type == ROW_LIST);
        }
    }
    return at;
}

/* NOLINTEND(misc-no-recursion) */

START_TEST(test_sample_mentions_all)
{
    char *text = read_sample();
    squeeze(text);
    (void)expect_rows(text, table_rows, table_row_count, false, false);
    free(text);
}
END_TEST

START_TEST(test_sample_parses)
{
    char *text = read_sample();
    seen[0] = '\0';
    const struct config *config = config_parse(text, strlen(text), "etc/portcullis.conf", false, show, NULL);
    free(text);
    /* It is for a first try on one's own machine, and says so. */
    ck_assert_msg(strstr(seen, "tokens cross the network unencrypted: listeners[0]") != NULL, "%s", seen);
    ck_assert_ptr_null(strchr(strchr(seen, '\n') + 1, '\n'));
    ck_assert_uint_eq(config->listener_count, 2);
    ck_assert_str_eq(config->listeners[0].text, "[::]:8765");
    ck_assert(!config->listeners[0].tls);
    ck_assert_str_eq(config->listeners[1].text, "[::]:8888");
    ck_assert(config->listeners[1].tls);
    ck_assert_str_eq(config->tls.certificate, "etc/tls/server.crt");
    ck_assert_str_eq(config->tls.key, "etc/tls/server.key");
    ck_assert_str_eq(config->admin.tokens[0].token_file, "state/admin.token");
    ck_assert_str_eq(config->auth.keys[0].secret_file, "state/jwt.secret");
    ck_assert_uint_eq(keyring_count(config->auth.policy.keys), 0); /* no file was looked at */
    ck_assert_uint_eq(config->endpoint_count, 3);
    ck_assert_int_eq(config_endpoint_for(config, "/")->auth, CONFIG_AUTH_NONE);
    ck_assert(!config_endpoint_for(config, "/")->rules.any);
    ck_assert_str_eq(config_endpoint_for(config, "/chat")->rules.schema, "etc/schemas/chat.json");
    ck_assert(config_endpoint_for(config, "/chat")->rules.any);
    ck_assert_int_eq(config_endpoint_for(config, "/secure")->auth, CONFIG_AUTH_TOKEN);
    ck_assert_str_eq(config_endpoint_for(config, "/")->reply_prefix, "Server received: ");
    config_unref(&config);
}
END_TEST

START_TEST(test_reference)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    config_write_reference(out);
    ck_assert_int_eq(fclose(out), 0);
    static const char *const lines[] = {
        "listeners[].address: string, 1 to 56 bytes; must be given; restart. Address and port;",
        "\nlimits.max_message: size, 125 to 64M; default 65536; reload. Largest message,",
        "\nlimits.handshake_timeout: duration, 100ms to 10m; default \"10s\"; reload. From accepting",
        "\npool.lobby_threads: integer, 1 to 64; default 2; restart. Threads that",
        "\nfirewall.connection_rate.rate: number, 0 to 1000000; default 20.0; reload. New connections",
        "\nlog.format: one of \"text\", \"json\"; default \"text\"; reload. How lines look",
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        ck_assert_msg(strstr(text, lines[i]) != NULL, "%s", lines[i]);
    }
    free(text);
}
END_TEST

/* NOLINTBEGIN(misc-no-recursion): as above */

/* Whether each row can be read and described at all. */
static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        char line[REFERENCE_LINE_SIZE];
        ck_assert_msg(row->min <= row->max && row->max < INT64_MAX, "%s", row->name);
        ck_assert_msg(strlen(reference_line(row, false, line)) < sizeof(line) - 1, "%s is cut", row->name);
        ck_assert_msg(row->text[strlen(row->text) - 1] == '.', "%s", row->name);
        ck_assert_ptr_eq(table_find(rows, count, row->name), row);
        bool is_narrow = row->type == ROW_INTEGER || row->type == ROW_SIZE || row->type == ROW_DURATION;
        if (is_narrow && row->width == sizeof(uint32_t)) {
            ck_assert_msg(row->min >= 0 && row->max <= INT32_MAX, "%s does not fit", row->name);
        }
        check_rows(row->rows, row->row_count);
    }
}

/* NOLINTEND(misc-no-recursion) */

START_TEST(test_table)
{
    check_rows(table_rows, table_row_count);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *core = tcase_create("core");
    tcase_add_test(core, test_defaults);
    tcase_add_test(core, test_all_set);
    tcase_add_test(core, test_scan);
    tcase_add_test(core, test_references);
    tcase_add_test(core, test_references_of_threads);
    tcase_add_test(core, test_restart);
    tcase_add_test(core, test_table);
    tcase_add_test(core, test_reference);
    tcase_add_test(core, test_sample_mentions_all);
    tcase_add_test(core, test_sample_parses);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, test_units);
    tcase_add_test(limits, test_suggest);
    tcase_add_test(limits, test_listeners);
    suite_add_tcase(suite, core);
    suite_add_tcase(suite, limits);
    return runner_run(suite);
}
