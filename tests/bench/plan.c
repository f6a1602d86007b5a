/*
 * Builds the bytes that the load sends and knows those it expects. plan_make() runs in the main thread; the two
 * pure functions in any.
 */
#include "tests/bench/plan.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One nonce for all handshakes, so that its answer is a constant too. It is the example of RFC 6455 §1.3. */
static const char nonce[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char nonce_answer[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

#define FRAME_HEADER_MAX 14
#define FRAME_SPARE      15           /* frames beyond a batch, so that batches begin with different keys */
#define FRAME_SPARE_MAX  (256 * 1024) /* bytes of them: the pool of small frames shall stay in the cache */
#define REQUEST_MAX      8192

static bool append(struct plan *plan, const char *text)
{
    size_t size = strlen(text);

    if (size > REQUEST_MAX - plan->request_size) {
        fprintf(stderr, "wsload: the request exceeds %d bytes\n", REQUEST_MAX);
        return false;
    }
    memcpy(plan->request + plan->request_size, text, size);
    plan->request_size += size;
    return true;
}

static bool make_request(struct plan *plan)
{
    const struct options *options = plan->options;
    bool is_ipv6 = strchr(options->host, ':') != NULL;
    const char *const parts[] = {
        "GET ",
        options->path,
        " HTTP/1.1\r\nHost: ",
        is_ipv6 ? "[" : "",
        options->host,
        is_ipv6 ? "]:" : ":",
        options->port,
        "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ",
        nonce,
        "\r\n"};

    plan->request = malloc(REQUEST_MAX);
    if (plan->request == NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (!append(plan, parts[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < options->header_count; i++) {
        if (!append(plan, options->headers[i]) || !append(plan, "\r\n")) {
            return false;
        }
    }
    return append(plan, "\r\n");
}

/* Printable, not the same byte throughout, so that a reply that lost or moved bytes is found out. */
static bool make_expected(struct plan *plan)
{
    static const char pattern[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
    const char *prefix = plan->options->binary ? "" : plan->options->reply_prefix;
    size_t prefix_size = strlen(prefix);

    plan->expected_size = prefix_size + plan->options->size;
    plan->expected = malloc(plan->expected_size + 1);
    if (plan->expected == NULL) {
        return false;
    }
    memcpy(plan->expected, prefix, prefix_size);
    for (size_t i = 0; i < plan->options->size; i++) {
        plan->expected[prefix_size + i] = (uint8_t)pattern[i % (sizeof pattern - 1)];
    }
    return true;
}

size_t plan_write_frame(uint8_t *out, uint8_t opcode, const uint8_t key[4], const uint8_t *payload, size_t size)
{
    size_t at = 0;
    unsigned length_size = size < 126 ? 0 : size <= UINT16_MAX ? 2 : 8;

    out[at++] = 0x80 | opcode;
    out[at++] = 0x80 | (uint8_t)(length_size == 0 ? size : length_size == 2 ? 126 : 127);
    for (unsigned i = length_size; i > 0; i--) {
        out[at++] = (uint8_t)((uint64_t)size >> (8 * (i - 1)));
    }
    memcpy(out + at, key, 4);
    at += 4;
    for (size_t i = 0; i < size; i++) {
        out[at + i] = payload[i] ^ key[i % 4];
    }
    return at + size;
}

static bool make_frames(struct plan *plan)
{
    const struct options *options = plan->options;
    const uint8_t opcode = options->binary ? 0x2 : 0x1;
    const uint8_t *payload = plan->expected + (plan->expected_size - options->size);
    uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};

    size_t frame_max = (size_t)options->size + FRAME_HEADER_MAX;
    size_t spare = FRAME_SPARE_MAX / frame_max;
    plan->frame_count = options->pipeline + (spare < FRAME_SPARE ? spare : FRAME_SPARE);
    plan->frames = malloc(plan->frame_count * frame_max);
    if (plan->frames == NULL) {
        return false;
    }
    for (size_t i = 0; i < plan->frame_count; i++) {
        if (!options->fixed_mask && RAND_bytes(key, sizeof key) != 1) {
            return false;
        }
        /* The same payload makes every frame the same size. */
        plan->frame_size = plan_write_frame(plan->frames + i * plan->frame_size, opcode, key, payload, options->size);
    }
    return true;
}

bool plan_make(const struct options *options, struct plan *plan)
{
    *plan = (struct plan){.options = options};
    if (!link_target_make(options, &plan->target)) {
        return false;
    }
    if (!make_request(plan) || !make_expected(plan) || !make_frames(plan)) {
        fprintf(stderr, "wsload: cannot build the messages\n");
        return false;
    }
    return true;
}

void plan_free(struct plan *plan)
{
    link_target_free(&plan->target);
    free(plan->request);
    free(plan->expected);
    free(plan->frames);
    *plan = (struct plan){0};
}

/* Whether a line (without its end) is the header that accepts our nonce. */
static bool is_accept(const char *line, size_t size)
{
    static const char name[] = "Sec-WebSocket-Accept:";

    if (size < sizeof name - 1 || strncasecmp(line, name, sizeof name - 1) != 0) {
        return false;
    }
    line += sizeof name - 1;
    size -= sizeof name - 1;
    while (size > 0 && (*line == ' ' || *line == '\t')) {
        line++;
        size--;
    }
    while (size > 0 && (line[size - 1] == ' ' || line[size - 1] == '\t')) {
        size--;
    }
    return size == sizeof nonce_answer - 1 && memcmp(line, nonce_answer, size) == 0;
}

/* The size of a line up to its CRLF, or -1 when there is none. */
static ptrdiff_t line_size(const char *line, size_t size)
{
    const char *end = memchr(line, '\n', size);

    return end != NULL && end > line && end[-1] == '\r' ? end - 1 - line : -1;
}

enum plan_head plan_read_head(const uint8_t *bytes, size_t size, size_t *head_size_r)
{
    static const char status[] = "HTTP/1.1 101 ";
    const char *text = (const char *)bytes;
    bool accepted = false;
    size_t at = 0;

    for (;;) {
        ptrdiff_t line = line_size(text + at, size - at);
        if (line < 0) {
            return size < PLAN_HEAD_MAX ? PLAN_HEAD_SHORT : PLAN_HEAD_REFUSED;
        }
        if (at == 0 && ((size_t)line < sizeof status - 1 || memcmp(text, status, sizeof status - 1) != 0)) {
            return PLAN_HEAD_REFUSED;
        }
        accepted = accepted || is_accept(text + at, (size_t)line);
        at += (size_t)line + 2;
        if (line == 0) {
            break;
        }
    }
    if (!accepted) {
        return PLAN_HEAD_REFUSED;
    }
    *head_size_r = at;
    return PLAN_HEAD_UPGRADED;
}
