/*
 * tls_peer - who a TLS client has proved to be.
 */
#ifndef PORTCULLIS_LOOP_TLS_PEER_H
#define PORTCULLIS_LOOP_TLS_PEER_H

#include <stdbool.h>

typedef struct ssl_st SSL;

#define TLS_PEER_TEXT_SIZE 384 /* of each text below, NUL included; what does not fit is cut */

struct tls_peer {
    char subject[TLS_PEER_TEXT_SIZE]; /* the certificate's, as RFC 4514 writes names: "CN=meter 7,O=Example" */
    char names[TLS_PEER_TEXT_SIZE];   /* from its subjectAltName: "dns:NAME,email:NAME,uri:NAME"; "" for none */
};

/* False when the client has shown no certificate; one that it has shown was verified, or there is no connection. Both texts are for
 * people and logs: an authority chose them, so decide nothing by a part of one. The thread that owns the connection. */
bool tls_peer_describe(const SSL *ssl, struct tls_peer *peer_r);

#endif
