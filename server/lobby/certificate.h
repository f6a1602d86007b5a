/*
 * certificate - one certificate of the server's: its chain, its key, the names it is for and when it is valid.
 *
 * Main thread or that of a reload. Once loaded nothing in it changes, so that other threads may read it.
 */
#ifndef PORTCULLIS_LOBBY_CERTIFICATE_H
#define PORTCULLIS_LOBBY_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#define CERTIFICATE_FILE_MAX  (1024 * 1024) /* bytes of a PEM file */
#define CERTIFICATE_CHAIN_MAX 16 /* behind the leaf: who has more has given a bundle of authorities by mistake */
#define CERTIFICATE_NAMES_MAX 10000

/* Kinds of keys. OpenSSL picks by what the client can verify, so that a name may have a certificate of each kind. */
enum certificate_kind {
    CERTIFICATE_RSA,
    CERTIFICATE_RSA_PSS,
    CERTIFICATE_EC,
    CERTIFICATE_ED25519,
    CERTIFICATE_ED448,
    CERTIFICATE_KINDS
};

struct certificate {
    char *file;
    X509 *leaf;
    EVP_PKEY *key;
    STACK_OF(X509) * chain; /* what stands behind the leaf in its file, to be sent along */
    char **names;           /* in lower case, a wildcard as "*.example.com" */
    size_t name_count;
    size_t name_max;
    int64_t not_before_s; /* since 1970, UTC */
    int64_t not_after_s;
    enum certificate_kind kind;
};

/* Why a file cannot be used, as "FILE: why". */
#define CERTIFICATE_ERROR_SIZE 512

/* Reads and judges both files: PEM, the key's reachable by its owner alone and not encrypted, the two belong together, and OpenSSL
 * accepts them. The names are those of type DNS in subjectAltName; a certificate without that extension is for its common name (which
 * RFC 9525 gave up, but private authorities still make such). Names that no host can have are passed over. False: `error`. On true
 * the caller owns what is in *certificate_r. */
bool certificate_load(const char *certificate_file, const char *key_file, struct certificate *certificate_r,
                      char error[CERTIFICATE_ERROR_SIZE]);

/* Frees what is in it. */
void certificate_deinit(struct certificate *certificate);

/* Whole days from `now_s` to the end, rounded down; below 0 once it is over. */
int64_t certificate_days_left(const struct certificate *certificate, int64_t now_s);

/* Certificate number `index` of the chain behind the leaf, as one that borrows all it has: file, leaf and times, no name and no key. */
struct certificate certificate_chain_at(const struct certificate *certificate, size_t index);
size_t certificate_chain_count(const struct certificate *certificate);

/* Who it is of, as RFC 4514 writes it, cut to `size` bytes with the NUL. Returns `text`. */
const char *certificate_subject(const struct certificate *certificate, char *text, size_t size);

/* All certificates of a PEM file. NULL: `error`. The caller owns the stack and what is in it. */
STACK_OF(X509) * certificate_read_chain(const char *file, char error[CERTIFICATE_ERROR_SIZE]);

#endif
