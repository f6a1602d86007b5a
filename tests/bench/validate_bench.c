/*
 * validate_bench - what it costs to check one message: "validate_bench CASES". A worker for validate.py, one thread.
 *
 * CASES is a JSON array of {"name", "schema", "text", "valid"}. For each line "INDEX MILLISECONDS" on stdin, one line of JSON comes
 * back: nanoseconds of processor time a message for each piece of the work, measured in turns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "validate/json_bounds.h"
#include "validate/rules.h"
#include "validate/schema.h"

#define TURNS 8  /* of each piece within one line */
#define TREES 16 /* parsed before the clock is read */

#define require(condition)                                                          \
    do {                                                                            \
        if (!(condition)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
            exit(EXIT_FAILURE);                                                     \
        }                                                                           \
    } while (0)

/* As an endpoint has them that says nothing about them; the size is for the largest message here. */
static const struct json_bounds bounds = {.max_size = 1 << 20,
                                          .max_depth = 32,
                                          .max_keys = 1024,
                                          .max_items = 65536,
                                          .max_number_size = 64,
                                          .refuse_duplicate_keys = true,
                                          .refuse_lone_surrogates = true,
                                          .refuse_escaped_nul = true};

struct subject {
    struct schema *schema;
    struct schema_scratch *scratch;
    const uint8_t *text;
    size_t size;
    json_t *value;
    bool valid;
};

static double now_ns(void)
{
    struct timespec time;
    require(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* As rules_check() does it: duplicate keys have been looked for before. */
static json_t *parse(const struct subject *subject)
{
    json_t *value = json_loadb((const char *)subject->text, subject->size, JSON_DECODE_ANY, NULL);
    require(value != NULL);
    return value;
}

/* The pieces, each for so many messages; nanoseconds of them all. */

static double take_bounds(const struct subject *subject, unsigned count)
{
    const double began = now_ns();
    for (unsigned i = 0; i < count; i++) {
        require(json_bounds_check(&bounds, subject->text, subject->size) == JSON_BOUNDS_OK);
    }
    return now_ns() - began;
}

/* json_loadb() alone: what it made is freed outside of the time. */
static double take_parse(const struct subject *subject, unsigned count)
{
    double spent = 0;
    for (unsigned done = 0; done < count; done += TREES) {
        json_t *values[TREES];
        const double began = now_ns();
        for (size_t i = 0; i < TREES; i++) {
            values[i] = parse(subject);
        }
        spent += now_ns() - began;
        for (size_t i = 0; i < TREES; i++) {
            json_decref(values[i]);
        }
    }
    return spent;
}

static double take_parse_and_free(const struct subject *subject, unsigned count)
{
    const double began = now_ns();
    for (unsigned i = 0; i < count; i++) {
        json_decref(parse(subject));
    }
    return now_ns() - began;
}

static double take_check(const struct subject *subject, unsigned count)
{
    const double began = now_ns();
    for (unsigned i = 0; i < count; i++) {
        struct schema_error error;
        struct schema_report report = {.errors = &error, .max = 1};
        require(schema_check(subject->schema, subject->value, subject->scratch, &report) == subject->valid);
    }
    return now_ns() - began;
}

/* What a session asks of each message. */
static double take_whole(const struct subject *subject, unsigned count)
{
    const struct rules rules = {.type = RULES_TEXT, .json = true, .bounds = bounds, .schema = subject->schema};
    const double began = now_ns();
    for (unsigned i = 0; i < count; i++) {
        struct violation violation;
        require(rules_check(&rules, true, subject->text, subject->size, subject->scratch, &violation) ==
                subject->valid);
    }
    return now_ns() - began;
}

typedef double piece_fn(const struct subject *subject, unsigned count);

static const struct piece {
    const char *name;
    piece_fn *take;
} pieces[] = {{"bounds", take_bounds},
              {"parse", take_parse},
              {"parse_and_free", take_parse_and_free},
              {"check", take_check},
              {"whole", take_whole}};
enum { PIECES = sizeof(pieces) / sizeof(pieces[0]) };

static void measure(const struct subject *subject, double milliseconds)
{
    unsigned counts[PIECES];
    unsigned done[PIECES] = {0};
    double spent[PIECES] = {0};
    for (size_t i = 0; i < PIECES; i++) {
        const double once_ns = pieces[i].take(subject, TREES) / TREES;
        const double count = milliseconds * 1e6 / TURNS / PIECES / once_ns;
        counts[i] = ((unsigned)count / TREES + 1) * TREES;
    }
    for (size_t turn = 0; turn < TURNS; turn++) {
        for (size_t i = 0; i < PIECES; i++) {
            spent[i] += pieces[i].take(subject, counts[i]);
            done[i] += counts[i];
        }
    }
    for (size_t i = 0; i < PIECES; i++) {
        printf("%s\"%s\": %.1f", i == 0 ? "{" : ", ", pieces[i].name, spent[i] / done[i]);
    }
    puts("}");
    fflush(stdout);
}

static struct subject set_up(const json_t *row, struct schema_scratch *scratch)
{
    static const struct schema_options options = {.assert_format = true};
    struct schema_error error;
    const json_t *text = json_object_get(row, "text");
    struct subject subject = {.scratch = scratch,
                              .text = (const uint8_t *)json_string_value(text),
                              .size = json_string_length(text),
                              .valid = json_is_true(json_object_get(row, "valid"))};
    subject.schema = schema_compile(json_object_get(row, "schema"), &options, &error);
    if (subject.schema == NULL) {
        fprintf(stderr, "%s: %s\n", error.location, error.sentence);
    }
    require(subject.schema != NULL && subject.text != NULL);
    subject.value = parse(&subject);
    return subject;
}

int main(int argc, char **argv)
{
    json_t *rows = json_load_file(argc == 2 ? argv[1] : "", 0, NULL);
    struct schema_scratch *scratch = schema_scratch_create();
    require(json_is_array(rows) && scratch != NULL);
    char line[64];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        char *rest = NULL;
        const size_t index = strtoul(line, &rest, 10);
        const double milliseconds = strtod(rest, NULL);
        require(index < json_array_size(rows) && milliseconds > 0 && milliseconds <= 60000);
        struct subject subject = set_up(json_array_get(rows, index), scratch);
        measure(&subject, milliseconds);
        json_decref(subject.value);
        schema_free(subject.schema);
    }
    schema_scratch_free(scratch);
    json_decref(rows);
    return EXIT_SUCCESS;
}
