/*
 * tickets - session tickets (RFC 5077, RFC 8446 §4.6.1) sealed with keys of our own.
 */
#ifndef PORTCULLIS_LOBBY_TICKETS_H
#define PORTCULLIS_LOBBY_TICKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "server/lobby/ticket_keys.h"

typedef struct ssl_ctx_st SSL_CTX;

/* Makes the connections of `context` take and give tickets of `keys` (borrowed; outlives their handshakes). They resume
 * for TICKET_LIFE_ROTATIONS times `rotation_ms` after the full handshake that they come from, however often they are exchanged for new
 * ones meanwhile, and no longer than the client certificate that was shown there is valid. `rotation_ms` 0: no tickets at all. False when
 * memory is short. Main thread. */
bool tickets_use(SSL_CTX *context, struct ticket_keys *keys, uint64_t rotation_ms);

#endif
