/*
 * check_door - the self-check: this program does not borrow listen() and accept(), so the door must refuse to serve.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <check.h>

#include "runner.h"
#include "server/config/config.h"
#include "server/door/door.h"
#include "server/door/placeholder.h"

static void report(void *context, bool is_error, const char *line)
{
    (void)context;
    (void)is_error;
    puts(line);
}

static const struct config *load_small_config(void)
{
    static const char text[] = "limits = { max_lobby = 16; };\n";
    char path[] = "/tmp/check_door.XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    close(fd);
    const struct config *config = config_load(path, report, NULL);
    unlink(path);
    ck_assert_ptr_nonnull(config);
    return config;
}

START_TEST(core_refuses_to_serve_without_the_borrowed_calls)
{
    const struct config *config = load_small_config();
    struct gate_config firewall = {.table_size = 16};
    struct gate *gate = gate_create(&firewall);
    struct session_pool *sessions = session_pool_create(&(struct session_pool_setup){.threads = 1}, NULL, gate);
    struct ready_ring *ring = ready_ring_create(LOBBY_HANDED_MAX + 1);
    struct readiness readiness = {0};
    struct lobby_setup lobby_setup = {
        .threads = 1, .config = config, .gate = gate, .readiness = &readiness, .ring = ring};
    struct lobby *lobby = lobby_create(&lobby_setup);
    ck_assert_ptr_nonnull(gate);
    ck_assert_ptr_nonnull(sessions);
    ck_assert_ptr_nonnull(ring);
    ck_assert_ptr_nonnull(lobby);

    struct door_setup setup = {.lobby_threads = 1,
                               .session_threads = 1,
                               .upgrade_threads = 1,
                               .lobby = lobby,
                               .sessions = sessions,
                               .ring = ring};
    char error[256] = "";
    struct door *door = door_start(&setup, error, sizeof(error));
    ck_assert_ptr_null(door);
    ck_assert_str_eq(error, "self-check failed: civetweb does not call our listen()");

    lobby_destroy(&lobby);
    ready_ring_destroy(&ring);
    session_pool_destroy(&sessions);
    gate_destroy(&gate);
    config_unref(&config);
}
END_TEST

START_TEST(core_placeholders_are_noted_on_one_thread_only)
{
    struct placeholder_set set;
    ck_assert(!placeholder_listen(3));
    placeholder_note_begin(&set);
    ck_assert(placeholder_listen(3));
    ck_assert(placeholder_listen(4));
    ck_assert(!placeholder_listen(5)); /* more than there are */
    placeholder_note_end();
    ck_assert(!placeholder_listen(6));
    ck_assert_uint_eq(set.count, 2);
    ck_assert_int_eq(set.fds[0], 3);
    ck_assert_int_eq(set.fds[1], 4);
}
END_TEST

START_TEST(limits_unknown_descriptor_is_an_ordinary_one)
{
    struct ready_entry entry;
    ck_assert_int_eq(placeholder_accept(0, &entry), PLACEHOLDER_OTHER);
    ck_assert_int_eq(placeholder_accept(-1, &entry), PLACEHOLDER_OTHER);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("door");
    TCase *core = tcase_create("core");
    tcase_add_test(core, core_refuses_to_serve_without_the_borrowed_calls);
    tcase_add_test(core, core_placeholders_are_noted_on_one_thread_only);
    tcase_set_timeout(core, 60);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_test(limits, limits_unknown_descriptor_is_an_ordinary_one);
    suite_add_tcase(suite, limits);
    return runner_run(suite);
}
