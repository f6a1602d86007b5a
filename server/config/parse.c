/*
 * parse - from the text of a config file in memory to a checked config.
 * Called by config.c, by tests and by the fuzzer, on the thread that loads.
 */
#include "server/config/parse.h"

#include <assert.h>
#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/config/check.h"
#include "server/config/report.h"
#include "server/config/scan.h"
#include "server/config/suggest.h"
#include "server/config/table.h"
#include "server/config/value.h"

#define FALLBACK_SIZE_MAX 128 /* of a default as a line of its own; the table's are short */

/* The walk over the table and libconfig's tree recurses as deep as the table is: three levels. */
static void read_row(struct value_reader *reader, const struct row *row, const config_setting_t *setting,
                     const struct path *path, void *base);
static void set_defaults(struct value_reader *reader, const struct row *rows, size_t count, void *base);

/* The name nearest to `name`: of this group, or, when it is a known one of another section, that. */
struct nearest {
    const char *name;
    size_t name_size;
    size_t distance;
    const struct row *section; /* NULL: this group */
    const struct row *row;
};

static void nearest_in(struct nearest *nearest, const struct row *section, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t distance = suggest_distance(nearest->name, nearest->name_size, rows[i].name, strlen(rows[i].name));
        /* Names of elsewhere count only when they are exactly meant. */
        if (distance < nearest->distance && (section == NULL || distance == 0)) {
            nearest->distance = distance;
            nearest->section = section;
            nearest->row = &rows[i];
        }
    }
}

static void report_unknown(struct report *report, const struct row *rows, size_t count, unsigned line,
                           const struct path *path)
{
    if (report->errors >= REPORT_LINES_MAX) {
        report_error(report, line, path, "unknown key"); /* only counted: a hostile file pays for no comparisons */
        return;
    }
    struct nearest nearest = {.name = path->name, .name_size = path->name_size, .distance = SIZE_MAX};
    nearest_in(&nearest, NULL, rows, count);
    for (size_t i = 0; i < table_row_count; i++) {
        const struct row *section = &table_rows[i];
        if (section->rows != rows && (section->type == ROW_GROUP || section->type == ROW_LIST)) {
            nearest_in(&nearest, section, section->rows, section->row_count);
        }
    }
    if (nearest.row == NULL) {
        report_error(report, line, path, "unknown key");
    } else if (nearest.distance > nearest.name_size / 2) {
        report_error(report, line, path, "unknown key; the nearest known one is \"%s\"", nearest.row->name);
    } else if (nearest.section != NULL) {
        report_error(report, line, path, "unknown key; did you mean \"%s\" of \"%s\"?", nearest.row->name,
                     nearest.section->name);
    } else {
        report_error(report, line, path, "unknown key; did you mean \"%s\"?", nearest.row->name);
    }
}

/* In the order of the file; then what is missing. */
static void read_group(struct value_reader *reader, const struct row *rows, size_t count,
                       const config_setting_t *setting, const struct path *path, void *base)
{
    unsigned member_count = (unsigned)config_setting_length(setting);
    for (unsigned i = 0; i < member_count; i++) {
        const config_setting_t *member = config_setting_get_elem(setting, i);
        const char *name = config_setting_name(member);
        struct path member_path = {.parent = path, .name = name, .name_size = strlen(name)};
        const struct row *row = table_find(rows, count, name);
        if (row != NULL) {
            read_row(reader, row, member, &member_path, base);
        } else {
            report_unknown(reader->report, rows, count, config_setting_source_line(member), &member_path);
        }
    }
    for (size_t i = 0; i < count; i++) {
        bool must_be_given = rows[i].fallback == NULL && rows[i].type != ROW_GROUP;
        if (must_be_given && config_setting_get_member(setting, rows[i].name) == NULL) {
            char expected[VALUE_EXPECTED_SIZE];
            struct path row_path = {.parent = path, .name = rows[i].name, .name_size = strlen(rows[i].name)};
            report_error(reader->report, config_setting_source_line(setting), &row_path, "missing; expected %s",
                         value_expected(&rows[i], expected));
        }
    }
}

/* What an element of a list of groups must be. */
static const struct row element_row = {.type = ROW_GROUP};

static void read_list(struct value_reader *reader, const struct row *row, const config_setting_t *setting,
                      const struct path *path, void *base)
{
    size_t count = (size_t)config_setting_length(setting);
    if (!config_setting_is_list(setting) || (int64_t)count < row->min || (int64_t)count > row->max) {
        value_report_type(reader->report, row, setting, path);
        return;
    }
    unsigned char *elements = arena_array(reader->arena, count, row->element_size);
    if (elements == NULL) {
        return; /* arena->failed is reported at the end */
    }
    /* The first element is filled with the defaults once and copied before the file's values go in. */
    if (count > 0) {
        set_defaults(reader, row->rows, row->row_count, elements);
    }
    for (size_t i = 1; i < count; i++) {
        memcpy(elements + i * row->element_size, elements, row->element_size);
    }
    for (size_t i = 0; i < count; i++) {
        const config_setting_t *element = config_setting_get_elem(setting, (unsigned)i);
        struct path element_path = {.parent = path, .index = i};
        if (config_setting_is_group(element)) {
            read_group(reader, row->rows, row->row_count, element, &element_path, elements + i * row->element_size);
        } else {
            value_report_type(reader->report, &element_row, element, &element_path);
        }
    }
    memcpy((unsigned char *)base + row->offset, &elements, sizeof(elements));
    memcpy((unsigned char *)base + row->count_offset, &count, sizeof(count));
}

static void read_row(struct value_reader *reader, const struct row *row, const config_setting_t *setting,
                     const struct path *path, void *base)
{
    if (row->type == ROW_LIST) {
        read_list(reader, row, setting, path, base);
    } else if (row->type != ROW_GROUP) {
        (void)value_read(reader, row, setting, path, base);
    } else if (config_setting_is_group(setting)) {
        read_group(reader, row->rows, row->row_count, setting, path, base);
    } else {
        value_report_type(reader->report, row, setting, path);
    }
}

/* libconfig does not ask whether it got the memory for a name or a string, and a key without its name would be one that the file
 * does not have: what it built is looked through before it is believed. As deep as scan_text() lets a file nest. */
static bool is_whole(const config_setting_t *setting)
{
    if (config_setting_type(setting) == CONFIG_TYPE_STRING) {
        return config_setting_get_string(setting) != NULL;
    }
    bool whole = true;
    unsigned count = (unsigned)config_setting_length(setting); /* 0 for what has no members */
    for (unsigned i = 0; i < count && whole; i++) {
        const config_setting_t *member = config_setting_get_elem(setting, i);
        whole = (!config_setting_is_group(setting) || config_setting_name(member) != NULL) && is_whole(member);
    }
    return whole;
}

/* A default is read as if it stood in the file: one that the table has wrong is found by the first test that loads anything. */
static void set_default(struct value_reader *reader, const struct row *row, void *base)
{
    char text[FALLBACK_SIZE_MAX];
    struct path path = {.name = row->name, .name_size = strlen(row->name)};
    config_t tree;
    config_init(&tree);
    int size = snprintf(text, sizeof(text), "%s = %s;", row->name, row->fallback);
    bool good = size > 0 && (size_t)size < sizeof(text) && config_read_string(&tree, text) == CONFIG_TRUE;
    if (good && !is_whole(config_root_setting(&tree))) {
        reader->arena->failed = true;
    } else if (good) {
        read_row(reader, row, config_lookup(&tree, row->name), &path, base);
    } else {
        report_error(reader->report, 0, &path, "its default cannot be read: %s", row->fallback);
    }
    config_destroy(&tree);
}

static void set_defaults(struct value_reader *reader, const struct row *rows, size_t count, void *base)
{
    static const char *const empty = "";
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        if (row->type == ROW_GROUP) {
            set_defaults(reader, row->rows, row->row_count, base);
        } else if (row->fallback != NULL) {
            set_default(reader, row, base);
        } else {
            /* What must be given is text; until it is, it is empty and never NULL. */
            assert(row->type == ROW_STRING || row->type == ROW_WORD);
            memcpy((unsigned char *)base + row->offset, &empty, sizeof(empty));
        }
    }
}

/* Fills the holder from libconfig's tree. */
static void read_tree(struct config_holder *holder, const config_t *tree, struct report *report, bool use_files)
{
    struct value_reader reader = {.report = report, .arena = &holder->arena};
    read_group(&reader, table_rows, table_row_count, config_root_setting(tree), NULL, &holder->config);
    if (!holder->arena.failed) { /* else there is no end to what may be missing */
        check_config(holder, tree, report, use_files);
    }
}

static void read_text(struct config_holder *holder, const char *text, size_t size, struct report *report,
                      bool use_files)
{
    char *rewritten = scan_text(text, size, report);
    if (rewritten == NULL) {
        return; /* reported */
    }
    config_t tree;
    config_init(&tree);
    bool good = config_read_string(&tree, rewritten) == CONFIG_TRUE;
    if (good && !is_whole(config_root_setting(&tree))) {
        holder->arena.failed = true;
    } else if (good) {
        read_tree(holder, &tree, report, use_files);
    } else {
        /* scan_text() lets nothing through that libconfig refuses; should it ever, this is an error like any other. */
        report_error(report, (unsigned)config_error_line(&tree), NULL, "%s", config_error_text(&tree));
    }
    config_destroy(&tree);
    free(rewritten);
}

const struct config *config_parse(const char *text, size_t size, const char *name, bool use_files,
                                  config_report_fn *show, void *context)
{
    struct report report = {.show = show, .context = context, .file = name};
    struct config_holder *holder = calloc(1, sizeof(*holder));
    if (holder == NULL) {
        report_error(&report, 0, NULL, "no memory to read it");
        return NULL;
    }
    atomic_init(&holder->references, 1);
    struct value_reader defaults = {.report = &report, .arena = &holder->arena};
    holder->config.file = arena_text(&holder->arena, name, strlen(name));
    set_defaults(&defaults, table_rows, table_row_count, &holder->config);
    if (!holder->arena.failed) {
        read_text(holder, text, size, &report, use_files);
    }
    if (holder->arena.failed) {
        report_error(&report, 0, NULL, "no memory to read it");
    }
    report_end(&report);
    if (report.errors > 0) {
        const struct config *config = &holder->config;
        config_unref(&config);
        return NULL;
    }
    return &holder->config;
}
