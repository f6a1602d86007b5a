/*
 * validate_input - messages from files or lines, and a verdict on each. Called by validate.c.
 *
 * Whatever a file's size, no more of a message is kept than one byte beyond the bound, by which a larger one is known.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ctl/command.h"
#include "server/ctl/validate.h"
#include "validate/email.h"
#include "validate/utf8.h"

#define ERRORS_MAX 1000 /* of one message; checking ends there */

struct message {
    const char *file;
    uint64_t line; /* from 1; 0: the whole file */
    uint8_t *bytes;
    size_t size;
    size_t room;
};

struct run {
    const struct validation *validation;
    struct schema_scratch *scratch;
    struct schema_error *errors; /* ERRORS_MAX of them */
    bool invalid;                /* a message was */
};

/* ---- verdicts ---- */

static void print_name(const struct message *message)
{
    ctl_print_escaped(strcmp(message->file, "-") == 0 ? "standard input" : message->file);
    if (message->line > 0) {
        printf(":%" PRIu64, message->line);
    }
    fputs(": ", stdout);
}

/* "FILE:LINE: PATH: SENTENCE (KEYWORD at LOCATION)", where the path is empty for the message as a whole. */
static void print_error(const struct message *message, const struct schema_error *error)
{
    print_name(message);
    if (error->path[0] != '\0') {
        ctl_print_escaped(error->path);
        fputs(": ", stdout);
    }
    ctl_print_escaped(error->sentence);
    if (error->keyword != NULL) {
        printf(" (%s", error->keyword);
        fputs(error->location[0] != '\0' ? " at " : "", stdout);
        ctl_print_escaped(error->location);
        putchar(')');
    }
    putchar('\n');
}

static void print_text(const struct message *message, const struct schema_report *report)
{
    if (report->count == 0) {
        print_name(message);
        puts("valid");
    }
    for (size_t i = 0; i < report->count; i++) {
        print_error(message, &report->errors[i]);
    }
    if (report->count == ERRORS_MAX) {
        print_name(message);
        puts("there may be more errors");
    }
}

static void print_member(const char *start, const char *name, const char *value)
{
    printf("%s\"%s\":", start, name);
    ctl_print_json(value);
}

static void print_json(const struct message *message, const struct schema_report *report)
{
    print_member("{", "file", message->file);
    if (message->line > 0) {
        printf(",\"line\":%" PRIu64, message->line);
    }
    printf(",\"valid\":%s,\"errors\":[", report->count == 0 ? "true" : "false");
    for (size_t i = 0; i < report->count; i++) {
        const struct schema_error *error = &report->errors[i];
        print_member(i == 0 ? "{" : ",{", "path", error->path);
        print_member(",", "keyword", error->keyword != NULL ? error->keyword : "");
        print_member(",", "location", error->location);
        print_member(",", "message", error->sentence);
        putchar('}');
    }
    printf("],\"complete\":%s}\n", report->count < ERRORS_MAX ? "true" : "false");
}

static void print_verdict(struct run *run, const struct message *message, const struct schema_report *report)
{
    run->invalid = run->invalid || report->count > 0;
    if (run->validation->json) {
        print_json(message, report);
    } else {
        print_text(message, report);
    }
}

/* ---- checks ---- */

static void fail(struct schema_report *report, const char *keyword, const char *sentence)
{
    struct schema_error *error = &report->errors[report->count++];
    *error = (struct schema_error){.keyword = keyword};
    (void)snprintf(error->sentence, sizeof(error->sentence), "%s", sentence);
}

/* A text against a format: e-mail addresses get a diagnosis. */
static void check_text(const struct validation *validation, const struct message *message, struct schema_report *report)
{
    const char *text = (const char *)message->bytes;
    const bool international = validation->format == SCHEMA_FORMAT_IDN_EMAIL;
    char sentence[SCHEMA_SENTENCE_SIZE];
    if (message->size > validation->bounds.max_size) {
        fail(report, "bounds", json_bounds_sentence(JSON_BOUNDS_TOO_LARGE));
    } else if (!utf8_valid(message->bytes, message->size)) {
        fail(report, "bounds", json_bounds_sentence(JSON_BOUNDS_UTF8));
    } else if (schema_format_check(validation->format, text, message->size)) {
        return;
    } else if (international || validation->format == SCHEMA_FORMAT_EMAIL) {
        const struct email_options options = {.international = international};
        fail(report, "format", email_status_sentence(email_check(text, message->size, &options)));
    } else {
        (void)snprintf(sentence, sizeof(sentence), "is no %s", validation->format_name);
        fail(report, "format", sentence);
    }
}

static void check_message(struct run *run, const struct message *message)
{
    const struct validation *validation = run->validation;
    struct schema_report report = {.errors = run->errors, .max = ERRORS_MAX};
    if (validation->schema == NULL) {
        check_text(validation, message, &report);
    } else if (schema_check_bytes(validation->schema, &validation->bounds, message->bytes, message->size, run->scratch,
                                  &report) &&
               validation->format_schema != NULL) {
        const bool valid = schema_check_bytes(validation->format_schema, &validation->bounds, message->bytes,
                                              message->size, run->scratch, &report);
        (void)valid; /* an error says so */
    }
    print_verdict(run, message, &report);
}

/* ---- input ---- */

/* One more byte, as far as there is any use for it. False without memory. */
static bool add_byte(struct message *message, int byte, size_t size_max)
{
    if (message->size > size_max) {
        return true;
    }
    if (message->size == message->room) {
        const size_t room = message->room * 2 + 4096;
        uint8_t *bytes = realloc(message->bytes, room);
        if (bytes == NULL) {
            return false;
        }
        message->bytes = bytes;
        message->room = room;
    }
    message->bytes[message->size++] = (uint8_t)byte;
    return true;
}

/* The next message: all that there is up to a line's end, which is no part of it, or to the file's; a whole file is not read
 * further than its verdict asks for. *byte_r is what ended it. False without memory. */
static bool read_message(struct message *message, FILE *input, const struct validation *validation, int *byte_r)
{
    const size_t size_max = validation->bounds.max_size;
    message->size = 0;
    do {
        *byte_r = getc_unlocked(input);
        if (*byte_r == EOF || (validation->lines && *byte_r == '\n')) {
            return true;
        }
        if (!add_byte(message, *byte_r, size_max)) {
            return false;
        }
    } while (validation->lines || message->size <= size_max);
    *byte_r = EOF;
    return true;
}

static const char *check_lines(struct run *run, struct message *message, FILE *input)
{
    int byte = 0;
    while (byte != EOF) {
        if (!read_message(message, input, run->validation, &byte)) {
            return "no memory to read it";
        }
        if (ferror(input)) {
            return strerror(errno);
        }
        if (byte != EOF || message->size > 0 || !run->validation->lines) {
            message->line += run->validation->lines;
            check_message(run, message);
        }
    }
    return NULL;
}

/* False when the file cannot be read, which is reported. */
static bool check_file(struct run *run, const char *name)
{
    const bool standard = strcmp(name, "-") == 0;
    FILE *input = standard ? stdin : fopen(name, "rb");
    struct message message = {.file = name};
    const char *error = input == NULL ? strerror(errno) : check_lines(run, &message, input);
    if (error != NULL) {
        (void)fflush(stdout); /* so that the order holds where both go to one place */
        ctl_error("%s cannot be read: %s", standard ? "standard input" : name, error);
    }
    free(message.bytes);
    if (input != NULL && !standard) {
        (void)fclose(input);
    }
    return error == NULL;
}

int ctl_validate_files(const struct validation *validation, char *const *names, size_t count)
{
    struct run run = {
        .validation = validation,
        .scratch = schema_scratch_create(),
        .errors = calloc(ERRORS_MAX, sizeof(struct schema_error)),
    };
    bool readable = run.scratch != NULL && run.errors != NULL;
    if (!readable) {
        ctl_error("no memory");
        count = 0;
    }
    for (size_t i = 0; i < count && !ferror(stdout); i++) {
        readable = check_file(&run, names[i]) && readable;
    }
    free(run.errors);
    schema_scratch_free(run.scratch);
    return !readable ? CTL_USAGE : run.invalid ? CTL_FAILED : CTL_DONE;
}
