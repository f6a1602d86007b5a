/*
 * token - whether a token lets its bearer in: the whole decision, from bytes to identity. Any thread.
 */
#ifndef PORTCULLIS_AUTH_TOKEN_H
#define PORTCULLIS_AUTH_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/identity.h"
#include "auth/jwks.h"
#include "auth/keyring.h"
#include "auth/revocations.h"

/* What a peer is told, which is less than what the log is. */
enum token_answer {
    TOKEN_ACCEPTED,
    TOKEN_EXPIRED, /* "Token Expired" */
    TOKEN_REFUSED, /* "Authentication failed" */
    TOKEN_RETRY,   /* its key is being fetched, or there was no memory: 503, 1013 */
};

/* Columns: name, label in logs and metrics, answer, sentence. Every refusal has exactly one. */
#define TOKEN_VERDICT_TABLE(X)                                                                                      \
    X(OK, "ok", TOKEN_ACCEPTED, "The token is good.")                                                               \
    X(MISSING, "token_missing", TOKEN_REFUSED, "There is no token.")                                                \
    X(TOO_LARGE, "token_too_large", TOKEN_REFUSED, "The token is larger than auth.max_token.")                      \
    X(SYNTAX, "token_syntax", TOKEN_REFUSED, "The token is not three parts of base64url.")                          \
    X(HEADER, "token_header", TOKEN_REFUSED, "The token's header is not a JSON object within the bounds.")          \
    X(DUPLICATE, "token_duplicate", TOKEN_REFUSED, "The token's header or payload has a member twice.")             \
    X(CRITICAL, "token_critical", TOKEN_REFUSED,                                                                    \
      "The token's header has \"crit\" or \"b64\", which is not supported.")                                        \
    X(ALGORITHM, "token_algorithm", TOKEN_REFUSED, "The token's \"alg\" is none that is accepted.")                 \
    X(KEY_ID, "token_key_id", TOKEN_REFUSED, "The token's \"kid\" is not a text within the bounds.")                \
    X(KEY_UNKNOWN, "key_unknown", TOKEN_REFUSED, "No key has the token's \"kid\" or algorithm.")                    \
    X(KEY_FETCHING, "key_fetching", TOKEN_RETRY, "No key has the token's \"kid\" yet; key sets are being fetched.") \
    X(KEY_ALGORITHM, "key_algorithm", TOKEN_REFUSED, "The key is for another algorithm than the token's \"alg\".")  \
    X(SIGNATURE, "token_signature", TOKEN_REFUSED, "The signature is wrong.")                                       \
    X(PAYLOAD, "token_payload", TOKEN_REFUSED, "The token's payload is not a JSON object within the bounds.")       \
    X(CLAIM_TYPE, "claim_type", TOKEN_REFUSED, "A claim has the wrong type or is out of range.")                    \
    X(NO_EXPIRY, "token_no_expiry", TOKEN_REFUSED, "The token has no \"exp\".")                                     \
    X(EXPIRED, "token_expired", TOKEN_EXPIRED, "The token has expired.")                                            \
    X(NOT_YET, "token_not_yet", TOKEN_REFUSED, "The token's \"nbf\" or \"iat\" is in the future.")                  \
    X(LIFETIME, "token_lifetime", TOKEN_REFUSED, "The token expires later than auth.max_token_lifetime allows.")    \
    X(ISSUER, "token_issuer", TOKEN_REFUSED, "The token's \"iss\" is none that is accepted of this key.")           \
    X(AUDIENCE, "token_audience", TOKEN_REFUSED, "The token's \"aud\" has none that is accepted of this key.")      \
    X(USER, "token_user", TOKEN_REFUSED, "The token names no user, or by a text out of bounds.")                    \
    X(PERMISSIONS, "token_permissions", TOKEN_REFUSED, "The token's permissions are not as documented.")            \
    X(REVOKED, "token_revoked", TOKEN_REFUSED, "The token has been revoked.")                                       \
    X(NO_MEMORY, "token_no_memory", TOKEN_RETRY, "There was no memory to check the token.")

enum token_verdict {
#define TOKEN_ENUM_(name, label, answer, sentence) TOKEN_##name##_VERDICT,
    TOKEN_VERDICT_TABLE(TOKEN_ENUM_)
#undef TOKEN_ENUM_
};
#define TOKEN_ONE_(name, label, answer, sentence) +1
enum { TOKEN_VERDICT_COUNT = 0 TOKEN_VERDICT_TABLE(TOKEN_ONE_) };
#undef TOKEN_ONE_

const char *token_verdict_label(enum token_verdict verdict);
const char *token_verdict_sentence(enum token_verdict verdict);
enum token_answer token_verdict_answer(enum token_verdict verdict);

/* What tokens are held against. Borrowed data: part of a config. */
struct token_policy {
    struct keyring *keys;       /* of the config; never NULL */
    const char *const *issuers; /* none: any, or no "iss" */
    size_t issuer_count;
    const char *const *audiences; /* none: any, or no "aud" */
    size_t audience_count;
    const char *const *user_claims;
    size_t user_claim_count;
    bool require_expiry;
    int64_t leeway_s;
    int64_t max_lifetime_s;
    size_t max_size;
};

/* What changes while the server runs. Either may be NULL: there is none. */
struct token_context {
    struct jwks *jwks;
    struct revocations *revocations;
};

/*
 * Decides. `now_s` is the wall clock in seconds since the epoch. On TOKEN_OK_VERDICT *identity_r is the caller's. The order is
 * that of the table: nothing of a token whose signature is not known to be right decides more than which keys it is held against.
 * These are the keys with its "kid" and algorithm, of which there is one unless sets of several providers share a "kid"; without
 * "kid", those with its algorithm; TOKEN_KEYS_TRIED at most.
 */
#define TOKEN_KEYS_TRIED 8

__attribute__((warn_unused_result)) enum token_verdict token_check(const struct token_policy *policy,
                                                                   const struct token_context *context,
                                                                   const char *token, size_t size, int64_t now_s,
                                                                   struct identity **identity_r);

/* Is told of each check, in order: its name, whether it was passed, and what was compared with what. `detail` quotes the token, but
 * no signature and no key; it is valid during the call. */
typedef void token_step_fn(void *context, const char *check, bool passed, const char *detail);

/* The same decision, step by step: for people who ask why. */
__attribute__((warn_unused_result)) enum token_verdict
token_explain(const struct token_policy *policy, const struct token_context *context, const char *token, size_t size,
              int64_t now_s, token_step_fn *step, void *step_context, struct identity **identity_r);

#endif
