/*
 * scan - checks libconfig's grammar and writes the text anew for libconfig.
 * Called by parse.c, on the thread that loads a config.
 *
 * A stack of frames stands for the open groups, lists and arrays; the state of the innermost says what may come next. There is
 * no recursion. After a duplicate key the output is muted until its value ends.
 */
#include "server/config/scan.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/config/token.h"

#define OUTPUT_SIZE_FIRST 4096

enum expect {
    EXPECT_NAME,    /* in a group: a name or its end */
    EXPECT_EQUALS,  /* behind a name */
    EXPECT_VALUE,   /* behind "=" or "," */
    EXPECT_ELEMENT, /* at the start of a list: a value or its end */
    EXPECT_REST,    /* behind a value: a separator, the end, or (in a group) the next name */
};

/* The whole file is a group, too: the frame at the bottom, which ends where the text does. */
struct frame {
    char close; /* '}', ')', ']' or, for the file, '\0' */
    enum expect expect;
    struct path path;     /* of the value at hand; linked to the frame below */
    unsigned line;        /* where it was opened */
    size_t first_name;    /* of this group, in scan->names */
    enum token_kind last; /* of the value before: strings side by side are one; an array's are all of one kind */
};

struct name {
    const char *text;
    size_t size;
    unsigned line;
};

struct scan {
    struct token_reader reader;
    struct report *report;
    struct frame frames[SCAN_DEPTH_MAX + 1];
    size_t depth;                                          /* index of the innermost frame */
    struct name names[SCAN_DEPTH_MAX * 8 + SCAN_KEYS_MAX]; /* of all open groups */
    size_t name_count;
    size_t value_count;
    size_t muted; /* 1 + the frame whose value is a duplicate; 0: the output is not muted */
    char *out;
    size_t out_size;
    size_t out_max;
    unsigned out_line;
    bool out_failed;
};

static void put(struct scan *scan, const char *text, size_t size)
{
    if (scan->muted > 0 || scan->out_failed) {
        return;
    }
    if (size > scan->out_max - scan->out_size) {
        size_t max = scan->out_max > 0 ? scan->out_max : OUTPUT_SIZE_FIRST;
        while (max - scan->out_size < size && max <= SIZE_MAX / 2) {
            max *= 2;
        }
        char *bytes = max - scan->out_size >= size ? realloc(scan->out, max) : NULL;
        if (bytes == NULL) {
            scan->out_failed = true;
            return;
        }
        scan->out = bytes;
        scan->out_max = max;
    }
    memcpy(scan->out + scan->out_size, text, size);
    scan->out_size += size;
}

/* Line breaks before a token make libconfig count the lines as the file has them. Signs need none: libconfig notes no line at
 * them, and one behind a string would be counted for the string. */
static void put_at(struct scan *scan, unsigned line, const char *text, size_t size)
{
    while (scan->muted == 0 && !scan->out_failed && scan->out_line < line) {
        put(scan, "\n", 1);
        scan->out_line++;
    }
    put(scan, text, size);
}

/* "expected X, found Y" */
static bool fail(struct scan *scan, const struct token *token, const struct path *path, const char *expected)
{
    char quote[REPORT_QUOTE_SIZE];
    const char *found = token->kind == TOKEN_END      ? "the end of the file"
                        : token->kind == TOKEN_STRING ? "a string"
                                                      : report_quote(quote, token->text, token->size);
    if (token->kind != TOKEN_BAD) {
        report_error(scan->report, token->line, path, "expected %s, found %s", expected, found);
    }
    return false;
}

static struct frame *innermost(struct scan *scan)
{
    return &scan->frames[scan->depth];
}

static bool is_group(const struct frame *frame)
{
    return frame->close == '}' || frame->close == '\0';
}

/* Behind a value in a group: libconfig's optional separator is always written, so that no name follows a string directly. */
static void end_setting(struct scan *scan)
{
    put(scan, ";", 1);
    if (scan->muted == scan->depth + 1) {
        scan->muted = 0;
    }
}

/* A name: refuses one too many, mutes one that is there already. */
static bool take_name(struct scan *scan, struct frame *frame, const struct token *token)
{
    frame->path.name = token->text;
    frame->path.name_size = token->size;
    frame->expect = EXPECT_EQUALS;
    for (size_t i = frame->first_name; i < scan->name_count; i++) {
        const struct name *name = &scan->names[i];
        if (name->size == token->size && memcmp(name->text, token->text, token->size) == 0) {
            report_error(scan->report, token->line, &frame->path, "given twice; first on line %u", name->line);
            if (scan->muted == 0) {
                scan->muted = scan->depth + 1;
            }
            return true;
        }
    }
    if (scan->name_count - frame->first_name == SCAN_KEYS_MAX ||
        scan->name_count == sizeof(scan->names) / sizeof(scan->names[0])) {
        report_error(scan->report, token->line, &frame->path, "too many keys: a group may have %d", SCAN_KEYS_MAX);
        return false;
    }
    scan->names[scan->name_count++] = (struct name){token->text, token->size, token->line};
    put_at(scan, token->line, token->text, token->size);
    return true;
}

static bool open_frame(struct scan *scan, const struct token *token, char close)
{
    struct frame *outer = innermost(scan);
    if (outer->close == ']') {
        return fail(scan, token, &outer->path, "a plain value: an array [ ] holds no groups or lists");
    }
    if (scan->depth == SCAN_DEPTH_MAX) {
        report_error(scan->report, token->line, NULL, "nested deeper than %d", SCAN_DEPTH_MAX);
        return false;
    }
    put_at(scan, token->line, token->text, 1);
    outer->expect = EXPECT_REST;
    outer->last = TOKEN_SIGN;
    scan->depth++;
    *innermost(scan) = (struct frame){
        .close = close,
        .expect = close == '}' ? EXPECT_NAME : EXPECT_ELEMENT,
        .path = {.parent = &outer->path},
        .line = token->line,
        .first_name = scan->name_count,
        .last = TOKEN_END,
    };
    return true;
}

static void close_frame(struct scan *scan)
{
    struct frame *frame = innermost(scan);
    scan->name_count = frame->first_name;
    put(scan, &frame->close, 1);
    scan->depth--;
}

static void put_integer(struct scan *scan, const struct token *token)
{
    char text[32];
    int size = snprintf(text, sizeof(text), "%" PRId64 "L", token->integer);
    put_at(scan, token->line, text, (size_t)size);
}

static bool take_value(struct scan *scan, struct frame *frame, const struct token *token)
{
    if (scan->value_count++ == SCAN_VALUES_MAX) {
        report_error(scan->report, token->line, NULL, "too many values: a config may have %d", SCAN_VALUES_MAX);
        return false;
    }
    switch (token->kind) {
    case TOKEN_SIGN:
        switch (token->text[0]) {
        case '{':
            return open_frame(scan, token, '}');
        case '(':
            return open_frame(scan, token, ')');
        case '[':
            return open_frame(scan, token, ']');
        default:
            return fail(scan, token, &frame->path, "a value");
        }
    case TOKEN_NAME:
        return fail(scan, token, &frame->path, "a value (text stands in double quotes)");
    case TOKEN_END:
    case TOKEN_BAD:
        return fail(scan, token, &frame->path, "a value");
    case TOKEN_INTEGER:
        put_integer(scan, token);
        break;
    case TOKEN_STRING:
    case TOKEN_FLOAT:
    case TOKEN_BOOLEAN:
        put_at(scan, token->line, token->text, token->size);
        break;
    }
    if (frame->close == ']' && frame->last != TOKEN_END && frame->last != token->kind) {
        return fail(scan, token, &frame->path, "a value of the same type as before, as this is an array [ ]");
    }
    frame->last = token->kind;
    frame->expect = EXPECT_REST;
    return true;
}

/* Behind a value of a group. */
static bool take_rest_of_setting(struct scan *scan, struct frame *frame, const struct token *token)
{
    if (token_is_sign(token, ';') || token_is_sign(token, ',')) {
        end_setting(scan);
        frame->expect = EXPECT_NAME;
        return true;
    }
    if (token->kind == TOKEN_NAME) {
        end_setting(scan);
        return take_name(scan, frame, token);
    }
    if (frame->close != '\0' && token_is_sign(token, frame->close)) {
        end_setting(scan);
        close_frame(scan);
        return true;
    }
    return fail(scan, token, &frame->path, frame->close == '}' ? "\";\", a name or \"}\"" : "\";\" or a name");
}

/* Behind a value of a list or an array. */
static bool take_rest_of_list(struct scan *scan, struct frame *frame, const struct token *token)
{
    if (token_is_sign(token, ',')) {
        put(scan, ",", 1);
        frame->path.index++;
        frame->expect = EXPECT_VALUE;
        return true;
    }
    if (token_is_sign(token, frame->close)) {
        close_frame(scan);
        return true;
    }
    return fail(scan, token, &frame->path, frame->close == ')' ? "\",\" or \")\"" : "\",\" or \"]\"");
}

static bool take(struct scan *scan, const struct token *token)
{
    struct frame *frame = innermost(scan);
    switch (frame->expect) {
    case EXPECT_NAME:
        if (token->kind == TOKEN_NAME) {
            return take_name(scan, frame, token);
        }
        if (frame->close != '\0' && token_is_sign(token, frame->close)) {
            close_frame(scan);
            return true;
        }
        return fail(scan, token, frame->path.parent, frame->close == '}' ? "a name or \"}\"" : "a name");
    case EXPECT_EQUALS:
        if (token_is_sign(token, '=') || token_is_sign(token, ':')) {
            put(scan, "=", 1);
            frame->expect = EXPECT_VALUE;
            return true;
        }
        return fail(scan, token, &frame->path, "\"=\" behind the name");
    case EXPECT_ELEMENT:
        if (token_is_sign(token, frame->close)) {
            close_frame(scan);
            return true;
        }
        return take_value(scan, frame, token);
    case EXPECT_VALUE:
        return take_value(scan, frame, token);
    case EXPECT_REST:
        if (frame->last == TOKEN_STRING && token->kind == TOKEN_STRING) {
            put(scan, token->text, token->size);
            return true;
        }
        return is_group(frame) ? take_rest_of_setting(scan, frame, token) : take_rest_of_list(scan, frame, token);
    }
    return false;
}

/* The end of the text: right between the settings of the file only. */
static bool finish(struct scan *scan, const struct token *token)
{
    struct frame *frame = innermost(scan);
    if (scan->depth > 0 && (frame->expect == EXPECT_NAME || frame->expect == EXPECT_REST)) {
        report_error(scan->report, frame->line, frame->path.parent, "what is opened here is never closed with \"%c\"",
                     frame->close);
        return false;
    }
    if (frame->expect == EXPECT_REST) {
        end_setting(scan);
        return true;
    }
    return frame->expect == EXPECT_NAME || take(scan, token);
}

static bool has_nul(const char *text, size_t size, struct report *report)
{
    const char *nul = size > 0 ? memchr(text, '\0', size) : NULL;
    if (nul == NULL) {
        return false;
    }
    unsigned line = 1;
    for (const char *at = text; at < nul; at++) {
        line += *at == '\n';
    }
    report_error(report, line, NULL, "a NUL byte: this is not a text file");
    return true;
}

char *scan_text(const char *text, size_t size, struct report *report)
{
    if (size > CONFIG_FILE_MAX) {
        report_error(report, 0, NULL, "larger than %d bytes", CONFIG_FILE_MAX);
        return NULL;
    }
    if (has_nul(text, size, report)) {
        return NULL;
    }
    /* Some 15 KiB: too much for the stack. */
    struct scan *scan = calloc(1, sizeof(*scan));
    if (scan == NULL) {
        report_error(report, 0, NULL, "no memory to read it");
        return NULL;
    }
    scan->reader = (struct token_reader){.at = text, .end = text + size, .line = 1, .report = report};
    scan->report = report;
    scan->out_line = 1;
    scan->frames[0] = (struct frame){.expect = EXPECT_NAME, .last = TOKEN_END};

    bool good = true;
    struct token token = {.kind = TOKEN_SIGN};
    while (good && token.kind != TOKEN_END) {
        token = token_next(&scan->reader);
        if (token.kind == TOKEN_BAD) {
            good = false;
        } else {
            good = token.kind == TOKEN_END ? finish(scan, &token) : take(scan, &token);
        }
    }
    put(scan, "", 1);

    char *out = scan->out;
    if (good && scan->out_failed) {
        report_error(report, 0, NULL, "no memory to read it");
        good = false;
    }
    if (!good) {
        free(out);
        out = NULL;
    }
    free(scan);
    return out;
}
