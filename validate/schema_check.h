/*
 * schema_check - the state of one check, shared by the checker's parts (schema_check, schema_check_logic, schema_check_object,
 * schema_check_array, schema_check_value). Any thread, each with a scratch of its own.
 *
 * Stacks are small: what recurses gets two pointers, and keeps what only failures need out of its frame.
 */
#ifndef PORTCULLIS_VALIDATE_SCHEMA_CHECK_H
#define PORTCULLIS_VALIDATE_SCHEMA_CHECK_H

#include "validate/json_order.h"
#include "validate/schema_marks.h"
#include "validate/schema_node.h"

/* What things cost, in steps. */
enum {
    SCHEMA_COST_VISIT = 4,        /* a subschema asked about a value */
    SCHEMA_COST_LOOKUP = 4,       /* a key in a table */
    SCHEMA_COST_ITEM = 1,         /* a member passed by */
    SCHEMA_COST_FORMAT = 8,       /* and a byte of the text each */
    SCHEMA_COST_NAME = 16,        /* a key made a value */
    SCHEMA_COST_REGEX = 300,      /* a pattern compiled, and twice what it weighs */
    SCHEMA_COST_NO_REGEX = 30000, /* where it does not tell how far it came */
    SCHEMA_BYTES_A_STEP = 32      /* of a text that is walked */
};

/* Of functions whose locals should not be in the frames that the recursion passes through. */
#define SCHEMA_OWN_FRAME __attribute__((noinline))

#define SCHEMA_CANDIDATES_MAX 8
#define SCHEMA_ITEMS_KEPT     65536 /* pointers */

struct schema_scratch {
    struct pattern_scratch *pattern;
    struct schema_marks_pool marks;
    json_t **items; /* for sorting */
    size_t item_room;
    struct schema_error candidates[SCHEMA_CANDIDATES_MAX]; /* of one alternative */
    struct schema_error closest;                           /* of all alternatives */
    char path[SCHEMA_PATH_SIZE];
};

/* Where in the value the check is; lives on the stack. */
struct schema_at {
    const struct schema_at *parent; /* NULL: the whole value */
    const char *key;                /* NULL: an item */
    size_t key_size;
    size_t index;
};

/* The resources that were entered on the way to a node: the dynamic scope (Core §7.1). Lives on the stack. */
struct schema_scope {
    const struct schema_scope *outer;
    const struct schema_resource *resource;
};

/* A subschema asked about a value; lives on the stack. */
struct schema_visit {
    const struct schema_node *node;
    json_t *value;
    const struct schema_at *at;
    struct schema_marks *marks; /* NULL: nobody asks what was evaluated */
};

/* The text that a value was parsed from. */
struct schema_origin {
    const uint8_t *bytes; /* NULL: unknown */
    size_t size;
};

struct schema_run {
    struct schema_scratch *scratch;
    struct schema_report *report; /* NULL: the verdict alone */
    const struct schema_scope *scope;
    struct schema_origin origin;
    struct json_order_bounds bounds; /* steps_left is for everything */
    unsigned depth;
    unsigned quiet;  /* above 0: what fails now need not make the value invalid */
    bool explaining; /* which alternative was meant */
    bool stopped;    /* a bound was reached: the value is invalid whatever `not` says */
};

/* Checks `value`, which was parsed from `origin`. `rounded`: the text has numbers that may have been rounded. */
bool schema_check_value(const struct schema *schema, json_t *value, struct schema_origin origin, bool rounded,
                        struct schema_scratch *scratch, struct schema_report *report);

/* Whether `value` is valid by the node. What its keywords evaluated is added to the marks, if any; only meaningful where
 * the value is valid. */
bool schema_check_node(struct schema_run *run, const struct schema_node *node, json_t *value,
                       const struct schema_at *at, struct schema_marks *marks);

/* The same with nothing reported. */
bool schema_check_quietly(struct schema_run *run, const struct schema_node *node, json_t *value,
                          const struct schema_at *at, struct schema_marks *marks);

/* The rules for values of one type, and of subschemas for the same value. */
bool schema_check_object(struct schema_run *run, const struct schema_visit *visit);
bool schema_check_array(struct schema_run *run, const struct schema_visit *visit);
bool schema_check_string(struct schema_run *run, const struct schema_visit *visit, const char *text, size_t size);
bool schema_check_number(struct schema_run *run, const struct schema_visit *visit);
bool schema_check_logic(struct schema_run *run, const struct schema_visit *visit);

/* Reports, unless it is quiet; false, so that checks can end with it. */
__attribute__((format(printf, 4, 5), cold, noinline)) bool schema_check_fail(struct schema_run *run,
                                                                             const struct schema_visit *visit,
                                                                             const char *keyword, const char *format,
                                                                             ...);
/* A bound was reached. Returns false. */
__attribute__((cold, noinline)) bool schema_check_stop(struct schema_run *run, const struct schema_visit *visit,
                                                       const char *keyword, const char *sentence);
/* Whether further errors of this value would not be kept. */
bool schema_check_is_over(const struct schema_run *run);
/* Pays; false: there are not so many steps left. */
bool schema_check_pay(struct schema_run *run, const struct schema_visit *visit, size_t steps);

/* Whether numbers of the text were rounded when it was parsed. Looks closely where that is not known yet, which is why it is asked
 * only where a verdict depends on it. */
bool schema_check_is_rounded(struct schema_run *run);
/* What is left for values to nest that are compared. */
unsigned schema_check_depth_left(const struct schema_run *run);
/* After values were compared: true, they have to be compared again; else the fault, if any, has stopped the check. */
bool schema_check_again(struct schema_run *run, const struct schema_visit *visit);
/* Writes the pointer to a place in the value. */
void schema_check_print_path(const struct schema_at *at, char *text, size_t size);
/* The precision that prints at most `max` bytes of `text`, and whole characters. */
int schema_check_fit(const char *text, size_t max);

#endif
