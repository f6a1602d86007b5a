/*
 * validate - the command `validate`: messages against a schema, or texts against a format, without a server.
 *
 * Bounds have the ranges and defaults that the config's table gives to endpoints[].rules.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/config/parse.h"
#include "server/config/report.h"
#include "server/config/schema_files.h"
#include "server/config/table.h"
#include "server/config/units.h"
#include "server/config/value.h"
#include "server/ctl/command.h"
#include "server/ctl/validate.h"

enum option_code {
    OPTION_SCHEMA = 256,
    OPTION_DOCUMENT,
    OPTION_FORMAT,
    OPTION_NO_FORMATS,
    OPTION_ENDPOINT,
    OPTION_LINES,
    OPTION_JSON,
    OPTION_BOUND, /* and on: those of `bounds` */
};

/* The keys of endpoints[].rules that are options, too, and where they go. */
static const struct {
    const char *option;
    const char *key;
    size_t offset;
} bounds[] = {
    {"max-size", "max_size", offsetof(struct json_bounds, max_size)},
    {"max-depth", "max_depth", offsetof(struct json_bounds, max_depth)},
    {"max-keys", "max_keys", offsetof(struct json_bounds, max_keys)},
    {"max-items", "max_items", offsetof(struct json_bounds, max_items)},
    {"max-number-size", "max_number_size", offsetof(struct json_bounds, max_number_size)},
};
#define BOUND_COUNT (sizeof(bounds) / sizeof(bounds[0]))

struct order {
    const char *config_file;
    const char *endpoint;
    struct schema_files_source source;
    const char **documents; /* room for as many as there are arguments */
    const char *format;
    const char *bounds[BOUND_COUNT]; /* NULL: as an endpoint has it */
    bool lines;
    bool json;
};

/* What lives while messages are checked. */
struct sources {
    const struct config *config; /* the one with the endpoint, or one of defaults */
    struct schema_files *files;
    struct schema *format;
    struct schema *anything; /* of an endpoint that asks for JSON and no more */
};

/* ---- the command line ---- */

static bool take_option(struct order *order, int code)
{
    switch (code) {
    case 'c':
        order->config_file = optarg;
        break;
    case OPTION_SCHEMA:
        order->source.schema = optarg;
        break;
    case OPTION_DOCUMENT:
        order->documents[order->source.document_count++] = optarg;
        break;
    case OPTION_FORMAT:
        order->format = optarg;
        break;
    case OPTION_NO_FORMATS:
        order->source.formats = false;
        break;
    case OPTION_ENDPOINT:
        order->endpoint = optarg;
        break;
    case OPTION_LINES:
        order->lines = true;
        break;
    case OPTION_JSON:
        order->json = true;
        break;
    default:
        if (code < OPTION_BOUND) {
            return false; /* getopt_long() has said why */
        }
        order->bounds[code - OPTION_BOUND] = optarg;
    }
    return true;
}

static bool parse(struct order *order, int argc, char **argv)
{
    const struct option known[] = {
        {"config", required_argument, NULL, 'c'},
        {"schema", required_argument, NULL, OPTION_SCHEMA},
        {"document", required_argument, NULL, OPTION_DOCUMENT},
        {"format", required_argument, NULL, OPTION_FORMAT},
        {"no-formats", no_argument, NULL, OPTION_NO_FORMATS},
        {"endpoint", required_argument, NULL, OPTION_ENDPOINT},
        {"lines", no_argument, NULL, OPTION_LINES},
        {"json", no_argument, NULL, OPTION_JSON},
        {bounds[0].option, required_argument, NULL, OPTION_BOUND},
        {bounds[1].option, required_argument, NULL, OPTION_BOUND + 1},
        {bounds[2].option, required_argument, NULL, OPTION_BOUND + 2},
        {bounds[3].option, required_argument, NULL, OPTION_BOUND + 3},
        {bounds[4].option, required_argument, NULL, OPTION_BOUND + 4},
        {NULL, 0, NULL, 0},
    };
    int code;
    ctl_name_program(argv);
    while ((code = getopt_long(argc, argv, "c:", known, NULL)) != -1) {
        if (!take_option(order, code)) {
            return false;
        }
    }
    return true;
}

/* What cannot go together, or must. */
static bool is_complete(const struct order *order)
{
    const bool schema = order->source.schema != NULL;
    const char *wrong =
        (order->config_file != NULL) != (order->endpoint != NULL)     ? "-c FILE and --endpoint PATH go together"
        : schema && order->endpoint != NULL                           ? "either --schema or --endpoint"
        : !schema && order->source.document_count > 0                 ? "--document goes with --schema"
        : !schema && !order->source.formats                           ? "--no-formats goes with --schema"
        : !schema && order->endpoint == NULL && order->format == NULL ? "--schema, --endpoint or --format is missing"
                                                                      : NULL;
    if (wrong != NULL) {
        ctl_error("validate: %s; see portcullisctl validate --help", wrong);
    } else if (order->format != NULL && schema_format_named(order->format) == SCHEMA_FORMAT_NONE) {
        wrong = "format";
        ctl_error("--format: no format that is checked is named %s", order->format);
    }
    return wrong == NULL;
}

/* ---- bounds ---- */

static const struct row *find_rule(const char *key)
{
    const struct row *endpoints = table_find(table_rows, table_row_count, "endpoints");
    const struct row *rules = table_find(endpoints->rows, endpoints->row_count, "rules");
    return table_find(rules->rows, rules->row_count, key);
}

static bool set_bound(struct json_bounds *checked, size_t index, const char *text)
{
    const struct row *row = find_rule(bounds[index].key);
    char expected[VALUE_EXPECTED_SIZE];
    int64_t value = 0;
    if (!units_parse_size(text, &value) || value < row->min || value > row->max) {
        ctl_error("--%s: expected %s, found %s", bounds[index].option, value_expected(row, expected), text);
        return false;
    }
    const size_t bound = value == 0 && strcmp(row->name, "max_size") == 0 ? (size_t)row->max : (size_t)value;
    memcpy((unsigned char *)checked + bounds[index].offset, &bound, sizeof(bound));
    return true;
}

static bool set_bounds(struct json_bounds *checked, const struct order *order)
{
    for (size_t i = 0; i < BOUND_COUNT; i++) {
        if (order->bounds[i] != NULL && !set_bound(checked, i, order->bounds[i])) {
            return false;
        }
    }
    return true;
}

/* ---- what is checked against ---- */

static void report(void *context, bool is_error, const char *line)
{
    (void)context;
    if (is_error) {
        ctl_error("%s", line);
    }
}

static void report_fault(void *context, const struct schema_files_fault *fault)
{
    (void)context;
    if (fault->unreadable) {
        ctl_error("%s cannot be read: %s", fault->file, fault->sentence);
    } else if (fault->line > 0) {
        ctl_error("%s:%u:%u: %s", fault->file, fault->line, fault->column, fault->sentence);
    } else {
        ctl_error("%s: %s", fault->file, fault->sentence);
    }
}

/* Takes the document. NULL without memory; what is compiled here cannot be wrong. */
static struct schema *compile_own(json_t *document)
{
    const struct schema_options options = {.assert_format = true};
    struct schema_error error;
    struct schema *schema = document != NULL ? schema_compile(document, &options, &error) : NULL;
    json_decref(document);
    if (schema == NULL) {
        ctl_error("no memory");
    }
    return schema;
}

/* The endpoint's bounds and schema. */
static bool take_endpoint(struct validation *validation, struct sources *sources, const struct order *order)
{
    sources->config = config_load(order->config_file, report, NULL);
    if (sources->config == NULL) {
        return false;
    }
    const struct config_endpoint *endpoint = config_endpoint_for(sources->config, order->endpoint);
    if (endpoint == NULL || !endpoint->rules.checked.json) {
        ctl_error("%s: the endpoint %s %s", order->config_file, order->endpoint,
                  endpoint == NULL ? "does not exist" : "asks neither for JSON nor for a schema");
        return false;
    }
    validation->bounds = endpoint->rules.checked.bounds;
    validation->schema = endpoint->rules.checked.schema;
    if (validation->schema == NULL) {
        sources->anything = compile_own(json_true());
        validation->schema = sources->anything;
    }
    return validation->schema != NULL;
}

/* The bounds of an endpoint that says nothing of them; but for the size, which is as large as messages ever are. */
static bool take_defaults(struct validation *validation, struct sources *sources)
{
    static const char text[] = "endpoints = ( { path = \"/\"; rules = { json = true; }; } );";
    sources->config = config_parse(text, sizeof(text) - 1, "defaults", false, report, NULL);
    if (sources->config == NULL) {
        return false;
    }
    validation->bounds = sources->config->endpoints[0].rules.checked.bounds;
    validation->bounds.max_size = (size_t)find_rule("max_size")->max;
    return true;
}

static bool take_schema(struct validation *validation, struct sources *sources, const struct order *order)
{
    sources->files = schema_files_create();
    if (sources->files == NULL) {
        ctl_error("no memory");
        return false;
    }
    validation->schema = schema_files_load(sources->files, &order->source, report_fault, NULL);
    return validation->schema != NULL;
}

static bool take_format(struct validation *validation, struct sources *sources, const struct order *order)
{
    validation->format = schema_format_named(order->format);
    validation->format_name = order->format;
    if (validation->schema == NULL) {
        validation->lines = true;
        return true;
    }
    sources->format = compile_own(json_pack("{s:s}", "format", order->format));
    validation->format_schema = sources->format;
    return sources->format != NULL;
}

static bool prepare(struct validation *validation, struct sources *sources, const struct order *order)
{
    validation->lines = order->lines;
    validation->json = order->json;
    return (order->endpoint != NULL ? take_endpoint(validation, sources, order) : take_defaults(validation, sources)) &&
           set_bounds(&validation->bounds, order) &&
           (order->source.schema == NULL || take_schema(validation, sources, order)) &&
           (order->format == NULL || take_format(validation, sources, order));
}

static int validate(const struct order *order, char **names, size_t count)
{
    static char standard_input[] = "-";
    char *standard[] = {standard_input};
    struct validation validation = {.schema = NULL};
    struct sources sources = {.config = NULL};
    int status = CTL_USAGE;
    if (prepare(&validation, &sources, order)) {
        status = ctl_validate_files(&validation, count > 0 ? names : standard, count > 0 ? count : 1);
    }
    schema_free(sources.anything);
    schema_free(sources.format);
    schema_files_free(sources.files);
    config_unref(&sources.config);
    return status;
}

static int run(const struct ctl_options *options, int argc, char **argv)
{
    struct order order = {
        .source.formats = true,
        .documents = calloc((size_t)argc, sizeof(char *)),
        .json = options->json,
    };
    int status = CTL_USAGE;
    if (order.documents == NULL) {
        ctl_error("no memory");
        return CTL_FAILED;
    }
    order.source.documents = order.documents;
    if (parse(&order, argc, argv) && is_complete(&order)) {
        status = validate(&order, argv + optind, (size_t)(argc - optind));
    }
    free(order.documents);
    return status;
}

const struct command command_validate = {
    .name = "validate",
    .usage = "--schema FILE [--document FILE]... [--format NAME] [BOUND]... [--lines] [FILE]...\n"
             "       portcullisctl validate -c FILE --endpoint PATH [BOUND]... [--lines] [FILE]...\n"
             "       portcullisctl validate --format NAME [FILE]...",
    .summary = "check messages against a schema, as the server does, and tell all that is wrong with them",
    .help =
        "A file is a message; \"-\", or none, is standard input. There is no need of a server.\n"
        "\n"
        "      --schema FILE          the JSON Schema (2020-12) that messages must be valid by\n"
        "      --document FILE        one more schema, which that one may refer to by its $id; nothing is fetched\n"
        "      --no-formats           the schema's format just describes, and does not decide\n"
        "  -c, --config FILE          a config file of the server, for the rules of one of its endpoints\n"
        "      --endpoint PATH        that endpoint\n"
        "      --format NAME          a message that is a string must have this format: date-time, email, uuid, ...;\n"
        "                             without a schema each line is a text that must have it\n"
        "      --lines                a line is a message\n"
        "      --json                 an object of JSON for each message, one a line\n"
        "      --max-size SIZE        bounds, as endpoints[].rules has them; so are the defaults, but that a message\n"
        "      --max-depth N          may have 64M where no endpoint says less\n"
        "      --max-keys N\n"
        "      --max-items N\n"
        "      --max-number-size N\n"
        "\n"
        "Exit codes: 0 all are valid, 1 some are not, 2 the command line, the config or a schema is wrong, or a file\n"
        "cannot be read.\n",
    .run = run,
};
