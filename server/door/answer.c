/*
 * answer - formats HTTP answers; called by upgrade workers for refusals and by session loops for the 101.
 *
 * Pure: any thread. Values are checked on their way out, so that no answer can be split by what it carries.
 */
#include "server/door/answer.h"

#include <stdio.h>
#include <string.h>

#define DEFAULT_CHALLENGE "Bearer realm=\"portcullis\"" /* RFC 6750 §3: at least one parameter */
#define YEAR_MAX          9999                          /* IMF-fixdate has four digits */
#define TM_YEAR_BASE      1900

/* What a status brings with it, whoever asks for it. */
struct status_row {
    unsigned status;
    const char *phrase;
    const char *fields;     /* whole lines */
    const char *connection; /* options of the Connection field */
};

static const struct status_row status_rows[] = {
    {400, "Bad Request", "", "close"},
    {401, "Unauthorized", "", "close"},
    {403, "Forbidden", "", "close"},
    {404, "Not Found", "", "close"},
    {405, "Method Not Allowed", "Allow: GET\r\n", "close"},
    {408, "Request Timeout", "", "close"},
    {413, "Content Too Large", "", "close"},
    {414, "URI Too Long", "", "close"},
    {417, "Expectation Failed", "", "close"},
    /* The version serves RFC 6455 §4.2.2 point 4; Upgrade needs its connection option (RFC 9110 §7.8). */
    {426, "Upgrade Required", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", "Upgrade, close"},
    {429, "Too Many Requests", "", "close"},
    {431, "Request Header Fields Too Large", "", "close"},
    {500, "Internal Server Error", "", "close"},
    {501, "Not Implemented", "", "close"},
    {503, "Service Unavailable", "", "close"},
    {505, "HTTP Version Not Supported", "", "close"},
};

static const struct status_row *find_status(unsigned status)
{
    for (size_t i = 0; i < sizeof(status_rows) / sizeof(status_rows[0]); i++) {
        if (status_rows[i].status == status) {
            return &status_rows[i];
        }
    }
    return NULL;
}

/* Where the answer grows. Once something did not fit or was not fit to be sent, `failed` stays set. */
struct writer {
    char *bytes;
    size_t max;
    size_t size;
    bool failed;
};

static void put(struct writer *writer, const char *text)
{
    size_t need = strlen(text);
    if (writer->failed || need > writer->max - writer->size) {
        writer->failed = true;
        return;
    }
    memcpy(writer->bytes + writer->size, text, need);
    writer->size += need;
}

/* As put(), for text from the caller: CR or LF in it would forge fields. */
static void put_printable(struct writer *writer, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c < 0x20 || *c > 0x7E) {
            writer->failed = true;
            return;
        }
    }
    put(writer, text);
}

static void put_number(struct writer *writer, size_t value)
{
    char digits[sizeof("18446744073709551615")];
    (void)snprintf(digits, sizeof(digits), "%zu", value);
    put(writer, digits);
}

static void put_field(struct writer *writer, const char *name, const char *value)
{
    put(writer, name);
    put(writer, ": ");
    put_printable(writer, value);
    put(writer, "\r\n");
}

/* IMF-fixdate (RFC 9110 §5.6.7). Not strftime(): its names follow the locale. */
static void put_date(struct writer *writer, time_t now)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm utc;
    if (gmtime_r(&now, &utc) == NULL || utc.tm_year <= -TM_YEAR_BASE || utc.tm_year > YEAR_MAX - TM_YEAR_BASE) {
        return;
    }
    char date[64]; /* 29 characters; room for any int, so that the compiler can see that nothing is cut */
    (void)snprintf(date, sizeof(date), "%s, %02d %s %04d %02d:%02d:%02d GMT", days[utc.tm_wday], utc.tm_mday,
                   months[utc.tm_mon], utc.tm_year + TM_YEAR_BASE, utc.tm_hour, utc.tm_min, utc.tm_sec);
    put_field(writer, "Date", date);
}

static void put_status_line(struct writer *writer, const struct status_row *row)
{
    put(writer, "HTTP/1.1 ");
    put_number(writer, row->status);
    put(writer, " ");
    put(writer, row->phrase);
    put(writer, "\r\n");
}

/* The fields that depend on the status and on what the caller says. */
static void put_status_fields(struct writer *writer, const struct status_row *row, const struct answer *answer)
{
    put(writer, row->fields);
    if (row->status == 401) {
        put_field(writer, "WWW-Authenticate", answer->challenge != NULL ? answer->challenge : DEFAULT_CHALLENGE);
    }
    if ((row->status == 429 || row->status == 503) && answer->retry_after_s > 0) {
        put(writer, "Retry-After: ");
        put_number(writer, answer->retry_after_s);
        put(writer, "\r\n");
    }
}

size_t answer_format(const struct answer *answer, time_t now, char *out, size_t out_size)
{
    const struct status_row *row = find_status(answer->status);
    if (row == NULL) {
        return 0;
    }
    struct writer writer = {.bytes = out, .max = out_size};
    put_status_line(&writer, row);
    put_date(&writer, now);
    put_field(&writer, "Connection", row->connection);
    put_status_fields(&writer, row, answer);
    put(&writer, "Cache-Control: no-store\r\n"
                 "X-Content-Type-Options: nosniff\r\n"
                 "Content-Type: text/plain; charset=utf-8\r\n"
                 "Content-Length: ");
    put_number(&writer, strlen(answer->text) + 1);
    put(&writer, "\r\n\r\n");
    if (!answer->without_body) {
        put_printable(&writer, answer->text);
        put(&writer, "\n");
    }
    return writer.failed ? 0 : writer.size;
}

size_t answer_upgrade(const char *accept, const char *protocol, const char *extensions, char *out, size_t out_size)
{
    struct writer writer = {.bytes = out, .max = out_size};
    put(&writer, "HTTP/1.1 101 Switching Protocols\r\n"
                 "Upgrade: websocket\r\n"
                 "Connection: Upgrade\r\n");
    put_field(&writer, "Sec-WebSocket-Accept", accept);
    if (protocol != NULL) {
        put_field(&writer, "Sec-WebSocket-Protocol", protocol);
    }
    if (extensions != NULL) {
        put_field(&writer, "Sec-WebSocket-Extensions", extensions);
    }
    put(&writer, "\r\n");
    return writer.failed ? 0 : writer.size;
}
