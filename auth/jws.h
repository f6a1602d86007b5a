/*
 * jws - JSON Web Signatures in compact serialization (RFC 7515 §7.1), on bytes: syntax first, then header, then signature,
 * over any payload. Pure; any thread; fuzzed.
 *
 * Stricter than RFC 7515 where leniency has been a hole: base64url without padding and with zero bits at the end (RFC 4648
 * §3.5), nesting and size bounded before any parser sees a byte, a header member twice refused, "crit" and "b64" refused.
 */
#ifndef PORTCULLIS_AUTH_JWS_H
#define PORTCULLIS_AUTH_JWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/key.h"

#define JWS_TOKEN_MAX  65536 /* bytes of a token */
#define JWS_HEADER_MAX 2048  /* bytes of a decoded header */
#define JWS_DEPTH_MAX  32    /* of nested JSON, header and payload */
#define JWS_KEY_ID_MAX 256   /* bytes of "kid" */

enum jws_status {
    JWS_OK,
    JWS_TOO_LARGE,
    JWS_SYNTAX,    /* not three base64url parts with two dots */
    JWS_HEADER,    /* not a JSON object within the bounds */
    JWS_DUPLICATE, /* a header member twice */
    JWS_CRITICAL,  /* "crit" or "b64" */
    JWS_TYPE,      /* "typ" or "cty" is no string */
    JWS_ALGORITHM, /* "alg" absent, no string, "none", or none that is known */
    JWS_KEY_ID,    /* "kid" no string, too long, or with control bytes */
    JWS_NO_MEMORY
};

/* What a well-formed token holds. `input` points into the token; the rest is owned by `memory`. */
struct jws {
    enum algorithm algorithm;
    const char *key_id;   /* "" when there is none */
    const uint8_t *input; /* what is signed: header and payload as sent */
    size_t input_size;
    const uint8_t *payload; /* decoded; any bytes */
    size_t payload_size;
    const uint8_t *signature; /* decoded */
    size_t signature_size;
    void *memory;
};

/* On JWS_OK give the result back with jws_free(). Nothing of the token is trusted yet. */
__attribute__((warn_unused_result)) enum jws_status jws_parse(const char *token, size_t size, struct jws *jws_r);
void jws_free(struct jws *jws);

/* True when the algorithm is the key's and the signature is right. The "kid" has been compared by whoever chose the key. */
__attribute__((warn_unused_result)) bool jws_verify(const struct jws *jws, const struct key *key);

/* A whole token with "alg", "typ":"JWT" and the key's "kid": owned, NUL-terminated. NULL when the key cannot sign, when it would
 * have more than JWS_TOKEN_MAX bytes, or without memory. */
char *jws_sign(const struct key *key, const uint8_t *payload, size_t payload_size);

const char *jws_status_text(enum jws_status status);

#endif
