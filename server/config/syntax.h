/*
 * syntax - what single texts of a config must look like. Pure functions: any thread.
 */
#ifndef PORTCULLIS_CONFIG_SYNTAX_H
#define PORTCULLIS_CONFIG_SYNTAX_H

#include <stdbool.h>

#include "server/config/config.h"

/* The following return NULL when `text` is right, else what was expected: a row_syntax_fn each. */

/* "ADDRESS:PORT": 127.0.0.1:80, [::1]:80, *:80 */
const char *syntax_listener(const char *text);
/* As above, but IPv4 only, or "". */
const char *syntax_admin(const char *text);
/* A path of this machine: not empty. The one with "" allowed is for files that may be switched off. */
const char *syntax_file(const char *text);
const char *syntax_file_or_none(const char *text);
/* A name that logs, metrics and token headers can carry: letters, digits, ".", "_" and "-". */
const char *syntax_account(const char *text);
const char *syntax_name(const char *text);
/* The decoded path of an endpoint: begins with "/", no empty, "." or ".." segments, no control bytes, "?" or "#". */
const char *syntax_endpoint_path(const char *text);
/* RFC 9110 §5.6.2 */
const char *syntax_token(const char *text);

/* A host name as in a Host field, without port. */
const char *syntax_host(const char *text);
/* https://HOST[:PORT]/..., without user, fragment or white space. */
const char *syntax_https_url(const char *text);
/* A claim's value or name: printable UTF-8, not empty, 256 bytes at most. */
const char *syntax_claim(const char *text);
/* "header", "subprotocol", "message" or "query". */
const char *syntax_token_source(const char *text);
/* A serialized origin (RFC 6454 §6.2) in lower case without default port, its first label perhaps "*"; or "null", or "*". */
const char *syntax_origin(const char *text);
/* A channel, or a pattern of channels with "*": printable, 255 bytes at most. */
const char *syntax_channel_pattern(const char *text);

/* Fills address, port and any. False when syntax_listener() would not be content. */
bool syntax_parse_listener(const char *text, struct config_listener *listener);

#endif
