/*
 * fuzz_address - whatever the bytes, parsing ends well; and what parses is written back to text that parses to the same.
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/gate/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): it must hold in release builds, too. */
static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* The text is accepted by the system and reads as the same address. */
static void require_same_for_system(const char *text, const struct address *address)
{
    struct address seen;
    if (address_is_ipv4(address)) {
        memcpy(seen.bytes, address->bytes, 12);
        require(inet_pton(AF_INET, text, seen.bytes + 12) == 1);
    } else {
        require(inet_pton(AF_INET6, text, seen.bytes) == 1);
    }
    require(address_equal(&seen, address));
}

static void check_address(const char *text, size_t size)
{
    struct address address;
    struct address again;
    char out[ADDRESS_TEXT_SIZE];
    if (address_parse(text, size, &address) != ADDRESS_OK) {
        return;
    }
    require(size >= 2 && memchr(text, '\0', size) == NULL);
    address_format(&address, out);
    require(strlen(out) < ADDRESS_TEXT_SIZE);
    require(address_parse(out, strlen(out), &again) == ADDRESS_OK);
    require(address_equal(&address, &again));
    require_same_for_system(out, &address);
    address_format_port(&address, UINT16_MAX, out);
    require(strlen(out) < ADDRESS_TEXT_SIZE);
}

static void check_prefix(const char *text, size_t size)
{
    struct prefix prefix;
    struct prefix again;
    char out[PREFIX_TEXT_SIZE];
    if (prefix_parse(text, size, &prefix) != ADDRESS_OK) {
        return;
    }
    require(prefix.bits <= 128 && (prefix.bits >= 96 || !address_is_ipv4(&prefix.address)));
    require(prefix_contains(&prefix, &prefix.address));
    prefix_format(&prefix, out);
    require(prefix_parse(out, strlen(out), &again) == ADDRESS_OK);
    require(again.bits == prefix.bits && address_equal(&again.address, &prefix.address));
}

/* All addresses have text that reads back. */
static void check_bytes(const uint8_t *data, size_t size)
{
    struct address address;
    char out[ADDRESS_TEXT_SIZE];
    if (size != sizeof(address.bytes)) {
        return;
    }
    memcpy(address.bytes, data, sizeof(address.bytes));
    address_format(&address, out);
    check_address(out, strlen(out));
    require_same_for_system(out, &address);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_address((const char *)data, size);
    check_prefix((const char *)data, size);
    check_bytes(data, size);
    return 0;
}
