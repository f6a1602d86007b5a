/*
 * server_name - DNS names in TLS; see server_name.h. Called when certificates are loaded (main thread) and for each ClientHello
 * (lobby threads).
 */
#include "server/lobby/server_name.h"

#include <string.h>

#define LABEL_MAX      63
#define HOST_NAME_TYPE 0 /* RFC 6066 §3: the only type there is */

/* Not isalnum(): the locale has no say. 0 for bytes that no host name has. The underscore is in use, though not by the letter of RFC 952. */
static char lower(uint8_t byte)
{
    if (byte >= 'A' && byte <= 'Z') {
        return (char)(byte + ('a' - 'A'));
    }
    bool good = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
    return good ? (char)byte : '\0';
}

bool server_name_parse(const uint8_t *bytes, size_t size, char name_r[SERVER_NAME_SIZE])
{
    char name[SERVER_NAME_SIZE];
    size_t label = 0;
    if (size > SERVER_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        name[i] = bytes[i] == '.' ? '.' : lower(bytes[i]);
        if (name[i] == '\0' || (name[i] == '.' && label == 0) || label > LABEL_MAX) {
            return false;
        }
        label = name[i] == '.' ? 0 : label + 1;
    }
    if (label == 0 || label > LABEL_MAX) {
        return false;
    }
    name[size] = '\0';
    memcpy(name_r, name, size + 1);
    return true;
}

bool server_name_parse_pattern(const uint8_t *bytes, size_t size, char name_r[SERVER_NAME_SIZE])
{
    if (size < 3 || bytes[0] != '*') {
        return server_name_parse(bytes, size, name_r);
    }
    char rest[SERVER_NAME_SIZE];
    if (size > SERVER_NAME_MAX || bytes[1] != '.' || !server_name_parse(bytes + 2, size - 2, rest)) {
        return false;
    }
    name_r[0] = '*';
    name_r[1] = '.';
    memcpy(name_r + 2, rest, size - 1); /* with the NUL */
    return true;
}

bool server_name_wildcard(const char *name, char pattern_r[SERVER_NAME_SIZE])
{
    const char *dot = strchr(name, '.');
    if (dot == NULL) {
        return false;
    }
    pattern_r[0] = '*';
    memcpy(pattern_r + 1, dot, strlen(dot) + 1); /* shorter than the name by a label of one byte at least */
    return true;
}

static size_t two_bytes(const uint8_t *bytes)
{
    return (size_t)bytes[0] << 8 | bytes[1];
}

/* ServerNameList: two bytes of size, then per name a byte of type, two of size and the name. One of each type at most. */
bool server_name_of_extension(const uint8_t *data, size_t size, const uint8_t **name_r, size_t *size_r)
{
    const size_t head = 5;
    if (size < head || two_bytes(data) != size - 2 || data[2] != HOST_NAME_TYPE) {
        return false;
    }
    size_t name_size = two_bytes(data + 3);
    if (name_size == 0 || name_size != size - head || memchr(data + head, '\0', name_size) != NULL) {
        return false;
    }
    *name_r = data + head;
    *size_r = name_size;
    return true;
}
