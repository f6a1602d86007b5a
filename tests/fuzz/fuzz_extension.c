/*
 * fuzz_extension - any value of Sec-WebSocket-Extensions: what is agreed upon is what is answered, within the policy and the
 * offer, and the answer is itself an offer that leads to the same again.
 *
 * Input: two bytes that choose the policy, the value.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ws/extension.h"

#define REQUIRE(condition)                                                  \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                        \
        }                                                                   \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_agreed(const char *offers, const struct extension_policy *policy,
                         const struct extension_agreed *agreed, const char *answer)
{
    REQUIRE(policy->enabled);
    REQUIRE(strstr(offers, "permessage-deflate") != NULL);
    REQUIRE(strncmp(answer, "permessage-deflate", 18) == 0);
    REQUIRE(policy->server_takeover || !agreed->server_takeover);
    REQUIRE(policy->client_takeover || !agreed->client_takeover);
    REQUIRE(agreed->server_takeover == (strstr(answer, "server_no_context_takeover") == NULL));
    REQUIRE(agreed->client_takeover == (strstr(answer, "client_no_context_takeover") == NULL));
    REQUIRE(agreed->server_window_bits >= 8 && agreed->server_window_bits <= policy->server_window_bits);
    REQUIRE(agreed->client_window_bits >= 8 && agreed->client_window_bits <= 15);
    REQUIRE(agreed->client_window_bits <= policy->client_window_bits || !agreed->client_takeover);
    if (strstr(answer, "client_max_window_bits") != NULL) {
        REQUIRE(strstr(offers, "client_max_window_bits") != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    const struct extension_policy policy = {.enabled = (data[0] & 1) == 0,
                                            .server_takeover = (data[0] & 2) != 0,
                                            .client_takeover = (data[0] & 4) != 0,
                                            .server_window_bits = (uint8_t)(8 + data[1] % 8),
                                            .client_window_bits = (uint8_t)(8 + data[1] / 8 % 8)};
    char *offers = malloc(size - 1);
    REQUIRE(offers != NULL);
    memcpy(offers, data + 2, size - 2);
    offers[size - 2] = '\0';
    struct extension_agreed agreed;
    char answer[EXTENSION_ANSWER_SIZE];
    if (extension_negotiate(offers, &policy, &agreed, answer)) {
        REQUIRE(agreed.deflate == (answer[0] != '\0'));
        if (agreed.deflate) {
            struct extension_agreed again;
            char next[EXTENSION_ANSWER_SIZE];
            check_agreed(offers, &policy, &agreed, answer);
            const char *offer = answer; /* is an offer that can be agreed upon as it is */
            REQUIRE(extension_negotiate(offer, &policy, &again, next));
            REQUIRE(again.deflate && strcmp(next, answer) == 0);
        }
    }
    free(offers);
    return 0;
}
