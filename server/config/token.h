/*
 * token - the tokens of libconfig's notation, read from a text in memory.
 */
#ifndef PORTCULLIS_CONFIG_TOKEN_H
#define PORTCULLIS_CONFIG_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/config/report.h"

enum token_kind {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_STRING, /* with its quotes and escapes */
    TOKEN_INTEGER,
    TOKEN_FLOAT,
    TOKEN_BOOLEAN,
    TOKEN_SIGN, /* one of = : ; , { } ( ) [ ] */
    TOKEN_BAD,  /* no token can be made of the text; has been reported */
};

/* `text` points into the text read. */
struct token {
    enum token_kind kind;
    const char *text;
    size_t size;
    unsigned line;
    int64_t integer; /* of TOKEN_INTEGER; INT64_MIN or INT64_MAX when beyond 64 bits */
};

struct token_reader {
    const char *at;
    const char *end;
    unsigned line;
    struct report *report;
};

/* The next token; after TOKEN_END or TOKEN_BAD there is none. */
struct token token_next(struct token_reader *reader);

bool token_is_sign(const struct token *token, char sign);

#endif
