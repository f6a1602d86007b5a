/*
 * token_inspect - says what the server would decide about a token, and why. Called by token.c.
 */
#define _DEFAULT_SOURCE /* explicit_bzero */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auth/base64url.h"
#include "auth/jws.h"
#include "auth/token.h"
#include "server/ctl/command.h"
#include "server/ctl/token.h"

/* Standard input, up to one byte more than a token may have, and without the line's end. To be freed. NULL: reported. */
static char *read_input(size_t *size_r)
{
    const size_t room = JWS_TOKEN_MAX + sizeof("\r\n");
    char *text = malloc(room + 1);
    size_t size = 0;
    ssize_t got = 1;
    while (text != NULL && size < room && got != 0) {
        got = read(STDIN_FILENO, text + size, room - size);
        if (got < 0 && errno != EINTR) {
            ctl_error("standard input: %s", strerror(errno));
            free(text);
            return NULL;
        }
        size += got > 0 ? (size_t)got : 0;
    }
    if (text == NULL) {
        ctl_error("no memory");
        return NULL;
    }
    size -= size > 0 && text[size - 1] == '\n';
    size -= size > 0 && text[size - 1] == '\r';
    text[size] = '\0';
    *size_r = size;
    return text;
}

/* One of the first two parts, whatever is in it, as far as it can be read at all. */
static void print_part(const char *label, const char *part, size_t size)
{
    char *text = calloc(1, base64url_decoded_size(size) + 1);
    printf("%-12s", label);
    if (text == NULL || !base64url_decode(part, size, (uint8_t *)text)) {
        fputs("(not base64url)", stdout);
    } else {
        ctl_print_escaped(text);
    }
    putchar('\n');
    free(text);
}

/* Header and payload as they claim to be. The signature is left out: with it, the output would be a token. */
static void print_parts(const char *token, size_t size)
{
    const char *first = memchr(token, '.', size);
    const char *second = first == NULL ? NULL : memchr(first + 1, '.', size - (size_t)(first + 1 - token));
    if (second != NULL && size <= JWS_TOKEN_MAX) {
        print_part("header", token, (size_t)(first - token));
        print_part("payload", first + 1, (size_t)(second - first - 1));
    }
}

static void print_step(void *context, const char *check, bool passed, const char *detail)
{
    (void)context;
    printf("%-5s %-13s", passed ? "ok" : "FAIL", check);
    ctl_print_escaped(detail);
    putchar('\n');
}

static void print_identity(const struct identity *identity, int64_t now_s)
{
    printf("accepted: user ");
    ctl_print_escaped(identity->user);
    if (identity->expires_at_s == IDENTITY_FOREVER) {
        printf(", for ever\n");
    } else {
        printf(", for %" PRId64 " s\n", identity->expires_at_s - now_s);
    }
}

/* Whether a key that is not in the config may be in one of its key sets. */
static bool is_open(const struct config *config, enum token_verdict verdict)
{
    return verdict == TOKEN_KEY_UNKNOWN_VERDICT && config->auth.jwks_count > 0;
}

static int inspect(const struct config *config, const char *token, size_t size)
{
    const struct token_context context = {0};
    const int64_t now_s = (int64_t)time(NULL);
    struct identity *identity = NULL;
    print_parts(token, size);
    const enum token_verdict verdict =
        token_explain(&config->auth.policy, &context, token, size, now_s, print_step, NULL, &identity);
    if (verdict == TOKEN_OK_VERDICT) {
        print_identity(identity, now_s);
    } else if (is_open(config, verdict)) {
        printf("undecided: the server looks for the key in its key sets (auth.jwks) too, which are not fetched here\n");
    } else {
        printf("refused: %s: %s\n", token_verdict_label(verdict), token_verdict_sentence(verdict));
    }
    identity_free(&identity);
    return verdict == TOKEN_OK_VERDICT ? CTL_DONE : is_open(config, verdict) ? CTL_USAGE : CTL_FAILED;
}

int ctl_token_inspect(const struct config *config, const char *token)
{
    if (strcmp(token, "-") != 0) {
        return inspect(config, token, strlen(token));
    }
    size_t size = 0;
    char *input = read_input(&size);
    if (input == NULL) {
        return CTL_USAGE;
    }
    const int status = inspect(config, input, size);
    explicit_bzero(input, size);
    free(input);
    return status;
}
