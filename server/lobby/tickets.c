/*
 * tickets - seals and opens tickets, at OpenSSL's bidding; see tickets.h. Its callbacks run on the lobby threads.
 */
#include "server/lobby/tickets.h"

#include <string.h>
#include <time.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

/* What the callback for keys returns. */
#define SEAL_FAILED  (-1)
#define TICKET_NONE  0
#define TICKET_GOOD  1
#define TICKET_STALE 2 /* good, and to be replaced */

/* Where a context has its keys: the callback gets nothing else to know them by. -1: not yet asked for. Main thread writes it. */
static int keys_index = -1;

static struct ticket_keys *keys_of(const SSL *ssl)
{
    return SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), keys_index);
}

static bool set_mac(EVP_MAC_CTX *mac, struct ticket_key *key)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof(key->mac)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
        OSSL_PARAM_construct_end(),
    };
    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static int seal(struct ticket_keys *keys, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                EVP_MAC_CTX *mac)
{
    struct ticket_key key;
    ticket_keys_current(keys, &key);
    bool good = RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1 &&
                EVP_EncryptInit_ex2(cipher, EVP_aes_256_cbc(), key.cipher, iv, NULL) == 1 && set_mac(mac, &key);
    for (size_t i = 0; i < sizeof(key.name); i++) {
        name[i] = key.name[i];
    }
    OPENSSL_cleanse(&key, sizeof(key));
    return good ? TICKET_GOOD : SEAL_FAILED;
}

/* A TLS 1.3 client uses each ticket once (RFC 8446 §C.4): it always gets a new one. */
static int unseal(struct ticket_keys *keys, const unsigned char *name, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
                  EVP_MAC_CTX *mac, bool single_use)
{
    struct ticket_key key;
    enum ticket_age age = ticket_keys_find(keys, name, &key);
    if (age == TICKET_UNKNOWN) {
        return TICKET_NONE;
    }
    bool good = EVP_DecryptInit_ex2(cipher, EVP_aes_256_cbc(), key.cipher, iv, NULL) == 1 && set_mac(mac, &key);
    OPENSSL_cleanse(&key, sizeof(key));
    if (!good) {
        return TICKET_NONE;
    }
    return age == TICKET_OLD || single_use ? TICKET_STALE : TICKET_GOOD;
}

static int on_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                  int sealing)
{
    struct ticket_keys *keys = keys_of(ssl);
    return sealing != 0 ? seal(keys, name, iv, cipher, mac)
                        : unseal(keys, name, iv, cipher, mac, SSL_version(ssl) == TLS1_3_VERSION);
}

/* A session that was opened with a client certificate is as good as that: its chain is not verified again, but its end counts. */
static bool peer_is_valid(SSL_SESSION *session)
{
    X509 *peer = SSL_SESSION_get0_peer(session);
    return peer == NULL || X509_cmp_current_time(X509_get0_notAfter(peer)) > 0;
}

/* In TLS 1.3 each ticket counts as new, one given for another too. So it says in it when the last full handshake was, or whoever comes
 * often enough would never have to prove anything again (RFC 8446 §4.6.1). */
static int on_seal(SSL *ssl, void *context)
{
    SSL_SESSION *session = SSL_get_session(ssl);
    void *data = NULL;
    size_t size = 0;
    (void)context;
    if (SSL_SESSION_get0_ticket_appdata(session, &data, &size) == 1 && size > 0) {
        return 1; /* a resumed one */
    }
    const int64_t now_s = time(NULL);
    return SSL_SESSION_set1_ticket_appdata(session, &now_s, sizeof(now_s));
}

static bool is_young(SSL *ssl, SSL_SESSION *session)
{
    void *data = NULL;
    size_t size = 0;
    int64_t proved_s;
    if (SSL_SESSION_get0_ticket_appdata(session, &data, &size) != 1 || size != sizeof(proved_s)) {
        return false;
    }
    memcpy(&proved_s, data, sizeof(proved_s));
    const int64_t age_s = time(NULL) - proved_s;
    return age_s >= 0 && age_s <= SSL_CTX_get_timeout(SSL_get_SSL_CTX(ssl));
}

static SSL_TICKET_RETURN on_opened(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t name_size,
                                   SSL_TICKET_STATUS status, void *context)
{
    (void)name;
    (void)name_size;
    (void)context;
    if ((status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) || !is_young(ssl, session) ||
        !peer_is_valid(session)) {
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    }
    return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

static bool find_index(void)
{
    if (keys_index < 0) {
        keys_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    }
    return keys_index >= 0;
}

bool tickets_use(SSL_CTX *context, struct ticket_keys *keys, uint64_t rotation_ms)
{
    if (rotation_ms == 0) {
        SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
        return SSL_CTX_set_num_tickets(context, 0) == 1;
    }
    if (!find_index() || SSL_CTX_set_ex_data(context, keys_index, keys) != 1 ||
        SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_key) != 1 || SSL_CTX_set_num_tickets(context, 1) != 1) {
        return false;
    }
    SSL_CTX_set_timeout(context, (long)(rotation_ms * TICKET_LIFE_ROTATIONS / 1000));
    return SSL_CTX_set_session_ticket_cb(context, on_seal, on_opened, NULL) == 1;
}
