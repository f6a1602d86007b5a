/*
 * token_cases - tables for check_token.c: headers, payloads, policies and texts, and what is to be decided about each.
 *
 * In a payload "@N" stands for a time N seconds from now, and "~N" for a text of N bytes.
 */
#ifndef PORTCULLIS_TESTS_TOKEN_CASES_H
#define PORTCULLIS_TESTS_TOKEN_CASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/token.h"

enum { KEY_A, KEY_B, KEY_BOUND, KEY_384, KEY_COUNT }; /* in the policy's ring */

#define GOOD "{\"sub\":\"u\",\"exp\":@60}"

/* Headers, and which key signs. */
static const struct header_case {
    const char *header;
    int key;
    enum token_verdict verdict;
} header_cases[] = {
    {"{\"alg\":\"HS256\",\"kid\":\"a\"}", KEY_A, TOKEN_OK_VERDICT},
    {"{\"alg\":\"HS256\",\"kid\":\"a\",\"typ\":\"at+jwt\",\"x\":{\"y\":[1]}}", KEY_A, TOKEN_OK_VERDICT},
    {"{\"alg\":\"HS256\",\"kid\":\"b\"}", KEY_B, TOKEN_OK_VERDICT},
    {"{\"alg\":\"HS384\",\"kid\":\"c\"}", KEY_384, TOKEN_OK_VERDICT},
    {"{\"alg\":\"HS256\"}", KEY_A, TOKEN_OK_VERDICT}, /* no kid: each of that algorithm */
    {"{\"alg\":\"HS256\"}", KEY_B, TOKEN_OK_VERDICT},
    {"{\"alg\":\"HS384\"}", KEY_384, TOKEN_OK_VERDICT},
    {"{\"alg\":\"HS256\",\"kid\":\"a\"}", KEY_B, TOKEN_SIGNATURE_VERDICT}, /* swapped */
    {"{\"alg\":\"HS256\",\"kid\":\"b\"}", KEY_A, TOKEN_SIGNATURE_VERDICT},
    {"{\"alg\":\"HS256\"}", KEY_384, TOKEN_SIGNATURE_VERDICT},
    {"{\"alg\":\"HS256\",\"kid\":\"a\"}", KEY_COUNT, TOKEN_SIGNATURE_VERDICT}, /* the stranger */
    {"{\"alg\":\"HS256\",\"kid\":\"c\"}", KEY_384, TOKEN_KEY_ALGORITHM_VERDICT},
    {"{\"alg\":\"HS384\",\"kid\":\"a\"}", KEY_A, TOKEN_KEY_ALGORITHM_VERDICT},
    {"{\"alg\":\"RS256\",\"kid\":\"a\"}", KEY_A, TOKEN_KEY_ALGORITHM_VERDICT},
    {"{\"alg\":\"HS256\",\"kid\":\"A\"}", KEY_A, TOKEN_KEY_UNKNOWN_VERDICT},
    {"{\"alg\":\"HS256\",\"kid\":\"../a\"}", KEY_A, TOKEN_KEY_UNKNOWN_VERDICT},
    {"{\"alg\":\"EdDSA\"}", KEY_A, TOKEN_KEY_UNKNOWN_VERDICT},
    {"{\"alg\":\"none\"}", KEY_A, TOKEN_ALGORITHM_VERDICT},
    {"{\"alg\":\"nOnE\",\"kid\":\"a\"}", KEY_A, TOKEN_ALGORITHM_VERDICT},
    {"{\"alg\":\"\"}", KEY_A, TOKEN_ALGORITHM_VERDICT},
    {"{\"kid\":\"a\"}", KEY_A, TOKEN_ALGORITHM_VERDICT},
    {"{\"alg\":[\"HS256\"],\"kid\":\"a\"}", KEY_A, TOKEN_ALGORITHM_VERDICT},
    {"{\"alg\":\"HS256\",\"kid\":1}", KEY_A, TOKEN_KEY_ID_VERDICT},
    {"{\"alg\":\"HS256\",\"kid\":\"a\\n\"}", KEY_A, TOKEN_KEY_ID_VERDICT},
    {"{\"alg\":\"HS256\",\"kid\":\"a\",\"crit\":[\"exp\"]}", KEY_A, TOKEN_CRITICAL_VERDICT},
    {"{\"alg\":\"HS256\",\"kid\":\"a\",\"b64\":false}", KEY_A, TOKEN_CRITICAL_VERDICT},
    {"{\"alg\":\"HS256\",\"kid\":\"a\",\"alg\":\"HS256\"}", KEY_A, TOKEN_DUPLICATE_VERDICT},
    {"{\"alg\":\"HS256\",\"kid\":\"a\",\"typ\":7}", KEY_A, TOKEN_HEADER_VERDICT},
    {"[]", KEY_A, TOKEN_HEADER_VERDICT},
    {"{\"alg\":\"HS256\"", KEY_A, TOKEN_HEADER_VERDICT},
};

/* Payloads under a right signature. */
static const struct {
    const char *payload;
    enum token_verdict verdict;
} payload_cases[] = {
    {GOOD, TOKEN_OK_VERDICT},
    {"{\"user_id\":\"u\",\"exp\":@60}", TOKEN_OK_VERDICT},
    {"{\"user_id\":17,\"exp\":@60}", TOKEN_OK_VERDICT},
    {" {\"sub\":\"u\",\"exp\":@60,\"x\":{\"a\":[1,{}]}}\n", TOKEN_OK_VERDICT},
    {"", TOKEN_PAYLOAD_VERDICT},
    {"[]", TOKEN_PAYLOAD_VERDICT},
    {"\"u\"", TOKEN_PAYLOAD_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60", TOKEN_PAYLOAD_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60}x", TOKEN_PAYLOAD_VERDICT},
    {"{\"sub\":\"\xff\",\"exp\":@60}", TOKEN_PAYLOAD_VERDICT},
    {"{\"sub\":\"a\\u0000b\",\"exp\":@60}", TOKEN_PAYLOAD_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
     TOKEN_PAYLOAD_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"exp\":@61}", TOKEN_DUPLICATE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"s\\u0075b\":\"v\"}", TOKEN_DUPLICATE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"x\":{\"y\":1,\"y\":2}}", TOKEN_DUPLICATE_VERDICT},
    /* exp */
    {"{\"sub\":\"u\"}", TOKEN_NO_EXPIRY_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@1}", TOKEN_OK_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@1.9}", TOKEN_OK_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@0}", TOKEN_EXPIRED_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@0.9}", TOKEN_EXPIRED_VERDICT}, /* a fraction is cut off */
    {"{\"sub\":\"u\",\"exp\":@-1}", TOKEN_EXPIRED_VERDICT},
    {"{\"sub\":\"u\",\"exp\":0}", TOKEN_EXPIRED_VERDICT},
    {"{\"sub\":\"u\",\"exp\":0.5}", TOKEN_EXPIRED_VERDICT},
    {"{\"sub\":\"u\",\"exp\":1e3}", TOKEN_EXPIRED_VERDICT},
    {"{\"sub\":\"u\",\"exp\":-1}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":-0.5}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":\"@60\"}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":null}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":true}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":[@60]}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":1e400}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":1e300}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":9007199254740992}", TOKEN_LIFETIME_VERDICT},
    {"{\"sub\":\"u\",\"exp\":9007199254740993}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":9223372036854775808}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":-9223372036854775808}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@3600}", TOKEN_OK_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@3601}", TOKEN_LIFETIME_VERDICT},
    /* one that was refused when it was new is not good when it is old */
    {"{\"sub\":\"u\",\"exp\":@3540,\"iat\":@-60}", TOKEN_OK_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@3541,\"iat\":@-60}", TOKEN_LIFETIME_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@1,\"iat\":0}", TOKEN_LIFETIME_VERDICT},
    /* nbf, iat */
    {"{\"sub\":\"u\",\"exp\":@60,\"nbf\":@0,\"iat\":@0}", TOKEN_OK_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"nbf\":@0.5}", TOKEN_OK_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"nbf\":@1}", TOKEN_NOT_YET_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"iat\":@1}", TOKEN_NOT_YET_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"nbf\":\"@0\"}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"iat\":{}}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@0,\"nbf\":@1}", TOKEN_EXPIRED_VERDICT},
    /* iss, aud, jti: any, but of the right type */
    {"{\"sub\":\"u\",\"exp\":@60,\"iss\":\"i\",\"aud\":\"a\",\"jti\":\"j\"}", TOKEN_OK_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"aud\":[]}", TOKEN_OK_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"iss\":1}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"iss\":[\"i\"]}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"aud\":{}}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"aud\":[\"a\",1]}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"jti\":7}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"jti\":\"~256\"}", TOKEN_OK_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"jti\":\"~257\"}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"jti\":\"a\\nb\"}", TOKEN_CLAIM_TYPE_VERDICT}, /* none could revoke it */
    {"{\"sub\":\"u\",\"exp\":@60,\"jti\":\"\\u007f\"}", TOKEN_CLAIM_TYPE_VERDICT},
    /* the user */
    {"{\"exp\":@60}", TOKEN_USER_VERDICT},
    {"{\"exp\":@60,\"name\":\"u\"}", TOKEN_USER_VERDICT},
    {"{\"exp\":@60,\"sub\":\"\"}", TOKEN_USER_VERDICT},
    {"{\"exp\":@60,\"sub\":\"\",\"user_id\":\"u\"}", TOKEN_USER_VERDICT},
    {"{\"exp\":@60,\"sub\":\"a\\nb\"}", TOKEN_USER_VERDICT},
    {"{\"exp\":@60,\"sub\":\"a\\u007f\"}", TOKEN_USER_VERDICT},
    {"{\"exp\":@60,\"sub\":\"~256\"}", TOKEN_OK_VERDICT},
    {"{\"exp\":@60,\"sub\":\"~257\"}", TOKEN_USER_VERDICT},
    {"{\"exp\":@60,\"sub\":17}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"exp\":@60,\"sub\":null,\"user_id\":\"u\"}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"exp\":@60,\"user_id\":1.5}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"exp\":@60,\"user_id\":[]}", TOKEN_CLAIM_TYPE_VERDICT},
    {"{\"exp\":@0,\"user_id\":[]}", TOKEN_CLAIM_TYPE_VERDICT}, /* types go before times */
    {"{\"exp\":@60,\"sub\":\"u\",\"user_id\":[]}", TOKEN_OK_VERDICT},
    /* permissions */
    {"{\"sub\":\"u\",\"exp\":@60,\"channels\":[],\"caps\":[],\"endpoints\":[]}", TOKEN_OK_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"channels\":[\"a\"],\"endpoints\":[\"/\"],\"caps\":[{\"channels\":[\"b*\"],\"match\":"
     "\"wildcard\",\"allow\":[\"sub\",\"pub\",\"prs\",\"hst\"]}]}",
     TOKEN_OK_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"channels\":\"a\"}", TOKEN_PERMISSIONS_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"channels\":null}", TOKEN_PERMISSIONS_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"channels\":[1]}", TOKEN_PERMISSIONS_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"channels\":[\"\"]}", TOKEN_PERMISSIONS_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"channels\":[\"~255\"]}", TOKEN_OK_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"channels\":[\"~256\"]}", TOKEN_PERMISSIONS_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"endpoints\":[\"x\"]}", TOKEN_PERMISSIONS_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"endpoints\":{}}", TOKEN_PERMISSIONS_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"caps\":{}}", TOKEN_PERMISSIONS_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"caps\":[[]]}", TOKEN_PERMISSIONS_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"caps\":[{\"channels\":[\"a\"]}]}", TOKEN_PERMISSIONS_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"caps\":[{\"channels\":[\"a\"],\"allow\":[\"all\"]}]}", TOKEN_PERMISSIONS_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"caps\":[{\"channels\":[\"a\"],\"allow\":[],\"match\":\"regex\"}]}",
     TOKEN_PERMISSIONS_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"caps\":[{\"channels\":[\"a\"],\"allow\":[],\"until\":1}]}",
     TOKEN_PERMISSIONS_VERDICT},
    /* the order of the table decides which one is told */
    {"{\"sub\":\"\",\"exp\":@60,\"channels\":1}", TOKEN_USER_VERDICT},
    {"{\"exp\":@9999,\"channels\":1}", TOKEN_LIFETIME_VERDICT},
};

/* Policies: what else than the token decides. */
static const char *const two[] = {"issuer", "other"};

static const struct policy_case {
    const char *payload;
    int key; /* that signs, and that "kid" names */
    size_t issuer_count;
    size_t audience_count;
    int64_t leeway_s;
    bool no_expiry; /* is fine */
    enum token_verdict verdict;
} policy_cases[] = {
    {"{\"sub\":\"u\",\"exp\":@60,\"iss\":\"issuer\"}", KEY_A, 2, 0, 0, false, TOKEN_OK_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"iss\":\"other\"}", KEY_A, 2, 0, 0, false, TOKEN_OK_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"iss\":\"other\"}", KEY_A, 1, 0, 0, false, TOKEN_ISSUER_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"iss\":\"issuer/\"}", KEY_A, 1, 0, 0, false, TOKEN_ISSUER_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"iss\":\"\"}", KEY_A, 1, 0, 0, false, TOKEN_ISSUER_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60}", KEY_A, 1, 0, 0, false, TOKEN_ISSUER_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"aud\":\"issuer\"}", KEY_A, 0, 1, 0, false, TOKEN_OK_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"aud\":[\"x\",\"other\"]}", KEY_A, 0, 2, 0, false, TOKEN_OK_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"aud\":[\"x\",\"other\"]}", KEY_A, 0, 1, 0, false, TOKEN_AUDIENCE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"aud\":[]}", KEY_A, 0, 1, 0, false, TOKEN_AUDIENCE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"aud\":\"ISSUER\"}", KEY_A, 0, 1, 0, false, TOKEN_AUDIENCE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60}", KEY_A, 0, 1, 0, false, TOKEN_AUDIENCE_VERDICT},
    /* a bound key: what it is bound to and nothing else, whatever the policy has */
    {"{\"sub\":\"u\",\"exp\":@60,\"iss\":\"issuer\",\"aud\":\"audience\"}", KEY_BOUND, 0, 0, 0, false,
     TOKEN_OK_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"iss\":\"issuer\",\"aud\":[\"x\",\"audience\"]}", KEY_BOUND, 1, 1, 0, false,
     TOKEN_OK_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"iss\":\"other\",\"aud\":\"audience\"}", KEY_BOUND, 2, 0, 0, false,
     TOKEN_ISSUER_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"aud\":\"audience\"}", KEY_BOUND, 0, 0, 0, false, TOKEN_ISSUER_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"iss\":\"issuer\",\"aud\":\"issuer\"}", KEY_BOUND, 0, 1, 0, false,
     TOKEN_AUDIENCE_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"iss\":\"issuer\"}", KEY_BOUND, 0, 0, 0, false, TOKEN_AUDIENCE_VERDICT},
    /* What is genuine and expired is told that, whatever else is wrong with it: more would tell what else there is. */
    {"{\"sub\":\"u\",\"exp\":@0,\"iss\":\"issuer\",\"aud\":\"other\"}", KEY_BOUND, 0, 0, 0, false,
     TOKEN_EXPIRED_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@0,\"iss\":\"x\",\"aud\":\"audience\"}", KEY_BOUND, 0, 0, 0, false, TOKEN_EXPIRED_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@0}", KEY_A, 2, 2, 0, false, TOKEN_EXPIRED_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@0,\"nbf\":@9,\"iat\":0,\"channels\":1}", KEY_A, 0, 0, 0, false, TOKEN_EXPIRED_VERDICT},
    {"{\"exp\":@0}", KEY_A, 0, 0, 0, false, TOKEN_EXPIRED_VERDICT},
    /* leeway */
    {"{\"sub\":\"u\",\"exp\":@-9}", KEY_A, 0, 0, 10, false, TOKEN_OK_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@-10}", KEY_A, 0, 0, 10, false, TOKEN_EXPIRED_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"nbf\":@10,\"iat\":@10}", KEY_A, 0, 0, 10, false, TOKEN_OK_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"nbf\":@11}", KEY_A, 0, 0, 10, false, TOKEN_NOT_YET_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@60,\"iat\":@11}", KEY_A, 0, 0, 10, false, TOKEN_NOT_YET_VERDICT},
    /* no exp */
    {"{\"sub\":\"u\"}", KEY_A, 0, 0, 0, true, TOKEN_OK_VERDICT},
    {"{\"sub\":\"u\",\"exp\":@0}", KEY_A, 0, 0, 0, true, TOKEN_EXPIRED_VERDICT},
    {"{\"sub\":\"u\",\"exp\":null}", KEY_A, 0, 0, 0, true, TOKEN_CLAIM_TYPE_VERDICT},
};

/* Texts that are no tokens. */
static const struct {
    const char *token;
    enum token_verdict verdict;
} syntax_cases[] = {
    {"", TOKEN_MISSING_VERDICT},
    {"a", TOKEN_SYNTAX_VERDICT},
    {"..", TOKEN_HEADER_VERDICT},
    {"a.b", TOKEN_SYNTAX_VERDICT},
    {"a.b.c.d", TOKEN_SYNTAX_VERDICT},
    {"e30.e30.e30=", TOKEN_SYNTAX_VERDICT},
    {" e30.e30.e30", TOKEN_SYNTAX_VERDICT},
    {"e30.e30.e30", TOKEN_ALGORITHM_VERDICT},
};

#endif
