/*
 * front - the sockets of the operators' listener, on one thread: accepts, reads whole requests under one deadline, has a worker
 * answer each, and sends the answers.
 *
 *   accept ── read ──► head and body are there, and good ──► ready ring: civetweb wakes a worker, which decides
 *                                                                │
 *   close ◄── the peer's end ◄── sent ◄── front_answer() ◄───────┘
 *
 * So a worker never waits for a peer: who is silent, trickles or does not read costs one of FRONT_SLOTS slots. The oldest of those
 * that have their answer, or else of those that have not said what they want, gives way to a newcomer. The head is checked as
 * strictly as in the lobby. civetweb sees no byte of a peer: it gets a socketpair with a request of the front's own.
 */
#ifndef PORTCULLIS_ADMIN_FRONT_H
#define PORTCULLIS_ADMIN_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logging/log.h"
#include "server/door/ready_ring.h"
#include "server/gate/address.h"
#include "server/lobby/head.h"

#define FRONT_SLOTS    32          /* connections at a time */
#define FRONT_HEAD_MAX (16 * 1024) /* bytes of a request head */
#define FRONT_BODY_MAX (64 * 1024) /* bytes of a request body */

struct front;
struct front_slot;

/* Everything is borrowed and outlives the front. */
struct front_setup {
    struct address address; /* IPv4 */
    uint16_t port;          /* 0: any free one */
    struct ready_ring *ring;
    struct log *log;
};

/* Listens. NULL: `error` says why. Main thread. */
struct front *front_create(const struct front_setup *setup, char *error, size_t error_size);
/* After front_run() has returned, and no worker has a slot any more. */
void front_destroy(struct front **front);

/* The port it is bound to. Any thread. */
uint16_t front_port(const struct front *front);

/* Runs until front_stop(): then nothing is accepted or read any more, and answers have a second to leave. */
void front_run(struct front *front);
/* Any thread, once. */
void front_stop(struct front *front);

/* ---- for workers ---- */

struct front_request {
    const char *bytes; /* the head, as it was sent */
    struct head head;
    const char *body;
    size_t body_size;
    struct address from;
    uint16_t port;
};

/* The slot that accept() named, which is the caller's until front_answer(); NULL for one whose time is over. */
struct front_slot *front_find(struct front *front, uint32_t ticket, uint16_t generation);
/* Views, good until front_answer(). */
void front_request_of(const struct front_slot *slot, struct front_request *request_r);
/* Takes `bytes`, the whole answer, from malloc(); NULL closes the connection without one. */
void front_answer(struct front_slot *slot, char *bytes, size_t size);

#endif
