/*
 * check_tickets - handshakes in memory, by a clock of keys that the test moves: which ticket resumes, and which key seals the next.
 */
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <openssl/ssl.h>

#include "issue.h"
#include "runner.h"
#include "server/lobby/tickets.h"

#define HOUR_MS     UINT64_C(3600000)
#define FLIGHTS_MAX 8 /* a handshake takes three */

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

#define VERSION_COUNT ((int)(sizeof(versions) / sizeof(versions[0])))

static struct ticket_keys *keys;
static SSL_CTX *server;
static SSL_CTX *client;
static SSL_SESSION *kept; /* what the client was given last */

static SSL_CTX *make_server(int version)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = issue_key();
    X509 *certificate = issue_certificate(key, 0, NULL, NULL);
    ck_assert_ptr_nonnull(context);
    ck_assert_int_eq(SSL_CTX_use_cert_and_key(context, certificate, key, NULL, 1), 1);
    ck_assert_int_eq(SSL_CTX_set_min_proto_version(context, version), 1);
    ck_assert_int_eq(SSL_CTX_set_max_proto_version(context, version), 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    ck_assert(tickets_use(context, keys, HOUR_MS));
    X509_free(certificate);
    EVP_PKEY_free(key);
    return context;
}

static void set_up(void)
{
    keys = ticket_keys_create(HOUR_MS, 0);
    ck_assert_ptr_nonnull(keys);
    client = SSL_CTX_new(TLS_client_method());
    ck_assert_ptr_nonnull(client);
}

static void tear_down(void)
{
    SSL_SESSION_free(kept);
    kept = NULL;
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    server = NULL;
    ticket_keys_destroy(&keys);
}

/* An SSL whose peer is this test: what it reads and writes are in memory. */
static SSL *make_end(SSL_CTX *context)
{
    SSL *ssl = SSL_new(context);
    BIO *in = BIO_new(BIO_s_mem());
    BIO *out = BIO_new(BIO_s_mem());
    ck_assert(ssl != NULL && in != NULL && out != NULL);
    BIO_set_mem_eof_return(in, -1);
    BIO_set_mem_eof_return(out, -1);
    SSL_set_bio(ssl, in, out);
    return ssl;
}

static void carry(SSL *from, SSL *to)
{
    char *bytes = NULL;
    long size = BIO_get_mem_data(SSL_get_wbio(from), &bytes);
    if (size > 0) {
        ck_assert_int_eq(BIO_write(SSL_get_rbio(to), bytes, (int)size), (int)size);
        (void)BIO_reset(SSL_get_wbio(from));
    }
}

/* One handshake, resuming what is kept. Whether the server resumed it. */
static bool visit(void)
{
    char byte;
    SSL *near = make_end(client);
    SSL *far = make_end(server);
    if (kept != NULL) {
        ck_assert_int_eq(SSL_set_session(near, kept), 1);
    }
    for (int i = 0; i < FLIGHTS_MAX; i++) {
        (void)SSL_connect(near);
        carry(near, far);
        (void)SSL_accept(far);
        carry(far, near);
    }
    ck_assert(SSL_is_init_finished(near) && SSL_is_init_finished(far));
    ck_assert_int_lt(SSL_read(near, &byte, 1), 1); /* takes the ticket of TLS 1.3 */
    bool reused = SSL_session_reused(far) == 1;
    ck_assert_int_eq(SSL_session_reused(near), reused);
    SSL_SESSION_free(kept);
    kept = SSL_get1_session(near);
    (void)SSL_shutdown(near); /* or its session would count as broken */
    (void)SSL_shutdown(far);
    SSL_free(near);
    SSL_free(far);
    return reused;
}

static bool is_sealed_with_current(void)
{
    struct ticket_key current;
    const unsigned char *ticket = NULL;
    size_t size = 0;
    ticket_keys_current(keys, &current);
    SSL_SESSION_get0_ticket(kept, &ticket, &size);
    ck_assert_uint_gt(size, sizeof(current.name));
    return memcmp(ticket, current.name, sizeof(current.name)) == 0;
}

START_TEST(core_previous_key)
{
    server = make_server(versions[_i]);
    ck_assert(!visit());
    ck_assert(is_sealed_with_current());
    ck_assert(visit());
    (void)ticket_keys_rotate(keys, HOUR_MS);
    ck_assert(!is_sealed_with_current());
    ck_assert(visit()); /* accepted, and exchanged */
    ck_assert(is_sealed_with_current());
    (void)ticket_keys_rotate(keys, 2 * HOUR_MS);
    (void)ticket_keys_rotate(keys, 3 * HOUR_MS);
    ck_assert(visit()); /* with the oldest key that there is */
    ck_assert(is_sealed_with_current());
}
END_TEST

START_TEST(core_key_is_gone)
{
    server = make_server(versions[_i]);
    ck_assert(!visit());
    for (uint64_t i = 1; i <= TICKET_LIFE_ROTATIONS + 1; i++) {
        (void)ticket_keys_rotate(keys, i * HOUR_MS);
    }
    ck_assert(!visit());
    ck_assert(visit());
}
END_TEST

/* Another context with the same keys, as after a reload. */
START_TEST(core_other_context)
{
    server = make_server(versions[_i]);
    ck_assert(!visit());
    SSL_CTX_free(server);
    server = make_server(versions[_i]);
    ck_assert(visit());
}
END_TEST

static int pass_peer(X509_STORE_CTX *store, void *context)
{
    (void)store;
    (void)context;
    return 1;
}

/* The client gets a certificate that ends then, and the server asks for it. */
static void show_certificate(long from_now_s)
{
    EVP_PKEY *key = issue_key();
    X509 *shown = issue_certificate(key, 0, NULL, NULL);
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notAfter(shown), from_now_s));
    ck_assert_int_gt(X509_sign(shown, key, EVP_sha256()), 0);
    ck_assert_int_eq(SSL_CTX_use_cert_and_key(client, shown, key, NULL, 1), 1);
    X509_free(shown);
    EVP_PKEY_free(key);
    SSL_CTX_set_verify(server, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(server, pass_peer, NULL); /* what tickets think of it is the question */
    ck_assert_int_eq(SSL_CTX_set_session_id_context(server, (const unsigned char *)"a", 1), 1);
}

/* A ticket is no better than the certificate that was shown for it. */
START_TEST(core_client_certificate)
{
    const bool is_over = _i >= VERSION_COUNT;
    server = make_server(versions[_i % VERSION_COUNT]);
    show_certificate(is_over ? -1 : 60 * 60);
    ck_assert(!visit());
    ck_assert(visit() == !is_over);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tickets");
    TCase *core = tcase_create("core");
    tcase_add_checked_fixture(core, set_up, tear_down);
    tcase_add_loop_test(core, core_previous_key, 0, VERSION_COUNT);
    tcase_add_loop_test(core, core_key_is_gone, 0, VERSION_COUNT);
    tcase_add_loop_test(core, core_other_context, 0, VERSION_COUNT);
    tcase_add_loop_test(core, core_client_certificate, 0, 2 * VERSION_COUNT);
    suite_add_tcase(suite, core);
    return runner_run(suite);
}
