/*
 * credentials - makes, exchanges and tends the TLS context; see credentials.h. Called by server.c and main.c on the main thread.
 */
#define _DEFAULT_SOURCE /* gmtime_r */
#include "server/credentials.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include "server/lobby/certificate_set.h"
#include "server/lobby/ticket_keys.h"
#include "server/lobby/tls.h"
#include "server/loop/loop.h"

#define DAY_MS         (24 * 60 * 60 * UINT64_C(1000))
#define TIME_TEXT_SIZE sizeof("2026-03-01T12:00:00Z")
#define NAMES_SIZE     400 /* of the names in a line; the count tells of those that do not fit */
#define LINE_SIZE      1024
#define SUBJECT_SIZE   256

struct credentials {
    struct log *log;
    SSL_CTX *context;
    struct ticket_keys *tickets;
    uint64_t rotate_ms; /* when the keys are looked at next */
    uint64_t look_ms;   /* when the certificates are */
    uint64_t warning_ms;
};

/* ---- when certificates end ---- */

enum standing { STANDING_VALID, STANDING_ENDS_SOON, STANDING_EXPIRED, STANDING_NOT_YET };

static const struct {
    enum log_level level;
    const char *text;
} standings[] = {
    [STANDING_VALID] = {LOG_INFO, "valid"},
    [STANDING_ENDS_SOON] = {LOG_WARNING, "it ends soon: renew it"},
    [STANDING_EXPIRED] = {LOG_ERROR, "it has expired: clients refuse it; it is served for want of a better one"},
    [STANDING_NOT_YET] = {LOG_ERROR, "it is not valid yet: clients refuse it; it is served for want of a better one"},
};

static enum standing standing_of(const struct certificate *certificate, int64_t now_s, uint64_t warning_ms)
{
    if (now_s > certificate->not_after_s) {
        return STANDING_EXPIRED;
    }
    if (now_s < certificate->not_before_s) {
        return STANDING_NOT_YET;
    }
    return (uint64_t)(certificate->not_after_s - now_s) < warning_ms / 1000 ? STANDING_ENDS_SOON : STANDING_VALID;
}

static const char *format_time(int64_t seconds, char text[TIME_TEXT_SIZE])
{
    time_t time = (time_t)seconds;
    struct tm parts;
    if (gmtime_r(&time, &parts) == NULL || strftime(text, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
        text[0] = '\0'; /* a year of more than four digits */
    }
    return text;
}

static const char *join_names(const struct certificate *certificate, char text[NAMES_SIZE])
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < certificate->name_count; i++) {
        size_t size = strlen(certificate->names[i]);
        if (size + 2 > NAMES_SIZE - used) {
            break;
        }
        used += (size_t)snprintf(text + used, NAMES_SIZE - used, "%s%s", used > 0 ? "," : "", certificate->names[i]);
    }
    return text;
}

static void log_certificate(struct log *log, const struct certificate *certificate, int64_t now_s,
                            enum standing standing)
{
    char names[NAMES_SIZE];
    char begins[TIME_TEXT_SIZE];
    char ends[TIME_TEXT_SIZE];
    log_event(log, standings[standing].level, "certificate", log_str("file", certificate->file),
              log_str("names", join_names(certificate, names)), log_u64("name_count", certificate->name_count),
              log_str("not_before", format_time(certificate->not_before_s, begins)),
              log_str("not_after", format_time(certificate->not_after_s, ends)),
              log_i64("days_left", certificate_days_left(certificate, now_s)),
              log_str("detail", standings[standing].text));
}

/* One behind the leaf: a client that does not know it otherwise refuses the whole chain. */
static void log_link(struct log *log, const struct certificate *link, size_t place, int64_t now_s,
                     enum standing standing)
{
    char subject[SUBJECT_SIZE];
    char begins[TIME_TEXT_SIZE];
    char ends[TIME_TEXT_SIZE];
    log_event(log, standings[standing].level, "certificate_chain", log_str("file", link->file), log_u64("place", place),
              log_str("subject", certificate_subject(link, subject, sizeof(subject))),
              log_str("not_before", format_time(link->not_before_s, begins)),
              log_str("not_after", format_time(link->not_after_s, ends)),
              log_i64("days_left", certificate_days_left(link, now_s)), log_str("detail", standings[standing].text));
}

static void log_chain(const struct credentials *credentials, const struct certificate *certificate, int64_t now_s)
{
    for (size_t i = 0; i < certificate_chain_count(certificate); i++) {
        struct certificate link = certificate_chain_at(certificate, i);
        enum standing standing = standing_of(&link, now_s, credentials->warning_ms);
        if (standing != STANDING_VALID) {
            log_link(credentials->log, &link, i + 2, now_s, standing);
        }
    }
}

/* All of them, or those alone that somebody must see to. */
static void log_certificates(const struct credentials *credentials, bool all)
{
    const struct certificate_set *set = tls_certificates(credentials->context);
    int64_t now_s = (int64_t)time(NULL);
    for (size_t i = 0; i < certificate_set_count(set); i++) {
        const struct certificate *certificate = certificate_set_at(set, i);
        enum standing standing = standing_of(certificate, now_s, credentials->warning_ms);
        if (all || standing != STANDING_VALID) {
            log_certificate(credentials->log, certificate, now_s, standing);
        }
        log_chain(credentials, certificate, now_s);
    }
}

/* ---- life ---- */

static bool uses_tls(const struct config *config)
{
    for (size_t i = 0; i < config->listener_count; i++) {
        if (config->listeners[i].tls) {
            return true;
        }
    }
    return false;
}

/* A config that is in force, its context too. */
static void take(struct credentials *credentials, const struct config *config)
{
    uint64_t now_ms = loop_clock_ms();
    credentials->warning_ms = config->tls.expiry_warning_ms;
    credentials->look_ms = now_ms + DAY_MS;
    ticket_keys_set_rotation(credentials->tickets, config->tls.ticket_rotation_ms);
    credentials->rotate_ms = ticket_keys_rotate(credentials->tickets, now_ms);
    log_certificates(credentials, true);
}

struct credentials *credentials_create(const struct config *config, struct log *log, config_report_fn *report,
                                       void *context)
{
    struct credentials *credentials = calloc(1, sizeof(*credentials));
    if (credentials == NULL) {
        report(context, true, "tls: no memory");
        return NULL;
    }
    credentials->log = log;
    if (!uses_tls(config)) {
        return credentials;
    }
    /* OpenSSL would do both by itself, but go on when they have failed, and crash. */
    if (OSSL_LIB_CTX_get0_global_default() != NULL && OPENSSL_init_ssl(0, NULL) == 1) {
        credentials->tickets = ticket_keys_create(config->tls.ticket_rotation_ms, loop_clock_ms());
    }
    if (credentials->tickets == NULL) {
        report(context, true, "tls: no memory or no randomness for ticket keys");
        credentials_destroy(&credentials);
        return NULL;
    }
    credentials->context = tls_context_create(config, credentials->tickets, report, context);
    if (credentials->context == NULL) {
        credentials_destroy(&credentials);
        return NULL;
    }
    take(credentials, config);
    return credentials;
}

void credentials_destroy(struct credentials **credentials_pointer)
{
    struct credentials *credentials = *credentials_pointer;
    if (credentials == NULL) {
        return;
    }
    *credentials_pointer = NULL;
    SSL_CTX_free(credentials->context);
    ticket_keys_destroy(&credentials->tickets);
    free(credentials);
}

SSL_CTX *credentials_context(const struct credentials *credentials)
{
    return credentials->context;
}

/* ---- reload ---- */

bool credentials_prepare(const struct credentials *credentials, const struct config *config, config_report_fn *report,
                         void *context, SSL_CTX **next_r)
{
    SSL_CTX *next = credentials->context;
    if (next != NULL && uses_tls(config) && !tls_context_is_current(next, config)) {
        next = tls_context_create(config, credentials->tickets, report, context);
        if (next == NULL) {
            return false;
        }
    } else if (next != NULL) {
        SSL_CTX_up_ref(next);
    }
    *next_r = next;
    return true;
}

void credentials_commit(struct credentials *credentials, const struct config *config, SSL_CTX **next)
{
    SSL_CTX_free(credentials->context);
    credentials->context = *next;
    *next = NULL;
    if (credentials->context != NULL && uses_tls(config)) {
        take(credentials, config);
    }
}

/* ---- as time goes by ---- */

uint64_t credentials_tend(struct credentials *credentials, uint64_t now_ms)
{
    if (credentials->context == NULL) {
        return UINT64_MAX;
    }
    if (now_ms >= credentials->rotate_ms) {
        credentials->rotate_ms = ticket_keys_rotate(credentials->tickets, now_ms);
    }
    if (now_ms >= credentials->look_ms) {
        credentials->look_ms = now_ms + DAY_MS;
        log_certificates(credentials, false);
    }
    return credentials->rotate_ms < credentials->look_ms ? credentials->rotate_ms : credentials->look_ms;
}

/* ---- --check-config ---- */

/* `place` in the file: 1 is the leaf. */
static void report_certificate(const struct certificate *certificate, size_t place, uint64_t warning_ms,
                               config_report_fn *report, void *context)
{
    int64_t now_s = (int64_t)time(NULL);
    enum standing standing = standing_of(certificate, now_s, warning_ms);
    if (standing == STANDING_VALID) {
        return;
    }
    char line[LINE_SIZE];
    char link[sizeof("certificate 12345: ")] = "";
    char begins[TIME_TEXT_SIZE];
    char ends[TIME_TEXT_SIZE];
    if (place > 1) {
        (void)snprintf(link, sizeof(link), "certificate %u: ", (unsigned)place % 100000);
    }
    (void)snprintf(line, sizeof(line), "%.600s: %svalid from %s to %s (%" PRId64 " days left): %s", certificate->file,
                   link, format_time(certificate->not_before_s, begins), format_time(certificate->not_after_s, ends),
                   certificate_days_left(certificate, now_s), standings[standing].text);
    report(context, false, line);
}

static void report_certificates(const SSL_CTX *tls, uint64_t warning_ms, config_report_fn *report, void *context)
{
    const struct certificate_set *set = tls_certificates(tls);
    for (size_t i = 0; i < certificate_set_count(set); i++) {
        const struct certificate *certificate = certificate_set_at(set, i);
        report_certificate(certificate, 1, warning_ms, report, context);
        for (size_t j = 0; j < certificate_chain_count(certificate); j++) {
            struct certificate link = certificate_chain_at(certificate, j);
            report_certificate(&link, j + 2, warning_ms, report, context);
        }
    }
}

bool credentials_check(const struct config *config, config_report_fn *report, void *context)
{
    if (!uses_tls(config)) {
        return true;
    }
    bool good = false;
    SSL_CTX *tls = NULL;
    struct ticket_keys *tickets = ticket_keys_create(config->tls.ticket_rotation_ms, loop_clock_ms());
    if (tickets == NULL) {
        report(context, true, "tls: no memory or no randomness for ticket keys");
    } else {
        tls = tls_context_create(config, tickets, report, context);
    }
    if (tls != NULL) {
        report_certificates(tls, config->tls.expiry_warning_ms, report, context);
        good = true;
    }
    SSL_CTX_free(tls);
    ticket_keys_destroy(&tickets);
    return good;
}
