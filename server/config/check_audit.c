/*
 * check_audit - what the audit file is to say of messages, users and addresses, and the key of its digests.
 * Called by check.c, on the thread that loads.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "auth/secret.h"
#include "server/config/check_private.h"

#define FILE_MAX (DIGEST_KEY_MAX + 2) /* with the newline that is not part of the key */

static const char section[] = "log";
static const char key_name[] = "digest_key_file";

static bool is_same_file(const struct check *check, const char *file, const char *other)
{
    struct stat a;
    struct stat b;
    return strcmp(file, other) == 0 || (check->use_files && stat(file, &a) == 0 && stat(other, &b) == 0 &&
                                        a.st_dev == b.st_dev && a.st_ino == b.st_ino);
}

/* A client chooses what it sends, and the digest of it under the secret of tokens would be the signature of a token: whoever
 * reads the audit file could make them. Of other secrets it would help to find them out. */
static void refuse_double_use(struct check *check, const struct place *place, const char *file)
{
    const struct config *config = check->config;
    for (size_t i = 0; i < config->auth.key_count; i++) {
        const struct config_key *key = &config->auth.keys[i];
        if ((key->secret_file[0] != '\0' && is_same_file(check, file, key->secret_file)) ||
            (key->private_key_file[0] != '\0' && is_same_file(check, file, key->private_key_file))) {
            report_error(check->report, place->line, place->path,
                         "auth.keys[%zu] has this file: digests under the key of tokens would give tokens away", i);
            return;
        }
    }
    for (size_t i = 0; i < config->admin.token_count; i++) {
        if (is_same_file(check, file, config->admin.tokens[i].token_file)) {
            report_error(check->report, place->line, place->path,
                         "admin.tokens[%zu] has this file: a key must be for one purpose", i);
            return;
        }
    }
}

/* Without the newline that files of text end with. */
static size_t size_of_key(const struct secret *secret)
{
    size_t size = secret->size;
    if (size > 0 && secret->bytes[size - 1] == '\n') {
        size--;
        size -= size > 0 && secret->bytes[size - 1] == '\r' ? 1 : 0;
    }
    return size;
}

static void prepare(struct check *check, const void *key, size_t key_size)
{
    if (!audit_prepare(&check->config->audit, key, key_size)) {
        check->arena->failed = true;
    }
}

/* A key that is not there yet is made at the start, and the config loaded again. */
static void load_key(struct check *check, const struct place *place, const char *file)
{
    struct secret secret = {NULL, 0};
    const unsigned errors = check->report->errors;
    check_secret_file(check, place, file, true);
    if (check->report->errors > errors) {
        return;
    }
    const enum secret_status status = secret_load(file, FILE_MAX, &secret);
    const size_t size = size_of_key(&secret);
    if (status == SECRET_UNREADABLE) {
        report_error(check->report, place->line, place->path, "%s %s: %s", file, secret_status_text(status),
                     strerror(errno));
    } else if (status != SECRET_OK && status != SECRET_MISSING) {
        report_error(check->report, place->line, place->path, "%s %s", file, secret_status_text(status));
    } else if (status == SECRET_OK && (size < DIGEST_KEY_MIN || size > DIGEST_KEY_MAX)) {
        report_error(check->report, place->line, place->path, "%s has a key of %zu bytes; it must have %d to %d", file,
                     size, DIGEST_KEY_MIN, DIGEST_KEY_MAX);
    } else if (status == SECRET_OK) {
        prepare(check, secret.bytes, size);
    }
    secret_free(&secret);
}

void check_audit(struct check *check)
{
    struct config *config = check->config;
    struct place place;
    place_of(&place, check, section, key_name);
    if (config->digest_key_file[0] == '\0') {
        prepare(check, NULL, 0);
        return;
    }
    config->digest_key_file = check_resolve(check, config->state_dir, config->digest_key_file);
    if (check->arena->failed) {
        return;
    }
    const unsigned errors = check->report->errors;
    refuse_double_use(check, &place, config->digest_key_file);
    if (check->use_files && check->report->errors == errors) {
        load_key(check, &place, config->digest_key_file);
    }
}

/* ---- warnings ---- */

static void warn_of_key(struct check *check, const char *key, enum audit_names names, const char *what)
{
    if (names == AUDIT_NAMES_DIGEST && check->config->digest_key_file[0] == '\0') {
        struct place place;
        place_of(&place, check, section, key);
        report_warning(check->report, place.line, place.path,
                       "log.digest_key_file is not given: whoever reads the file can find %s out by trial", what);
    }
}

void check_warn_audit(struct check *check)
{
    const struct config *config = check->config;
    const struct audit_policy *audit = &config->audit;
    const bool digests = audit->messages == AUDIT_MESSAGES_DIGEST || audit->users == AUDIT_NAMES_DIGEST ||
                         audit->addresses == AUDIT_NAMES_DIGEST;
    struct place place;
    warn_of_key(check, "audit_users", audit->users, "users");
    warn_of_key(check, "audit_addresses", audit->addresses, "addresses");
    if (config->digest_key_file[0] != '\0' && !digests) {
        place_of(&place, check, section, key_name);
        report_warning(check->report, place.line, place.path,
                       "neither audit_messages nor audit_users nor audit_addresses is \"digest\": it is not used");
    }
    if (config->log.audit_file[0] == '\0' && (digests || audit->messages != AUDIT_MESSAGES_NONE)) {
        place_of(&place, check, section, "audit_file");
        report_warning(check->report, place.line, place.path,
                       "none is given: what audit_messages, audit_users and audit_addresses say has no effect");
    }
}
