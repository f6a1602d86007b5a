/*
 * secrets - makes missing secrets. Called by server.c at the start and at a reload, by main.c for --check-config, and by
 * portcullisctl before it signs.
 */
#include "server/secrets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/algorithm.h"
#include "auth/secret.h"
#include "server/state_dir.h"

/* Bytes of the key's secret, if it has one and that is missing; else 0. */
static size_t missing_size(const struct config_key *key)
{
    enum algorithm algorithm;
    if (key->secret_file[0] == '\0' || !algorithm_find(key->algorithm, strlen(key->algorithm), &algorithm)) {
        return 0;
    }
    return secret_check(key->secret_file) == SECRET_MISSING ? algorithm_hash_bits(algorithm) / 8 : 0;
}

size_t secrets_missing(const struct config *config, secrets_name_fn *name, void *context)
{
    size_t count = 0;
    for (size_t i = 0; i < config->auth.key_count; i++) {
        if (missing_size(&config->auth.keys[i]) > 0) {
            name(context, config->auth.keys[i].secret_file);
            count++;
        }
    }
    return count;
}

static void count_only(void *context, const char *file)
{
    (void)context;
    (void)file;
}

/* Whether root has a user to become. */
static bool is_to_change(const struct config *config)
{
    return config->privileges.user[0] != '\0' && geteuid() == 0;
}

static void log_made(struct log *log, const char *file)
{
    log_event(log, LOG_NOTICE, "secret_made", log_str("file", file));
    log_audit(log, "secret_made", log_str("file", file));
}

/* Where a link leads nowhere, something is in the way and the secret is missing nevertheless. */
static enum secret_status make(const char *file, size_t size)
{
    enum secret_status status = secret_make(file, size);
    if (status == SECRET_OK && secret_check(file) == SECRET_MISSING) {
        errno = EEXIST;
        status = SECRET_UNMADE;
    }
    return status;
}

static int make_all(const struct config *config, struct log *log, char *error, size_t error_size)
{
    int made = 0;
    for (size_t i = 0; i < config->auth.key_count; i++) {
        const struct config_key *key = &config->auth.keys[i];
        const size_t size = missing_size(key);
        const enum secret_status status = size > 0 ? make(key->secret_file, size) : SECRET_OK;
        if (status != SECRET_OK) {
            (void)snprintf(error, error_size, "%s %s: %s", key->secret_file, secret_status_text(status),
                           strerror(errno));
            return -1;
        }
        if (size > 0) {
            log_made(log, key->secret_file);
            made++;
        }
    }
    return made;
}

/* How many were made; -1: `error` says why. */
static int make_missing(const struct config *config, struct log *log, char *error, size_t error_size)
{
    if (secrets_missing(config, count_only, NULL) == 0) {
        return 0;
    }
    char why[512];
    if (!state_dir_make(config, why, sizeof(why))) {
        (void)snprintf(error, error_size, "state_dir: %s", why);
        return -1;
    }
    if (!is_to_change(config)) {
        return make_all(config, log, error, error_size);
    }
    /* As that user rather than given to him afterwards: in a folder of his, root would go where he has put links to. */
    const gid_t group = getegid();
    int made = -1;
    if (setegid(config->privileges.gid) != 0 || seteuid(config->privileges.uid) != 0) {
        (void)snprintf(error, error_size, "user: %s cannot be taken on: %s", config->privileges.user, strerror(errno));
    } else {
        made = make_all(config, log, error, error_size);
    }
    if (seteuid(0) != 0 || setegid(group) != 0) {
        (void)snprintf(error, error_size, "user: the way back to root failed: %s", strerror(errno));
        return -1;
    }
    return made;
}

bool secrets_complete(const char *file, const struct config **config, struct log *log, char *error, size_t error_size)
{
    int made = make_missing(*config, log, error, error_size);
    if (made <= 0) {
        return made == 0;
    }
    const struct config *complete = config_load(file, NULL, NULL); /* its warnings have been told */
    if (complete == NULL) {
        (void)snprintf(error, error_size, "%s changed while it was loaded", file);
        return false;
    }
    config_unref(config);
    *config = complete;
    return true;
}
