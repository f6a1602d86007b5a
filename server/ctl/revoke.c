/*
 * revoke - the command `revoke`: tokens that no longer count.
 */
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "server/admin/when.h"
#include "server/ctl/client.h"
#include "server/ctl/command.h"
#include "server/ctl/table.h"

#define PATH "/api/v1/revocations"

enum option_code { OPTION_USER = 256, OPTION_TOKEN_ID, OPTION_ISSUED_BEFORE, OPTION_REASON };

struct order {
    const char *member; /* of the API: what is revoked */
    const char *value;
    unsigned given; /* how many of them */
    const char *reason;
    const char *id;
};

static const struct table_column columns[] = {
    {"ID", "id"},       {"USER", "user"},   {"TOKEN", "token_id"}, {"ISSUED BEFORE", "issued_before"},
    {"SINCE", "since"}, {"UNTIL", "until"}, {"BY", "by"},          {"REASON", "reason"},
    {NULL, NULL},
};

static void set_subject(struct order *order, const char *member, const char *value)
{
    order->member = member;
    order->value = value;
    order->given++;
}

static bool check_time(const char *text)
{
    int64_t seconds;
    bool good = when_parse(text, &seconds);
    if (!good) {
        ctl_error("--issued-before: expected a time such as 2026-11-22T08:15:00Z or seconds since 1970, found %s",
                  text);
    }
    return good;
}

static bool parse(struct order *order, int argc, char **argv)
{
    static const struct option options[] = {
        {"user", required_argument, NULL, OPTION_USER},
        {"token-id", required_argument, NULL, OPTION_TOKEN_ID},
        {"issued-before", required_argument, NULL, OPTION_ISSUED_BEFORE},
        {"reason", required_argument, NULL, OPTION_REASON},
        {NULL, 0, NULL, 0},
    };
    int code;
    ctl_name_program(argv);
    while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (code) {
        case OPTION_USER:
            set_subject(order, "user", optarg);
            break;
        case OPTION_TOKEN_ID:
            set_subject(order, "token_id", optarg);
            break;
        case OPTION_ISSUED_BEFORE:
            set_subject(order, "issued_before", optarg);
            if (!check_time(optarg)) {
                return false;
            }
            break;
        case OPTION_REASON:
            order->reason = optarg;
            break;
        default:
            return false; /* getopt_long() has said why */
        }
    }
    order->id = optind < argc ? argv[optind++] : NULL;
    if (optind < argc) {
        ctl_error("revoke: unexpected argument: %s", argv[optind]);
        return false;
    }
    return true;
}

static int complain(const char *what)
{
    ctl_error("%s; see portcullisctl revoke --help", what);
    return CTL_USAGE;
}

/* ---- add ---- */

static int add(const struct ctl_options *options, const struct order *order)
{
    json_t *answer = NULL;
    if (order->given != 1 || order->id != NULL) {
        return complain("revoke add: give one of --user, --token-id and --issued-before");
    }
    json_t *body = json_pack("{ss}", order->member, order->value);
    if (body != NULL && order->reason != NULL) {
        (void)json_object_set_new(body, "reason", json_string(order->reason));
    }
    if (body == NULL || json_object_size(body) != (order->reason != NULL ? 2 : 1)) {
        json_decref(body);
        return complain("revoke add: what is revoked, and the reason, must be UTF-8");
    }
    int status = client_call(options, "POST", PATH, body, &answer);
    json_decref(body);
    if (status == CTL_DONE && !options->json) {
        const json_t *revocation = json_object_get(answer, "revocation");
        const char *until = json_string_value(json_object_get(revocation, "until"));
        printf("revocation %" JSON_INTEGER_FORMAT ", ", json_integer_value(json_object_get(revocation, "id")));
        fputs(until != NULL ? "until " : "for ever", stdout);
        ctl_print_escaped(until != NULL ? until : "");
        printf("; %" JSON_INTEGER_FORMAT " sessions ended\n",
               json_integer_value(json_object_get(answer, "sessions_ended")));
    }
    json_decref(answer);
    return status;
}

/* ---- list ---- */

static int list(const struct ctl_options *options, const struct order *order)
{
    if (order->given != 0 || order->reason != NULL || order->id != NULL) {
        return complain("revoke list: takes neither options nor arguments");
    }
    json_t *answer = NULL;
    int status = client_list(options, PATH, "revocations", SIZE_MAX, &answer);
    if (status == CTL_DONE && !options->json) {
        status = table_print(columns, json_object_get(answer, "revocations")) ? CTL_DONE : CTL_FAILED;
    }
    json_decref(answer);
    return status;
}

/* ---- del ---- */

static int delete (const struct ctl_options *options, const struct order *order)
{
    char path[CLIENT_PATH_MAX] = PATH;
    json_t *answer = NULL;
    if (order->given + (order->id != NULL ? 1 : 0) != 1 || order->reason != NULL) {
        return complain("revoke del: give the ID, or one of --user, --token-id and --issued-before");
    }
    if (order->id != NULL) {
        if (strlen(order->id) > 20 || order->id[strspn(order->id, "0123456789")] != '\0') {
            return complain("revoke del: the ID is not a number");
        }
        snprintf(path, sizeof(path), PATH "/%s", order->id);
    } else if (!client_add_parameter(path, order->member, order->value)) {
        return CTL_USAGE;
    }
    int status = client_call(options, "DELETE", path, NULL, &answer);
    if (status == CTL_DONE && !options->json) {
        printf("%" JSON_INTEGER_FORMAT " removed\n", json_integer_value(json_object_get(answer, "removed")));
    }
    json_decref(answer);
    return status;
}

static int run(const struct ctl_options *options, int argc, char **argv)
{
    struct order order = {0};
    const char *action = argc > 1 ? argv[1] : "";
    bool is_add = strcmp(action, "add") == 0;
    bool is_list = strcmp(action, "list") == 0;
    if (!is_add && !is_list && strcmp(action, "del") != 0) {
        return complain("revoke: add, list or del");
    }
    if (!parse(&order, argc - 1, argv + 1)) {
        return CTL_USAGE;
    }
    return is_add ? add(options, &order) : is_list ? list(options, &order) : delete (options, &order);
}

const struct command command_revoke = {
    .name = "revoke",
    .usage = "add --user USER | --token-id JTI | --issued-before TIME [--reason TEXT]\n"
             "       portcullisctl revoke list\n"
             "       portcullisctl revoke del ID | --user USER | --token-id JTI | --issued-before TIME",
    .summary = "refuse tokens that were good, list what is refused, or allow it again",
    .help =
        "      --user USER           the user's tokens issued until now, and those without \"iat\"\n"
        "      --token-id JTI        the token with this \"jti\"\n"
        "      --issued-before TIME  all tokens issued before: 2026-11-22T08:15:00Z, or seconds since 1970\n"
        "      --reason TEXT         for who reads the list\n"
        "\n"
        "A revocation takes effect at once: sessions that it is about end with close code 4409. It is kept, through\n"
        "restarts, until the last token that it can be about has expired; for ever while the config takes tokens that\n"
        "never expire (auth.require_expiry).\n",
    .run = run,
};
