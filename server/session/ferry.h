/*
 * ferry - carries the input and the output of many sessions into and out of the kernel together (server/loop/batch.h).
 *
 * Before a group of events is dispatched, the sockets that have input are read in one system call; what a session then sends in
 * its event stays in the loop's output buffer until the group's end, and all of it is sent in one more. A ferry that is not
 * worth the way (one or two sessions, large messages) does not go: these read and write for themselves, as all
 * sessions do without a ferry.
 *
 * One thread: the loop's; creating and destroying may happen on another while the loop does not run.
 */
#ifndef PORTCULLIS_SESSION_FERRY_H
#define PORTCULLIS_SESSION_FERRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Input fetched for one session at a time. A session that fills it reads for itself, into the loop's larger buffer, until its
 * reads get smaller: in one piece, a message is handled where it was received. */
#define FERRY_INPUT_SIZE 4096

struct ferry;
struct session;
struct session_loop;

/* Puts a ferry to the service of a loop. NULL with errno set where the kernel refuses, see batch_create(). */
struct ferry *ferry_create(struct session_loop *home);
void ferry_destroy(struct ferry **ferry);

/* Whether input was fetched for the session that it has not taken yet. */
bool ferry_has_input(const struct session *session);
/* Hands that input over: *bytes_r is valid and may be written to until the group's end. The result is what the receive
 * came to, as in transport_received() or, over TLS, transport_read_fetched(); *filled_r: it may not have been all. */
int ferry_take_input(struct session *session, uint8_t **bytes_r, bool *filled_r);

/* Takes what the session, the owner of the loop's output, has gathered. False: it is not for the ferry, and still the caller's. When
 * true, the session may be left as it is: session_sent() follows. */
bool __attribute__((warn_unused_result)) ferry_take_output(struct session *session);
/* Unloads what was taken: delivers it now, so that more may be sent. May leave the session SESSION_DEAD. */
void ferry_deliver(struct session *session);
/* Unloads what was taken: it will not be sent. */
void ferry_drop(struct session *session);

#endif
