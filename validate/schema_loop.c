/*
 * schema_loop - a walk over what schemas say about one and the same value, depth first. Called by schema_compile, on the thread that
 * compiles. Takes memory and time for each node once, and does not recurse.
 */
#include "validate/schema_loop.h"

#include <stdlib.h>
#include <string.h>

enum mark { UNSEEN, ENTERED, LEFT };

/* A node that the walk is in, and which of its successors comes next. */
struct step {
    const struct schema_node *node;
    size_t next;
};

struct walk {
    struct schema_compiler *compiler;
    unsigned char *marks; /* of enum mark, by the nodes' numbers */
    struct step *steps;   /* the way to where the walk is */
    size_t depth;
};

/* Whether no other resource has a dynamic anchor of that name, which might take the place of the first. */
static bool is_static(const struct schema_compiler *compiler, const struct schema_node *node)
{
    if (node->dynamic_name == NULL) {
        return true;
    }
    const json_t *count = json_object_get(compiler->dynamic_names, node->dynamic_name);
    return json_integer_value(count) == 1;
}

/* Both find the successor of that number, or lower the number by how many they passed over. */
static const struct schema_node *take_one(const struct schema_node *node, size_t *number)
{
    if (node == NULL || *number == 0) {
        return node;
    }
    (*number)--;
    return NULL;
}

static const struct schema_node *take_listed(const struct schema_list *list, size_t *number)
{
    if (*number < list->count) {
        return list->nodes[*number];
    }
    *number -= list->count;
    return NULL;
}

static const struct schema_node *take_logic(const struct schema_logic *logic, size_t *number)
{
    const struct schema_list *lists[] = {&logic->all_of, &logic->any_of, &logic->one_of};
    const struct schema_node *single[] = {logic->negated, logic->condition, logic->consequence, logic->alternative};
    const struct schema_node *found = NULL;
    for (size_t i = 0; found == NULL && i < sizeof(lists) / sizeof(lists[0]); i++) {
        found = take_listed(lists[i], number);
    }
    for (size_t i = 0; found == NULL && i < sizeof(single) / sizeof(single[0]); i++) {
        found = take_one(single[i], number);
    }
    return found;
}

/* The schema of that number, from 0 on, which the node has its value checked by; NULL: there are not so many. */
static const struct schema_node *successor(const struct schema_compiler *compiler, const struct schema_node *node,
                                           size_t number)
{
    const struct schema_node *found = take_one(node->ref, &number);
    if (found == NULL && is_static(compiler, node)) {
        found = take_one(node->dynamic_ref, &number);
    }
    if (found == NULL && node->logic != NULL) {
        found = take_logic(node->logic, &number);
    }
    if (found == NULL && node->object != NULL && number < node->object->dependent_count) {
        found = node->object->dependent[number].node;
    }
    return found;
}

/* The way from `target` to where the walk is leads on to `target`: tells of the last reference on it. Returns false. */
static bool fail(const struct walk *walk, const struct schema_node *target)
{
    const struct schema_node *after = target;
    for (size_t i = walk->depth; i > 0; i--) {
        const struct schema_node *node = walk->steps[i - 1].node;
        if (node->ref == after || node->dynamic_ref == after) {
            return schema_compile_fail(walk->compiler, node, node->ref == after ? "$ref" : "$dynamicRef",
                                       "the reference leads back to itself, and never into the value");
        }
        after = node;
    }
    return schema_compile_fail(walk->compiler, target, NULL, "the schema applies itself to the same value");
}

static void enter(struct walk *walk, const struct schema_node *node)
{
    walk->marks[node->number] = ENTERED;
    walk->steps[walk->depth++] = (struct step){node, 0};
}

static bool walk_from(struct walk *walk, const struct schema_node *start)
{
    enter(walk, start);
    while (walk->depth > 0) {
        struct step *step = &walk->steps[walk->depth - 1];
        const struct schema_node *next = successor(walk->compiler, step->node, step->next++);
        if (next == NULL) {
            walk->marks[step->node->number] = LEFT;
            walk->depth--;
        } else if (walk->marks[next->number] == ENTERED) {
            return fail(walk, next);
        } else if (walk->marks[next->number] == UNSEEN) {
            enter(walk, next);
        }
    }
    return true;
}

bool schema_loop_check(struct schema_compiler *compiler)
{
    const size_t count = compiler->node_count;
    struct walk walk = {.compiler = compiler, .marks = calloc(count, 1), .steps = malloc(count * sizeof(struct step))};
    bool ends = walk.marks != NULL && walk.steps != NULL;
    if (!ends) {
        (void)schema_compile_fail(compiler, NULL, "memory", "no memory for the schema");
    }
    for (size_t i = 0; ends && i < count; i++) {
        ends = walk.marks[i] != UNSEEN || walk_from(&walk, compiler->nodes[i]);
    }
    free(walk.marks);
    free(walk.steps);
    return ends;
}
