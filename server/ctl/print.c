/*
 * print - what goes to a terminal and was written by others.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "logging/escape.h"
#include "server/ctl/command.h"

#define MESSAGE_SIZE 2048 /* of an error; a longer one is cut */

/* Quotes and backslashes are harmless here, and JSON is full of them. */
static void write_escaped(FILE *out, const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t left = strlen(text);
    while (left > 0) {
        if (*at == '"' || *at == '\\') {
            (void)fputc(*at, out);
            at++;
            left--;
            continue;
        }
        const struct escaped escaped = escape_next(ESCAPE_TEXT, at, left);
        (void)fwrite(escaped.bytes, 1, escaped.size, out);
        at += escaped.taken;
        left -= escaped.taken;
    }
}

void ctl_print_escaped(const char *text)
{
    write_escaped(stdout, text);
}

void ctl_print_json(const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t left = strlen(text);
    (void)putchar('"');
    while (left > 0) {
        const struct escaped escaped = escape_next(ESCAPE_JSON, at, left);
        (void)fwrite(escaped.bytes, 1, escaped.size, stdout);
        at += escaped.taken;
        left -= escaped.taken;
    }
    (void)putchar('"');
}

void ctl_error(const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    fputs("portcullisctl: ", stderr);
    write_escaped(stderr, message);
    fputc('\n', stderr);
}

void ctl_name_program(char **argv)
{
    static char name[] = "portcullisctl";
    argv[0] = name;
}
