/*
 * check_private - what the files that check a config share. The thread that loads.
 */
#ifndef PORTCULLIS_CONFIG_CHECK_PRIVATE_H
#define PORTCULLIS_CONFIG_CHECK_PRIVATE_H

#include <stddef.h>
#include <stdint.h>

#include "server/config/check.h"
#include "server/config/schema_files.h"

#define PLACE_DEPTH_MAX 5 /* section, index, group, key, index */

struct check {
    struct arena *arena;
    struct config *config;
    const config_t *tree;
    struct report *report;
    const char *folder; /* of the config file */
    bool use_files;
    struct schema_files *schemas;
    uint64_t unbounded_memory; /* bytes of a session, where they are more than all may have; else 0 */
};

/* Where something stands, for messages: its path, and its line or, when it is not written, that of what it would stand in. The
 * path's nodes point at each other, so a place is filled where it is and never copied. */
struct place {
    struct path nodes[PLACE_DEPTH_MAX];
    size_t depth;
    const struct path *path;
    const config_setting_t *setting;
    unsigned line;
};

/* place.c: goes to a member by its name, or to an element (`name` is NULL). */
void place_go(struct place *place, const char *name, size_t index);
/* "section.key"; `key` may be NULL. */
void place_of(struct place *place, const struct check *check, const char *section, const char *key);
/* "section.key[index].member"; `key` may be NULL. */
void place_of_member(struct place *place, const struct check *check, const char *section, const char *key, size_t index,
                     const char *member);

/* check.c */
/* The arrays of a config are constant. What is completed here is completed in a copy. NULL when memory is short or the array empty. */
void *check_copy_array(struct check *check, const void *array, size_t count, size_t size);
/* A name resolved; "" when memory is short, which arena->failed says. */
const char *check_resolve(struct check *check, const char *folder, const char *name);
/* Reports a name of a list that equals an earlier one, that of element `index`. Empty ones have been reported as missing. */
bool check_repeated(struct check *check, const struct place *place, const char *name, const char *earlier,
                    size_t index);
/* A secret's file. One that is missing is made at the first start, where that is done. */
void check_secret_file(struct check *check, const struct place *place, const char *file, bool may_be_missing);

/* check_audit.c: what the audit file says, and the key of its digests, which is loaded. */
void check_audit(struct check *check);
/* What is right but hardly meant; when there is no error. */
void check_warn_audit(struct check *check);

/* check_tls.c */
void check_tls(struct check *check);
/* A file with certificates: whether it is one that can be read. What is in it, OpenSSL judges when it is loaded. */
void check_certificate(struct check *check, const struct place *place, const char *file);

/* check_auth.c: the section auth, whose keys are loaded, and what endpoints say of tokens, origins and permissions. */
void check_auth(struct check *check);
void check_endpoint_access(struct check *check, struct config_endpoint *endpoint, size_t index);
/* What is right but hardly meant; when there is no error. */
void check_warn_access(struct check *check);

/* check_rules.c: what endpoints ask of messages. Schemas are loaded; check->schemas, and so the config, owns them. */
void check_endpoint_rules(struct check *check, struct config_endpoint *endpoint, size_t index);
void check_warn_rules(struct check *check);

#endif
