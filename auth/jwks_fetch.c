/*
 * jwks_fetch - libcurl's multi interface. https alone, no redirects, no proxy, nothing decompressed, nothing kept between two
 * fetches: neither connections nor cookies nor authorities, whose file may be exchanged.
 */
#include "auth/jwks_fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "auth/jwks.h"

#define CONNECT_TIMEOUT_MS 5000
#define HEAD_SIZE_MAX      (64 * 1024) /* bytes of all header lines; libcurl keeps them */
#define HTTP_OK            200

struct jwks_fetcher {
    CURLM *multi;
    struct curl_slist *headers;
};

struct jwks_fetch {
    CURL *easy;
    void *context;
    size_t head_size;
    size_t size;
    bool too_large;
    char error[CURL_ERROR_SIZE];
    char text[CURL_ERROR_SIZE]; /* the error as it is told */
    uint8_t bytes[JWKS_SIZE_MAX];
};

struct jwks_fetcher *jwks_fetcher_create(void)
{
    struct jwks_fetcher *fetcher = calloc(1, sizeof(*fetcher));
    if (fetcher == NULL) {
        return NULL;
    }
    fetcher->multi = curl_multi_init();
    fetcher->headers = curl_slist_append(NULL, "Accept: application/jwk-set+json, application/json");
    if (fetcher->multi == NULL || fetcher->headers == NULL) {
        jwks_fetcher_destroy(&fetcher);
    }
    return fetcher;
}

void jwks_fetcher_destroy(struct jwks_fetcher **fetcher_pointer)
{
    struct jwks_fetcher *fetcher = *fetcher_pointer;
    if (fetcher == NULL) {
        return;
    }
    *fetcher_pointer = NULL;
    (void)curl_multi_cleanup(fetcher->multi);
    curl_slist_free_all(fetcher->headers);
    free(fetcher);
}

void jwks_fetcher_wake(struct jwks_fetcher *fetcher)
{
    (void)curl_multi_wakeup(fetcher->multi);
}

/* -- one fetch --------------------------------------------------------------------------------------------------- */

/* Called by libcurl; anything but all of it ends the transfer. */
static size_t take_body(char *bytes, size_t unit, size_t count, void *context)
{
    struct jwks_fetch *fetch = context;
    const size_t size = unit * count; /* `unit` is 1 */
    if (size > sizeof(fetch->bytes) - fetch->size) {
        fetch->too_large = true;
        return 0;
    }
    memcpy(fetch->bytes + fetch->size, bytes, size);
    fetch->size += size;
    return size;
}

static size_t take_header(char *bytes, size_t unit, size_t count, void *context)
{
    struct jwks_fetch *fetch = context;
    const size_t size = unit * count;
    (void)bytes;
    if (size > HEAD_SIZE_MAX - fetch->head_size) {
        fetch->too_large = true;
        return 0;
    }
    fetch->head_size += size;
    return size;
}

static bool set_number(CURL *easy, CURLoption option, long value)
{
    return curl_easy_setopt(easy, option, value) == CURLE_OK;
}

static bool set_text(CURL *easy, CURLoption option, const char *value)
{
    return curl_easy_setopt(easy, option, value) == CURLE_OK;
}

static bool set_bounds(CURL *easy)
{
    return set_text(easy, CURLOPT_PROTOCOLS_STR, "https") && set_number(easy, CURLOPT_FOLLOWLOCATION, 0) &&
           set_text(easy, CURLOPT_PROXY, "") && /* not what the environment says: it is not part of the config */
           set_number(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1) &&
           set_number(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1) &&
           set_number(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS) &&
           set_number(easy, CURLOPT_TIMEOUT_MS, JWKS_TIMEOUT_MS) && set_number(easy, CURLOPT_NOSIGNAL, 1) &&
           /* A name server that does not answer keeps a thread of libcurl's; nobody waits for that one. */
           set_number(easy, CURLOPT_QUICK_EXIT, 1) && set_number(easy, CURLOPT_FORBID_REUSE, 1);
}

static bool set_tls(CURL *easy, const char *ca_file)
{
    if (!set_number(easy, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2) ||
        !set_number(easy, CURLOPT_SSL_VERIFYPEER, 1) || !set_number(easy, CURLOPT_SSL_VERIFYHOST, 2) ||
        !set_number(easy, CURLOPT_CA_CACHE_TIMEOUT, 0)) {
        return false;
    }
    /* The system's folder would vouch for servers besides the file. */
    return ca_file[0] == '\0' || (set_text(easy, CURLOPT_CAINFO, ca_file) && set_text(easy, CURLOPT_CAPATH, NULL));
}

static bool set_callbacks(struct jwks_fetch *fetch)
{
    CURL *easy = fetch->easy;
    return curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->error) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, fetch) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PRIVATE, fetch) == CURLE_OK;
}

struct jwks_fetch *jwks_fetch_begin(struct jwks_fetcher *fetcher, const char *url, const char *ca_file, void *context)
{
    struct jwks_fetch *fetch = calloc(1, sizeof(*fetch));
    if (fetch == NULL) {
        return NULL;
    }
    fetch->context = context;
    fetch->easy = curl_easy_init();
    if (fetch->easy == NULL || !set_bounds(fetch->easy) || !set_tls(fetch->easy, ca_file) || !set_callbacks(fetch) ||
        !set_text(fetch->easy, CURLOPT_URL, url) ||
        curl_easy_setopt(fetch->easy, CURLOPT_HTTPHEADER, fetcher->headers) != CURLE_OK ||
        curl_multi_add_handle(fetcher->multi, fetch->easy) != CURLM_OK) {
        curl_easy_cleanup(fetch->easy);
        free(fetch);
        return NULL;
    }
    return fetch;
}

void jwks_fetch_end(struct jwks_fetcher *fetcher, struct jwks_fetch **fetch_pointer)
{
    struct jwks_fetch *fetch = *fetch_pointer;
    if (fetch == NULL) {
        return;
    }
    *fetch_pointer = NULL;
    (void)curl_multi_remove_handle(fetcher->multi, fetch->easy);
    curl_easy_cleanup(fetch->easy);
    free(fetch);
}

/* -- what came of them ------------------------------------------------------------------------------------------- */

static const char *tell(struct jwks_fetch *fetch, CURLcode code)
{
    long status = 0;
    (void)curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    if (fetch->too_large) {
        (void)snprintf(fetch->text, sizeof(fetch->text), "the answer is larger than a key set may be");
    } else if (code != CURLE_OK) {
        (void)snprintf(fetch->text, sizeof(fetch->text), "%s",
                       fetch->error[0] != '\0' ? fetch->error : curl_easy_strerror(code));
    } else if (status >= 300 && status < 400) {
        (void)snprintf(fetch->text, sizeof(fetch->text), "HTTP status %ld: redirects are not followed", status);
    } else if (status != HTTP_OK) {
        (void)snprintf(fetch->text, sizeof(fetch->text), "HTTP status %ld", status);
    } else {
        fetch->text[0] = '\0';
    }
    return fetch->text;
}

void jwks_fetcher_run(struct jwks_fetcher *fetcher, int timeout_ms,
                      void (*answer)(void *context, const struct jwks_answer *answer), void *context)
{
    int running;
    int left;
    CURLMsg *message;
    (void)curl_multi_poll(fetcher->multi, NULL, 0, timeout_ms, NULL);
    (void)curl_multi_perform(fetcher->multi, &running);
    while ((message = curl_multi_info_read(fetcher->multi, &left)) != NULL) {
        struct jwks_fetch *fetch = NULL;
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&fetch) == CURLE_OK) {
            const struct jwks_answer got = {.context = fetch->context,
                                            .bytes = fetch->bytes,
                                            .size = fetch->size,
                                            .error = tell(fetch, message->data.result)};
            answer(context, &got);
        }
    }
}
