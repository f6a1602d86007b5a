/*
 * extension - parses the client's offers and agrees to one of them. Called by the workers that decide requests; any
 * thread.
 *
 *   extensions = 1#( token *( ";" token [ "=" ( token / quoted-string ) ] ) )
 *
 * with white space between any two of these (the implied *LWS of RFC 2616 §2.1, which RFC 6455 §9.1 refers to), and
 * empty elements of the list skipped, as in every list of RFC 9110 §5.6.1.2.
 */
#include "server/ws/extension.h"

#include <stdio.h>
#include <string.h>

#define DEFLATE_NAME "permessage-deflate"

/* Part of the value. */
struct span {
    const char *text;
    size_t size;
};

struct parameter {
    struct span name;
    struct span value; /* of a quoted-string, what is between the quotes; size 0: no value */
};

/* RFC 7692 §7.1; also the bits of `seen`. */
enum known_parameter {
    SERVER_NO_TAKEOVER = 1,
    CLIENT_NO_TAKEOVER = 2,
    SERVER_WINDOW = 4,
    CLIENT_WINDOW = 8,
};

static const struct {
    const char *name;
    enum known_parameter parameter;
} known_parameters[] = {
    {"server_no_context_takeover", SERVER_NO_TAKEOVER},
    {"client_no_context_takeover", CLIENT_NO_TAKEOVER},
    {"server_max_window_bits", SERVER_WINDOW},
    {"client_max_window_bits", CLIENT_WINDOW},
};

/* One element of the list, as far as it matters for permessage-deflate. */
struct offer {
    bool declined;
    unsigned seen; /* enum known_parameter */
    uint8_t server_window_bits;
    uint8_t client_window_bits; /* 0: offered without a value */
};

/* ---- RFC 6455 §9.1 ---- */

static void skip_white(const char **at)
{
    *at += strspn(*at, " \t");
}

/* RFC 9110 §5.6.2, and RFC 2616 §2.2, which says the same. */
static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool take_token(const char **at, struct span *token_r)
{
    const char *start = *at;
    while (is_token_char(**at)) {
        (*at)++;
    }
    *token_r = (struct span){start, (size_t)(*at - start)};
    return *at > start;
}

/* Behind the opening quote. What it stands for must be a token, so that all there is to check is its characters, each of
 * which may have a backslash in front. */
static bool take_quoted(const char **at, struct span *value_r)
{
    const char *start = *at;
    for (; **at != '"'; (*at)++) {
        if (**at == '\\') {
            (*at)++;
        }
        if (!is_token_char(**at)) {
            return false;
        }
    }
    *value_r = (struct span){start, (size_t)(*at - start)};
    (*at)++;
    return value_r->size > 0;
}

/* Behind the ";". */
static bool take_parameter(const char **at, struct parameter *parameter_r)
{
    skip_white(at);
    if (!take_token(at, &parameter_r->name)) {
        return false;
    }
    parameter_r->value = (struct span){NULL, 0};
    skip_white(at);
    if (**at != '=') {
        return true;
    }
    (*at)++;
    skip_white(at);
    bool good;
    if (**at == '"') {
        (*at)++;
        good = take_quoted(at, &parameter_r->value);
    } else {
        good = take_token(at, &parameter_r->value);
    }
    skip_white(at);
    return good;
}

/* ---- RFC 7692 §7.1 ---- */

static bool span_is(struct span span, const char *text)
{
    return span.size == strlen(text) && memcmp(span.text, text, span.size) == 0;
}

/* 8 to 15 in decimal without leading zeros (§7.1.2); 0 for anything else. */
static uint8_t window_bits(struct span value)
{
    unsigned bits = 0;
    for (size_t i = 0; i < value.size; i++) {
        char c = value.text[i];
        if (c == '\\') {
            continue; /* a token has none, so it quotes the next */
        }
        if (c < '0' || c > '9' || (c == '0' && bits == 0)) {
            return 0;
        }
        bits = bits * 10 + (unsigned)(c - '0');
        if (bits > EXTENSION_WINDOW_BITS_MAX) {
            return 0;
        }
    }
    return bits >= EXTENSION_WINDOW_BITS_MIN ? (uint8_t)bits : 0;
}

/* The parameter of that name; 0 when there is none. */
static unsigned find_parameter(struct span name)
{
    for (size_t i = 0; i < sizeof(known_parameters) / sizeof(known_parameters[0]); i++) {
        if (span_is(name, known_parameters[i].name)) {
            return known_parameters[i].parameter;
        }
    }
    return 0;
}

static void note_parameter(struct offer *offer, const struct parameter *parameter)
{
    unsigned known = find_parameter(parameter->name);
    bool has_value = parameter->value.size > 0;
    uint8_t bits = window_bits(parameter->value);
    bool good = known != 0 && (offer->seen & known) == 0;
    switch (known) {
    case SERVER_WINDOW:
        good = good && bits != 0;
        offer->server_window_bits = bits;
        break;
    case CLIENT_WINDOW:
        good = good && (bits != 0 || !has_value);
        offer->client_window_bits = bits;
        break;
    default:
        good = good && !has_value;
        break;
    }
    offer->seen |= known;
    offer->declined = offer->declined || !good;
}

/* One element, which is not empty. */
static bool take_offer(const char **at, struct offer *offer_r)
{
    struct offer offer = {0};
    struct span name;
    if (!take_token(at, &name)) {
        return false;
    }
    offer.declined = !span_is(name, DEFLATE_NAME);
    skip_white(at);
    for (unsigned count = 0; **at == ';'; count++) {
        struct parameter parameter;
        (*at)++;
        if (count == EXTENSION_PARAMETER_MAX || !take_parameter(at, &parameter)) {
            return false;
        }
        note_parameter(&offer, &parameter);
    }
    *offer_r = offer;
    return true;
}

static uint8_t smaller(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

static struct extension_agreed agree(const struct offer *offer, const struct extension_policy *policy)
{
    struct extension_agreed agreed = {
        .deflate = true,
        .server_takeover = policy->server_takeover && (offer->seen & SERVER_NO_TAKEOVER) == 0,
        .client_takeover = policy->client_takeover && (offer->seen & CLIENT_NO_TAKEOVER) == 0,
        .server_window_bits = policy->server_window_bits,
        .client_window_bits = EXTENSION_WINDOW_BITS_MAX,
    };
    if ((offer->seen & SERVER_WINDOW) != 0) {
        agreed.server_window_bits = smaller(agreed.server_window_bits, offer->server_window_bits);
    }
    if ((offer->seen & CLIENT_WINDOW) != 0) {
        agreed.client_window_bits = policy->client_window_bits;
        if (offer->client_window_bits != 0) {
            agreed.client_window_bits = smaller(agreed.client_window_bits, offer->client_window_bits);
        }
    } else if (policy->client_window_bits < EXTENSION_WINDOW_BITS_MAX) {
        /* This client must not be told a window (§7.1.2.2), so it would have the largest for the whole session: more
         * memory than the config allows. It can be told not to keep it. */
        agreed.client_takeover = false;
    }
    return agreed;
}

/* §7.1.1 and §7.1.2 let a server say all of this unasked, but for client_max_window_bits, which `agreed` has below 15 only
 * when it was offered. server_max_window_bits is said whenever it was offered, which is how it is accepted. */
static void write_answer(const struct extension_agreed *agreed, bool server_window_offered,
                         char answer[EXTENSION_ANSWER_SIZE])
{
    char server_window[32] = "";
    char client_window[32] = "";
    if (server_window_offered || agreed->server_window_bits < EXTENSION_WINDOW_BITS_MAX) {
        (void)snprintf(server_window, sizeof(server_window), "; server_max_window_bits=%u",
                       (unsigned)agreed->server_window_bits);
    }
    if (agreed->client_window_bits < EXTENSION_WINDOW_BITS_MAX) {
        (void)snprintf(client_window, sizeof(client_window), "; client_max_window_bits=%u",
                       (unsigned)agreed->client_window_bits);
    }
    (void)snprintf(answer, EXTENSION_ANSWER_SIZE, DEFLATE_NAME "%s%s%s%s",
                   agreed->server_takeover ? "" : "; server_no_context_takeover",
                   agreed->client_takeover ? "" : "; client_no_context_takeover", server_window, client_window);
}

bool extension_negotiate(const char *offers, const struct extension_policy *policy, struct extension_agreed *agreed_r,
                         char answer[EXTENSION_ANSWER_SIZE])
{
    struct extension_agreed agreed = {0};
    bool server_window_offered = false;
    bool empty = offers != NULL;
    const char *at = offers != NULL ? offers : "";
    unsigned count = 0;
    skip_white(&at);
    while (*at != '\0') {
        struct offer offer = {.declined = true};
        if (*at != ',') {
            if (!take_offer(&at, &offer)) {
                return false;
            }
            empty = false;
        }
        if (policy->enabled && !agreed.deflate && !offer.declined) {
            agreed = agree(&offer, policy);
            server_window_offered = (offer.seen & SERVER_WINDOW) != 0;
        }
        count++;
        if (count > EXTENSION_OFFER_MAX || (*at != ',' && *at != '\0')) {
            return false;
        }
        at += *at == ',' ? 1 : 0;
        skip_white(&at);
    }
    if (empty) {
        return false; /* a list of nothing */
    }
    answer[0] = '\0';
    if (agreed.deflate) {
        write_answer(&agreed, server_window_offered, answer);
    }
    *agreed_r = agreed;
    return true;
}
