/*
 * ecdsa - from one form of a signature to the other, by OpenSSL's own encoder. Called for each ES* token; any thread.
 */
#include "auth/ecdsa.h"

#include <openssl/bn.h>
#include <openssl/ec.h>

bool ecdsa_to_der(const uint8_t *raw, size_t integer_size, uint8_t der[ECDSA_DER_MAX], size_t *der_size_r)
{
    bool done = false;
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, (int)integer_size, NULL);
    BIGNUM *s = BN_bin2bn(raw + integer_size, (int)integer_size, NULL);
    if (signature == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(signature, r, s) != 1) {
        goto cleanup;
    }
    r = NULL; /* the signature's now */
    s = NULL;
    unsigned char *end = der;
    const int size = i2d_ECDSA_SIG(signature, &end);
    if (size > 0) {
        *der_size_r = (size_t)size;
        done = true;
    }
cleanup:
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(signature);
    return done;
}

bool ecdsa_from_der(const uint8_t *der, size_t der_size, uint8_t *raw, size_t integer_size)
{
    const unsigned char *end = der;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &end, (long)der_size);
    const bool done =
        signature != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(signature), raw, (int)integer_size) == (int)integer_size &&
        BN_bn2binpad(ECDSA_SIG_get0_s(signature), raw + integer_size, (int)integer_size) == (int)integer_size;
    ECDSA_SIG_free(signature);
    return done;
}
