/*
 * tickets - session tickets (RFC 5077, RFC 8446 §4.6.1) sealed with keys of our own.
 */
#ifndef PORTCULLIS_LOBBY_TICKETS_H
#define PORTCULLIS_LOBBY_TICKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "server/lobby/ticket_keys.h"

typedef struct ssl_ctx_st SSL_CTX;

/* Makes the connections of `context` take and give tickets of `keys` (borrowed; outlives their handshakes), valid for
 * TICKET_LIFE_ROTATIONS times `rotation_ms`; 0: none at all. With `verifies`, a ticket whose client certificate is no longer valid
 * does not resume. False when memory is short. Main thread. */
bool tickets_use(SSL_CTX *context, struct ticket_keys *keys, uint64_t rotation_ms, bool verifies);

#endif
