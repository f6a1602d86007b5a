/*
 * tls_peer - names from a client's certificate; see tls_peer.h. Called by the session loops when a session begins.
 */
#include "server/loop/tls_peer.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static void write_subject(const X509 *certificate, char text_r[TLS_PEER_TEXT_SIZE])
{
    BIO *bio = BIO_new(BIO_s_mem());
    int size = 0;
    /* Control bytes come out as \XX; UTF-8 stays as it is. */
    if (bio != NULL && X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0,
                                          XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0) {
        size = BIO_read(bio, text_r, TLS_PEER_TEXT_SIZE - 1);
    }
    text_r[size > 0 ? size : 0] = '\0';
    BIO_free(bio);
}

/* What could be taken for another name of the list, or for its end, is shown as "?". */
static size_t append(char *text, size_t used, const char *kind, const ASN1_STRING *name)
{
    const unsigned char *bytes = ASN1_STRING_get0_data(name);
    int count = ASN1_STRING_length(name);
    int size = snprintf(text + used, TLS_PEER_TEXT_SIZE - used, "%s%s:", used > 0 ? "," : "", kind);
    used += size > 0 ? (size_t)size : 0;
    for (int i = 0; i < count && used < TLS_PEER_TEXT_SIZE - 1; i++) {
        text[used++] = bytes[i] > ' ' && bytes[i] < 0x7f && bytes[i] != ',' ? (char)bytes[i] : '?';
    }
    used = used < TLS_PEER_TEXT_SIZE - 1 ? used : TLS_PEER_TEXT_SIZE - 1;
    text[used] = '\0';
    return used;
}

static void write_names(const X509 *certificate, char text_r[TLS_PEER_TEXT_SIZE])
{
    size_t used = 0;
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    text_r[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && used < TLS_PEER_TEXT_SIZE - 1; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        switch (name->type) {
        case GEN_DNS:
            used = append(text_r, used, "dns", name->d.dNSName);
            break;
        case GEN_EMAIL:
            used = append(text_r, used, "email", name->d.rfc822Name);
            break;
        case GEN_URI:
            used = append(text_r, used, "uri", name->d.uniformResourceIdentifier);
            break;
        default: /* OpenSSL's types are plain integers; the rest has no text to show */
            break;
        }
    }
    GENERAL_NAMES_free(names);
}

bool tls_peer_describe(const SSL *ssl, struct tls_peer *peer_r)
{
    const X509 *certificate = SSL_get0_peer_certificate(ssl);
    if (certificate == NULL) {
        return false;
    }
    write_subject(certificate, peer_r->subject);
    write_names(certificate, peer_r->names);
    ERR_clear_error();
    return true;
}
