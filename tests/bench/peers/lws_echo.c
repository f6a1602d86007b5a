/*
 * An echo server on libwebsockets, for comparison: lws_echo PORT WORKERS [CERTIFICATE KEY]. One process a worker, sharing
 * the port with SO_REUSEPORT; on libev where its plug-in is installed, without extensions and limits. The sample programs
 * of libwebsockets have no echo. Each process has one thread.
 */
#include <libwebsockets.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define RECEIVE_SIZE (64 * 1024) /* bytes of one LWS_CALLBACK_RECEIVE, at most */
#define WORKERS_MAX  256

/* Waits to be sent. The library writes the frame's header into the room in front. */
struct message {
    struct message *next;
    size_t size;
    bool is_binary;
    unsigned char bytes[]; /* LWS_PRE, then the payload */
};

/* Made and cleared by the library. */
struct session {
    struct message *first;
    struct message *last;
    struct message *incoming; /* not complete; not among the others */
};

/* Appends to the message that is coming in. */
static bool collect(struct session *session, const void *bytes, size_t size, bool is_binary)
{
    const size_t have = session->incoming != NULL ? session->incoming->size : 0;

    if (size > SIZE_MAX / 2 - have) {
        return false;
    }
    struct message *grown = realloc(session->incoming, sizeof *grown + LWS_PRE + have + size);
    if (grown == NULL) {
        return false;
    }
    if (size > 0) {
        memcpy(grown->bytes + LWS_PRE + have, bytes, size);
    }
    grown->next = NULL;
    grown->size = have + size;
    grown->is_binary = is_binary;
    session->incoming = grown;
    return true;
}

static void queue(struct session *session)
{
    if (session->last != NULL) {
        session->last->next = session->incoming;
    } else {
        session->first = session->incoming;
    }
    session->last = session->incoming;
    session->incoming = NULL;
}

static void drop_first(struct session *session)
{
    struct message *sent = session->first;

    session->first = sent->next;
    if (session->first == NULL) {
        session->last = NULL;
    }
    free(sent);
}

static int receive(struct lws *wsi, struct session *session, const void *bytes, size_t size)
{
    if (!collect(session, bytes, size, lws_frame_is_binary(wsi) != 0)) {
        return -1;
    }
    if (lws_is_final_fragment(wsi) && lws_remaining_packet_payload(wsi) == 0) {
        queue(session);
        lws_callback_on_writable(wsi);
    }
    return 0;
}

/* One message: the library takes one write a callback. */
static int send_first(struct lws *wsi, struct session *session)
{
    struct message *message = session->first;

    if (message == NULL) {
        return 0;
    }
    int put =
        lws_write(wsi, message->bytes + LWS_PRE, message->size, message->is_binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
    if (put < 0) {
        return -1;
    }
    drop_first(session);
    if (session->first != NULL) {
        lws_callback_on_writable(wsi);
    }
    return 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *bytes, size_t size)
{
    struct session *session = user;

    if (reason == LWS_CALLBACK_RECEIVE) {
        return receive(wsi, session, bytes, size);
    }
    if (reason == LWS_CALLBACK_SERVER_WRITEABLE) {
        return send_first(wsi, session);
    }
    if (reason == LWS_CALLBACK_CLOSED) {
        while (session->first != NULL) {
            drop_first(session);
        }
        free(session->incoming);
        session->incoming = NULL;
    }
    return 0;
}

static int serve(int port, const char *certificate, const char *key)
{
    static const struct lws_protocols protocols[] = {
        {.name = "echo",
         .callback = on_event,
         .per_session_data_size = sizeof(struct session),
         .rx_buffer_size = RECEIVE_SIZE},
        {.name = NULL},
    };
    struct rlimit limit = {0};
    struct lws_context_creation_info info;
    struct lws_context *context = NULL;

    memset(&info, 0, sizeof info);
    info.port = port;
    info.iface = "127.0.0.1";
    info.protocols = protocols;
    info.options = LWS_SERVER_OPTION_ALLOW_LISTEN_SHARE | LWS_SERVER_OPTION_LIBEV;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        info.fd_limit_per_thread = (unsigned)limit.rlim_cur;
    }
    if (certificate != NULL) {
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        info.ssl_cert_filepath = certificate;
        info.ssl_private_key_filepath = key;
    }
    context = lws_create_context(&info);
    if (context == NULL) { /* without the plug-in: poll() */
        info.options &= ~(uint64_t)LWS_SERVER_OPTION_LIBEV;
        context = lws_create_context(&info);
    }
    if (context == NULL) {
        return EXIT_FAILURE;
    }
    while (lws_service(context, 0) >= 0) {
    }
    lws_context_destroy(context);
    return EXIT_SUCCESS;
}

static bool read_number(const char *text, long max, long *value_r)
{
    char *end = NULL;

    *value_r = strtol(text, &end, 10);
    return end != text && *end == '\0' && *value_r >= 1 && *value_r <= max;
}

int main(int argc, char **argv)
{
    long port = 0;
    long workers = 0;

    if ((argc != 3 && argc != 5) || !read_number(argv[1], UINT16_MAX, &port) ||
        !read_number(argv[2], WORKERS_MAX, &workers)) {
        fprintf(stderr, "usage: lws_echo PORT WORKERS [CERTIFICATE KEY]\n");
        return 2;
    }
    lws_set_log_level(LLL_ERR, NULL);
    printf("libwebsockets %s\n", lws_get_library_version());
    fflush(stdout);
    for (long i = 1; i < workers; i++) {
        if (fork() == 0) {
            break;
        }
    }
    return serve((int)port, argc == 5 ? argv[3] : NULL, argc == 5 ? argv[4] : NULL);
}
