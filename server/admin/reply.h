/*
 * reply - what the admin API answers: a status, a JSON value, and the few header fields that go with them. Any thread.
 *
 * Every error is {"error": {"code": "...", "message": "..."}}: a word for programs and a sentence for people.
 */
#ifndef PORTCULLIS_ADMIN_REPLY_H
#define PORTCULLIS_ADMIN_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define REPLY_ALLOW_SIZE 48

struct reply {
    unsigned status;
    json_t *body;                 /* owned; NULL: there was no memory for it */
    char allow[REPLY_ALLOW_SIZE]; /* of a 405: the methods there are; "" for none */
    const char *challenge;        /* of a 401: WWW-Authenticate. Static; NULL for none */
    unsigned retry_after_s;       /* 0: none */
};

/* Takes `body`, which may be NULL when it could not be made: the reply is then a 503. */
struct reply reply_json(unsigned status, json_t *body);

/* `code` is lower_case. The message is cut at 511 bytes; it is UTF-8 as far as the arguments are. */
__attribute__((format(printf, 3, 4))) struct reply reply_error(unsigned status, const char *code, const char *format,
                                                               ...);

/* The code of an error; NULL for what is none. Borrowed. */
const char *reply_code(const struct reply *reply);

/* The whole HTTP/1.1 answer, from malloc(): the caller's. ASCII alone, with Connection: close. `without_body`: for HEAD.
 * NULL when there is no memory. */
char *reply_format(const struct reply *reply, bool without_body, size_t *size_r);

void reply_clear(struct reply *reply);

#endif
