/*
 * check_admin_api - requests to the admin API without a socket: from the bytes of a head and a body to the reply. Store and
 * sessions are stood in for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <check.h>

#include "server/admin/api.h"
#include "server/admin/route.h"
#include "server/session/directory.h"

#define PORT 9090

/* ---- stand-ins ---- */

static struct revocation kept[8];
static char kept_subjects[8][REVOCATION_SUBJECT_MAX + 1];
static size_t kept_count;
static uint64_t last_id;
static enum store_status store_answers;
static struct session_filter filter_seen;
static char filter_user[64];
static size_t sessions_matching;
static bool loops_answer;

enum store_status store_add_revocation(struct store *store, const struct revocation *revocation, uint64_t *id_r)
{
    (void)store;
    if (store_answers != STORE_OK) {
        return store_answers;
    }
    kept[kept_count] = *revocation;
    snprintf(kept_subjects[kept_count], sizeof(kept_subjects[0]), "%s", revocation->subject);
    kept[kept_count].subject = kept_subjects[kept_count];
    kept[kept_count].by = "operator";
    kept[kept_count].reason = "";
    kept[kept_count].id = *id_r = ++last_id;
    kept_count++;
    return STORE_OK;
}

enum store_status store_remove_revocation(struct store *store, uint64_t id, bool *found_r)
{
    (void)store;
    *found_r = false;
    for (size_t i = 0; i < kept_count && store_answers == STORE_OK; i++) {
        if (kept[i].id == id) {
            kept[i].id = 0;
            *found_r = true;
        }
    }
    return store_answers;
}

enum store_status store_list_revocations(struct store *store, int64_t now_s, uint64_t after, size_t limit,
                                         void (*each)(void *context, const struct revocation *revocation),
                                         void *context)
{
    (void)store;
    (void)now_s;
    for (size_t i = 0; i < kept_count && limit > 0; i++) {
        if (kept[i].id > after) {
            each(context, &kept[i]);
            limit--;
        }
    }
    return store_answers;
}

void store_describe(struct store *store, struct store_state *state_r)
{
    (void)store;
    *state_r = (struct store_state){.error = "disk full"};
}

bool session_directory_list(struct session_pool *pool, const struct session_filter *filter, uint64_t after,
                            size_t limit, void (*each)(void *context, const struct session_view *view), void *context)
{
    (void)pool;
    filter_seen = *filter;
    for (uint64_t id = after + 1; id <= sessions_matching && id - after <= limit; id++) {
        const struct session_view view = {.id = id,
                                          .user = "ann",
                                          .token_id = "",
                                          .key_id = "dev",
                                          .endpoint = "/",
                                          .handler = "echo",
                                          .protocol = "",
                                          .claims = "{\"sub\":\"ann\"}",
                                          .expires_s = INT64_MAX};
        each(context, &view);
    }
    return loops_answer;
}

size_t session_directory_end(struct session_pool *pool, const struct session_filter *filter, enum cause cause,
                             bool *complete_r)
{
    (void)pool;
    ck_assert_int_eq(cause, CAUSE_KICKED);
    filter_seen = *filter;
    snprintf(filter_user, sizeof(filter_user), "%s", filter->user != NULL ? filter->user : "");
    *complete_r = loops_answer;
    return sessions_matching;
}

size_t session_directory_revoke(struct session_pool *pool, struct revocations *revocations, bool *complete_r)
{
    (void)pool;
    ck_assert_uint_gt(revocations_count(revocations), 0); /* they count before sessions are looked at */
    *complete_r = loops_answer;
    return sessions_matching;
}

/* ---- a server ---- */

static char folder[] = "/tmp/check_admin_api.XXXXXX";
static const struct config *config;
static struct access *access_in_force;
static struct revocations *revocations;
static struct guesses *guesses;
static struct readiness readiness;

static void report(void *context, bool is_error, const char *line)
{
    (void)context;
    (void)is_error;
    puts(line);
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(chmod(path, S_IRUSR | S_IWUSR), 0);
}

/* A server with this section auth. */
static void set_up_with(const char *auth)
{
    char text[1024];
    char path[128];
    char error[512] = "";
    snprintf(folder, sizeof(folder), "/tmp/check_admin_api.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(text, sizeof(text),
             "state_dir = \"%s\";\n"
             "admin = { names = [ \"portcullis.example\" ]; open_to = [ \"192.0.2.0/24\" ];\n"
             " tokens = ( { name = \"operator\"; token_file = \"w\"; role = \"write\"; },\n"
             "            { name = \"eye\"; token_file = \"r\"; } ); };\n"
             "auth = { %s };\n",
             folder, auth);
    write_file("portcullis.conf", text);
    write_file("w", "write-token-0123456789\n");
    write_file("r", "read-token-0123456789.");
    snprintf(path, sizeof(path), "%s/portcullis.conf", folder);
    config = config_load(path, report, NULL);
    ck_assert_ptr_nonnull(config);
    access_in_force = access_create(config, error, sizeof(error));
    ck_assert_msg(access_in_force != NULL, "%s", error);
    revocations = revocations_create();
    guesses = guesses_create();
    ck_assert(revocations != NULL && guesses != NULL);
    readiness_set(&readiness, READINESS_SERVING);
    kept_count = 0;
    last_id = 0;
    store_answers = STORE_OK;
    sessions_matching = 0;
    loops_answer = true;
}

static void set_up(void)
{
    set_up_with("");
}

static void tear_down(void)
{
    static const char *const names[] = {"portcullis.conf", "w", "r"};
    access_unref(&access_in_force);
    config_unref(&config);
    revocations_destroy(&revocations);
    guesses_destroy(&guesses);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    ck_assert_int_eq(rmdir(folder), 0);
}

/* The reply to "METHOD path" with these fields and this body (NULL: none). The caller clears it. */
static struct reply ask(const char *line, const char *fields, const char *body)
{
    char bytes[4096];
    struct head_scan scan = {.takes_bodies = true};
    struct front_request request = {.body = body, .body_size = body != NULL ? strlen(body) : 0, .port = 1234};
    struct api api = {.revocations = revocations, .guesses = guesses, .readiness = &readiness, .port = PORT};
    ck_assert_int_eq(address_parse("127.0.0.1", 9, &api.address), ADDRESS_OK);
    ck_assert_int_eq(address_parse("127.0.0.1", 9, &request.from), ADDRESS_OK);
    int size = snprintf(bytes, sizeof(bytes), "%s HTTP/1.1\r\n%s\r\n", line, fields);
    ck_assert_int_eq(head_check(bytes, (size_t)size, sizeof(bytes), &scan, &request.head), HEAD_OK);
    request.bytes = bytes;
    return api_answer(&api, access_in_force, &request);
}

#define HOST   "Host: 127.0.0.1:9090\r\n"
#define WRITER HOST "Authorization: Bearer write-token-0123456789\r\n"
#define READER HOST "Authorization: bearer read-token-0123456789.\r\n"
#define JSON   WRITER "Content-Type: application/json\r\n"

/* One request; `code` is the error's, or NULL for none. */
struct exchange {
    const char *line;
    const char *fields;
    const char *body;
    unsigned status;
    const char *code;
};

static void check_exchanges(const struct exchange *exchanges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct exchange *e = &exchanges[i];
        struct reply reply = ask(e->line, e->fields, e->body);
        const char *code = reply_code(&reply);
        ck_assert_msg(reply.status == e->status, "%zu: %s: %u", i, e->line, reply.status);
        ck_assert_msg((code == NULL) == (e->code == NULL) && (code == NULL || strcmp(code, e->code) == 0),
                      "%zu: %s: %s", i, e->line, code);
        reply_clear(&reply);
    }
}
#define CHECK_EXCHANGES(exchanges) check_exchanges(exchanges, sizeof(exchanges) / sizeof((exchanges)[0]))

START_TEST(core_who_asks)
{
    static const struct exchange exchanges[] = {
        {"GET /api/v1/sessions", WRITER, NULL, 200, NULL},
        {"GET /api/v1/sessions", READER, NULL, 200, NULL},
        {"DELETE /api/v1/sessions?user=a", READER, NULL, 403, "forbidden"},
        {"GET /api/v1/sessions", HOST, NULL, 401, "missing_token"},
        {"GET /api/v1/sessions", HOST "Authorization: Bearer write-token-0123456788\r\n", NULL, 401, "wrong_token"},
        {"GET /api/v1/sessions", HOST "Authorization: Bearer write-token-012345678\r\n", NULL, 401, "wrong_token"},
        {"GET /api/v1/sessions", HOST "Authorization: Basic write-token-0123456789\r\n", NULL, 401, "missing_token"},
        {"GET /nothing", HOST, NULL, 401, "missing_token"},
        {"GET /nothing", READER, NULL, 404, "not_found"},
        {"GET /healthz", HOST, NULL, 401, "missing_token"}, /* 127.0.0.1 is not in open_to */
        {"GET /healthz", READER, NULL, 200, NULL},
        {"GET /readyz", READER, NULL, 200, NULL},
    };
    CHECK_EXCHANGES(exchanges);
    readiness_set(&readiness, READINESS_STOPPING);
    const struct exchange stopping[] = {{"GET /readyz", READER, NULL, 503, "not_ready"}};
    CHECK_EXCHANGES(stopping);
}
END_TEST

START_TEST(core_hosts)
{
    static const struct {
        const char *host;
        bool good;
    } hosts[] = {
        {"127.0.0.1:9090", true},
        {"portcullis.example:9090", true},
        {"PORTCULLIS.EXAMPLE:9090", true},
        {"127.0.0.1", false},
        {"127.0.0.1:90900", false},
        {"127.0.0.1:909", false},
        {"portcullis.example", false},
        {"localhost:9090", false},
        {"xportcullis.example:9090", false},
        {"portcullis.example.:9090", false},
        {"[::1]:9090", false},
        {"127.0.0.2:9090", false},
        {"[::ffff:127.0.0.1]:9090", false},
    };
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        struct address address;
        ck_assert_int_eq(address_parse("127.0.0.1", 9, &address), ADDRESS_OK);
        struct head_span host = {hosts[i].host, strlen(hosts[i].host)};
        ck_assert_msg(access_host_is_ours(access_in_force, host, &address, PORT) == hosts[i].good, "%s", hosts[i].host);
    }
    struct address address;
    ck_assert_int_eq(address_parse("127.0.0.1", 9, &address), ADDRESS_OK);
    ck_assert(access_host_is_ours(access_in_force, (struct head_span){"127.0.0.1", 9}, &address, 80));
    ck_assert(!access_host_is_ours(access_in_force, (struct head_span){"", 0}, &address, PORT));
    static const struct exchange wrong[] = {{"GET /healthz", "Host: evil.example:9090\r\n", NULL, 421, "wrong_host"}};
    CHECK_EXCHANGES(wrong);
}
END_TEST

START_TEST(core_routes)
{
    const char *item = NULL;
    char allow[REPLY_ALLOW_SIZE];
    ck_assert_ptr_nonnull(route_find("GET", "/api/v1/sessions", &item, allow));
    ck_assert_ptr_null(item);
    ck_assert_ptr_nonnull(route_find("DELETE", "/api/v1/sessions/17", &item, allow));
    ck_assert_str_eq(item, "17");
    ck_assert_ptr_null(route_find("PUT", "/api/v1/revocations", &item, allow));
    ck_assert_str_eq(allow, "GET, POST, DELETE");
    ck_assert_ptr_null(route_find("get", "/api/v1/revocations", &item, allow));
    ck_assert_str_eq(allow, "GET, POST, DELETE");
    static const char *const none[] = {"",         "/", "/api/v1/sessions/", "/api/v1/sessions/1/", "/api/v1/sessionsx",
                                       "/healthz/"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        ck_assert_ptr_null(route_find("GET", none[i], &item, allow));
        ck_assert_str_eq(allow, "");
    }
}
END_TEST

START_TEST(core_revocations)
{
    sessions_matching = 2;
    struct reply reply = ask("POST /api/v1/revocations", JSON, "{\"user\":\"ann\",\"reason\":\"lost\"}");
    ck_assert_uint_eq(reply.status, 201);
    ck_assert_int_eq(json_integer_value(json_object_get(reply.body, "sessions_ended")), 2);
    const json_t *made = json_object_get(reply.body, "revocation");
    ck_assert_str_eq(json_string_value(json_object_get(made, "user")), "ann");
    ck_assert_str_eq(json_string_value(json_object_get(made, "by")), "operator");
    reply_clear(&reply);
    ck_assert_uint_eq(kept_count, 1);
    int64_t lifetime = kept[0].until_s - kept[0].since_s;
    ck_assert_int_ge(lifetime, (int64_t)(config->auth.max_token_lifetime_ms / 1000));
    ck_assert_uint_eq(revocations_count(revocations), 1);
    static const struct exchange exchanges[] = {
        {"POST /api/v1/revocations", JSON, "{\"issued_before\":1700000000}", 201, NULL},
        {"POST /api/v1/revocations", JSON, "{\"token_id\":\"x\"}", 201, NULL},
        {"DELETE /api/v1/revocations?user=bob", WRITER, NULL, 404, "not_found"},
        {"DELETE /api/v1/revocations?user=ann", WRITER, NULL, 200, NULL},
        {"DELETE /api/v1/revocations?issued_before=2023-11-14T22:13:20Z", WRITER, NULL, 200, NULL},
        {"DELETE /api/v1/revocations/3", WRITER, NULL, 200, NULL},
        {"DELETE /api/v1/revocations/3", WRITER, NULL, 404, "not_found"},
        {"DELETE /api/v1/revocations", WRITER, NULL, 400, "missing_field"},
        {"DELETE /api/v1/revocations?user=a&token_id=b", WRITER, NULL, 400, "missing_field"},
    };
    CHECK_EXCHANGES(exchanges);
    ck_assert_uint_eq(revocations_count(revocations), 0);
}
END_TEST

/* How long one is kept: until no token that it is about can be shown any more. */
START_TEST(core_kept_long_enough)
{
    static const struct {
        const char *auth;
        int64_t leeway_s;
        int64_t kept_s;
    } rows[] = {
        {"max_token_lifetime = \"1h\";", 0, 3600 + 1},
        {"max_token_lifetime = \"1h\"; leeway = \"1500ms\";", 2, 3600 + 2 * 2 + 1},
        {"max_token_lifetime = \"1h\"; leeway = \"10m\";", 600, 3600 + 2 * 600 + 1},
        {"max_token_lifetime = \"1h\"; require_expiry = false;", 0, IDENTITY_FOREVER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tear_down();
        set_up_with(rows[i].auth);
        char ahead[64];
        snprintf(ahead, sizeof(ahead), "{\"issued_before\":%lld}", (long long)time(NULL) + 30);
        const char *const bodies[] = {"{\"user\":\"ann\"}", "{\"token_id\":\"x\"}", ahead};
        for (size_t j = 0; j < sizeof(bodies) / sizeof(bodies[0]); j++) {
            struct reply reply = ask("POST /api/v1/revocations", JSON, bodies[j]);
            ck_assert_uint_eq(reply.status, 201);
            const json_t *until = json_object_get(json_object_get(reply.body, "revocation"), "until");
            const bool forever = rows[i].kept_s == IDENTITY_FOREVER;
            int64_t from_s = kept[j].before_s > kept[j].since_s ? kept[j].before_s : kept[j].since_s;
            ck_assert_int_eq(kept[j].until_s, forever ? IDENTITY_FOREVER : from_s + rows[i].kept_s);
            ck_assert(forever ? json_is_null(until) : json_is_string(until));
            /* "Until now" of a signer's clock that is ahead. */
            ck_assert(j != 0 || kept[j].before_s == kept[j].since_s + rows[i].leeway_s);
            reply_clear(&reply);
        }
    }
}
END_TEST

/* Those that are over make room for new ones. */
START_TEST(limits_room)
{
    for (uint64_t id = 1; id <= REVOCATIONS_MAX; id++) {
        const struct revocation over = {.id = id + REVOCATIONS_MAX,
                                        .before_s = (int64_t)id,
                                        .subject = "u",
                                        .by = "",
                                        .reason = "",
                                        .until_s = id == 1 ? 1 : IDENTITY_FOREVER};
        ck_assert_int_eq(revocations_add(revocations, &over), REVOCATION_OK);
    }
    static const struct exchange exchanges[] = {
        {"POST /api/v1/revocations", JSON, "{\"token_id\":\"x\"}", 201, NULL},
        {"POST /api/v1/revocations", JSON, "{\"token_id\":\"y\"}", 503, NULL},
    };
    CHECK_EXCHANGES(exchanges);
    ck_assert_uint_eq(revocations_count(revocations), REVOCATIONS_MAX);
}
END_TEST

/* What the store does not keep does not count. */
START_TEST(limits_store)
{
    static const struct {
        enum store_status status;
        unsigned answer;
        const char *code;
    } failures[] = {{STORE_BROKEN, 503, "store_failed"},
                    {STORE_STOPPED, 503, "stopping"},
                    {STORE_BUSY, 503, "busy"},
                    {STORE_LATE, 503, "late"},
                    {STORE_FULL, 507, "store_full"}};
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        store_answers = failures[i].status;
        const struct exchange exchanges[] = {
            {"POST /api/v1/revocations", JSON, "{\"user\":\"a\"}", failures[i].answer, failures[i].code},
            {"GET /api/v1/revocations", READER, NULL, failures[i].answer, failures[i].code},
            {"DELETE /api/v1/revocations/1", WRITER, NULL, failures[i].answer, failures[i].code},
        };
        CHECK_EXCHANGES(exchanges);
        ck_assert_uint_eq(revocations_count(revocations), 0);
    }
}
END_TEST

START_TEST(core_sessions)
{
    sessions_matching = 3;
    struct reply reply = ask("GET /api/v1/sessions?limit=2&user=a%20%C3%A9&ip=192.0.2.0%2F24", READER, NULL);
    ck_assert_uint_eq(reply.status, 200);
    ck_assert_uint_eq(json_array_size(json_object_get(reply.body, "sessions")), 2);
    ck_assert_int_eq(json_integer_value(json_object_get(reply.body, "next")), 2);
    const json_t *first = json_array_get(json_object_get(reply.body, "sessions"), 0);
    ck_assert(json_is_null(json_object_get(first, "expires")));
    ck_assert_ptr_null(json_object_get(first, "claims"));
    reply_clear(&reply);
    reply = ask("GET /api/v1/sessions/1", READER, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(json_object_get(reply.body, "claims"), "sub")), "ann");
    reply_clear(&reply);
    reply = ask("DELETE /api/v1/sessions?user=ann", WRITER, NULL);
    ck_assert_int_eq(json_integer_value(json_object_get(reply.body, "ended")), 3);
    ck_assert_str_eq(filter_user, "ann");
    reply_clear(&reply);
    loops_answer = false;
    sessions_matching = 0;
    static const struct exchange exchanges[] = {
        {"GET /api/v1/sessions", READER, NULL, 503, "busy"},
        {"GET /api/v1/sessions/7", READER, NULL, 503, "busy"},
        {"DELETE /api/v1/sessions/7", WRITER, NULL, 200, NULL}, /* "complete" is false */
        {"DELETE /api/v1/sessions/0", WRITER, NULL, 404, "not_found"},
        {"DELETE /api/v1/sessions/x", WRITER, NULL, 404, "not_found"},
        {"DELETE /api/v1/sessions/18446744073709551616", WRITER, NULL, 404, "not_found"},
    };
    CHECK_EXCHANGES(exchanges);
}
END_TEST

START_TEST(hostile_bodies)
{
    static const struct exchange exchanges[] = {
        {"POST /api/v1/revocations", JSON, "", 400, "missing_body"},
        {"POST /api/v1/revocations", WRITER, "{}", 415, "unsupported_media_type"},
        {"POST /api/v1/revocations", JSON, "{}", 400, "missing_field"},
        {"POST /api/v1/revocations", JSON, "[[[[[[[[[[[[[[[[", 400, "invalid_json"},
        {"POST /api/v1/revocations", JSON, "{\"user\":\"\xff\"}", 400, "invalid_json"},
        {"POST /api/v1/revocations", JSON, "{\"user\":\"a\",\"\\u0075ser\":\"b\"}", 400, "invalid_json"},
        {"POST /api/v1/revocations", JSON, "{\"user\":\"a\\u0000b\"}", 400, "invalid_json"},
        {"POST /api/v1/revocations", JSON, "{\"user\":\"a\\nb\"}", 400, "invalid_field"},
        {"POST /api/v1/revocations", JSON, "{\"user\":[]}", 400, "invalid_field"},
        {"POST /api/v1/revocations", JSON, "{\"User\":\"a\"}", 400, "unknown_field"},
        {"GET /api/v1/sessions", WRITER, "{}", 400, "unexpected_body"},
    };
    CHECK_EXCHANGES(exchanges);
    ck_assert_uint_eq(kept_count, 0);
}
END_TEST

/* Wrong ones are told to wait after a while; the right one never is. */
START_TEST(hostile_guesses)
{
    unsigned waits = 0;
    for (int i = 0; i < 100; i++) {
        struct reply reply = ask("GET /api/v1/sessions", HOST "Authorization: Bearer guess\r\n", NULL);
        waits += reply.status == 429 ? 1 : 0;
        ck_assert(reply.status == 429 || reply.status == 401);
        reply_clear(&reply);
    }
    ck_assert_uint_gt(waits, 0);
    static const struct exchange right[] = {{"GET /api/v1/sessions", READER, NULL, 200, NULL}};
    CHECK_EXCHANGES(right);
}
END_TEST

/* However many addresses he has: what is written of his attempts is bounded. */
START_TEST(hostile_guesses_from_everywhere)
{
    unsigned allowed = 0;
    for (unsigned i = 0; i < 1000; i++) {
        char text[32];
        struct address peer;
        int size = snprintf(text, sizeof(text), "127.1.%u.%u", i / 250, i % 250);
        ck_assert_int_eq(address_parse(text, (size_t)size, &peer), ADDRESS_OK);
        allowed += guesses_allow(guesses, &peer, 1000000) ? 1 : 0;
    }
    ck_assert_uint_ge(allowed, 10);
    ck_assert_uint_le(allowed, 100);
}
END_TEST

START_TEST(core_format)
{
    size_t size = 0;
    struct reply reply = reply_error(405, "method_not_allowed", "%s", "\xc3\xa9\x1b[31m\"");
    memcpy(reply.allow, "GET", 4);
    char *bytes = reply_format(&reply, false, &size);
    static const char expected[] =
        "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: application/json\r\nContent-Length: 71\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n"
        "Allow: GET\r\n\r\n"
        "{\"error\":{\"code\":\"method_not_allowed\",\"message\":\"\\u00E9\\u001B[31m\\\"\"}}\n";
    ck_assert_uint_eq(size, strlen(expected));
    ck_assert(memcmp(bytes, expected, size) == 0);
    free(bytes);
    bytes = reply_format(&reply, true, &size);
    ck_assert_uint_eq(size, (size_t)(strstr(expected, "{") - expected));
    free(bytes);
    reply_clear(&reply);
    reply = reply_json(200, NULL); /* no memory */
    bytes = reply_format(&reply, false, &size);
    ck_assert(strncmp(bytes, "HTTP/1.1 503 ", 13) == 0);
    free(bytes);
    reply = reply_error(400, "x", "%0510d\xc3\xa9", 0); /* cut within a character */
    ck_assert_ptr_nonnull(reply.body);
    reply_clear(&reply);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("admin_api");
    const struct {
        const char *name;
        const TTest *tests[8];
    } cases[] = {
        {"core",
         {core_who_asks, core_hosts, core_routes, core_revocations, core_kept_long_enough, core_sessions, core_format}},
        {"limits", {limits_store, limits_room}},
        {"hostile", {hostile_bodies, hostile_guesses, hostile_guesses_from_everywhere}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        TCase *tcase = tcase_create(cases[i].name);
        tcase_add_checked_fixture(tcase, set_up, tear_down);
        for (size_t j = 0; j < 8 && cases[i].tests[j] != NULL; j++) {
            tcase_add_test(tcase, cases[i].tests[j]);
        }
        suite_add_tcase(suite, tcase);
    }
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
