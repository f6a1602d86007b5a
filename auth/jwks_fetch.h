/*
 * jwks_fetch - HTTPS requests that bring a key set or fail, within JWKS_TIMEOUT_MS and JWKS_SIZE_MAX whatever the server does, any
 * number at the same time. One thread, but for jwks_fetcher_wake().
 */
#ifndef PORTCULLIS_AUTH_JWKS_FETCH_H
#define PORTCULLIS_AUTH_JWKS_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct jwks_fetcher;
struct jwks_fetch;

/* What came of one. */
struct jwks_answer {
    void *context;
    const uint8_t *bytes; /* when `error` is "" */
    size_t size;
    const char *error;
};

struct jwks_fetcher *jwks_fetcher_create(void); /* NULL without memory or descriptors */
/* All fetches have been given back. */
void jwks_fetcher_destroy(struct jwks_fetcher **fetcher);

/* Begins one. `context` is for the answer. `ca_file`: "" for the system's authorities. NULL without memory. */
struct jwks_fetch *jwks_fetch_begin(struct jwks_fetcher *fetcher, const char *url, const char *ca_file, void *context);
/* Gives it back, over or not, without waiting. */
void jwks_fetch_end(struct jwks_fetcher *fetcher, struct jwks_fetch **fetch);

/* Waits until something happens, it is woken, or the time is over; then answers what is over by now. The function may end
 * fetches, the one answered first of all, and begin others. */
void jwks_fetcher_run(struct jwks_fetcher *fetcher, int timeout_ms,
                      void (*answer)(void *context, const struct jwks_answer *answer), void *context);
/* Any thread. */
void jwks_fetcher_wake(struct jwks_fetcher *fetcher);

#endif
