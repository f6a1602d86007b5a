/*
 * verify - what it costs to verify a token, beside what its signature alone costs in the same process: "verify [SECONDS]".
 *
 * The bare figure is what `openssl speed` takes: one context, set up once, on a digest that is there already (HMAC and EdDSA:
 * on the message). Both are measured in turns, in processor time, so that whatever else the machine does falls on both; the
 * overhead is the median of their differences.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "auth/ecdsa.h"
#include "auth/jws.h"

#define DEFAULT_SECONDS 2.0 /* an algorithm */
#define TURNS           41  /* of each of the two */
#define SECRET          "a secret that is as long as HS512 asks for, which is sixty-four."

/* A payload as identity providers make them. */
static const char payload[] =
    "{\"iss\":\"https://issuer.example/\",\"sub\":\"user-000000000001\",\"aud\":\"chat\",\"iat\":1700000000,"
    "\"exp\":1700003600,\"jti\":\"0b2a5c9e-7f1d-4f8b-9d55-1d6b1c2e3f40\",\"channels\":[\"news\",\"a:1\"]}";

#define require(condition)                                                          \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            exit(EXIT_FAILURE);                                                     \
        }                                                                           \
    } while (0)

/* What is measured: a token with its key, and the same signature for OpenSSL. */
struct subject {
    struct key *key;
    char *token;
    size_t token_size;
    struct jws jws;
    EVP_PKEY_CTX *primitive; /* RSA, ECDSA */
    EVP_MD_CTX *message;     /* EdDSA */
    EVP_MAC_CTX *mac;        /* HMAC */
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t digest_size;
    uint8_t signature[KEY_SIGNATURE_MAX]; /* in OpenSSL's form */
    size_t signature_size;
};

static double now_us(void)
{
    struct timespec time;
    require(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static const char *hash_name(enum algorithm algorithm)
{
    const unsigned bits = algorithm_hash_bits(algorithm);
    return bits == 256 ? "SHA-256" : bits == 384 ? "SHA-384" : "SHA-512";
}

static const char *curve_of(enum algorithm algorithm)
{
    const unsigned bits = algorithm_hash_bits(algorithm);
    return bits == 256 ? "P-256" : bits == 384 ? "P-384" : "P-521";
}

static EVP_PKEY *generate(enum algorithm algorithm, const char *edwards, size_t rsa_bits)
{
    switch (algorithm_family(algorithm)) {
    case ALGORITHM_RSA:
    case ALGORITHM_RSA_PSS:
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", rsa_bits);
    case ALGORITHM_ECDSA:
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve_of(algorithm));
    case ALGORITHM_EDDSA:
        return EVP_PKEY_Q_keygen(NULL, NULL, edwards);
    case ALGORITHM_HMAC:
        break;
    }
    return NULL;
}

static struct key *key_of(enum algorithm algorithm, EVP_PKEY *pkey)
{
    const struct key_setup setup = {"key-1", algorithm, "", "", false};
    struct key *key = NULL;
    if (pkey == NULL) {
        require(key_from_secret(&setup, (const uint8_t *)SECRET, strlen(SECRET), &key) == KEY_OK);
        return key;
    }
    BIO *file = BIO_new(BIO_s_mem());
    char *pem = NULL;
    require(file != NULL && PEM_write_bio_PrivateKey(file, pkey, NULL, NULL, 0, NULL, NULL) == 1);
    const long size = BIO_get_mem_data(file, &pem);
    require(key_from_pem(&setup, (const uint8_t *)pem, (size_t)size, &key) == KEY_OK);
    BIO_free(file);
    return key;
}

static void set_up_mac(struct subject *subject, enum algorithm algorithm)
{
    char hash[16];
    snprintf(hash, sizeof(hash), "%s", hash_name(algorithm));
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, hash, 0),
                                     OSSL_PARAM_construct_end()};
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    subject->mac = EVP_MAC_CTX_new(hmac);
    EVP_MAC_free(hmac);
    require(EVP_MAC_init(subject->mac, (const uint8_t *)SECRET, strlen(SECRET), parameters) == 1);
}

static void set_up_primitive(struct subject *subject, enum algorithm algorithm, EVP_PKEY *pkey)
{
    const EVP_MD *hash = EVP_get_digestbyname(hash_name(algorithm));
    unsigned digest_size = 0;
    require(EVP_Digest(subject->jws.input, subject->jws.input_size, subject->digest, &digest_size, hash, NULL) == 1);
    subject->digest_size = digest_size;
    subject->primitive = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    require(EVP_PKEY_verify_init(subject->primitive) == 1);
    require(EVP_PKEY_CTX_set_signature_md(subject->primitive, hash) == 1);
    if (algorithm_family(algorithm) == ALGORITHM_RSA_PSS) {
        require(EVP_PKEY_CTX_set_rsa_padding(subject->primitive, RSA_PKCS1_PSS_PADDING) == 1);
        require(EVP_PKEY_CTX_set_rsa_pss_saltlen(subject->primitive, RSA_PSS_SALTLEN_DIGEST) == 1);
    }
}

static void set_up(struct subject *subject, enum algorithm algorithm, EVP_PKEY *pkey)
{
    memset(subject, 0, sizeof(*subject));
    subject->key = key_of(algorithm, pkey);
    subject->token = jws_sign(subject->key, (const uint8_t *)payload, strlen(payload));
    require(subject->token != NULL);
    subject->token_size = strlen(subject->token);
    require(jws_parse(subject->token, subject->token_size, &subject->jws) == JWS_OK);
    subject->signature_size = subject->jws.signature_size;
    memcpy(subject->signature, subject->jws.signature, subject->signature_size);
    if (algorithm_family(algorithm) == ALGORITHM_HMAC) {
        set_up_mac(subject, algorithm);
    } else if (algorithm_family(algorithm) == ALGORITHM_EDDSA) {
        subject->message = EVP_MD_CTX_new();
        require(EVP_DigestVerifyInit(subject->message, NULL, NULL, NULL, pkey) == 1);
    } else {
        if (algorithm_family(algorithm) == ALGORITHM_ECDSA) {
            require(ecdsa_to_der(subject->jws.signature, subject->jws.signature_size / 2, subject->signature,
                                 &subject->signature_size));
        }
        set_up_primitive(subject, algorithm, pkey);
    }
}

static void tear_down(struct subject *subject)
{
    jws_free(&subject->jws);
    free(subject->token);
    key_unref(&subject->key);
    EVP_PKEY_CTX_free(subject->primitive);
    EVP_MD_CTX_free(subject->message);
    EVP_MAC_CTX_free(subject->mac);
}

static void verify_token(struct subject *subject)
{
    struct jws jws;
    require(jws_parse(subject->token, subject->token_size, &jws) == JWS_OK);
    require(jws_verify(&jws, subject->key));
    jws_free(&jws);
}

static void verify_bare(struct subject *subject)
{
    if (subject->primitive != NULL) {
        require(EVP_PKEY_verify(subject->primitive, subject->signature, subject->signature_size, subject->digest,
                                subject->digest_size) == 1);
    } else if (subject->message != NULL) {
        require(EVP_DigestVerify(subject->message, subject->signature, subject->signature_size, subject->jws.input,
                                 subject->jws.input_size) == 1);
    } else {
        uint8_t mac[EVP_MAX_MD_SIZE];
        size_t size = 0;
        require(EVP_MAC_init(subject->mac, NULL, 0, NULL) == 1);
        require(EVP_MAC_update(subject->mac, subject->jws.input, subject->jws.input_size) == 1);
        require(EVP_MAC_final(subject->mac, mac, &size, sizeof(mac)) == 1);
        require(memcmp(mac, subject->signature, size) == 0);
    }
}

typedef void verify_fn(struct subject *subject);

/* Microseconds of one call. */
static double measure(verify_fn *verify, struct subject *subject, unsigned count)
{
    const double began = now_us();
    for (unsigned i = 0; i < count; i++) {
        verify(subject);
    }
    return (now_us() - began) / count;
}

static int compare(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double times[TURNS])
{
    qsort(times, TURNS, sizeof(times[0]), compare);
    return times[TURNS / 2];
}

static void report(const char *name, struct subject *subject, double seconds)
{
    const double turn_us = seconds * 1e6 / (2 * TURNS);
    const double once_us = measure(verify_token, subject, 16);
    const unsigned count = once_us * 2 < turn_us ? (unsigned)(turn_us / once_us) : 2;
    double token[TURNS];
    double bare[TURNS];
    double overhead[TURNS];
    for (size_t i = 0; i < TURNS; i++) {
        token[i] = measure(verify_token, subject, count);
        bare[i] = measure(verify_bare, subject, count);
        overhead[i] = token[i] - bare[i];
    }
    const double token_us = median(token);
    printf("%-16s %6zu %12.0f %12.2f %12.2f %12.2f\n", name, subject->token_size, 1e6 / token_us, token_us,
           median(bare), median(overhead));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        enum algorithm algorithm;
        const char *edwards;
        size_t rsa_bits;
    } cases[] = {
        {"HS256", ALGORITHM_HS256, NULL, 0},
        {"HS384", ALGORITHM_HS384, NULL, 0},
        {"HS512", ALGORITHM_HS512, NULL, 0},
        {"RS256 (2048)", ALGORITHM_RS256, NULL, 2048},
        {"RS384 (2048)", ALGORITHM_RS384, NULL, 2048},
        {"RS512 (2048)", ALGORITHM_RS512, NULL, 2048},
        {"RS256 (4096)", ALGORITHM_RS256, NULL, 4096},
        {"PS256 (2048)", ALGORITHM_PS256, NULL, 2048},
        {"PS384 (2048)", ALGORITHM_PS384, NULL, 2048},
        {"PS512 (2048)", ALGORITHM_PS512, NULL, 2048},
        {"ES256", ALGORITHM_ES256, NULL, 0},
        {"ES384", ALGORITHM_ES384, NULL, 0},
        {"ES512", ALGORITHM_ES512, NULL, 0},
        {"EdDSA (Ed25519)", ALGORITHM_EdDSA, "ED25519", 0},
        {"EdDSA (Ed448)", ALGORITHM_EdDSA, "ED448", 0},
    };
    const double seconds = argc > 1 ? strtod(argv[1], NULL) : DEFAULT_SECONDS;
    require(seconds > 0 && seconds < 3600);
    printf("%-16s %6s %12s %12s %12s %12s\n", "algorithm", "bytes", "tokens/s", "token us", "bare us", "overhead us");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        EVP_PKEY *pkey = generate(cases[i].algorithm, cases[i].edwards, cases[i].rsa_bits);
        static struct subject subject;
        set_up(&subject, cases[i].algorithm, pkey);
        report(cases[i].name, &subject, seconds);
        tear_down(&subject);
        EVP_PKEY_free(pkey);
    }
    return EXIT_SUCCESS;
}
