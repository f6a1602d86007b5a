/*
 * line - an event as one line of text or JSON, newline included, never longer than LOG_LINE_MAX. Pure: any thread.
 *
 * Text is logfmt: TIME LEVEL EVENT NAME=VALUE... A value with a space, a quote, an equals sign, a backslash or
 * anything beyond printable ASCII is quoted and escaped (logging/escape.h); an absent one is a bare -.
 *
 * What had to go is said in the line itself: NAME_cut=N counts the octets left out of the value before it,
 * fields_cut=N at the end the fields that found no room at all.
 */
#ifndef PORTCULLIS_LOGGING_LINE_H
#define PORTCULLIS_LOGGING_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "logging/log.h"

#define LINE_NAME_MAX 64 /* octets of an event's or field's name; both are literals of the program */

struct line {
    size_t size;
    char bytes[LOG_LINE_MAX]; /* no NUL */
};

/* `time_ms` is since 1970-01-01 UTC. In JSON an unsigned number beyond INT64_MAX becomes a string: common parsers refuse it
 * as a number, and a peer must not be able to make a line unreadable. */
void line_format(struct line *line, enum log_format format, enum log_level level, int64_t time_ms, const char *event,
                 const struct log_field *fields, size_t count);

/* "debug" … "error". */
const char *line_level_name(enum log_level level);

#endif
