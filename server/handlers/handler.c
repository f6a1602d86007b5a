/*
 * handler - the handlers there are, by name; see handler.h.
 */
#include "server/handlers/handler.h"

#include <string.h>

static const struct handler *const handlers[] = {&echo_handler};

const struct handler *handler_find(const char *name)
{
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (strcmp(handlers[i]->name, name) == 0) {
            return handlers[i];
        }
    }
    return NULL;
}
