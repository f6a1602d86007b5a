/*
 * check_transport - OpenSSL's client on the other end of a transport: its wire, the guard of its handshake messages, and the end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "runner.h"
#include "server/loop/tls_guard.h"
#include "server/loop/tls_wire.h"
#include "server/loop/transport.h"

static EVP_PKEY *key;
static X509 *certificate;
static SSL_CTX *server_context, *client_context;
static SSL *client;
static struct transport transport;
static uint8_t input[64 * 1024];

static void make_certificate(void)
{
    key = EVP_EC_gen("P-256");
    certificate = X509_new();
    ck_assert(key != NULL && certificate != NULL);
    X509_NAME *name = X509_get_subject_name(certificate);
    ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"localhost", -1, -1, 0), 1);
    ck_assert_int_eq(X509_set_issuer_name(certificate, name), 1);
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notBefore(certificate), 0));
    ck_assert_ptr_nonnull(X509_gmtime_adj(X509_getm_notAfter(certificate), 3600));
    ck_assert_int_eq(X509_set_pubkey(certificate, key), 1);
    ck_assert_int_gt(X509_sign(certificate, key, EVP_sha256()), 0);
}

static void init(void)
{
    make_certificate();
    server_context = SSL_CTX_new(TLS_server_method());
    client_context = SSL_CTX_new(TLS_client_method());
    ck_assert(server_context != NULL && client_context != NULL);
    ck_assert_int_eq(SSL_CTX_use_certificate(server_context, certificate), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey(server_context, key), 1);
    SSL_CTX_set_mode(server_context,
                     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(server_context, 1);
    SSL_CTX_set_session_cache_mode(server_context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(server_context, SSL_OP_IGNORE_UNEXPECTED_EOF);
    tls_guard_watch(server_context);
    transport = (struct transport){.fd = -1};
}

static void deinit(void)
{
    transport_close(&transport, false);
    if (client != NULL) {
        int fd = SSL_get_fd(client);
        SSL_free(client);
        client = NULL;
        close(fd);
    }
    SSL_CTX_free(server_context);
    SSL_CTX_free(client_context);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

/* Both ends of a connection, up to what follows the handshake. */
static void connect_both(void)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    transport = (struct transport){.fd = pair[0], .ssl = SSL_new(server_context)};
    client = SSL_new(client_context);
    ck_assert(transport.ssl != NULL && client != NULL);
    ck_assert(tls_wire_attach(transport.ssl, pair[0]) && SSL_set_fd(client, pair[1]) == 1);
    SSL_set_accept_state(transport.ssl);
    int shaken = 0;
    for (int i = 0; i < 10 && shaken != 3; i++) {
        shaken |= SSL_connect(client) == 1 ? 1 : 0;
        shaken |= (shaken & 2) != 0 || SSL_accept(transport.ssl) == 1 ? 2 : 0;
    }
    ck_assert_int_eq(shaken, 3);
}

static void client_send(const char *text)
{
    ck_assert_int_eq(SSL_write(client, text, (int)strlen(text)), (int)strlen(text));
}

static void client_expect(const char *text)
{
    char got[256] = "";
    ck_assert_int_eq(SSL_read(client, got, sizeof(got) - 1), (int)strlen(text));
    ck_assert_str_eq(got, text);
}

static void server_send(const char *text)
{
    struct iovec piece = {(void *)(uintptr_t)text, strlen(text)};
    size_t written = 0;
    ck_assert_int_eq(transport_write(&transport, &piece, 1, &written), TRANSPORT_OK);
    ck_assert_uint_eq(written, strlen(text));
}

static void server_expect(const char *text)
{
    size_t size = 0;
    ck_assert_int_eq(transport_read(&transport, input, sizeof(input), &size), TRANSPORT_OK);
    ck_assert_uint_eq(size, strlen(text));
    ck_assert_mem_eq(input, text, size);
}

static void server_expect_status(enum transport_status status)
{
    size_t size = 0;
    ck_assert_int_eq(transport_read(&transport, input, sizeof(input), &size), status);
}

static void assert_talks(void)
{
    server_expect_status(TRANSPORT_WANT_READ);
    client_send("to the server");
    server_expect("to the server");
    server_send("to the client");
    client_expect("to the client");
}

static void assert_ends(void)
{
    ck_assert_int_eq(SSL_shutdown(client), 0);
    server_expect_status(TRANSPORT_END);
    server_send("one more");
    transport_shutdown(&transport);
    client_expect("one more");
    ck_assert_int_eq(SSL_shutdown(client), 1);
}

static const struct {
    const char *suite; /* NULL: as the two agree */
    size_t tickets;
    int version;
} rows[] = {
    {"TLS_AES_128_GCM_SHA256", 0, TLS1_3_VERSION},
    {"TLS_AES_256_GCM_SHA384", 1, TLS1_3_VERSION},
    {"TLS_CHACHA20_POLY1305_SHA256", 2, TLS1_3_VERSION},
    {NULL, 1, TLS1_2_VERSION},
};

START_TEST(core_versions_suites_and_tickets)
{
    SSL_CTX_set_max_proto_version(client_context, rows[_i].version);
    SSL_CTX_set_num_tickets(server_context, rows[_i].tickets);
    if (rows[_i].suite != NULL) {
        ck_assert_int_eq(SSL_CTX_set_ciphersuites(client_context, rows[_i].suite), 1);
        ck_assert_int_eq(SSL_CTX_set_ciphersuites(server_context, rows[_i].suite), 1);
    }
    connect_both();
    assert_talks();
    assert_ends();
}
END_TEST

START_TEST(core_key_updates)
{
    connect_both();
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(SSL_key_update(client, i == 1 ? SSL_KEY_UPDATE_NOT_REQUESTED : SSL_KEY_UPDATE_REQUESTED), 1);
        assert_talks();
    }
    assert_ends();
}
END_TEST

START_TEST(core_plain)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    transport = (struct transport){.fd = pair[0]};
    ck_assert(!transport_has_pending(&transport));
    server_expect_status(TRANSPORT_WANT_READ);
    server_send("hello");
    ck_assert_int_eq(read(pair[1], input, sizeof(input)), 5);
    close(pair[1]);
    server_expect_status(TRANSPORT_END);
}
END_TEST

/* Without close_notify, too: WebSocket says itself what is whole. */
START_TEST(core_ends_without_close_notify)
{
    connect_both();
    client_send("last");
    ck_assert_int_eq(shutdown(SSL_get_fd(client), SHUT_WR), 0);
    server_expect("last");
    server_expect_status(TRANSPORT_END);
    server_send("one more");
    client_expect("one more");
}
END_TEST

/* A socket that takes no more takes the rest later, and what arrives is what was sent. */
START_TEST(limits_full_socket)
{
    connect_both();
    static uint8_t sent[sizeof(input)];
    static uint8_t received[1024 * 1024];
    for (size_t i = 0; i < sizeof(sent); i++) {
        sent[i] = (uint8_t)(i * 7 + i / 251);
    }
    size_t total = 0;
    size_t taken = 0;
    enum transport_status status = TRANSPORT_OK;
    while (total < sizeof(received)) {
        size_t at = total % sizeof(sent);
        struct iovec piece = {sent + at, sizeof(sent) - at};
        size_t written = 0;
        status = transport_write(&transport, &piece, 1, &written);
        ck_assert_int_eq(written == sizeof(sent) - at, status == TRANSPORT_OK);
        total += written;
        size_t got = 0;
        if (status == TRANSPORT_WANT_WRITE) {
            while (taken < sizeof(received) && SSL_read_ex(client, received + taken, sizeof(received) - taken, &got)) {
                taken += got;
            }
        } else {
            ck_assert_int_eq(status, TRANSPORT_OK);
        }
    }
    size_t got = 0;
    while (taken < sizeof(received) && SSL_read_ex(client, received + taken, sizeof(received) - taken, &got)) {
        taken += got;
    }
    ck_assert_uint_eq(taken, sizeof(received));
    for (size_t i = 0; i < taken; i += sizeof(sent)) {
        ck_assert_mem_eq(received + i, sent, sizeof(sent));
    }
}
END_TEST

/* One record after the other out of one read; the rest is known of without the kernel. */
START_TEST(core_pending)
{
    connect_both();
    client_send("one");
    client_send("two");
    ck_assert(!transport_has_pending(&transport));
    server_expect("one");
    ck_assert(transport_has_pending(&transport));
    server_expect("two");
    ck_assert(!transport_has_pending(&transport));
}
END_TEST

/* What the client sends, taken from its socket by somebody else. */
static int fetch(uint8_t *fetched, size_t room)
{
    ssize_t count = recv(transport.fd, fetched, room, 0);
    ck_assert_int_gt(count, 0);
    return (int)count;
}

START_TEST(core_fetched)
{
    connect_both();
    uint8_t fetched[256];
    size_t size = 0;
    client_send("one");
    client_send("two");
    int result = fetch(fetched, sizeof(fetched));
    ck_assert_int_eq(transport_read_fetched(&transport, fetched, result, input, sizeof(input), &size), TRANSPORT_OK);
    ck_assert_mem_eq(input, "one", 3);
    memset(fetched, 0, sizeof(fetched)); /* it was borrowed for the call */
    ck_assert(transport_has_pending(&transport));
    server_expect("two");
    ck_assert(!transport_has_pending(&transport));

    client_send("later");
    result = fetch(fetched, sizeof(fetched));
    transport_keep_fetched(&transport, fetched, result);
    memset(fetched, 0, sizeof(fetched));
    client_send("last");
    ck_assert(transport_has_pending(&transport));
    server_expect("later");
    server_expect("last");
}
END_TEST

/* A record in pieces, each from another hand. */
START_TEST(limits_fetched_in_pieces)
{
    connect_both();
    for (size_t cut = 1; cut < 5 + 5 + 1 + 16; cut++) {
        uint8_t fetched[256];
        size_t size = 0;
        client_send("hello");
        ck_assert_int_eq(fetch(fetched, cut), cut);
        int result = (int)cut;
        /* The rest is in the socket, which is asked when what was fetched is not enough. */
        ck_assert_int_eq(transport_read_fetched(&transport, fetched, result, input, sizeof(input), &size),
                         TRANSPORT_OK);
        ck_assert_uint_eq(size, 5);
        ck_assert_mem_eq(input, "hello", 5);
    }
}
END_TEST

static const struct {
    int result;
    enum transport_status status;
} results[] = {
    {0, TRANSPORT_END},
    {-EAGAIN, TRANSPORT_WANT_READ},
    {-ECONNRESET, TRANSPORT_LOST},
};

START_TEST(limits_fetched_nothing)
{
    connect_both();
    size_t size = 0;
    ck_assert_int_eq(transport_read_fetched(&transport, NULL, results[_i].result, input, sizeof(input), &size),
                     results[_i].status);
    ck_assert(!transport_has_pending(&transport));
}
END_TEST

/* Kept for later, an end or an error is not forgotten. */
START_TEST(limits_kept_nothing)
{
    connect_both();
    transport_keep_fetched(&transport, NULL, results[_i].result);
    ck_assert_int_eq(transport_has_pending(&transport), results[_i].result != -EAGAIN);
    server_expect_status(results[_i].status);
}
END_TEST

#define SEALED_TEXT "sealed, and sent by somebody else"
#define SEALED_SIZE (sizeof(SEALED_TEXT) - 1)

/* As many bytes of the sealed text go as `sent` says, or none with its error; then the writer comes again. */
static void assert_sealed(int sent)
{
    uint8_t sealed[SEALED_SIZE + TRANSPORT_SEAL_ROOM];
    size_t sealed_size = 0;
    size_t written = SIZE_MAX;
    ck_assert(transport_seal(&transport, SEALED_TEXT, SEALED_SIZE, sealed, &sealed_size));
    ck_assert_uint_gt(sealed_size, SEALED_SIZE);
    if (sent > 0) {
        ck_assert_int_eq(send(transport.fd, sealed, (size_t)sent, 0), sent);
    }
    ck_assert_int_eq(transport_sealed_sent(&transport, sealed, sealed_size, sent, SEALED_SIZE, &written),
                     TRANSPORT_WANT_WRITE);
    ck_assert_uint_eq(written, 0);
    server_send(SEALED_TEXT " and more");
    client_expect(SEALED_TEXT);
    client_expect(" and more");
}

START_TEST(core_sealed)
{
    connect_both();
    uint8_t sealed[SEALED_SIZE + TRANSPORT_SEAL_ROOM];
    size_t sealed_size = 0;
    size_t written = 0;
    ck_assert(transport_seal(&transport, SEALED_TEXT, SEALED_SIZE, sealed, &sealed_size));
    ck_assert_int_eq(SSL_read(client, input, sizeof(input)), -1); /* nothing is sent as yet */
    ck_assert_int_eq(transport_send_sealed(&transport, sealed, sealed_size, SEALED_SIZE, &written), TRANSPORT_OK);
    ck_assert_uint_eq(written, SEALED_SIZE);
    client_expect(SEALED_TEXT);
    server_send("next");
    client_expect("next");
}
END_TEST

START_TEST(limits_sealed_and_not_sent)
{
    connect_both();
    assert_sealed(-EAGAIN);
    for (int sent = 1; sent < (int)SEALED_SIZE; sent++) {
        assert_sealed(sent);
    }
}
END_TEST

/* The answer to a key update goes out with what is sealed next, and after what is left of the last. */
START_TEST(limits_sealed_with_key_updates)
{
    connect_both();
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(SSL_key_update(client, SSL_KEY_UPDATE_REQUESTED), 1);
        client_send("x");
        server_expect("x");
        assert_sealed(7);
    }
}
END_TEST

START_TEST(hostile_sealed_and_lost)
{
    connect_both();
    uint8_t sealed[SEALED_SIZE + TRANSPORT_SEAL_ROOM];
    size_t sealed_size = 0;
    size_t written = 0;
    ck_assert(transport_seal(&transport, SEALED_TEXT, SEALED_SIZE, sealed, &sealed_size));
    ck_assert_int_eq(transport_sealed_sent(&transport, sealed, sealed_size, -EPIPE, SEALED_SIZE, &written),
                     TRANSPORT_LOST);
    ck_assert_uint_eq(written, 0);
}
END_TEST

START_TEST(hostile_reset)
{
    connect_both();
    server_send("unread");
    close(SSL_get_fd(client)); /* with input that it has not read: a reset */
    server_expect_status(TRANSPORT_LOST);
    struct iovec piece = {(void *)(uintptr_t) "x", 1};
    size_t written = 0;
    ck_assert_int_eq(transport_write(&transport, &piece, 1, &written), TRANSPORT_LOST);
    ck_assert_int_eq(SSL_set_fd(client, socket(AF_UNIX, SOCK_STREAM, 0)), 1); /* for deinit() */
}
END_TEST

START_TEST(hostile_garbage)
{
    connect_both();
    static const uint8_t record[5 + 32] = {0x17, 3, 3, 0, 32}; /* of zeros, which nobody encrypted */
    ck_assert_int_eq(write(SSL_get_fd(client), record, sizeof(record)), sizeof(record));
    server_expect_status(TRANSPORT_TLS_ERROR);
}
END_TEST

/* An error of another library on this thread is not taken for one of the connection. */
START_TEST(hostile_errors_of_others)
{
    connect_both();
    ERR_raise(ERR_LIB_USER, 1);
    server_expect_status(TRANSPORT_WANT_READ);
    client_send("hello");
    ERR_raise(ERR_LIB_USER, 1);
    server_expect("hello");
    ERR_raise(ERR_LIB_USER, 1);
    server_send("hello");
    client_expect("hello");
}
END_TEST

static const struct {
    int kind;
    unsigned fine; /* as many must pass */
    unsigned over; /* as many must not */
} updates[] = {
    {SSL_KEY_UPDATE_NOT_REQUESTED, 1800, 2100},
    {SSL_KEY_UPDATE_REQUESTED, 1100, 1300},
};

/* Sends up to `max` key updates, each with a byte behind it. Returns how many went before the server ended it. */
static unsigned update_keys(int kind, unsigned max)
{
    for (unsigned i = 0; i < max; i++) {
        ck_assert_int_eq(SSL_key_update(client, kind), 1);
        client_send("x");
        size_t size = 0;
        enum transport_status status = transport_read(&transport, input, sizeof(input), &size);
        if (status != TRANSPORT_OK) {
            ck_assert_int_eq(status, TRANSPORT_TLS_ERROR);
            return i;
        }
        server_send("y"); /* an answer to the update goes before it */
        client_expect("y");
    }
    return max;
}

START_TEST(hostile_key_updates)
{
    connect_both();
    unsigned count = update_keys(updates[_i].kind, updates[_i].over);
    ck_assert_uint_ge(count, updates[_i].fine);
    ck_assert_uint_lt(count, updates[_i].over);
    server_expect_status(TRANSPORT_TLS_ERROR);
}
END_TEST

/* Sent along with the client's last handshake message, so that one read takes both. */
START_TEST(hostile_data_right_behind_the_handshake)
{
    int pair[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    transport = (struct transport){.fd = pair[0], .ssl = SSL_new(server_context)};
    client = SSL_new(client_context);
    ck_assert(tls_wire_attach(transport.ssl, pair[0]) && SSL_set_fd(client, pair[1]) == 1);
    SSL_set_accept_state(transport.ssl);
    ck_assert_int_eq(SSL_connect(client), -1);
    ck_assert_int_eq(SSL_accept(transport.ssl), -1);
    ck_assert_int_eq(SSL_connect(client), 1);
    client_send("early");
    ck_assert_int_eq(SSL_key_update(client, SSL_KEY_UPDATE_REQUESTED), 1);
    client_send(" bytes");
    ck_assert_int_eq(SSL_accept(transport.ssl), 1);
    server_expect("early");
    server_expect(" bytes");
    server_send("hello");
    client_expect("hello");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("transport");
    TCase *core = tcase_create("core");
    tcase_add_checked_fixture(core, init, deinit);
    tcase_add_loop_test(core, core_versions_suites_and_tickets, 0, sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(core, core_key_updates);
    tcase_add_test(core, core_plain);
    tcase_add_test(core, core_ends_without_close_notify);
    tcase_add_test(core, core_pending);
    tcase_add_test(core, core_fetched);
    tcase_add_test(core, core_sealed);
    suite_add_tcase(suite, core);
    TCase *limits = tcase_create("limits");
    tcase_add_checked_fixture(limits, init, deinit);
    tcase_add_test(limits, limits_full_socket);
    tcase_add_test(limits, limits_fetched_in_pieces);
    tcase_add_loop_test(limits, limits_fetched_nothing, 0, sizeof(results) / sizeof(results[0]));
    tcase_add_loop_test(limits, limits_kept_nothing, 0, sizeof(results) / sizeof(results[0]));
    tcase_add_test(limits, limits_sealed_and_not_sent);
    tcase_add_test(limits, limits_sealed_with_key_updates);
    suite_add_tcase(suite, limits);
    TCase *hostile = tcase_create("hostile");
    tcase_add_checked_fixture(hostile, init, deinit);
    tcase_add_test(hostile, hostile_data_right_behind_the_handshake);
    tcase_add_test(hostile, hostile_reset);
    tcase_add_test(hostile, hostile_sealed_and_lost);
    tcase_add_test(hostile, hostile_garbage);
    tcase_add_test(hostile, hostile_errors_of_others);
    tcase_add_loop_test(hostile, hostile_key_updates, 0, sizeof(updates) / sizeof(updates[0]));
    suite_add_tcase(suite, hostile);
    return runner_run(suite);
}
