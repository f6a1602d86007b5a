/*
 * The command line of wsload, read with getopt_long() by main() before any thread starts.
 */
#include "tests/bench/options.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help_text[] =
    "usage: wsload --url ws[s]://HOST:PORT/PATH [options]\n"
    "  --mode echo|idle|handshake  what to measure (echo)\n"
    "  --connections N             open at once (1)\n"
    "  --threads T                 each with its own epoll (1)\n"
    "  --size BYTES                of a message (64)\n"
    "  --pipeline K                messages in flight on a connection, at most (1)\n"
    "  --rate R                    messages a second in all, sent when they are due, however slow the replies are;\n"
    "                              latency counts from then (0: the next leaves when a reply is complete)\n"
    "  --seconds S                 measured; in idle mode: how long connections are kept (5)\n"
    "  --warmup S                  before that, not measured (1)\n"
    "  --open-timeout S            for opening all connections (60)\n"
    "  --opening N                 handshakes at once in one thread (128)\n"
    "  --source-addresses M        spread over 127.0.0.2 and the following M - 1\n"
    "  --reply-prefix TEXT         that the server puts before a text\n"
    "  --header 'Name: value'      of the opening handshake; up to 8 times\n"
    "  --binary                    binary messages (text)\n"
    "  --fixed-mask                one masking key for all frames (random keys)\n"
    "  --check-all                 compare every reply (the first of each connection)\n"
    "  --resume                    TLS: resume sessions\n"
    "  --reset                     handshake mode: reset instead of a closing handshake\n"
    "  --sample N                  idle mode: connections probed at the end (100)\n"
    "  --json                      one JSON object a line\n"
    "Certificates are not verified: the load is meant for servers of one's own.\n";

enum option_id {
    OPTION_URL = 256,
    OPTION_MODE,
    OPTION_CONNECTIONS,
    OPTION_THREADS,
    OPTION_SIZE,
    OPTION_PIPELINE,
    OPTION_RATE,
    OPTION_SECONDS,
    OPTION_WARMUP,
    OPTION_OPEN_TIMEOUT,
    OPTION_OPENING,
    OPTION_SOURCE_ADDRESSES,
    OPTION_REPLY_PREFIX,
    OPTION_HEADER,
    OPTION_BINARY,
    OPTION_FIXED_MASK,
    OPTION_CHECK_ALL,
    OPTION_RESUME,
    OPTION_RESET,
    OPTION_SAMPLE,
    OPTION_JSON,
    OPTION_HELP,
};

static const struct option long_options[] = {
    {"url", required_argument, NULL, OPTION_URL},
    {"mode", required_argument, NULL, OPTION_MODE},
    {"connections", required_argument, NULL, OPTION_CONNECTIONS},
    {"threads", required_argument, NULL, OPTION_THREADS},
    {"size", required_argument, NULL, OPTION_SIZE},
    {"pipeline", required_argument, NULL, OPTION_PIPELINE},
    {"rate", required_argument, NULL, OPTION_RATE},
    {"seconds", required_argument, NULL, OPTION_SECONDS},
    {"warmup", required_argument, NULL, OPTION_WARMUP},
    {"open-timeout", required_argument, NULL, OPTION_OPEN_TIMEOUT},
    {"opening", required_argument, NULL, OPTION_OPENING},
    {"source-addresses", required_argument, NULL, OPTION_SOURCE_ADDRESSES},
    {"reply-prefix", required_argument, NULL, OPTION_REPLY_PREFIX},
    {"header", required_argument, NULL, OPTION_HEADER},
    {"binary", no_argument, NULL, OPTION_BINARY},
    {"fixed-mask", no_argument, NULL, OPTION_FIXED_MASK},
    {"check-all", no_argument, NULL, OPTION_CHECK_ALL},
    {"resume", no_argument, NULL, OPTION_RESUME},
    {"reset", no_argument, NULL, OPTION_RESET},
    {"sample", required_argument, NULL, OPTION_SAMPLE},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static bool read_number(const char *text, unsigned min, unsigned max, unsigned *value_r)
{
    char *end = NULL;

    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || value < min || value > max) {
        return false;
    }
    *value_r = (unsigned)value;
    return true;
}

static bool read_seconds(const char *text, unsigned *ms_r)
{
    const double max_s = 3600;
    char *end = NULL;

    errno = 0;
    double value = strtod(text, &end);
    if (errno != 0 || end == text || *end != '\0' || !isfinite(value) || value < 0 || value > max_s) {
        return false;
    }
    *ms_r = (unsigned)(value * 1000);
    return true;
}

static bool read_mode(const char *text, enum load_mode *mode_r)
{
    static const char *const names[] = {[LOAD_ECHO] = "echo", [LOAD_IDLE] = "idle", [LOAD_HANDSHAKE] = "handshake"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *mode_r = (enum load_mode)i;
            return true;
        }
    }
    return false;
}

/* Copies `size` bytes as a string, if it fits and holds neither spaces nor control characters. */
static bool copy_part(char *out, size_t out_size, const char *bytes, size_t size)
{
    if (size == 0 || size >= out_size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)bytes[i] <= ' ' || bytes[i] == '\x7f') {
            return false;
        }
    }
    memcpy(out, bytes, size);
    out[size] = '\0';
    return true;
}

static bool read_host(const char **text, struct options *options)
{
    const char *start = *text;
    const char *end = NULL;

    if (*start == '[') {
        start++;
        end = strchr(start, ']');
        if (end == NULL) {
            return false;
        }
        *text = end + 1;
    } else {
        end = start + strcspn(start, ":/");
        *text = end;
    }
    return copy_part(options->host, sizeof options->host, start, (size_t)(end - start));
}

bool options_read_url(const char *text, struct options *options)
{
    static const char plain[] = "ws://";
    static const char secure[] = "wss://";
    unsigned port = 0;

    if (strncmp(text, plain, sizeof plain - 1) == 0) {
        options->tls = false;
        text += sizeof plain - 1;
    } else if (strncmp(text, secure, sizeof secure - 1) == 0) {
        options->tls = true;
        text += sizeof secure - 1;
    } else {
        return false;
    }
    if (!read_host(&text, options)) {
        return false;
    }
    const char *number = options->tls ? "443" : "80";
    size_t digits = strlen(number);
    if (*text == ':') {
        number = text + 1;
        digits = strcspn(number, "/");
        text = number + digits;
    }
    const char *path = *text == '/' ? text : "/";
    return copy_part(options->port, sizeof options->port, number, digits) &&
           read_number(options->port, 1, UINT16_MAX, &port) &&
           copy_part(options->path, sizeof options->path, path, strlen(path));
}

static bool add_header(const char *text, struct options *options)
{
    if (options->header_count == OPTIONS_HEADERS_MAX || strchr(text, ':') == NULL || strpbrk(text, "\r\n") != NULL) {
        return false;
    }
    options->headers[options->header_count++] = text;
    return true;
}

static bool set_option(enum option_id id, const char *text, struct options *options)
{
    switch (id) {
    case OPTION_URL:
        return options_read_url(text, options);
    case OPTION_MODE:
        return read_mode(text, &options->mode);
    case OPTION_CONNECTIONS:
        return read_number(text, 1, 1000000, &options->connections);
    case OPTION_THREADS:
        return read_number(text, 1, 256, &options->threads);
    case OPTION_SIZE:
        return read_number(text, 0, OPTIONS_BATCH_MAX, &options->size);
    case OPTION_PIPELINE:
        return read_number(text, 1, 4096, &options->pipeline);
    case OPTION_RATE:
        return read_number(text, 0, 10000000, &options->rate);
    case OPTION_SECONDS:
        return read_seconds(text, &options->seconds_ms);
    case OPTION_WARMUP:
        return read_seconds(text, &options->warmup_ms);
    case OPTION_OPEN_TIMEOUT:
        return read_seconds(text, &options->open_timeout_ms);
    case OPTION_OPENING:
        return read_number(text, 1, 100000, &options->opening);
    case OPTION_SOURCE_ADDRESSES:
        return read_number(text, 0, 65534, &options->source_addresses);
    case OPTION_REPLY_PREFIX:
        options->reply_prefix = text;
        return true;
    case OPTION_HEADER:
        return add_header(text, options);
    case OPTION_SAMPLE:
        return read_number(text, 1, 100000, &options->sample);
    case OPTION_BINARY:
        return options->binary = true;
    case OPTION_FIXED_MASK:
        return options->fixed_mask = true;
    case OPTION_CHECK_ALL:
        return options->check_all = true;
    case OPTION_RESUME:
        return options->resume = true;
    case OPTION_RESET:
        return options->reset = true;
    case OPTION_JSON:
        return options->json = true;
    case OPTION_HELP:
        break;
    }
    return false;
}

/* What no single option can tell. */
static bool check_together(struct options *options)
{
    if (options->host[0] == '\0') {
        fprintf(stderr, "wsload: --url is missing\n");
        return false;
    }
    if (options->size > 0 && options->pipeline > OPTIONS_BATCH_MAX / options->size) {
        fprintf(stderr, "wsload: --size times --pipeline exceeds %d bytes\n", OPTIONS_BATCH_MAX);
        return false;
    }
    if (options->rate > 0 && options->mode != LOAD_ECHO) {
        fprintf(stderr, "wsload: --rate is for --mode echo\n");
        return false;
    }
    if (options->threads > options->connections) {
        options->threads = options->connections;
    }
    return true;
}

enum options_status options_parse(int argc, char **argv, struct options *options_r)
{
    struct options options = {
        .mode = LOAD_ECHO,
        .reply_prefix = "",
        .connections = 1,
        .threads = 1,
        .size = 64,
        .pipeline = 1,
        .opening = 128,
        .sample = 100,
        .seconds_ms = 5000,
        .warmup_ms = 1000,
        .open_timeout_ms = 60000,
    };

    int id = 0;
    int index = 0;
    while ((id = getopt_long(argc, argv, "", long_options, &index)) != -1) {
        if (id == OPTION_HELP) {
            fputs(help_text, stdout);
            return OPTIONS_HELP;
        }
        if (id == '?') {
            return OPTIONS_BAD;
        }
        if (!set_option((enum option_id)id, optarg, &options)) {
            fprintf(stderr, "wsload: --%s does not take %s\n", long_options[index].name, optarg);
            return OPTIONS_BAD;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "wsload: unexpected %s\n", argv[optind]);
        return OPTIONS_BAD;
    }
    if (!check_together(&options)) {
        return OPTIONS_BAD;
    }
    *options_r = options;
    return OPTIONS_OK;
}
