/*
 * check - what no row of the table can say alone.
 * Called by parse.c when all values are in, on the thread that loads.
 */
#include "server/config/check_private.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "auth/secret.h"
#include "server/config/file.h"
#include "server/config/list.h"
#include "server/config/syntax.h"
#include "server/config/units.h"

void *check_copy_array(struct check *check, const void *array, size_t count, size_t size)
{
    void *copy = count > 0 ? arena_array(check->arena, count, size) : NULL;
    if (copy != NULL) {
        memcpy(copy, array, count * size);
    }
    return copy;
}

const char *check_resolve(struct check *check, const char *folder, const char *name)
{
    const char *path = file_resolve(check->arena, folder, name);
    return path != NULL ? path : "";
}

static void check_listener(struct check *check, struct config_listener *listeners, size_t index)
{
    struct config_listener *listener = &listeners[index];
    if (!syntax_parse_listener(listener->text, listener)) {
        return; /* reported with its value */
    }
    for (size_t i = 0; i < index && listener->port != 0; i++) {
        if (listeners[i].port == listener->port && address_equal(&listeners[i].address, &listener->address)) {
            struct place place;
            place_of_member(&place, check, "listeners", NULL, index, "address");
            report_error(check->report, place.line, place.path, "the same address and port as listeners[%zu]", i);
            return;
        }
    }
}

static void check_listeners(struct check *check)
{
    struct config *config = check->config;
    struct config_listener *listeners =
        check_copy_array(check, config->listeners, config->listener_count, sizeof(*listeners));
    if (listeners == NULL) {
        return;
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        check_listener(check, listeners, i);
    }
    config->listeners = listeners;
}

void check_secret_file(struct check *check, const struct place *place, const char *file, bool may_be_missing)
{
    if (!check->use_files || file[0] == '\0') {
        return;
    }
    struct stat status;
    enum secret_status secret = secret_check(file);
    int error = errno;
    if (secret == SECRET_OK || (secret == SECRET_MISSING && may_be_missing)) {
        return;
    }
    if (secret == SECRET_EXPOSED && stat(file, &status) == 0) {
        report_error(check->report, place->line, place->path, "%s %s; its mode is %04o", file,
                     secret_status_text(secret), (unsigned)(status.st_mode & 07777));
    } else if (secret == SECRET_UNREADABLE) {
        report_error(check->report, place->line, place->path, "%s %s: %s", file, secret_status_text(secret),
                     strerror(error));
    } else {
        report_error(check->report, place->line, place->path, "%s %s", file, secret_status_text(secret));
    }
}

bool check_repeated(struct check *check, const struct place *place, const char *name, const char *earlier, size_t index)
{
    if (name[0] == '\0' || strcmp(name, earlier) != 0) {
        return false;
    }
    char quote[REPORT_QUOTE_SIZE];
    report_error(check->report, place->line, place->path, "%s is taken by element %zu already",
                 report_quote(quote, name, strlen(name)), index);
    return true;
}

static void check_admin_token(struct check *check, struct config_admin_token *tokens, size_t index)
{
    struct place name;
    struct place file;
    place_of_member(&name, check, "admin", "tokens", index, "name");
    place_of_member(&file, check, "admin", "tokens", index, "token_file");
    tokens[index].token_file = check_resolve(check, check->config->state_dir, tokens[index].token_file);
    check_secret_file(check, &file, tokens[index].token_file, true);
    for (size_t i = 0; i < index; i++) {
        if (check_repeated(check, &name, tokens[index].name, tokens[i].name, i)) {
            break;
        }
    }
    /* One token for two names would leave open who made a change. */
    for (size_t i = 0; i < index; i++) {
        if (check_repeated(check, &file, tokens[index].token_file, tokens[i].token_file, i)) {
            break;
        }
    }
}

static void check_admin(struct check *check)
{
    struct config *config = check->config;
    struct config_listener listener;
    if (syntax_parse_listener(config->admin.address, &listener) && !address_is_loopback(&listener.address)) {
        struct place place;
        place_of(&place, check, "admin", "address");
        report_error(check->report, place.line, place.path,
                     "not a loopback address: admin tokens would cross the network unencrypted");
    }
    struct config_admin_token *tokens =
        check_copy_array(check, config->admin.tokens, config->admin.token_count, sizeof(*tokens));
    for (size_t i = 0; tokens != NULL && i < config->admin.token_count; i++) {
        check_admin_token(check, tokens, i);
    }
    if (tokens != NULL) {
        config->admin.tokens = tokens;
    }
}

static void report_account(struct check *check, const char *key, const char *name, int error)
{
    struct place place;
    char quote[REPORT_QUOTE_SIZE];
    place_of(&place, check, key, NULL);
    report_error(check->report, place.line, place.path, "%s %s%s", report_quote(quote, name, strlen(name)),
                 error == 0 ? "does not exist" : "cannot be looked up: ", error == 0 ? "" : strerror(error));
}

/* The numbers behind the names. */
static void check_accounts(struct check *check)
{
    struct privileges *privileges = &check->config->privileges;
    if (privileges->user[0] == '\0') {
        if (privileges->group[0] != '\0') {
            struct place place;
            place_of(&place, check, "group", NULL);
            report_error(check->report, place.line, place.path, "user is missing, which it goes with");
        }
        return;
    }
    if (!check->use_files) {
        return;
    }
    errno = 0;
    const struct passwd *user = getpwnam(privileges->user);
    if (user == NULL) {
        report_account(check, "user", privileges->user, errno);
        return;
    }
    privileges->uid = user->pw_uid;
    privileges->gid = user->pw_gid;
    if (privileges->group[0] == '\0') {
        return;
    }
    errno = 0;
    const struct group *group = getgrnam(privileges->group);
    if (group == NULL) {
        report_account(check, "group", privileges->group, errno);
        return;
    }
    privileges->gid = group->gr_gid;
}

static void check_subprotocols(struct check *check, const struct config_endpoint *endpoint, size_t index)
{
    for (size_t i = 0; i < endpoint->subprotocol_count; i++) {
        struct place place;
        place_of_member(&place, check, "endpoints", NULL, index, "subprotocols");
        place_go(&place, NULL, i);
        for (size_t j = 0; j < i; j++) {
            if (check_repeated(check, &place, endpoint->subprotocols[i], endpoint->subprotocols[j], j)) {
                break;
            }
        }
    }
}

static void check_endpoint(struct check *check, struct config_endpoint *endpoints, size_t index)
{
    struct config_endpoint *endpoint = &endpoints[index];
    struct place place;
    place_of(&place, check, "endpoints", NULL);
    place_go(&place, NULL, index);
    endpoint->line = place.line;
    place_go(&place, "path", 0);
    for (size_t i = 0; i < index; i++) {
        if (check_repeated(check, &place, endpoint->path, endpoints[i].path, i)) {
            break;
        }
    }
    check_subprotocols(check, endpoint, index);
    check_endpoint_access(check, endpoint, index);
    check_endpoint_rules(check, endpoint, index);
}

static void check_endpoints(struct check *check)
{
    struct config *config = check->config;
    struct config_endpoint *endpoints =
        check_copy_array(check, config->endpoints, config->endpoint_count, sizeof(*endpoints));
    for (size_t i = 0; endpoints != NULL && i < config->endpoint_count; i++) {
        check_endpoint(check, endpoints, i);
    }
    if (endpoints != NULL) {
        config->endpoints = endpoints;
    }
}

/* Appends what the files of deny_files list to firewall.deny. */
static void load_deny_files(struct check *check)
{
    struct config *config = check->config;
    const char **files = check_copy_array(check, config->deny_files, config->deny_file_count, sizeof(*files));
    if (files == NULL) {
        return;
    }
    struct prefix_list list = {0};
    struct place place;
    place_of(&place, check, "firewall", "deny");
    bool good =
        list_add(&list, config->firewall.deny, config->firewall.deny_count, check->report, place.line, place.path);
    for (size_t i = 0; good && i < config->deny_file_count; i++) {
        files[i] = check_resolve(check, check->folder, files[i]);
        place_of(&place, check, "firewall", "deny_files");
        place_go(&place, NULL, i);
        if (check->use_files) {
            list_load(&list, files[i], check->report, place.line, place.path);
        }
    }
    struct prefix *deny = check_copy_array(check, list.prefixes, list.count, sizeof(*deny));
    if (deny != NULL) {
        config->firewall.deny = deny;
        config->firewall.deny_count = list.count;
    }
    config->deny_files = files;
    free(list.prefixes);
}

/* Whoever is beyond the sessions still gets into the lobby, to be told 503 rather than nothing, and whoever is beyond the lobby
 * still gets to evict the oldest in it: the gate's total is behind both. */
#define LOBBY_MARGIN 64

static void check_firewall(struct check *check)
{
    struct config *config = check->config;
    load_deny_files(check);
    config->firewall.total_connections =
        config->limits.max_connections + config->limits.max_lobby + config->limits.max_lobby / 8 + LOBBY_MARGIN;
}

/* Beyond send_queue and max_message: one read that is held back, the replies to one read, a reply's prefix, and what compression
 * with context takeover keeps in both directions. */
#define SESSION_MEMORY_SLACK (1024 * 1024)

/* A cap below what the other limits promise to a session would make them untrue. */
static void check_memory_key(struct check *check, const char *key, uint64_t bytes, uint64_t least)
{
    if (bytes == 0 || bytes >= least) {
        return;
    }
    struct place place;
    char text[UNITS_TEXT_SIZE];
    place_of(&place, check, "limits", key);
    report_error(check->report, place.line, place.path,
                 "too small: limits.send_queue and twice limits.max_message are %s",
                 units_format_size((int64_t)least, text));
}

static void check_memory(struct check *check)
{
    struct config *config = check->config;
    uint64_t send_queue = config->limits.send_queue;
    uint64_t max_message = config->limits.max_message;
    uint64_t memory = config->limits.memory;
    /* A message that is in, and its reply on top of a queue that is just below its mark. */
    uint64_t least = send_queue + 2 * max_message;
    check_memory_key(check, "session_memory", config->limits.session_memory, least);
    check_memory_key(check, "memory", memory, least);
    if (memory != 0 && config->limits.session_memory > memory) {
        struct place place;
        place_of(&place, check, "limits", "session_memory");
        report_error(check->report, place.line, place.path,
                     "more than limits.memory, which is for all sessions together");
    }
    if (config->limits.session_memory == 0) {
        uint64_t most =
            2 * (send_queue + max_message) + max_message + SESSION_MEMORY_SLACK; /* blocks grow by doubling */
        bool bounded = memory == 0 || memory >= most;
        config->limits.session_memory = bounded ? most : memory;
        check->unbounded_memory = bounded ? 0 : most;
    }
}

/* session_memory is not given, and what the other limits promise one session is more than there is for all of them. */
static void warn_of_memory(struct check *check)
{
    struct place place;
    char text[UNITS_TEXT_SIZE];
    place_of(&place, check, "limits", "memory");
    report_warning(
        check->report, place.line, place.path,
        "one session alone may use all of it: send_queue and max_message can lead to %s a session; lower them, "
        "or give session_memory",
        units_format_size((int64_t)check->unbounded_memory, text));
}

/* What is right but hardly meant. */
static void warn(struct check *check)
{
    const struct config *config = check->config;
    struct place place;
    if (config->firewall.allow_only && config->firewall.allow_count == 0) {
        place_of(&place, check, "firewall", "allow_only");
        report_warning(check->report, place.line, place.path, "firewall.allow is empty: nobody may connect");
    }
    if (check->unbounded_memory != 0) {
        warn_of_memory(check);
    }
    check_warn_access(check);
    check_warn_rules(check);
    check_warn_audit(check);
    if (config->endpoint_count == 0) {
        place_of(&place, check, "endpoints", NULL);
        report_warning(check->report, place.line, place.path, "none: every request will be answered with 404");
    }
}

void check_config(struct config_holder *holder, const config_t *tree, struct report *report, bool use_files)
{
    struct check check = {
        .arena = &holder->arena,
        .config = &holder->config,
        .tree = tree,
        .report = report,
        .folder = file_folder(&holder->arena, report->file),
        .use_files = use_files,
    };
    holder->schemas = schema_files_create();
    holder->arena.failed = holder->arena.failed || holder->schemas == NULL;
    if (check.folder == NULL || holder->schemas == NULL) {
        return; /* arena.failed is reported at the end */
    }
    check.schemas = holder->schemas;
    check_accounts(&check);
    check_listeners(&check);
    check_tls(&check);
    check_admin(&check);
    check_firewall(&check);
    check_memory(&check);
    check_auth(&check);
    check_audit(&check);
    check_endpoints(&check);
    if (report->errors == 0) {
        warn(&check);
    }
}
