/*
 * address - IP addresses and prefixes as values.
 *
 * One form for both families: 16 bytes in network order, IPv4 held as IPv4-mapped IPv6
 * (RFC 4291 §2.5.5.2). So ::ffff:192.0.2.1, as a dual-stack listener reports it, and 192.0.2.1 are the
 * same address, everywhere. Prefix lengths count from the 128 bits; a textual IPv4 /24 is held as 120.
 *
 * Pure functions: any thread.
 */
#ifndef PORTCULLIS_GATE_ADDRESS_H
#define PORTCULLIS_GATE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535" and its NUL. */
#define ADDRESS_TEXT_SIZE 56
/* As above with "/128" in the place of the port. */
#define PREFIX_TEXT_SIZE 56

struct address {
    uint8_t bytes[16];
};

/* Bits beyond `bits` are zero. */
struct prefix {
    struct address address;
    uint8_t bits; /* 0..128 */
};

enum address_status {
    ADDRESS_OK,
    ADDRESS_SYNTAX,    /* not an address */
    ADDRESS_ZONE,      /* a zone id (fe80::1%eth0): scoped to an interface, means nothing in a list */
    ADDRESS_MASK,      /* a prefix length that is no number or too long */
    ADDRESS_HOST_BITS, /* 10.0.0.1/8: bits set behind the prefix */
};

/* A short phrase for error messages, e.g. "bits set behind the prefix length". Static. */
const char *address_status_text(enum address_status status);

bool address_is_ipv4(const struct address *address);
bool address_is_loopback(const struct address *address);
bool address_equal(const struct address *a, const struct address *b);

/* From what accept() reports: AF_INET or AF_INET6. Anything else is a programmer's mistake. */
struct address address_from_sockaddr(const struct sockaddr *from);

/* Parses `size` bytes, all of them, as an IPv4 or IPv6 address without brackets or port. IPv4 in strict
 * dotted-quad form (no octal, no leading zeros, four parts). `*address_r` is written on success only. */
enum address_status __attribute__((warn_unused_result))
address_parse(const char *text, size_t size, struct address *address_r);

/* Parses "ADDRESS" or "ADDRESS/LENGTH". An address alone is a prefix of full length; host bits are an error. */
enum address_status __attribute__((warn_unused_result))
prefix_parse(const char *text, size_t size, struct prefix *prefix_r);

/* Writes the shortest usual text (RFC 5952), IPv4 as a dotted quad, and a NUL. Returns `out`. */
const char *address_format(const struct address *address, char out[ADDRESS_TEXT_SIZE]);
/* As above with a port: 192.0.2.1:80, [2001:db8::1]:80. */
const char *address_format_port(const struct address *address, uint16_t port, char out[ADDRESS_TEXT_SIZE]);
const char *prefix_format(const struct prefix *prefix, char out[PREFIX_TEXT_SIZE]);

/* The address with all bits from `bits` (0..128) on cleared. */
struct prefix prefix_of(const struct address *address, uint8_t bits);

/* The families stay apart: no IPv6 prefix contains an IPv4 address, not even ::/0. "No IPv6" can thus be said as
 * "::/0" without a word about IPv4, and 0.0.0.0/0 is all of IPv4. */
bool prefix_contains(const struct prefix *prefix, const struct address *address);

#endif
