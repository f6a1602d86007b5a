/*
 * jws_probe - the JWS layer for test_tokens_foreign.py. Each line of its input is one request, words separated by tabs; each
 * gets a line of output.
 *
 *     verify ALGORITHM KEY-FILE TOKEN        good, wrong signature, or why it is no token
 *     sign ALGORITHM KEY-FILE PAYLOAD        the token
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/jws.h"
#include "auth/secret.h"

#define LINE_MAX_SIZE (2 * JWS_TOKEN_MAX)

static struct key *load(const char *algorithm_text, const char *file)
{
    struct key_setup setup = {.id = "", .issuer = "", .audience = ""};
    struct secret secret = {NULL, 0};
    struct key *key = NULL;
    if (!algorithm_find(algorithm_text, strlen(algorithm_text), &setup.algorithm) ||
        secret_load(file, LINE_MAX_SIZE, &secret) != SECRET_OK) {
        fprintf(stderr, "%s: no such algorithm, or no such file: %s\n", algorithm_text, file);
        exit(EXIT_FAILURE);
    }
    const enum key_status status = algorithm_family(setup.algorithm) == ALGORITHM_HMAC
                                       ? key_from_secret(&setup, secret.bytes, secret.size, &key)
                                       : key_from_pem(&setup, secret.bytes, secret.size, &key);
    secret_free(&secret);
    if (status != KEY_OK) {
        fprintf(stderr, "%s %s\n", file, key_status_text(status));
        exit(EXIT_FAILURE);
    }
    return key;
}

static void verify(const struct key *key, const char *token)
{
    struct jws jws;
    const enum jws_status status = jws_parse(token, strlen(token), &jws);
    if (status != JWS_OK) {
        puts(jws_status_text(status));
        return;
    }
    puts(jws_verify(&jws, key) ? "good" : "wrong signature");
    jws_free(&jws);
}

static void sign(const struct key *key, const char *payload)
{
    char *token = jws_sign(key, (const uint8_t *)payload, strlen(payload));
    puts(token == NULL ? "cannot sign" : token);
    free(token);
}

int main(void)
{
    static char line[LINE_MAX_SIZE];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        char *rest = NULL;
        line[strcspn(line, "\n")] = '\0';
        const char *command = strtok_r(line, "\t", &rest);
        const char *algorithm = strtok_r(NULL, "\t", &rest);
        const char *file = strtok_r(NULL, "\t", &rest);
        if (command == NULL || algorithm == NULL || file == NULL) {
            fprintf(stderr, "not a request\n");
            return EXIT_FAILURE;
        }
        struct key *key = load(algorithm, file);
        if (strcmp(command, "sign") == 0) {
            sign(key, rest);
        } else {
            verify(key, rest);
        }
        key_unref(&key);
    }
    return EXIT_SUCCESS;
}
