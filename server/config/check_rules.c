/*
 * check_rules - what endpoints ask of messages: keys that need each other, schemas and their files.
 * Called by check.c, on the thread that loads.
 */
#include "server/config/check_private.h"

/* "endpoints[index].rules.key" */
static void place_of_rule(struct place *place, const struct check *check, size_t index, const char *key)
{
    place_of_member(place, check, "endpoints", NULL, index, "rules");
    place_go(place, key, 0);
}

static bool is_json(const struct config_rules *rules)
{
    return rules->json || rules->schema[0] != '\0';
}

/* ---- schemas ---- */

/* Where the files of an endpoint's schema stand. */
struct schema_place {
    struct check *check;
    size_t index; /* of the endpoint */
};

/* Once for the key, where there is a file to be looked into, and once for the place in it. */
static void report_schema(void *context, const struct schema_files_fault *fault)
{
    const struct schema_place *at = context;
    struct place place;
    place_of_rule(&place, at->check, at->index, fault->index == 0 ? "schema" : "schema_documents");
    if (fault->index > 0) {
        place_go(&place, NULL, fault->index - 1);
    }
    if (fault->unreadable) {
        report_error(at->check->report, place.line, place.path, "%s cannot be read: %s", fault->file, fault->sentence);
        return;
    }
    report_error(at->check->report, place.line, place.path, "%s cannot be used", fault->file);
    report_error_in(at->check->report, fault->file, fault->line, fault->column, "%s", fault->sentence);
}

static const char *const *resolve_documents(struct check *check, const struct config_rules *rules, size_t index)
{
    const char **files = check_copy_array(check, rules->schema_documents, rules->schema_document_count, sizeof(*files));
    for (size_t i = 0; files != NULL && i < rules->schema_document_count; i++) {
        struct place place;
        place_of_rule(&place, check, index, "schema_documents");
        place_go(&place, NULL, i);
        files[i] = check_resolve(check, check->folder, files[i]);
        for (size_t j = 0; j < i; j++) {
            if (check_repeated(check, &place, files[i], files[j], j)) {
                break;
            }
        }
    }
    return files;
}

static void load_schema(struct check *check, struct config_rules *rules, size_t index)
{
    const unsigned errors = check->report->errors;
    const struct schema_files_source source = {
        .schema = rules->schema,
        .documents = rules->schema_documents,
        .document_count = rules->schema_document_count,
        .formats = rules->formats,
    };
    struct schema_place at = {.check = check, .index = index};
    rules->checked.schema = schema_files_load(check->schemas, &source, report_schema, &at);
    if (rules->checked.schema == NULL && check->report->errors == errors) {
        struct place place;
        place_of_rule(&place, check, index, "schema");
        report_error(check->report, place.line, place.path, "%s, or a file that goes with it, cannot be used, as above",
                     rules->schema);
    }
}

static void check_schema(struct check *check, struct config_rules *rules, size_t index)
{
    const unsigned errors = check->report->errors;
    struct place place;
    rules->schema = check_resolve(check, check->folder, rules->schema);
    if (rules->schema_document_count > 0) {
        if (rules->schema[0] == '\0') {
            place_of_rule(&place, check, index, "schema_documents");
            report_error(check->report, place.line, place.path, "schema is missing, which they go with");
        }
        rules->schema_documents = resolve_documents(check, rules, index);
    }
    const bool named = check->report->errors == errors && !check->arena->failed;
    if (check->use_files && named && rules->schema[0] != '\0') {
        load_schema(check, rules, index);
    }
}

/* ---- rules ---- */

static void check_type(struct check *check, const struct config_rules *rules, size_t index)
{
    if (rules->type != RULES_BINARY || !is_json(rules)) {
        return;
    }
    struct place place;
    place_of_rule(&place, check, index, rules->json ? "json" : "schema");
    report_error(check->report, place.line, place.path, "JSON is text, and type = \"binary\" takes none");
}

/* Bounds that are 0 are none; so are those of a struct json_bounds. */
static struct rules make_checked(const struct config *config, const struct config_rules *rules)
{
    const uint64_t max_message = config->limits.max_message;
    return (struct rules){
        .type = rules->type,
        .max_size = (size_t)rules->max_size,
        .json = is_json(rules),
        .bounds =
            {
                .max_size =
                    (size_t)(rules->max_size != 0 && rules->max_size < max_message ? rules->max_size : max_message),
                .max_depth = rules->max_depth,
                .max_keys = rules->max_keys,
                .max_items = rules->max_items,
                .max_number_size = rules->max_number_size,
                .refuse_duplicate_keys = true,
                .refuse_lone_surrogates = true,
                .refuse_escaped_nul = true,
            },
    };
}

void check_endpoint_rules(struct check *check, struct config_endpoint *endpoint, size_t index)
{
    struct config_rules *rules = &endpoint->rules;
    rules->checked = make_checked(check->config, rules);
    rules->any = rules->type != RULES_ANY || rules->max_size != 0 || rules->checked.json ||
                 rules->messages_per_second != 0 || rules->bytes_per_second != 0;
    check_type(check, rules, index);
    check_schema(check, rules, index);
}

/* ---- warnings ---- */

/* Keys that are written, but for nothing. */
static void warn_unused(struct check *check, size_t index, const char *const *keys, size_t count, const char *wanted)
{
    for (size_t i = 0; i < count; i++) {
        struct place place;
        place_of_rule(&place, check, index, keys[i]);
        if (place.setting != NULL) {
            report_warning(check->report, place.line, place.path, "has no effect without %s", wanted);
        }
    }
}

static void warn_endpoint(struct check *check, const struct config_rules *rules, size_t index)
{
    static const char *const bounds[] = {"max_depth", "max_keys", "max_items", "max_number_size"};
    static const char *const of_schema[] = {"formats"};
    static const char *const of_rules[] = {"on_violation", "max_violations", "violation_window"};
    if (rules->max_size > check->config->limits.max_message) {
        struct place place;
        place_of_rule(&place, check, index, "max_size");
        report_warning(check->report, place.line, place.path,
                       "more than limits.max_message, past which the session ends first");
    }
    if (!is_json(rules)) {
        warn_unused(check, index, bounds, sizeof(bounds) / sizeof(bounds[0]), "json or schema");
    }
    if (rules->schema[0] == '\0') {
        warn_unused(check, index, of_schema, sizeof(of_schema) / sizeof(of_schema[0]), "schema");
    }
    if (!rules->any) {
        warn_unused(check, index, of_rules, sizeof(of_rules) / sizeof(of_rules[0]), "a rule");
    }
}

void check_warn_rules(struct check *check)
{
    for (size_t i = 0; i < check->config->endpoint_count; i++) {
        warn_endpoint(check, &check->config->endpoints[i].rules, i);
    }
}
