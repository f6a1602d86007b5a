/*
 * check_certificate_set - which certificate a name has, and as many certificates and names as there may be.
 */
#define _DEFAULT_SOURCE /* mkdtemp */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "issue.h"
#include "runner.h"
#include "server/lobby/certificate_set.h"

#define PATH_SIZE        64
#define CERTIFICATES_MAX 1000 /* tls.certificates */
#define LINE_SIZE        1024

static char folder[PATH_SIZE];
static char key_file[PATH_SIZE + 16];
static EVP_PKEY *key;
static size_t file_count;

struct reports {
    size_t errors;
    size_t warnings;
    char first[LINE_SIZE]; /* warning */
    char last[LINE_SIZE];
};

static void keep(void *context, bool is_error, const char *line)
{
    struct reports *reports = context;
    *(is_error ? &reports->errors : &reports->warnings) += 1;
    if (!is_error && reports->warnings == 1) {
        (void)snprintf(reports->first, sizeof(reports->first), "%s", line);
    }
    (void)snprintf(reports->last, sizeof(reports->last), "%s", line);
}

static void set_up(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/portcullis-check-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(key_file, sizeof(key_file), "%s/key", folder);
    key = issue_key();
    issue_write_key(key, key_file);
    file_count = 0;
}

static void path_of(char path[PATH_SIZE + 16], size_t number)
{
    (void)snprintf(path, PATH_SIZE + 16, "%s/%zu.crt", folder, number);
}

static void tear_down(void)
{
    char path[PATH_SIZE + 16];
    for (size_t i = 0; i < file_count; i++) {
        path_of(path, i);
        (void)unlink(path);
    }
    (void)unlink(key_file);
    (void)rmdir(folder);
    EVP_PKEY_free(key);
}

/* The file of a new certificate; to be freed. */
static char *make(size_t name_count, issue_name_fn *name, void *context)
{
    char path[PATH_SIZE + 16];
    X509 *certificate = issue_certificate(key, name_count, name, context);
    path_of(path, file_count++);
    issue_write_certificate(certificate, path);
    X509_free(certificate);
    char *file = strdup(path);
    ck_assert_ptr_nonnull(file);
    return file;
}

/* A set of the certificates in so many files, which it frees. */
static struct certificate_set *load(char *const *files, size_t count, struct reports *reports)
{
    struct config config;
    struct config_certificate *more = calloc(count, sizeof(*more));
    ck_assert_ptr_nonnull(more);
    memset(&config, 0, sizeof(config));
    memset(reports, 0, sizeof(*reports));
    for (size_t i = 1; i < count; i++) {
        more[i - 1] = (struct config_certificate){.certificate = files[i], .key = key_file};
    }
    config.tls.certificate = files[0];
    config.tls.key = key_file;
    config.tls.certificates = more;
    config.tls.certificate_count = count - 1;
    struct certificate_set *set = certificate_set_load(&config, keep, reports);
    free(more);
    for (size_t i = 0; i < count; i++) {
        free(files[i]);
    }
    return set;
}

/* The number of the certificate that a name has, or -1. */
static int found(const struct certificate_set *set, const char *name)
{
    const struct certificate_choice *choice = certificate_set_find(set, name);
    for (size_t i = 0; choice != NULL && i < certificate_set_count(set); i++) {
        if (choice->of[CERTIFICATE_EC] == certificate_set_at(set, i)) {
            return (int)i;
        }
    }
    return -1;
}

static void from_list(char *name, size_t size, size_t index, void *context)
{
    (void)snprintf(name, size, "%s", ((const char *const *)context)[index]);
}

START_TEST(core_names)
{
    static const char *first[] = {"A.example.com", "*.example.com", "a.example.com"};
    static const char *second[] = {"a.example.com", "b.example.com", "*.b.example.com", "*", "x*.test", "c.test."};
    char *files[] = {make(3, from_list, first), make(6, from_list, second), make(0, NULL, NULL)};
    struct reports reports;
    struct certificate_set *set = load(files, 3, &reports);
    ck_assert_ptr_nonnull(set);
    ck_assert_uint_eq(certificate_set_count(set), 3);
    ck_assert_int_eq(found(set, "a.example.com"), 0); /* both have it */
    ck_assert_int_eq(found(set, "b.example.com"), 1); /* the exact one before the wildcard */
    ck_assert_int_eq(found(set, "c.example.com"), 0);
    ck_assert_int_eq(found(set, "c.b.example.com"), 1);
    ck_assert_int_eq(found(set, "d.c.b.example.com"), -1);
    ck_assert_int_eq(found(set, "example.com"), -1);
    ck_assert_int_eq(found(set, "com"), -1);
    ck_assert_int_eq(found(set, "xy.test"), -1);
    ck_assert_int_eq(found(set, "c.test"), -1);
    ck_assert_ptr_eq(certificate_set_default(set)->of[CERTIFICATE_EC], certificate_set_at(set, 0));
    ck_assert_ptr_null(certificate_set_default(set)->of[CERTIFICATE_RSA]);
    ck_assert_uint_eq(reports.errors, 0);
    ck_assert_uint_eq(reports.warnings, 2);
    ck_assert_ptr_nonnull(strstr(reports.first, "2.crt: not used: it has no DNS name"));
    ck_assert_ptr_nonnull(strstr(reports.last, "1.crt: a.example.com is served with the certificate of "));
    certificate_set_destroy(&set);
    ck_assert_ptr_null(set);
}
END_TEST

/* Numbered through all certificates: `context` is the number of the first. */
static void numbered(char *name, size_t size, size_t index, void *context)
{
    (void)snprintf(name, size, "n%zu.test", *(const size_t *)context + index);
}

START_TEST(limits_certificates)
{
    enum { COUNT = CERTIFICATES_MAX + 1 };
    char **files = calloc(COUNT, sizeof(*files));
    ck_assert_ptr_nonnull(files);
    for (size_t i = 0; i < COUNT; i++) {
        files[i] = make(1, numbered, &i);
    }
    struct reports reports;
    struct certificate_set *set = load(files, COUNT, &reports);
    ck_assert_ptr_nonnull(set);
    ck_assert_uint_eq(certificate_set_count(set), COUNT);
    for (int i = 0; i < COUNT; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "n%d.test", i);
        ck_assert_int_eq(found(set, name), i);
    }
    ck_assert_int_eq(found(set, "n1001.test"), -1);
    certificate_set_destroy(&set);
    free(files);
}
END_TEST

START_TEST(limits_names_of_one)
{
    size_t first = 0;
    char *files[] = {make(CERTIFICATE_NAMES_MAX, numbered, &first)};
    struct reports reports;
    struct certificate_set *set = load(files, 1, &reports);
    ck_assert_ptr_nonnull(set);
    ck_assert_int_eq(found(set, "n0.test"), 0);
    ck_assert_int_eq(found(set, "n9999.test"), 0);
    certificate_set_destroy(&set);
    files[0] = make(CERTIFICATE_NAMES_MAX + 1, numbered, &first);
    ck_assert_ptr_null(load(files, 1, &reports));
    ck_assert_uint_eq(reports.errors, 1);
    ck_assert_ptr_nonnull(strstr(reports.last, "it is for more than 10000 names"));
}
END_TEST

/* As many as there may be, and with `one_more` a name too many. */
static struct certificate_set *load_names(bool one_more, struct reports *reports)
{
    enum { COUNT = CERTIFICATE_SET_NAMES_MAX / CERTIFICATE_NAMES_MAX };
    char *files[COUNT + 1];
    for (size_t i = 0; i < COUNT; i++) {
        size_t first = i * CERTIFICATE_NAMES_MAX;
        files[i] = make(CERTIFICATE_NAMES_MAX, numbered, &first);
    }
    size_t last = CERTIFICATE_SET_NAMES_MAX;
    files[COUNT] = make(one_more ? 1 : 0, numbered, &last);
    return load(files, COUNT + 1, reports);
}

START_TEST(limits_names_of_all)
{
    struct reports reports;
    struct certificate_set *set = load_names(false, &reports);
    ck_assert_ptr_nonnull(set);
    ck_assert_int_eq(found(set, "n0.test"), 0);
    ck_assert_int_eq(found(set, "n55555.test"), 5);
    ck_assert_int_eq(found(set, "n99999.test"), 9);
    ck_assert_int_eq(found(set, "n100000.test"), -1);
    certificate_set_destroy(&set);
    ck_assert_ptr_null(load_names(true, &reports));
    ck_assert_uint_eq(reports.errors, 1);
    ck_assert_str_eq(reports.last, "tls: the certificates have too many names");
}
END_TEST

START_TEST(hostile_all_errors_are_told)
{
    size_t first = 0;
    char *files[] = {strdup("/nonexistent/a"), make(1, numbered, &first), strdup("/nonexistent/b")};
    struct reports reports;
    ck_assert_ptr_null(load(files, 3, &reports));
    ck_assert_uint_eq(reports.errors, 2);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tests = tcase_create(name);
    tcase_add_checked_fixture(tests, set_up, tear_down);
    suite_add_tcase(suite, tests);
    return tests;
}

int main(void)
{
    Suite *suite = suite_create("certificate_set");
    tcase_add_test(add_case(suite, "core"), core_names);
    TCase *limits = add_case(suite, "limits");
    tcase_add_test(limits, limits_certificates);
    tcase_add_test(limits, limits_names_of_one);
    tcase_add_test(limits, limits_names_of_all);
    tcase_add_test(add_case(suite, "hostile"), hostile_all_errors_are_told);
    return runner_run(suite);
}
