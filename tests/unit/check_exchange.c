/*
 * check_exchange - the keys of a key exchange do not outlive the handshake, and the connection does without them.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>

#include "issue.h"
#include "server/lobby/tls.h"

#define FLIGHTS_MAX 8 /* a handshake takes three */

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
static char groups[][16] = {"X25519:P-256", "P-256:X25519"};

#define CASE_COUNT 4 /* each version with each group */

static SSL *make_end(SSL_CTX *context, BIO *wire)
{
    SSL *ssl = SSL_new(context);
    ck_assert_ptr_nonnull(ssl);
    SSL_set_bio(ssl, wire, wire);
    return ssl;
}

static bool has_private_part(EVP_PKEY *key)
{
    unsigned char *bytes = NULL;
    int size = i2d_PrivateKey(key, &bytes);
    OPENSSL_free(bytes);
    return size > 0;
}

static void say(SSL *from, SSL *to)
{
    char text[8] = "";
    ck_assert_int_eq(SSL_write(from, "word", 5), 5);
    ck_assert_int_eq(SSL_read(to, text, sizeof(text)), 5);
    ck_assert_str_eq(text, "word");
}

START_TEST(core_keys_are_gone)
{
    SSL_CTX *server = SSL_CTX_new(TLS_server_method());
    SSL_CTX *client = SSL_CTX_new(TLS_client_method());
    EVP_PKEY *identity = issue_key();
    X509 *certificate = issue_certificate(identity, 0, NULL, NULL);
    const int version = versions[_i / 2];
    BIO *near_wire = NULL;
    BIO *far_wire = NULL;
    ck_assert_int_eq(SSL_CTX_use_cert_and_key(server, certificate, identity, NULL, 1), 1);
    ck_assert_int_eq(SSL_CTX_set_min_proto_version(server, version), 1);
    ck_assert_int_eq(SSL_CTX_set_max_proto_version(server, version), 1);
    ck_assert_int_eq(SSL_CTX_set1_groups_list(client, groups[_i % 2]), 1);
    ck_assert_int_eq(BIO_new_bio_pair(&near_wire, 0, &far_wire, 0), 1);
    SSL *near = make_end(client, near_wire);
    SSL *far = make_end(server, far_wire);
    for (int i = 0; i < FLIGHTS_MAX; i++) {
        (void)SSL_connect(near);
        (void)SSL_accept(far);
    }
    ck_assert(SSL_is_init_finished(near) && SSL_is_init_finished(far));

    EVP_PKEY *key = NULL;
    bool kept = SSL_get_tmp_key(far, &key) == 1; /* in TLS 1.2 OpenSSL has freed it itself */
    ck_assert(kept == (version == TLS1_3_VERSION));
    ck_assert(!kept || has_private_part(key));
    tls_forget_exchange(far);
    ck_assert(!kept || !has_private_part(key));
    EVP_PKEY_free(key);

    say(near, far);
    say(far, near);
    if (version == TLS1_3_VERSION) {
        ck_assert_int_eq(SSL_key_update(near, SSL_KEY_UPDATE_REQUESTED), 1);
        say(near, far);
        say(far, near);
    }
    tls_forget_exchange(far); /* nothing is left: nothing happens */
    say(near, far);
    SSL_free(near);
    SSL_free(far);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
    X509_free(certificate);
    EVP_PKEY_free(identity);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exchange");
    TCase *core = tcase_create("core");
    tcase_add_loop_test(core, core_keys_are_gone, 0, CASE_COUNT);
    suite_add_tcase(suite, core);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
