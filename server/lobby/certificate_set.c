/*
 * certificate_set - a sorted array of names; see certificate_set.h. Loaded on the main thread, read by the lobby threads.
 */
#include "server/lobby/certificate_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/lobby/server_name.h"

#define LINE_SIZE 1024

struct entry {
    const char *name; /* a certificate's */
    struct certificate_choice choice;
};

struct certificate_set {
    struct certificate *certificates;
    size_t count;
    struct entry *entries; /* sorted by name, each once */
    size_t entry_count;
    struct certificate_choice fallback;
};

/* ---- names ---- */

static int compare_entries(const void *a, const void *b)
{
    const struct entry *one = a;
    const struct entry *other = b;
    return strcmp(one->name, other->name);
}

static int compare_name(const void *name, const void *entry)
{
    return strcmp(name, ((const struct entry *)entry)->name);
}

static const struct certificate_choice *find(const struct certificate_set *set, const char *name)
{
    const struct entry *entry = bsearch(name, set->entries, set->entry_count, sizeof(*set->entries), compare_name);
    return entry != NULL ? &entry->choice : NULL;
}

/* Of two with the same name and kind that which stands first in the config, whatever order sorting left them in: the array of
 * certificates has that order. `taken_r` is the one that has to give way, or NULL. */
static void merge(struct certificate_choice *into, const struct certificate_choice *from,
                  const struct certificate **taken_r)
{
    *taken_r = NULL;
    for (int i = 0; i < CERTIFICATE_KINDS; i++) {
        if (from->of[i] == NULL || from->of[i] == into->of[i]) {
            continue;
        }
        *taken_r = from->of[i];
        if (into->of[i] == NULL || from->of[i] < into->of[i]) {
            *taken_r = into->of[i];
            into->of[i] = from->of[i];
        }
    }
}

static void warn_taken(const char *name, const struct certificate *taken, const struct certificate_choice *choice,
                       config_report_fn *report, void *context)
{
    char line[LINE_SIZE];
    (void)snprintf(line, sizeof(line), "%.350s: %s is served with the certificate of %.350s", taken->file, name,
                   choice->of[taken->kind]->file);
    report(context, false, line);
}

/* Sorts, and makes one entry of those with the same name. */
static void join_entries(struct certificate_set *set, config_report_fn *report, void *context)
{
    size_t kept = 0;
    qsort(set->entries, set->entry_count, sizeof(*set->entries), compare_entries);
    for (size_t i = 1; i < set->entry_count; i++) {
        struct entry *last = &set->entries[kept];
        const struct certificate *taken = NULL;
        if (strcmp(last->name, set->entries[i].name) != 0) {
            set->entries[++kept] = set->entries[i];
            continue;
        }
        merge(&last->choice, &set->entries[i].choice, &taken);
        if (taken != NULL) {
            warn_taken(last->name, taken, &last->choice, report, context);
        }
    }
    set->entry_count = set->entry_count > 0 ? kept + 1 : 0;
}

static bool make_entries(struct certificate_set *set, config_report_fn *report, void *context)
{
    size_t names = 0;
    for (size_t i = 0; i < set->count; i++) {
        names += set->certificates[i].name_count; /* CERTIFICATE_NAMES_MAX each */
    }
    if (names > CERTIFICATE_SET_NAMES_MAX) {
        report(context, true, "tls: the certificates have too many names");
        return false;
    }
    set->entries = calloc(names + 1, sizeof(*set->entries));
    if (set->entries == NULL) {
        report(context, true, "tls: no memory for the names of the certificates");
        return false;
    }
    for (size_t i = 0; i < set->count; i++) {
        const struct certificate *certificate = &set->certificates[i];
        for (size_t j = 0; j < certificate->name_count; j++) {
            struct entry *entry = &set->entries[set->entry_count++];
            entry->name = certificate->names[j];
            entry->choice.of[certificate->kind] = certificate;
        }
    }
    join_entries(set, report, context);
    return true;
}

static void choose_fallback(struct certificate_set *set)
{
    const struct certificate *first = &set->certificates[0];
    const struct certificate_choice *shared = first->name_count > 0 ? find(set, first->names[0]) : NULL;
    if (shared != NULL) {
        set->fallback = *shared;
    }
    set->fallback.of[first->kind] = first;
}

/* ---- life ---- */

/* Number `index`: 0 is the default one. All are tried, so that all errors are told at once. */
static bool load_one(struct certificate_set *set, const struct config *config, size_t index, config_report_fn *report,
                     void *context)
{
    const char *certificate = config->tls.certificate;
    const char *key = config->tls.key;
    char error[CERTIFICATE_ERROR_SIZE];
    if (index > 0) {
        certificate = config->tls.certificates[index - 1].certificate;
        key = config->tls.certificates[index - 1].key;
    }
    if (!certificate_load(certificate, key, &set->certificates[set->count], error)) {
        report(context, true, error);
        return false;
    }
    if (index > 0 && set->certificates[set->count].name_count == 0) {
        (void)snprintf(error, sizeof(error), "%.400s: not used: it has no DNS name that a client could ask for",
                       certificate);
        report(context, false, error);
    }
    set->count++;
    return true;
}

struct certificate_set *certificate_set_load(const struct config *config, config_report_fn *report, void *context)
{
    size_t count = config->tls.certificate_count + 1;
    struct certificate_set *set = calloc(1, sizeof(*set));
    bool good = set != NULL && (set->certificates = calloc(count, sizeof(*set->certificates))) != NULL;
    if (!good) {
        report(context, true, "tls: no memory for the certificates");
    }
    for (size_t i = 0; set != NULL && set->certificates != NULL && i < count; i++) {
        good = load_one(set, config, i, report, context) && good;
    }
    if (!good || !make_entries(set, report, context)) {
        certificate_set_destroy(&set);
        return NULL;
    }
    choose_fallback(set);
    return set;
}

void certificate_set_destroy(struct certificate_set **set_pointer)
{
    struct certificate_set *set = *set_pointer;
    if (set == NULL) {
        return;
    }
    *set_pointer = NULL;
    for (size_t i = 0; i < set->count; i++) {
        certificate_deinit(&set->certificates[i]);
    }
    free(set->certificates);
    free(set->entries);
    free(set);
}

/* ---- looking up ---- */

const struct certificate_choice *certificate_set_find(const struct certificate_set *set, const char *name)
{
    char pattern[SERVER_NAME_SIZE];
    const struct certificate_choice *choice = find(set, name);
    if (choice == NULL && server_name_wildcard(name, pattern)) {
        choice = find(set, pattern);
    }
    return choice;
}

const struct certificate_choice *certificate_set_default(const struct certificate_set *set)
{
    return &set->fallback;
}

size_t certificate_set_count(const struct certificate_set *set)
{
    return set->count;
}

const struct certificate *certificate_set_at(const struct certificate_set *set, size_t index)
{
    return &set->certificates[index];
}
