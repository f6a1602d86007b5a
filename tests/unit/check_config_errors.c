/*
 * Tests of config's errors: a text, and every line that it must be answered with.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runner.h"
#include "server/config/parse.h"
#include "server/config/report.h"
#include "server/config/scan.h"

#define LINES_MAX 8

#define SIZE_HINT     " (bytes, or text such as \"64K\", \"16M\", \"1G\")"
#define DURATION_HINT " (seconds, or text such as \"250ms\", \"10s\", \"5m\", \"1h\", \"1d\")"
#define LISTENER_HINT "\"ADDRESS:PORT\" such as \"127.0.0.1:8765\", \"[::1]:8765\" or, for all addresses, \"*:8765\""
#define PREFIX_HINT   "an address or a prefix such as \"192.0.2.0/24\""
#define DECODED_HINT  "a path as it is when decoded, without \"?\", \"#\", \"%\", \"\\\" and control bytes"
#define ESCAPE_HINT   "unknown escape in a string: \\n \\r \\t \\f \\\\ \\\" and \\x01 to \\xff are known"
#define INCLUDE_HINT  "@include is not supported: a config is one file (long lists go into firewall.deny_files)"
#define ALGORITHMS                                                                                        \
    "\"HS256\", \"HS384\", \"HS512\", \"RS256\", \"RS384\", \"RS512\", \"PS256\", \"PS384\", \"PS512\", " \
    "\"ES256\", \"ES384\", \"ES512\", \"EdDSA\""
#define LOOPBACK   "listeners = ( { address = \"127.0.0.1:0\"; } ); "
#define TOKEN_HINT "a token (RFC 9110: letters, digits and any of !#$%&'*+-.^_`|~)"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct error_case {
    const char *text;
    const char *lines[LINES_MAX]; /* in their order; a warning begins with "warning: " */
};

/* What was reported last: the first lines, the last one, and how many there were. */
static struct {
    size_t count;
    size_t errors;
    char text[LINES_MAX][REPORT_LINE_SIZE];
    char last[REPORT_LINE_SIZE];
} seen;

static void show(void *context, bool is_error, const char *line)
{
    (void)context;
    if (seen.count < LINES_MAX) {
        (void)snprintf(seen.text[seen.count], REPORT_LINE_SIZE, "%s%s", is_error ? "" : "warning: ", line);
    }
    (void)snprintf(seen.last, sizeof(seen.last), "%s", line);
    seen.count++;
    seen.errors += is_error;
}

/* Parses a copy without a NUL behind it: reading past the end is found by AddressSanitizer. True when there was no error. */
static bool parse_bytes(const char *text, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, text, size);
    memset(&seen, 0, sizeof(seen));
    const struct config *config = config_parse(copy, size, "t.conf", false, show, NULL);
    free(copy);
    bool good = config != NULL;
    ck_assert_int_eq(good, seen.errors == 0);
    config_unref(&config);
    return good;
}

static bool parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static void check_case(const struct error_case *expected)
{
    (void)parse(expected->text);
    size_t count = 0;
    for (; count < LINES_MAX && expected->lines[count] != NULL; count++) {
        ck_assert_msg(count < seen.count, "%s\nis not answered with\n%s", expected->text, expected->lines[count]);
        ck_assert_msg(strcmp(seen.text[count], expected->lines[count]) == 0, "%s\nis answered with\n%s\nand not\n%s",
                      expected->text, seen.text[count], expected->lines[count]);
    }
    ck_assert_msg(seen.count == count, "%s\nis answered with %zu lines, the last of them\n%s", expected->text,
                  seen.count, seen.last);
}

static const struct error_case core_cases[] = {
    {"limits = { max_message = 1 }",
     {"t.conf:1: limits.max_message: expected a size from 125 to 64M" SIZE_HINT ", found the integer 1"}},
    {"limits { max_message = 200; };", {"t.conf:1: limits: expected \"=\" behind the name, found \"{\""}},
    {"limits = { max_message 200; };", {"t.conf:1: limits.max_message: expected \"=\" behind the name, found \"200\""}},
    {"limits = { max_message = ; };", {"t.conf:1: limits.max_message: expected a value, found \";\""}},
    {"limits = { max_message = 200; }; }", {"t.conf:1: expected a name, found \"}\""}},
    {"limits = {\n"
     "  max_message = 200;\n",
     {"t.conf:1: limits: what is opened here is never closed with \"}\""}},
    {"endpoints = ( { path = \"/\"; }", {"t.conf:1: endpoints: what is opened here is never closed with \")\""}},
    {"endpoints = ( { path = \"/\"; }; );", {"t.conf:1: endpoints[0]: expected \",\" or \")\", found \";\""}},
    {"endpoints = ( { path = \"/\" }, );", {"t.conf:1: endpoints[1]: expected a value, found \")\""}},
    {"firewall = {\n"
     " deny = [ \"192.0.2.1\" \"10.0.0.0/8\" ]; };",
     {"t.conf:2: firewall.deny[0]: expected " PREFIX_HINT
      ", found \"192.0.2.110.0.0.0/8\": not an IPv4 or IPv6 address"}},
    {"firewall = { deny = [ \"192.0.2.1\", 7 ]; };",
     {"t.conf:1: firewall.deny[1]: expected a value of the same type as before, as this is an array [ ], found \"7\""}},
    {"firewall = { deny = [ { } ]; };",
     {"t.conf:1: firewall.deny[0]: expected a plain value: an array [ ] holds no groups or lists, found \"{\""}},
    {"log = { level = info; };",
     {"t.conf:1: log.level: expected a value (text stands in double quotes), found \"info\""}},
    {"log = {\n"
     " level = \"info;\n"
     " format = \"text\"; };",
     {"t.conf:2: a string is not closed with '\"' on its line"}},
    {"/* no end\n"
     "limits = { };",
     {"t.conf:1: the comment that begins here is never closed with \"*/\""}},
    {"limits = { max_message = 12ab; };", {"t.conf:1: \"12ab\" is not a number"}},
    {"limits = {\n ping_interval = 30s; };",
     {"t.conf:2: \"30s\" is not a number; with a unit it must stand in double quotes as here"}},
    {"limits = { max_message = 64K; };",
     {"t.conf:1: \"64K\" is not a number; with a unit it must stand in double quotes as here"}},
    {"limits = { max_message = 99999999999999999999999999999K; };",
     {"t.conf:1: \"99999999999999999999999999999K\" is not a number"}},
    {"firewall = { connection_rate = { rate = .; }; };", {"t.conf:1: \".\" is not a number"}},
    {"= 5;", {"t.conf:1: expected a name, found \"=\""}},
    {"\"limits\" = 5;", {"t.conf:1: expected a name, found a string"}},
    {"true = 5;", {"t.conf:1: expected a name, found \"true\""}},
    {"limits = $;", {"t.conf:1: unexpected character \"$\""}},
    {"log = { file = \"a\\qb\"; };", {"t.conf:1: " ESCAPE_HINT}},
    {"log = { file = \"a\\x00b\"; };", {"t.conf:1: " ESCAPE_HINT}},
    {"log = { file = \"a\\x0\"; };", {"t.conf:1: " ESCAPE_HINT}},
    {"a", {"t.conf:1: a: expected \"=\" behind the name, found the end of the file"}},
    {"state_dir =", {"t.conf:1: state_dir: expected a value, found the end of the file"}},
    {"limits = { max_mesage = 200; };", {"t.conf:1: limits.max_mesage: unknown key; did you mean \"max_message\"?"}},
    {"limit = { };", {"t.conf:1: limit: unknown key; did you mean \"limits\"?"}},
    {"max_message = 200;", {"t.conf:1: max_message: unknown key; did you mean \"max_message\" of \"limits\"?"}},
    {"tls = { max_head = 2048; };", {"t.conf:1: tls.max_head: unknown key; did you mean \"max_head\" of \"limits\"?"}},
    {"endpoints = ( { paht = \"/\"; } );",
     {"t.conf:1: endpoints[0].paht: unknown key; did you mean \"path\"?",
      "t.conf:1: endpoints[0].path: missing; expected a string of 1 to 1024 bytes"}},
    {"firewall = { conection_rate = { }; };",
     {"t.conf:1: firewall.conection_rate: unknown key; did you mean \"connection_rate\"?"}},
    {"firewall = { connection_rate = { rat = 5; }; };",
     {"t.conf:1: firewall.connection_rate.rat: unknown key; did you mean \"rate\"?"}},
    {"state_dir = \"a\";\n"
     "state_dir = \"b\";",
     {"t.conf:2: state_dir: given twice; first on line 1"}},
    {"limits = {\n"
     " max_head = 2048;\n"
     " max_head = 7;\n"
     " max_lobby = 0;\n"
     "};",
     {"t.conf:3: limits.max_head: given twice; first on line 2",
      "t.conf:4: limits.max_lobby: expected an integer from 1 to 1000000, found the integer 0"}},
    {"endpoints = ( { path = \"/\"; path = \"/b\"; } );",
     {"t.conf:1: endpoints[0].path: given twice; first on line 1"}},
    {"limits = { };\n"
     "limits = { max_message = 3; };\n"
     "pool = { lobby_threads = 0; };",
     {"t.conf:2: limits: given twice; first on line 1",
      "t.conf:3: pool.lobby_threads: expected an integer from 1 to 64, found the integer 0"}},
    {"limits = 5;", {"t.conf:1: limits: expected a group { ... }, found the integer 5"}},
    {"limits = ( );", {"t.conf:1: limits: expected a group { ... }, found an empty list ( )"}},
    {"limits = [ ];", {"t.conf:1: limits: expected a group { ... }, found an empty array [ ]"}},
    {"listeners = { address = \"[::]:1\"; };",
     {"t.conf:1: listeners: expected a list of groups ( { ... }, ... ), 1 to 64 of them, found a group { }"}},
    {"listeners = [ \"[::]:1\" ];",
     {"t.conf:1: listeners: expected a list of groups ( { ... }, ... ), 1 to 64 of them, found an array [ ]"}},
    {"listeners = ( \"[::]:1\" );", {"t.conf:1: listeners[0]: expected a group { ... }, found the string \"[::]:1\""}},
    {"listeners = ( );",
     {"t.conf:1: listeners: expected a list of groups ( { ... }, ... ), 1 to 64 of them, found an empty list ( )"}},
    {"listeners = [ ];",
     {"t.conf:1: listeners: expected a list of groups ( { ... }, ... ), 1 to 64 of them, found an empty array [ ]"}},
    {"limits = { max_message = \"big\"; };",
     {"t.conf:1: limits.max_message: expected a size from 125 to 64M" SIZE_HINT ", found the string \"big\""}},
    {"limits = { max_message = 1.5; };",
     {"t.conf:1: limits.max_message: expected a size from 125 to 64M" SIZE_HINT ", found the number 1.5"}},
    {"limits = { max_message = true; };",
     {"t.conf:1: limits.max_message: expected a size from 125 to 64M" SIZE_HINT ", found true"}},
    {"limits = { max_message = [ 1 ]; };",
     {"t.conf:1: limits.max_message: expected a size from 125 to 64M" SIZE_HINT ", found an array [ ]"}},
    {"limits = { max_fragments = \"10\"; };",
     {"t.conf:1: limits.max_fragments: expected an integer from 1 to 100000, found the string \"10\""}},
    {"limits = { idle_timeout = -1; };",
     {"t.conf:1: limits.idle_timeout: expected a duration from 0 to 7d" DURATION_HINT ", found the integer -1"}},
    {"limits = { idle_timeout = \"5 m\"; };",
     {"t.conf:1: limits.idle_timeout: expected a duration from 0 to 7d" DURATION_HINT ", found the string \"5 m\""}},
    {"limits = { idle_timeout = \"5w\"; };",
     {"t.conf:1: limits.idle_timeout: expected a duration from 0 to 7d" DURATION_HINT ", found the string \"5w\""}},
    {"limits = { idle_timeout = \"\"; };",
     {"t.conf:1: limits.idle_timeout: expected a duration from 0 to 7d" DURATION_HINT ", found the string \"\""}},
    {"limits = { idle_timeout = 1.5; };",
     {"t.conf:1: limits.idle_timeout: expected a duration from 0 to 7d" DURATION_HINT ", found the number 1.5"}},
    {"firewall = { allow_only = 1; };", {"t.conf:1: firewall.allow_only: expected true or false, found the integer 1"}},
    {"firewall = { allow_only = \"true\"; };",
     {"t.conf:1: firewall.allow_only: expected true or false, found the string \"true\""}},
    {"firewall = { connection_rate = 20; };",
     {"t.conf:1: firewall.connection_rate: expected a group { ... }, found the integer 20"}},
    {"firewall = { connection_rate = { rate = \"20\"; }; };",
     {"t.conf:1: firewall.connection_rate.rate: expected a number from 0 to 1000000, found the string \"20\""}},
    {"firewall = { connection_rate = { rate = -0.5; burst = 0.5; }; };",
     {"t.conf:1: firewall.connection_rate.rate: expected a number from 0 to 1000000, found the number -0.5",
      "t.conf:1: firewall.connection_rate.burst: expected a number from 1 to 1000000, found the number 0.5"}},
    {"firewall = { connection_rate = { rate = 1.0e999; }; };",
     {"t.conf:1: firewall.connection_rate.rate: expected a number from 0 to 1000000, found the number inf"}},
    {"firewall = { deny = \"192.0.2.1\"; };",
     {"t.conf:1: firewall.deny: expected a list of addresses and prefixes [ \"192.0.2.0/24\", ... ], 0 to 65536 of "
      "them, found the string \"192.0.2.1\""}},
    {"firewall = { deny = ( \"192.0.2.1\", 7, true ); };",
     {"t.conf:1: firewall.deny[1]: expected a string, found the integer 7",
      "t.conf:1: firewall.deny[2]: expected a string, found true"}},
    {"state_dir = 7;", {"t.conf:1: state_dir: expected a string of 1 to 4095 bytes, found the integer 7"}},
    {"state_dir = \"\";", {"t.conf:1: state_dir: expected a string of 1 to 4095 bytes, found 0"}},
    {"log = { level = \"loud\"; format = 1; };",
     {"t.conf:1: log.level: expected one of \"debug\", \"info\", \"notice\", \"warning\", \"error\", found the string "
      "\"loud\"",
      "t.conf:1: log.format: expected one of \"text\", \"json\", found the integer 1"}},
    {"tls = { min_version = 1.2; };",
     {"t.conf:1: tls.min_version: expected one of \"1.2\", \"1.3\", found the number 1.2"}},
    {"endpoints = ( { path = \"/\"; handler = \"ecko\"; } );",
     {"t.conf:1: endpoints[0].handler: expected one of \"echo\", found the string \"ecko\""}},
    {"listeners = ( { address = \"localhost:80\"; },\n"
     "  { address = \"::1:80\"; },\n"
     "  { address = \"127.0.0.1\"; },\n"
     "  { address = \"[::1]:65536\"; },\n"
     "  { address = \"[127.0.0.1]:1\"; },\n"
     "  { address = \"*:01\"; } );",
     {"t.conf:1: listeners[0].address: expected " LISTENER_HINT ", found \"localhost:80\"",
      "t.conf:2: listeners[1].address: expected " LISTENER_HINT ", found \"::1:80\"",
      "t.conf:3: listeners[2].address: expected " LISTENER_HINT ", found \"127.0.0.1\"",
      "t.conf:4: listeners[3].address: expected " LISTENER_HINT ", found \"[::1]:65536\"",
      "t.conf:5: listeners[4].address: expected " LISTENER_HINT ", found \"[127.0.0.1]:1\"",
      "t.conf:6: listeners[5].address: expected " LISTENER_HINT ", found \"*:01\""}},
    {"listeners = ( { tls = false; } );",
     {"t.conf:1: listeners[0].address: missing; expected a string of 1 to 56 bytes"}},
    {"listeners = ( { address = \"*:80\"; }, { address = \"[::]:80\"; } );",
     {"t.conf:1: listeners[1].address: the same address and port as listeners[0]"}},
    {"endpoints = ( { path = \"/\"; handler = \"echo\"; } );\n limits = { memory = \"2M\"; };",
     {"warning: t.conf:2: limits.memory: one session alone may use all of it: send_queue and max_message can lead to "
      "3264K "
      "a session; lower them, or give session_memory"}},
    {"endpoints = ( { path = \"/\"; handler = \"echo\"; } );\n limits = { memory = \"2M\"; session_memory = \"2M\"; };",
     {NULL}},
    {"limits = { send_queue = 8192;\n session_memory = 139263; };",
     {"t.conf:2: limits.session_memory: too small: limits.send_queue and twice limits.max_message are 136K"}},
    {"limits = { memory = \"64K\";\n session_memory = \"2M\"; };",
     {"t.conf:1: limits.memory: too small: limits.send_queue and twice limits.max_message are 1152K",
      "t.conf:2: limits.session_memory: more than limits.memory, which is for all sessions together"}},
    {"limits = { send_queue = \"1G\"; };",
     {"t.conf:1: limits.memory: too small: limits.send_queue and twice limits.max_message are 1048704K"}},
    {"listeners = ( { address = \"*:80\"; tls = true; } );",
     {"t.conf: tls.certificate: missing; listeners[0] uses TLS", "t.conf: tls.key: missing; listeners[0] uses TLS"}},
    {"listeners = ( { address = \"*:0\"; backlog = 0; }, { address = \"*:0\"; } );",
     {"t.conf:1: listeners[0].backlog: expected an integer from 1 to 65535, found the integer 0"}},
    {"admin = { address = \"[::1]:9090\"; };",
     {"t.conf:1: admin.address: expected \"ADDRESS:PORT\" with an IPv4 address such as \"127.0.0.1:9090\", or \"\" for "
      "none, found \"[::1]:9090\""}},
    {"admin = { address = \"0.0.0.0:9090\"; };",
     {"t.conf:1: admin.address: not a loopback address: admin tokens would cross the network unencrypted"}},
    {"admin = { tokens = ( { name = \"a b\"; token_file = \"\"; role = \"root\"; } ); };",
     {"t.conf:1: admin.tokens[0].name: expected a name of letters, digits, \".\", \"_\" and \"-\", found \"a b\"",
      "t.conf:1: admin.tokens[0].token_file: expected a string of 1 to 4095 bytes, found 0",
      "t.conf:1: admin.tokens[0].role: expected one of \"read\", \"write\", found the string \"root\""}},
    {"admin = { tokens = (\n"
     " { name = \"a\"; token_file = \"x\"; },\n"
     " { name = \"a\"; token_file = \"x\"; } ); };",
     {"t.conf:3: admin.tokens[1].name: \"a\" is taken by element 0 already",
      "t.conf:3: admin.tokens[1].token_file: \"state/x\" is taken by element 0 already"}},
    {"admin = { open_to = [ \"127.0.0.1\", \"fe80::1%lo\" ]; };",
     {"t.conf:1: admin.open_to[1]: expected " PREFIX_HINT
      ", found \"fe80::1%lo\": an address with a zone id means nothing outside its interface"}},
    {"auth = { keys = ( { id = \"a\"; } ); };",
     {"t.conf:1: auth.keys[0].algorithm: missing; expected one of " ALGORITHMS}},
    {"auth = { keys = (\n"
     " { id = \"a\"; algorithm = \"none\"; secret_file = \"s\"; },\n"
     " { id = \"a\"; algorithm = \"HS256\"; secret_file = \"s\"; } ); };",
     {"t.conf:2: auth.keys[0].algorithm: expected one of " ALGORITHMS ", found the string \"none\"",
      "t.conf:3: auth.keys[1].id: \"a\" is taken by element 0 already"}},
    {"firewall = { deny = [\n"
     "  \"192.0.2.1\",\n"
     "  \"10.0.0.1/8\",\n"
     "  \"2001:db8::/129\",\n"
     "  \"nonsense\"\n"
     "]; };",
     {"t.conf:3: firewall.deny[1]: expected " PREFIX_HINT ", found \"10.0.0.1/8\": bits set behind the prefix length",
      "t.conf:4: firewall.deny[2]: expected " PREFIX_HINT
      ", found \"2001:db8::/129\": the prefix length is not a number from 0 to 32 (IPv4) or 128 (IPv6)",
      "t.conf:5: firewall.deny[3]: expected " PREFIX_HINT ", found \"nonsense\": not an IPv4 or IPv6 address"}},
    {"firewall = { allow_only = true; };",
     {"warning: t.conf:1: firewall.allow_only: firewall.allow is empty: nobody may connect",
      "warning: t.conf: endpoints: none: every request will be answered with 404"}},
    {"firewall = { deny_files = [ \"\" ]; };",
     {"t.conf:1: firewall.deny_files[0]: expected a file name that is not empty, found \"\""}},
    {"endpoints = ( { path = \"x\"; }, { path = \"/a//b\"; }, { path = \"/a/../b\"; }, { path = \"/a?b\"; },\n"
     "  { path = \"/%41\"; }, { path = \"/\\n\"; } );",
     {"t.conf:1: endpoints[0].path: expected a path that begins with \"/\", found \"x\"",
      "t.conf:1: endpoints[1].path: expected a path without \"//\" and without the segments \".\" and \"..\", found "
      "\"/a//b\"",
      "t.conf:1: endpoints[2].path: expected a path without \"//\" and without the segments \".\" and \"..\", found "
      "\"/a/../b\"",
      "t.conf:1: endpoints[3].path: expected " DECODED_HINT ", found \"/a?b\"",
      "t.conf:2: endpoints[4].path: expected " DECODED_HINT ", found \"/%41\"",
      "t.conf:2: endpoints[5].path: expected " DECODED_HINT ", found \"/\\x0a\""}},
    {"endpoints = (\n"
     "  { path = \"/a\"; },\n"
     "  { path = \"/A\"; },\n"
     "  { path = \"/a\"; } );",
     {"t.conf:4: endpoints[2].path: \"/a\" is taken by element 0 already"}},
    {"endpoints = ( { path = \"/\"; subprotocols = [ \"a b\", \"\", \"ok\" ]; } );",
     {"t.conf:1: endpoints[0].subprotocols[0]: expected " TOKEN_HINT ", found \"a b\"",
      "t.conf:1: endpoints[0].subprotocols[1]: expected " TOKEN_HINT ", found \"\""}},
    {"endpoints = ( { path = \"/\"; subprotocols = [ \"a\", \"b\", \"a\" ]; } );",
     {"t.conf:1: endpoints[0].subprotocols[2]: \"a\" is taken by element 0 already"}},
    {"endpoints = ( { path = \"/\"; reply_prefix = \"\\xff\"; } );",
     {"t.conf:1: endpoints[0].reply_prefix: expected UTF-8, found \"\\xff\""}},
    {LOOPBACK "endpoints = ( { path = \"/\"; auth = \"token\"; } );",
     {"warning: t.conf:1: endpoints[0].auth: auth.keys and auth.jwks are empty: no token can be checked, and nobody "
      "comes in"}},
    {"log = { file = \"a\\tb\"; };",
     {"t.conf:1: log.file: expected a file name without control bytes, found \"a\\x09b\""}},
    {"endpoints = ( );", {"warning: t.conf:1: endpoints: none: every request will be answered with 404"}},
};

static const struct error_case limits_cases[] = {
    {"limits = { max_message = 124; };",
     {"t.conf:1: limits.max_message: expected a size from 125 to 64M" SIZE_HINT ", found the integer 124"}},
    {"limits = { max_message = 67108865; };",
     {"t.conf:1: limits.max_message: expected a size from 125 to 64M" SIZE_HINT ", found the integer 67108865"}},
    {"limits = { max_message = \"65M\"; };",
     {"t.conf:1: limits.max_message: expected a size from 125 to 64M" SIZE_HINT ", found the string \"65M\""}},
    {"limits = { max_fragments = 100001; };",
     {"t.conf:1: limits.max_fragments: expected an integer from 1 to 100000, found the integer 100001"}},
    {"limits = { max_fragments = 4294967297; };",
     {"t.conf:1: limits.max_fragments: expected an integer from 1 to 100000, found the integer 4294967297"}},
    {"limits = { max_fragments = -4294967295; };",
     {"t.conf:1: limits.max_fragments: expected an integer from 1 to 100000, found the integer -4294967295"}},
    {"limits = { max_fragments = 99999999999999999999; };",
     {"t.conf:1: limits.max_fragments: expected an integer from 1 to 100000, found an integer beyond 64 bits"}},
    {"limits = { max_fragments = -99999999999999999999; };",
     {"t.conf:1: limits.max_fragments: expected an integer from 1 to 100000, found an integer beyond 64 bits"}},
    {"limits = { max_fragments = 0x100000001; };",
     {"t.conf:1: limits.max_fragments: expected an integer from 1 to 100000, found the integer 4294967297"}},
    {"limits = { max_fragments = 0xFFFFFFFFFFFFFFFFFFFF; };",
     {"t.conf:1: limits.max_fragments: expected an integer from 1 to 100000, found an integer beyond 64 bits"}},
    {"limits = { max_fragments = 99999999999999999999L; };",
     {"t.conf:1: limits.max_fragments: expected an integer from 1 to 100000, found an integer beyond 64 bits"}},
    {"limits = { max_fragments = 0x10000000000000001L; };",
     {"t.conf:1: limits.max_fragments: expected an integer from 1 to 100000, found an integer beyond 64 bits"}},
    {"limits = { max_message = \"18446744073709551616\"; };",
     {"t.conf:1: limits.max_message: expected a size from 125 to 64M" SIZE_HINT
      ", found the string \"18446744073709551616\""}},
    {"limits = { max_message = \"17179869184G\"; };",
     {"t.conf:1: limits.max_message: expected a size from 125 to 64M" SIZE_HINT ", found the string \"17179869184G\""}},
    {"limits = { idle_timeout = \"213503982334602d\"; };",
     {"t.conf:1: limits.idle_timeout: expected a duration from 0 to 7d" DURATION_HINT
      ", found the string \"213503982334602d\""}},
    {"limits = { idle_timeout = 9223372036854775; };",
     {"t.conf:1: limits.idle_timeout: expected a duration from 0 to 7d" DURATION_HINT
      ", found the integer 9223372036854775"}},
    {"pool = { lobby_threads = 65; upgrade_threads = 257; session_threads = 257; };",
     {"t.conf:1: pool.lobby_threads: expected an integer from 1 to 64, found the integer 65",
      "t.conf:1: pool.upgrade_threads: expected an integer from 1 to 256, found the integer 257",
      "t.conf:1: pool.session_threads: expected an integer from 0 to 256, found the integer 257"}},
    {"unknown = 99999999999999999999;", {"t.conf:1: unknown: unknown key; the nearest known one is \"admin\""}},
};

static const struct error_case hostile_cases[] = {
    {"@include \".\"", {"t.conf:1: " INCLUDE_HINT}},
    {"limits = {\n"
     "  @include \"x.conf\"\n"
     "  max_message = 3;\n"
     "};",
     {"t.conf:2: " INCLUDE_HINT,
      "t.conf:3: limits.max_message: expected a size from 125 to 64M" SIZE_HINT ", found the integer 3"}},
    {"a = 1; @include \"self.conf\"",
     {"t.conf:1: " INCLUDE_HINT, "t.conf:1: a: unknown key; the nearest known one is \"tls\""}},
    {"@includ \".\"", {"t.conf:1: unexpected character \"@\""}},
    {"\357\273\277limits = { };", {"t.conf:1: unexpected character \"\\xef\""}},
    {"log = { file = \"\033[2J\"; };",
     {"t.conf:1: a control byte (0x1b) in a string",
      "t.conf:1: log.file: expected a file name without control bytes, found \"\\x1b[2J\""}},
    {"log = { level = \"\\x1b[2J\\xe2\\x80\\xae\"; };",
     {"t.conf:1: log.level: expected one of \"debug\", \"info\", \"notice\", \"warning\", \"error\", found the string "
      "\"\\x1b[2J\\xe2\\x80\\xae\""}},
    {"limits = { \033 = 5; };", {"t.conf:1: unexpected character \"\\x1b\""}},
};

START_TEST(test_core)
{
    check_case(&core_cases[_i]);
}
END_TEST

START_TEST(test_limits)
{
    check_case(&limits_cases[_i]);
}
END_TEST

START_TEST(test_hostile)
{
    check_case(&hostile_cases[_i]);
}
END_TEST

/* `start`, then `count` times `head`, a number and `tail`, then `end`. To be freed. */
static char *repeated(const char *start, const char *head, const char *tail, const char *end, size_t count)
{
    size_t room = strlen(start) + strlen(end) + count * (strlen(head) + strlen(tail) + 20) + 1;
    char *text = malloc(room);
    ck_assert_ptr_nonnull(text);
    size_t used = (size_t)snprintf(text, room, "%s", start);
    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(text + used, room - used, "%s%zu%s", head, i, tail);
    }
    (void)snprintf(text + used, room - used, "%s", end);
    return text;
}

struct generated_case {
    const char *start;
    const char *head;
    const char *tail;
    const char *end;
    size_t count;
    const char *line; /* the first one; NULL: there is no error */
};

static const struct generated_case bound_cases[] = {
    {"limits = { ", "a", " = 1; ", "};", SCAN_KEYS_MAX,
     "t.conf:1: limits.a0: unknown key; the nearest known one is \"memory\""},
    {"limits = { ", "a", " = 1; ", "};", SCAN_KEYS_MAX + 1,
     "t.conf:1: limits.a256: too many keys: a group may have 256"},
    {"unknown = [ 0", ",", "", "];", SCAN_VALUES_MAX - 1, "t.conf:1: too many values: a config may have 100000"},
    {"endpoints = ( ", "{ path = \"/", "\"; }, ", "{ path = \"/\"; } );", 1023, NULL},
    {"endpoints = ( ", "{ path = \"/", "\"; }, ", "{ path = \"/\"; } );", 1024,
     "t.conf:1: endpoints: expected a list of groups ( { ... }, ... ), 0 to 1024 of them, found a list ( )"},
    {"listeners = ( ", "{ address = \"*:1", "\"; }, ", "{ address = \"*:1\"; } );", 64,
     "t.conf:1: listeners: expected a list of groups ( { ... }, ... ), 1 to 64 of them, found a list ( )"},
    {"firewall = { deny = [ ", "\"::", "\", ", "\"::\" ]; };", 9999, NULL},
    {"admin = { open_to = [ ", "\"::", "\", ", "\"::\" ]; };", 1024,
     "t.conf:1: admin.open_to: expected 1024 elements at most, found 1025"},
    {"endpoints = ( { path = \"/\"; subprotocols = [ ", "\"a", "\", ", "\"a\" ]; } );", 64,
     "t.conf:1: endpoints[0].subprotocols: expected 64 elements at most, found 65"},
    {"endpoints = ( { path = \"/", "", "", "\"; } );", 1024,
     "t.conf:1: endpoints[0].path: expected a string of 1 to 1024 bytes, found 2987"},
};

START_TEST(test_bounds)
{
    const struct generated_case *bound = &bound_cases[_i];
    char *text = repeated(bound->start, bound->head, bound->tail, bound->end, bound->count);
    bool good = parse(text);
    ck_assert_msg(good == (bound->line == NULL), "%.40s: %s", text, seen.text[0]);
    if (bound->line != NULL) {
        ck_assert_str_eq(seen.text[0], bound->line);
    }
    free(text);
}
END_TEST

/* More errors than are shown: the last line counts the rest. */
START_TEST(test_error_flood)
{
    char *text = repeated("firewall = { deny = [ ", "\"x", "\", ", "\"::\" ]; };", REPORT_LINES_MAX + 1);
    ck_assert(!parse(text));
    ck_assert_uint_eq(seen.count, REPORT_LINES_MAX + 1);
    ck_assert_str_eq(seen.last, "t.conf: 1 more errors and warnings are not shown");
    free(text);
}
END_TEST

/* As deep as is allowed, and deeper. */
START_TEST(test_nesting)
{
    static const struct {
        size_t depth;
        const char *line;
    } cases[] = {
        {SCAN_DEPTH_MAX, "t.conf:1: endpoints[0]: expected a group { ... }, found a list ( )"},
        {SCAN_DEPTH_MAX + 1, "t.conf:1: nested deeper than 32"},
        {500000, "t.conf:1: nested deeper than 32"},
    };
    static const char start[] = "endpoints = ";
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t size = sizeof(start) - 1 + 2 * cases[i].depth;
        char *text = malloc(size);
        ck_assert_ptr_nonnull(text);
        memcpy(text, start, sizeof(start) - 1);
        memset(text + sizeof(start) - 1, '(', cases[i].depth);
        memset(text + sizeof(start) - 1 + cases[i].depth, ')', cases[i].depth);
        ck_assert(!parse_bytes(text, size));
        ck_assert_uint_eq(seen.count, 1);
        ck_assert_str_eq(seen.text[0], cases[i].line);
        free(text);
    }
}
END_TEST

START_TEST(test_file_size)
{
    char *text = malloc(CONFIG_FILE_MAX + 1);
    ck_assert_ptr_nonnull(text);
    memset(text, '\n', CONFIG_FILE_MAX + 1);
    memcpy(text + CONFIG_FILE_MAX - 1, "x", 1);
    ck_assert(!parse_bytes(text, CONFIG_FILE_MAX));
    ck_assert_str_eq(seen.text[0], "t.conf:1048576: x: expected \"=\" behind the name, found the end of the file");
    ck_assert(!parse_bytes(text, CONFIG_FILE_MAX + 1));
    ck_assert_str_eq(seen.text[0], "t.conf: larger than 1048576 bytes");
    free(text);
}
END_TEST

START_TEST(test_nul)
{
    static const char in_string[] = "state_dir = \"a\0b\";";
    static const char in_comment[] = "\n\n# \0\nlimits = 5;";
    ck_assert(!parse_bytes(in_string, sizeof(in_string) - 1));
    ck_assert_uint_eq(seen.count, 1);
    ck_assert_str_eq(seen.text[0], "t.conf:1: a NUL byte: this is not a text file");
    ck_assert(!parse_bytes(in_comment, sizeof(in_comment) - 1));
    ck_assert_str_eq(seen.text[0], "t.conf:3: a NUL byte: this is not a text file");
}
END_TEST

/* A text with every kind of token, cut at each byte, and with each byte replaced by others: errors, never a crash. */
START_TEST(test_damaged)
{
    static const char text[] =
        "# c\nlisteners = ( { address = \"[::]:1\"; }, { address = \"*:0\"; backlog = 0x10; } );\n"
        "/* c */ limits : { max_message = 70000L, idle_timeout = \"1h\" send_queue = \"1\" \"M\" };\n"
        "firewall = { deny = [ \"192.0.2.0/24\", \"::1\" ]; connection_rate = { rate = -1.5e-3; }; };\n"
        "endpoints = ( { path = \"/\\x41\\\\\"; subprotocols = ( \"a\" ); } ); // end";
    static const char others[] = "\0\n\"\\({[;=,#/*@0x-.L\x80\xff";
    char copy[sizeof(text)];
    for (size_t i = 0; i < sizeof(text); i++) {
        (void)parse_bytes(text, i);
    }
    memcpy(copy, text, sizeof(text));
    for (size_t i = 0; i < sizeof(text) - 1; i++) {
        for (size_t j = 0; j < sizeof(others) - 1; j++) {
            copy[i] = others[j];
            (void)parse_bytes(copy, sizeof(copy) - 1);
        }
        copy[i] = text[i];
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config_errors");
    TCase *core = tcase_create("core");
    TCase *limits = tcase_create("limits");
    TCase *hostile = tcase_create("hostile");
    tcase_add_loop_test(core, test_core, 0, (int)COUNT(core_cases));
    tcase_add_loop_test(limits, test_limits, 0, (int)COUNT(limits_cases));
    tcase_add_loop_test(limits, test_bounds, 0, (int)COUNT(bound_cases));
    tcase_add_test(limits, test_error_flood);
    tcase_add_test(limits, test_nesting);
    tcase_add_test(limits, test_file_size);
    tcase_add_loop_test(hostile, test_hostile, 0, (int)COUNT(hostile_cases));
    tcase_add_test(hostile, test_nul);
    tcase_add_test(hostile, test_damaged);
    tcase_set_timeout(limits, 60);
    tcase_set_timeout(hostile, 60);
    suite_add_tcase(suite, core);
    suite_add_tcase(suite, limits);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
