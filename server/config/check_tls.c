/*
 * check_tls - the section tls: keys that need each other, and the files that it names. Called by check.c.
 */
#include "server/config/check_private.h"

#include <stdlib.h>

#include "server/config/file.h"

#define CERTIFICATES_MAX       (1024 * 1024) /* bytes of a certificate chain: hundreds of certificates */
#define TICKET_ROTATION_MIN_MS 1000          /* lifetimes of tickets are whole seconds */

/* The first listener with TLS, or listener_count. */
static size_t find_tls_listener(const struct config *config)
{
    size_t i = 0;
    while (i < config->listener_count && !config->listeners[i].tls) {
        i++;
    }
    return i;
}

/* A file with certificates: whether it is one that can be read. What is in it, OpenSSL judges when it is loaded. */
void check_certificate(struct check *check, const struct place *place, const char *file)
{
    char *bytes = NULL;
    size_t size = 0;
    const char *error = check->use_files ? file_read(file, CERTIFICATES_MAX, &bytes, &size) : NULL;
    if (error != NULL) {
        report_error(check->report, place->line, place->path, "%s cannot be read: %s", file, error);
    }
    free(bytes);
}

/* A file that tls.`key` names. False when it is not given, or no listener (there are listener_count) uses TLS. */
static bool resolve_tls(struct check *check, const char *key, const char **file, struct place *place)
{
    place_of(place, check, "tls", key);
    *file = check_resolve(check, check->folder, *file);
    return (*file)[0] != '\0' && find_tls_listener(check->config) < check->config->listener_count;
}

/* As above, for one that must be given when a listener uses TLS. */
static bool require_tls(struct check *check, const char *key, const char **file, struct place *place)
{
    size_t listener = find_tls_listener(check->config);
    bool used = resolve_tls(check, key, file, place);
    if ((*file)[0] == '\0' && listener < check->config->listener_count) {
        report_error(check->report, place->line, place->path, "missing; listeners[%zu] uses TLS", listener);
    }
    return used;
}

static void check_certificates(struct check *check)
{
    struct config *config = check->config;
    struct config_certificate *certificates =
        check_copy_array(check, config->tls.certificates, config->tls.certificate_count, sizeof(*certificates));
    bool used = find_tls_listener(config) < config->listener_count;
    for (size_t i = 0; certificates != NULL && i < config->tls.certificate_count; i++) {
        struct place place;
        certificates[i].certificate = check_resolve(check, check->folder, certificates[i].certificate);
        certificates[i].key = check_resolve(check, check->folder, certificates[i].key);
        if (used) {
            place_of_member(&place, check, "tls", "certificates", i, "certificate");
            check_certificate(check, &place, certificates[i].certificate);
            place_of_member(&place, check, "tls", "certificates", i, "key");
            check_secret_file(check, &place, certificates[i].key, false);
        }
    }
    if (certificates != NULL) {
        config->tls.certificates = certificates;
    }
}

static void check_clients(struct check *check)
{
    struct config *config = check->config;
    struct place place;
    if (resolve_tls(check, "client_ca", &config->tls.client_ca, &place)) {
        check_certificate(check, &place, config->tls.client_ca);
    }
    if (config->tls.client_verify != CONFIG_VERIFY_NONE && config->tls.client_ca[0] == '\0') {
        report_error(check->report, place.line, place.path, "missing; tls.client_verify asks for certificates");
    } else if (config->tls.client_verify == CONFIG_VERIFY_NONE && config->tls.client_ca[0] != '\0') {
        report_warning(check->report, place.line, place.path, "not used: tls.client_verify is \"none\"");
    }
}

void check_tls(struct check *check)
{
    struct config *config = check->config;
    struct place place;
    if (require_tls(check, "certificate", &config->tls.certificate, &place)) {
        check_certificate(check, &place, config->tls.certificate);
    }
    if (require_tls(check, "key", &config->tls.key, &place)) {
        check_secret_file(check, &place, config->tls.key, false);
    }
    check_certificates(check);
    check_clients(check);
    if (config->tls.ticket_rotation_ms > 0 && config->tls.ticket_rotation_ms < TICKET_ROTATION_MIN_MS) {
        place_of(&place, check, "tls", "ticket_rotation");
        report_error(check->report, place.line, place.path, "expected 0 or a second at least");
    }
}
