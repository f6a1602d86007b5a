/*
 * server_name - DNS names in TLS: what a client asks for (RFC 6066 §3) and what a certificate is for (RFC 9525 §6.3).
 *
 * Names are kept in lower case, as ASCII, so that comparing bytes is comparing names; an internationalised name is its A-label on
 * both sides. Pure functions: any thread.
 */
#ifndef PORTCULLIS_LOBBY_SERVER_NAME_H
#define PORTCULLIS_LOBBY_SERVER_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVER_NAME_MAX  253 /* bytes of a DNS name as text (RFC 1035 §2.3.4) */
#define SERVER_NAME_SIZE (SERVER_NAME_MAX + 1)

/* A host name: labels of letters, digits, "-" and "_", 1 to 63 bytes each, with single dots between. Writes it in lower case and with a
 * NUL. False for all else: other bytes (NUL and UTF-8 too), a dot at an end, nothing at all. */
bool server_name_parse(const uint8_t *bytes, size_t size, char name_r[SERVER_NAME_SIZE]);

/* The same for a name of a certificate, in which "*" may stand for the whole left-most label. A wildcard anywhere else ("a*.example",
 * "*.*.example", "*") is none. */
bool server_name_parse_pattern(const uint8_t *bytes, size_t size, char name_r[SERVER_NAME_SIZE]);

/* The one pattern with a wildcard that `name` matches: "*.b.c" for "a.b.c". False when it has one label only. */
bool server_name_wildcard(const char *name, char pattern_r[SERVER_NAME_SIZE]);

/* The host name in the data of a server_name extension, as it is there. False when there is none, when it holds a NUL, or when the
 * extension is not well-formed: OpenSSL, which reads it as well, has the alert for that. */
bool server_name_of_extension(const uint8_t *data, size_t size, const uint8_t **name_r, size_t *size_r);

#endif
