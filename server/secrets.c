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
#include "auth/digest.h"
#include "auth/secret.h"
#include "server/state_dir.h"

/* Random bytes of the key's secret; 0 where it has none. */
static size_t secret_size(const struct config_key *key)
{
    enum algorithm algorithm;
    return algorithm_find(key->algorithm, strlen(key->algorithm), &algorithm) ? algorithm_hash_bits(algorithm) / 8 : 0;
}

/* The secrets of a config in turn: those of keys, then that of digests. */
static size_t secret_count(const struct config *config)
{
    return config->auth.key_count + 1;
}

/* The file of secret `index`, and how many random bytes are missing there; 0: none. */
static const char *secret_at(const struct config *config, size_t index, size_t *missing_r)
{
    const bool of_key = index < config->auth.key_count;
    const char *file = of_key ? config->auth.keys[index].secret_file : config->digest_key_file;
    const size_t size = of_key ? secret_size(&config->auth.keys[index]) : DIGEST_KEY_MIN;
    *missing_r = file[0] != '\0' && secret_check(file) == SECRET_MISSING ? size : 0;
    return file;
}

size_t secrets_missing(const struct config *config, secrets_name_fn *name, void *context)
{
    size_t count = 0;
    for (size_t i = 0; i < secret_count(config); i++) {
        size_t size;
        const char *file = secret_at(config, i, &size);
        if (size > 0) {
            name(context, file);
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
    for (size_t i = 0; i < secret_count(config); i++) {
        size_t size;
        const char *file = secret_at(config, i, &size);
        const enum secret_status status = size > 0 ? make(file, size) : SECRET_OK;
        if (status != SECRET_OK) {
            (void)snprintf(error, error_size, "%s %s: %s", file, secret_status_text(status), strerror(errno));
            return -1;
        }
        if (size > 0) {
            log_made(log, file);
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
