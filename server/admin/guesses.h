/*
 * guesses - how often a peer has shown a wrong admin token of late: past a few, he is told to wait, and the log is spared.
 *
 * The right token is never made to wait: whoever shares an address with a guesser, as all of loopback does, still gets in. The
 * tokens hold 128 bits or more, so the limit is not what keeps them from being guessed. Any thread.
 */
#ifndef PORTCULLIS_ADMIN_GUESSES_H
#define PORTCULLIS_ADMIN_GUESSES_H

#include <stdbool.h>
#include <stdint.h>

#include "server/gate/address.h"

struct guesses;

struct guesses *guesses_create(void); /* NULL without memory */
void guesses_destroy(struct guesses **guesses);

/* Counts one. Whether it is within the limit. */
bool guesses_allow(struct guesses *guesses, const struct address *peer, uint64_t now_ms);

#endif
