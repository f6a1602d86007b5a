/*
 * query - see query.h.
 */
#include "server/admin/query.h"

#include <stdlib.h>
#include <string.h>

#include "validate/json_bounds.h"
#include "validate/json_parse.h"
#include "validate/utf8.h"

static int hex_value(char c)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const char *at = c == '\0' ? NULL : strchr(digits, c);
    if (at == NULL) {
        return -1;
    }
    int index = (int)(at - digits);
    return index < 16 ? index : index - 6;
}

/* In place. False for a "%" without two digits. */
static bool decode(char *text)
{
    char *out = text;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at != '%') {
            *out++ = *at;
            continue;
        }
        int high = hex_value(at[1]);
        int low = high < 0 ? -1 : hex_value(at[2]);
        if (low < 0 || high * 16 + low == 0) {
            return false;
        }
        *out++ = (char)(high * 16 + low);
        at += 2;
    }
    *out = '\0';
    return true;
}

static bool has_control(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            return true;
        }
    }
    return false;
}

static bool is_known(const char *const *known, const char *name)
{
    while (*known != NULL && strcmp(*known, name) != 0) {
        known++;
    }
    return *known != NULL;
}

static bool refuse(struct reply *error_r, struct reply reply)
{
    *error_r = reply;
    return false;
}

/* One "name=value", cut off by its caller. */
static bool take_parameter(struct query *query, char *text, const char *const *known, struct reply *error_r)
{
    char *value = strchr(text, '=');
    if (value != NULL) {
        *value++ = '\0';
    }
    if (value == NULL || !decode(text) || !decode(value) || !utf8_valid((const uint8_t *)text, strlen(text)) ||
        !utf8_valid((const uint8_t *)value, strlen(value)) || has_control(value, strlen(value))) {
        return refuse(error_r, reply_error(400, "invalid_query", "The query is not NAME=VALUE, joined by \"&\"."));
    }
    if (!is_known(known, text)) {
        return refuse(error_r, reply_error(400, "unknown_parameter", "There is no parameter \"%s\" here.", text));
    }
    if (query_value(query, text) != NULL) {
        return refuse(error_r, reply_error(400, "repeated_parameter", "The parameter \"%s\" is given twice.", text));
    }
    if (value[0] == '\0') {
        return refuse(error_r, reply_error(400, "invalid_parameter", "The parameter \"%s\" is empty.", text));
    }
    if (query->count == QUERY_PARAMETERS_MAX) {
        return refuse(error_r, reply_error(400, "invalid_query", "There are too many parameters."));
    }
    query->parameters[query->count].name = text;
    query->parameters[query->count].value = value;
    query->count++;
    return true;
}

bool query_parse(struct head_span text, const char *const *known, struct query *query_r, struct reply *error_r)
{
    struct query query = {.text = malloc(text.size + 1)};
    if (query.text == NULL) {
        return refuse(error_r, reply_json(503, NULL));
    }
    if (text.size > 0) {
        memcpy(query.text, text.bytes, text.size);
    }
    query.text[text.size] = '\0';
    char *rest = text.size > 0 ? query.text : NULL;
    while (rest != NULL) {
        char *next = strchr(rest, '&');
        if (next != NULL) {
            *next++ = '\0';
        }
        if (!take_parameter(&query, rest, known, error_r)) {
            query_free(&query);
            return false;
        }
        rest = next;
    }
    *query_r = query;
    return true;
}

void query_free(struct query *query)
{
    free(query->text);
    *query = (struct query){0};
}

const char *query_value(const struct query *query, const char *name)
{
    for (size_t i = 0; i < query->count; i++) {
        if (strcmp(query->parameters[i].name, name) == 0) {
            return query->parameters[i].value;
        }
    }
    return NULL;
}

bool query_parse_number(const char *text, uint64_t *number_r)
{
    uint64_t number = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9') {
            return false;
        }
        uint64_t digit = (uint64_t)(*at - '0');
        if (number > (UINT64_MAX - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
    }
    *number_r = number;
    return text[0] != '\0';
}

bool query_number(const struct query *query, const char *name, uint64_t least, uint64_t most, uint64_t fallback,
                  uint64_t *number_r, struct reply *error_r)
{
    const char *text = query_value(query, name);
    uint64_t number = fallback;
    if (text != NULL && (!query_parse_number(text, &number) || number < least || number > most)) {
        return refuse(error_r, reply_error(400, "invalid_parameter",
                                           "The parameter \"%s\" is no whole number from %llu to %llu.", name,
                                           (unsigned long long)least, (unsigned long long)most));
    }
    *number_r = number;
    return true;
}

bool query_parse_body(const char *bytes, size_t size, const char *const *known, json_t **body_r, struct reply *error_r)
{
    static const struct json_bounds bounds = {.max_size = SIZE_MAX, .max_depth = QUERY_BODY_DEPTH};
    const enum json_bounds_status status = json_bounds_check(&bounds, (const uint8_t *)bytes, size);
    if (status != JSON_BOUNDS_OK) {
        return refuse(error_r,
                      reply_error(400, "invalid_json", "The body is refused: %s", json_bounds_sentence(status)));
    }
    json_error_t error;
    json_t *body = json_parse(bytes, size, JSON_REJECT_DUPLICATES, &error);
    if (body == NULL) {
        return refuse(error_r, reply_error(400, "invalid_json", "The body is not JSON: line %d, column %d.", error.line,
                                           error.column));
    }
    const char *name;
    json_t *value;
    if (!json_is_object(body)) {
        json_decref(body);
        return refuse(error_r, reply_error(400, "invalid_json", "The body is not a JSON object."));
    }
    json_object_foreach(body, name, value)
    {
        if (!is_known(known, name)) {
            *error_r = reply_error(400, "unknown_field", "There is no field \"%s\" here.", name);
            json_decref(body);
            return false;
        }
    }
    *body_r = body;
    return true;
}

bool query_check_text(const char *name, const char *text, size_t size, size_t max, struct reply *error_r)
{
    if (size > 0 && size <= max && !has_control(text, size)) {
        return true;
    }
    return refuse(error_r,
                  reply_error(400, "invalid_field",
                              "\"%s\" is not a text of 1 to %zu bytes without control characters.", name, max));
}
