/*
 * report - errors and warnings of a config as whole lines.
 * Called by all parts of the config while one is loaded, on the thread that loads.
 */
#include "server/config/report.h"

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PATH_DEPTH_MAX 40 /* above the nesting that scan.h lets through */
#define PATH_NAME_MAX  64 /* bytes shown of one name */

/* A line in the making; what does not fit is dropped. */
struct line {
    char text[REPORT_LINE_SIZE];
    size_t size;
};

static bool is_printable(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x7f;
}

static void line_add_byte(struct line *line, char byte)
{
    if (line->size < sizeof(line->text) - 1) {
        line->text[line->size++] = byte;
    }
}

/* Escapes what is not printable: file names and messages may hold anything. */
static void line_add(struct line *line, const char *text, size_t size)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (is_printable(byte)) {
            line_add_byte(line, text[i]);
        } else {
            line_add_byte(line, '\\');
            line_add_byte(line, 'x');
            line_add_byte(line, hex[byte >> 4]);
            line_add_byte(line, hex[byte & 15]);
        }
    }
}

static void line_add_path(struct line *line, const struct path *path)
{
    const struct path *chain[PATH_DEPTH_MAX];
    size_t depth = 0;
    for (; path != NULL && depth < PATH_DEPTH_MAX; path = path->parent) {
        chain[depth++] = path;
    }
    for (size_t i = depth; i-- > 0;) {
        char index[32];
        if (chain[i]->name != NULL) {
            if (i + 1 < depth) {
                line_add(line, ".", 1);
            }
            size_t size = chain[i]->name_size;
            line_add(line, chain[i]->name, size > PATH_NAME_MAX ? PATH_NAME_MAX : size);
        } else {
            (void)snprintf(index, sizeof(index), "[%zu]", chain[i]->index);
            line_add(line, index, strlen(index));
        }
    }
}

/* What a line is about; 0 leaves a number out. */
struct spot {
    const char *file;
    unsigned line;
    unsigned column;
};

static void line_add_number(struct line *line, unsigned number)
{
    char text[32];
    (void)snprintf(text, sizeof(text), ":%u", number);
    line_add(line, text, number > 0 ? strlen(text) : 0);
}

/* "FILE:LINE:COLUMN: KEY: " */
static void line_start(struct line *line, const struct spot *spot, const struct path *path)
{
    line->size = 0;
    line_add(line, spot->file, strlen(spot->file));
    line_add_number(line, spot->line);
    line_add_number(line, spot->column);
    line_add(line, ": ", 2);
    if (path != NULL) {
        line_add_path(line, path);
        line_add(line, ": ", 2);
    }
}

__attribute__((format(printf, 2, 0))) static void line_format(struct line *line, const char *format, va_list arguments)
{
    char text[REPORT_LINE_SIZE];
    int size = vsnprintf(text, sizeof(text), format, arguments);
    if (size > 0) {
        line_add(line, text, (size_t)size < sizeof(text) ? (size_t)size : sizeof(text) - 1);
    }
}

__attribute__((format(printf, 5, 0))) static void report_line(struct report *report, bool is_error,
                                                              const struct spot *spot, const struct path *path,
                                                              const char *format, va_list arguments)
{
    unsigned *count = is_error ? &report->errors : &report->warnings;
    if (*count < UINT_MAX) {
        ++*count;
    }
    if (report->show == NULL || (uint64_t)report->errors + report->warnings > REPORT_LINES_MAX) {
        return;
    }
    struct line line;
    line_start(&line, spot, path);
    line_format(&line, format, arguments);
    line.text[line.size] = '\0';
    report->show(report->context, is_error, line.text);
}

void report_error(struct report *report, unsigned line, const struct path *path, const char *format, ...)
{
    const struct spot spot = {.file = report->file, .line = line};
    va_list arguments;
    va_start(arguments, format);
    report_line(report, true, &spot, path, format, arguments);
    va_end(arguments);
}

void report_warning(struct report *report, unsigned line, const struct path *path, const char *format, ...)
{
    const struct spot spot = {.file = report->file, .line = line};
    va_list arguments;
    va_start(arguments, format);
    report_line(report, false, &spot, path, format, arguments);
    va_end(arguments);
}

void report_error_in(struct report *report, const char *file, unsigned line, unsigned column, const char *format, ...)
{
    const struct spot spot = {.file = file, .line = line, .column = column};
    va_list arguments;
    va_start(arguments, format);
    report_line(report, true, &spot, NULL, format, arguments);
    va_end(arguments);
}

void report_end(struct report *report)
{
    uint64_t all = (uint64_t)report->errors + report->warnings;
    if (all <= REPORT_LINES_MAX || report->show == NULL) {
        return;
    }
    struct line text;
    char rest[64];
    const struct spot spot = {.file = report->file};
    line_start(&text, &spot, NULL);
    (void)snprintf(rest, sizeof(rest), "%llu more errors and warnings are not shown",
                   (unsigned long long)(all - REPORT_LINES_MAX));
    line_add(&text, rest, strlen(rest));
    text.text[text.size] = '\0';
    report->show(report->context, report->errors > 0, text.text);
}

const char *report_quote(char out[REPORT_QUOTE_SIZE], const char *text, size_t size)
{
    static const char hex[] = "0123456789abcdef";
    static const char cut[] = "...\"";
    size_t used = 0;
    out[used++] = '"';
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        size_t need = is_printable(byte) ? 1 : 4;
        if (need > REPORT_QUOTE_SIZE - sizeof(cut) - used) {
            memcpy(out + used, cut, sizeof(cut));
            return out;
        }
        if (need == 1) {
            out[used++] = text[i];
        } else {
            out[used++] = '\\';
            out[used++] = 'x';
            out[used++] = hex[byte >> 4];
            out[used++] = hex[byte & 15];
        }
    }
    out[used++] = '"';
    out[used] = '\0';
    return out;
}
