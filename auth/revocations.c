/*
 * revocations - three tables under one lock: by id, for who takes one back; by all that makes one, for who repeats one; and by
 * subject, where those of one subject share a summary that answers whether a token is meant. See revocations.h for who calls.
 */
#include "auth/revocations.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "auth/hash.h"
#include "auth/pack.h"
#include "logging/annotations.h"
#include "logging/rwlock.h"

/* All revocations of one kind and subject. */
struct subject {
    struct hash_link link;
    struct entry *entries;
    int64_t before_s; /* the latest of theirs: if one of them is about a token, that one is */
    enum revocation_kind kind;
    const char *text;
};

/* One revocation. Strings stand behind it in the same block. */
struct entry {
    struct hash_link by_id;
    struct hash_link by_value;
    struct subject *subject;
    struct entry *next; /* of the subject */
    struct entry *previous;
    struct revocation revocation;
};

struct revocations {
    struct rwlock lock;
    uint64_t seed; /* so that nobody outside can choose subjects that share a chain */
    struct hash ids LOCK_GUARDED;
    struct hash values LOCK_GUARDED;
    struct hash subjects LOCK_GUARDED;
};

/* Looked through at a time: some tens of microseconds. */
#define EXPIRE_BUCKETS 256

#define ENTRY_OF(link, member) ((struct entry *)(void *)((char *)(link)-offsetof(struct entry, member)))
#define SUBJECT_OF(at)         ((struct subject *)(void *)((char *)(at)-offsetof(struct subject, link)))

/* ---- hashes ---- */

/* The finalizer of splitmix64: each bit of the input changes about half of the output's. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

/* FNV-1a from a secret start. What is kept here has been written by operators; peers bring what is looked up. */
static uint64_t hash_subject(const struct revocations *revocations, enum revocation_kind kind, const char *text)
{
    uint64_t hash = revocations->seed ^ (uint64_t)kind;
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    }
    return mix(hash);
}

static uint64_t hash_value(const struct revocations *revocations, const struct revocation *revocation)
{
    return mix(hash_subject(revocations, revocation->kind, revocation->subject) + (uint64_t)revocation->before_s);
}

static uint64_t hash_id(const struct revocations *revocations, uint64_t id)
{
    return mix(revocations->seed + id);
}

/* ---- finding ---- */

static struct subject *find_subject_locked(struct revocations *revocations, enum revocation_kind kind, const char *text)
    REQUIRES_SHARED_LOCK(revocations->lock);
static struct entry *find_id_locked(struct revocations *revocations, uint64_t id)
    REQUIRES_SHARED_LOCK(revocations->lock);
static struct entry *find_value_locked(struct revocations *revocations, const struct revocation *value)
    REQUIRES_SHARED_LOCK(revocations->lock);
static void link_entry_locked(struct revocations *revocations, struct entry *entry, struct subject *subject)
    REQUIRES_LOCK(revocations->lock);
static void drop_entry_locked(struct revocations *revocations, struct entry *entry) REQUIRES_LOCK(revocations->lock);
static void settle_subject_locked(struct revocations *revocations, struct subject *subject)
    REQUIRES_LOCK(revocations->lock);
static bool reserve_locked(struct revocations *revocations) REQUIRES_LOCK(revocations->lock);
static size_t expire_bucket_locked(struct revocations *revocations, struct hash_link *link, int64_t now_s)
    REQUIRES_LOCK(revocations->lock);
static enum revocation_status add_locked(struct revocations *revocations, struct entry **entry,
                                         struct subject **subject) REQUIRES_LOCK(revocations->lock);

static struct subject *find_subject_locked(struct revocations *revocations, enum revocation_kind kind, const char *text)
{
    const uint64_t hash = hash_subject(revocations, kind, text);
    for (struct hash_link *link = hash_first(&revocations->subjects, hash); link != NULL; link = link->next) {
        struct subject *subject = SUBJECT_OF(link);
        if (link->hash == hash && subject->kind == kind && strcmp(subject->text, text) == 0) {
            return subject;
        }
    }
    return NULL;
}

static struct entry *find_id_locked(struct revocations *revocations, uint64_t id)
{
    const uint64_t hash = hash_id(revocations, id);
    for (struct hash_link *link = hash_first(&revocations->ids, hash); link != NULL; link = link->next) {
        if (ENTRY_OF(link, by_id)->revocation.id == id) {
            return ENTRY_OF(link, by_id);
        }
    }
    return NULL;
}

static struct entry *find_value_locked(struct revocations *revocations, const struct revocation *value)
{
    const uint64_t hash = hash_value(revocations, value);
    for (struct hash_link *link = hash_first(&revocations->values, hash); link != NULL; link = link->next) {
        const struct revocation *other = &ENTRY_OF(link, by_value)->revocation;
        if (link->hash == hash && other->kind == value->kind && other->before_s == value->before_s &&
            strcmp(other->subject, value->subject) == 0) {
            return ENTRY_OF(link, by_value);
        }
    }
    return NULL;
}

/* ---- changing ---- */

static void link_entry_locked(struct revocations *revocations, struct entry *entry, struct subject *subject)
{
    entry->subject = subject;
    entry->previous = NULL;
    entry->next = subject->entries;
    if (entry->next != NULL) {
        entry->next->previous = entry;
    }
    if (subject->entries == NULL || entry->revocation.before_s > subject->before_s) {
        subject->before_s = entry->revocation.before_s;
    }
    subject->entries = entry;
    entry->by_id.hash = hash_id(revocations, entry->revocation.id);
    entry->by_value.hash = hash_value(revocations, &entry->revocation);
    hash_insert(&revocations->ids, &entry->by_id);
    hash_insert(&revocations->values, &entry->by_value);
}

/* The subject is left to be settled. */
static void drop_entry_locked(struct revocations *revocations, struct entry *entry)
{
    hash_remove(&revocations->ids, &entry->by_id);
    hash_remove(&revocations->values, &entry->by_value);
    if (entry->next != NULL) {
        entry->next->previous = entry->previous;
    }
    if (entry->previous != NULL) {
        entry->previous->next = entry->next;
    } else {
        entry->subject->entries = entry->next;
    }
    free(entry);
}

/* After entries of it have gone: its summary, or its end. */
static void settle_subject_locked(struct revocations *revocations, struct subject *subject)
{
    if (subject->entries == NULL) {
        hash_remove(&revocations->subjects, &subject->link);
        free(subject);
        return;
    }
    subject->before_s = INT64_MIN;
    for (const struct entry *entry = subject->entries; entry != NULL; entry = entry->next) {
        if (entry->revocation.before_s > subject->before_s) {
            subject->before_s = entry->revocation.before_s;
        }
    }
}

/* Copies of all that it holds, in one block. NULL without memory. */
static struct entry *copy_revocation(const struct revocation *revocation)
{
    const char *const texts[] = {revocation->subject, revocation->by, revocation->reason};
    size_t size = sizeof(struct entry);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        size += strlen(texts[i]) + 1;
    }
    struct pack pack = {.block = calloc(1, size), .used = sizeof(struct entry)};
    if (pack.block == NULL) {
        return NULL;
    }
    struct entry *entry = (struct entry *)(void *)pack.block;
    entry->revocation = *revocation;
    entry->revocation.subject = pack_text(&pack, texts[0], strlen(texts[0]));
    entry->revocation.by = pack_text(&pack, texts[1], strlen(texts[1]));
    entry->revocation.reason = pack_text(&pack, texts[2], strlen(texts[2]));
    if (revocation->kind == REVOCATION_TOKEN) {
        entry->revocation.before_s = 0; /* without a meaning, so that two of one token are one */
    }
    return entry;
}

static struct subject *make_subject(const struct revocations *revocations, const struct revocation *revocation)
{
    const size_t size = strlen(revocation->subject);
    struct pack pack = {.block = calloc(1, sizeof(struct subject) + size + 1), .used = sizeof(struct subject)};
    if (pack.block == NULL) {
        return NULL;
    }
    struct subject *subject = (struct subject *)(void *)pack.block;
    subject->kind = revocation->kind;
    subject->text = pack_text(&pack, revocation->subject, size);
    subject->link.hash = hash_subject(revocations, revocation->kind, revocation->subject);
    return subject;
}

static bool reserve_locked(struct revocations *revocations)
{
    return hash_reserve(&revocations->ids) && hash_reserve(&revocations->values) &&
           hash_reserve(&revocations->subjects);
}

/* Takes *entry, and *subject when its subject is a new one: what it took is NULL then. */
static enum revocation_status add_locked(struct revocations *revocations, struct entry **entry,
                                         struct subject **subject)
{
    const struct revocation *revocation = &(*entry)->revocation;
    struct entry *same_value = find_value_locked(revocations, revocation);
    struct entry *same_id = find_id_locked(revocations, revocation->id);
    if (same_value == NULL && same_id == NULL && revocations->ids.count >= REVOCATIONS_MAX) {
        return REVOCATION_FULL;
    }
    if (!reserve_locked(revocations)) {
        return REVOCATION_NO_MEMORY;
    }
    struct subject *home = find_subject_locked(revocations, revocation->kind, revocation->subject);
    if (home == NULL) {
        home = *subject;
        *subject = NULL;
        hash_insert(&revocations->subjects, &home->link);
    }
    if (same_value != NULL && same_value->revocation.until_s > revocation->until_s) {
        (*entry)->revocation.until_s = same_value->revocation.until_s;
    }
    link_entry_locked(revocations, *entry, home);
    *entry = NULL;
    if (same_value != NULL) { /* of this very subject, whose summary it does not change */
        drop_entry_locked(revocations, same_value);
    }
    if (same_id != NULL && same_id != same_value) {
        struct subject *other = same_id->subject;
        drop_entry_locked(revocations, same_id);
        settle_subject_locked(revocations, other);
    }
    return REVOCATION_OK;
}

/* ---- life ---- */

UNCHECKED_LOCKING struct revocations *revocations_create(void)
{
    struct revocations *revocations = calloc(1, sizeof(*revocations));
    if (revocations == NULL) {
        return NULL;
    }
    /* Before the kernel has any, early at boot, a start that can be guessed has to do: chains get longer at worst. */
    if (getrandom(&revocations->seed, sizeof(revocations->seed), GRND_NONBLOCK) != (ssize_t)sizeof(revocations->seed)) {
        revocations->seed = (uint64_t)(uintptr_t)revocations;
    }
    rwlock_init(&revocations->lock);
    return revocations;
}

UNCHECKED_LOCKING void revocations_destroy(struct revocations **revocations_pointer)
{
    struct revocations *revocations = *revocations_pointer;
    if (revocations == NULL) {
        return;
    }
    *revocations_pointer = NULL;
    (void)revocations_expire(revocations, INT64_MAX);
    hash_clear(&revocations->ids);
    hash_clear(&revocations->values);
    hash_clear(&revocations->subjects);
    rwlock_destroy(&revocations->lock);
    free(revocations);
}

/* ---- what callers see ---- */

enum revocation_status revocations_add(struct revocations *revocations, const struct revocation *revocation)
{
    enum revocation_status status = REVOCATION_NO_MEMORY;
    struct entry *entry = copy_revocation(revocation);
    struct subject *subject = make_subject(revocations, revocation);
    if (entry != NULL && subject != NULL) {
        rwlock_write(&revocations->lock);
        status = add_locked(revocations, &entry, &subject);
        rwlock_write_end(&revocations->lock);
    }
    free(subject);
    free(entry);
    return status;
}

bool revocations_remove(struct revocations *revocations, uint64_t id)
{
    rwlock_write(&revocations->lock);
    struct entry *entry = find_id_locked(revocations, id);
    if (entry != NULL) {
        struct subject *subject = entry->subject;
        drop_entry_locked(revocations, entry);
        settle_subject_locked(revocations, subject);
    }
    rwlock_write_end(&revocations->lock);
    return entry != NULL;
}

/* Subject by subject, so that each is settled once, however many of its revocations are over. */
static size_t expire_bucket_locked(struct revocations *revocations, struct hash_link *link, int64_t now_s)
{
    size_t dropped = 0;
    while (link != NULL) {
        struct subject *subject = SUBJECT_OF(link);
        const size_t before = dropped;
        link = link->next;
        struct entry *entry = subject->entries;
        while (entry != NULL) {
            struct entry *next = entry->next;
            if (entry->revocation.until_s <= now_s) {
                drop_entry_locked(revocations, entry);
                dropped++;
            }
            entry = next;
        }
        if (dropped > before) {
            settle_subject_locked(revocations, subject);
        }
    }
    return dropped;
}

/* A piece at a time, so that readers get their turns. What a table that grows in between moves out of sight is found the next time. */
size_t revocations_expire(struct revocations *revocations, int64_t now_s)
{
    size_t dropped = 0;
    size_t bucket = 0;
    bool more = true;
    while (more) {
        rwlock_write(&revocations->lock);
        const struct hash *subjects = &revocations->subjects;
        for (size_t i = 0; i < EXPIRE_BUCKETS && bucket < subjects->bucket_count; i++) {
            dropped += expire_bucket_locked(revocations, subjects->buckets[bucket], now_s);
            bucket++;
        }
        more = bucket < subjects->bucket_count;
        rwlock_write_end(&revocations->lock);
    }
    return dropped;
}

size_t revocations_count(struct revocations *revocations)
{
    rwlock_read(&revocations->lock);
    const size_t count = revocations->ids.count;
    rwlock_read_end(&revocations->lock);
    return count;
}

bool revocations_match(struct revocations *revocations, const struct identity *identity)
{
    const int64_t issued_s = identity->issued_at_s; /* IDENTITY_NO_TIME is before any time */
    rwlock_read(&revocations->lock);
    bool match = revocations->ids.count > 0;
    if (match) {
        const struct subject *user = find_subject_locked(revocations, REVOCATION_USER, identity->user);
        const struct subject *all = find_subject_locked(revocations, REVOCATION_ISSUED_BEFORE, "");
        match = (user != NULL && issued_s <= user->before_s) || (all != NULL && issued_s < all->before_s) ||
                (identity->token_id[0] != '\0' &&
                 find_subject_locked(revocations, REVOCATION_TOKEN, identity->token_id) != NULL);
    }
    rwlock_read_end(&revocations->lock);
    return match;
}
