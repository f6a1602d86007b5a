/*
 * pem - blocks are taken apart one by one and decoded by their label, so that there is no path on which OpenSSL would ask for
 * a pass phrase. Called while keys are loaded: at start, on reload, by command-line tools.
 */
#include "auth/pem.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define FILE_MAX (64 * 1024) /* bytes; a private key of 8192 bits has 7 KiB, a chain of certificates 20 */

static EVP_PKEY *decode_public(const unsigned char **der, long size)
{
    return d2i_PUBKEY(NULL, der, size);
}

static EVP_PKEY *decode_private(const unsigned char **der, long size)
{
    return d2i_AutoPrivateKey(NULL, der, size);
}

static EVP_PKEY *decode_certificate(const unsigned char **der, long size)
{
    X509 *certificate = d2i_X509(NULL, der, size);
    EVP_PKEY *pkey = certificate == NULL ? NULL : X509_get_pubkey(certificate);
    X509_free(certificate);
    return pkey;
}

static const struct label {
    const char *name;
    EVP_PKEY *(*decode)(const unsigned char **der, long size);
    bool private;
    bool encrypted;
} labels[] = {
    {PEM_STRING_PUBLIC, decode_public, false, false},
    {PEM_STRING_X509, decode_certificate, false, false},
    {PEM_STRING_X509_OLD, decode_certificate, false, false},
    {PEM_STRING_PKCS8INF, decode_private, true, false},
    {PEM_STRING_RSA, decode_private, true, false},
    {PEM_STRING_ECPRIVATEKEY, decode_private, true, false},
    {PEM_STRING_PKCS8, NULL, true, true},
};

static const struct label *find_label(const char *name)
{
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        if (strcmp(labels[i].name, name) == 0) {
            return &labels[i];
        }
    }
    return NULL;
}

/* `headers` of a block that is encrypted the old way say so (RFC 1421 §4.6.1.1). */
static enum key_status decode(const struct label *label, const char *headers, const unsigned char *der, long size,
                              EVP_PKEY **pkey_r)
{
    if (label->encrypted || strstr(headers, "ENCRYPTED") != NULL) {
        return KEY_ENCRYPTED;
    }
    const unsigned char *end = der;
    EVP_PKEY *pkey = label->decode(&end, size);
    if (pkey == NULL || end != der + size) {
        EVP_PKEY_free(pkey);
        return KEY_SYNTAX;
    }
    *pkey_r = pkey;
    return KEY_OK;
}

enum key_status pem_read(const uint8_t *bytes, size_t size, EVP_PKEY **pkey_r, bool *private_r)
{
    if (size > FILE_MAX) {
        return KEY_TOO_LARGE;
    }
    BIO *file = BIO_new_mem_buf(bytes, (int)size);
    if (file == NULL) {
        return KEY_NO_MEMORY;
    }
    enum key_status status = KEY_SYNTAX;
    const struct label *label = NULL;
    while (label == NULL) {
        char *name = NULL;
        char *headers = NULL;
        unsigned char *der = NULL;
        long der_size = 0;
        if (PEM_read_bio(file, &name, &headers, &der, &der_size) != 1) {
            break;
        }
        label = find_label(name);
        if (label != NULL) {
            status = decode(label, headers, der, der_size, pkey_r);
        }
        OPENSSL_free(name);
        OPENSSL_free(headers);
        OPENSSL_clear_free(der, (size_t)der_size);
    }
    if (status == KEY_OK) {
        *private_r = label->private;
    }
    BIO_free(file);
    return status;
}
