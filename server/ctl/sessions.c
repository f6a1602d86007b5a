/*
 * sessions - the command `sessions`: who is connected, and out with him.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ctl/client.h"
#include "server/ctl/command.h"
#include "server/ctl/table.h"

#define PATH          "/api/v1/sessions"
#define LIMIT_DEFAULT 100

enum option_code { OPTION_USER = 256, OPTION_IP, OPTION_ENDPOINT, OPTION_LIMIT };

struct order {
    const char *user;
    const char *ip;
    const char *endpoint;
    unsigned long limit;
    const char *id;
};

static const struct table_column columns[] = {
    {"ID", "id"},         {"USER", "user"},       {"IP", "ip"},          {"ENDPOINT", "endpoint"},
    {"OPENED", "opened"}, {"EXPIRES", "expires"}, {"IN", "messages_in"}, {"OUT", "messages_out"},
    {NULL, NULL},
};

static bool parse_limit(const char *text, unsigned long *limit)
{
    char *end = NULL;
    *limit = strtoul(text, &end, 10);
    bool good = *text >= '0' && *text <= '9' && *end == '\0' && *limit > 0 && *limit <= 100000000;
    if (!good) {
        ctl_error("--limit: expected a whole number from 1, found %s", text);
    }
    return good;
}

static bool parse(struct order *order, int argc, char **argv)
{
    static const struct option options[] = {
        {"user", required_argument, NULL, OPTION_USER},
        {"ip", required_argument, NULL, OPTION_IP},
        {"endpoint", required_argument, NULL, OPTION_ENDPOINT},
        {"limit", required_argument, NULL, OPTION_LIMIT},
        {NULL, 0, NULL, 0},
    };
    int code;
    ctl_name_program(argv);
    while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (code) {
        case OPTION_USER:
            order->user = optarg;
            break;
        case OPTION_IP:
            order->ip = optarg;
            break;
        case OPTION_ENDPOINT:
            order->endpoint = optarg;
            break;
        case OPTION_LIMIT:
            if (!parse_limit(optarg, &order->limit)) {
                return false;
            }
            break;
        default:
            return false; /* getopt_long() has said why */
        }
    }
    order->id = optind < argc ? argv[optind++] : NULL;
    if (optind < argc) {
        ctl_error("sessions: unexpected argument: %s", argv[optind]);
        return false;
    }
    return true;
}

/* ---- list ---- */

static bool make_list_path(const struct order *order, char path[CLIENT_PATH_MAX])
{
    memcpy(path, PATH, sizeof(PATH));
    return (order->user == NULL || client_add_parameter(path, "user", order->user)) &&
           (order->ip == NULL || client_add_parameter(path, "ip", order->ip)) &&
           (order->endpoint == NULL || client_add_parameter(path, "endpoint", order->endpoint));
}

static int list(const struct ctl_options *options, const struct order *order)
{
    if (order->id != NULL) {
        ctl_error("sessions list: unexpected argument: %s", order->id);
        return CTL_USAGE;
    }
    char path[CLIENT_PATH_MAX];
    json_t *answer = NULL;
    if (!make_list_path(order, path)) {
        return CTL_USAGE;
    }
    int status = client_list(options, path, "sessions", order->limit, &answer);
    if (status == CTL_DONE && !options->json) {
        status = table_print(columns, json_object_get(answer, "sessions")) ? CTL_DONE : CTL_FAILED;
        if (json_integer_value(json_object_get(answer, "next")) != 0) {
            ctl_error("there are more; --limit shows them");
        }
    }
    json_decref(answer);
    return status;
}

/* ---- kick ---- */

static int kick(const struct ctl_options *options, const struct order *order)
{
    char path[CLIENT_PATH_MAX] = PATH;
    json_t *answer = NULL;
    if ((order->id != NULL) == (order->user != NULL || order->ip != NULL) || order->endpoint != NULL) {
        ctl_error("sessions kick: whom? Give an ID, or --user, --ip or both; see portcullisctl sessions --help");
        return CTL_USAGE;
    }
    if (order->id != NULL && (strlen(order->id) > 20 || order->id[strspn(order->id, "0123456789")] != '\0')) {
        ctl_error("sessions kick: expected the number of a session, found %s", order->id);
        return CTL_USAGE;
    }
    if (order->id != NULL) {
        snprintf(path, sizeof(path), "%s/%s", PATH, order->id);
    }
    if ((order->user != NULL && !client_add_parameter(path, "user", order->user)) ||
        (order->ip != NULL && !client_add_parameter(path, "ip", order->ip))) {
        return CTL_USAGE;
    }
    int status = client_call(options, "DELETE", path, NULL, &answer);
    if (status == CTL_DONE && !options->json) {
        printf("%" JSON_INTEGER_FORMAT " ended\n", json_integer_value(json_object_get(answer, "ended")));
    }
    if (status == CTL_DONE && !json_is_true(json_object_get(answer, "complete"))) {
        ctl_error("a session loop has not answered in time: there may be more");
        status = CTL_FAILED;
    }
    json_decref(answer);
    return status;
}

static int run(const struct ctl_options *options, int argc, char **argv)
{
    struct order order = {.limit = LIMIT_DEFAULT};
    const char *action = argc > 1 ? argv[1] : "";
    bool is_list = strcmp(action, "list") == 0;
    if (!is_list && strcmp(action, "kick") != 0) {
        ctl_error("sessions: list or kick? See portcullisctl sessions --help");
        return CTL_USAGE;
    }
    if (!parse(&order, argc - 1, argv + 1)) {
        return CTL_USAGE;
    }
    return is_list ? list(options, &order) : kick(options, &order);
}

const struct command command_sessions = {
    .name = "sessions",
    .usage = "list [--user USER] [--ip ADDRESS] [--endpoint PATH] [--limit N]\n"
             "       portcullisctl sessions kick ID | --user USER | --ip ADDRESS",
    .summary = "list who is connected, or end sessions",
    .help = "      --user USER      sessions of this user\n"
            "      --ip ADDRESS     sessions from this address or prefix\n"
            "      --endpoint PATH  sessions of this endpoint\n"
            "      --limit N        so many at most, the oldest first; 100 otherwise\n"
            "\n"
            "Of several conditions all must hold. Who is kicked sees close code 4409, and may come back: revoke keeps\n"
            "him out.\n",
    .run = run,
};
