/*
 * token - the command `token`: makes tokens and explains them, from the config file alone. No API makes identities.
 */
#include "server/ctl/token.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "server/config/units.h"
#include "server/ctl/command.h"

#define TTL_DEFAULT_S (60 * 60)

enum option_code { OPTION_USER = 256, OPTION_TTL, OPTION_CLAIM, OPTION_KEY, OPTION_INSPECT };

/* What the command line says. */
struct order {
    const char *file;
    const char *inspect;
    struct token_order sign;
};

/* Warnings are the server's to give. */
static void report(void *context, bool is_error, const char *line)
{
    (void)context;
    if (is_error) {
        ctl_error("%s", line);
    }
}

static bool parse_ttl(const char *text, int64_t *ttl_s)
{
    int64_t ttl_ms = 0;
    char *end = NULL;
    const long long seconds = strtoll(text, &end, 10);
    if (*text >= '0' && *text <= '9' && *end == '\0') {
        *ttl_s = seconds;
        return seconds > 0 && seconds <= INT32_MAX;
    }
    if (!units_parse_duration(text, &ttl_ms) || ttl_ms < 1000) {
        return false;
    }
    *ttl_s = ttl_ms / 1000;
    return true;
}

/* False when an option is wrong, which has been reported. `claims` has room for all of them. */
static bool parse(struct order *order, char **claims, int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"user", required_argument, NULL, OPTION_USER},
        {"ttl", required_argument, NULL, OPTION_TTL},
        {"claim", required_argument, NULL, OPTION_CLAIM},
        {"key", required_argument, NULL, OPTION_KEY},
        {"inspect", required_argument, NULL, OPTION_INSPECT},
        {NULL, 0, NULL, 0},
    };
    int code;
    ctl_name_program(argv);
    while ((code = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
        switch (code) {
        case 'c':
            order->file = optarg;
            break;
        case OPTION_USER:
            order->sign.user = optarg;
            break;
        case OPTION_TTL:
            if (!parse_ttl(optarg, &order->sign.ttl_s)) {
                ctl_error("--ttl: expected a duration of a second at least, such as 90, 10m, 1h or 30d, found %s",
                          optarg);
                return false;
            }
            break;
        case OPTION_CLAIM:
            claims[order->sign.claim_count++] = optarg;
            break;
        case OPTION_KEY:
            order->sign.key_id = optarg;
            break;
        case OPTION_INSPECT:
            order->inspect = optarg;
            break;
        default:
            return false; /* getopt_long() has said why */
        }
    }
    if (optind < argc) {
        ctl_error("token: unexpected argument"); /* which may be a token, so it is not shown */
        return false;
    }
    return true;
}

/* What cannot go together, or must. */
static bool is_complete(const struct order *order)
{
    const char *missing = order->file == NULL                                  ? "-c FILE is missing"
                          : order->inspect == NULL && order->sign.user == NULL ? "--user or --inspect is missing"
                          : order->inspect != NULL && (order->sign.user != NULL || order->sign.claim_count > 0 ||
                                                       order->sign.key_id != NULL)
                              ? "--inspect goes with -c alone"
                              : NULL;
    if (missing != NULL) {
        ctl_error("token: %s; see portcullisctl token --help", missing);
    }
    return missing == NULL;
}

static int run(const struct ctl_options *options, int argc, char **argv)
{
    (void)options;
    struct order order = {.sign = {.ttl_s = TTL_DEFAULT_S}};
    int status = CTL_USAGE;
    char **claims = calloc((size_t)argc, sizeof(char *));
    if (claims == NULL) {
        ctl_error("no memory");
        return CTL_FAILED;
    }
    order.sign.claims = claims;
    if (parse(&order, claims, argc, argv) && is_complete(&order)) {
        const struct config *config = config_load(order.file, report, NULL);
        if (config != NULL) {
            status = order.inspect != NULL ? ctl_token_inspect(config, order.inspect)
                                           : ctl_token_sign(order.file, &config, &order.sign);
        }
        config_unref(&config);
    }
    free(claims);
    return status;
}

const struct command command_token = {
    .name = "token",
    .usage = "-c FILE --user USER [--ttl 1h] [--claim NAME=VALUE]... [--key ID]\n"
             "       portcullisctl token -c FILE --inspect TOKEN",
    .summary = "make a token, or say what the server would decide about one",
    .help =
        "Without --inspect it signs a token with a key of the config file and prints it, and nothing else. A secret "
        "that\n"
        "is not there yet is made, as the server does when it starts.\n"
        "\n"
        "  -c, --config FILE       the server's config file\n"
        "      --user USER         whose token it is: the first claim of auth.user_claims\n"
        "      --ttl DURATION      until it expires: 90, 10m, 1h (the default), 30d\n"
        "      --claim NAME=VALUE  one more claim, or another value for one that is made by itself (iat, exp, jti, "
        "and\n"
        "                          iss and aud where the key or the config asks for them); VALUE is JSON where it is\n"
        "                          well-formed (5, true, [\"a\"], {\"b\":1}, \"5\"), and else the text itself\n"
        "      --key ID            the key of auth.keys that signs; the first one otherwise\n"
        "      --inspect TOKEN     go through every check that the server makes, in order, with what is compared;\n"
        "                          - reads the token from standard input, which is better: a command line can be read\n"
        "                          by others on this machine. Key sets are not fetched and revocations not looked at\n"
        "\n"
        "Exit codes: 0 made or accepted, 1 failed or refused, 2 the command line or the config is wrong, or whether "
        "the\n"
        "token is good is up to a key set.\n",
    .run = run,
};
