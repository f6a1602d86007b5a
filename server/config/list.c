/*
 * list - files of prefixes, one a line.
 * Called by check.c, on the thread that loads.
 */
#include "server/config/list.h"

#include <stdlib.h>
#include <string.h>

#include "server/config/file.h"

#define LIST_SIZE_FIRST 64

bool list_add(struct prefix_list *list, const struct prefix *prefixes, size_t count, struct report *report,
              unsigned line, const struct path *path)
{
    if (count > LIST_PREFIXES_MAX - list->count) {
        report_error(report, line, path, "too many prefixes: %d at most, all files together", LIST_PREFIXES_MAX);
        return false;
    }
    if (count > list->max - list->count) {
        size_t max = list->max > 0 ? list->max : LIST_SIZE_FIRST;
        while (max - list->count < count) {
            max *= 2; /* stays below 2 * LIST_PREFIXES_MAX */
        }
        struct prefix *grown = realloc(list->prefixes, max * sizeof(*grown));
        if (grown == NULL) {
            report_error(report, line, path, "no memory for its prefixes");
            return false;
        }
        list->prefixes = grown;
        list->max = max;
    }
    if (count > 0) {
        memcpy(list->prefixes + list->count, prefixes, count * sizeof(*prefixes));
        list->count += count;
    }
    return true;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

/* Cuts the comment and the blanks around. */
static void trim(const char **text, const char **end)
{
    const char *comment = memchr(*text, '#', (size_t)(*end - *text));
    if (comment != NULL) {
        *end = comment;
    }
    while (*text < *end && is_blank(**text)) {
        ++*text;
    }
    while (*text < *end && is_blank((*end)[-1])) {
        --*end;
    }
}

void list_parse(struct prefix_list *list, const char *text, size_t size, const char *file, struct report *report,
                unsigned line, const struct path *path)
{
    const char *end = text + size;
    unsigned number = 0;
    unsigned errors = 0;
    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const char *line_end = newline != NULL ? newline : end;
        const char *at = text;
        text = newline != NULL ? newline + 1 : end;
        number++;
        trim(&at, &line_end);
        if (at == line_end) {
            continue;
        }
        struct prefix prefix;
        size_t length = (size_t)(line_end - at);
        enum address_status status = prefix_parse(at, length, &prefix);
        if (status == ADDRESS_OK) {
            if (!list_add(list, &prefix, 1, report, line, path)) {
                return;
            }
            continue;
        }
        char quote[REPORT_QUOTE_SIZE];
        report_error_in(report, file, number, 0,
                        "expected an address or a prefix such as \"192.0.2.0/24\", found %s: %s",
                        report_quote(quote, at, length), address_status_text(status));
        if (++errors == LIST_ERRORS_MAX) {
            report_error_in(report, file, number, 0, "too many errors; the rest of this list is not read");
            return;
        }
    }
}

void list_load(struct prefix_list *list, const char *file, struct report *report, unsigned line,
               const struct path *path)
{
    char *text = NULL;
    size_t size = 0;
    const char *error = file_read(file, LIST_FILE_MAX, &text, &size);
    if (error != NULL) {
        report_error(report, line, path, "%s cannot be read: %s", file, error);
        return;
    }
    list_parse(list, text, size, file, report, line, path);
    free(text);
}
