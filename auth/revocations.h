/*
 * revocations - tokens that no longer count although they are signed and have not expired. In memory; the state store keeps
 * them (server/state/).
 *
 * Readers take a short shared lock; any thread.
 */
#ifndef PORTCULLIS_AUTH_REVOCATIONS_H
#define PORTCULLIS_AUTH_REVOCATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/identity.h"

#define REVOCATIONS_MAX        1000000
#define REVOCATION_SUBJECT_MAX 256 /* bytes of a user or token id */
#define REVOCATION_REASON_MAX  256

enum revocation_kind {
    REVOCATION_USER,          /* a user's tokens issued up to `before_s`, or without "iat" */
    REVOCATION_TOKEN,         /* the token with that "jti" */
    REVOCATION_ISSUED_BEFORE, /* all tokens issued before `before_s`, or without "iat" */
};

struct revocation {
    uint64_t id; /* given by the store; never 0 */
    enum revocation_kind kind;
    const char *subject; /* user or "jti"; "" for REVOCATION_ISSUED_BEFORE */
    int64_t before_s;    /* seconds since the epoch; of REVOCATION_TOKEN meaningless */
    int64_t since_s;     /* when it was made */
    int64_t until_s;     /* when it can be forgotten: its last token has expired; or IDENTITY_FOREVER */
    const char *by;      /* name of the admin token */
    const char *reason;  /* "" for none */
};

enum revocation_status {
    REVOCATION_OK,
    REVOCATION_FULL, /* REVOCATIONS_MAX */
    REVOCATION_NO_MEMORY,
};

struct revocations;

struct revocations *revocations_create(void); /* NULL without memory */
void revocations_destroy(struct revocations **revocations);

/* Copies. One of the same kind, subject and time takes the other's place, until the later of both ends. */
__attribute__((warn_unused_result)) enum revocation_status revocations_add(struct revocations *revocations,
                                                                           const struct revocation *revocation);
/* False when there is none. */
bool revocations_remove(struct revocations *revocations, uint64_t id);
/* Forgets those whose time is over; returns how many. */
size_t revocations_expire(struct revocations *revocations, int64_t now_s);
size_t revocations_count(struct revocations *revocations);

/* Whether one of them is about this identity. */
bool revocations_match(struct revocations *revocations, const struct identity *identity);

#endif
