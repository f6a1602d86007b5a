/*
 * ticket_keys - the keys that session tickets are sealed with (RFC 5077 §4, RFC 8446 §4.6.1), and their rotation.
 *
 * One ring serves all contexts and all lobby threads, and outlives reloads, so that tickets from before one still resume. New tickets
 * are sealed with the current key. A key that rotated out opens tickets as long as one that it sealed can be valid; then it is wiped.
 * What was resumed with an old ticket can no longer be read by whoever gets hold of the memory later.
 */
#ifndef PORTCULLIS_LOBBY_TICKET_KEYS_H
#define PORTCULLIS_LOBBY_TICKET_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TICKET_KEY_NAME_SIZE 16
#define TICKET_CIPHER_SIZE   32 /* AES-256 */
#define TICKET_MAC_SIZE      32 /* HMAC-SHA-256 */

/* A ticket is valid for that many rotations, and so is its key for one more. */
#define TICKET_LIFE_ROTATIONS 2

struct ticket_key {
    uint8_t name[TICKET_KEY_NAME_SIZE]; /* stands in the ticket */
    uint8_t cipher[TICKET_CIPHER_SIZE];
    uint8_t mac[TICKET_MAC_SIZE];
};

enum ticket_age {
    TICKET_UNKNOWN, /* no such key, or no longer */
    TICKET_CURRENT,
    TICKET_OLD, /* to be renewed */
};

struct ticket_keys;

/* With a first key. `rotation_ms` 0: tickets are switched off, and the keys stand still. NULL when there is no memory or no randomness.
 * The clock is the caller's, monotonic. Main thread. */
struct ticket_keys *ticket_keys_create(uint64_t rotation_ms, uint64_t now_ms);
void ticket_keys_destroy(struct ticket_keys **keys);

/* From now on. Main thread. */
void ticket_keys_set_rotation(struct ticket_keys *keys, uint64_t rotation_ms);

/* Makes a new key when it is time, and wipes those that have had theirs. Without randomness the current key goes on, and the next call
 * tries again. Returns when to call next; UINT64_MAX when never. Main thread. */
uint64_t ticket_keys_rotate(struct ticket_keys *keys, uint64_t now_ms);

/* Copies of a key, to be wiped after use (OPENSSL_cleanse). Any thread. */
void ticket_keys_current(struct ticket_keys *keys, struct ticket_key *key_r);
enum ticket_age ticket_keys_find(struct ticket_keys *keys, const uint8_t name[TICKET_KEY_NAME_SIZE],
                                 struct ticket_key *key_r);

#endif
