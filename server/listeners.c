/*
 * listeners - see listeners.h. Called by server.c at the start.
 */
#include "server/listeners.h"

#include "server/lobby/listener.h"

/* Makes the inherited socket of a listener ready or, where there is none (-1), opens one. False: `error` says why. */
static bool open_one(const struct config_listener *listener, struct log *log, int *fd, char *error, size_t error_size)
{
    if (*fd < 0) {
        *fd = listener_open(listener, error, error_size);
        return *fd >= 0;
    }
    if (!listener_adopt(*fd, listener, error, error_size)) {
        return false;
    }
    log_event(log, LOG_NOTICE, "inherited", log_str("listener", listener->text));
    return true;
}

bool listeners_open(const struct config *config, struct inherited *inherited, struct log *log,
                    struct lobby_listener *listeners, bool *inherited_r, char *error, size_t error_size)
{
    *inherited_r = false;
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_listener *listener = &config->listeners[i];
        listeners[i] = (struct lobby_listener){.fd = inherited_take(inherited, listener), .tls = listener->tls};
        *inherited_r = *inherited_r || listeners[i].fd >= 0;
    }
    /* Before any is opened: a socket that is left over may well be why an address is in use, and is what to tell. */
    if (!inherited_all_taken(inherited, error, error_size)) {
        return false;
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        if (!open_one(&config->listeners[i], log, &listeners[i].fd, error, error_size)) {
            return false;
        }
    }
    return true;
}

void listeners_log(const struct lobby *lobby, struct log *log)
{
    size_t count = 0;
    const struct lobby_listener *listeners = lobby_listeners(lobby, &count);
    for (size_t i = 0; i < count; i++) {
        struct address address;
        uint16_t port;
        char text[ADDRESS_TEXT_SIZE];
        if (listener_address(listeners[i].fd, &address, &port)) {
            log_event(log, LOG_NOTICE, "listening", log_str("address", address_format_port(&address, port, text)),
                      log_bool("tls", listeners[i].tls));
        }
    }
}
