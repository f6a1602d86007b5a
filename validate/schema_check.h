/*
 * schema_check - the state of one check, shared by the checker's parts (schema_check, schema_check_object,
 * schema_check_array, schema_check_value). Any thread, each with a scratch of its own.
 */
#ifndef PORTCULLIS_VALIDATE_SCHEMA_CHECK_H
#define PORTCULLIS_VALIDATE_SCHEMA_CHECK_H

#include "validate/schema_marks.h"
#include "validate/schema_node.h"

struct schema_scratch {
    struct pattern_scratch *pattern;
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

struct schema_run {
    const struct schema_options *options;
    struct schema_scratch *scratch;
    struct schema_report *report; /* NULL: the verdict alone */
    const struct schema_scope *scope;
    uint64_t steps_left;
    unsigned depth;
    unsigned quiet; /* above 0: what fails now need not make the value invalid */
    bool stopped;   /* a bound was reached: the value is invalid whatever `not` says */
};

/* Whether `value` is valid by the node. What its keywords evaluated is added to the marks, if any; only meaningful where
 * the value is valid. */
bool schema_check_node(struct schema_run *run, const struct schema_node *node, json_t *value,
                       const struct schema_at *at, struct schema_marks *marks);

/* The same with nothing reported. */
bool schema_check_quietly(struct schema_run *run, const struct schema_node *node, json_t *value,
                          const struct schema_at *at, struct schema_marks *marks);

/* The rules for values of one type. */
bool schema_check_object(struct schema_run *run, const struct schema_node *node, json_t *value,
                         const struct schema_at *at, struct schema_marks *marks);
bool schema_check_array(struct schema_run *run, const struct schema_node *node, json_t *value,
                        const struct schema_at *at, struct schema_marks *marks);
bool schema_check_string(struct schema_run *run, const struct schema_node *node, const char *text, size_t size,
                         const struct schema_at *at);
bool schema_check_number(struct schema_run *run, const struct schema_node *node, json_t *value,
                         const struct schema_at *at);

/* Reports, unless it is quiet; false, so that checks can end with it. */
__attribute__((format(printf, 5, 6))) bool schema_check_fail(struct schema_run *run, const struct schema_node *node,
                                                             const char *keyword, const struct schema_at *at,
                                                             const char *format, ...);
/* A bound was reached. Returns false. */
bool schema_check_stop(struct schema_run *run, const struct schema_node *node, const char *keyword,
                       const struct schema_at *at, const char *sentence);
/* Whether further errors of this value would not be kept. */
bool schema_check_is_over(const struct schema_run *run);
/* Pays for one step; false: all are spent. */
bool schema_check_pay(struct schema_run *run, const struct schema_node *node, const struct schema_at *at);

#endif
