/*
 * control - the commands `reload` and `drain`: what is asked of the server as a whole.
 */
#include <stdio.h>

#include "server/ctl/client.h"
#include "server/ctl/command.h"

static int call(const struct ctl_options *options, const char *path, int argc, char **argv, json_t **answer_r)
{
    if (argc > 1) {
        ctl_error("%s: unexpected argument: %s", argv[0], argv[1]);
        return CTL_USAGE;
    }
    return client_call(options, "POST", path, NULL, answer_r);
}

static int reload(const struct ctl_options *options, int argc, char **argv)
{
    json_t *answer = NULL;
    int status = call(options, "/api/v1/reload", argc, argv, &answer);
    if (status == CTL_DONE && !options->json) {
        size_t index;
        const json_t *line;
        json_array_foreach(json_object_get(answer, "warnings"), index, line)
        {
            ctl_error("warning: %s", json_is_string(line) ? json_string_value(line) : "?");
        }
        puts("reloaded");
    }
    json_decref(answer);
    return status;
}

static int drain(const struct ctl_options *options, int argc, char **argv)
{
    json_t *answer = NULL;
    int status = call(options, "/api/v1/drain", argc, argv, &answer);
    if (status == CTL_DONE && !options->json) {
        puts("draining");
    }
    json_decref(answer);
    return status;
}

const struct command command_reload = {
    .name = "reload",
    .usage = "",
    .summary = "have the server read its config again",
    .help =
        "Answers once that is done. A config with errors is not taken over: they are printed, and the one in force\n"
        "stays so.\n",
    .run = reload,
};

const struct command command_drain = {
    .name = "drain",
    .usage = "",
    .summary = "have the server end in order, as SIGTERM does",
    .help =
        "Answers at once. Newcomers get 503 from then on; sessions are closed with 1001 bit by bit, and the server\n"
        "ends with the last of them.\n",
    .run = drain,
};
