/*
 * check_directory - sessions are found from outside of their loops: listed in order, ended, revoked; and no loop is waited for that does
 * not answer.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include "logging/clock.h"
#include "server/session/directory.h"
#include "server/session/session.h"

#define LOOPS 2
#define MANY  300 /* sessions */

static struct session_pool *pool;
static struct revocations *revocations;
static struct token_context tokens;
static struct gate *gate;
static const struct config *config;
static pthread_t threads[LOOPS];
static int peers[MANY];
static int peer_count;
static bool stopped;
static const struct handler *handler;

static void report(void *context, bool is_error, const char *line)
{
    (void)context;
    (void)is_error;
    puts(line);
}

static const struct config *load(const char *text)
{
    char path[] = "/tmp/check_directory.XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    const struct config *loaded = config_load(path, report, NULL);
    unlink(path);
    ck_assert_ptr_nonnull(loaded);
    return loaded;
}

static void *run(void *argument)
{
    session_pool_run(pool, (unsigned)(uintptr_t)argument);
    return NULL;
}

static void set_up(void)
{
    static const struct gate_config firewall = {.table_size = 4096};
    config =
        load("limits = { user_sessions = 2; user_excess = \"close_oldest\"; ping_interval = 0; idle_timeout = 0; };\n"
             "endpoints = ( { path = \"/a\"; handler = \"echo\"; }, { path = \"/b\"; handler = \"echo\"; } );\n");
    gate = gate_create(&firewall);
    revocations = revocations_create();
    ck_assert_ptr_nonnull(gate);
    ck_assert_ptr_nonnull(revocations);
    tokens = (struct token_context){.revocations = revocations};
    const struct session_pool_setup setup = {.threads = LOOPS, .tokens = &tokens};
    pool = session_pool_create(&setup, NULL, gate);
    ck_assert_ptr_nonnull(pool);
    peer_count = 0;
    stopped = false;
    handler = &echo_handler;
    for (uintptr_t i = 0; i < LOOPS; i++) {
        ck_assert_int_eq(pthread_create(&threads[i], NULL, run, (void *)i), 0);
    }
}

static void stop(void)
{
    session_pool_refuse(pool);
    session_pool_drain(pool, 0, 0);
    for (int i = 0; i < LOOPS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    }
    stopped = true;
}

static void tear_down(void)
{
    for (int i = 0; i < peer_count; i++) {
        close(peers[i]);
    }
    if (!stopped) {
        stop();
    }
    ck_assert_uint_eq(session_pool_open(pool), 0);
    session_pool_destroy(&pool);
    revocations_destroy(&revocations);
    gate_destroy(&gate);
    config_unref(&config);
}

/* NULL user: a session without identity. The text is copied as token_check() does it: one block. */
static struct identity *make_identity(const char *user, const char *token_id, int64_t issued_at_s)
{
    size_t user_size = strlen(user) + 1;
    size_t id_size = strlen(token_id) + 1;
    struct identity *identity = calloc(1, sizeof(*identity) + user_size + id_size);
    ck_assert_ptr_nonnull(identity);
    char *text = (char *)(identity + 1);
    memcpy(text, user, user_size);
    memcpy(text + user_size, token_id, id_size);
    *identity = (struct identity){
        .user = text,
        .token_id = text + user_size,
        .issuer = "",
        .key_id = "test",
        .issued_at_s = issued_at_s,
        .expires_at_s = IDENTITY_FOREVER,
        .claims = "{}",
        .claims_size = 2,
    };
    return identity;
}

static enum session_status start(size_t endpoint, struct identity *identity)
{
    static const char answer[] = "101";
    int pair[2];
    ck_assert_int_lt(peer_count, MANY);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    struct session_offer offer = {
        .transport = {.fd = pair[0]},
        .port = 4711,
        .config = config,
        .endpoint = &config->endpoints[endpoint],
        .handler = handler,
        .answer = answer,
        .answer_size = strlen(answer),
        .identity = identity,
    };
    struct address from;
    ck_assert_int_eq(address_parse("192.0.2.7", strlen("192.0.2.7"), &from), ADDRESS_OK);
    ck_assert_int_eq(gate_admit(gate, &from, 0, &offer.pass), GATE_ADMIT);
    enum session_status status = session_start(pool, &offer);
    if (status != SESSION_OK) {
        gate_release(gate, &offer.pass);
        close(pair[0]);
        close(pair[1]);
        identity_free(&identity);
        return status;
    }
    peers[peer_count++] = pair[1];
    return status;
}

struct seen {
    size_t count;
    uint64_t ids[MANY];
    char last_user[32];
};

static void note(void *context, const struct session_view *view)
{
    struct seen *seen = context;
    ck_assert_uint_lt(seen->count, MANY);
    ck_assert(seen->count == 0 || view->id > seen->ids[seen->count - 1]);
    seen->ids[seen->count++] = view->id;
    (void)snprintf(seen->last_user, sizeof(seen->last_user), "%s", view->user);
    ck_assert_str_eq(view->handler, "echo");
    ck_assert_uint_eq(view->port, 4711);
    ck_assert_str_eq(view->claims, view->authenticated ? "{}" : "");
    ck_assert_int_le(view->opened_ms, clock_real_ms() + 1000);
}

static struct seen list(const struct session_filter *filter, uint64_t after, size_t limit)
{
    struct seen seen = {0};
    ck_assert(session_directory_list(pool, filter, after, limit, note, &seen));
    return seen;
}

static size_t end(const struct session_filter *filter)
{
    bool complete = false;
    size_t count = session_directory_end(pool, filter, CAUSE_KICKED, &complete);
    ck_assert(complete);
    return count;
}

/* Each of its own user, so that the cap has nothing to say. */
static void start_many(int count)
{
    for (int i = 0; i < count; i++) {
        char user[32];
        (void)snprintf(user, sizeof(user), "user-%d", i);
        ck_assert_int_eq(start((size_t)i % 2, i % 3 == 0 ? NULL : make_identity(user, "", 0)), SESSION_OK);
    }
}

START_TEST(core_pages_in_order)
{
    const struct session_filter any = {0};
    start_many(MANY);
    struct seen all = list(&any, 0, SESSION_LIST_MAX);
    ck_assert_uint_eq(all.count, MANY);
    size_t met = 0;
    uint64_t after = 0;
    for (;;) {
        struct seen page = list(&any, after, 7);
        for (size_t i = 0; i < page.count; i++) {
            ck_assert_uint_eq(page.ids[i], all.ids[met]);
            met++;
        }
        if (page.count < 7) {
            break;
        }
        after = page.ids[page.count - 1];
    }
    ck_assert_uint_eq(met, MANY);
    ck_assert_uint_eq(list(&any, UINT64_MAX, 1).count, 0);
}
END_TEST

START_TEST(core_filters)
{
    struct prefix prefix;
    start_many(30);
    ck_assert_uint_eq(list(&(struct session_filter){.user = "user-1"}, 0, 100).count, 1);
    ck_assert_str_eq(list(&(struct session_filter){.user = "user-1"}, 0, 100).last_user, "user-1");
    ck_assert_uint_eq(list(&(struct session_filter){.user = ""}, 0, 100).count, 10);
    ck_assert_uint_eq(list(&(struct session_filter){.endpoint = "/b"}, 0, 100).count, 15);
    ck_assert_uint_eq(list(&(struct session_filter){.endpoint = "/b", .user = "user-1"}, 0, 100).count, 1);
    ck_assert_uint_eq(list(&(struct session_filter){.endpoint = "/a", .user = "user-1"}, 0, 100).count, 0);
    ck_assert_int_eq(prefix_parse("192.0.2.0/24", strlen("192.0.2.0/24"), &prefix), ADDRESS_OK);
    ck_assert_uint_eq(list(&(struct session_filter){.prefix = &prefix}, 0, 100).count, 30);
    ck_assert_int_eq(prefix_parse("192.0.2.8", strlen("192.0.2.8"), &prefix), ADDRESS_OK);
    ck_assert_uint_eq(list(&(struct session_filter){.prefix = &prefix}, 0, 100).count, 0);
}
END_TEST

START_TEST(core_ends)
{
    const struct session_filter any = {0};
    start_many(MANY);
    ck_assert_uint_eq(end(&any), 0); /* without a condition it is nobody */
    uint64_t id = list(&any, 0, 1).ids[0];
    ck_assert_uint_eq(end(&(struct session_filter){.id = id}), 1);
    ck_assert_uint_eq(end(&(struct session_filter){.id = id}), 0);
    ck_assert_uint_eq(end(&(struct session_filter){.endpoint = "/b"}), MANY / 2);
    ck_assert_uint_eq(end(&(struct session_filter){.endpoint = "/b"}), 0);
    ck_assert_uint_eq(list(&any, 0, SESSION_LIST_MAX).count, MANY / 2 - 1);
}
END_TEST

static void revoke(enum revocation_kind kind, const char *subject, int64_t before_s)
{
    static uint64_t id;
    const struct revocation revocation = {.id = ++id,
                                          .kind = kind,
                                          .subject = subject,
                                          .before_s = before_s,
                                          .since_s = 1000,
                                          .until_s = INT64_MAX / 2,
                                          .by = "test",
                                          .reason = ""};
    ck_assert_int_eq(revocations_add(revocations, &revocation), REVOCATION_OK);
}

START_TEST(core_revokes)
{
    bool complete = false;
    ck_assert_int_eq(start(0, make_identity("ann", "one", 500)), SESSION_OK);
    ck_assert_int_eq(start(0, make_identity("ann", "two", 2000)), SESSION_OK);
    ck_assert_int_eq(start(0, make_identity("bob", "three", 500)), SESSION_OK);
    ck_assert_int_eq(start(0, NULL), SESSION_OK);
    ck_assert_uint_eq(session_directory_revoke(pool, revocations, &complete), 0);
    revoke(REVOCATION_USER, "ann", 1000);
    ck_assert_uint_eq(session_directory_revoke(pool, revocations, &complete), 1);
    ck_assert(complete);
    revoke(REVOCATION_TOKEN, "three", 0);
    ck_assert_uint_eq(session_directory_revoke(pool, revocations, &complete), 1);
    const struct session_filter any = {0};
    ck_assert_uint_eq(list(&any, 0, 10).count, 2);
    /* Who was on its way when the loops were asked looks for itself. */
    ck_assert_int_eq(start(0, make_identity("ann", "one", 500)), SESSION_OK);
    ck_assert_uint_eq(list(&any, 0, 10).count, 2);
}
END_TEST

static atomic_int opened;
static atomic_int closed;

static void count_opened(struct session *session)
{
    (void)session;
    atomic_fetch_add(&opened, 1);
}

static void count_closed(struct session *session, enum cause cause)
{
    (void)session;
    ck_assert_int_eq(cause, CAUSE_KICKED);
    atomic_fetch_add(&closed, 1);
}

/* A session that ends before it has begun is none of the handler's. */
START_TEST(core_handler_hears_of_both_or_neither)
{
    static const struct handler counting = {.name = "counting", .opened = count_opened, .closed = count_closed};
    handler = &counting;
    atomic_store(&opened, 0);
    atomic_store(&closed, 0);
    revoke(REVOCATION_USER, "ann", 1000);
    ck_assert_int_eq(start(0, make_identity("ann", "one", 500)), SESSION_OK);
    struct identity *late = make_identity("eve", "three", 500);
    late->expires_at_s = 1000; /* on its way */
    ck_assert_int_eq(start(0, late), SESSION_OK);
    ck_assert_int_eq(start(0, make_identity("bob", "two", 500)), SESSION_OK);
    ck_assert_uint_eq(end(&(struct session_filter){.endpoint = "/a"}), 1);
    stop();
    ck_assert_int_eq(atomic_load(&opened), 1);
    ck_assert_int_eq(atomic_load(&closed), 1);
}
END_TEST

/* Across loops: sessions go to them in turn. */
START_TEST(core_oldest_is_replaced)
{
    const struct session_filter ann = {.user = "ann"};
    for (int i = 0; i < 7; i++) {
        ck_assert_int_eq(start(0, make_identity("ann", "", 0)), SESSION_OK);
    }
    struct seen seen;
    do {
        seen = list(&ann, 0, 10);
    } while (seen.count > 2);
    ck_assert_uint_eq(seen.count, 2);
    ck_assert_uint_eq(seen.ids[0], 6);
    ck_assert_uint_eq(seen.ids[1], 7);
}
END_TEST

/* ---- a loop that is stuck, and others that come and go ---- */

static atomic_bool stuck;
static atomic_bool sticks;

static void stick(struct loop_message *message)
{
    (void)message;
    atomic_store(&sticks, true);
    while (atomic_load(&stuck)) {
        (void)poll(NULL, 0, 1);
    }
}

START_TEST(hostile_stuck_loop)
{
    struct loop_message message = {.deliver = stick};
    const struct session_filter any = {0};
    const struct session_filter all = {.endpoint = "/a"};
    bool complete = true;
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(start(0, NULL), SESSION_OK);
    }
    ck_assert_uint_eq(list(&any, 0, 10).count, 4); /* they have arrived */
    atomic_store(&stuck, true);
    ck_assert(loop_post(session_pool_loop(pool, 0), &message));
    struct seen seen = {0};
    ck_assert(!session_directory_list(pool, &any, 0, 10, note, &seen));
    ck_assert_uint_eq(seen.count, 2); /* of the other loop */
    ck_assert_uint_eq(session_directory_end(pool, &all, CAUSE_KICKED, &complete), 2);
    ck_assert(!complete);
    atomic_store(&stuck, false);
    ck_assert_uint_eq(list(&any, 0, 10).count, 0); /* the late loop has done it all the same */
}
END_TEST

static void forget(struct loop_message *message)
{
    (void)message;
}

/* Until the loop, which is stuck, takes no more. */
static void fill_inbox(struct loop *loop)
{
    enum { MORE_THAN_ROOM = 10000 };
    static struct loop_message messages[MORE_THAN_ROOM];
    size_t count = 0;
    do {
        ck_assert_uint_lt(count, MORE_THAN_ROOM);
        messages[count].deliver = forget;
    } while (loop_post(loop, &messages[count++]));
}

/* That there is no room for newcomers keeps nobody from being ended. */
START_TEST(hostile_full_inbox)
{
    struct loop_message message = {.deliver = stick};
    const struct session_filter any = {0};
    bool complete = true;
    for (size_t i = 0; i < LOOPS; i++) {
        ck_assert_int_eq(start(0, make_identity("ann", "", 0)), SESSION_OK);
    }
    for (size_t i = 0; i < LOOPS; i++) {
        ck_assert_int_eq(start(1, NULL), SESSION_OK);
    }
    ck_assert_uint_eq(list(&any, 0, 10).count, 4); /* they have arrived */
    atomic_store(&stuck, true);
    atomic_store(&sticks, false);
    ck_assert(loop_post(session_pool_loop(pool, 0), &message));
    while (!atomic_load(&sticks)) {
        (void)poll(NULL, 0, 1);
    }
    fill_inbox(session_pool_loop(pool, 0));
    ck_assert_int_eq(start(0, NULL), SESSION_BUSY);
    ck_assert_int_eq(start(0, make_identity("ann", "", 0)), SESSION_OK); /* the oldest has to go, on the full loop */
    ck_assert_uint_eq(session_directory_end(pool, &(struct session_filter){.endpoint = "/b"}, CAUSE_KICKED, &complete),
                      1);
    ck_assert(!complete);
    atomic_store(&stuck, false);
    struct seen seen = list(&any, 0, 10);
    ck_assert_uint_eq(seen.count, 2);
    ck_assert_uint_eq(seen.ids[0], 2);
    ck_assert_str_eq(seen.last_user, "ann");
}
END_TEST

static void ignore(void *context, const struct session_view *view)
{
    (void)context;
    (void)view;
}

static void *ask_all_the_time(void *argument)
{
    (void)argument;
    while (!atomic_load(&stuck)) { /* until told */
        bool complete;
        struct session_filter some = {.endpoint = "/b"};
        (void)session_directory_end(pool, &some, CAUSE_KICKED, &complete);
        ck_assert(session_directory_list(pool, &some, 0, 5, ignore, NULL));
        (void)session_directory_revoke(pool, revocations, &complete);
    }
    return NULL;
}

START_TEST(hostile_come_and_go)
{
    pthread_t askers[2];
    const struct session_filter any = {0};
    atomic_store(&stuck, false);
    revoke(REVOCATION_USER, "user-1", 1000);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_create(&askers[i], NULL, ask_all_the_time, NULL), 0);
    }
    for (int round = 0; round < 20; round++) {
        start_many(MANY);
        ck_assert_uint_le(list(&any, 0, SESSION_LIST_MAX).count, MANY);
        for (int i = 0; i < MANY; i++) {
            close(peers[i]);
        }
        peer_count = 0;
        while (list(&any, 0, 1).count > 0) {
        }
    }
    atomic_store(&stuck, true);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_join(askers[i], NULL), 0);
    }
    atomic_store(&stuck, false);
}
END_TEST

/* Loops that have ended have no sessions, and are not waited for. */
START_TEST(limits_ended_loops)
{
    const struct session_filter any = {0};
    start_many(10);
    ck_assert_uint_eq(list(&any, 0, 10).count, 10);
    stop();
    ck_assert_uint_eq(list(&any, 0, 10).count, 0);
    ck_assert_uint_eq(end(&(struct session_filter){.endpoint = "/a"}), 0);
}
END_TEST

static void add(Suite *suite, const char *name, const TTest *const *tests, size_t count)
{
    TCase *tests_case = tcase_create(name);
    tcase_add_checked_fixture(tests_case, set_up, tear_down);
    for (size_t i = 0; i < count; i++) {
        tcase_add_test(tests_case, tests[i]);
    }
    suite_add_tcase(suite, tests_case);
}

int main(void)
{
    Suite *suite = suite_create("directory");
    const TTest *const core[] = {core_pages_in_order,
                                 core_filters,
                                 core_ends,
                                 core_revokes,
                                 core_oldest_is_replaced,
                                 core_handler_hears_of_both_or_neither};
    const TTest *const hostile[] = {hostile_stuck_loop, hostile_full_inbox, hostile_come_and_go};
    add(suite, "core", core, 6);
    const TTest *const limits[] = {limits_ended_loops};
    add(suite, "limits", limits, 1);
    add(suite, "hostile", hostile, 3);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
