/*
 * options - what the command line of wsload asks for, checked. Main thread; immutable afterwards.
 */
#ifndef PORTCULLIS_BENCH_OPTIONS_H
#define PORTCULLIS_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum load_mode {
    LOAD_ECHO,      /* messages and their replies: in a closed loop, or at a fixed rate */
    LOAD_IDLE,      /* connections are opened and kept, then a sample of them is probed */
    LOAD_HANDSHAKE, /* connect, upgrade, close, again */
};

#define OPTIONS_HEADERS_MAX 8
#define OPTIONS_BATCH_MAX   (64 * 1024 * 1024) /* bytes in flight of one connection: size times pipeline */

struct options {
    enum load_mode mode;
    bool tls;
    char host[256]; /* without brackets */
    char port[6];
    char path[1024];
    const char *headers[OPTIONS_HEADERS_MAX]; /* "Name: value" each; borrowed from argv */
    size_t header_count;
    const char *reply_prefix; /* that the server puts before text replies */
    unsigned connections;
    unsigned threads;
    unsigned size;     /* bytes of a message */
    unsigned pipeline; /* messages in flight on a connection, at most */
    unsigned rate;     /* LOAD_ECHO: messages a second of the whole load; 0: each leaves when a reply is complete */
    unsigned source_addresses; /* 0: the kernel chooses */
    unsigned opening;          /* connections of one thread that may be in their handshakes at once */
    unsigned sample;           /* connections probed by LOAD_IDLE */
    unsigned seconds_ms;
    unsigned warmup_ms;
    unsigned open_timeout_ms;
    bool binary;
    bool fixed_mask; /* one masking key for all frames */
    bool check_all;  /* compare the content of every reply, not just of each connection's first */
    bool resume;     /* TLS sessions */
    bool reset;      /* LOAD_HANDSHAKE: no closing handshake */
    bool json;
};

enum options_status { OPTIONS_OK, OPTIONS_HELP, OPTIONS_BAD };

/* Fills *options_r on OPTIONS_OK. Help goes to stdout, a complaint to stderr. */
enum options_status __attribute__((warn_unused_result)) options_parse(int argc, char **argv, struct options *options_r);

/* ws://HOST[:PORT][/PATH] or wss://...: sets tls, host, port and path. After false they may hold parts. */
bool __attribute__((warn_unused_result)) options_read_url(const char *text, struct options *options);

#endif
