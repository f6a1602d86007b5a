/*
 * reply - see reply.h.
 */
#include "server/admin/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "validate/utf8.h"

#define MESSAGE_SIZE 512
#define HEAD_SIZE    512

/* What is said when there is no memory to say anything else. */
static const char out_of_memory[] =
    "{\"error\":{\"code\":\"unavailable\",\"message\":\"The server is short of memory; try again.\"}}";

static const char *reason_of(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Unknown";
}

struct reply reply_json(unsigned status, json_t *body)
{
    return (struct reply){.status = body != NULL ? status : 503, .body = body};
}

struct reply reply_error(unsigned status, const char *code, const char *format, ...)
{
    char message[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    /* It may be cut in the middle of a character. */
    size_t size = strlen(message);
    while (!utf8_valid((const uint8_t *)message, size)) {
        message[--size] = '\0';
    }
    return (struct reply){.status = status, .body = json_pack("{s{ssss}}", "error", "code", code, "message", message)};
}

const char *reply_code(const struct reply *reply)
{
    return json_string_value(json_object_get(json_object_get(reply->body, "error"), "code"));
}

/* One field more, if it has a value. */
static void add_field(char *head, size_t *used, const char *name, const char *value)
{
    if (value != NULL && *used < HEAD_SIZE) {
        int size = snprintf(head + *used, HEAD_SIZE - *used, "%s: %s\r\n", name, value);
        *used += size < 0 ? 0 : (size_t)size;
    }
}

static size_t format_head(const struct reply *reply, size_t body_size, char head[HEAD_SIZE])
{
    char number[24];
    int size = snprintf(head, HEAD_SIZE, "HTTP/1.1 %u %s\r\n", reply->status, reason_of(reply->status));
    size_t used = size < 0 ? 0 : (size_t)size;
    snprintf(number, sizeof(number), "%zu", body_size);
    add_field(head, &used, "Content-Type", "application/json");
    add_field(head, &used, "Content-Length", number);
    add_field(head, &used, "Cache-Control", "no-store");
    add_field(head, &used, "X-Content-Type-Options", "nosniff");
    add_field(head, &used, "Connection", "close");
    add_field(head, &used, "Allow", reply->allow[0] != '\0' ? reply->allow : NULL);
    add_field(head, &used, "WWW-Authenticate", reply->challenge);
    if (reply->retry_after_s > 0) {
        snprintf(number, sizeof(number), "%u", reply->retry_after_s);
        add_field(head, &used, "Retry-After", number);
    }
    if (used + 2 >= HEAD_SIZE) {
        return 0; /* not reached: all of the above is short */
    }
    memcpy(head + used, "\r\n", 3);
    return used + 2;
}

char *reply_format(const struct reply *reply, bool without_body, size_t *size_r)
{
    char head[HEAD_SIZE];
    char *dumped = reply->body == NULL ? NULL : json_dumps(reply->body, JSON_COMPACT | JSON_ENSURE_ASCII);
    const char *body = dumped != NULL ? dumped : out_of_memory;
    struct reply shown = *reply;
    shown.status = dumped != NULL ? reply->status : 503;
    size_t body_size = strlen(body);
    size_t head_size = format_head(&shown, body_size + 1, head);
    char *bytes = malloc(head_size + body_size + 1);
    if (bytes != NULL) {
        memcpy(bytes, head, head_size);
        memcpy(bytes + head_size, body, body_size);
        bytes[head_size + body_size] = '\n'; /* for a terminal */
        *size_r = without_body ? head_size : head_size + body_size + 1;
    }
    free(dumped);
    return bytes;
}

void reply_clear(struct reply *reply)
{
    json_decref(reply->body);
    reply->body = NULL;
}
