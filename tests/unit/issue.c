/*
 * issue - makes certificates; see issue.h.
 */
#include "issue.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <check.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define DAY_S      86400
#define NAME_SIZE  256
#define OWNER_ONLY (S_IRWXG | S_IRWXO)

EVP_PKEY *issue_key(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    ck_assert_ptr_nonnull(key);
    return key;
}

static void add_names(X509 *certificate, size_t name_count, issue_name_fn *write_name, void *context)
{
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    ck_assert_ptr_nonnull(names);
    for (size_t i = 0; i < name_count; i++) {
        char text[NAME_SIZE];
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_IA5STRING *string = ASN1_IA5STRING_new();
        write_name(text, sizeof(text), i, context);
        ck_assert(name != NULL && string != NULL && ASN1_STRING_set(string, text, (int)strlen(text)) == 1);
        GENERAL_NAME_set0_value(name, GEN_DNS, string);
        ck_assert_int_gt(sk_GENERAL_NAME_push(names, name), 0);
    }
    ck_assert_int_eq(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT), 1);
    GENERAL_NAMES_free(names);
}

X509 *issue_certificate(EVP_PKEY *key, size_t name_count, issue_name_fn *name, void *context)
{
    X509 *certificate = X509_new();
    ck_assert_ptr_nonnull(certificate);
    X509_NAME *subject = X509_get_subject_name(certificate);
    ck_assert_int_eq(X509_set_version(certificate, X509_VERSION_3), 1);
    ck_assert_int_eq(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1), 1);
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_S));
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notAfter(certificate), DAY_S));
    ck_assert_int_eq(
        X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_ASC, (const unsigned char *)"Example", -1, -1, 0), 1);
    ck_assert_int_eq(X509_set_issuer_name(certificate, subject), 1);
    ck_assert_int_eq(X509_set_pubkey(certificate, key), 1);
    if (name_count > 0) {
        add_names(certificate, name_count, name, context);
    }
    ck_assert_int_gt(X509_sign(certificate, key, EVP_sha256()), 0);
    return certificate;
}

static FILE *open_private(const char *file)
{
    mode_t before = umask(OWNER_ONLY);
    FILE *out = fopen(file, "w");
    (void)umask(before);
    ck_assert_ptr_nonnull(out);
    return out;
}

void issue_write_certificate(const X509 *certificate, const char *file)
{
    FILE *out = open_private(file);
    ck_assert_int_eq(PEM_write_X509(out, certificate), 1);
    ck_assert_int_eq(fclose(out), 0);
}

void issue_write_key(const EVP_PKEY *key, const char *file)
{
    FILE *out = open_private(file);
    ck_assert_int_eq(PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL), 1);
    ck_assert_int_eq(fclose(out), 0);
}
