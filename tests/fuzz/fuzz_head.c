/*
 * fuzz_head - the check of a request head on any bytes. An input is what a peer sends, as it is.
 *
 * Aborts when the verdict depends on how the bytes were cut, when an error does not stay, or when a head passes that holds
 * what head.h promises to keep out.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/lobby/head.h"
#include "validate/utf8.h"

#define MAX 4096 /* bytes a head may have */

#define require(condition)                                                          \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                                \
        }                                                                           \
    } while (0)

static bool contains(const char *bytes, size_t size, const char *needle, size_t needle_size)
{
    for (size_t i = 0; needle_size <= size && i <= size - needle_size; i++) {
        if (memcmp(bytes + i, needle, needle_size) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7F;
}

static void require_clean(struct head_span span, bool tab_allowed)
{
    for (size_t i = 0; i < span.size; i++) {
        require(!is_control(span.bytes[i]) || (tab_allowed && span.bytes[i] == '\t'));
    }
}

static void require_inside(struct head_span span, const char *bytes, const struct head *head)
{
    require(span.bytes >= bytes && span.bytes <= bytes + head->size);
    require(span.size <= (size_t)(bytes + head->size - span.bytes));
}

static void check_path(const struct head *head)
{
    char decoded[HEAD_PATH_MAX + 1];
    int length = head_decode_path(head, decoded, sizeof(decoded));
    require(length >= 1 && decoded[0] == '/' && strlen(decoded) == (size_t)length);
    require(utf8_valid((const uint8_t *)decoded, (size_t)length));
    require_clean((struct head_span){decoded, (size_t)length}, false);
    require(strchr(decoded, '\\') == NULL && strstr(decoded, "//") == NULL);
    require(strstr(decoded, "/./") == NULL && strstr(decoded, "/../") == NULL);
    const char *last = strrchr(decoded, '/');
    require(strcmp(last, "/.") != 0 && strcmp(last, "/..") != 0);
    require(head_decode_path(head, decoded, (size_t)length) == -1);
}

static void check_fields(const char *bytes, const struct head *head)
{
    struct head_span name;
    struct head_span value;
    size_t cursor = 0;
    unsigned count = 0;
    while (head_next_field(bytes, head, &cursor, &name, &value)) {
        require_inside(name, bytes, head);
        require_inside(value, bytes, head);
        require_clean(name, false);
        require_clean(value, true);
        require(name.size > 0 && !contains(name.bytes, name.size, " ", 1));
        count++;
    }
    require(count == head->field_count && count >= 1 && count <= HEAD_FIELDS_MAX);
    require(head_field(bytes, head, "HOST").size > 0);
    require(head_field(bytes, head, "transfer-encoding").bytes == NULL);
    require(head_field(bytes, head, "expect").bytes == NULL);
}

/* What a head that passed must look like, found out by other means than the check's own. */
static void check_good(const char *bytes, size_t size, size_t max, const struct head *head)
{
    require(head->size <= size && head->size <= max && head->size >= 4);
    require(memcmp(bytes + head->size - 4, "\r\n\r\n", 4) == 0);
    require(!contains(bytes, head->size - 1, "\r\n\r\n", 4));
    for (size_t i = 0; i < head->size; i++) {
        require((bytes[i] == '\r') == (i + 1 < head->size && bytes[i + 1] == '\n'));
        require(bytes[i] == '\r' || bytes[i] == '\n' || bytes[i] == '\t' || !is_control(bytes[i]));
    }
    require_inside(head->method, bytes, head);
    require_inside(head->target, bytes, head);
    require_inside(head->path, bytes, head);
    require_inside(head->query, bytes, head);
    require_inside(head->host, bytes, head);
    require(head->method.size == 3 && memcmp(head->method.bytes, "GET", 3) == 0);
    require(head->host.size > 0 && head->host.size <= HEAD_HOST_MAX);
    require(head->path.size <= HEAD_PATH_MAX);
    require_clean(head->target, false);
    check_path(head);
    check_fields(bytes, head);
}

static bool is_error(enum head_status status)
{
    return status != HEAD_OK && status != HEAD_MORE;
}

/* The whole input at once. */
static enum head_status check_whole(const char *bytes, size_t size, size_t max)
{
    struct head_scan scan = {0};
    struct head head;
    enum head_status status = head_check(bytes, size, max, &scan, &head);
    require(is_error(status) == (head_status_code(status) >= 400));
    if (status == HEAD_OK) {
        check_good(bytes, size, max, &head);
    } else if (status == HEAD_MORE) {
        require(size < max && !contains(bytes, size, "\r\n\r\n", 4));
    }
    return status;
}

/* The same in pieces, each from a buffer of its exact size; their sizes follow from the input's bytes. */
static void check_pieces(const char *bytes, size_t size, size_t max, enum head_status whole)
{
    struct head_scan scan = {0};
    struct head head;
    enum head_status status = HEAD_MORE;
    size_t received = 0;
    for (uint32_t random = (uint32_t)size; received < size;) {
        random = random * 1664525 + 1013904223 + (uint8_t)bytes[received];
        size_t piece = 1 + (random >> 16) % (1 + size / 8);
        received = piece < size - received ? received + piece : size;
        char *copy = malloc(received);
        if (copy == NULL) {
            return;
        }
        memcpy(copy, bytes, received);
        enum head_status next = head_check(copy, received, max, &scan, &head);
        require(status == HEAD_MORE || next == status);
        if (next == HEAD_OK) {
            require(head.size <= received);
        }
        status = next;
        free(copy);
    }
    require(size == 0 || status == whole);
}

/* Trickled byte by byte, as the slowest peer sends. */
static void check_bytes(const char *bytes, size_t size, size_t max, enum head_status whole)
{
    struct head_scan scan = {0};
    struct head head;
    enum head_status status = HEAD_MORE;
    for (size_t received = 0; received <= size; received++) {
        enum head_status next = head_check(bytes, received, max, &scan, &head);
        require(status == HEAD_MORE || next == status);
        if (next == HEAD_OK && status == HEAD_MORE) {
            require(head.size == received);
        }
        status = next;
    }
    require(status == whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    const size_t maxima[] = {MAX, size / 2 + 1};
    for (size_t i = 0; i < sizeof(maxima) / sizeof(maxima[0]); i++) {
        enum head_status status = check_whole(bytes, size, maxima[i]);
        check_pieces(bytes, size, maxima[i], status);
        check_bytes(bytes, size, maxima[i], status);
    }
    (void)head_wants_no_body(bytes, size);
    return 0;
}
