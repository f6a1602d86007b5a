/*
 * client - see client.h. HTTP by libcurl; the token goes from its file into a header field and nowhere else.
 */
#include "server/ctl/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/crypto.h>

#include "auth/secret.h"
#include "validate/json_bounds.h"

#define DEFAULT_ADMIN "http://127.0.0.1:9090"
#define TOKEN_MAX     512 /* characters */
#define ANSWER_MAX    (64 * 1024 * 1024)
#define ANSWER_DEPTH  64
/* A reload may take a minute; see server/admin/api_control.c. */
#define TIMEOUT_S         90L
#define CONNECT_TIMEOUT_S 10L
#define PAGE_MAX          1000 /* items that the API lists at once */

static const char *const default_token_files[] = {"state/admin.token", "/var/lib/portcullis/state/admin.token"};
#define DEFAULT_COUNT (sizeof(default_token_files) / sizeof(default_token_files[0]))

struct answer {
    char *bytes;
    size_t size;
    bool failed; /* too large, or no memory */
};

bool client_add_parameter(char path[CLIENT_PATH_MAX], const char *name, const char *value)
{
    size_t used = strlen(path);
    char *escaped = curl_easy_escape(NULL, value, (int)strnlen(value, CLIENT_PATH_MAX));
    int size = escaped == NULL ? -1
                               : snprintf(path + used, CLIENT_PATH_MAX - used, "%c%s=%s",
                                          strchr(path, '?') == NULL ? '?' : '&', name, escaped);
    curl_free(escaped);
    if (size < 0 || (size_t)size >= CLIENT_PATH_MAX - used) {
        ctl_error("--%s: too long", name);
        return false;
    }
    return true;
}

/* ---- the token ---- */

static const char *token_file_of(const struct ctl_options *options)
{
    if (options->token_file != NULL) {
        return options->token_file;
    }
    size_t i = 0;
    while (i + 1 < DEFAULT_COUNT && access(default_token_files[i], F_OK) != 0) {
        i++;
    }
    return access(default_token_files[i], F_OK) == 0 ? default_token_files[i] : default_token_files[0];
}

/* "Authorization: Bearer TOKEN", to be wiped by the caller. */
static bool make_field(const struct ctl_options *options, char *field, size_t field_size)
{
    const char *file = token_file_of(options);
    struct secret secret = {NULL, 0};
    enum secret_status status = secret_load(file, TOKEN_MAX + 1, &secret);
    if (status != SECRET_OK) {
        int error = errno;
        ctl_error("%s %s%s%s%s", file, secret_status_text(status), status == SECRET_UNREADABLE ? ": " : "",
                  status == SECRET_UNREADABLE ? strerror(error) : "",
                  options->token_file == NULL ? "; --token-file names another one" : "");
        return false;
    }
    size_t size = strcspn((const char *)secret.bytes, "\r\n");
    bool whole = size > 0 && size + 1 >= secret.size;
    if (whole) {
        snprintf(field, field_size, "Authorization: Bearer %.*s", (int)size, (const char *)secret.bytes);
    } else {
        ctl_error("%s holds no token, which is one line", file);
    }
    secret_free(&secret);
    return whole;
}

/* ---- the request ---- */

static size_t take_bytes(char *bytes, size_t one, size_t count, void *context)
{
    struct answer *answer = context;
    size_t size = one * count;
    if (size > ANSWER_MAX - answer->size) {
        answer->failed = true;
        return 0;
    }
    char *grown = realloc(answer->bytes, answer->size + size + 1);
    if (grown == NULL) {
        answer->failed = true;
        return 0;
    }
    memcpy(grown + answer->size, bytes, size);
    answer->bytes = grown;
    answer->size += size;
    grown[answer->size] = '\0';
    return size;
}

/* No proxies, redirects or other protocols: the token is for this server alone. */
static void prepare(CURL *curl, const char *url, const char *method, const char *body, struct curl_slist *fields,
                    struct answer *answer)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    if (body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
}

static void report_failure(const char *url, CURLcode code, long system_error, const struct answer *answer)
{
    if (answer->failed) {
        ctl_error("the answer of %s does not fit into memory", url);
    } else if (code == CURLE_COULDNT_CONNECT) {
        ctl_error("cannot reach %s: %s; is the server running?", url,
                  system_error != 0 ? strerror((int)system_error) : curl_easy_strerror(code));
    } else {
        ctl_error("cannot reach %s: %s", url, curl_easy_strerror(code));
    }
}

/* An array of lines, as a refused reload has. */
static void report_details(const json_t *details)
{
    size_t index;
    const json_t *line;
    json_array_foreach(details, index, line)
    {
        ctl_error("%s", json_is_string(line) ? json_string_value(line) : "?");
    }
}

/* What the server said, as JSON; NULL when it said something else. */
static json_t *parse(const struct answer *answer)
{
    static const struct json_bounds bounds = {.max_size = ANSWER_MAX, .max_depth = ANSWER_DEPTH};
    if (answer->bytes == NULL ||
        json_bounds_check(&bounds, (const uint8_t *)answer->bytes, answer->size) != JSON_BOUNDS_OK) {
        return NULL;
    }
    return json_loadb(answer->bytes, answer->size, JSON_REJECT_DUPLICATES, NULL);
}

static void print_json(const json_t *said)
{
    if (json_dumpf(said, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII) != 0 || putchar('\n') == EOF) {
        ctl_error("the answer could not be written");
    }
}

/* Takes over `said`. */
static int judge(const struct ctl_options *options, const char *url, long status, json_t *said, json_t **answer_r)
{
    if (said == NULL) {
        ctl_error("%s does not answer as Portcullis does (HTTP status %ld)", url, status);
        return CTL_FAILED;
    }
    if (status >= 200 && status < 300) {
        *answer_r = said;
        return CTL_DONE;
    }
    if (options->json) {
        print_json(said);
    }
    const json_t *error = json_object_get(said, "error");
    const char *message = json_string_value(json_object_get(error, "message"));
    if (!options->json) {
        ctl_error("%s", message != NULL ? message : "the server refused without saying why");
        report_details(json_object_get(error, "details"));
    }
    json_decref(said);
    return CTL_FAILED;
}

static int perform(const struct ctl_options *options, CURL *curl, const char *admin, json_t **answer_r,
                   struct answer *answer)
{
    long status = 0;
    long system_error = 0;
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &system_error);
        report_failure(admin, code, system_error, answer);
        return CTL_UNREACHABLE;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return judge(options, admin, status, parse(answer), answer_r);
}

/* URL of the API and a path of it. False when --admin is no such URL. */
static bool make_url(const char *admin, const char *path, char *url, size_t url_size)
{
    size_t size = strlen(admin);
    while (size > 0 && admin[size - 1] == '/') {
        size--;
    }
    bool plain = strncmp(admin, "http://", strlen("http://")) == 0 &&
                 strcspn(admin + strlen("http://"), "/?#@ ") + strlen("http://") >= size && size > strlen("http://");
    int needed = plain ? snprintf(url, url_size, "%.*s%s", (int)size, admin, path) : -1;
    if (needed < 0 || (size_t)needed >= url_size) {
        ctl_error("--admin: expected a URL such as %s, found %s", DEFAULT_ADMIN, admin);
        return false;
    }
    return true;
}

/* As client_call(), but what the server said is printed only when it refused. */
static int ask(const struct ctl_options *options, const char *method, const char *path, const json_t *body,
               json_t **answer_r)
{
    char url[2 * CLIENT_PATH_MAX];
    char field[TOKEN_MAX + 64] = "";
    const char *admin = options->admin != NULL ? options->admin : DEFAULT_ADMIN;
    struct answer answer = {0};
    int result = CTL_FAILED;
    if (!make_url(admin, path, url, sizeof(url)) || !make_field(options, field, sizeof(field))) {
        return CTL_USAGE;
    }
    CURL *curl = curl_easy_init();
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    struct curl_slist *fields = curl_slist_append(NULL, field);
    struct curl_slist *all = fields == NULL ? NULL : curl_slist_append(fields, "Content-Type: application/json");
    if (curl != NULL && all != NULL && (text != NULL || body == NULL)) {
        prepare(curl, url, method, text, all, &answer);
        result = perform(options, curl, admin, answer_r, &answer);
    } else {
        ctl_error("no memory");
    }
    if (fields != NULL) {
        OPENSSL_cleanse(fields->data, strlen(fields->data));
    }
    OPENSSL_cleanse(field, sizeof(field));
    curl_slist_free_all(fields);
    curl_easy_cleanup(curl);
    free(text);
    free(answer.bytes);
    return result;
}

int client_call(const struct ctl_options *options, const char *method, const char *path, const json_t *body,
                json_t **answer_r)
{
    int result = ask(options, method, path, body, answer_r);
    if (result == CTL_DONE && options->json) {
        print_json(*answer_r);
    }
    return result;
}

/* ---- lists ---- */

static bool add_number(char path[CLIENT_PATH_MAX], const char *name, json_int_t value)
{
    char number[32];
    (void)snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, value);
    return client_add_parameter(path, name, number);
}

/* Adds the items behind *next to `items`. *next is 0 behind the last page. */
static int take_page(const struct ctl_options *options, const char *path, const char *member, size_t limit,
                     json_t *items, json_int_t *next)
{
    char whole[CLIENT_PATH_MAX];
    json_t *page = NULL;
    const size_t wanted = limit - json_array_size(items);
    (void)snprintf(whole, sizeof(whole), "%s", path);
    if (!add_number(whole, "limit", wanted < PAGE_MAX ? (json_int_t)wanted : PAGE_MAX) ||
        (*next != 0 && !add_number(whole, "after", *next))) {
        return CTL_USAGE;
    }
    int result = ask(options, "GET", whole, NULL, &page);
    if (result != CTL_DONE) {
        return result;
    }
    const json_t *found = json_object_get(page, member);
    const json_int_t before = *next;
    *next = json_integer_value(json_object_get(page, "next"));
    /* Numbers grow; one that answers otherwise would keep us for ever. */
    if (!json_is_array(found) || (*next != 0 && (*next <= before || json_array_size(found) == 0))) {
        ctl_error("the server does not list as Portcullis does");
        result = CTL_FAILED;
    } else if (json_array_extend(items, (json_t *)(uintptr_t)found) != 0) {
        ctl_error("no memory");
        result = CTL_FAILED;
    }
    json_decref(page);
    return result;
}

int client_list(const struct ctl_options *options, const char *path, const char *member, size_t limit,
                json_t **answer_r)
{
    json_int_t next = 0;
    int result;
    json_t *items = json_array();
    do {
        result = take_page(options, path, member, limit, items, &next);
    } while (result == CTL_DONE && next != 0 && json_array_size(items) < limit);
    if (result != CTL_DONE) {
        json_decref(items);
        return result;
    }
    json_t *answer = json_pack("{soso}", member, items, "next", next != 0 ? json_integer(next) : json_null());
    if (answer == NULL) {
        ctl_error("no memory");
        return CTL_FAILED;
    }
    if (options->json) {
        print_json(answer);
    }
    *answer_r = answer;
    return CTL_DONE;
}
