#define _GNU_SOURCE /* RTLD_NEXT */
/*
 * jwks_probe - what test_jwks.py asks of auth/jwks: a line of standard input is a command, a line of standard output the answer.
 *
 *     set [URL ISSUER CA_FILE TTL_MS COOLDOWN_MS MAX_AGE_MS]...   the sources from now on; "-" is ""
 *     keys                                                       the ids of all keys
 *     miss KEY_ID COUNT                                          so many tokens name that key: how many are told to wait
 *     state                                                      of each source: keys, failures, error
 *     stop                                                       ends; how many milliseconds that took
 *
 * The name "hangs.test" is looked up for ever.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/jwks.h"
#include "logging/clock.h"

#define SOURCES_MAX 16
#define LINE_MAX_   65536

static struct jwks *jwks;
static struct log *events;

typedef int look_up(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result);

/* In front of libc's, for libcurl. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): libc's are reserved names */
__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service,
                                                       const struct addrinfo *hints, struct addrinfo **result)
{
    union {
        void *object;
        look_up *function;
    } real = {.object = dlsym(RTLD_NEXT, "getaddrinfo")};
    while (node != NULL && strcmp(node, "hangs.test") == 0) {
        (void)pause();
    }
    return real.object != NULL ? real.function(node, service, hints, result) : EAI_SYSTEM;
}

static const char *word(char **rest)
{
    const char *next = strtok_r(NULL, " \n", rest);
    return next == NULL ? NULL : strcmp(next, "-") == 0 ? "" : next;
}

static uint32_t number(char **rest)
{
    const char *text = word(rest);
    return text == NULL ? 0 : (uint32_t)strtoul(text, NULL, 10);
}

static void set(char **rest)
{
    struct jwks_source sources[SOURCES_MAX];
    size_t count = 0;
    const char *url;
    while (count < SOURCES_MAX && (url = word(rest)) != NULL) {
        struct jwks_source *source = &sources[count++];
        *source = (struct jwks_source){.url = url, .audience = ""};
        source->issuer = word(rest);
        source->ca_file = word(rest);
        source->ttl_ms = number(rest);
        source->cooldown_ms = number(rest);
        source->max_age_ms = number(rest);
    }
    if (jwks == NULL) {
        jwks = jwks_start(sources, count, events);
        puts(jwks != NULL ? "ok" : "failed");
    } else {
        puts(jwks_configure(jwks, sources, count) ? "ok" : "failed");
    }
}

static void keys(void)
{
    struct keyring *ring = jwks_keys(jwks);
    for (size_t i = 0; i < keyring_count(ring); i++) {
        const struct key *key = keyring_key(ring, i);
        printf("%s%s/%s", i == 0 ? "" : " ", key_id(key), key_issuer(key));
    }
    puts("");
    keyring_unref(&ring);
}

static void miss(char **rest)
{
    const char *key_id = word(rest);
    const uint32_t count = number(rest);
    uint32_t waits = 0;
    for (uint32_t i = 0; key_id != NULL && i < count; i++) {
        waits += jwks_miss(jwks, key_id) ? 1 : 0;
    }
    printf("%u\n", (unsigned)waits);
}

static void print_state(void *context, const struct jwks_state *state)
{
    (void)context;
    printf("%zu %llu %d %s;", state->key_count, (unsigned long long)state->failures, state->fetched_s > 0,
           state->error);
}

int main(void)
{
    static char line[LINE_MAX_];
    char error[256] = "";
    const struct log_config config = {.level = LOG_INFO, .format = LOG_TEXT, .file = "events.log"};
    if (!jwks_prepare_process() || (events = log_open(&config, error, sizeof(error))) == NULL) {
        fprintf(stderr, "%s\n", error);
        return EXIT_FAILURE;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        char *rest = NULL;
        const char *command = strtok_r(line, " \n", &rest);
        if (command == NULL || strcmp(command, "stop") == 0) {
            break;
        }
        if (strcmp(command, "set") == 0) {
            set(&rest);
        } else if (strcmp(command, "keys") == 0) {
            keys();
        } else if (strcmp(command, "miss") == 0) {
            miss(&rest);
        } else if (strcmp(command, "state") == 0) {
            jwks_describe(jwks, print_state, NULL);
            puts("");
        }
    }
    const int64_t before_ms = clock_monotonic_ms();
    jwks_stop(&jwks);
    printf("%lld\n", (long long)(clock_monotonic_ms() - before_ms));
    log_close(&events, 2000);
    return EXIT_SUCCESS;
}
