/*
 * command - what portcullisctl can do: each command in a file of its own, all of them in the table of main.c. One thread.
 */
#ifndef PORTCULLIS_CTL_COMMAND_H
#define PORTCULLIS_CTL_COMMAND_H

#include <stdbool.h>

/* Exit codes. */
enum ctl_exit {
    CTL_DONE = 0,        /* done; of a question: yes */
    CTL_FAILED = 1,      /* not done; of a question: no */
    CTL_USAGE = 2,       /* the command line is wrong, or something that it names cannot be used; of a question: open */
    CTL_UNREACHABLE = 3, /* there is no answer from the server */
};

/* Options that stand before the command. */
struct ctl_options {
    const char *admin;      /* URL of the admin API; NULL: the default */
    const char *token_file; /* NULL: the default */
    bool json;
};

struct command {
    const char *name;
    const char *usage; /* what follows the name; lines of a second form and so on begin with the name again */
    const char *summary;
    const char *help; /* whole lines */
    /* argv[0] is the command's name. Returns one of enum ctl_exit; on CTL_USAGE a message has been printed. */
    int (*run)(const struct ctl_options *options, int argc, char **argv);
};

extern const struct command command_sessions;
extern const struct command command_revoke;
extern const struct command command_reload;
extern const struct command command_drain;
extern const struct command command_token;
extern const struct command command_validate;

/* "portcullisctl: MESSAGE" to standard error, control bytes escaped. */
__attribute__((format(printf, 1, 2))) void ctl_error(const char *format, ...);

/* For getopt_long(), whose complaints begin with argv[0]: makes them begin as those of ctl_error() do. */
void ctl_name_program(char **argv);

/* Writes `text` to standard output with what could deceive a terminal escaped, tabs and line breaks among it. */
void ctl_print_escaped(const char *text);

/* Writes `text` to standard output as a string of JSON. */
void ctl_print_json(const char *text);

#endif
