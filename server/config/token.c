/*
 * token - the tokens of libconfig's notation.
 * Called by scan.c, on the thread that loads a config.
 */
#include "server/config/token.h"

#include <limits.h>
#include <string.h>

#include "server/config/units.h"

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_letter(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

static int hex_value(char byte)
{
    if (is_digit(byte)) {
        return byte - '0';
    }
    if (byte >= 'a' && byte <= 'f') {
        return byte - 'a' + 10;
    }
    if (byte >= 'A' && byte <= 'F') {
        return byte - 'A' + 10;
    }
    return -1;
}

static size_t left(const struct token_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

static bool starts_with(const struct token_reader *reader, const char *text)
{
    size_t size = strlen(text);
    return left(reader) >= size && memcmp(reader->at, text, size) == 0;
}

static void skip_line(struct token_reader *reader)
{
    const char *newline = memchr(reader->at, '\n', left(reader));
    reader->at = newline != NULL ? newline : reader->end;
}

/* Steps over one comment. False when it is never closed, which is reported. */
static bool skip_block_comment(struct token_reader *reader)
{
    unsigned opened = reader->line;
    reader->at += 2;
    for (; reader->at < reader->end; reader->at++) {
        if (starts_with(reader, "*/")) {
            reader->at += 2;
            return true;
        }
        if (*reader->at == '\n') {
            reader->line++;
        }
    }
    report_error(reader->report, opened, NULL, "the comment that begins here is never closed with \"*/\"");
    return false;
}

/* "@include" stands alone on its line in libconfig; the line is skipped whatever it holds. */
static void skip_include(struct token_reader *reader)
{
    report_error(reader->report, reader->line, NULL,
                 "@include is not supported: a config is one file (long lists go into firewall.deny_files)");
    skip_line(reader);
}

/* Steps over blanks, comments and refused includes. False when a comment is never closed. */
static bool skip_blanks(struct token_reader *reader)
{
    while (reader->at < reader->end) {
        switch (*reader->at) {
        case '\n':
            reader->line++;
            reader->at++;
            break;
        case ' ':
        case '\t':
        case '\r':
        case '\f':
            reader->at++;
            break;
        case '#':
            skip_line(reader);
            break;
        case '/':
            if (starts_with(reader, "//")) {
                skip_line(reader);
            } else if (!starts_with(reader, "/*")) {
                return true;
            } else if (!skip_block_comment(reader)) {
                return false;
            }
            break;
        case '@':
            if (!starts_with(reader, "@include")) {
                return true;
            }
            skip_include(reader);
            break;
        default:
            return true;
        }
    }
    return true;
}

/* Checks the escape at `at` (a backslash) and returns its size; 0 when it is none. */
static size_t escape_size(const char *at, const char *end)
{
    if (end - at < 2) {
        return 0;
    }
    if (memchr("nrtf\\\"", at[1], 6) != NULL) {
        return 2;
    }
    bool is_hex = (at[1] == 'x' || at[1] == 'X') && end - at >= 4 && hex_value(at[2]) >= 0 && hex_value(at[3]) >= 0;
    /* libconfig ends the string at a NUL. */
    return is_hex && !(at[2] == '0' && at[3] == '0') ? 4 : 0;
}

static struct token bad(const struct token_reader *reader)
{
    return (struct token){.kind = TOKEN_BAD, .text = reader->at, .line = reader->line};
}

/* From the opening quote to the closing one. A wrong escape is reported and stepped over: it does not hide the string's end. */
static struct token read_string(struct token_reader *reader)
{
    struct token token = {.kind = TOKEN_STRING, .text = reader->at, .line = reader->line};
    reader->at++;
    while (reader->at < reader->end && *reader->at != '"') {
        unsigned char byte = (unsigned char)*reader->at;
        if (byte == '\n' || byte == '\r') {
            break;
        }
        if (byte == '\\') {
            size_t size = escape_size(reader->at, reader->end);
            if (size == 0) {
                report_error(reader->report, reader->line, NULL,
                             "unknown escape in a string: \\n \\r \\t \\f \\\\ \\\" and \\x01 to \\xff are known");
            }
            /* At least the byte behind the backslash goes with it, but not the line's end. */
            bool can_skip = reader->end - reader->at >= 2 && reader->at[1] != '\n' && reader->at[1] != '\r';
            reader->at += size > 0 ? size : can_skip ? 2 : 1;
            continue;
        }
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
            report_error(reader->report, reader->line, NULL, "a control byte (0x%02x) in a string", byte);
        }
        reader->at++;
    }
    if (reader->at == reader->end || *reader->at != '"') {
        report_error(reader->report, token.line, NULL, "a string is not closed with '\"' on its line");
        return bad(reader);
    }
    reader->at++;
    token.size = (size_t)(reader->at - token.text);
    return token;
}

/* [-+]?[0-9]+ or 0x[0-9a-f]+, then L or LL or nothing; beyond 64 bits the nearest value. */
static bool read_integer(const char *text, size_t size, int64_t *value_r)
{
    bool negative = text[0] == '-';
    size_t at = text[0] == '-' || text[0] == '+' ? 1 : 0;
    uint64_t base = 10;
    if (at == 0 && size > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        at = 2;
    }
    size_t first = at;
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    uint64_t value = 0;
    for (; at < size; at++) {
        int digit = hex_value(text[at]);
        if (digit < 0 || (uint64_t)digit >= base) {
            break;
        }
        value = value > (limit - (uint64_t)digit) / base ? limit : value * base + (uint64_t)digit;
    }
    if (at == first) {
        return false;
    }
    for (int i = 0; i < 2 && at < size && text[at] == 'L'; i++) {
        at++;
    }
    if (at != size) {
        return false;
    }
    if (!negative) {
        *value_r = (int64_t)value;
    } else {
        *value_r = value == limit ? INT64_MIN : -(int64_t)value;
    }
    return true;
}

/* [-+]?[0-9]*(.[0-9]*)?([eE][-+]?[0-9]+)? with at least one digit before the exponent. */
static bool is_float(const char *text, size_t size)
{
    size_t at = text[0] == '-' || text[0] == '+' ? 1 : 0;
    size_t digits = 0;
    for (; at < size && is_digit(text[at]); at++) {
        digits++;
    }
    if (at < size && text[at] == '.') {
        for (at++; at < size && is_digit(text[at]); at++) {
            digits++;
        }
    }
    if (digits == 0) {
        return false;
    }
    if (at < size && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        if (at < size && (text[at] == '-' || text[at] == '+')) {
            at++;
        }
        if (at == size) {
            return false;
        }
        while (at < size && is_digit(text[at])) {
            at++;
        }
    }
    return at == size;
}

/* "30s" without the quotes. */
static bool is_unit(const struct token *token)
{
    char text[UNITS_TEXT_SIZE];
    int64_t value = 0;
    if (token->size >= sizeof(text)) {
        return false;
    }
    memcpy(text, token->text, token->size);
    text[token->size] = '\0';
    return units_parse_duration(text, &value) || units_parse_size(text, &value);
}

/* All that could belong to a number is taken as one, so that "12ab" and "1-2" are errors and not two tokens. */
static struct token read_number(struct token_reader *reader)
{
    struct token token = {.text = reader->at, .line = reader->line};
    while (reader->at < reader->end &&
           (is_digit(*reader->at) || is_letter(*reader->at) || memchr("+-._", *reader->at, 4) != NULL)) {
        reader->at++;
    }
    token.size = (size_t)(reader->at - token.text);
    if (read_integer(token.text, token.size, &token.integer)) {
        token.kind = TOKEN_INTEGER;
    } else if (is_float(token.text, token.size)) {
        token.kind = TOKEN_FLOAT;
    } else {
        char quote[REPORT_QUOTE_SIZE];
        report_error(reader->report, token.line, NULL, "%s is not a number%s",
                     report_quote(quote, token.text, token.size),
                     is_unit(&token) ? "; with a unit it must stand in double quotes as here" : "");
        token.kind = TOKEN_BAD;
    }
    return token;
}

static bool is_word(const struct token *token, const char *lower)
{
    if (token->size != strlen(lower)) {
        return false;
    }
    for (size_t i = 0; i < token->size; i++) {
        char byte = token->text[i];
        if ((byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte) != lower[i]) {
            return false;
        }
    }
    return true;
}

static struct token read_name(struct token_reader *reader)
{
    struct token token = {.kind = TOKEN_NAME, .text = reader->at, .line = reader->line};
    while (reader->at < reader->end &&
           (is_letter(*reader->at) || is_digit(*reader->at) || memchr("-_*", *reader->at, 3) != NULL)) {
        reader->at++;
    }
    token.size = (size_t)(reader->at - token.text);
    if (is_word(&token, "true") || is_word(&token, "false")) {
        token.kind = TOKEN_BOOLEAN;
    }
    return token;
}

struct token token_next(struct token_reader *reader)
{
    if (!skip_blanks(reader)) {
        return bad(reader);
    }
    if (reader->at == reader->end) {
        return (struct token){.kind = TOKEN_END, .text = reader->at, .line = reader->line};
    }
    char byte = *reader->at;
    if (byte == '"') {
        return read_string(reader);
    }
    if (is_letter(byte) || byte == '*') {
        return read_name(reader);
    }
    if (is_digit(byte) || byte == '-' || byte == '+' || byte == '.') {
        return read_number(reader);
    }
    if (memchr("=:;,{}()[]", byte, 10) == NULL) {
        char quote[REPORT_QUOTE_SIZE];
        report_error(reader->report, reader->line, NULL, "unexpected character %s", report_quote(quote, &byte, 1));
        return bad(reader);
    }
    struct token token = {.kind = TOKEN_SIGN, .text = reader->at, .size = 1, .line = reader->line};
    reader->at++;
    return token;
}

bool token_is_sign(const struct token *token, char sign)
{
    return token->kind == TOKEN_SIGN && token->text[0] == sign;
}
