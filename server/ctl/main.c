/*
 * main - the command line of `portcullisctl`: the options that all commands share, and the table of commands.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "server/ctl/command.h"
#include "server/version.h"

static const struct command *const commands[] = {
    &command_sessions, &command_revoke, &command_reload, &command_drain, &command_token, &command_validate,
};
#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

enum option_code { OPTION_ADMIN = 256, OPTION_TOKEN_FILE, OPTION_JSON };

static void print_help(FILE *out)
{
    fputs("usage: portcullisctl [--admin URL] [--token-file FILE] [--json] COMMAND ...\n"
          "       portcullisctl COMMAND --help\n"
          "\n"
          "Operates Portcullis.\n"
          "\n",
          out);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        (void)fprintf(out, "  %-20s %s\n", commands[i]->name, commands[i]->summary);
    }
    fputs("\n"
          "      --admin URL        where the server's admin listener is (default: http://127.0.0.1:9090)\n"
          "      --token-file FILE  a token of the admin API (default: state/admin.token, or else\n"
          "                         /var/lib/portcullis/state/admin.token)\n"
          "      --json             answers as JSON\n"
          "  -V, --version          print the version\n"
          "  -h, --help             print this\n"
          "\n"
          "Exit codes: 0 done or yes, 1 failed or no, 2 the command line is wrong, 3 the server cannot be reached.\n",
          out);
}

static void print_command_help(const struct command *command, FILE *out)
{
    (void)fprintf(out, "usage: portcullisctl %s%s%s\n\n%s\n\n%s", command->name, command->usage[0] != '\0' ? " " : "",
                  command->usage, command->summary, command->help);
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

/* Whether help was asked for, where it cannot be the value of another option that is meant. */
static bool wants_help(int argc, char **argv)
{
    return argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
}

static int run_command(const struct ctl_options *options, int argc, char **argv)
{
    const struct command *command = find_command(argv[0]);
    if (command == NULL) {
        ctl_error("no such command: %s", argv[0]);
        print_help(stderr);
        return CTL_USAGE;
    }
    if (wants_help(argc, argv)) {
        print_command_help(command, stdout);
        return CTL_DONE;
    }
    optind = 0; /* getopt begins again */
    const int status = command->run(options, argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        ctl_error("the answer could not be written");
        return CTL_FAILED;
    }
    return status;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"admin", required_argument, NULL, OPTION_ADMIN},
        {"token-file", required_argument, NULL, OPTION_TOKEN_FILE},
        {"json", no_argument, NULL, OPTION_JSON},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct ctl_options shared = {.json = false};
    int code;
    ctl_name_program(argv);
    while ((code = getopt_long(argc, argv, "+Vh", options, NULL)) != -1) { /* "+": up to the command */
        switch (code) {
        case OPTION_ADMIN:
            shared.admin = optarg;
            break;
        case OPTION_TOKEN_FILE:
            shared.token_file = optarg;
            break;
        case OPTION_JSON:
            shared.json = true;
            break;
        case 'V':
            printf("portcullisctl %s\n", PORTCULLIS_VERSION);
            return CTL_DONE;
        case 'h':
            print_help(stdout);
            return CTL_DONE;
        default:
            print_help(stderr);
            return CTL_USAGE;
        }
    }
    if (optind >= argc) {
        print_help(stderr);
        return CTL_USAGE;
    }
    return run_command(&shared, argc - optind, argv + optind);
}
