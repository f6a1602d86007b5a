/*
 * token - the decision about a token. Called by the door's upgrade threads, by session loops for a first message, and by
 * portcullisctl.
 */
#include "auth/token.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/claims.h"
#include "auth/jws.h"
#include "auth/pack.h"

#define DETAIL_SIZE 1024 /* of a step's text; a longer one is cut */

/* A check under way. */
struct work {
    const struct token_policy *policy;
    const struct token_context *context;
    int64_t now_s;
    token_step_fn *step; /* NULL mostly */
    void *step_context;
    struct jws jws;
    struct keyring *fetched; /* a reference; NULL without key sets */
    struct key *key;         /* the one that the signature is of; borrowed */
    struct claims claims;
    enum token_verdict user_verdict;
    const char *user;
    char number[CLAIMS_NUMBER_SIZE]; /* where the user is one */
};

/* ---- verdicts ---- */

static const struct {
    const char *label;
    enum token_answer answer;
    const char *sentence;
} verdicts[] = {
#define TOKEN_ROW_(name, label, answer, sentence) [TOKEN_##name##_VERDICT] = {label, answer, sentence},
    TOKEN_VERDICT_TABLE(TOKEN_ROW_)
#undef TOKEN_ROW_
};

const char *token_verdict_label(enum token_verdict verdict)
{
    return verdicts[verdict].label;
}

const char *token_verdict_sentence(enum token_verdict verdict)
{
    return verdicts[verdict].sentence;
}

enum token_answer token_verdict_answer(enum token_verdict verdict)
{
    return verdicts[verdict].answer;
}

static enum token_verdict jws_verdict(enum jws_status status)
{
    switch (status) {
    case JWS_OK:
        return TOKEN_OK_VERDICT;
    case JWS_TOO_LARGE:
        return TOKEN_TOO_LARGE_VERDICT;
    case JWS_SYNTAX:
        return TOKEN_SYNTAX_VERDICT;
    case JWS_HEADER:
    case JWS_TYPE:
        return TOKEN_HEADER_VERDICT;
    case JWS_DUPLICATE:
        return TOKEN_DUPLICATE_VERDICT;
    case JWS_CRITICAL:
        return TOKEN_CRITICAL_VERDICT;
    case JWS_ALGORITHM:
        return TOKEN_ALGORITHM_VERDICT;
    case JWS_KEY_ID:
        return TOKEN_KEY_ID_VERDICT;
    case JWS_NO_MEMORY:
        return TOKEN_NO_MEMORY_VERDICT;
    }
    return TOKEN_SYNTAX_VERDICT;
}

/* Tells of a step, when somebody listens; returns the verdict. */
__attribute__((format(printf, 4, 5))) static enum token_verdict
tell(const struct work *work, const char *check, enum token_verdict verdict, const char *format, ...)
{
    if (work->step != NULL) {
        char detail[DETAIL_SIZE];
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(detail, sizeof(detail), format, arguments);
        va_end(arguments);
        work->step(work->step_context, check, verdict == TOKEN_OK_VERDICT, detail);
    }
    return verdict;
}

static const char *or_none(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : "(none)";
}

/* ---- the signature ---- */

static enum token_verdict check_size(const struct work *work, size_t size)
{
    const enum token_verdict verdict = size == 0                       ? TOKEN_MISSING_VERDICT
                                       : size > work->policy->max_size ? TOKEN_TOO_LARGE_VERDICT
                                                                       : TOKEN_OK_VERDICT;
    return tell(work, "size", verdict, "%zu bytes; auth.max_token is %zu", size, work->policy->max_size);
}

static enum token_verdict check_form(struct work *work, const char *token, size_t size)
{
    const enum jws_status status = jws_parse(token, size, &work->jws);
    if (status != JWS_OK) {
        return tell(work, "form", jws_verdict(status), "%s", jws_status_text(status));
    }
    return tell(work, "form", TOKEN_OK_VERDICT, "alg %s, kid %s", algorithm_name(work->jws.algorithm),
                or_none(work->jws.key_id));
}

/* Those of a ring that the token may be held against, behind the `count` that are there. `*named` is set by a key of its name. */
static size_t add_candidates(const struct work *work, const struct keyring *ring, struct key *keys[TOKEN_KEYS_TRIED],
                             size_t count, bool *named)
{
    const bool any = work->jws.key_id[0] == '\0';
    for (size_t i = 0; i < keyring_count(ring) && count < TOKEN_KEYS_TRIED; i++) {
        struct key *key = keyring_key(ring, i);
        if (any || strcmp(key_id(key), work->jws.key_id) == 0) {
            *named = *named || !any;
            if (key_algorithm(key) == work->jws.algorithm) {
                keys[count++] = key;
            }
        }
    }
    return count;
}

/* The keys that the token is held against. */
static enum token_verdict choose_keys(struct work *work, struct key *keys[TOKEN_KEYS_TRIED], size_t *count_r)
{
    bool named = false;
    struct jwks *jwks = work->context->jwks;
    size_t count = add_candidates(work, work->policy->keys, keys, 0, &named);
    if (jwks != NULL) {
        work->fetched = jwks_keys(jwks);
        count = add_candidates(work, work->fetched, keys, count, &named);
    }
    *count_r = count;
    if (count > 0) {
        return tell(work, "key", TOKEN_OK_VERDICT, "%zu of that kid and algorithm", count);
    }
    if (named) {
        return tell(work, "key", TOKEN_KEY_ALGORITHM_VERDICT, "%s is not for %s", work->jws.key_id,
                    algorithm_name(work->jws.algorithm));
    }
    const bool fetching = jwks != NULL && jwks_miss(jwks, work->jws.key_id);
    return tell(work, "key", fetching ? TOKEN_KEY_FETCHING_VERDICT : TOKEN_KEY_UNKNOWN_VERDICT,
                "none of %zu has kid %s, or alg %s where there is no kid", keyring_count(work->policy->keys),
                or_none(work->jws.key_id), algorithm_name(work->jws.algorithm));
}

static enum token_verdict check_signature(struct work *work)
{
    struct key *keys[TOKEN_KEYS_TRIED];
    size_t count = 0;
    const enum token_verdict verdict = choose_keys(work, keys, &count);
    if (verdict != TOKEN_OK_VERDICT) {
        return verdict;
    }
    for (size_t i = 0; i < count && work->key == NULL; i++) {
        work->key = jws_verify(&work->jws, keys[i]) ? keys[i] : NULL;
    }
    if (work->key == NULL) {
        return tell(work, "signature", TOKEN_SIGNATURE_VERDICT, "of none of them");
    }
    return tell(work, "signature", TOKEN_OK_VERDICT, "of key %s", or_none(key_id(work->key)));
}

/* ---- the claims ---- */

/* Types of all claims that decide anything, before any of them does. */
static enum token_verdict check_payload(struct work *work)
{
    const char *wrong = "";
    enum token_verdict verdict = claims_read(work->jws.payload, work->jws.payload_size, &work->claims, &wrong);
    if (verdict != TOKEN_OK_VERDICT) {
        return tell(work, "payload", verdict, "%s%s", wrong[0] != '\0' ? "claim " : "", wrong);
    }
    work->user_verdict = claims_user(&work->claims, work->policy->user_claims, work->policy->user_claim_count,
                                     work->number, &work->user, &wrong);
    if (work->user_verdict == TOKEN_CLAIM_TYPE_VERDICT) {
        return tell(work, "payload", TOKEN_CLAIM_TYPE_VERDICT, "claim %s", wrong);
    }
    return tell(work, "payload", TOKEN_OK_VERDICT, "%zu claims", json_object_size(work->claims.root));
}

static int64_t distance(int64_t time_s, int64_t now_s)
{
    return time_s > now_s ? time_s - now_s : now_s - time_s;
}

static const char *side(int64_t time_s, int64_t now_s)
{
    return time_s > now_s ? "from now" : "ago";
}

static enum token_verdict check_expiry(const struct work *work)
{
    const struct token_policy *policy = work->policy;
    const int64_t expires_s = work->claims.expires_s;
    if (expires_s == IDENTITY_NO_TIME) {
        return tell(work, "exp", policy->require_expiry ? TOKEN_NO_EXPIRY_VERDICT : TOKEN_OK_VERDICT,
                    "none; auth.require_expiry is %s", policy->require_expiry ? "true" : "false");
    }
    return tell(work, "exp", work->now_s >= expires_s + policy->leeway_s ? TOKEN_EXPIRED_VERDICT : TOKEN_OK_VERDICT,
                "%" PRId64 ", %" PRId64 " s %s, and auth.leeway of %" PRId64 " s", expires_s,
                distance(expires_s, work->now_s), side(expires_s, work->now_s), policy->leeway_s);
}

/* "nbf" and "iat" alike: neither may be in the future. */
static enum token_verdict check_past(const struct work *work, const char *claim, int64_t time_s)
{
    if (time_s == IDENTITY_NO_TIME) {
        return tell(work, claim, TOKEN_OK_VERDICT, "none");
    }
    return tell(work, claim, time_s > work->now_s + work->policy->leeway_s ? TOKEN_NOT_YET_VERDICT : TOKEN_OK_VERDICT,
                "%" PRId64 ", %" PRId64 " s %s, and auth.leeway of %" PRId64 " s", time_s,
                distance(time_s, work->now_s), side(time_s, work->now_s), work->policy->leeway_s);
}

/*
 * Counted from when the token was issued, if it says so, and else from now. If it were always from now, a token that is refused today
 * for expiring too late would be good on a later day, on which its revocation may have been forgotten.
 */
static enum token_verdict check_lifetime(const struct work *work)
{
    const struct claims *claims = &work->claims;
    if (claims->expires_s == IDENTITY_NO_TIME) {
        return TOKEN_OK_VERDICT;
    }
    const bool dated = claims->issued_s != IDENTITY_NO_TIME && claims->issued_s < work->now_s;
    const int64_t lifetime_s = claims->expires_s - (dated ? claims->issued_s : work->now_s);
    return tell(work, "lifetime", lifetime_s > work->policy->max_lifetime_s ? TOKEN_LIFETIME_VERDICT : TOKEN_OK_VERDICT,
                "%" PRId64 " s from %s; auth.max_token_lifetime is %" PRId64 " s", lifetime_s, dated ? "iat" : "now",
                work->policy->max_lifetime_s);
}

static enum token_verdict check_times(const struct work *work)
{
    enum token_verdict verdict = check_expiry(work);
    if (verdict == TOKEN_OK_VERDICT) {
        verdict = check_past(work, "nbf", work->claims.not_before_s);
    }
    if (verdict == TOKEN_OK_VERDICT) {
        verdict = check_past(work, "iat", work->claims.issued_s);
    }
    return verdict == TOKEN_OK_VERDICT ? check_lifetime(work) : verdict;
}

/* What the key is bound to goes before what the policy accepts. */
static enum token_verdict check_issuer(const struct work *work)
{
    const struct token_policy *policy = work->policy;
    const char *issuer = work->claims.issuer;
    const char *bound = key_issuer(work->key);
    if (bound[0] != '\0') {
        return tell(work, "iss", issuer != NULL && strcmp(issuer, bound) == 0 ? TOKEN_OK_VERDICT : TOKEN_ISSUER_VERDICT,
                    "%s; the key is bound to %s", or_none(issuer), bound);
    }
    bool accepted = policy->issuer_count == 0;
    for (size_t i = 0; i < policy->issuer_count && issuer != NULL; i++) {
        accepted = accepted || strcmp(policy->issuers[i], issuer) == 0;
    }
    return tell(work, "iss", accepted ? TOKEN_OK_VERDICT : TOKEN_ISSUER_VERDICT, "%s; auth.issuers has %zu%s",
                or_none(issuer), policy->issuer_count, policy->issuer_count == 0 ? ": any will do" : "");
}

static enum token_verdict check_audience(const struct work *work)
{
    const struct token_policy *policy = work->policy;
    const char *bound = key_audience(work->key);
    const json_t *audience = work->claims.audience;
    const char *text = json_is_string(audience) ? json_string_value(audience) : audience != NULL ? "(a list)" : NULL;
    if (bound[0] != '\0') {
        return tell(work, "aud", claims_have_audience(&work->claims, bound) ? TOKEN_OK_VERDICT : TOKEN_AUDIENCE_VERDICT,
                    "%s; the key is bound to %s", or_none(text), bound);
    }
    bool accepted = policy->audience_count == 0;
    for (size_t i = 0; i < policy->audience_count && !accepted; i++) {
        accepted = claims_have_audience(&work->claims, policy->audiences[i]);
    }
    return tell(work, "aud", accepted ? TOKEN_OK_VERDICT : TOKEN_AUDIENCE_VERDICT, "%s; auth.audiences has %zu%s",
                or_none(text), policy->audience_count, policy->audience_count == 0 ? ": any will do" : "");
}

static enum token_verdict check_user(const struct work *work)
{
    return tell(work, "user", work->user_verdict, "%s",
                work->user_verdict == TOKEN_OK_VERDICT ? work->user : "none of auth.user_claims, or out of bounds");
}

static enum token_verdict check_permissions(const struct work *work)
{
    const struct claims *claims = &work->claims;
    return tell(work, "permissions", claims_permissions_valid(claims) ? TOKEN_OK_VERDICT : TOKEN_PERMISSIONS_VERDICT,
                "endpoints %s, channels %s, caps %s", claims->endpoints != NULL ? "given" : "any",
                claims->channels != NULL ? "given" : "none", claims->capabilities != NULL ? "given" : "none");
}

static enum token_verdict check_claims(struct work *work)
{
    enum token_verdict verdict = check_times(work);
    if (verdict == TOKEN_OK_VERDICT) {
        verdict = check_issuer(work);
    }
    if (verdict == TOKEN_OK_VERDICT) {
        verdict = check_audience(work);
    }
    if (verdict == TOKEN_OK_VERDICT) {
        verdict = check_user(work);
    }
    return verdict == TOKEN_OK_VERDICT ? check_permissions(work) : verdict;
}

/* ---- the identity ---- */

static void lay_out(const struct work *work, struct pack *pack, struct identity *identity)
{
    const struct claims *claims = &work->claims;
    const char *token_id = claims->token_id != NULL ? claims->token_id : "";
    const char *issuer = claims->issuer != NULL ? claims->issuer : "";
    const bool forever = claims->expires_s == IDENTITY_NO_TIME;
    identity->issued_at_s = claims->issued_s;
    identity->expires_at_s = forever ? IDENTITY_FOREVER : claims->expires_s + work->policy->leeway_s;
    claims_pack_permissions(claims, pack, &identity->permissions);
    identity->user = pack_text(pack, work->user, strlen(work->user));
    identity->token_id = pack_text(pack, token_id, strlen(token_id));
    identity->issuer = pack_text(pack, issuer, strlen(issuer));
    identity->key_id = pack_text(pack, key_id(work->key), strlen(key_id(work->key)));
    identity->claims = pack_text(pack, (const char *)work->jws.payload, work->jws.payload_size);
    identity->claims_size = work->jws.payload_size;
}

/* One block: it is freed when its session ends, on a loop that has better things to do. NULL without memory. */
static struct identity *make_identity(const struct work *work)
{
    struct identity identity;
    struct pack pack = {.block = NULL, .used = sizeof(identity)};
    lay_out(work, &pack, &identity);
    pack.block = malloc(pack.used);
    if (pack.block == NULL) {
        return NULL;
    }
    identity.memory_size = pack.used;
    pack.used = sizeof(identity);
    lay_out(work, &pack, &identity);
    memcpy(pack.block, &identity, sizeof(identity));
    return (struct identity *)(void *)pack.block;
}

static enum token_verdict check_revocations(const struct work *work, const struct identity *identity)
{
    struct revocations *revocations = work->context->revocations;
    if (revocations == NULL) {
        return tell(work, "revocation", TOKEN_OK_VERDICT, "not looked at: the server keeps them");
    }
    return tell(work, "revocation", revocations_match(revocations, identity) ? TOKEN_REVOKED_VERDICT : TOKEN_OK_VERDICT,
                "of %zu", revocations_count(revocations));
}

/* ---- all of it ---- */

static enum token_verdict decide(struct work *work, const char *token, size_t size, struct identity **identity_r)
{
    enum token_verdict verdict = check_size(work, size);
    if (verdict == TOKEN_OK_VERDICT) {
        verdict = check_form(work, token, size);
    }
    if (verdict == TOKEN_OK_VERDICT) {
        verdict = check_signature(work);
    }
    if (verdict == TOKEN_OK_VERDICT) {
        verdict = check_payload(work);
    }
    if (verdict == TOKEN_OK_VERDICT) {
        verdict = check_claims(work);
    }
    if (verdict != TOKEN_OK_VERDICT) {
        return verdict;
    }
    struct identity *identity = make_identity(work);
    if (identity == NULL) {
        return tell(work, "memory", TOKEN_NO_MEMORY_VERDICT, "none");
    }
    verdict = check_revocations(work, identity);
    if (verdict == TOKEN_OK_VERDICT) {
        *identity_r = identity;
    } else {
        identity_free(&identity);
    }
    return verdict;
}

enum token_verdict token_explain(const struct token_policy *policy, const struct token_context *context,
                                 const char *token, size_t size, int64_t now_s, token_step_fn *step, void *step_context,
                                 struct identity **identity_r)
{
    struct work work = {
        .policy = policy,
        .context = context,
        .now_s = now_s,
        .step = step,
        .step_context = step_context,
    };
    const enum token_verdict verdict = decide(&work, token, size, identity_r);
    if (work.fetched != NULL) {
        keyring_unref(&work.fetched);
    }
    claims_free(&work.claims);
    jws_free(&work.jws);
    return verdict;
}

enum token_verdict token_check(const struct token_policy *policy, const struct token_context *context,
                               const char *token, size_t size, int64_t now_s, struct identity **identity_r)
{
    return token_explain(policy, context, token, size, now_s, NULL, NULL, identity_r);
}
