/*
 * check_credentials - the daily look at when certificates end, by a clock that the test moves.
 */
#define _DEFAULT_SOURCE /* mkdtemp */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <check.h>

#include "issue.h"
#include "runner.h"
#include "server/credentials.h"
#include "server/loop/loop.h"

#define HOUR_MS      (60 * 60 * UINT64_C(1000))
#define DAY_MS       (24 * HOUR_MS)
#define CLOSE_MS     60000
#define CONTENT_SIZE 16384

static char folder[] = "/tmp/portcullis-check-XXXXXX";

static struct log *begin_log(void)
{
    char error[256] = "";
    struct log_config config = {.level = LOG_DEBUG, .file = "log"};
    struct log *log = log_open(&config, error, sizeof(error));
    ck_assert_msg(log != NULL, "%s", error);
    return log;
}

/* The certificate ends in a day. */
static void write_pair(void)
{
    EVP_PKEY *key = issue_key();
    X509 *certificate = issue_certificate(key, 0, NULL, NULL);
    issue_write_certificate(certificate, "crt");
    issue_write_key(key, "key");
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    write_pair();
}

static void tear_down(void)
{
    (void)unlink("crt");
    (void)unlink("key");
    (void)unlink("log");
    ck_assert_int_eq(chdir("/"), 0);
    (void)rmdir(folder);
}

static void never(void *context, bool is_error, const char *line)
{
    (void)context;
    (void)is_error;
    ck_abort_msg("%s", line);
}

/* Lines of the log, which it closes, that hold the text. */
static size_t count_lines(struct log **log, const char *text)
{
    static char content[CONTENT_SIZE];
    size_t count = 0;
    log_close(log, CLOSE_MS);
    FILE *file = fopen("log", "r");
    ck_assert_ptr_nonnull(file);
    content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
    (void)fclose(file);
    for (const char *at = content; (at = strstr(at, text)) != NULL; at += strlen(text)) {
        count++;
    }
    return count;
}

static struct config make_config(const struct config_listener *listener, uint64_t warning_ms)
{
    struct config config;
    memset(&config, 0, sizeof(config));
    config.listeners = listener;
    config.listener_count = 1;
    config.tls.certificate = "crt";
    config.tls.key = "key";
    config.tls.ticket_rotation_ms = HOUR_MS;
    config.tls.expiry_warning_ms = warning_ms;
    return config;
}

/* Three days with a look an hour, as the main thread has them. How often the certificate was told of. */
static size_t live(uint64_t warning_ms, const char *text)
{
    struct config_listener listener = {.tls = true};
    struct config config = make_config(&listener, warning_ms);
    struct log *log = begin_log();
    struct credentials *credentials = credentials_create(&config, log, never, NULL);
    ck_assert_ptr_nonnull(credentials);
    const uint64_t begin_ms = loop_clock_ms();
    for (uint64_t now_ms = begin_ms; now_ms <= begin_ms + 3 * DAY_MS;) {
        uint64_t next_ms = credentials_tend(credentials, now_ms);
        ck_assert_uint_gt(next_ms, now_ms);
        ck_assert_uint_le(next_ms, now_ms + HOUR_MS);
        now_ms = next_ms;
    }
    credentials_destroy(&credentials);
    return count_lines(&log, text);
}

START_TEST(core_warned_of_daily)
{
    ck_assert_uint_eq(live(7 * DAY_MS, "it ends soon"), 4); /* at start, too */
}
END_TEST

START_TEST(core_valid_is_told_once)
{
    ck_assert_uint_eq(live(0, " certificate "), 1);
}
END_TEST

START_TEST(core_without_tls)
{
    struct config_listener listener = {.tls = false};
    struct config config = make_config(&listener, DAY_MS);
    struct log *log = begin_log();
    struct credentials *credentials = credentials_create(&config, log, never, NULL);
    ck_assert_ptr_nonnull(credentials);
    ck_assert_ptr_null(credentials_context(credentials));
    ck_assert_uint_eq(credentials_tend(credentials, loop_clock_ms() + 3 * DAY_MS), UINT64_MAX);
    credentials_destroy(&credentials);
    ck_assert_uint_eq(count_lines(&log, "certificate"), 0);
}
END_TEST

static unsigned reports;

static void count_report(void *context, bool is_error, const char *line)
{
    (void)context;
    (void)is_error;
    (void)line;
    reports++;
}

/* Whether a reload with this config makes another context. */
static bool makes_another(struct credentials *credentials, const struct config *config)
{
    SSL_CTX *next = NULL;
    ck_assert(credentials_prepare(credentials, config, never, NULL, &next));
    bool another = next != credentials_context(credentials);
    credentials_commit(credentials, config, &next);
    return another;
}

START_TEST(core_context_is_kept_while_nothing_changes)
{
    struct config_listener listener = {.tls = true};
    struct config config = make_config(&listener, DAY_MS);
    struct log *log = begin_log();
    struct credentials *credentials = credentials_create(&config, log, never, NULL);
    ck_assert_ptr_nonnull(credentials);
    ck_assert(!makes_another(credentials, &config));
    config.tls.expiry_warning_ms = HOUR_MS;
    ck_assert(!makes_another(credentials, &config));
    config.tls.strict_sni = true;
    ck_assert(makes_another(credentials, &config));
    ck_assert(!makes_another(credentials, &config));
    config.tls.min_version = CONFIG_TLS_1_3;
    ck_assert(makes_another(credentials, &config));
    config.tls.ticket_rotation_ms = 2 * HOUR_MS;
    ck_assert(makes_another(credentials, &config));
    write_pair();
    ck_assert(makes_another(credentials, &config));
    ck_assert(!makes_another(credentials, &config));
    const struct config_certificate more = {.certificate = "crt", .key = "key"};
    config.tls.certificates = &more;
    config.tls.certificate_count = 1;
    SSL_CTX *next = NULL;
    ck_assert(credentials_prepare(credentials, &config, count_report, NULL, &next)); /* warned of: it has no name */
    ck_assert_ptr_ne(next, credentials_context(credentials));
    credentials_commit(credentials, &config, &next);
    credentials_destroy(&credentials);
    ck_assert_uint_eq(count_lines(&log, " certificate "), 10 + 1); /* at each of them */
}
END_TEST

/* The same bytes, but others can read them by now. */
START_TEST(hostile_key_that_was_opened_to_all)
{
    struct config_listener listener = {.tls = true};
    struct config config = make_config(&listener, DAY_MS);
    struct log *log = begin_log();
    struct credentials *credentials = credentials_create(&config, log, never, NULL);
    ck_assert_ptr_nonnull(credentials);
    ck_assert_int_eq(chmod("key", 0644), 0);
    reports = 0;
    SSL_CTX *next = NULL;
    ck_assert(!credentials_prepare(credentials, &config, count_report, NULL, &next));
    ck_assert_uint_eq(reports, 1);
    ck_assert_int_eq(chmod("key", 0600), 0);
    ck_assert(!makes_another(credentials, &config));
    credentials_destroy(&credentials);
    log_close(&log, CLOSE_MS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("credentials");
    TCase *core = tcase_create("core");
    tcase_add_checked_fixture(core, set_up, tear_down);
    tcase_add_test(core, core_warned_of_daily);
    tcase_add_test(core, core_valid_is_told_once);
    tcase_add_test(core, core_without_tls);
    tcase_add_test(core, core_context_is_kept_while_nothing_changes);
    suite_add_tcase(suite, core);
    TCase *hostile = tcase_create("hostile");
    tcase_add_checked_fixture(hostile, set_up, tear_down);
    tcase_add_test(hostile, hostile_key_that_was_opened_to_all);
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
