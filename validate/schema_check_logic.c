/*
 * schema_check_logic - what several subschemas say of one value: allOf, anyOf, oneOf, not, if. A part of the checker of schemas;
 * any thread.
 *
 * Alternatives are checked quietly. When none is met and somebody wants to know why, they are checked once more, and the error of
 * the one that was most likely meant becomes part of the sentence.
 */
#include "validate/schema_check.h"

#include <string.h>

#define EXPLANATION_STEPS 20000 /* for all alternatives together: some 0.2 ms an error */

/* Of the sentence, so that both parts fit. */
#define PATH_SHOWN   64
#define REASON_SHOWN 128

/* A branch whose marks count only if it is valid. */
static bool check_branch(struct schema_run *run, const struct schema_visit *visit, const struct schema_node *node)
{
    if (visit->marks == NULL) {
        return schema_check_quietly(run, node, visit->value, visit->at, NULL);
    }
    struct schema_marks own;
    if (!schema_check_pay(run, visit, visit->marks->count / SCHEMA_BYTES_A_STEP)) {
        return false;
    }
    if (!schema_marks_init(&own, visit->marks->count, &run->scratch->marks)) {
        return schema_check_stop(run, visit, "memory", "no memory");
    }
    const bool valid = schema_check_quietly(run, node, visit->value, visit->at, &own);
    if (valid) {
        schema_marks_add(visit->marks, &own);
    }
    schema_marks_deinit(&own);
    return valid;
}

/* How far a value is from an alternative. */
struct distance {
    bool other_kind;
    size_t errors;
};

/* A constant that differs is the name of another kind of thing, and so is another type of the value itself. */
static bool is_of_other_kind(const struct schema_error *error, const char *path)
{
    return strcmp(error->keyword, "const") == 0 || strcmp(error->keyword, "enum") == 0 ||
           (strcmp(error->keyword, "type") == 0 && strcmp(error->path, path) == 0);
}

static struct distance distance_of(const struct schema_report *report, const char *path)
{
    struct distance distance = {false, report->count};
    for (size_t i = 0; i < report->count; i++) {
        distance.other_kind = distance.other_kind || is_of_other_kind(&report->errors[i], path);
    }
    return distance;
}

static bool is_nearer(struct distance one, struct distance other)
{
    return one.other_kind != other.other_kind ? other.other_kind : one.errors < other.errors;
}

/* Checks the alternatives aloud, with some of the steps that are left. The first error of the nearest goes to closest_r, its index
 * is returned; list->count: there is nothing to tell. */
static size_t find_closest(struct schema_run *run, const struct schema_visit *visit, const struct schema_list *list,
                           const char *path, struct schema_error *closest_r)
{
    struct schema_report *report = run->report;
    struct schema_report own = {run->scratch->candidates, SCHEMA_CANDIDATES_MAX, 0};
    const uint64_t left = run->bounds.steps_left;
    const uint64_t spent_most = left < EXPLANATION_STEPS ? left : EXPLANATION_STEPS;
    struct distance least = {0};
    size_t closest = list->count;
    run->report = &own;
    run->explaining = true;
    run->bounds.steps_left = spent_most;
    for (size_t i = 0; i < list->count; i++) {
        own.count = 0;
        (void)schema_check_node(run, list->nodes[i], visit->value, visit->at, NULL);
        if (run->stopped) {
            break;
        }
        const struct distance distance = distance_of(&own, path);
        if (own.count > 0 && (closest == list->count || is_nearer(distance, least))) {
            least = distance;
            closest = i;
            *closest_r = own.errors[0];
        }
    }
    run->bounds.steps_left = left - (spent_most - run->bounds.steps_left);
    run->stopped = false; /* the value is invalid anyway */
    run->explaining = false;
    run->report = report;
    return closest;
}

/* Out of line: an error is large, and the recursion's frames need no room for it. */
__attribute__((cold, noinline)) static bool fail_alternatives(struct schema_run *run, const struct schema_visit *visit,
                                                              const char *keyword, const struct schema_list *list)
{
    if (schema_check_is_over(run)) {
        return false;
    }
    struct schema_error *closest = &run->scratch->closest;
    char *path = run->scratch->path;
    size_t index = list->count;
    if (!run->explaining) { /* once: alternatives within alternatives are told as they are */
        schema_check_print_path(visit->at, path, SCHEMA_PATH_SIZE);
        index = find_closest(run, visit, list, path, closest);
    }
    if (index == list->count) {
        return schema_check_fail(run, visit, keyword, "matches none of %zu alternatives", list->count);
    }
    const char *subject = strcmp(closest->path, path) == 0 ? "it" : closest->path;
    return schema_check_fail(run, visit, keyword,
                             "matches none of %zu alternatives; the closest, %s/%zu, finds that %.*s %.*s", list->count,
                             keyword, index, schema_check_fit(subject, PATH_SHOWN), subject,
                             schema_check_fit(closest->sentence, REASON_SHOWN), closest->sentence);
}

static bool check_all_of(struct schema_run *run, const struct schema_visit *visit)
{
    const struct schema_list *list = &visit->node->logic->all_of;
    bool valid = true;
    for (size_t i = 0; i < list->count && (valid || !schema_check_is_over(run)); i++) {
        valid = schema_check_node(run, list->nodes[i], visit->value, visit->at, visit->marks) && valid;
    }
    return valid;
}

static bool check_any_of(struct schema_run *run, const struct schema_visit *visit)
{
    const struct schema_list *list = &visit->node->logic->any_of;
    bool matched = false;
    /* With marks wanted, every branch that matches counts, not just the first. */
    for (size_t i = 0; i < list->count && (!matched || visit->marks != NULL) && !run->stopped; i++) {
        matched = check_branch(run, visit, list->nodes[i]) || matched;
    }
    return matched || fail_alternatives(run, visit, "anyOf", list);
}

SCHEMA_OWN_FRAME static bool check_one_of(struct schema_run *run, const struct schema_visit *visit)
{
    const struct schema_list *list = &visit->node->logic->one_of;
    size_t first = list->count;
    for (size_t i = 0; i < list->count && !run->stopped; i++) {
        if (!check_branch(run, visit, list->nodes[i])) {
            continue;
        }
        if (first < list->count) {
            return schema_check_fail(run, visit, "oneOf",
                                     "matches alternatives %zu and %zu of %zu, of which only one may", first, i,
                                     list->count);
        }
        first = i;
    }
    return first < list->count || fail_alternatives(run, visit, "oneOf", list);
}

SCHEMA_OWN_FRAME static bool check_condition(struct schema_run *run, const struct schema_visit *visit)
{
    const struct schema_logic *logic = visit->node->logic;
    const struct schema_node *next =
        check_branch(run, visit, logic->condition) ? logic->consequence : logic->alternative;
    return next == NULL || schema_check_node(run, next, visit->value, visit->at, visit->marks);
}

bool schema_check_logic(struct schema_run *run, const struct schema_visit *visit)
{
    const struct schema_logic *logic = visit->node->logic;
    bool valid = check_all_of(run, visit);
    if (logic->any_of.count > 0 && (valid || !schema_check_is_over(run))) {
        valid = check_any_of(run, visit) && valid;
    }
    if (logic->one_of.count > 0 && (valid || !schema_check_is_over(run))) {
        valid = check_one_of(run, visit) && valid;
    }
    if (logic->negated != NULL && (valid || !schema_check_is_over(run)) &&
        schema_check_quietly(run, logic->negated, visit->value, visit->at, NULL)) {
        valid = schema_check_fail(run, visit, "not", "matches what it must not match");
    }
    if (logic->condition != NULL && (valid || !schema_check_is_over(run))) {
        valid = check_condition(run, visit) && valid;
    }
    return valid;
}
