/*
 * decide - what becomes of one request: routing, the WebSocket handshake, the hand-over to a session, or an HTTP answer.
 */
#ifndef PORTCULLIS_DOOR_DECIDE_H
#define PORTCULLIS_DOOR_DECIDE_H

#include "logging/log.h"
#include "server/lobby/lobby.h"
#include "server/session/pool.h"

struct mg_connection;

/* Answers the request of `slot`, or makes a session of it. Returns the HTTP status, > 0. A civetweb worker; may block. */
int decide_request(struct mg_connection *connection, struct slot *slot, struct session_pool *sessions, struct log *log);

#endif
