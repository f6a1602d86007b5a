/*
 * config - the libconfig file, checked and turned into an immutable value.
 *
 * One table (table.c) drives every key: name, type, range, default, whether a reload takes it, and its sentence of
 * documentation. config_load() reports every error of a file, not just the first, as "FILE:LINE: message".
 *
 * libconfig builds the tree, but never sees the text as it is written: scan.h says what is read right or refused before it,
 * among that "@include" (a config is one file; long lists go into firewall.deny_files).
 *
 * A loaded config never changes. It is shared by reference count: sessions hold the one they were opened with.
 */
#ifndef PORTCULLIS_CONFIG_CONFIG_H
#define PORTCULLIS_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "auth/permissions.h"
#include "auth/token.h"
#include "logging/log.h"
#include "server/audit.h"
#include "server/gate/address.h"
#include "server/gate/gate.h"
#include "server/privileges.h"
#include "validate/rules.h"

#define CONFIG_HEAD_MAX 65536         /* the most limits.max_head may be */
#define CONFIG_FILE_MAX (1024 * 1024) /* bytes of a config file */

enum config_tls_version { CONFIG_TLS_1_2, CONFIG_TLS_1_3 };
enum config_slow_consumer { CONFIG_SLOW_CLOSE, CONFIG_SLOW_DROP };
enum config_verify { CONFIG_VERIFY_NONE, CONFIG_VERIFY_OPTIONAL, CONFIG_VERIFY_REQUIRED };
enum config_auth { CONFIG_AUTH_NONE, CONFIG_AUTH_TOKEN };
enum config_io { CONFIG_IO_AUTO, CONFIG_IO_EPOLL, CONFIG_IO_URING };
enum config_role { CONFIG_ROLE_READ, CONFIG_ROLE_WRITE };
enum config_on_violation { CONFIG_VIOLATION_REJECT, CONFIG_VIOLATION_CLOSE, CONFIG_VIOLATION_REPORT };
enum config_user_excess { CONFIG_EXCESS_REFUSE, CONFIG_EXCESS_CLOSE_OLDEST };

/* Where an endpoint takes a token from; bits of config_endpoint.token_sources. */
enum config_token_source {
    CONFIG_TOKEN_HEADER = 1,      /* Authorization: Bearer (RFC 6750 §2.1) */
    CONFIG_TOKEN_SUBPROTOCOL = 2, /* an entry "bearer.TOKEN" of Sec-WebSocket-Protocol */
    CONFIG_TOKEN_MESSAGE = 4,     /* the first message */
    CONFIG_TOKEN_QUERY = 8,       /* config_endpoint.query_parameter */
};

struct config_listener {
    const char *text; /* as written, e.g. "[::]:8765" */
    struct address address;
    uint16_t port; /* 0: any free one */
    bool any;      /* "*:PORT" or "[::]:PORT": both families; `address` is then :: */
    bool tls;
    int backlog;
};

struct config_certificate {
    const char *certificate; /* PEM chain, leaf first */
    const char *key;
};

struct config_admin_token {
    const char *name;
    const char *token_file; /* resolved against state_dir */
    enum config_role role;
};

struct config_key {
    const char *id;
    const char *algorithm;   /* a name of auth/algorithm.h */
    const char *secret_file; /* of HMAC: resolved against state_dir; else "" */
    const char *
        public_key_file; /* the others: PEM, resolved against the config's folder; "" where private_key_file is given */
    const char *private_key_file; /* PEM, for portcullisctl token alone; "" where there is none */
    const char *issuer;           /* the only "iss" it may sign for; "" for any that auth.issuers allows */
    const char *audience;         /* likewise of "aud" */
    bool weak;                    /* an HMAC secret shorter than RFC 7518 §3.2 asks for is meant */
};

/* A JSON Web Key Set (RFC 7517) that is fetched. */
struct config_jwks {
    const char *url; /* https */
    const char *issuer;
    const char *audience;
    const char *ca_file;  /* PEM; "" for the system's authorities */
    uint32_t ttl_ms;      /* how often it is fetched */
    uint32_t cooldown_ms; /* least time between two fetches for the sake of an unknown "kid" */
    uint64_t max_age_ms;  /* how long a set is used when no newer one can be had */
};

/* What messages an endpoint takes: its group "rules". */
struct config_rules {
    enum rules_type type;
    uint64_t max_size; /* bytes; 0: limits.max_message alone */
    bool json;         /* asked for by itself; a schema asks for it, too */
    uint32_t max_depth;
    uint32_t max_keys; /* of one object; 0: any number, and so on */
    uint32_t max_items;
    uint32_t max_number_size;
    const char *schema;                  /* file, resolved against the config's folder; "" for none */
    const char *const *schema_documents; /* files with more schemas, which `schema` may refer to by their $id */
    size_t schema_document_count;
    bool formats;                 /* "format" decides */
    uint32_t messages_per_second; /* of a session; 0: no limit */
    uint64_t bytes_per_second;
    enum config_on_violation on_violation;
    uint32_t max_violations; /* of a session within the window; the last ends it; 0: any number */
    uint32_t violation_window_ms;
    struct rules checked; /* made of these; its schema is owned by the config */
    bool any;             /* whether there is anything to be checked, rates included */
};

struct config_endpoint {
    const char *path;         /* begins with "/"; compared with the decoded path of a request, whole and with case */
    const char *handler;      /* "echo" */
    const char *reply_prefix; /* of text replies; "" for none */
    enum config_auth auth;
    unsigned token_sources; /* of enum config_token_source; made of the words below */
    const char *const *token_source_words;
    size_t token_source_count;
    const char *query_parameter;
    const char *const *origins; /* besides the request's own host; see syntax_origin() */
    size_t origin_count;
    struct {
        const char *const *subscribe; /* patterns of channels */
        size_t subscribe_count;
        const char *const *publish;
        size_t publish_count;
        const char *const *presence;
        size_t presence_count;
        const char *const *history;
        size_t history_count;
    } permissions;               /* of every session here, besides what its token says */
    struct permissions defaults; /* made of these */
    struct config_rules rules;
    const char *const *subprotocols;
    size_t subprotocol_count;
    unsigned line; /* where it stands in the file */
};

/* All strings and arrays are owned by the config and live as long as a reference is held. */
struct config {
    const char *file;
    const char *state_dir;
    struct privileges privileges; /* `uid` and `gid` looked up, when `user` is not "" */

    const struct config_listener *listeners;
    size_t listener_count;

    struct {
        const char *certificate; /* PEM chain, leaf first; "" when not given, which no listener with TLS may do */
        const char *key;
        const struct config_certificate *certificates; /* besides that one, for clients that ask for their names */
        size_t certificate_count;
        bool strict_sni; /* a name without a certificate is refused */
        enum config_tls_version min_version;
        uint32_t ticket_rotation_ms; /* 0: no session tickets; else a second at least */
        enum config_verify client_verify;
        const char *client_ca;      /* PEM; "" when client certificates are not verified */
        uint64_t expiry_warning_ms; /* before a certificate's end */
    } tls;

    struct {
        const char *address; /* IPv4 "HOST:PORT", as civetweb takes it; "" switches the admin listener off */
        const struct config_admin_token *tokens;
        size_t token_count;
        const char *const *names; /* of hosts, besides the address, that requests may give as Host */
        size_t name_count;
        const struct prefix *open_to;
        size_t open_to_count;
    } admin;

    struct {
        unsigned lobby_threads;
        unsigned upgrade_threads;
        unsigned session_threads; /* as written; 0: one a core */
        enum config_io io;
        unsigned busy_poll_us;
    } pool;

    struct {
        uint64_t max_message;
        uint32_t max_fragments;
        uint32_t max_head;            /* bytes of a request head */
        uint32_t max_connections;     /* sessions; past it requests get a 503 */
        uint32_t max_lobby;           /* connections whose request is not answered yet; the oldest is evicted past it */
        uint32_t max_tls_handshakes;  /* in progress; more wait */
        uint32_t messages_per_second; /* of a session; 0: no limit */
        uint64_t bytes_per_second;
        uint64_t send_queue;                     /* high-water mark of a session's unsent output, bytes */
        enum config_slow_consumer slow_consumer; /* what happens past it */
        uint64_t session_memory;                 /* bytes of a session beyond its struct; never 0: see check.c */
        uint64_t memory;                         /* bytes of all sessions beyond their structs; 0: no limit */
        uint32_t handshake_timeout_ms;           /* from accept to the answer: TLS, head and decision together */
        uint32_t auth_timeout_ms;                /* from the 101 to the token, where it comes as a message */
        uint32_t user_sessions;                  /* of one user; 0: no limit */
        enum config_user_excess user_excess;     /* what happens past it */
        uint32_t idle_timeout_ms;                /* without a message from the peer; 0: no limit */
        uint32_t ping_interval_ms;               /* of silence before a ping; 0: no pings */
        uint32_t pong_timeout_ms;                /* from a ping to any byte from the peer */
        uint32_t message_timeout_ms;             /* from a message's first byte to its last; 0: no limit */
        uint32_t send_timeout_ms;                /* unsent output may stand still that long; 0: no limit */
        uint32_t close_timeout_ms;               /* for the closing handshake and for unsent output at the end */
        uint32_t drain_delay_ms;                 /* from SIGTERM to the first Close frame */
        uint32_t drain_window_ms;                /* from the first Close frame to the last, when there are many */
        uint32_t drain_timeout_ms;               /* from the last Close frame to the end of the last session */
    } limits;

    struct {
        bool enabled;
        uint32_t level;    /* of zlib */
        uint32_t min_size; /* bytes of a message below which it is not compressed */
        bool server_context_takeover;
        bool client_context_takeover;
        uint32_t server_max_window_bits; /* base-2 logarithm of bytes */
        uint32_t client_max_window_bits;
        uint32_t memory_level; /* of zlib */
        uint32_t max_ratio;    /* inflated to compressed size of a message past 1 MiB; 0: no limit */
    } compression;

    struct gate_config firewall; /* ready for gate_create(); `deny` holds what the files of deny_files list, too */
    const char *const *deny_files;
    size_t deny_file_count;

    struct {
        const struct config_key *keys;
        size_t key_count;
        const struct config_jwks *jwks;
        size_t jwks_count;
        const char *const *issuers; /* accepted "iss"; none: any */
        size_t issuer_count;
        const char *const *audiences; /* one of them must be in "aud"; none: any */
        size_t audience_count;
        const char *const *user_claims; /* the first of these claims that a token has names its user */
        size_t user_claim_count;
        bool require_expiry;
        uint32_t leeway_ms;
        uint64_t max_token_lifetime_ms; /* no token may expire later than this from now */
        uint32_t max_token;             /* bytes */
        struct token_policy policy;     /* made of these and of the files of keys; see config_load() */
    } auth;

    struct log_config log;
    struct audit_policy audit;   /* keys of the section log; its digests are there when the key is */
    const char *digest_key_file; /* resolved against state_dir; "" for none */

    const struct config_endpoint *endpoints;
    size_t endpoint_count;
};

/* Receives one error or warning, a whole line without newline: "FILE:LINE: message". */
typedef void config_report_fn(void *context, bool is_error, const char *line);

/* Reads and checks `path`, which must be a regular file of CONFIG_FILE_MAX bytes at most; never waits for a FIFO. Keys of
 * auth.keys are read, too; one whose secret_file does not exist yet is left out of auth.policy. Returns NULL when there was an error;
 * every one has been reported. The caller owns one reference. Main thread or that
 * of a reload. */
const struct config *config_load(const char *path, config_report_fn *report, void *context);

/* Keys that differ between two configs and take effect at a restart only: calls `report` (is_error false) with one line
 * "FILE: KEY: changed; it takes effect at a restart" each. */
void config_report_restart(const struct config *old, const struct config *new_config, config_report_fn *report,
                           void *context);

/* Any thread. config_unref() frees at the last reference and sets *config to NULL. */
const struct config *config_ref(const struct config *config);
void config_unref(const struct config **config);

/* The endpoint of a decoded path, or NULL. */
const struct config_endpoint *config_endpoint_for(const struct config *config, const char *path);

/* The word of the config for one source. Static. */
const char *config_token_source_word(enum config_token_source source);

/* Writes the reference of all keys (name, type, range, default, restart or reload, sentence), one a line, from the table.
 * `portcullis --help-config` prints it and a test holds etc/portcullis.conf against it. */
void config_write_reference(FILE *out);

#endif
