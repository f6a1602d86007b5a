/*
 * fuzz_jwks - key sets from any bytes. Aborts when one passes that is out of the bounds that jwks.h states, or has two keys that
 * cannot be told apart.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/jwks.h"
#include "auth/jws.h"

#define require(condition)                                                          \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                \
        }                                                                           \
    } while (0)

static bool are_twins(const struct key *a, const struct key *b)
{
    return key_id(a)[0] != '\0' && key_algorithm(a) == key_algorithm(b) && strcmp(key_id(a), key_id(b)) == 0;
}

static void check_key(struct key *key)
{
    static const uint8_t zeros[KEY_SIGNATURE_MAX];
    uint8_t signature[KEY_SIGNATURE_MAX];
    size_t size = 0;
    require(strlen(key_id(key)) <= JWS_KEY_ID_MAX);
    require(strcmp(key_issuer(key), "issuer") == 0 && strcmp(key_audience(key), "") == 0);
    require(algorithm_family(key_algorithm(key)) != ALGORITHM_HMAC);
    require(key_sign(key, zeros, 1, signature, &size) == KEY_NOT_PRIVATE);
    const bool verified = key_verify(key, zeros, sizeof(zeros), zeros, 64);
    (void)verified; /* what the set's owner may choose; it must not crash */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[256] = "";
    size_t skipped = 0;
    struct keyring *ring = jwks_parse(data, size, "issuer", "", &skipped, error, sizeof(error));
    if (ring == NULL) {
        require(error[0] != '\0');
        return 0;
    }
    require(keyring_count(ring) > 0 && keyring_count(ring) <= JWKS_KEYS_MAX);
    for (size_t i = 0; i < keyring_count(ring); i++) {
        check_key(keyring_key(ring, i));
        for (size_t j = 0; j < i; j++) {
            require(!are_twins(keyring_key(ring, i), keyring_key(ring, j)));
        }
    }
    keyring_unref(&ring);
    return 0;
}
