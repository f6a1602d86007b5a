/*
 * main - the command line of `portcullis`.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <gnu/libc-version.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>
#include <jansson.h>
#include <libconfig.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <zlib.h>

#include "server/config/config.h"
#include "server/credentials.h"
#include "server/door/door.h"
#include "server/secrets.h"
#include "server/server.h"
#include "server/version.h"
#include "validate/json_parse.h"

static const char *const default_files[] = {"etc/portcullis.conf", "/etc/portcullis/portcullis.conf"};

enum option_code { OPTION_CHECK = 256, OPTION_REFERENCE };

static void print_help(FILE *out)
{
    fputs("usage: portcullis [-c FILE] [--check-config] [--help-config] [--version] [--help]\n"
          "\n"
          "A hardened WebSocket server.\n"
          "\n"
          "  -c, --config FILE   the config file (default: etc/portcullis.conf, then\n"
          "                      /etc/portcullis/portcullis.conf)\n"
          "      --check-config  report every error of the config file and exit: 0 when there is none, else 1\n"
          "      --help-config   print every key of the config file with its type, range and default\n"
          "  -V, --version       print the versions of portcullis and of the libraries in use\n"
          "  -h, --help          print this\n"
          "\n"
          "SIGTERM and SIGINT end it: sessions are closed with 1001 first. SIGHUP makes it read the config file and\n"
          "open its logs again.\n",
          out);
}

static void print_versions(void)
{
    printf("portcullis %s\n", PORTCULLIS_VERSION);
    printf("civetweb %s\n", door_civetweb_version());
    printf("OpenSSL %s\n", OpenSSL_version(OPENSSL_VERSION_STRING));
    printf("libconfig %d.%d.%d (headers; the library does not tell)\n", LIBCONFIG_VER_MAJOR, LIBCONFIG_VER_MINOR,
           LIBCONFIG_VER_REVISION);
    printf("zlib %s\n", zlibVersion());
    printf("jansson %s\n", jansson_version_str());
    printf("libcurl %s\n", curl_version_info(CURLVERSION_NOW)->version);
    printf("SQLite %s\n", sqlite3_libversion());
    printf("glibc %s\n", gnu_get_libc_version());
}

static void report(void *context, bool is_error, const char *line)
{
    (void)context;
    fprintf(stderr, "%s%s\n", is_error ? "" : "warning: ", line);
}

static void note_missing(void *context, const char *file)
{
    (void)context;
    fprintf(stderr, "note: %s does not exist; the server makes it when it starts\n", file);
}

static int check_config(const char *file)
{
    const struct config *config = config_load(file, report, NULL);
    if (config == NULL) {
        return 1;
    }
    (void)secrets_missing(config, note_missing, NULL);
    bool good = credentials_check(config, report, NULL);
    config_unref(&config);
    if (good) {
        printf("%s: ok\n", file);
    }
    return good ? 0 : 1;
}

/* NULL when there is none, which has been told then. One that cannot be looked at is taken: reading it says why. */
static const char *default_file(void)
{
    for (size_t i = 0; i < sizeof(default_files) / sizeof(default_files[0]); i++) {
        if (access(default_files[i], F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR)) {
            return default_files[i];
        }
    }
    fprintf(stderr, "portcullis: there is neither %s nor %s; name a config file with -c\n", default_files[0],
            default_files[1]);
    return NULL;
}

/* Started with standard descriptors closed, a socket would become number 1 and get what is meant for the terminal. */
static bool fill_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    return fd >= 0 && close(fd) == 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check-config", no_argument, NULL, OPTION_CHECK},
        {"help-config", no_argument, NULL, OPTION_REFERENCE},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *file = NULL;
    bool check = false;
    json_parse_install();
    if (!fill_standard_descriptors()) {
        perror("portcullis: /dev/null");
        return 1;
    }
    int code;
    while ((code = getopt_long(argc, argv, "c:Vh", options, NULL)) != -1) {
        switch (code) {
        case 'c':
            file = optarg;
            break;
        case OPTION_CHECK:
            check = true;
            break;
        case OPTION_REFERENCE:
            config_write_reference(stdout);
            return 0;
        case 'V':
            print_versions();
            return 0;
        case 'h':
            print_help(stdout);
            return 0;
        default:
            print_help(stderr);
            return 2;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "portcullis: unexpected argument: %s\n", argv[optind]);
        print_help(stderr);
        return 2;
    }
    if (file == NULL) {
        file = default_file();
        if (file == NULL) {
            return 1;
        }
    }
    return check ? check_config(file) : server_run(file);
}
