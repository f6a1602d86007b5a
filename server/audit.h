/*
 * audit - the one place where the audit file's lines about peers and users are put together, so that none says more of them
 * than the config allows: log.audit_users and log.audit_addresses.
 *
 * Callers say of each field what it is. The main log gets it as it is, always; the audit file by the policy:
 *   a plain field     as it is
 *   an address        with its port; or the digest of the address alone: ports tell apart who shares an address, and others
 *                     on the way keep lists of them
 *   a user            as it is, or its digest; so does all else that is the user's own: a token's id, the subject of a certificate
 *   free text         what a peer may have put anything into, a path or the name that it asked for: as it is, or not at all
 *                     where users or addresses are digests
 *
 * A digest is of the text that would stand there: of an address as address_format() writes it. The same gives the same digest
 * in every line, as long as the key is the same. Where there is no key yet, or no memory, null stands there; never the text.
 *
 * A policy is part of a config; sessions keep the one that they began with, so that their lines go together. Any thread.
 */
#ifndef PORTCULLIS_AUDIT_H
#define PORTCULLIS_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/digest.h"
#include "logging/log.h"
#include "server/gate/address.h"

enum audit_messages { AUDIT_MESSAGES_NONE, AUDIT_MESSAGES_SIZE, AUDIT_MESSAGES_DIGEST };
enum audit_names { AUDIT_NAMES_PLAIN, AUDIT_NAMES_DIGEST };

struct audit_policy {
    enum audit_messages messages;
    enum audit_names users;
    enum audit_names addresses;
    struct digest *message_digest; /* owned, these three; NULL where there is no such digest */
    struct digest *user_digest;
    struct digest *address_digest;
};

/* Makes the digests that the policy needs: HMAC-SHA-256 under a key of DIGEST_KEY_MIN to DIGEST_KEY_MAX bytes, or SHA-256 where it
 * is NULL. Messages are under the key itself; users and addresses under keys that are made of it (digest_create_labelled()), or
 * whoever may read the file could send a guess as a message and compare. False without memory. */
__attribute__((warn_unused_result)) bool audit_prepare(struct audit_policy *policy, const void *key, size_t key_size);
/* Frees them. */
void audit_release(struct audit_policy *policy);

/* ---- lines ---- */

#define AUDIT_FIELDS_MAX  24 /* of one line */
#define AUDIT_DIGESTS_MAX 4  /* of them: addresses, one at most, and users */

/* Made by the constructors below; all pointers are borrowed for the call. */
struct audit_field {
    struct log_field field;
    const struct address *address; /* of AUDIT_ADDRESS */
    enum audit_kind { AUDIT_PLAIN, AUDIT_ADDRESS, AUDIT_USER, AUDIT_FREE } kind;
    uint16_t port;
};

struct audit_field audit_plain(struct log_field field);
/* "peer". */
struct audit_field audit_peer(const struct address *address, uint16_t port);
/* NULL and "" are nobody, and stay what they are. */
struct audit_field audit_user(const char *name, const char *text);
struct audit_field audit_free(struct log_field field);

/* To the main log, at that level, and to the audit file, which takes no LOG_DEBUG. */
void audit_write(struct log *log, const struct audit_policy *policy, enum log_level level, const char *event,
                 const struct audit_field *fields, size_t count);
/* The same for what a peer can cause at will, as log_write_limited(). */
void audit_write_limited(struct log *log, const struct audit_policy *policy, enum log_level level, const char *event,
                         const char *key, const struct audit_field *fields, size_t count);
/* To the audit file alone. */
void audit_write_file(struct log *log, const struct audit_policy *policy, const char *event,
                      const struct audit_field *fields, size_t count);

#define AUDIT_FIELDS_(...)                     \
    (const struct audit_field[]){__VA_ARGS__}, \
        sizeof((const struct audit_field[]){__VA_ARGS__}) / sizeof(struct audit_field)
#define audit_event(log, policy, level, event, ...) \
    audit_write((log), (policy), (level), (event), AUDIT_FIELDS_(__VA_ARGS__))
#define audit_event_limited(log, policy, level, event, key, ...) \
    audit_write_limited((log), (policy), (level), (event), (key), AUDIT_FIELDS_(__VA_ARGS__))
#define audit_file(log, policy, event, ...) audit_write_file((log), (policy), (event), AUDIT_FIELDS_(__VA_ARGS__))

/* ---- parts of a text ---- */

#define AUDIT_TEXT_SIZE DIGEST_TEXT_SIZE
_Static_assert(AUDIT_TEXT_SIZE >= PREFIX_TEXT_SIZE, "a prefix fits, too");

/* What stands for a user, or for a prefix: of a whole address what stands for that. In `out`, or `user` itself; "-" where there
 * is no digest to be had. */
const char *audit_user_text(const struct audit_policy *policy, const char *user, char out[AUDIT_TEXT_SIZE]);
const char *audit_prefix_text(const struct audit_policy *policy, const struct prefix *prefix,
                              char out[AUDIT_TEXT_SIZE]);

/* ---- messages ---- */

/* One line for a message from a session's peer, if the policy wants them; `delivered`: its handler gets it. Messages can be too many for the disk: when the log
 * cannot follow, these lines are the first to be dropped (and counted). Returns the bytes that had to be digested: that takes its
 * time, and others wait for theirs. */
size_t audit_message(struct log *log, const struct audit_policy *policy, uint64_t session, bool is_text, bool delivered,
                     const void *data, size_t size);

#endif
