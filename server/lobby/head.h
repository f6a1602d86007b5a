/*
 * head - the strict check of a raw HTTP/1.1 request head, before civetweb's lenient parser sees it.
 *
 * civetweb 1.15 reads past the request, drops headers in silence and takes odd syntax; so what passes here is a subset of
 * RFC 9112 about which no two parsers disagree. Pure functions on bytes: any thread; fuzzed.
 */
#ifndef PORTCULLIS_LOBBY_HEAD_H
#define PORTCULLIS_LOBBY_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAD_FIELDS_MAX 64 /* civetweb's own limit, past which it drops fields in silence */
#define HEAD_PATH_MAX   1024
#define HEAD_HOST_MAX   255 /* bytes of a Host value: more than any DNS name with a port */

enum head_status {
    HEAD_OK,
    HEAD_MORE,            /* no blank line yet, and nothing wrong so far */
    HEAD_NOT_HTTP,        /* what is in front of the first space is no method: garbage, or an empty line: 400 */
    HEAD_TLS,             /* the first bytes are a TLS (or SSL 2) hello: a TLS client on a plain port: 400 */
    HEAD_REQUEST_LINE,    /* not METHOD SP target SP HTTP-version CRLF: 400 */
    HEAD_VERSION,         /* not HTTP/1.1, be it 1.0 or the preface of HTTP/2: 505 */
    HEAD_TARGET,          /* see "Targets" below: 400 */
    HEAD_TARGET_TOO_LONG, /* 414 */
    HEAD_METHOD,          /* all well-formed, but another method of RFC 9110 or PATCH: 405 with Allow: GET */
    HEAD_METHOD_UNKNOWN,  /* the same with any other token: 501 */
    HEAD_BARE_LF,         /* LF without CR, or CR without LF: 400 */
    HEAD_FIELD_NAME,      /* not an RFC 9110 token, or white space before the colon: 400 */
    HEAD_FIELD_VALUE,     /* control bytes other than HTAB: 400 */
    HEAD_OBS_FOLD,        /* a line that starts with white space (RFC 9112 §2.2, §5.2): 400 */
    HEAD_TOO_MANY_FIELDS, /* 431 */
    HEAD_TOO_LARGE,       /* 431 */
    HEAD_DUPLICATE, /* a second Host, Origin, Authorization, Upgrade, Content-Length or Sec-WebSocket-*, but for -Protocol and
                             -Extensions, which are lists: 400 */
    HEAD_HOST_MISSING,   /* 400 (RFC 9112 §3.2) */
    HEAD_HOST_SYNTAX,    /* of the Host field or of an absolute target; see "Hosts" below: 400 */
    HEAD_BODY,           /* Transfer-Encoding, or a Content-Length that is no number: 400 */
    HEAD_BODY_TOO_LARGE, /* a Content-Length other than 0: 413 */
    HEAD_EXPECT,         /* Expect: 417 */
};

/*
 * Targets (RFC 9112 §3.2): origin-form, or absolute-form with http, https, ws or wss. "*" and authority-form are refused
 * for every method. In path and query only what RFC 3986 §3.3 and §3.4 allow (in the query also []{}|\^`, which browsers do
 * not encode), with %-encodings of two digits that hide no control byte. In the path furthermore: no empty segment but the last, no "." or ".." segment however encoded, no
 * encoded "/" or "\", and UTF-8 once decoded.
 *
 * Hosts (RFC 3986 §3.2.2): letters, digits and "-._~", or an IPv6 address in brackets; then perhaps ":" and a port from
 * 1 to 65535.
 *
 * Which error is reported: the first one in the order of the bytes, lines being judged when their CRLF is there (a bare
 * CR or LF at once). What needs the whole head comes last, in this order: Host missing, method, body, Expect.
 */

/* The HTTP status to answer with; 0 for HEAD_OK and HEAD_MORE. */
unsigned head_status_code(enum head_status status);
/* A short phrase for logs and the answer's body. Static, no newline. */
const char *head_status_text(enum head_status status);
/* A short label for logs and metrics, e.g. "duplicate_field". Static. */
const char *head_status_label(enum head_status status);

/* A view into the head. */
struct head_span {
    const char *bytes;
    size_t size;
};

/* What a good head holds. Views into the caller's bytes. */
struct head {
    size_t size; /* bytes up to and including the blank line */
    struct head_span method;
    struct head_span target; /* as sent */
    struct head_span path;   /* of the target, without query; for absolute-form its path part, "/" if empty */
    struct head_span query;  /* behind "?", or empty */
    struct head_span host;   /* of the Host field, or the authority of an absolute-form target (RFC 9112 §3.2.2) */
    unsigned field_count;
    uint64_t content_length; /* 0 when there is none; UINT64_MAX also for what is larger */
};

/* How far the check of one head has got. Kept by the caller between calls, all zero at first. */
struct head_scan {
    size_t scanned; /* bytes judged */
    size_t line;    /* where the line that is being received starts */
    unsigned field_count;
    unsigned seen;           /* bits of the fields and facts that matter at the end */
    bool method_whole;       /* the space behind the method was there */
    bool complete;           /* the blank line was there */
    bool takes_bodies;       /* set by the caller: any method and any Content-Length pass; it judges them itself */
    uint64_t content_length; /* as in struct head */
    enum head_status failed; /* an error, once found, stays: HEAD_OK while there is none */
};

/*
 * Judges the `size` bytes received so far, of which a head may fill `max`. Called again as more arrive, with the same
 * bytes in front, the same `max` and the same `scan`: a trickling peer costs O(n) in all, and the verdict does not
 * depend on how the bytes were cut. HEAD_MORE is never returned when `max` bytes are there. `*head_r` is written on
 * HEAD_OK only. What follows the head is not looked at.
 */
enum head_status __attribute__((warn_unused_result))
head_check(const char *bytes, size_t size, size_t max, struct head_scan *scan, struct head *head_r);

/* Whether the answer must come without its body because the method is HEAD (RFC 9110 §9.3.2). Of any bytes, good or bad. */
bool head_wants_no_body(const char *bytes, size_t size);

/* The fields of a head that passed, in order; `*cursor` is 0 at first. False behind the last one. Values are trimmed. */
bool head_next_field(const char *bytes, const struct head *head, size_t *cursor, struct head_span *name_r,
                     struct head_span *value_r);

/* The first field of that name (compared without case) in a head that passed, value trimmed; bytes NULL when absent. */
struct head_span head_field(const char *bytes, const struct head *head, const char *name);

/* Decodes the %-encodings of a checked path into `out` with a NUL; returns its length, or -1 when it does not fit. */
int head_decode_path(const struct head *head, char *out, size_t out_size);

#endif
